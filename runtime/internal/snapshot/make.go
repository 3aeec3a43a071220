package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Plan says what a snapshot holds.
type Plan struct {
	From  *segment.Reader
	Store [16]byte
	// Last is the segment with the last event, or if that is in a merged one the one
	// behind it; 1 if there is no event.
	Last uint64
	End  int64 // of the last event's group, or of the header, in bytes from the start of that segment
	// Link shares a segment's file with another directory, or fails with
	// [errors.ErrUnsupported]. It is nil if all are copied.
	Link func(number uint64, into vfs.FS) error
	// Clone makes of a segment's file one of the same name in another directory that shares
	// its bytes on the disk, or fails with [errors.ErrUnsupported]. It is nil if all are
	// copied.
	Clone func(name string, into vfs.FS) error
	// Random fills in random bytes.
	Random func([]byte)
	// Check, unless nil, is called when everything is durable and the directory is
	// not yet a store. If it fails there is no snapshot.
	Check func() error
}

// Report says what was done, but for the files in bytes.
type Report struct {
	Segments int // files
	Linked   int64
	Cloned   int64
	Copied   int64
}

// maker makes one snapshot.
type maker struct {
	Plan
	dir    vfs.FS
	made   []string // files, the guard not among them
	lost   bool     // a sync of the directory failed: none proves anything any more
	over   bool     // the guard was to be taken away
	merged uint32   // opening that the last merged segment is of; 0 = there was none
	report Report
}

// Make makes a snapshot in dir. It fails with [fs.ErrExist] if there is anything in
// it, with [vfs.ErrLocked] if somebody holds its lock, with a [*segment.DamageError]
// or [*segment.NewerError] if the log is not what it was, with the context's error,
// the disk's, or that of the check.
func Make(ctx context.Context, dir vfs.FS, p Plan) (Report, error) {
	lock, err := dir.Lock(vfs.Exclusive)
	if err != nil {
		return Report{}, err
	}
	m := &maker{Plan: p, dir: dir}
	err = m.run(ctx)
	return m.report, errors.Join(err, lock.Close())
}

func (m *maker) run(ctx context.Context) error {
	if err := m.guard(); err != nil {
		return err
	}
	err := m.fill(ctx)
	if err == nil {
		err = planted.Skip("names of a snapshot are not synced", m.syncDir)
	}
	if err == nil && m.Check != nil {
		err = m.Check()
	}
	if err == nil {
		err = m.unguard()
	}
	if err != nil && !m.over {
		err = errors.Join(err, m.discard())
	}
	return err
}

// guard makes an empty directory one that holds an unfinished copy.
func (m *maker) guard() error {
	if err := m.dir.SyncDir(); err != nil {
		return err
	}
	entries, err := m.dir.List()
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("the directory is not empty, there is %s in it: %w", entries[0].Name, fs.ErrExist)
	}
	f, err := m.dir.Create(replay.Unfinished)
	if errors.Is(err, fs.ErrExist) {
		return err // it is another's
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = planted.Skip("snapshot is begun before its guard is durable", m.syncDir)
	}
	if err != nil {
		err = errors.Join(err, m.discard())
	}
	return err
}

// unguard makes the directory a store.
func (m *maker) unguard() error {
	m.over = true
	if err := m.dir.Remove(replay.Unfinished); err != nil {
		sometimes.Reached("guard of a snapshot could not be taken away")
		return err
	}
	return m.dir.SyncDir()
}

// syncDir makes the names durable. Nothing does after it failed.
func (m *maker) syncDir() error {
	err := m.dir.SyncDir()
	if err != nil {
		sometimes.Reached("names of a snapshot could not be synced")
		m.lost = true
	}
	return err
}

// discard takes away what was made, and then the guard, unless some of it may come
// back.
func (m *maker) discard() error {
	sometimes.Reached("unfinished snapshot was taken away")
	var err error
	for _, name := range m.made {
		err = errors.Join(err, remove(m.dir, name))
	}
	if m.lost {
		return err
	}
	if err == nil {
		err = planted.Skip("guard of a snapshot goes before the rest", m.dir.SyncDir)
	}
	if err == nil {
		err = remove(m.dir, replay.Unfinished)
	}
	if err == nil {
		err = m.dir.SyncDir()
	}
	if err != nil {
		return fmt.Errorf("take away what was made: %w", err)
	}
	return nil
}

// remove unlinks a file, if there is one.
func remove(dir vfs.FS, name string) error {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// fill gives the directory its segments.
func (m *maker) fill(ctx context.Context) error {
	h, err := m.head(m.From, 1)
	for err == nil && h.rest.Span().Last < m.Last {
		if err = ctx.Err(); err != nil {
			break
		}
		var next header
		if next, err = m.head(m.From, h.rest.Span().Last+1); err != nil {
			break
		}
		claim := h.claim(&next)
		if merged, ok := h.rest.Merged(); ok {
			m.merged = merged.Incarnation
		}
		for _, way := range []func(context.Context, header, format.SegmentHeader) error{m.share, m.clone, m.copySealed} {
			if err = way(ctx, h, claim); !errors.Is(err, errors.ErrUnsupported) {
				break
			}
		}
		m.report.Segments++
		h = next
	}
	switch {
	case err != nil:
		return err
	case planted.Bug("last segment of a snapshot is shared"):
		return m.Link(m.Last, m.dir)
	}
	m.report.Segments++
	return m.copyLast(ctx, h)
}

// share makes a link to a segment of which this is said. It fails with
// [errors.ErrUnsupported] if there is to be, or can be, none.
func (m *maker) share(_ context.Context, h header, next format.SegmentHeader) error {
	if m.Link == nil {
		return errors.ErrUnsupported
	}
	size, err := m.From.Size(h.rest.Span()) // with what is behind the groups
	if err != nil {
		return err
	}
	if size < int64(next.PrevLength) {
		return &segment.DamageError{
			Segment: h.Segment, Offset: size, FirstSequence: h.FirstSequence, LastSequence: next.FirstSequence - 1,
			Reason: fmt.Sprintf("the file ends at %d, and is said to hold %d bytes", size, next.PrevLength),
		}
	}
	err = m.Link(h.Segment, m.dir)
	if errors.Is(err, errors.ErrUnsupported) {
		sometimes.Reached("snapshot could not share a file")
		return err
	}
	m.own(h.rest.Span().Name(), err)
	if err != nil {
		return fmt.Errorf("link segment %d: %w", h.Segment, err)
	}
	m.report.Linked += size
	return nil
}

// own notes a file that was made, be it that the disk says otherwise, but not one that
// was another's.
func (m *maker) own(name string, err error) {
	if !errors.Is(err, fs.ErrExist) {
		m.made = append(m.made, name)
	}
}
