package batpak

import (
	"cmp"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// maxRoom is the most events that a page looks up at a time.
const maxRoom = 1024

// Page is a part of the events that a query selects.
type Page struct {
	Events []Event
	// Next is the position where the next page begins. It may be kept for as long as
	// the store is, and is the same whatever is appended in the meantime.
	Next uint64
	// More is true if the query selects an event beyond the page. If not, a forward
	// query may select some later: read on from Next then.
	More bool
}

// Page reads the first events that q selects from a position on, at most limit of
// them. At position 0 the query begins, at the [Page.Next] of a page it goes on behind
// that page. A position is a sequence: a forward query goes on with the events after
// it, a backward one with those before it, so that one can turn around at any event.
//
// If an event cannot be read, Page fails as [Store.At] does, and the page holds the
// events before it. Where a compaction took a payload away, the page is whole, with what
// is left of that event, and comes with a [*TombstoneError] about the first such event;
// [Meta.Fate] tells them all. Events that were dropped are on no page.
func (s *Store) Page(q Query, position uint64, limit int) (Page, error) {
	return s.View().Page(q, position, limit)
}

// Page is [Store.Page] in this view.
func (v View) Page(q Query, position uint64, limit int) (Page, error) {
	p := Page{Next: position}
	if limit < 1 {
		return p, &ArgumentError{What: "limit of a page", Reason: "is not positive"}
	}
	s, err := v.selection(&q, position, min(limit, maxRoom-1)+1)
	if err != nil {
		return p, err
	}
	var taken error // what a compaction took from the page
	for ref := range s.all() {
		n := len(p.Events)
		if n == limit && !s.doubts(ref) {
			p.More = true
			return p, taken
		}
		if n == cap(p.Events) {
			p.Events = slices.Grow(p.Events, min(limit-n, max(n, len(s.refs))-1)+1)
		}
		e := &p.Events[:n+1][n]
		selected, err := s.read(e, ref)
		switch {
		case n == limit && (selected || err != nil):
			p.More = true
			return p, taken
		case err != nil:
			return p, err
		case selected:
			p.Events, p.Next = p.Events[:n+1], ref.Sequence
			taken = cmp.Or(taken, e.whole())
		}
	}
	if s.err != nil {
		return p, s.err
	}
	if !planted.Bug("last page ends with its last event") {
		p.Next = s.end()
	}
	return p, taken
}

// doubts reports whether only an event's record tells if it is selected.
func (s *selection) doubts(ref index.Ref) bool {
	return s.query.Correlation != (ID{}) || s.store.segments.Span(uint64(ref.Pos.Segment)).Round > 0
}

// end is the position behind everything that is selected.
func (s *selection) end() uint64 {
	if s.query.Backward {
		return s.query.After + 1
	}
	return max(s.query.After, s.query.Until)
}
