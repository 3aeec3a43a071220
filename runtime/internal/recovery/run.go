package recovery

import (
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Config is what recovery needs besides the directory.
type Config struct {
	// Index is empty and gets an entry for every event.
	Index *index.Index
	// NewStore makes the id of a store that is created.
	NewStore func() [16]byte
}

// Result is a log that is ready for more. Everything in it is durable, but for a
// close group at its end, which the writer makes durable before it writes on.
type Result struct {
	Store        [16]byte
	Reader       *segment.Reader // of all segments; the caller closes it
	Writer       *segment.Writer // of the active segment, which is the last
	Header       format.SegmentHeader
	Digest       *chain.Segment // of the active segment up to the writer's end
	NextSequence uint64
	LastID       [16]byte // zero = there is no event
	Incarnation  uint32   // the highest that wrote a group; 0 = none
	Closed       bool     // the last group is a close group
	Report       Report
}

// Report says what recovery found and did. Sizes are in bytes.
type Report struct {
	Created   bool // there was no store, or none with a sound header
	Clean     bool // the store had been closed, and nothing was written to open it
	Segments  uint64
	Events    uint64
	Bytes     int64  // of the log
	Rewritten int64  // at the end of the log, written again since nothing proved them durable
	Cut       int64  // of a torn tail
	Lost      string // the file that keeps the torn tail; empty = there was none
	Foreign   []string
}

// Run brings up the log in dir, of which the caller holds the lock. It first
// reads everything, then repairs what a crash has left, and returns when all it
// has read is durable. An empty directory becomes an empty log.
//
// Errors are a [*segment.DamageError] for damage that no crash can have done, a
// [*segment.NewerError] if a later version wrote a part of the log, and in both
// cases nothing has been written; or the disk's, wrapped, after which Run may be
// called again.
func Run(dir vfs.FS, c Config) (*Result, error) {
	reader := segment.NewReader(dir)
	res, err := run(dir, c, reader)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return res, nil
}

func run(dir vfs.FS, c Config, reader *segment.Reader) (*Result, error) {
	if err := planted.Skip("recovery acts on names that are not durable", dir.SyncDir); err != nil {
		return nil, fmt.Errorf("make the directory durable: %w", err)
	}
	found, err := list(dir)
	if err != nil {
		return nil, err
	}
	l := &log{reader: reader, index: c.Index, next: 1}
	created := false
	if len(found.foreign) > 0 {
		sometimes.Reached("directory held foreign names")
	}
	t, err := l.readAll(found.last, func() [16]byte {
		created = true
		return c.NewStore()
	})
	if err != nil {
		return nil, l.locate(err)
	}
	res := &Result{
		Store: l.header.Store, Reader: reader, Header: l.header, Digest: l.digest, NextSequence: l.next,
		LastID: l.lastID, Incarnation: l.incarnation, Closed: t.closed,
		Report: Report{
			Created: created, Clean: t.clean(), Segments: l.header.Segment, Events: l.next - 1, Bytes: l.bytes,
			Foreign: found.foreign,
		},
	}
	res.Writer, err = repair(dir, found, l, t, &res.Report)
	return res, err
}

// readAll reads the segments from 1 to last. If there is none it begins a log.
func (l *log) readAll(last uint64, newStore func() [16]byte) (*tail, error) {
	if last == 0 {
		sometimes.Reached("empty directory became a store")
		h := l.successor(newStore)
		l.adopt(h, format.AppendSegmentHeader(nil, h))
		return &tail{end: l.length, rest: l.length}, nil
	}
	for number := uint64(1); number < last; number++ {
		if err := l.sealed(number); err != nil {
			return nil, err
		}
	}
	return l.last(last, newStore)
}

// locate adds to a damage which event it may touch first.
func (l *log) locate(err error) error {
	if d, ok := errors.AsType[*segment.DamageError](err); ok && d.FirstSequence == 0 {
		d.FirstSequence = l.next
	}
	return err
}

// repair makes the last segment end where t says, durably, and returns its
// writer.
func repair(dir vfs.FS, found *inventory, l *log, t *tail, r *Report) (*segment.Writer, error) {
	if err := removeAll(dir, found.temps); err != nil {
		return nil, err
	}
	number := l.header.Segment
	if t.rest > t.end {
		sometimes.Reached("torn tail was cut off")
		if err := keepTail(dir, found, number, t, r); err != nil {
			return nil, err
		}
	}
	if !t.groups && !planted.Bug("segment without groups is taken as it looks") {
		header := format.AppendSegmentHeader(nil, l.header)
		if err := vfs.WriteFile(dir, segment.Name(number), header); err != nil {
			return nil, err
		}
		sometimes.Reached("segment without groups was published again")
		r.Rewritten = t.end
		t.proof, t.size = t.end, t.end
	}
	f, err := dir.Open(segment.Name(number), vfs.ReadWrite)
	if err != nil {
		return nil, fmt.Errorf("open segment %d: %w", number, err)
	}
	l.reader.Add(number, f)
	w := segment.Resume(f, number, t.proof, t.end, t.size)
	if t.clean() || !t.groups || planted.Bug("recovered tail is neither cut nor synced") {
		return w, nil
	}
	if r.Rewritten = t.end - t.proof; r.Rewritten > 0 {
		sometimes.Reached("unproven tail was written again")
	}
	if t.closed {
		sometimes.Reached("something lay behind the close group")
	}
	if _, err := w.Seal(); err != nil {
		return nil, fmt.Errorf("make the end of segment %d durable: %w", number, err)
	}
	return w, nil
}

// keepTail puts a torn tail aside.
func keepTail(dir vfs.FS, found *inventory, number uint64, t *tail, r *Report) (err error) {
	f, err := dir.Open(segment.Name(number), vfs.ReadOnly)
	if err != nil {
		return fmt.Errorf("open segment %d: %w", number, err)
	}
	r.Cut = t.rest - t.end
	if planted.Bug("torn tail is not kept") {
		return f.Close()
	}
	r.Lost, err = keep(dir, found.lost, f, number, t.end, t.rest)
	return errors.Join(err, f.Close())
}
