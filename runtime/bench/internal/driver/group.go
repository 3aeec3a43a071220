package driver

import (
	"runtime"
	"sync"

	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// Group shares the syncs of a peer's appends, as a program that uses it would: one
// goroutine takes every append that waits and hands the events to the store as
// one batch.
func Group(d Driver) Driver {
	open := d.Open
	d.Name += "+gc"
	d.Settings = "as without +gc; one goroutine appends all that wait as one batch"
	d.Grouped = true
	d.Open = func(dir string, mode Mode) (Store, error) {
		s, err := open(dir, mode)
		if err != nil {
			return nil, err
		}
		g := &grouped{Store: s, asked: make(chan *asking, maxGroup)}
		g.done.Go(g.run)
		return g, nil
	}
	return d
}

const maxGroup = 1024 // events in a commit at most, about

// asking is an append that waits.
type asking struct {
	events []event.Event
	answer chan error
}

type grouped struct {
	Store
	asked chan *asking
	done  sync.WaitGroup
	pool  sync.Pool
}

func (g *grouped) Append(events []event.Event) error {
	a, ok := g.pool.Get().(*asking)
	if !ok {
		a = &asking{answer: make(chan error, 1)}
	}
	a.events = events
	g.asked <- a
	err := <-a.answer
	a.events = nil
	g.pool.Put(a)
	return err
}

func (g *grouped) run() {
	var (
		waiting []*asking
		events  []event.Event
	)
	for a := range g.asked {
		// Let those whom the last commit woke come, so that one commit takes all of them.
		runtime.Gosched()
		waiting, events = append(waiting[:0], a), append(events[:0], a.events...)
		for len(events) < maxGroup {
			a := g.next()
			if a == nil {
				break
			}
			waiting, events = append(waiting, a), append(events, a.events...)
		}
		err := g.Store.Append(events)
		for _, a := range waiting {
			a.answer <- err
		}
	}
}

// next is an append that waits already, or nil.
func (g *grouped) next() *asking {
	select {
	case a := <-g.asked: // nil once the channel is closed
		return a
	default:
		return nil
	}
}

func (g *grouped) Close() error {
	close(g.asked)
	g.done.Wait()
	return g.Store.Close()
}
