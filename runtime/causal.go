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
// newest first, and checks each link of the hash chain on the way. What a compaction
// took something from comes with a [*TombstoneError], and the walk goes on. A link that
// does not hold, or bytes that are damaged, end it with a [*CorruptError]; an
// unknown id ends it with [ErrNotFound].
func (s *Store) Ancestors(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		e, err := s.Get(id)
		var linker chain.Linker
		for err == nil || errors.Is(err, ErrTombstoned) {
			ref, _, rerr := s.index.At(e.Sequence)
			var child format.Record
			if rerr == nil {
				child, _, rerr = s.record(s.segments, ref)
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
				if parent, err = s.read(s.segments, pref); err != nil && !errors.Is(err, ErrTombstoned) {
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
			if e.Version == 1 || !yield(parent, err) {
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
	return func(yield func(Event, error) bool) {
		e, err := s.Get(id)
		for (err == nil || errors.Is(err, ErrTombstoned)) && !e.Causation.IsZero() {
			var cause Event
			cause, err = s.Get(e.Causation)
			if errors.Is(err, ErrNotFound) || err == nil && cause.Sequence >= e.Sequence {
				return // an id from elsewhere
			}
			if (err == nil || errors.Is(err, ErrTombstoned)) && !yield(cause, err) {
				return
			}
			e = cause
		}
		if err != nil && !errors.Is(err, ErrTombstoned) {
			yield(Event{}, err)
		}
	}
}

// Effects iterates over the events that the given one caused, then over those
// that these caused, and so on: nearest first, and by sequence among the
// effects of one event. An unknown id ends it with [ErrNotFound].
func (s *Store) Effects(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		e, err := s.Get(id)
		if err != nil && !errors.Is(err, ErrTombstoned) {
			yield(Event{}, err)
			return
		}
		queue, err := s.effects(nil, &e)
		if err != nil {
			yield(Event{}, err)
			return
		}
		for ; len(queue) > 0; queue = queue[1:] {
			effect, err := s.read(s.segments, queue[0].ref)
			if (err == nil || errors.Is(err, ErrTombstoned)) && effect.Causation != queue[0].cause {
				continue // an id from elsewhere that looks like the cause's to the index
			}
			if !yield(effect, err) || err != nil && !errors.Is(err, ErrTombstoned) {
				return
			}
			if queue, err = s.effects(queue, &effect); err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// effectOf is where the effect of an event may lie.
type effectOf struct {
	cause ID
	ref   index.Ref
}

// effects appends what may be the visible effects of e.
func (s *Store) effects(queue []effectOf, e *Event) ([]effectOf, error) {
	refs, err := s.index.Effects(e.Sequence, e.ID)
	if err != nil {
		return nil, outward(err, e.Sequence)
	}
	for _, ref := range refs {
		if s.visible(ref.Sequence) {
			queue = append(queue, effectOf{cause: e.ID, ref: ref})
		}
	}
	return queue, nil
}
