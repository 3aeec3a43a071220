package batpak

import (
	"sync"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// A long iteration has its events read ahead, in parts, on other processors. It looks all
// of them up itself, in order, and whoever reads a part gives up at the first event that
// is not sound: from there on the iteration reads the part in its turn and says what is
// the matter. So what it gives does not depend on who was ahead. If the other processors
// are busy, so that nobody has begun a part whose turn it is, it reads all of that itself.

const (
	longRead  = 16 * pageSize // events that an iteration reads before others help
	partSize  = 4 * pageSize  // events that are read together, as far as they have
	partBytes = 1 << 20       // no more than this
	maxParts  = 4             // that are ahead: more would be read no faster than they are given
)

// ahead is what is read ahead of one iteration.
type ahead struct {
	*selection
	most    int         // parts that are ahead
	queue   []*part     // in their order
	idle    *part       // to be used again, if there is one
	over    atomic.Bool // nobody takes any more
	helpers sync.WaitGroup
}

// part is some events that were looked up, for one goroutine to read.
type part struct {
	selection
	events []Event // the first of them; one that is not selected has no sequence
	begun  atomic.Bool
	done   chan struct{} // holds something when they were read
}

// ahead gives what others read, until nobody is ahead any more. It reports false as
// [selection.inTurn] does.
func (s *selection) ahead(yield func(Event, error) bool) bool {
	a := ahead{selection: s, most: min(s.store.workers(), maxParts)}
	defer a.helpers.Wait()
	defer a.over.Store(true)
	for p := a.next(); p != nil; p = a.next() {
		for i := range p.events {
			if i%pageSize == 0 && s.store.closed.Load() && !planted.Bug("events that were read ahead of a close are given") {
				p.events = p.events[:i]
				break
			}
			e := &p.events[i]
			if e.Sequence == 0 {
				continue
			}
			var taken error
			if !s.places {
				taken = e.whole()
			}
			if !yield(*e, taken) {
				return false
			}
		}
		for n := len(p.events); n < len(p.refs) && !planted.Bug("events that could not be read ahead are left out"); {
			sometimes.Reached("events of a part that is read ahead were read in their turn")
			rest := p.refs[n:min(n-n%pageSize+pageSize, len(p.refs))] // no more than it would have at hand alone
			s.cursor.Expect(len(rest), func(i int) format.Pos { return rest[i].Pos })
			if !s.inTurn(rest, yield) {
				return false
			}
			n += len(rest)
		}
		if p.events != nil { // otherwise somebody may be about to find that it was begun
			a.idle = p
		}
	}
	return true
}

// next is the next part, with what was read of it; nil if there is none.
func (a *ahead) next() *part {
	a.fill()
	if len(a.queue) == 0 {
		return nil
	}
	p := a.queue[0]
	a.queue = append(a.queue[:0], a.queue[1:]...)
	a.fill()
	if p.begun.CompareAndSwap(false, true) {
		p.events = nil
		return p
	}
	<-p.done
	return p
}

// fill has others read what comes next.
func (a *ahead) fill() {
	for !a.selection.over && len(a.queue) < a.most {
		p := a.idle
		if a.idle = nil; p == nil {
			p = &part{selection: *a.selection, events: make([]Event, 0, partSize), done: make(chan struct{}, 1)}
			p.cursor, p.names, p.refs = a.store.segments.Cursor(), new(names), make([]index.Ref, 0, partSize)
		}
		var err error
		if p.refs, err = a.lookUp(p.refs); err != nil { // it is looked up again when it is next, to say so
			sometimes.Reached("what is to be read ahead could not be looked up")
			a.selection.over, a.most = false, 0
			return
		}
		p.begun.Store(false)
		a.queue = append(a.queue, p)
		a.helpers.Go(func() { p.read(&a.over) })
	}
}

// read reads the events of a part, as far as they are sound, unless somebody does.
func (p *part) read(over *atomic.Bool) {
	if !p.begun.CompareAndSwap(false, true) {
		return
	}
	defer func() { p.done <- struct{}{} }()
	p.cursor.Expect(len(p.refs), func(i int) format.Pos { return p.refs[i].Pos })
	p.events = p.events[:0]
	bytes := int64(0)
	for i, ref := range p.refs {
		if bytes += int64(ref.Pos.Length); bytes > partBytes || over.Load() {
			return
		}
		e := &p.events[:i+1][i]
		selected, err := p.selection.read(e, ref)
		if err != nil {
			return
		}
		if !selected {
			e.Sequence = 0
		}
		p.events = p.events[:i+1]
	}
}
