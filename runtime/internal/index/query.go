package index

import (
	"math"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Query selects events. Fields at their zero value do not restrict; the others
// must all hold.
type Query struct {
	Entity      string
	Prefix      string // of the entity's name
	Scope       string
	Kinds       []uint16
	Categories  []uint16
	Correlation [16]byte
	// Root is the sequence of the event that has the correlation for its id, and for
	// its correlation too; 0 = there is none. The index does not know whole ids, so
	// the caller looks for it.
	Root  uint64
	MinID uint64 // upper half of the id
	EndID uint64 // the same, exclusive; 0 = no end
	After uint64 // sequence
	Until uint64 // sequence, inclusive; 0 = no end

	Scoped   bool // only events that have a scope: not those that a compaction dropped
	Backward bool // the newest first
}

// Matches reports whether q selects an event.
func (q *Query) Matches(e *Entry) bool {
	correlation := e.Correlation
	if correlation == [16]byte{} {
		correlation = e.ID
	}
	return e.Sequence > q.After && (q.Until == 0 || e.Sequence <= q.Until) &&
		upper(e.ID) >= q.MinID && (q.EndID == 0 || upper(e.ID) < q.EndID) &&
		(q.Entity == "" || q.Entity == string(e.Entity)) &&
		strings.HasPrefix(string(e.Entity), q.Prefix) &&
		(q.Scope == "" || q.Scope == string(e.Scope)) && (!q.Scoped || len(e.Scope) > 0) &&
		(q.Correlation == [16]byte{} || q.Correlation == correlation) &&
		q.TakesKind(e.Kind)
}

// TakesKind reports whether q selects events of a kind.
func (q *Query) TakesKind(kind uint16) bool {
	return (len(q.Kinds) == 0 || slices.Contains(q.Kinds, kind)) &&
		(len(q.Categories) == 0 || slices.Contains(q.Categories, kind>>12))
}

// few is how many streams may have a prefix for all their events to be counted.
const few = 8

// stretch is how many events are looked at, or a few more, while others wait for the
// lock.
const stretch = 1 << 13

// Find appends to dst the next events that match q, in its direction, as many as
// dst has room for. It returns fewer only at the end.
//
// It walks the filter that leaves the fewest events between the ends of the query,
// and compares the others in each of these events. So the cost is the number of
// events found and of those that the best filter leaves and another one takes out.
// A prefix that many streams have is compared too, as most of these events are
// theirs or there are few of them; where it turns out that they are not, the
// streams are walked side by side, each for the price of a few comparisons.
//
// However much it has to look at, it lets who adds in between.
func (x *Index) Find(dst []Ref, q Query) []Ref {
	if q.Prefix != "" && q.Entity == "" {
		x.sortNames()
	}
	for more := true; more && len(dst) < cap(dst); {
		s := search{Index: x, q: q}
		dst, more = s.some(dst)
		q = s.q
	}
	return dst
}

// some is [Index.Find] as far as the lock may be held. It reports whether there may be
// more, and leaves in the query where to go on.
func (s *search) some(dst []Ref) (found []Ref, more bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.boundLocked() || !s.pickLocked() {
		return dst, false
	}
	return s.collectLocked(dst)
}

// search is a query under way.
type search struct {
	*Index
	q        Query
	from, to uint32 // ordinals

	all    [1]*postings // nil: all events
	walked []*postings  // nil among them means all events
	size   uint64       // how many events walked has from from to to

	// What the query's names mean, to compare rows with.
	stream      uint32
	scope       uint32
	root, story postings
	inStory     bool // every event that is walked has the correlation

	parts [][]uint32 // the streams with the prefix, if they are many
	named int        // how many they are
}

// boundLocked narrows the search to the ends of the query. It reports false if
// nothing lies between.
func (s *search) boundLocked() bool {
	s.from, _ = s.upToLocked(s.q.After) // the first one after sequence After
	s.to = s.count
	if s.q.Until != 0 {
		s.to, _ = s.upToLocked(s.q.Until)
		if planted.Bug("last event of a range is left out") {
			s.to--
		}
	}
	if s.q.MinID > 0 {
		s.from = max(s.from, s.atLeastLocked(s.q.MinID))
	}
	if s.q.EndID > 0 {
		s.to = min(s.to, s.atLeastLocked(s.q.EndID))
	}
	return s.from < s.to
}

// pickLocked picks the lists to walk. It reports false if nothing can match.
func (s *search) pickLocked() bool {
	s.walked, s.size = s.all[:], uint64(s.to-s.from)
	if s.q.Scope != "" {
		i, ok := s.scopeOf[s.q.Scope]
		if !ok {
			return false
		}
		s.scope = i
		s.offer(&s.scopes[i].events)
	}
	if len(s.q.Kinds) > 0 || len(s.q.Categories) > 0 {
		s.offer(s.kindsLocked()...)
	}
	switch {
	case s.q.Entity != "":
		i, ok := s.streamOf[s.q.Entity]
		if !ok || !strings.HasPrefix(s.q.Entity, s.q.Prefix) {
			return false
		}
		s.stream = i
		s.offer(&s.streams[i].events)
	case s.q.Prefix != "":
		s.parts, s.named = s.prefixLocked(s.q.Prefix)
		if s.named <= few {
			s.offer(s.prefixedLocked()...)
			s.parts = nil
		}
	}
	if s.q.Correlation != [16]byte{} {
		s.story = s.stories.find(s.hash(s.q.Correlation[:]))
		if o, ok := s.findLocked(s.q.Root); ok {
			s.root.add(o)
		}
		s.inStory = s.offer(&s.root, &s.story) || planted.Bug("correlation is not compared")
	}
	return s.size > 0
}

// offer offers lists to be walked, and reports whether they are the ones with the
// fewest events so far.
func (s *search) offer(l ...*postings) bool {
	size := uint64(0)
	for _, p := range l {
		size += p.before(s.to) - p.before(s.from)
	}
	if size >= s.size {
		return false
	}
	s.walked, s.size = l, size
	return true
}

// kindsLocked are the lists of the kinds that are asked for.
func (s *search) kindsLocked() (l []*postings) {
	for k, p := range s.kinds {
		if s.q.TakesKind(k) {
			l = append(l, p)
		}
	}
	return l
}

// prefixedLocked are the lists of the streams with the prefix.
func (s *search) prefixedLocked() (l []*postings) {
	for _, part := range s.parts {
		for _, i := range part {
			l = append(l, &s.streams[i].events)
		}
	}
	return l
}

// collectLocked appends what matches, as some does.
func (s *search) collectLocked(dst []Ref) (found []Ref, more bool) {
	w := s.walk()
	left, patience := stretch, math.MaxInt
	if s.parts != nil {
		patience = 4 * s.named
		left += patience
	}
	for ; len(dst) < cap(dst); left-- {
		o, ok := w.next()
		if !ok {
			return dst, false
		}
		if patience--; patience < 0 {
			sometimes.Reached("streams of a prefix were walked side by side")
			s.goOnWithPrefixLocked(o)
			w, patience = s.walk(), math.MaxInt
			continue
		}
		if s.matchesLocked(o) {
			dst = append(dst, s.refLocked(o))
		}
		if left <= 0 {
			sometimes.Reached("query let others have the lock")
			return dst, s.goOnLocked(o)
		}
	}
	return dst, false
}

// goOnLocked makes the query go on behind ordinal o, and reports whether anything is
// left of it.
func (s *search) goOnLocked(o uint32) bool {
	n := s.sequenceLocked(o)
	if s.q.Backward {
		s.q.Until = n - 1
		return n > 1
	}
	s.q.After = n
	return true
}

// goOnWithPrefixLocked makes the streams with the prefix what is walked, from
// ordinal o on.
func (s *search) goOnWithPrefixLocked(o uint32) {
	if s.q.Backward {
		s.to = o + 1
	} else if s.from = o; planted.Bug("prefix goes on behind the event where it lost patience") {
		s.from++
	}
	s.walked, s.inStory = s.prefixedLocked(), false
}

func (s *search) matchesLocked(o uint32) bool {
	r := s.rowLocked(o)
	switch {
	case s.q.Entity != "":
		if r.stream != s.stream {
			return false
		}
	case s.q.Prefix != "":
		if !strings.HasPrefix(s.streams[r.stream].name, s.q.Prefix) {
			return false
		}
	}
	return (s.q.Scope == "" || r.scope == s.scope) && s.q.TakesKind(r.kind) &&
		(!s.q.Scoped || s.scopes[r.scope].name != "") &&
		(s.q.Correlation == [16]byte{} || s.inStory || s.root.holds(o) || s.story.holds(o))
}
