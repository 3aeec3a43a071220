package batpak

import (
	"cmp"
	"errors"
	"iter"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// Ancestors iterates over the events before the given one in its stream, the
// newest first, and checks each link of the hash chain on the way. A link that
// does not hold, or bytes that are damaged, end it with a [*CorruptError]; an
// unknown id ends it with [ErrNotFound].
func (s *Store) Ancestors(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { s.View().Ancestors(id)(yield) }
}

// Ancestors is [Store.Ancestors] in this view.
func (v View) Ancestors(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		e, err := v.Get(id)
		s, linker := v.store, chain.Linker{}
		for err == nil {
			ref, _, rerr := s.index.At(e.Sequence)
			var child format.Record
			if rerr == nil {
				child, rerr = s.segments.Record(ref.Pos, s.seed)
			}
			if rerr != nil {
				err = outward(rerr, e.Sequence)
				break
			}
			var parent Event
			if e.Version > 1 {
				pref, ok, nerr := s.index.Nth(e.Entity, e.Version-1)
				if nerr != nil {
					err = outward(nerr, e.Sequence)
					break
				}
				if !ok {
					err = cmp.Or(s.lost(e.Entity, e.Sequence), ErrNotFound)
					break
				}
				if parent, err = s.read(s.segments, pref); err != nil {
					break
				}
			}
			if !linker.Verify(parent.Hash, &child) {
				err = &CorruptError{
					File: segment.Name(uint64(ref.Pos.Segment)), Offset: int64(ref.Pos.Offset), FirstSequence: e.Sequence, LastSequence: e.Sequence,
					Reason: "the event's hash does not follow from the event before it in its stream",
				}
				break
			}
			if e.Version == 1 || !yield(parent, nil) {
				return
			}
			e = parent
		}
		yield(Event{}, err)
	}
}

// Causes iterates over the event that caused the given one, the event that
// caused that one, and so on. It ends where an event has no causation or names
// one that the store does not have. An unknown id ends it with [ErrNotFound].
func (s *Store) Causes(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { s.View().Causes(id)(yield) }
}

// Causes is [Store.Causes] in this view.
func (v View) Causes(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		e, err := v.Get(id)
		for err == nil && !e.Causation.IsZero() {
			var cause Event
			cause, err = v.Get(e.Causation)
			if errors.Is(err, ErrNotFound) || err == nil && cause.Sequence >= e.Sequence {
				return // an id from elsewhere
			}
			if err == nil && !yield(cause, nil) {
				return
			}
			e = cause
		}
		if err != nil {
			yield(Event{}, err)
		}
	}
}

// Effects iterates over the events that the given one caused, then over those
// that these caused, and so on: nearest first, and by sequence among the
// effects of one event. An unknown id ends it with [ErrNotFound].
func (s *Store) Effects(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { s.View().Effects(id)(yield) }
}

// Effects is [Store.Effects] in this view.
func (v View) Effects(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		e, err := v.Get(id)
		if err != nil {
			yield(Event{}, err)
			return
		}
		queue, err := v.effects(nil, &e)
		for ; len(queue) > 0 && err == nil; queue = queue[1:] {
			effect, rerr := v.store.read(v.store.segments, queue[0].ref)
			if rerr == nil && effect.Causation != queue[0].cause {
				continue // an id from elsewhere that looks like the cause's to the index
			}
			if !yield(effect, rerr) || rerr != nil {
				return
			}
			queue, err = v.effects(queue, &effect)
		}
		if err != nil {
			yield(Event{}, err)
		}
	}
}

// effectOf is where the effect of an event may lie.
type effectOf struct {
	cause ID
	ref   index.Ref
}

// effects appends what may be the effects of e in the view.
func (v View) effects(queue []effectOf, e *Event) ([]effectOf, error) {
	refs, err := v.store.index.Effects(e.Sequence, e.ID)
	if err != nil {
		return queue, outward(err, e.Sequence)
	}
	for _, ref := range refs {
		if ref.Sequence > e.Sequence && ref.Sequence <= v.at {
			queue = append(queue, effectOf{cause: e.ID, ref: ref})
		}
	}
	return queue, nil
}
