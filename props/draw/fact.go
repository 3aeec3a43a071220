package draw

import (
	"github.com/leanovate/gopter"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Fact is a generated event, which prints as its payload.
type Fact struct {
	entity  string
	kind    batpak.Kind
	version uint16
	payload any
	encoded []byte
	smaller func() gopter.Shrink // to facts of the same kind
}

// String shows the payload and its type.
func (f Fact) String() string { return Show(f.payload) }

// GoString is like String.
func (f Fact) GoString() string { return f.String() }

// Facts generates events of one kind for the stream of an entity, which shrink as
// their payloads do.
func Facts[T any](entity string, kind batpak.Kind, version uint16, payloads gopter.Gen, encode func(v T, dst []byte) []byte) gopter.Gen {
	var fact func(v T) Fact
	fact = func(v T) Fact {
		return Fact{
			entity: entity, kind: kind, version: version, payload: v, encoded: encode(v, nil),
			smaller: func() gopter.Shrink { return mapped(shrinkerOf(payloads)(v), fact) },
		}
	}
	return func(p *gopter.GenParameters) *gopter.GenResult {
		return made(fact(payloads(p).Result.(T)), func(f Fact) gopter.Shrink { return f.smaller() })
	}
}

// Histories generates lists of events, each of one of the kinds, which shrink to
// fewer events and to smaller ones.
func Histories(kinds ...gopter.Gen) gopter.Gen {
	any := func(p *gopter.GenParameters) *gopter.GenResult {
		r := kinds[p.Rng.Intn(len(kinds))](p)
		r.Shrinker = func(f any) gopter.Shrink { return f.(Fact).smaller() }
		return r
	}
	return Lists[[]Fact](any, 0)
}

// Events are the facts as a store would have them, at the sequences from 1 on.
func Events(facts []Fact) []batpak.Event {
	events, versions := make([]batpak.Event, len(facts)), map[string]uint64{}
	for i, f := range facts {
		versions[f.entity]++
		events[i] = batpak.Event{
			Meta: batpak.Meta{
				Coordinate: batpak.Coordinate{Entity: f.entity, Scope: "test"},
				Sequence:   uint64(i) + 1, Version: versions[f.entity],
				Kind: f.kind, PayloadVersion: f.version,
			},
			Payload: f.encoded,
		}
	}
	return events
}
