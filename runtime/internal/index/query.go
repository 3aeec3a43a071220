package index

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Query selects events. Fields at their zero value do not restrict; the others
// must all hold.
type Query struct {
	Entity string
	Prefix string // of the entity's name
	Scope  string
	Kinds  []uint16
	After  uint64 // sequence
	Until  uint64 // sequence, inclusive; 0 = no end
}

// Find appends to dst the next events that match q, in order, as many as dst
// has room for. It returns fewer only at the end. The cost is the number of
// events found and of those the most selective list skips, plus the number of
// lists for a prefix or for several kinds.
func (x *Index) Find(dst []Ref, q Query) []Ref {
	if q.Prefix != "" && q.Entity == "" {
		x.sortNames()
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	from, _ := x.upToLocked(q.After) // ordinals: from is the first one after sequence After
	to := x.count
	if q.Until != 0 {
		to, _ = x.upToLocked(q.Until)
		if planted.Bug("last event of a range is left out") {
			to--
		}
	}
	if from >= to {
		return dst
	}
	m, ok := x.matcherLocked(q)
	if !ok {
		return dst
	}
	if len(m.lists) == 0 && !m.listed {
		for o := from; o < to && len(dst) < cap(dst); o++ {
			if m.matches(x.rowLocked(o)) {
				dst = append(dst, x.refLocked(o))
			}
		}
		return dst
	}
	return x.mergeLocked(dst, &m, from, to)
}

// matcher is a query against this index: the lists to walk, and what is left to
// compare in each row.
type matcher struct {
	lists  []*postings
	listed bool // walk lists, even if there are none
	scope  int64
	kinds  []uint16
}

const anyScope = -1

// matcherLocked picks the most selective lists. It reports false if nothing can
// match.
func (x *Index) matcherLocked(q Query) (matcher, bool) {
	m := matcher{scope: anyScope, kinds: q.Kinds}
	if q.Scope != "" {
		i, ok := x.scopeOf[q.Scope]
		if !ok {
			return m, false
		}
		m.scope = int64(i)
	}
	switch {
	case q.Entity != "":
		i, ok := x.streamOf[q.Entity]
		if !ok || !strings.HasPrefix(q.Entity, q.Prefix) {
			return m, false
		}
		m.lists, m.listed = []*postings{&x.streams[i].events}, true
	case q.Prefix != "":
		m.lists, m.listed = x.prefixLocked(q.Prefix), true
	case len(q.Kinds) > 0:
		for _, k := range slices.Compact(slices.Sorted(slices.Values(q.Kinds))) {
			if p := x.kinds[k]; p != nil {
				m.lists = append(m.lists, p)
			}
		}
		m.kinds, m.listed = nil, true
	case m.scope != anyScope:
		m.lists, m.listed = []*postings{&x.scopes[m.scope].events}, true
		m.scope = anyScope
	}
	return m, true
}

func (m *matcher) matches(r *row) bool {
	return (m.scope == anyScope || int64(r.scope) == m.scope) &&
		(len(m.kinds) == 0 || slices.Contains(m.kinds, r.kind))
}

// mergeLocked walks the lists of m together, in order of the ordinals.
func (x *Index) mergeLocked(dst []Ref, m *matcher, from, to uint32) []Ref {
	h := make(cursors, 0, len(m.lists))
	for _, p := range m.lists {
		if c, ok := p.from(from); ok && c.head < to {
			h = append(h, c)
		}
	}
	heap.Init(&h)
	for len(h) > 0 && len(dst) < cap(dst) {
		c := &h[0]
		if c.head >= to {
			break
		}
		if m.matches(x.rowLocked(c.head)) {
			dst = append(dst, x.refLocked(c.head))
		}
		if len(h) > 1 {
			sometimes.Reached("query merged several lists")
		}
		if !c.next() {
			heap.Pop(&h)
		} else if len(h) > 1 {
			heap.Fix(&h, 0)
		}
	}
	return dst
}

// prefixLocked finds the streams whose names begin with prefix.
func (x *Index) prefixLocked(prefix string) []*postings {
	i, _ := slices.BinarySearchFunc(x.byName, prefix, func(s uint32, p string) int {
		return cmp.Compare(x.streams[s].name, p)
	})
	var lists []*postings
	for ; i < len(x.byName) && strings.HasPrefix(x.streams[x.byName[i]].name, prefix); i++ {
		lists = append(lists, &x.streams[x.byName[i]].events)
	}
	return lists
}

// sortNames brings byName up to date, at a cost that is amortised over the
// streams added.
func (x *Index) sortNames() {
	x.mu.RLock()
	sorted := len(x.byName) == len(x.streams) || len(x.byName) > 0 && planted.Bug("names are sorted once")
	x.mu.RUnlock()
	if sorted {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := len(x.byName); i < len(x.streams); i++ {
		x.byName = append(x.byName, uint32(i))
	}
	slices.SortFunc(x.byName, func(a, b uint32) int {
		return cmp.Compare(x.streams[a].name, x.streams[b].name)
	})
}

// cursors is a heap of cursors by the ordinal they stand on.
type cursors []cursor

func (h cursors) Len() int           { return len(h) }
func (h cursors) Less(i, j int) bool { return h[i].head < h[j].head }
func (h cursors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(v any)        { *h = append(*h, v.(cursor)) }

// Pop removes the last cursor, which [heap.Pop] has put there.
func (h *cursors) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}
