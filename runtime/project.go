package batpak

import "context"

// Folded is a projection's state and where it was folded to.
type Folded[S any] struct {
	State S
	// Version is the version of the entity's stream that the state is at: the
	// number of events folded, 0 for a state no event has touched.
	Version uint64
}

// Project folds the visible events of an entity into the zero state of S, in
// order. It stops at the first error of fold, and when ctx ends. Generated code
// calls it with an exhaustive fold.
func Project[S any](ctx context.Context, s *Store, entity string, fold func(*S, Event) error) (Folded[S], error) {
	var f Folded[S]
	reading, err := Load(ctx, s, entity, Into(&f.State, fold))
	if err != nil {
		return Folded[S]{}, err
	}
	f.Version = reading.version
	return f, nil
}

// Reading says where a gate context was read: which stream, and at which
// version. It is made by [Load] alone.
type Reading struct {
	store   *Store
	entity  string
	version uint64
}

// Version is the version of the stream that was read.
func (r Reading) Version() uint64 { return r.version }

// Loader folds events into one state; see [Into].
type Loader struct{ fold func(Event) error }

// Into makes a loader that folds events into state.
func Into[S any](state *S, fold func(*S, Event) error) Loader {
	return Loader{fold: func(e Event) error { return fold(state, e) }}
}

// Load folds the visible events of an entity into several states at once, so
// that all of them are at the same version. In a [Relaxed] store that hides
// what is not durable, it syncs first, so that its reader sees what it wrote.
func Load(ctx context.Context, s *Store, entity string, into ...Loader) (Reading, error) {
	if s.options.Durability == Relaxed && !s.options.ShowUnsynced {
		if err := s.Sync(ctx); err != nil {
			return Reading{}, err
		}
	}
	r := Reading{store: s, entity: entity}
	if len(into) == 0 {
		var err error
		r.version, err = s.Head(entity)
		return r, err
	}
	for e, err := range s.Events(Query{Entity: entity}) {
		if err != nil {
			return Reading{}, err
		}
		if err := ctx.Err(); err != nil {
			return Reading{}, err
		}
		for _, l := range into {
			if err := l.fold(e); err != nil {
				return Reading{}, err
			}
		}
		r.version = e.Version
	}
	return r, nil
}

// Decode decodes an event's payload with decode, which is given a zero T. The
// schema knows payload versions 1 to known. It fails with a [*DecodeError], which
// wraps a [*VersionError] for a higher version and otherwise the codec's error.
// Generated decoders call it.
func Decode[T any](e Event, known uint16, decode func(*T, []byte) error) (Stored[T], error) {
	stored := Stored[T]{Meta: e.Meta}
	err := error(nil)
	if e.PayloadVersion > known {
		err = &VersionError{Kind: e.Kind, Found: e.PayloadVersion, Known: known}
	} else {
		err = decode(&stored.Payload, e.Payload)
	}
	if err != nil {
		return Stored[T]{}, &DecodeError{Kind: e.Kind, PayloadVersion: e.PayloadVersion, Sequence: e.Sequence, Err: err}
	}
	return stored, nil
}
