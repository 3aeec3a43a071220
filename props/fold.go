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
// any number; it is taken modulo the places to cut at.
func FoldSplit[S any](fold func(*S, batpak.Event) error, events []batpak.Event, cut int) error {
	cut %= len(events) + 1
	if cut < 0 {
		cut += len(events) + 1
	}
	var whole, split, other S
	if err := foldAll(&whole, fold, events, false); err != nil {
		return err
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
