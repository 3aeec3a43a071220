package batpak_test

import (
	"errors"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestReactor: what a reactor answers is caused by the event, and shares its correlation,
// where it has given no other; and asking changes nothing in the store.
func TestReactor(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	asked, err := s.Get(mustAppend(t, s, note("a:1", "asked"), batpak.Correlate(batpak.ID{9})).ID())
	if err != nil {
		t.Fatal(err)
	}
	other := mustAppend(t, s, note("a:1", "other"))
	answer := note("b:1", "answer")
	answer.Kind = 0x1002
	r := batpak.Reactor{Name: "echo", On: []batpak.Kind{asked.Kind}, Emits: []batpak.Kind{answer.Kind}}
	r.React = func(_ batpak.Event, b *batpak.Batch) error {
		b.Add(answer)
		b.Add(answer, batpak.CausedBy(other.ID()), batpak.Correlate(batpak.ID{8}))
		b.Add(answer, batpak.CausedByItem(0))
		return nil
	}
	b, err := r.Answer(s, asked)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(events(t, s, batpak.Query{})); n != 2 {
		t.Fatalf("there are %d events before the answer is committed, want 2", n)
	}
	receipts, err := b.Commit(t.Context())
	if err != nil || len(receipts) != 3 {
		t.Fatalf("Commit() = %d receipts, %v", len(receipts), err)
	}
	for i, want := range []struct{ cause, correlation batpak.ID }{
		{asked.ID, batpak.ID{9}}, {other.ID(), batpak.ID{8}}, {receipts[0].ID(), batpak.ID{9}},
	} {
		e, err := s.Get(receipts[i].ID())
		if err != nil || e.Causation != want.cause || e.Correlation != want.correlation {
			t.Errorf("answer %d is caused by %v in %v, %v, want %v in %v", i, e.Causation, e.Correlation, err, want.cause, want.correlation)
		}
	}

	failed := errors.New("failed")
	for what, c := range map[string]struct {
		on    batpak.Kind
		react func(batpak.Event, *batpak.Batch) error
		want  error
	}{
		"event of another kind":   {0x1003, func(batpak.Event, *batpak.Batch) error { t.Error("it was asked"); return nil }, batpak.ErrInvalid},
		"answer of another kind":  {asked.Kind, func(_ batpak.Event, b *batpak.Batch) error { b.Add(note("a:1", "x")); return nil }, batpak.ErrInvalid},
		"answer that is in error": {asked.Kind, func(_ batpak.Event, b *batpak.Batch) error { b.Add(batpak.Draft{Err: failed}); return nil }, failed},
		"its own error":           {asked.Kind, func(batpak.Event, *batpak.Batch) error { return failed }, failed},
	} {
		r.On, r.React = []batpak.Kind{c.on}, c.react
		if b, err := r.Answer(s, asked); !errors.Is(err, c.want) || b != nil {
			t.Errorf("%s: Answer() = %v, %v, want %v", what, b, err, c.want)
		}
	}
	r.On = []batpak.Kind{asked.Kind}
	r.React = func(_ batpak.Event, b *batpak.Batch) error { batpak.AddPermit(b, batpak.Permit[int]{}); return nil }
	_, err = r.Answer(s, asked)
	if a, ok := errors.AsType[*batpak.ArgumentError](err); !ok || a.What != "permit" {
		t.Errorf("Answer() with the permit of nobody = %v, want an ArgumentError about the permit", err)
	}
}
