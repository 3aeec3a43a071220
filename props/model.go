package props

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Model is what a store must be: a slice of events, and the rules by which a
// request joins them. It is not safe for concurrent use. The zero Model is an
// empty store.
//
// A model knows everything about an event before the store has it but its id,
// its time and its hash, which it learns from the receipt and from then on
// holds the store to.
type Model struct {
	events []batpak.Event
	keys   map[string]int // index of the event
	heads  map[string]uint64
}

// Answer is what must become of a request.
type Answer struct {
	// Err is batpak.ErrKeyReused or batpak.ErrConflict if it must be refused.
	Err error
	// Replay is the events, stored before, whose receipts it must be given; none
	// if it must be stored.
	Replay []batpak.Event
}

// Len is the number of events.
func (m *Model) Len() int { return len(m.events) }

// Events are all events. The caller must not modify them.
func (m *Model) Events() []batpak.Event { return m.events }

// Prefix is the model as it was after its first n events.
func (m *Model) Prefix(n int) *Model {
	var p Model
	for _, e := range m.events[:n] {
		p.record(e)
	}
	return &p
}

// Answer says what must become of a request now. Keys come first, then
// conditions, then expectations.
func (m *Model) Answer(r *Request) Answer {
	for i := range r.Wishes {
		if at, ok := m.keys[r.Wishes[i].Key]; ok {
			return m.replay(r.Wishes, at-i)
		}
	}
	for _, q := range r.Conditions {
		if len(m.Select(q)) > 0 {
			return Answer{Err: batpak.ErrConflict}
		}
	}
	heads := maps.Clone(m.heads)
	if heads == nil {
		heads = map[string]uint64{}
	}
	for i := range r.Wishes {
		w := &r.Wishes[i]
		if w.Expects && w.Version != heads[w.Entity] {
			return Answer{Err: batpak.ErrConflict}
		}
		heads[w.Entity]++
	}
	return Answer{}
}

// replay compares wishes with the events from index first on.
func (m *Model) replay(wishes []Wish, first int) Answer {
	if first < 0 || first+len(wishes) > len(m.events) {
		return Answer{Err: batpak.ErrKeyReused}
	}
	stored := m.events[first : first+len(wishes)]
	for i := range wishes {
		w, e := &wishes[i], &stored[i]
		if w.Coordinate != e.Coordinate || w.Key != e.Key || w.Kind != e.Kind ||
			w.PayloadVersion != e.PayloadVersion || !bytes.Equal(w.Payload, e.Payload) {
			return Answer{Err: batpak.ErrKeyReused}
		}
	}
	return Answer{Replay: stored}
}

// Add adds the events of a request that was stored, and reports what is wrong
// with its receipts.
func (m *Model) Add(r *Request, receipts []batpak.Receipt) error {
	if len(receipts) != len(r.Wishes) {
		return fmt.Errorf("%d receipts for %d events", len(receipts), len(r.Wishes))
	}
	for i, got := range receipts {
		w := &r.Wishes[i]
		e := batpak.Event{
			Meta: batpak.Meta{
				Coordinate: w.Coordinate, Sequence: uint64(len(m.events)) + 1, Version: m.heads[w.Entity] + 1,
				ID: got.ID(), Kind: w.Kind, PayloadVersion: w.PayloadVersion, Correlation: w.Correlation,
				Causation: w.Causation, Time: got.ID().Time(), Key: w.Key, Hash: got.Hash(),
			},
			Payload: bytes.Clone(w.Payload),
		}
		if e.Correlation.IsZero() {
			e.Correlation = e.ID
		}
		if w.CauseItem > 0 {
			e.Causation = receipts[w.CauseItem-1].ID()
		}
		if err := MatchReceipt(got, &e); err != nil {
			return err
		}
		if n := len(m.events); n > 0 && bytes.Compare(e.ID[:], m.events[n-1].ID[:]) <= 0 {
			return fmt.Errorf("id of event %d is %v, not after %v", e.Sequence, e.ID, m.events[n-1].ID)
		}
		m.record(e)
	}
	return nil
}

// MatchReceipt reports where a receipt differs from its event.
func MatchReceipt(r batpak.Receipt, e *batpak.Event) error {
	if r.Sequence() != e.Sequence || r.Version() != e.Version || r.Coordinate() != e.Coordinate ||
		r.ID() != e.ID || r.Hash() != e.Hash {
		return fmt.Errorf("receipt of event %d, version %d of %v, id %v, hash %v; want event %d, version %d of %v, id %v, hash %v",
			r.Sequence(), r.Version(), r.Coordinate(), r.ID(), r.Hash(), e.Sequence, e.Version, e.Coordinate, e.ID, e.Hash)
	}
	return nil
}

func (m *Model) record(e batpak.Event) {
	if m.keys == nil {
		m.keys, m.heads = map[string]int{}, map[string]uint64{}
	}
	if e.Key != "" {
		m.keys[e.Key] = len(m.events)
	}
	m.heads[e.Entity]++
	m.events = append(m.events, e)
}

// Submit appends a request to a store and holds the outcome against the model's
// answer. If the request was stored, the model has it too afterwards. The error
// says how the store broke a rule; a refusal that is due is none.
func (m *Model) Submit(ctx context.Context, s *batpak.Store, r *Request) ([]batpak.Receipt, error) {
	want := m.Answer(r)
	receipts, err := r.Batch(s).Commit(ctx)
	switch {
	case want.Err != nil:
		return nil, refused(err, want.Err)
	case err != nil:
		return nil, fmt.Errorf("append of a request that must succeed: %w", err)
	case want.Replay == nil:
		return receipts, m.Add(r, receipts)
	}
	for i := range want.Replay {
		if err := MatchReceipt(receipts[i], &want.Replay[i]); err != nil {
			return nil, fmt.Errorf("retry: %w", err)
		}
	}
	return receipts, nil
}

// Select returns the events that match a query.
func (m *Model) Select(q batpak.Query) []batpak.Event {
	var all []batpak.Event
	for _, e := range m.events {
		if (q.Entity == "" || e.Entity == q.Entity) && strings.HasPrefix(e.Entity, q.Prefix) &&
			(q.Scope == "" || e.Scope == q.Scope) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
			e.Sequence > q.After && (q.Until == 0 || e.Sequence <= q.Until) {
			all = append(all, e)
		}
	}
	return all
}
