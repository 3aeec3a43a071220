package props

import (
	"bytes"
	"fmt"
	"reflect"

	batpak "github.com/batpak-go/batpak/runtime"
)

// FoldSplit holds that a fold depends on its state and its events alone: the
// events up to a cut and then the rest give the state that all of them give at
// once, whatever is folded in between, and whatever becomes of the memory of a
// payload after its event was folded. The events are not modified. The cut may be
// any number; it is taken modulo the places to cut at. All events are folded once
// before, so that what a fold keeps elsewhere is of this case, which repeats then.
func FoldSplit[S any](fold func(*S, batpak.Event) error, events []batpak.Event, cut int) error {
	cut %= len(events) + 1
	if cut < 0 {
		cut += len(events) + 1
	}
	var first, whole, split, other S
	for _, state := range []*S{&first, &whole} {
		if err := foldAll(state, fold, events, false); err != nil {
			return err
		}
	}
	if err := foldAll(&split, fold, events[:cut], true); err != nil {
		return err
	}
	if err := foldAll(&other, fold, events, true); err != nil {
		return err
	}
	if err := foldAll(&split, fold, events[cut:], true); err != nil {
		return err
	}
	if !reflect.DeepEqual(split, whole) {
		return fmt.Errorf("fold of %d events, then of %d = %+v, want %+v", cut, len(events)-cut, split, whole)
	}
	if !reflect.DeepEqual(other, whole) {
		return fmt.Errorf("second fold of the same events = %+v, want %+v", other, whole)
	}
	return nil
}

// SaveSplit holds that a state may be saved and resumed anywhere: the events up to a
// cut, then the state's encoding and what it decodes to, then the rest give a state
// with the encoding of the one that all events give at once. Decoding a state and
// encoding it again gives the same bytes. The cut is that of [FoldSplit].
func SaveSplit[S any](c batpak.StateCodec[S], fold func(*S, batpak.Event) error, events []batpak.Event, cut int) error {
	cut %= len(events) + 1
	if cut < 0 {
		cut += len(events) + 1
	}
	var whole, first, resumed S
	if err := foldAll(&whole, fold, events, false); err != nil {
		return err
	}
	if err := foldAll(&first, fold, events[:cut], true); err != nil {
		return err
	}
	if c.Check != nil {
		if err := c.Check(first); err != nil {
			return fmt.Errorf("state after %d events cannot be saved: %w", cut, err)
		}
	}
	saved := c.Append(first, nil)
	if err := c.Decode(&resumed, saved); err != nil {
		return fmt.Errorf("decode of the state %x after %d events: %w", saved, cut, err)
	}
	if again := c.Append(resumed, nil); !bytes.Equal(again, saved) {
		return fmt.Errorf("encoding of the decoded state after %d events = %x, want %x", cut, again, saved)
	}
	if err := foldAll(&resumed, fold, events[cut:], true); err != nil {
		return fmt.Errorf("resumed after %d events: %w", cut, err)
	}
	if got, want := c.Append(resumed, nil), c.Append(whole, nil); !bytes.Equal(got, want) {
		return fmt.Errorf("state that was saved after %d of %d events = %+v, want %+v", cut, len(events), resumed, whole)
	}
	return nil
}

// foldAll folds events, each with a payload of its own that is overwritten
// afterwards if reuse says so.
func foldAll[S any](state *S, fold func(*S, batpak.Event) error, events []batpak.Event, reuse bool) error {
	for _, e := range events {
		given := e.Payload
		e.Payload = bytes.Clone(given)
		if err := fold(state, e); err != nil {
			return fmt.Errorf("fold event %d: %w", e.Sequence, err)
		}
		if !bytes.Equal(e.Payload, given) {
			return fmt.Errorf("fold of event %d modified its payload", e.Sequence)
		}
		for i := range e.Payload {
			if reuse {
				e.Payload[i] ^= 0xFF
			}
		}
	}
	return nil
}
