package batpak

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/saved"
)

// StateCodec turns the states of a projection into bytes and back. Generated code
// declares one for each projection that is Saved.
type StateCodec[S any] struct {
	Projection string
	// Shape is a fingerprint of what a saved state depends on: the projection's
	// version, the shape of the state, and those of the events it folds.
	Shape  uint64
	Append func(state S, dst []byte) []byte
	Decode func(state *S, src []byte) error
	Check  func(S) error // what keeps a state from being saved; nil = nothing does
}

// save encodes a state with its place.
func (c StateCodec[S]) save(state S, place saved.State) ([]byte, error) {
	if c.Check != nil {
		if err := c.Check(state); err != nil {
			return nil, fmt.Errorf("batpak: save state of projection %s: %w", c.Projection, err)
		}
	}
	place.Fingerprint, place.Bytes = c.Shape, c.Append(state, nil)
	return saved.Append(nil, place), nil
}

// restore decodes a state of the thing of that name, and says where it was folded
// to. It is still to be compared with the history.
func (c StateCodec[S]) restore(b []byte, name string) (state S, place saved.State, err error) {
	place, err = saved.Parse(b)
	switch {
	case err != nil:
		return state, place, c.refuse(name, err.Error())
	case place.Fingerprint != c.Shape && !planted.Bug("saved state of another shape is resumed"):
		return state, place, c.refuse(name, "the projection, its state or its events had another version or shape")
	case place.Name != name && !planted.Bug("saved state of another stream is resumed"):
		return state, place, c.refuse(name, "the state is of "+place.Name)
	}
	if err := c.Decode(&state, place.Bytes); err != nil {
		return state, place, c.refuse(name, err.Error())
	}
	return state, place, nil
}

func (c StateCodec[S]) refuse(name, reason string) error {
	return &SavedError{Projection: c.Projection, Of: name, Reason: reason}
}

const otherHistory = "the store has another history than the one that was folded"

// Resume is [Project] from a state that an earlier call saved, and the events since
// then. It returns the state with the bytes that the next call takes: they may be
// kept anywhere, and may be lost. Without saved bytes it folds from the start.
//
// A state is resumed only where it is what folding from the start would give. The
// bytes fail with a [*SavedError] if they are damaged, of another stream, of another
// version or shape of the projection, or of a history that this store does not
// have, as after it was restored from a copy; then call again without them. What
// they cannot tell is that a handler does something else now: raise the
// projection's version; and that a compaction has taken events away since: they stay in it.
func Resume[S any](ctx context.Context, s *Store, entity string, from []byte, c StateCodec[S], fold func(*S, Event) error) (Folded[S], []byte, error) {
	var f Folded[S]
	var place saved.State
	query, met := Query{Entity: entity}, len(from) == 0 // whether the event that the state is at was met
	if !met {
		var err error
		if f.State, place, err = c.restore(from, entity); err != nil {
			return Folded[S]{}, nil, err
		}
		f.Version, query.After = place.Version, place.Sequence-1
	}
	v, err := s.settled(ctx)
	if err != nil {
		return Folded[S]{}, nil, err
	}
	for e, err := range v.places(query) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return Folded[S]{}, nil, err
		}
		if !met {
			if !isAt(place, e) && !planted.Bug("saved state of another history is resumed") {
				return Folded[S]{}, nil, c.refuse(entity, otherHistory)
			}
			met = true
			if !planted.Bug("event that a saved state is at is folded again") {
				continue
			}
		}
		if e.Fate != DropEvent {
			if err := e.whole(); err != nil {
				return Folded[S]{}, nil, err
			}
			if err := fold(&f.State, e); err != nil {
				return Folded[S]{}, nil, err
			}
		}
		f.Version = e.Version
		place = saved.State{Sequence: e.Sequence, Version: e.Version, Hash: e.Hash, Name: entity}
	}
	if !met {
		return Folded[S]{}, nil, c.refuse(entity, otherHistory)
	}
	if place.Bytes != nil || f.Version == 0 { // nothing was folded
		return f, from, nil
	}
	b, err := c.save(f.State, place)
	if err != nil {
		return Folded[S]{}, nil, err
	}
	return f, b, nil
}

// isAt reports whether an event is the one that a state is at.
func isAt(place saved.State, e Event) bool {
	return e.Sequence == place.Sequence && e.Version == place.Version && e.Hash == place.Hash
}

// ResumeAll is [ProjectAll] from a state that an earlier call saved, as [Resume] is
// [Project]. The bytes are good for the store that they were made from.
func ResumeAll[S any](ctx context.Context, s *Store, kinds []Kind, from []byte, c StateCodec[S], fold func(*S, Event) error) (FoldedAll[S], []byte, error) {
	v, err := s.settled(ctx)
	if err != nil {
		return FoldedAll[S]{}, nil, err
	}
	f, name := FoldedAll[S]{}, s.ID().String()
	if len(from) > 0 {
		state, place, err := c.restore(from, name)
		if err != nil {
			return FoldedAll[S]{}, nil, err
		}
		var e Event
		err = v.place(&e, place.Sequence)
		if errors.Is(err, ErrNotFound) || err == nil && e.Hash != place.Hash && !planted.Bug("saved state of another log is resumed") {
			err = c.refuse(name, otherHistory)
		}
		if err != nil {
			return FoldedAll[S]{}, nil, err
		}
		f = FoldedAll[S]{State: state, Sequence: place.Sequence}
	}
	if v.at == f.Sequence {
		return f, from, s.alive()
	}
	if err := foldKinds(ctx, v, &f.State, Query{Kinds: kinds, After: f.Sequence}, fold); err != nil {
		return FoldedAll[S]{}, nil, err
	}
	f.Sequence = v.at
	var last Event
	if err = v.place(&last, v.at); err != nil {
		return FoldedAll[S]{}, nil, err
	}
	b, err := c.save(f.State, saved.State{Sequence: v.at, Hash: last.Hash, Name: name})
	if err != nil {
		return FoldedAll[S]{}, nil, err
	}
	return f, b, nil
}
