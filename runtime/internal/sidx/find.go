package sidx

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// few is how many streams may have a prefix for all their events to be counted.
const few = 8

// Find appends to dst the events that match q, in its direction, as many as dst has
// room for. It appends fewer only if there are no more. It goes about it, and costs,
// as [index.Index.Find] does, but for binary searches that read a page for each step
// which is not in the cache.
func (r *Run) Find(dst []index.Ref, q *index.Query) ([]index.Ref, error) {
	w := walk{view: r.view(), q: q}
	if w.bound() && w.pick() && w.err == nil {
		dst = w.collect(dst)
	}
	return dst, w.err
}

// walk is a query under way.
type walk struct {
	*view
	q    *index.Query
	rows span // between the ends of the query

	walked []list
	size   uint32 // how many rows walked has

	// What the query's names mean, to compare rows with.
	streams     span // those that match
	scope       uint32
	root, story list
	inStory     bool // every row that is walked has the correlation
	many        bool // the streams were not offered to be walked
}

// list is a range of a section whose elements lead to rows, and rise. Of the section
// of rows, each element leads to itself.
type list struct {
	section section
	span
}

// bound narrows the walk to the ends of the query. It reports false if nothing lies
// between.
func (w *walk) bound() bool {
	q, n := w.q, w.r.Count()
	if q.After >= w.r.Last || q.EndID != 0 && q.EndID <= upper(w.r.MinID) || q.MinID > upper(w.r.MaxID) {
		return false
	}
	w.rows = span{w.bySequence(q.After + 1), n}
	if q.Until != 0 && q.Until < w.r.Last {
		w.rows.to = w.bySequence(q.Until + 1)
	}
	if q.MinID > upper(w.r.MinID) {
		w.rows.from = max(w.rows.from, w.byID(q.MinID))
	}
	if q.EndID != 0 && q.EndID <= upper(w.r.MaxID) {
		w.rows.to = min(w.rows.to, w.byID(q.EndID))
	}
	return w.rows.from < w.rows.to
}

// pick picks the lists to walk. It reports false if nothing can match.
func (w *walk) pick() bool {
	w.walked, w.size = []list{{rows, w.rows}}, w.rows.to-w.rows.from
	if w.q.Scope != "" {
		i, found := w.named(scopes, w.q.Scope)
		if !found {
			return false
		}
		w.scope = i
		w.offer(list{scopePostings, w.postings(scopes, scopePostings, 8, i)})
	}
	if len(w.q.Kinds) > 0 || len(w.q.Categories) > 0 {
		w.offer(w.kinds()...)
	}
	w.streams = span{0, w.count(streams)}
	switch {
	case w.q.Entity != "":
		i, found := w.named(streams, w.q.Entity)
		if !found || !strings.HasPrefix(w.q.Entity, w.q.Prefix) {
			return false
		}
		w.streams = span{i, i + 1}
	case w.q.Prefix != "":
		w.streams = w.prefix(w.q.Prefix)
	}
	if n := w.streams.to - w.streams.from; n > few {
		w.many = n < w.count(streams)
	} else {
		w.offer(w.ofStreams()...)
	}
	if w.q.Correlation != [16]byte{} {
		if i, _, ok := w.sequenced(w.q.Root); ok {
			w.root = list{rows, span{i, i + 1}}
		}
		w.story = list{correlations, w.valued(correlations, Fingerprint(w.r.Store, w.q.Correlation[:]))}
		w.inStory = w.offer(w.root, w.story) || planted.Bug("run does not compare the correlation")
	}
	return w.size > 0
}

// kinds are the lists of the kinds that are asked for.
func (w *walk) kinds() (l []list) {
	for i := range w.count(kinds) {
		if k := binary.LittleEndian.Uint16(w.element(kinds, i)); w.q.TakesKind(k) && w.err == nil {
			l = append(l, list{kindPostings, w.postings(kinds, kindPostings, 4, i)})
		}
	}
	return l
}

// prefix finds the streams whose names begin with prefix: the streams of a run are
// sorted by name.
func (w *walk) prefix(prefix string) span {
	n := w.count(streams)
	p := []byte(prefix)
	from := w.search(streams, 0, n, func(e []byte) bool { return bytes.Compare(w.name(e), p) < 0 })
	return span{from, w.search(streams, from, n, func(e []byte) bool { return bytes.HasPrefix(w.name(e), p) })}
}

// ofStreams are the lists of the streams that match.
func (w *walk) ofStreams() (l []list) {
	for i := w.streams.from; i < w.streams.to && w.err == nil; i++ {
		l = append(l, list{streamPostings, w.postings(streams, streamPostings, 8, i)})
	}
	return l
}

// offer offers lists to be walked, and reports whether they are the ones with the
// fewest rows so far.
func (w *walk) offer(l ...list) bool {
	size := uint32(0)
	for i := range l {
		l[i] = w.within(l[i])
		size += l[i].to - l[i].from
	}
	if size >= w.size {
		return false
	}
	w.walked, w.size = l, size
	return true
}

// within is the part of a list that lies between the ends of the query.
func (w *walk) within(l list) list {
	from := w.reach(l, w.rows.from)
	return list{l.section, span{from, w.reach(list{l.section, span{from, l.to}}, w.rows.to)}}
}

// reach is the first element of a list that leads to row or beyond.
func (w *walk) reach(l list, row uint32) uint32 {
	if l.section == rows {
		return max(l.from, min(row, l.to))
	}
	return w.search(l.section, l.from, l.to, func(e []byte) bool { return rowOf(l.section, e) < row })
}

// rowOf is the row that an element of postings or of pairs leads to.
func rowOf(s section, e []byte) uint32 {
	return binary.LittleEndian.Uint32(e[s.width()-postingWidth:])
}

// holds reports whether a list leads to a row.
func (w *walk) holds(l list, row uint32) bool {
	i := w.reach(l, row)
	return i < l.to && w.at(l.section, i) == row
}

// at is the row that element i of a section leads to.
func (w *walk) at(s section, i uint32) uint32 {
	if s == rows {
		return i
	}
	return rowOf(s, w.element(s, i))
}

// ahead is how many rows are found before they are read: so the processor waits for
// the memory of many at once.
const ahead = 32

// collect appends what matches.
func (w *walk) collect(dst []index.Ref) []index.Ref {
	h := w.heads()
	patience := math.MaxInt
	if w.many {
		patience = 4 * int(w.streams.to-w.streams.from)
	}
	var found [ahead]uint32
	for len(dst) < cap(dst) && w.err == nil {
		n, lost := 0, false
		for n < min(ahead, cap(dst)-len(dst)) && !lost {
			row, ok := h.next(w)
			if !ok {
				break
			}
			if patience--; patience < 0 {
				sometimes.Reached("streams of a prefix were walked side by side in a run")
				w.goOnWithStreams(row)
				lost = true
				break
			}
			found[n] = row
			n++
		}
		dst = w.take(dst, found[:n])
		if lost {
			h, patience = w.heads(), math.MaxInt
		} else if n == 0 {
			break
		}
	}
	return dst
}

// take appends those of the rows that match.
func (w *walk) take(dst []index.Ref, found []uint32) []index.Ref {
	var pages [ahead]*page
	if n := len(found); n > 0 && max(found[0], found[n-1])-min(found[0], found[n-1]) >= rows.perPage() {
		w.touch(rows, found, pages[:])
	}
	for i, row := range found {
		w.remember(rows, row, pages[i])
		if r := w.row(row); w.matches(&r, row) && w.err == nil {
			dst = append(dst, w.refOf(&r))
		}
	}
	return dst
}

// goOnWithStreams makes the streams that match what is walked, from a row on.
func (w *walk) goOnWithStreams(row uint32) {
	if w.q.Backward {
		w.rows.to = row + 1
	} else if w.rows.from = row; planted.Bug("run goes on behind the row where it lost patience") {
		w.rows.from++
	}
	w.walked, w.inStory = w.ofStreams(), false
	for i := range w.walked {
		w.walked[i] = w.within(w.walked[i])
	}
}

func (w *walk) matches(r *row, at uint32) bool {
	return r.stream >= w.streams.from && r.stream < w.streams.to &&
		(w.q.Scope == "" || r.scope == w.scope) && w.q.TakesKind(r.kind) &&
		(w.q.Correlation == [16]byte{} || w.inStory || w.holds(w.root, at) || w.holds(w.story, at)) &&
		(!w.q.Scoped || binary.LittleEndian.Uint16(w.element(scopes, r.scope)[4:]) > 0) // bytes of its name
}

// heads is a heap of lists, by the rows they stand on.
type heads struct {
	all      []head
	backward bool
}

// head is a list that stands on a row, which is taken off it.
type head struct {
	list
	row uint32
}

// heads begins to walk the lists side by side.
func (w *walk) heads() heads {
	h := heads{backward: w.q.Backward, all: make([]head, 0, len(w.walked))}
	for _, l := range w.walked {
		if c := (head{list: l}); c.step(w) {
			h.all = append(h.all, c)
		}
	}
	for i := range slices.Backward(h.all) {
		h.sift(i)
	}
	return h
}

// next takes the next row, if there is one.
func (h *heads) next(w *walk) (row uint32, ok bool) {
	if len(h.all) == 0 {
		return 0, false
	}
	row = h.all[0].row
	last := len(h.all) - 1
	if !h.all[0].step(w) {
		h.all[0] = h.all[last]
		h.all = h.all[:last]
	}
	h.sift(0)
	return row, true
}

// step goes to the next row, if there is one.
func (c *head) step(w *walk) bool {
	if c.from >= c.to || w.err != nil {
		return false
	}
	i := c.from
	if w.q.Backward {
		c.to--
		i = c.to
	} else {
		c.from++
	}
	c.row = w.at(c.section, i)
	return true
}

// sift moves head i down to its place.
func (h *heads) sift(i int) {
	for {
		next := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.all); child++ {
			if (h.all[child].row < h.all[next].row) != h.backward {
				next = child
			}
		}
		if next == i {
			return
		}
		h.all[i], h.all[next] = h.all[next], h.all[i]
		i = next
	}
}
