package props

import (
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/leanovate/gopter"

	"github.com/batpak-go/batpak/props/draw"
	batpak "github.com/batpak-go/batpak/runtime"
)

// How many cases the laws of generated tests try.
const (
	valueCases   = 100
	historyCases = 60
)

// Test holds a codec to its laws: generated payloads survive it, and what it makes
// of any bytes, among them encodings that were tampered with, is bounded and
// canonical. Nothing may run beside it, see [Codec.Total]. Generated tests call it.
func (c Codec[T]) Test(t *testing.T, payloads gopter.Gen) {
	t.Helper()
	t.Run("round trip", func(t *testing.T) { Check(t, valueCases, payloads, c.RoundTrip) })
	t.Run("any bytes", func(t *testing.T) {
		type tampered struct {
			Of    T
			Edits []byte
		}
		cases := gopter.DeriveGen(
			func(v T, edits []byte) tampered { return tampered{v, edits} },
			func(c tampered) (T, []byte) { return c.Of, c.Edits },
			payloads, draw.Lists[[]byte](draw.Ints[uint8](), 0))
		Check(t, valueCases, cases, func(v tampered) error {
			b := Tamper(c.Append(v.Of, nil), v.Edits)
			return errors.Join(c.Canonical(b), c.Total(b))
		})
	})
}

// Tamper returns bytes with edits, of three bytes each: what, where, and with which
// byte. A byte may be changed, put in or left out, a bit flipped, the rest cut off or
// repeated.
func Tamper(b, edits []byte) []byte {
	b = slices.Clone(b)
	for e := range slices.Chunk(edits, 3) {
		if len(e) < 3 || len(b) == 0 {
			break
		}
		at := int(e[1]) % len(b)
		switch e[0] % 6 {
		case 0:
			b[at] = e[2]
		case 1:
			b[at] ^= 1 << (e[2] % 8)
		case 2:
			b = slices.Insert(b, at, e[2])
		case 3:
			b = slices.Delete(b, at, at+1)
		case 4:
			b = b[:at]
		case 5:
			b = append(b, b[at:]...)
		}
	}
	return b
}

// Then is one upcast after another.
func Then[A, B, C any](ab func(A) (B, error), bc func(B) (C, error)) func(A) (C, error) {
	return func(a A) (c C, err error) {
		b, err := ab(a)
		if err != nil {
			return c, err
		}
		return bc(b)
	}
}

// Lift holds that upcasts take any payload of an old version: they return, the same
// each time, and what they make of it holds. They may refuse it with an error, since
// the values are made up; the test logs how many they refused. Generated tests call
// it, with the law that lifted payloads survive their encoding.
func Lift[From, To any](t *testing.T, payloads gopter.Gen, lift func(From) (To, error), holds func(To) error) {
	t.Helper()
	refused, all := 0, 0
	Check(t, valueCases, payloads, func(v From) error {
		all++
		given := draw.Clone(v)
		lifted, err := lift(v)
		if !reflect.DeepEqual(v, given) {
			return fmt.Errorf("upcast made %+v out of what it was given", v)
		}
		again, errAgain := lift(given)
		if (err == nil) != (errAgain == nil) || !reflect.DeepEqual(lifted, again) {
			return fmt.Errorf("upcast the second time = %+v, %v, want %+v, %v", again, errAgain, lifted, err)
		}
		if err != nil {
			refused++
			return nil
		}
		return holds(lifted)
	})
	t.Logf("the upcasts refused %d of %d payloads", refused, all)
}

// Storable is the law that a lifted payload can be stored again: check, unless nil,
// finds nothing, and it survives its encoding.
func (c Codec[T]) Storable(check func(T) error) func(T) error {
	return func(v T) error {
		if check != nil {
			if err := check(v); err != nil {
				return fmt.Errorf("upcast makes %+v, which cannot be stored: %w", v, err)
			}
		}
		return c.RoundTrip(v)
	}
}

// history is a case of [Fold] and [Save]: what is folded before a cut and after it.
// As two lists, it shrinks and the cut stays where it is.
type history struct{ before, after []draw.Fact }

// events are all of them, and where the cut is.
func (h history) events() ([]batpak.Event, int) {
	return draw.Events(slices.Concat(h.before, h.after)), len(h.before)
}

// String shows an event on a line.
func (h history) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "events: %d", len(h.before)+len(h.after))
	for _, f := range h.before {
		text.WriteString("\n\t" + f.String())
	}
	text.WriteString("\n\t-- cut --")
	for _, f := range h.after {
		text.WriteString("\n\t" + f.String())
	}
	return text.String()
}

// Fold holds a fold to [FoldSplit] on generated histories; a panic is a fault, as
// folds must take any events in any order. Generated tests call it.
func Fold[S any](t *testing.T, facts gopter.Gen, fold func(*S, batpak.Event) error) {
	t.Helper()
	Check(t, historyCases, histories(facts), func(h history) error {
		events, cut := h.events()
		return FoldSplit(fold, events, cut)
	})
}

// Save holds a fold whose states are saved to [SaveSplit] on generated histories.
// Generated tests call it.
func Save[S any](t *testing.T, facts gopter.Gen, fold func(*S, batpak.Event) error, c batpak.StateCodec[S]) {
	t.Helper()
	Check(t, historyCases, histories(facts), func(h history) error {
		events, cut := h.events()
		return SaveSplit(c, fold, events, cut)
	})
}

// histories generates cases of laws about folds.
func histories(facts gopter.Gen) gopter.Gen {
	return gopter.DeriveGen(
		func(before, after []draw.Fact) history { return history{before, after} },
		func(h history) ([]draw.Fact, []draw.Fact) { return h.before, h.after },
		facts, facts)
}

// Folded is the state that facts fold into. It panics if they do not.
func Folded[S any](facts []draw.Fact, fold func(*S, batpak.Event) error) S {
	var state S
	if err := foldAll(&state, fold, draw.Events(facts), true); err != nil {
		panic(err)
	}
	return state
}

// call is a case of [Gates].
type call[E, A any] struct {
	past     []draw.Fact
	proposed E
	caller   A
}

// String shows the events of the past, what is proposed, and what the caller gives.
func (c call[E, A]) String() string {
	var text strings.Builder
	text.WriteString("proposed " + draw.Show(c.proposed) + ", by a caller who gives " + draw.Show(c.caller) + ", after")
	for _, f := range c.past {
		text.WriteString("\n\t" + f.String())
	}
	return text.String()
}

// Gates holds the gates of a command to [GateRepeats]: after a generated past, for a
// generated event and whatever a caller gives. The function build makes the context
// that they see. Generated tests call it.
func Gates[C, E, A any](t *testing.T, gates []batpak.Gate[C], past, proposed gopter.Gen, build func(past []draw.Fact, e E, by A) C) {
	t.Helper()
	calls := gopter.DeriveGen(
		func(past []draw.Fact, e E, by A) call[E, A] { return call[E, A]{past, e, by} },
		func(c call[E, A]) ([]draw.Fact, E, A) { return c.past, c.proposed, c.caller },
		past, proposed, draw.Any[A]())
	Check(t, historyCases, calls, func(c call[E, A]) error {
		return GateRepeats(gates, func() C { return build(c.past, draw.Clone(c.proposed), draw.Clone(c.caller)) })
	})
}

// seeds is how many generated payloads a fuzz target begins with.
const seeds = 8

// Fuzz holds the decoder of an event to the bytes of a fuzzer, at any version: it
// returns, the same each time, it leaves its input alone, and what it accepts of the
// current version is what it would have written. It begins with generated payloads
// and those that were frozen. Generated fuzz targets call it.
func Fuzz[T any](f *testing.F, kind batpak.Kind, version uint16, values gopter.Gen,
	decode func(batpak.Event) (batpak.Stored[T], error), c Codec[T],
) {
	f.Helper()
	p := &gopter.GenParameters{MaxSize: maxSize / 4, Rng: rand.New(rand.NewSource(Seed(f)))}
	for range seeds {
		f.Add(version, c.Append(values(p).Result.(T), nil))
	}
	files, err := released(kind)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		frozen, err := payloads(file.text)
		if err != nil {
			f.Fatalf("%s: %v", file.name, err)
		}
		for _, payload := range frozen {
			f.Add(file.version, payload.bytes)
		}
	}
	f.Fuzz(func(t *testing.T, stored uint16, b []byte) {
		e := batpak.Event{Meta: batpak.Meta{Kind: kind, PayloadVersion: stored}, Payload: slices.Clone(b)}
		v, err := decode(e)
		if !slices.Equal(e.Payload, b) {
			t.Errorf("decode made %x out of its input %x", e.Payload, b)
		}
		again, errAgain := decode(e)
		if (err == nil) != (errAgain == nil) || err == nil && !slices.Equal(c.Append(v.Payload, nil), c.Append(again.Payload, nil)) {
			t.Errorf("decode the second time = %+v, %v, want %+v, %v", again.Payload, errAgain, v.Payload, err)
		}
		if stored == version {
			if err := c.Canonical(b); err != nil {
				t.Error(err)
			}
		}
	})
}
