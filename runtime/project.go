package batpak

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Folded is a projection's state and where it was folded to.
type Folded[S any] struct {
	State S
	// Version is the version of the entity's stream that the state is at: the
	// number of events folded, 0 for a state no event has touched.
	Version uint64
}

// Project folds the visible events of an entity into the zero state of S, in
// order. It stops at the first error of fold, and when ctx ends. Of a [View], it
// folds the state as it was then. Events that a compaction dropped are passed over; an
// event without its payload ends it with a [*TombstoneError], as nothing can be folded
// of that. Generated code calls it with an exhaustive fold.
func Project[S any](ctx context.Context, from Reader, entity string, fold func(*S, Event) error) (Folded[S], error) {
	var f Folded[S]
	v, err := from.settled(ctx)
	if err == nil {
		f.Version, err = v.load(ctx, entity, []Loader{Into(&f.State, fold)})
	}
	if err != nil {
		return Folded[S]{}, err
	}
	return f, nil
}

// FoldedAll is the state of a projection over all streams, and where in the log it
// was folded to.
type FoldedAll[S any] struct {
	State S
	// Sequence is the place that the state is at: no event up to it is missing, none
	// after it is in the state.
	Sequence uint64
}

// ProjectAll folds the visible events of some kinds, of all if none is named, whatever their
// streams, into the zero state of S, in the order of the log. It stops at the first error of
// fold, and when ctx ends; it holds no more than the state and a page of the index. Of a [View],
// it folds the state as it was then. Generated code calls it with an exhaustive fold.
func ProjectAll[S any](ctx context.Context, from Reader, kinds []Kind, fold func(*S, Event) error) (FoldedAll[S], error) {
	v, err := from.settled(ctx)
	if err != nil {
		return FoldedAll[S]{}, err
	}
	f, q := FoldedAll[S]{Sequence: v.at}, Query{Kinds: kinds}
	if planted.Bug("projection of all streams folds other kinds") {
		q.Kinds = nil
	}
	if err := foldKinds(ctx, v, &f.State, q, fold); err != nil {
		return FoldedAll[S]{}, err
	}
	return f, nil
}

// foldKinds folds the events that a query selects into a state.
func foldKinds[S any](ctx context.Context, v View, state *S, q Query, fold func(*S, Event) error) error {
	for e, err := range v.Events(q) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if err := fold(state, e); err != nil && !planted.Bug("projection of all streams passes over errors") {
			return err
		}
	}
	return nil
}

// settled makes what was written visible: in a [Relaxed] store that hides what is
// not durable, it syncs. It fails if an event of a salvaged store is lost.
func (s *Store) settled(ctx context.Context) (View, error) {
	if err := s.lost("", 0); err != nil {
		return View{}, err
	}
	if s.options.Durability == Relaxed && !s.options.ShowUnsynced && !planted.Bug("fold overlooks what is hidden") {
		if err := s.Sync(ctx); err != nil {
			return View{}, err
		}
	}
	return s.View(), nil
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
	v, err := s.settled(ctx)
	if err != nil {
		return Reading{}, err
	}
	version, err := v.load(ctx, entity, into)
	if err != nil {
		return Reading{}, err
	}
	return Reading{store: s, entity: entity, version: version}, nil
}

// load folds the events of an entity, and returns the version they lead to.
func (v View) load(ctx context.Context, entity string, into []Loader) (version uint64, err error) {
	if len(into) == 0 {
		return v.Head(entity)
	}
	for e, err := range v.places(Query{Entity: entity}) {
		if e.Fate == DropEvent { // it is no part of the state, but of the stream
			version = e.Version
			continue
		}
		if err := cmp.Or(err, ctx.Err(), e.whole()); err != nil {
			return 0, err
		}
		for _, l := range into {
			if err := l.fold(e); err != nil {
				return 0, err
			}
		}
		version = e.Version
	}
	return version, nil
}

// Decoded is an event with its payload, which was decoded, or with the error that kept it
// from being. The schema knows payload versions 1 to known. It fails with a [*DecodeError],
// which wraps a [*TombstoneError] if the payload is gone, a [*VersionError] for a higher
// version and otherwise err, the codec's or an [*UpcastError]. Generated decoders call it.
func Decoded[T any](e Event, known uint16, payload T, err error) (Stored[T], error) {
	if e.PayloadVersion > known {
		err = &VersionError{Kind: e.Kind, Found: e.PayloadVersion, Known: known}
	}
	if err = cmp.Or(e.whole(), err); err != nil {
		return Stored[T]{}, &DecodeError{Kind: e.Kind, PayloadVersion: e.PayloadVersion, Sequence: e.Sequence, Err: err}
	}
	return Stored[T]{Meta: e.Meta, Payload: payload}, nil
}

// Upcast lifts a payload from one version to the next with step. It fails with an
// [*UpcastError], also where step panics, so that no event can take its reader
// down. Generated decoders call it.
func Upcast[From, To any](from uint16, value From, step func(From) (To, error)) (lifted To, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("upcast panicked: %v\n%s", r, debug.Stack())
		}
		if err != nil {
			err = &UpcastError{From: from, Err: err}
		}
	}()
	return step(value)
}
