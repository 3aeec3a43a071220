package props

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/props/draw"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
)

// Payload is what an event carries.
type Payload interface {
	AppendBatpak(dst []byte) []byte
}

// Scenario is a story told in three words, on a store in memory: given events were
// appended, when a command is run, then it does this. Generated code gives it the
// types of a schema:
//
//	bank.Given(t, bank.MoneyDeposited{Amount: 100}).
//		WhenWithdraw(bank.MoneyWithdrawn{Amount: 101}, 500).
//		ThenDenied("NSF")
//
// S is the generated type that embeds it, and that its methods return.
type Scenario[S any] struct {
	TB     testing.TB
	self   S
	store  *batpak.Store
	draft  func(Payload) batpak.Draft      // of an event for its stream
	decode func(batpak.Event) (any, error) // finds the payload of an event, for people

	command string // the one run last; empty before the first
	asked   bool   // somebody said what it should do
	err     error  // of it
	before  uint64 // the last sequence when it began
}

// NewScenario begins a scenario whose store is closed with the test. What a command
// failed with, and nobody asked for, fails the test.
func NewScenario[S any](t testing.TB, self S, draft func(Payload) batpak.Draft, decode func(batpak.Event) (any, error)) *Scenario[S] {
	t.Helper()
	store, err := batpaktest.NewDisk().Open(nil)
	if err != nil {
		t.Fatalf("open a store in memory: %v", err)
	}
	s := &Scenario[S]{TB: t, self: self, store: store, draft: draft, decode: decode}
	t.Cleanup(func() {
		s.settle()
		if err := store.Close(); err != nil {
			t.Errorf("close the store in memory: %v", err)
		}
	})
	return s
}

// Store is the store of the scenario.
func (s *Scenario[S]) Store() *batpak.Store { return s.store }

// Given appends events, past all gates.
func (s *Scenario[S]) Given(events ...Payload) S {
	s.TB.Helper()
	for i, e := range events {
		d := s.draft(e)
		if _, err := s.store.Append(s.TB.Context(), d); err != nil {
			s.TB.Fatalf("given event %d, %s, cannot be appended: %v", i+1, draw.Show(e), err)
		}
	}
	return s.self
}

// When runs a command.
func (s *Scenario[S]) When(command string, run func(context.Context) (batpak.Receipt, error)) S {
	s.TB.Helper()
	s.settle()
	s.command, s.asked, s.before = command, false, s.store.Frontier().Visible
	_, s.err = run(s.TB.Context())
	return s.self
}

// settle fails the test if the last command failed and nobody said that it should.
func (s *Scenario[S]) settle() {
	s.TB.Helper()
	if s.command != "" && s.err != nil && !s.asked {
		s.TB.Errorf("%s, and no Then asks for that", s.outcome())
	}
}

// ask begins what a Then does.
func (s *Scenario[S]) ask() {
	s.TB.Helper()
	if s.command == "" {
		s.TB.Fatal("Then comes after When: no command was run")
	}
	s.asked = true
}

// ThenDenied holds that a gate denied the command, with the code, and that nothing
// was appended.
func (s *Scenario[S]) ThenDenied(code string) S {
	s.TB.Helper()
	s.ask()
	if d, ok := errors.AsType[*batpak.DeniedError](s.err); !ok || d.Code != code {
		s.TB.Errorf("%s\nwant: denied with %s", s.outcome(), code)
	} else if got := s.appended(); len(got) > 0 {
		s.TB.Errorf("%s, but something was appended:%s", s.outcome(), list(got))
	}
	return s.self
}

// ThenError holds that the command failed with the error, see [errors.Is], and that
// nothing was appended.
func (s *Scenario[S]) ThenError(target error) S {
	s.TB.Helper()
	s.ask()
	if s.err == nil || !errors.Is(s.err, target) {
		s.TB.Errorf("%s\nwant: the error %v", s.outcome(), target)
	} else if got := s.appended(); len(got) > 0 {
		s.TB.Errorf("%s, but something was appended:%s", s.outcome(), list(got))
	}
	return s.self
}

// ThenAppended holds that the command succeeded and appended these events.
func (s *Scenario[S]) ThenAppended(events ...Payload) S {
	s.TB.Helper()
	s.ask()
	want := make([]said, len(events))
	for i, e := range events {
		d := s.draft(e)
		if d.Err != nil {
			s.TB.Fatalf("event %d that is wanted, %s, cannot be stored: %v", i+1, draw.Show(e), d.Err)
		}
		want[i] = s.said(batpak.Event{
			Meta:    batpak.Meta{Coordinate: d.Coordinate, Kind: d.Kind, PayloadVersion: d.PayloadVersion},
			Payload: d.Payload,
		})
	}
	if s.err != nil {
		s.TB.Errorf("%s\nwant: appended%s", s.outcome(), list(want))
	} else if got := s.appended(); !slices.Equal(got, want) {
		s.TB.Errorf("%s appended%s\nwant%s", s.command, list(got), list(want))
	}
	return s.self
}

// ThenState holds that a projection is in a state. It may come before any command.
func (s *Scenario[S]) ThenState(projection string, got any, err error, want any) S {
	s.TB.Helper()
	if err != nil {
		s.TB.Errorf("projection %s fails: %v", projection, err)
	} else if !reflect.DeepEqual(got, want) {
		s.TB.Errorf("projection %s is\n\t%s\nwant\n\t%s", projection, draw.Show(got), draw.Show(want))
	}
	return s.self
}

// outcome says what became of the command.
func (s *Scenario[S]) outcome() string {
	if d, ok := errors.AsType[*batpak.DeniedError](s.err); ok {
		return fmt.Sprintf("%s was denied by gate %s with %s: %s", s.command, d.Gate, d.Code, d.Message)
	}
	if s.err != nil {
		return fmt.Sprintf("%s failed: %v", s.command, s.err)
	}
	return s.command + " passed its gates and was appended"
}

// said is an event as scenarios compare them, and as people read it.
type said struct{ stored, text string }

// appended are the events since the command began.
func (s *Scenario[S]) appended() []said {
	s.TB.Helper()
	var all []said
	for e, err := range s.store.Events(batpak.Query{After: s.before}) {
		if err != nil {
			s.TB.Fatal(err)
		}
		all = append(all, s.said(e))
	}
	return all
}

func (s *Scenario[S]) said(e batpak.Event) said {
	stored := fmt.Sprintf("kind %v, version %d, payload %x", e.Kind, e.PayloadVersion, e.Payload)
	text := stored
	if v, err := s.decode(e); err == nil {
		text = draw.Show(v)
	}
	return said{e.Entity + " " + e.Scope + " " + stored, e.Entity + ": " + text}
}

// list writes one event on a line.
func list(events []said) string {
	if len(events) == 0 {
		return " nothing"
	}
	var b strings.Builder
	for _, e := range events {
		b.WriteString("\n\t" + e.text)
	}
	return ":" + b.String()
}

// NoDraft is for what is no event of a schema.
func NoDraft(e Payload) batpak.Draft {
	return batpak.Draft{Err: fmt.Errorf("%T is no event of this schema", e)}
}

// NoPayload is for an event of another schema.
func NoPayload(e batpak.Event) (any, error) {
	return nil, fmt.Errorf("kind %v is not of this schema", e.Kind)
}

// PayloadOf is the payload of an event that was decoded.
func PayloadOf[T any](e batpak.Stored[T], err error) (any, error) { return e.Payload, err }
