package props

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Compare reports the first way in which a store differs from the model: in the
// content of its events, in what any of its queries and look-ups gives, in the
// graph of causation, or in what it verifies. Everything in the store must be
// visible and nothing must be appended meanwhile.
func (m *Model) Compare(ctx context.Context, s *batpak.Store) error {
	for _, q := range m.queries() {
		if err := sameEvents(s.Events(q), m.Select(q)); err != nil {
			return fmt.Errorf("events of %+v: %w", q, err)
		}
	}
	for i := range m.events {
		if err := m.lookUp(s, &m.events[i]); err != nil {
			return err
		}
	}
	if err := m.absent(s); err != nil {
		return err
	}
	v, err := s.Verify(ctx)
	if err != nil || len(v.Damages) > 0 || v.Events != uint64(len(m.events)) || v.Streams != len(m.heads) {
		return fmt.Errorf("verify = %+v, %v, want %d events in %d sound streams", v, err, len(m.events), len(m.heads))
	}
	return nil
}

// queries are ways to select events: everything, each name and kind, prefixes of
// names, and some of them together and in a range.
func (m *Model) queries() []batpak.Query {
	n := uint64(len(m.events))
	all := []batpak.Query{
		{}, {After: n / 2}, {Until: n/2 + 1}, {After: n / 3, Until: 2*n/3 + 1}, {After: n}, {Entity: "nobody"},
	}
	scopes, kinds := map[string]bool{}, map[batpak.Kind]bool{}
	for _, e := range m.events {
		scopes[e.Scope], kinds[e.Kind] = true, true
	}
	for _, entity := range slices.Sorted(maps.Keys(m.heads)) {
		half := entity[:len(entity)/2+1]
		all = append(all, batpak.Query{Entity: entity}, batpak.Query{Prefix: entity}, batpak.Query{Prefix: half},
			batpak.Query{Prefix: half, After: n / 2}, batpak.Query{Entity: entity, After: n / 3, Until: n/2 + 1})
		for k := range kinds {
			all = append(all, batpak.Query{Entity: entity, Kinds: []batpak.Kind{k}})
		}
	}
	for scope := range scopes {
		all = append(all, batpak.Query{Scope: scope}, batpak.Query{Scope: scope, After: n / 4})
		for k := range kinds {
			all = append(all, batpak.Query{Scope: scope, Kinds: []batpak.Kind{k}})
		}
	}
	for k := range kinds {
		all = append(all, batpak.Query{Kinds: []batpak.Kind{k}}, batpak.Query{Kinds: []batpak.Kind{k, 0x7FFF}, Until: n/2 + 1})
	}
	return append(all, batpak.Query{Kinds: slices.Collect(maps.Keys(kinds))})
}

// lookUp finds one event in each way that leads to it, and its relatives.
func (m *Model) lookUp(s *batpak.Store, want *batpak.Event) error {
	for how, find := range map[string]func() (batpak.Event, error){
		"At":    func() (batpak.Event, error) { return s.At(want.Sequence) },
		"Get":   func() (batpak.Event, error) { return s.Get(want.ID) },
		"ByKey": func() (batpak.Event, error) { return s.ByKey(want.Key) },
	} {
		if how == "ByKey" && want.Key == "" {
			continue
		}
		got, err := find()
		if err != nil {
			return fmt.Errorf("%s of event %d: %w", how, want.Sequence, err)
		}
		if err := sameEvent(&got, want); err != nil {
			return fmt.Errorf("%s: %w", how, err)
		}
	}
	for how, walk := range map[string]struct {
		got  iter.Seq2[batpak.Event, error]
		want []batpak.Event
	}{
		"ancestors": {s.Ancestors(want.ID), m.ancestors(want)},
		"causes":    {s.Causes(want.ID), m.causes(want)},
		"effects":   {s.Effects(want.ID), m.effects(want)},
	} {
		if err := sameEvents(walk.got, walk.want); err != nil {
			return fmt.Errorf("%s of event %d: %w", how, want.Sequence, err)
		}
	}
	return nil
}

// absent looks for what is not there.
func (m *Model) absent(s *batpak.Store) error {
	for _, sequence := range []uint64{0, uint64(len(m.events)) + 1, 1 << 63} {
		if e, err := s.At(sequence); !errors.Is(err, batpak.ErrNotFound) {
			return fmt.Errorf("At(%d) = event %d, %v, want ErrNotFound", sequence, e.Sequence, err)
		}
	}
	for _, id := range []batpak.ID{{}, {1}, {0xFF}} {
		if e, err := s.Get(id); !errors.Is(err, batpak.ErrNotFound) {
			return fmt.Errorf("Get(%v) = event %d, %v, want ErrNotFound", id, e.Sequence, err)
		}
	}
	for _, key := range []string{"", "nobody's"} {
		if e, err := s.ByKey(key); !errors.Is(err, batpak.ErrNotFound) {
			return fmt.Errorf("ByKey(%q) = event %d, %v, want ErrNotFound", key, e.Sequence, err)
		}
	}
	for entity, head := range m.heads {
		if got, err := s.Head(entity); got != head || err != nil {
			return fmt.Errorf("head of %q = %d, %w, want %d", entity, got, err, head)
		}
	}
	if got, err := s.Head("nobody"); got != 0 || err != nil {
		return fmt.Errorf("head of a stream that is not there = %d, %w, want 0", got, err)
	}
	return nil
}

// ancestors are the events before e in its stream, the newest first.
func (m *Model) ancestors(e *batpak.Event) []batpak.Event {
	before := m.Select(batpak.Query{Entity: e.Entity, Until: e.Sequence})
	before = before[:len(before)-1]
	slices.Reverse(before)
	return before
}

// causes are the events that led to e, the nearest first.
func (m *Model) causes(e *batpak.Event) (all []batpak.Event) {
	for !e.Causation.IsZero() {
		at := slices.IndexFunc(m.events, func(c batpak.Event) bool { return c.ID == e.Causation })
		if at < 0 {
			break
		}
		e = &m.events[at]
		all = append(all, *e)
	}
	return all
}

// effects are the events that e led to, the nearest first.
func (m *Model) effects(e *batpak.Event) (all []batpak.Event) {
	for queue := []batpak.Event{*e}; len(queue) > 0; queue = queue[1:] {
		for _, c := range m.events[queue[0].Sequence:] {
			if c.Causation == queue[0].ID {
				all, queue = append(all, c), append(queue, c)
			}
		}
	}
	return all
}

// sameEvents compares what a store yields with what it should.
func sameEvents(got iter.Seq2[batpak.Event, error], want []batpak.Event) error {
	n := 0
	for e, err := range got {
		switch {
		case err != nil:
			return fmt.Errorf("after %d of %d events: %w", n, len(want), err)
		case n == len(want):
			return fmt.Errorf("event %d after the %d that there should be", e.Sequence, len(want))
		}
		if err := sameEvent(&e, &want[n]); err != nil {
			return fmt.Errorf("number %d: %w", n, err)
		}
		n++
	}
	if n != len(want) {
		return fmt.Errorf("%d events, want %d", n, len(want))
	}
	return nil
}

func sameEvent(got, want *batpak.Event) error {
	g, w := got.Meta, want.Meta
	g.Decision, w.Decision = nil, nil
	if g != w || !bytes.Equal(got.Payload, want.Payload) || !reflect.DeepEqual(got.Decision, want.Decision) {
		return fmt.Errorf("event is %s, want %s", describe(got), describe(want))
	}
	return nil
}

// describe writes all there is to an event, whose String is its coordinate.
func describe(e *batpak.Event) string {
	return fmt.Sprintf("{event %d, version %d of %v, id %v, kind %v, payload version %d, correlation %v, causation %v, time %v, key %q, decision %+v, hash %v, payload %x}",
		e.Sequence, e.Version, e.Coordinate, e.ID, e.Kind, e.PayloadVersion, e.Correlation, e.Causation, e.Time, e.Key, e.Decision, e.Hash, e.Payload)
}

// refused reports an outcome that is not the refusal that was due.
func refused(got, want error) error {
	if !errors.Is(got, want) || errors.Is(got, batpak.ErrOutcomeUnknown) {
		return fmt.Errorf("append = %v, want %w", got, want)
	}
	return nil
}
