package batpak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/snapshot"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// SnapshotReport says what [Store.Snapshot] or [Restore] made.
type SnapshotReport struct {
	// Position is the sequence of the last event. All up to it are there.
	Position uint64
	Segments int
	Linked   int64 // bytes of files that are those of the store
	Cloned   int64 // bytes of files that are not, but share them with the store on the disk
	Copied   int64 // bytes
	Took     time.Duration
}

// Snapshot makes the directory dir a store that holds every event that is durable
// now, while appends and reads go on. Nothing in the store is changed. The directory
// must be empty, or missing, and is not to lie in that of the store.
//
// Segment files that are never written to again become links where the file system
// has them and dir is on it, or clones (reflinks) where it has those alone; what is
// cloned or copied is held against its checksums and digests. Linked files take no
// space and next to no time, clones no space, and both share their bytes: a damage of
// the disk hits both. [Restore] makes a copy that shares nothing, and proves all of it.
// A store that is open for reading alone is always copied, up to the last event that
// it shows.
//
// At any moment, and after any crash, dir is the whole snapshot or no store: opening it
// fails with [ErrUnfinished], and then it may be removed. When Snapshot returns nil the
// snapshot is durable; when it fails it has taken away what it made, unless the disk
// kept it from that. If the error is that of the very last sync, the snapshot may be
// there. The context ends it; so does [Store.Close].
//
// Errors match [io/fs.ErrExist] if dir is not empty, [ErrLocked] if it is in use,
// [ErrCorrupt] if the store is damaged and [ErrDiskFull].
//
// The snapshot opens like any store. Events appended to it, and those that go on being
// appended to the store, are different events with the same sequences: receipts of
// the one name nothing in the other, and [Receipt.Incarnation] tells them apart.
func (s *Store) Snapshot(ctx context.Context, dir string) (SnapshotReport, error) {
	r, err := s.snapshot(ctx, dir, nil)
	if err != nil {
		return r, fmt.Errorf("batpak: snapshot to %s: %w", dir, err)
	}
	return r, nil
}

// Restore copies the store in the directory from, be it a snapshot, to the directory
// to, and says yes only if every checksum, every digest and every link of every
// stream's hash chain in the copy is right: until then, to is no store, as with
// [Store.Snapshot]. Nothing is shared and nothing in from is changed. It also makes a
// backup of a store, once that is closed.
//
// It reads like [OpenReadOnly] with [Options.ShowUnsynced] and fails with [ErrLocked]
// if from is open for writing. Errors are otherwise those of Snapshot and of
// OpenReadOnly. The options that say how to write have to be good, and change nothing.
func Restore(ctx context.Context, from, to string, o *Options) (SnapshotReport, error) {
	if o == nil {
		o = &Options{}
	}
	c := *o
	c.Salvage, c.ShowUnsynced = false, true
	s, err := OpenReadOnly(from, &c)
	if err != nil {
		return SnapshotReport{}, fmt.Errorf("batpak: restore: %w", err)
	}
	r, err := s.snapshot(ctx, to, func(dir vfs.FS) error { return s.prove(ctx, dir) })
	if err = errors.Join(err, s.Close()); err != nil {
		return r, fmt.Errorf("batpak: restore to %s: %w", to, err)
	}
	return r, nil
}

// snapshot makes a snapshot that check, if there is one, finds good before it is one.
func (s *Store) snapshot(ctx context.Context, path string, check func(vfs.FS) error) (SnapshotReport, error) {
	if err := cmp.Or(s.alive(), ctx.Err()); err != nil {
		return SnapshotReport{}, err
	}
	select {
	case s.copying <- struct{}{}:
		s.point("turn to copy")
	case <-s.isShut:
		return SnapshotReport{}, ErrClosed
	case <-ctx.Done():
		return SnapshotReport{}, ctx.Err()
	}
	defer func() { <-s.copying }()
	if err := s.alive(); err != nil {
		return SnapshotReport{}, err
	}
	if g := s.opened.Gaps; len(g) > 0 {
		return SnapshotReport{}, &CorruptError{
			File: g[0].File, Offset: g[0].Offset, End: g[0].End,
			FirstSequence: g[0].FirstSequence, LastSequence: g[0].LastSequence, Reason: "a gap: " + g[0].Reason,
		}
	}
	elapsed := clock.Start()
	if err := s.holdLayout(ctx); err != nil {
		return SnapshotReport{}, err
	}
	defer s.releaseLayout()
	plan, report, err := s.plan()
	if err != nil {
		return SnapshotReport{}, s.outward(err, 0)
	}
	dir, err := s.target(path)
	if err != nil {
		return SnapshotReport{}, err
	}
	if check != nil {
		plan.Check = func() error { return check(dir) }
	}
	made, err := snapshot.Make(whileOpen{ctx, s}, dir, plan)
	if err = errors.Join(err, dir.Close()); err != nil {
		return SnapshotReport{}, cmp.Or(s.alive(), s.outward(locked(err), 0))
	}
	report.Segments, report.Linked, report.Cloned, report.Copied, report.Took = made.Segments, made.Linked, made.Cloned, made.Copied, elapsed()
	return report, nil
}

// whileOpen is a context that ends with the store.
type whileOpen struct {
	context.Context
	store *Store
}

func (w whileOpen) Err() error { return cmp.Or(w.store.alive(), w.Context.Err()) }

// plan says what a snapshot holds that is made now.
func (s *Store) plan() (snapshot.Plan, SnapshotReport, error) {
	p := snapshot.Plan{From: s.segments, Store: s.id, Last: 1, End: format.SegmentHeaderSize, Random: s.options.random()}
	mark := frontier.Visible
	if s.pipeline != nil {
		// What is not durable may be taken back, or be written over, by a writer.
		p.Link, p.Clone, mark = s.upkeep.link, s.fs.Clone, frontier.Durable
	}
	if planted.Bug("snapshot holds what is not durable") {
		mark = frontier.Written
	}
	position := s.frontier.At(mark)
	ref, ok, err := s.index.At(position)
	if err != nil {
		return p, SnapshotReport{}, err
	}
	if ok {
		p.Last, p.End = uint64(ref.Pos.Segment), int64(ref.Pos.Offset)+int64(ref.Pos.Length)
	}
	if s.segments.Span(p.Last).Round > 0 {
		return p, SnapshotReport{}, ErrCompacted // the newest segments are never merged: it was looked up before
	}
	return p, SnapshotReport{Position: position}, nil
}

// target opens the directory of a snapshot.
func (s *Store) target(path string) (vfs.FS, error) {
	inside, err := vfs.Inside(s.fs, path)
	if err != nil {
		return nil, err
	}
	if inside {
		return nil, &ArgumentError{What: "directory of a snapshot", Reason: "lies in the directory of the store"}
	}
	if open := rtopts.Dir(&s.options.Internal); open != nil {
		return open(path)
	}
	return vfs.OpenDir(path)
}

// prove verifies a copy of the store that is not finished.
func (s *Store) prove(ctx context.Context, dir vfs.FS) error {
	c := newStore(unguarded{dir}, Options{})
	if err := c.beginReading(); err != nil {
		return err
	}
	v, err := c.Verify(ctx)
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	for _, d := range v.Damages {
		return &CorruptError{
			File: d.File, Offset: d.Offset, End: d.End, FirstSequence: d.Sequence, LastSequence: d.LastSequence, Reason: d.Reason,
		}
	}
	if want := s.frontier.At(frontier.Visible); v.Events+v.Dropped != want {
		return fmt.Errorf("the copy holds %d events, want %d", v.Events+v.Dropped, want)
	}
	return nil
}

// unguarded is the directory of a snapshot as it will be when it is finished.
type unguarded struct{ vfs.FS }

func (u unguarded) List() ([]vfs.Entry, error) {
	entries, err := u.FS.List()
	for i, e := range entries {
		if e.Name == replay.Unfinished {
			return append(entries[:i:i], entries[i+1:]...), err
		}
	}
	return entries, err
}

// Close leaves the directory open.
func (unguarded) Close() error { return nil }
