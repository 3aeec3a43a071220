package index

import "github.com/batpak-go/batpak/runtime/internal/sometimes"

// walk goes through lists of ordinals side by side, in one direction. It is a heap
// of cursors, by the ordinals they stand on.
type walk struct {
	cursors  []cursor
	backward bool
}

// walk begins to walk the lists of a search, between its ends.
func (s *search) walk() walk {
	w := walk{cursors: make([]cursor, 0, len(s.walked)), backward: s.q.Backward}
	for _, p := range s.walked {
		c := cursor{list: p, lo: uint64(s.from), hi: uint64(s.to)}
		if p != nil {
			c.lo, c.hi = p.before(s.from), p.before(s.to)
		}
		if c.step(w.backward) {
			w.cursors = append(w.cursors, c)
		}
	}
	for i := len(w.cursors) / 2; i >= 0; i-- {
		w.sift(i)
	}
	return w
}

// next takes the next ordinal, if there is one.
func (w *walk) next() (ordinal uint32, ok bool) {
	if len(w.cursors) == 0 {
		return 0, false
	}
	ordinal = w.cursors[0].ordinal
	last := len(w.cursors) - 1
	if !w.cursors[0].step(w.backward) {
		w.cursors[0] = w.cursors[last]
		w.cursors = w.cursors[:last]
	}
	if last > 0 {
		sometimes.Reached("query walked several lists")
		w.sift(0)
	}
	return ordinal, true
}

// sift moves cursor i down to its place.
func (w *walk) sift(i int) {
	for {
		next := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(w.cursors); child++ {
			if (w.cursors[child].ordinal < w.cursors[next].ordinal) != w.backward {
				next = child
			}
		}
		if next == i {
			return
		}
		w.cursors[i], w.cursors[next] = w.cursors[next], w.cursors[i]
		i = next
	}
}

// cursor is a place in a list; in no list, it walks all ordinals.
type cursor struct {
	list    *postings
	lo, hi  uint64 // what is left of the list
	ordinal uint32 // it stands on
}

// step goes to the next ordinal, if there is one.
func (c *cursor) step(backward bool) bool {
	if c.lo == c.hi {
		return false
	}
	n := c.lo
	if backward {
		c.hi--
		n = c.hi
	} else {
		c.lo++
	}
	c.ordinal = uint32(n)
	if c.list != nil {
		c.ordinal = c.list.at(n)
	}
	return true
}
