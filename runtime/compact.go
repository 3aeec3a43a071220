package batpak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/tiers"
)

// mergedSegments is how many segments of the size of [Options.SegmentSize] a merged one
// is to hold at most, unless that is more than mergedSize. Who calls for a merge wants few
// files, so fanInCalled, now; merges that come by themselves can wait until they cost less.
const (
	mergedSegments = 16
	mergedSize     = format.MaxSegment / 2
	fanInCalled    = 2
	fanInAlone     = 4
)

// CompactReport is what [Store.Compact] did.
type CompactReport struct {
	Merges     int    // merged segments that were written
	Segments   int    // files that they were made of
	Events     uint64 // that the merged segments stand for
	Tombstoned uint64 // of them, events whose payload was taken away
	Dropped    uint64 // of them, events of which nothing is left but their place
	Reclaimed  int64  // bytes of the log that are not on disk any more; less than 0 if it grew
}

// CompactOption is an option of [Store.Compact].
type CompactOption interface{ applyCompact(*compaction) }

// Fate says what a compaction does with an event.
type Fate int

// The fates. An event with an idempotency key is owed its receipt, and is never
// dropped, but made a tombstone.
const (
	KeepEvent      Fate = iota // all of it
	TombstoneEvent             // its payload is taken away; the chain still verifies
	DropEvent                  // nothing is left but its sequence, entity, version, id, kind and hash
)

// Retention makes [Store.Compact] ask about every event what is to become of it, once or
// more. The function must not use the store; its answer cannot be taken back. In
// [Compaction] it is asked about the events of segments when they are merged.
//
// The store knows no age. Take one from the system's clock or the time of the newest
// event, whichever is earlier: then a clock that is ahead takes nothing away too early,
// nor does one that was ahead when that event was made. [Store.Skew] tells of the latter.
type Retention func(Meta) Fate

// fateOf is what a compaction did with the event of a record that is a tombstone.
func fateOf(r *format.Record) Fate {
	if r.Dropped() {
		return DropEvent
	}
	return TombstoneEvent
}

// whole fails with a [*TombstoneError] unless all of the event is there.
func (e *Event) whole() error {
	if e.Fate == KeepEvent {
		return nil
	}
	return &TombstoneError{Sequence: e.Sequence, Dropped: e.Fate == DropEvent}
}

func (f Retention) applyCompact(c *compaction) { c.retention = f }

// Compact merges segments that lie side by side, are of like size and are not written to
// any more into larger ones, up to a bound: 16 times [Options.SegmentSize] as it is now, or
// 1 GiB if that is less. What was merged is merged again only into a file at least twice as
// large, so each byte is written anew a few times at most, and Compact has nothing to do
// when it is called again. It works beside appends and readers: as long as others append, it
// works a tenth of the time at most, so that they hardly wait; who reads goes on, and the
// space of a file is free when its last reader is done.
//
// Sequences, versions, ids and hashes stay as they are. A [Retention] may take away the
// payloads of events, or events; what is left of them comes with a [*TombstoneError].
// Without one nothing is lost. With one every event is asked about, be it in a file that
// is not to be merged, which is written anew if anything is taken away. The newest
// segments are left alone.
//
// The context ends it between two events; what was merged by then stays. Errors of the
// disk are returned as they are; if one says that the merge is to be settled by the
// next opening of the store, Compact fails until then, and all else goes on.
func (s *Store) Compact(ctx context.Context, opts ...CompactOption) (CompactReport, error) {
	if err := cmp.Or(s.alive(), ctx.Err()); err != nil {
		return CompactReport{}, err
	}
	if s.pipeline == nil {
		return CompactReport{}, ErrReadOnly
	}
	c := compaction{store: s, fanIn: fanInCalled, all: true}
	for _, o := range opts {
		if o != nil {
			o.applyCompact(&c)
		}
	}
	select {
	case s.compacting <- struct{}{}:
	case <-ctx.Done():
		return CompactReport{}, ctx.Err()
	case <-s.isShut:
		return CompactReport{}, ErrClosed
	}
	defer func() { <-s.compacting }()
	s.point("turn to merge")
	c.restrain(0)
	err := c.run(ctx)
	return c.report, s.outward(err, 0)
}

// holdLayout keeps the files of sealed segments as they are, until releaseLayout: they
// are not to be merged while a snapshot goes through them.
func (s *Store) holdLayout(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.layout <- struct{}{}:
		s.point("turn of the files")
		if err := s.alive(); err != nil {
			s.releaseLayout()
			return err
		}
		return nil
	case <-ctx.Done():
		sometimes.Reached("wait for the files of segments ended with its context")
		s.point("context ended")
		return ctx.Err()
	case <-s.isShut:
		return ErrClosed
	}
}

func (s *Store) releaseLayout() { <-s.layout }

// compaction is one run of Compact, or of the merges that come by themselves.
type compaction struct {
	store     *Store
	retention Retention
	fanIn     int
	all       bool                                       // the retention is asked about every event
	held      bool                                       // the layout is held already
	rest      func(ctx context.Context, bytes int) error // after so many bytes were read; nil = there is none
	report    CompactReport
}

// run merges until there is nothing to merge.
func (c *compaction) run(ctx context.Context) error {
	if err := c.store.compactErr; err != nil {
		return err
	}
	for all := c.all && c.retention != nil; ; all = false {
		runs, err := c.plan(ctx, all)
		if err != nil || len(runs) == 0 {
			return err
		}
		for _, run := range runs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := c.merge(ctx, run); err != nil {
				return err
			}
		}
	}
}

// plan divides files into runs that are to become one each: those of like size and, if
// all are looked at, those of one file that is to lose something.
func (c *compaction) plan(ctx context.Context, all bool) (runs [][]segment.Span, err error) {
	files, err := c.store.segments.Log()
	if err != nil || len(files) <= 2 {
		return nil, err
	}
	files = files[:len(files)-2]
	sizes := make([]int64, len(files))
	for i, f := range files {
		if sizes[i], err = c.store.segments.Size(f); err != nil {
			sizes[i] = math.MaxInt64 // it stays as it is, and is found when it is read
		}
	}
	p := tiers.Policy{FanIn: c.fanIn, Bound: min(mergedSegments*c.store.options.SegmentSize, mergedSize)}
	at := 0
	for _, r := range append(p.Plan(sizes), tiers.Run{From: len(files), To: len(files)}) {
		for ; all && at < r.From; at++ {
			if sizes[at] == math.MaxInt64 {
				continue
			}
			takes, err := compact.Takes(c.store.segments, files[at], c.decide(ctx), c.step(ctx))
			if err != nil {
				return nil, err
			}
			if takes {
				runs = append(runs, files[at:at+1])
			}
		}
		if at = r.To; r.From < r.To {
			runs = append(runs, files[r.From:r.To])
		}
	}
	return runs, nil
}

// step is called by a merge between two groups. It lets others go first, and ends the
// merge with the context or the store.
func (c *compaction) step(ctx context.Context) func(bytes int) error {
	return func(bytes int) error {
		if err := cmp.Or(ctx.Err(), c.store.alive()); err != nil || c.rest == nil {
			return err
		}
		return c.rest(ctx, bytes)
	}
}

// decide is asked by a merge about each event.
func (c *compaction) decide(ctx context.Context) func(r *format.Record) (compact.Verdict, error) {
	return func(r *format.Record) (compact.Verdict, error) {
		if err := cmp.Or(ctx.Err(), c.store.alive()); err != nil || c.retention == nil {
			return compact.Keep, err
		}
		return c.verdict(r)
	}
}

// merge makes one file of several, and puts it in their place.
func (c *compaction) merge(ctx context.Context, run []segment.Span) error {
	s := c.store
	if err := s.pipeline.Err(); err != nil {
		return s.failure(err, nil, nil)
	}
	m, err := compact.Stage(s.fs, s.segments, run, c.decide(ctx), c.step(ctx))
	if err == nil {
		err = c.publish(ctx, m)
	}
	if errors.Is(err, compact.ErrNames) && !planted.Bug("failed sync of the names of a merge does not poison") {
		s.pipeline.Poison(err)
	}
	if err != nil {
		return err
	}
	c.report.Merges++
	c.report.Segments += len(run)
	c.report.Events += m.Events
	c.report.Tombstoned += m.Tombstones
	c.report.Dropped += m.Dropped
	c.report.Reclaimed += m.Read - m.Written
	return nil
}

// publish makes a merge that was staged count, and readers find the events in it.
func (c *compaction) publish(ctx context.Context, m *compact.Merge) error {
	s := c.store
	if !c.held && !planted.Bug("files are merged under a snapshot") {
		if err := s.holdLayout(ctx); err != nil {
			return errors.Join(err, m.Discard())
		}
		defer s.releaseLayout()
	}
	s.upkeep.await()
	defer s.upkeep.end()
	if err := s.pipeline.Err(); err != nil {
		return s.failure(err, nil, nil) // what was staged is of no meaning, and may stay
	}
	err := m.Commit()
	if err == nil {
		err = c.show(m)
	}
	if err == nil {
		if err = m.Finish(); err != nil {
			sometimes.Reached("sources of a merge were left to the next opening")
		}
	}
	if err != nil {
		s.compactErr = fmt.Errorf("the next opening of the store settles it: %w", err)
	}
	return s.compactErr
}

// show makes readers find the events in the merged segment.
func (c *compaction) show(m *compact.Merge) error {
	s, span := c.store, m.Span()
	defer s.segments.Sweep()
	if m.Events == 0 {
		s.segments.Serve(span)
		return nil
	}
	run, err := footer.Open(s.segments, span, m.Store(), s.cache)
	if err != nil {
		return err
	}
	s.index.Merge(run, span.Last, func() { s.segments.Serve(span) })
	return nil
}

// verdict asks what is to become of an event.
func (c *compaction) verdict(r *format.Record) (compact.Verdict, error) {
	var e Event
	if err := c.store.event(&e, r, index.Ref{Sequence: r.Sequence}, nil, nil); err != nil {
		return compact.Keep, err
	}
	switch fate := c.retention(e.Meta); fate {
	case KeepEvent:
		return compact.Keep, nil
	case TombstoneEvent:
		return compact.Tombstone, nil
	case DropEvent:
		return compact.Drop, nil
	default:
		return compact.Keep, errors.Join(ErrInvalid, fmt.Errorf("retention of event %d returned %d", r.Sequence, fate))
	}
}
