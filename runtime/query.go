package batpak

import (
	"errors"
	"iter"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

const (
	pageSize  = 128 // how many events an iteration looks up at a time
	firstSize = 16  // and how many at first
)

// Query selects events, and says in which order they are wanted. A field at its zero
// value does not restrict; the others must all hold.
//
// A query costs what it finds, and not what there is, by any one of its fields. Of
// several, the one that leaves the fewest events is looked up, and each of these is
// held against the others. A prefix that many entities have, but few events, costs in
// proportion to the entities.
type Query struct {
	Entity      string    // exactly this entity
	Prefix      string    // entities whose names begin with this
	Scope       string    // exactly this scope
	Kinds       []Kind    // any of these
	Categories  []uint16  // kinds of any of these categories
	Correlation ID        // the events of this story
	From        time.Time // events made at this time or later
	To          time.Time // events made before this time
	After       uint64    // sequence: only events after it
	Until       uint64    // sequence: only events up to it, inclusive; 0 means all that is visible when the reading begins

	// Backward gives the newest event first. The fields mean the same as without it.
	Backward bool
}

// index converts a query for the index, but for what [Store.root] knows.
func (q *Query) index() index.Query {
	iq := index.Query{
		Entity: q.Entity, Prefix: q.Prefix, Scope: q.Scope, Categories: q.Categories, Correlation: q.Correlation,
		After: q.After, Until: q.Until, Backward: q.Backward,
	}
	if len(q.Kinds) > 0 {
		iq.Kinds = make([]uint16, len(q.Kinds))
		for i, k := range q.Kinds {
			iq.Kinds[i] = uint16(k)
		}
	}
	// Ids rise with the sequence, and hold the time: between two times lie the events
	// between two ids.
	if !q.From.IsZero() {
		iq.MinID = clock.Bound(q.From)
	}
	if !q.To.IsZero() {
		iq.EndID = clock.Bound(q.To)
	}
	return iq
}

// root completes a query by correlation, as far as a sequence: the event whose id it
// is belongs to the story, unless it was given another correlation. Only its record
// tells.
func (s *Store) root(q *index.Query, until uint64) error {
	q.Root = 0
	if q.Correlation == (ID{}) {
		return nil
	}
	var e Event
	err := s.byID(&e, q.Correlation, until)
	if err == nil && e.Fate != DropEvent && e.Correlation == e.ID && !planted.Bug("story is without its first event") {
		q.Root = e.Sequence
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// selection is a query under way in a view.
type selection struct {
	store  *Store
	query  index.Query
	places bool // of events that a compaction dropped are wanted too
	cursor *segment.Cursor
	names  *names
	refs   []index.Ref
	found  int   // how many were looked up
	over   bool  // nothing is left to be found
	failed error // of the last time
	err    error
}

// selection begins a query from a position on, as [View.Page] takes it, 0 for all of
// it; it looks up so many events at first.
func (v View) selection(q *Query, position uint64, room int) (*selection, error) {
	s := &selection{
		store: v.store, query: q.index(), cursor: v.store.segments.Cursor(), names: new(names), refs: make([]index.Ref, 0, room),
	}
	if err := v.store.alive(); err != nil {
		return nil, err
	}
	if err := v.store.root(&s.query, v.at); err != nil {
		return nil, err
	}
	if s.query.Until == 0 || s.query.Until > v.at && !planted.Bug("query may see more than its view") {
		s.query.Until = v.at
	}
	if position > 0 {
		s.goOn(position)
	}
	s.over = s.over || s.query.After >= s.query.Until
	return s, nil
}

// goOn continues behind the event at sequence.
func (s *selection) goOn(sequence uint64) {
	switch {
	case !s.query.Backward:
		s.query.After = max(s.query.After, sequence)
	case sequence > 1:
		s.query.Until = min(s.query.Until, sequence-1)
	}
	s.over = s.over || s.query.After >= s.query.Until || s.query.Backward && sequence <= 1
}

// all looks up what is selected, until the end or an error, which is kept.
func (s *selection) all() iter.Seq[index.Ref] {
	return func(yield func(index.Ref) bool) {
		for s.next() {
			for _, ref := range s.refs {
				if !yield(ref) {
					return
				}
			}
		}
	}
}

// next looks up the next events. It reports false at the end, or after an error, which
// is kept.
func (s *selection) next() bool {
	if s.over {
		s.err = s.store.outward(s.failed, 0)
		return false
	}
	if s.found > 0 {
		sometimes.Reached("iteration needed another page")
		if cap(s.refs) < pageSize { // whoever wants the first few only does not pay for more
			s.refs = make([]index.Ref, 0, pageSize)
		}
	}
	s.refs, s.failed = s.lookUp(s.refs)
	s.cursor.Expect(len(s.refs), func(i int) format.Pos { return s.refs[i].Pos })
	return true
}

// lookUp looks up as many events as there is room for, and goes on behind them.
func (s *selection) lookUp(room []index.Ref) ([]index.Ref, error) {
	refs, err := s.store.index.Find(room[:0], s.query) // up to where it failed
	if s.over = err != nil || len(refs) < cap(refs); !s.over {
		s.goOn(refs[len(refs)-1].Sequence)
	}
	s.found += len(refs)
	return refs, err
}

// read reads an event that was looked up. It reports false for one that only looks to
// the index as if it had the correlation, or was dropped by a compaction.
func (s *selection) read(e *Event, ref index.Ref) (selected bool, err error) {
	r, ref, err := s.store.record(s.cursor, ref)
	if err == nil {
		err = s.store.event(e, r, ref, s.cursor.Payload(), s.names)
	}
	switch {
	case err != nil:
		return true, err
	case e.Fate == DropEvent && !s.places:
		sometimes.Reached("reading left out a dropped event")
		return false, nil
	}
	return s.query.Correlation == (ID{}) || e.Correlation == s.query.Correlation, nil
}
