package batpak

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// upkeep is the work of a store that nobody waits for: sealed segments get their
// footers, and checkpoints are written of the last one. What fails is left for the next
// opening; nothing depends on it but how fast the store opens and how much memory it
// takes.
type upkeep struct {
	store  *Store
	inline bool
	due    chan struct{} // holds one if there is something to do
	quit   chan struct{}
	next   atomic.Pointer[checkpoint.Mark] // from which on there may be something to do
	done   sync.WaitGroup

	turn   chan struct{} // holds one while work is done, which guards all below
	closed bool
	when   checkpoint.Schedule
	failed map[uint64]error   // by segment; after a failed sync nothing is tried again
	latest string             // checkpoint, whose turn it was last; empty = there is none
	off    bool               // no more are written
	names  []string           // of checkpoints that there are
	begun  *footer.Indexing   // of the last segment; nil = not yet
	prefix *checkpoint.Prefix // of the last segment, if it begins with what was not read; nil = all was
	opened uint64             // the last event then
}

func (s *Store) newUpkeep(found *recovery.Result, prefix *checkpoint.Prefix) *upkeep {
	u := &upkeep{
		store: s, prefix: prefix, opened: found.NextSequence - 1, inline: rtopts.FS(&s.options.Internal) != nil,
		due: make(chan struct{}, 1), quit: make(chan struct{}), turn: make(chan struct{}, 1), failed: map[uint64]error{},
	}
	u.when.Bytes, u.when.Events = rtopts.Checkpoint(&s.options.Internal)
	u.when.Before = found.Header.FirstSequence - 1
	u.next.Store(&checkpoint.Mark{})
	u.names = found.Report.Checkpoints
	if run := found.Covered; run != nil {
		u.latest = found.Report.Checkpoint
		u.when.Latest = checkpoint.Mark{Segment: run.Segment, End: found.Report.Covered, Last: run.Last}
	}
	u.off = slices.ContainsFunc(found.Report.Foreign, checkpoint.IsName)
	if !u.inline {
		u.done.Go(u.run)
	}
	return u
}

func (u *upkeep) run() {
	for {
		select {
		case <-u.due:
			u.work()
			u.store.merger.wake()
			for u.sift() {
			}
		case <-u.quit:
			return
		}
	}
}

// moved is told of the last event of each group.
func (u *upkeep) moved(last *index.Entry) {
	if u.next.Load().Passed(markOf(last.Sequence, last.Pos)) {
		u.wake()
	}
}

func markOf(event uint64, at format.Pos) *checkpoint.Mark {
	return &checkpoint.Mark{Segment: uint64(at.Segment), End: int64(at.Offset) + int64(at.Length), Last: event}
}

// wake says that there may be something to do. It does not wait, unless upkeep is
// done inline.
func (u *upkeep) wake() {
	if u.inline {
		if u.work() {
			u.store.merger.wake()
			for u.sift() {
			}
		}
		return
	}
	select {
	case u.due <- struct{}{}:
	default: // it will look anyway
	}
}

// work does what there is to do, and reports whether it could.
func (u *upkeep) work() bool {
	if !u.begin() {
		return false // it is under way further up, and what is due stays so
	}
	defer u.end()
	if u.closed {
		return false
	}
	for _, number := range u.store.index.Pending() {
		if u.store.pipeline.Err() != nil && !planted.Bug("index is written after a failed sync") {
			break // nothing more is to be written
		}
		if u.failed[number] != nil {
			continue
		}
		run, err := footer.Write(u.store.fs, u.store.segments, number, u.store.cache, u.begun)
		if u.begun != nil && u.begun.Segment == number {
			u.begun = nil
		}
		if err != nil {
			sometimes.Reached("footer could not be written")
			u.failed[number] = err
			continue
		}
		u.store.index.Replace(run)
		u.when.Before = max(u.when.Before, run.Last)
		if number == u.when.Latest.Segment && !u.off {
			u.drop(u.latest, checkpoint.Other(u.latest)) // of no use any more
			u.latest, u.when.Latest = "", checkpoint.Mark{}
		}
	}
	mark := frontier.Durable
	if planted.Bug("checkpoint covers what is not durable") {
		mark = frontier.Written
	}
	u.checkpoint(u.store.frontier.At(mark), false)
	written := u.store.frontier.At(frontier.Written)
	if ref, ok, err := u.store.index.At(written); ok && err == nil {
		u.next.Store(u.when.Next(markOf(written, ref.Pos)))
	}
	if !u.inline {
		u.readAhead()
	}
	return true
}

// sift lets the keys and streams of one more run be told from new ones in memory, and
// reports whether there may be more of them.
func (u *upkeep) sift() bool {
	if !u.begin() {
		return false
	}
	defer u.end()
	select {
	case <-u.quit:
		return false
	default:
		return !u.closed && u.store.index.Sift(u.store.options.IndexCache/2)
	}
}

// readAhead reads what a checkpoint has spared the opening to read when it will soon be
// needed, to end the segment: so that no append waits for that. Unless events are appended,
// or the first of them may need it, it is not needed.
func (u *upkeep) readAhead() {
	if u.prefix == nil {
		return
	}
	durable := u.store.frontier.At(frontier.Durable)
	ref, ok, err := u.store.index.At(durable)
	if !ok || err != nil || uint64(ref.Pos.Segment) != u.prefix.Segment() {
		u.prefix = nil // it was ended
		return
	}
	end, step := markOf(durable, ref.Pos).End, u.when.Step()
	switch room := u.store.options.SegmentSize - end; {
	case room > max(2*step, u.store.options.SegmentSize/4):
		return
	case durable == u.opened && room > step:
		return
	}
	for more := true; more; more = u.prefix.Ahead(end) {
		select {
		case <-u.quit:
			return
		default:
		}
	}
}

// checkpoint writes one of the segment that the last of the durable events is in, up to
// that event, if one is due. It covers what is durable, as it testifies to that. So one of a
// Relaxed store is written only once a sync was asked for, or the store is closed: before,
// there is nothing that it could cover but what a power cut may take.
func (u *upkeep) checkpoint(durable uint64, closing bool) (written bool) {
	ref, ok, err := u.store.index.At(durable)
	last, lok, lerr := u.store.index.At(u.store.frontier.At(frontier.Written))
	if !ok || !lok || err != nil || lerr != nil || ref.Pos.Segment != last.Pos.Segment || u.off {
		return false // nothing of the last segment is known to be durable
	}
	at := markOf(durable, ref.Pos)
	if !u.when.Due(at, closing) {
		return false
	}
	name := checkpoint.Names()[0]
	if u.latest != "" && !planted.Bug("newest checkpoint makes way for the next") {
		name = checkpoint.Other(u.latest)
	}
	if u.store.pipeline.Err() != nil {
		return false // nothing more is to be written
	}
	var werr error
	if u.begun, werr = checkpoint.Write(u.store.fs, u.store.segments, name, at.Segment, at.End, u.begun); werr != nil {
		u.off = true
		return false
	}
	sometimes.Reached("checkpoint was written")
	u.latest, u.when.Latest = name, *at
	if !slices.Contains(u.names, name) {
		u.names = append(u.names, name)
	}
	return true
}

// ended is called when the log was ended and everything is durable.
func (u *upkeep) ended() {
	u.await()
	defer u.end()
	if u.checkpoint(u.store.frontier.At(frontier.Written), true) {
		u.drop(checkpoint.Other(u.latest)) // at rest one will do
	}
}

// drop removes checkpoints, if there are any.
func (u *upkeep) drop(names ...string) {
	for _, name := range names {
		if i := slices.Index(u.names, name); i >= 0 {
			sometimes.Reached("checkpoint was removed")
			_ = u.store.fs.Remove(name) // it only takes space
			u.names = slices.Delete(u.names, i, i+1)
		}
	}
}

// begin waits until no other work is done, and reports whether it may be done now: not
// if upkeep is inline and the goroutine may be in the midst of it.
func (u *upkeep) begin() bool {
	if !u.inline {
		u.await()
		return true
	}
	select {
	case u.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

// await waits until no other work is done.
func (u *upkeep) await() {
	u.turn <- struct{}{}
	u.store.point("turn of upkeep")
}

// end lets other work be done.
func (u *upkeep) end() { <-u.turn }

// link shares the file of a segment with another directory. It fails with
// [errors.ErrUnsupported] if the file may be written to yet.
func (u *upkeep) link(number uint64, into vfs.FS) error {
	if !u.begin() {
		return errors.ErrUnsupported
	}
	defer u.end()
	if slices.Contains(u.store.index.Pending(), number) {
		sometimes.Reached("segment without a footer was not shared")
		return errors.ErrUnsupported
	}
	return u.store.fs.Link(u.store.segments.Span(number).Name(), into)
}

// stop does what is due and ends upkeep.
func (u *upkeep) stop() {
	close(u.quit)
	u.done.Wait()
	u.work()
	u.await()
	defer u.end()
	u.closed = true
}
