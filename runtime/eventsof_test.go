package batpak_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"

	batpak "github.com/batpak-go/batpak/runtime"
)

// eventsOf reads all events of a store, and what is left of those that a merge has
// taken away.
func eventsOf(s *batpak.Store) (all []batpak.Event, err error) {
	visible := s.Frontier().Visible
	all = make([]batpak.Event, 0, visible)
	next := uint64(1)
	dropped := func(to uint64) error {
		for ; next <= to; next++ {
			e, err := husk(s.At(next))
			if errors.Is(err, batpak.ErrNotFound) {
				continue // a gap
			}
			if err == nil && e.Fate != batpak.DropEvent {
				err = fmt.Errorf("event %d is left out", next)
			}
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	}
	for e, err := range s.Events(batpak.Query{}) {
		if e, err = husk(e, err); err == nil {
			err = dropped(e.Sequence - 1)
		}
		if err != nil {
			return all, errors.Join(dropped(visible), err)
		}
		all, next = append(all, e), e.Sequence+1
	}
	return all, dropped(visible)
}

// husk is an event of which some may have been taken away, which is no error.
func husk(e batpak.Event, err error) (batpak.Event, error) {
	t, ok := errors.AsType[*batpak.TombstoneError](err)
	if ok && t.Sequence == e.Sequence && t.Dropped == (e.Fate == batpak.DropEvent) && e.Fate != batpak.KeepEvent && e.Payload == nil {
		return e, nil
	}
	return e, err
}

// differs says where got is not the beginning of want, or "".
func differs(got, want []batpak.Event) string {
	for i := range got {
		if i == len(want) {
			return fmt.Sprintf("event %d was never stored: %+v", i+1, got[i])
		}
		if !same(&got[i], &want[i]) {
			return fmt.Sprintf("event %d is %+v, want %+v", i+1, got[i], want[i])
		}
	}
	return ""
}

// same reports whether two events are equal in every field.
func same(a, b *batpak.Event) bool {
	x, y := a.Meta, b.Meta
	x.Decision, y.Decision = nil, nil
	return x == y && bytes.Equal(a.Payload, b.Payload) && reflect.DeepEqual(a.Decision, b.Decision)
}
