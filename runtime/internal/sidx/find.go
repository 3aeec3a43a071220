package sidx

import (
	"container/heap"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/index"
)

// few is how many lists are merged without asking whether to look at each row
// would cost less.
const few = 8

// Find appends to dst the events that match q, as many as dst has room for: the
// first ones, or with backward the last ones in falling order. It appends fewer
// only if there are no more. The cost is the number of events found and of those
// the most selective list skips, plus a binary search for each list.
func (r *Run) Find(dst []index.Ref, q *index.Query, backward bool) ([]index.Ref, error) {
	v := r.view()
	w := walk{view: v, backward: backward, rows: span{v.bySequence(q.After + 1), r.Count()}}
	if q.Until != 0 && q.Until < r.Last {
		w.rows.to = v.bySequence(q.Until + 1)
	}
	if w.rows.from >= w.rows.to || !w.narrow(q) {
		return dst, v.err
	}
	switch {
	case w.lists == nil:
		dst = w.scan(dst)
	default:
		dst = w.merge(dst)
	}
	return dst, v.err
}

// walk is a query under way: which rows to look at, and what is left to compare
// in each.
type walk struct {
	*view
	backward bool
	rows     span
	lists    []list // nil = all rows
	streams  span   // that match; to = 0: all
	scope    int64  // that matches; -1 = all
	kinds    []uint16
}

// list is a range of postings.
type list struct {
	section section
	span
}

// narrow picks the most selective lists. It reports false if nothing matches.
func (w *walk) narrow(q *index.Query) bool {
	w.scope, w.kinds = -1, q.Kinds
	scopeAt := uint32(0)
	if q.Scope != "" {
		var found bool
		if scopeAt, found = w.named(scopes, q.Scope); !found {
			return false
		}
		w.scope = int64(scopeAt)
	}
	switch {
	case q.Entity != "":
		i, found := w.named(streams, q.Entity)
		if !found || !strings.HasPrefix(q.Entity, q.Prefix) {
			return false
		}
		w.add(streamPostings, w.postings(streams, streamPostings, 8, i))
	case q.Prefix != "":
		return w.prefix(q.Prefix)
	case len(q.Kinds) > 0:
		for _, k := range slices.Compact(slices.Sorted(slices.Values(q.Kinds))) {
			n := w.count(kinds)
			i := w.search(kinds, 0, n, func(e []byte) bool { return binary.LittleEndian.Uint16(e) < k })
			if i < n && binary.LittleEndian.Uint16(w.element(kinds, i)) == k {
				w.add(kindPostings, w.postings(kinds, kindPostings, 4, i))
			}
		}
		w.kinds = nil
		return len(w.lists) > 0
	case w.scope >= 0:
		w.add(scopePostings, w.postings(scopes, scopePostings, 8, scopeAt))
		w.scope = -1
	}
	return w.err == nil
}

// prefix picks the streams whose names begin with prefix. Many of them are not
// merged: the streams of a run are sorted by name, so a row tells by its number
// whether it is one of them.
func (w *walk) prefix(prefix string) bool {
	n := w.count(streams)
	from := w.search(streams, 0, n, func(e []byte) bool { return string(w.name(e)) < prefix })
	to := w.search(streams, from, n, func(e []byte) bool {
		return strings.HasPrefix(string(w.name(e)), prefix)
	})
	if from == to || w.err != nil {
		return false
	}
	if to-from > few {
		w.streams = span{from, to}
		return true
	}
	for i := from; i < to; i++ {
		w.add(streamPostings, w.postings(streams, streamPostings, 8, i))
	}
	return w.err == nil
}

// add adds the part of a list that lies within the rows.
func (w *walk) add(s section, p span) {
	at := func(row uint32) uint32 {
		return w.search(s, p.from, p.to, func(e []byte) bool { return binary.LittleEndian.Uint32(e) < row })
	}
	w.lists = append(w.lists, list{s, span{at(w.rows.from), at(w.rows.to)}})
}

// matches reports whether a row has what is left to compare.
func (w *walk) matches(r *row) bool {
	return (w.scope < 0 || int64(r.scope) == w.scope) &&
		(w.streams.to == 0 || r.stream >= w.streams.from && r.stream < w.streams.to) &&
		(len(w.kinds) == 0 || slices.Contains(w.kinds, r.kind))
}

// take appends row i if it matches.
func (w *walk) take(dst []index.Ref, i uint32) []index.Ref {
	if r := w.row(i); w.matches(&r) && w.err == nil {
		return append(dst, w.ref(i))
	}
	return dst
}

// scan looks at all rows.
func (w *walk) scan(dst []index.Ref) []index.Ref {
	for s := w.rows; s.from < s.to && len(dst) < cap(dst) && w.err == nil; {
		dst = w.take(dst, s.next(w.backward))
	}
	return dst
}

// next takes the next number out of a range.
func (s *span) next(backward bool) uint32 {
	if backward {
		s.to--
		return s.to
	}
	s.from++
	return s.from - 1
}

// merge walks the lists together, in the order of their rows.
func (w *walk) merge(dst []index.Ref) []index.Ref {
	h := heads{backward: w.backward}
	for _, l := range w.lists {
		c := cursor{view: w.r.view(), list: l}
		if c.next(w.backward) {
			h.all = append(h.all, c)
		}
		if c.err != nil {
			w.fail(c.err)
		}
	}
	heap.Init(&h)
	for len(h.all) > 0 && len(dst) < cap(dst) && w.err == nil {
		c := &h.all[0]
		dst = w.take(dst, c.row)
		if c.next(w.backward) {
			heap.Fix(&h, 0)
			continue
		}
		if c.err != nil {
			w.fail(c.err)
		}
		heap.Pop(&h)
	}
	return dst
}

// cursor walks a list.
type cursor struct {
	*view
	list
	row uint32 // it stands on
}

func (c *cursor) next(backward bool) bool {
	if c.from >= c.to {
		return false
	}
	c.row = c.posting(c.section, c.span.next(backward))
	return c.err == nil
}

// heads is a heap of cursors by the rows they stand on.
type heads struct {
	all      []cursor
	backward bool
}

func (h *heads) Len() int           { return len(h.all) }
func (h *heads) Less(i, j int) bool { return (h.all[i].row < h.all[j].row) != h.backward }
func (h *heads) Swap(i, j int)      { h.all[i], h.all[j] = h.all[j], h.all[i] }
func (h *heads) Push(v any)         { h.all = append(h.all, v.(cursor)) }

// Pop removes the last cursor, which [heap.Pop] has put there.
func (h *heads) Pop() any {
	last := h.all[len(h.all)-1]
	h.all = h.all[:len(h.all)-1]
	return last
}
