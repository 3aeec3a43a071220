package batpak_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing/synctest"
)

// schedule lets goroutines run one at a time, each from one point to the next, in
// an order that a seed determines: the same seed gives the same history.
//
// A goroutine is held up at each point, which is a place where others may come in
// between: the tests' own, those of the store (see rtopts.SetPoint), and every
// operation of the simulated disk. When nothing runs any more, the driver puts
// those who are held up in the order of their numbers, for the order in which
// they arrived is an accident, and releases one of them. No point lies under a
// mutex: a goroutine that waits for one does not count as blocked.
//
// Whom a goroutine wakes on its way runs beside it, but only to a point that lies
// right behind the place where it waited. There it must be known by more than
// having been released last, see [wakes].
type schedule struct {
	random *rand.Rand
	taste  taste
	driver uint64 // goroutine id
	strict bool   // check who is at each point, by ids alone; it takes time

	leaf, branch uintptr // where [nest] calls its function, and itself

	mu      sync.Mutex // guards all below
	free    bool       // points hold nobody up
	numbers map[uint64]int
	nested  []int // numbers of those that the schedule has started, by how deep they are nested
	current int   // the one that runs: that was released last, or whose context has ended since
	chosen  int   // the one that was released last
	started int   // goroutines that the store has started
	parked  []*parked
	steps   int
	last    string // point at which the current one was held up
	now     int64
	trace   uint64 // digest of all steps
	log     func(format string, args ...any)
}

// parked is a goroutine that is held up.
type parked struct {
	number  int // unnumbered until the driver gives it one
	id      uint64
	point   string
	release chan struct{}
}

const (
	unnumbered   = -1
	firstStarted = 100 // the number of the first goroutine that the store starts
)

func newSchedule(seed uint64) *schedule {
	s := &schedule{random: rand.New(rand.NewPCG(seed, 2)), driver: goroutine(), numbers: map[uint64]int{}}
	s.taste = tastes(s.random)[s.random.IntN(4)]
	nest(1, func() {
		var callers [2]uintptr
		runtime.Callers(2, callers[:])
		s.leaf, s.branch = callers[0], callers[1]
	})
	return s
}

// wakes reports whether a goroutine may come to a point of this name while another
// one runs: the one that woke or started it.
func wakes(point string) bool {
	switch point {
	case "lead", "told", "context ended", "next to fly", "groups are done", "turn",
		"turn to merge", "turn of the files", "turn of upkeep", "turn to copy", "turn to sync names":
		return true
	}
	return false
}

// point holds the goroutine up at a point of the store or of the disk.
func (s *schedule) point(name string) {
	if !wakes(name) && !s.strict {
		s.hold(&parked{number: s.runs(), point: name})
		return
	}
	id, number := uint64(0), unnumbered // an id is asked for if it must be
	if !s.strict {
		number = s.caller()
	}
	if number == unnumbered {
		if id = goroutine(); id == s.driver {
			return
		}
	}
	s.mu.Lock()
	if known, ok := s.numbers[id]; ok {
		number = known
	}
	if !wakes(name) && number != s.current && !s.free {
		panic(fmt.Sprintf("goroutine %d is at %q while %d runs", number, name, s.current))
	}
	s.mu.Unlock()
	s.hold(&parked{number: number, id: id, point: name})
}

// runs is the number of the one that was released last.
func (s *schedule) runs() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// hold waits until the driver releases p.
func (s *schedule) hold(p *parked) {
	s.mu.Lock()
	if s.free {
		s.mu.Unlock()
		return
	}
	p.release = make(chan struct{})
	s.parked = append(s.parked, p)
	s.mu.Unlock()
	<-p.release
}

// start starts a goroutine of this number, which is held up at once.
func (s *schedule) start(number int, f func()) {
	s.mu.Lock()
	depth := len(s.nested)
	s.nested = append(s.nested, number)
	s.mu.Unlock()
	go nest(depth, func() {
		s.mu.Lock()
		s.numbers[goroutine()] = number
		s.mu.Unlock()
		s.hold(&parked{number: number, point: "start"})
		f()
	})
}

// nest calls f from so many frames of its own, by which [schedule.caller] knows a goroutine.
//
//go:noinline
func nest(depth int, f func()) {
	if depth > 0 {
		nest(depth-1, f)
		return
	}
	f()
}

// caller is the number of the goroutine that asks, if it is seen to be one that the schedule
// has started. To count frames takes much less time than an id, for which a whole trace of
// the stack is written.
func (s *schedule) caller() int {
	var stack [128]uintptr
	callers := stack[:runtime.Callers(3, stack[:])]
	leaf := slices.Index(callers, s.leaf)
	if leaf < 0 || len(callers) == len(stack) { // and so there may be more of them
		return unnumbered
	}
	depth := 0
	for _, pc := range callers[leaf:] {
		if pc == s.branch {
			depth++
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nested[depth]
}

// wake says that a goroutine is about to run because its context ends.
func (s *schedule) wake(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = number
}

// tick is the time in steps and things that happened between them.
func (s *schedule) tick() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	return s.now
}

// quiet waits until nobody runs and returns who is held up, by number.
func (s *schedule) quiet() []*parked {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parked {
		if p.number == unnumbered {
			p.number = firstStarted + s.started
			s.numbers[p.id] = p.number
			s.started++
		}
	}
	slices.SortFunc(s.parked, func(a, b *parked) int { return cmp.Compare(a.number, b.number) })
	for i, p := range s.parked[min(1, len(s.parked)):] {
		if s.parked[i].number == p.number {
			panic(fmt.Sprintf("goroutine %d is at %q and at %q", p.number, s.parked[i].point, p.point))
		}
	}
	return s.parked
}

// step releases one of those who are held up.
func (s *schedule) step(waiting []*parked) {
	p := s.taste(s, waiting)
	s.note(strconv.Itoa(p.number), p.point)
	s.mu.Lock()
	s.parked = slices.DeleteFunc(s.parked, func(q *parked) bool { return q == p })
	s.current, s.chosen, s.last = p.number, p.number, p.point
	s.mu.Unlock()
	close(p.release)
}

// note makes a step part of the trace.
func (s *schedule) note(who, what string) {
	s.steps++
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %s %s", s.trace, who, what)
	s.trace = h.Sum64()
	if s.log != nil {
		s.log("%4d  %-4s %s", s.steps, who, what)
	}
}

// let holds nobody up any more.
func (s *schedule) let() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = true
	for _, p := range s.parked {
		close(p.release)
	}
	s.parked = nil
}

// taste chooses who goes next.
type taste func(s *schedule, waiting []*parked) *parked

// tastes are ways to choose. None of them finds all bugs: some need many
// changes of the goroutine, some few at the right place, and some that one is
// held up for very long.
func tastes(random *rand.Rand) []taste {
	any := func(s *schedule, waiting []*parked) *parked { return waiting[s.random.IntN(len(waiting))] }
	return []taste{any, sticky(any), ranked(random), slow()}
}

// sticky mostly goes on with the same goroutine.
func sticky(other taste) taste {
	return func(s *schedule, waiting []*parked) *parked {
		i := slices.IndexFunc(waiting, func(p *parked) bool { return p.number == s.chosen })
		if i >= 0 && s.random.IntN(8) > 0 {
			return waiting[i]
		}
		return other(s, waiting)
	}
}

// ranked lets the goroutine go that has the highest rank, and gives the highest
// of those who wait the lowest one at a few steps. Of bugs that need a few
// changes at the right places it finds many, see Burckhardt and others, "A
// randomized scheduler with probabilistic guarantees of finding bugs".
func ranked(random *rand.Rand) taste {
	ranks, changes, lowest := map[int]int{}, map[int]bool{}, 0
	for range 1 + random.IntN(6) {
		changes[random.IntN(400)] = true
	}
	return func(s *schedule, waiting []*parked) *parked {
		for _, p := range waiting {
			if _, ok := ranks[p.number]; !ok {
				ranks[p.number] = 1 + s.random.IntN(1<<20)
			}
		}
		rank := func(a, b *parked) int { return cmp.Compare(ranks[a.number], ranks[b.number]) }
		if changes[s.steps] {
			lowest--
			ranks[slices.MaxFunc(waiting, rank).number] = lowest
		}
		return slices.MaxFunc(waiting, rank)
	}
}

// slow holds up longer at some points than at others.
func slow() taste {
	weights := map[string]int{}
	return func(s *schedule, waiting []*parked) *parked {
		total := 0
		for _, p := range waiting {
			if weights[p.point] == 0 {
				weights[p.point] = []int{1, 20, 100}[s.random.IntN(3)]
			}
			total += weights[p.point]
		}
		n := s.random.IntN(total)
		for _, p := range waiting {
			if n -= weights[p.point]; n < 0 {
				return p
			}
		}
		return nil
	}
}

// goroutine is the id of the goroutine that asks.
func goroutine() uint64 {
	var buf [40]byte
	n := runtime.Stack(buf[:], false)
	digits := buf[len("goroutine "):n]
	id := uint64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		id = 10*id + uint64(c-'0')
	}
	return id
}
