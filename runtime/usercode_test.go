package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// callback is a place where the store runs its users' code.
type callback struct {
	name  string
	gate  bool // a panic is its denial
	calls func(s *batpak.Store, hostile func()) error
}

// callbacks lets hostile code run in each of the places.
func callbacks() []callback {
	ctx := context.Background()
	gates := func(hostile func()) []batpak.Gate[budget] {
		return []batpak.Gate[budget]{{Name: "hostile", Eval: func(budget) *batpak.Denial {
			hostile()
			return nil
		}}}
	}
	body := func(hostile func()) func(*int, batpak.Event) error {
		return func(n *int, _ batpak.Event) error {
			if *n++; *n == 2 {
				hostile()
			}
			return nil
		}
	}
	each := func(events func(func(batpak.Event, error) bool), hostile func()) (err error) {
		events(func(_ batpak.Event, e error) bool {
			if err = e; err == nil {
				hostile()
			}
			return false
		})
		return err
	}
	second := func(s *batpak.Store) batpak.ID {
		e, err := s.At(2)
		if err != nil {
			panic(err)
		}
		return e.ID
	}
	return []callback{
		{name: "gate of a proposal", gate: true, calls: func(s *batpak.Store, hostile func()) error {
			p, err := propose(s, gates(hostile))(ctx)
			if err == nil {
				_, err = batpak.Commit(ctx, s, p)
			}
			return err
		}},
		{name: "gate of a command", gate: true, calls: func(s *batpak.Store, hostile func()) error {
			_, err := batpak.Decide(ctx, s, note("purse:1", "spent"), propose(s, gates(hostile)))
			return err
		}},
		{name: "gate of a command that has the turn", gate: true, calls: func(s *batpak.Store, hostile func()) error {
			return insist(s, func() error {
				_, err := propose(s, gates(hostile))(ctx)
				return err
			})
		}},
		{name: "proposal of a command that has the turn", calls: func(s *batpak.Store, hostile func()) error {
			return insist(s, func() error {
				hostile()
				return nil
			})
		}},
		{name: "fold", calls: func(s *batpak.Store, hostile func()) error {
			_, err := batpak.Project(ctx, s, "purse:1", body(hostile))
			return err
		}},
		{name: "body of a loop over events", calls: func(s *batpak.Store, hostile func()) error {
			return each(s.Events(batpak.Query{}), hostile)
		}},
		{name: "body of a loop over ancestors", calls: func(s *batpak.Store, hostile func()) error {
			return each(s.Ancestors(second(s)), hostile)
		}},
		{name: "body of a loop over causes", calls: func(s *batpak.Store, hostile func()) error {
			return each(s.Causes(second(s)), hostile)
		}},
		{name: "body of a loop over effects", calls: func(s *batpak.Store, hostile func()) error {
			e, err := s.At(1)
			if err == nil {
				err = each(s.Effects(e.ID), hostile)
			}
			return err
		}},
	}
}

// insist runs a command whose first attempt loses to somebody else, so that it has
// the turn of its stream when it asks again.
func insist(s *batpak.Store, asked func() error) error {
	ctx, attempts := context.Background(), 0
	_, err := batpak.Decide(ctx, s, note("purse:1", "spent"), func(ctx context.Context) (batpak.Permit[spent], error) {
		if attempts++; attempts == 2 {
			if err := asked(); err != nil {
				return batpak.Permit[spent]{}, err
			}
		}
		p, err := propose(s, nil)(ctx)
		if attempts == 1 && err == nil {
			_, err = s.Append(ctx, note("purse:1", "in between"))
		}
		return p, err
	})
	return err
}

// hostility is what hostile code does.
type hostility struct {
	name   string
	closes bool
	does   func(s *batpak.Store)
}

func hostilities() []hostility {
	ctx := context.Background()
	must := func(err error) {
		if err != nil && !errors.Is(err, batpak.ErrClosed) {
			panic(fmt.Errorf("hostile code got %w", err))
		}
	}
	return []hostility{
		{name: "panics", does: func(*batpak.Store) { panic("hostile") }},
		{name: "panics with nothing", does: func(*batpak.Store) { panic(nil) }},
		{name: "ends its goroutine", does: func(*batpak.Store) { runtime.Goexit() }},
		{name: "appends", does: func(s *batpak.Store) {
			_, err := s.Append(ctx, note("other:1", "x"))
			must(err)
		}},
		{name: "appends to the same stream", does: func(s *batpak.Store) {
			_, err := s.Append(ctx, note("purse:1", "x"))
			must(err)
		}},
		{name: "reads", does: func(s *batpak.Store) {
			_, err := batpak.Project(ctx, s, "purse:1", count)
			must(err)
			_, err = s.Verify(ctx)
			must(err)
		}},
		{name: "syncs", does: func(s *batpak.Store) { must(s.Sync(ctx)) }},
		{name: "runs a command on the same stream", does: func(s *batpak.Store) {
			must(insist(s, func() error { return nil }))
		}},
		{name: "waits for a command on the same stream", does: func(s *batpak.Store) {
			done := make(chan error)
			go func() { done <- insist(s, func() error { return nil }) }()
			must(<-done)
		}},
		{name: "closes the store", closes: true, does: func(s *batpak.Store) { must(s.Close()) }},
	}
}

// TestHostileUserCode lets each thing that users' code may do wrong happen at each
// place where the store runs it. The store neither waits for ever nor is harmed,
// and what has nothing to do with it goes on. A command that runs another one on
// its own stream waits for the turn that it has itself, until it has lost it.
func TestHostileUserCode(t *testing.T) {
	for _, place := range callbacks() {
		for _, h := range hostilities() {
			t.Run(place.name+" "+h.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { suffer(t, place, h) })
			})
		}
	}
}

// suffer runs hostile code in a goroutine of its own, and looks at the store
// afterwards.
func suffer(t *testing.T, place callback, h hostility) {
	d := simfs.New()
	s := openSim(t, d, nil)
	first := mustAppend(t, s, note("purse:1", "1"))
	mustAppend(t, s, note("purse:1", "2"), batpak.CausedBy(first.ID()))

	reached, returned := false, false
	var err error
	var panicked any
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { panicked = recover() }()
		err = place.calls(s, func() {
			if !reached {
				reached = true
				h.does(s)
			}
		})
		returned = true
	}()
	<-over
	denied, isDenied := errors.AsType[*batpak.DeniedError](err)
	isPanic := h.name == "panics" || h.name == "panics with nothing"
	switch {
	case !reached:
		t.Fatal("hostile code was not run")
	case isPanic && place.gate && (!isDenied || denied.Denial.Code != batpak.CodePanic):
		t.Errorf("gate that panics = %v, want a denial", err)
	case isPanic && !place.gate && panicked == nil:
		t.Errorf("panic did not come back to the caller, who got %v", err)
	case h.name == "ends its goroutine" && (returned || panicked != nil):
		t.Errorf("goroutine that ended went on: %v, %v", err, panicked)
	case !isPanic && panicked != nil:
		t.Errorf("panic: %v", panicked)
	case h.closes && errors.Is(err, batpak.ErrClosed):
	case errors.Is(err, batpak.ErrConflict) && place.name == "gate of a proposal": // its stream has moved
	case !isPanic && err != nil:
		t.Errorf("call = %v", err)
	}
	if !h.closes {
		// Others get their turn, at once.
		began := time.Now()
		mustAppend(t, s, note("purse:1", "after"))
		if err := insist(s, func() error { return nil }); err != nil {
			t.Errorf("command after hostile code = %v", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("what came after hostile code took %v of virtual time", took)
		}
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
			t.Errorf("Verify() = %+v, %v", v, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	again := openSim(t, d, nil)
	if v, err := again.Verify(t.Context()); err != nil || len(v.Damages) > 0 || !again.Report().Clean {
		t.Errorf("reopened: %+v, %v, %+v, want a sound store that was closed", v, err, again.Report())
	}
}

// TestHostileUserCodeThatGoesOn lets users' code not come back, and the store be
// used and closed beside it.
func TestHostileUserCodeThatGoesOn(t *testing.T) {
	for _, place := range callbacks() {
		t.Run(place.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openSim(t, simfs.New(), nil)
				first := mustAppend(t, s, note("purse:1", "1"))
				mustAppend(t, s, note("purse:1", "2"), batpak.CausedBy(first.ID()))
				forever, over := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(over)
					_ = place.calls(s, func() { <-forever })
				}()
				synctest.Wait()
				r := mustAppend(t, s, note("purse:1", "beside"))
				if e, err := s.Get(r.ID()); err != nil {
					t.Errorf("Get() = %+v, %v", e, err)
				}
				if err := insist(s, func() error { return nil }); err != nil {
					t.Errorf("command beside hostile code = %v", err)
				}
				if err := s.Close(); err != nil {
					t.Errorf("Close() = %v", err)
				}
				close(forever)
				<-over
			})
		})
	}
}
