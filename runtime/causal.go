package batpak

import (
	"cmp"
	"errors"
	"iter"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Ancestors iterates over the events before the given one in its stream, the
// newest first, and checks each link of the hash chain on the way. What a compaction
// took something from comes with a [*TombstoneError], and the walk goes on: the hash
// of an event that was dropped is there, and is checked by the event behind it. A link
// that does not hold, or bytes that are damaged, end it with a [*CorruptError]; an
// unknown id ends it with [ErrNotFound].
func (s *Store) Ancestors(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { s.View().Ancestors(id)(yield) }
}

// Ancestors is [Store.Ancestors] in this view.
func (v View) Ancestors(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := v.ancestors(id, func(e Event) bool { return yield(e, e.whole()) }); err != nil {
			yield(Event{}, err)
		}
	}
}

// ancestors walks back through a stream until it begins, or yield does not go on.
func (v View) ancestors(id ID, yield func(Event) bool) error {
	var e Event
	err := v.get(&e, id)
	if err != nil {
		return err
	}
	at, _, err := v.store.index.At(e.Sequence) // where child lies
	if err != nil {
		return v.store.outward(err, e.Sequence)
	}
	first, at, err := v.store.record(v.store.segments.Cursor(), at)
	if err != nil {
		return err
	}
	child := first.Clone()
	s, err := v.selection(&Query{Entity: e.Entity, Backward: true}, e.Sequence, firstSize)
	if err != nil {
		return err
	}
	var linker chain.Linker
	for ref := range s.all() {
		parent, ref, err := v.store.record(s.cursor, ref)
		if err != nil {
			return err
		}
		follows, linked := follows(&linker, parent, &child)
		if !follows && !linked {
			break
		}
		if !follows || !linked {
			return v.unlinked(at)
		}
		if err = v.store.event(&e, parent, ref, s.cursor.Payload(), s.names); err != nil || !yield(e) {
			return err
		}
		child, at = parent.Clone(), ref
	}
	switch {
	case s.err != nil:
		return s.err
	case child.Version != 1:
		return cmp.Or(v.store.lost(e.Entity, at.Sequence), ErrNotFound)
	case !linker.Verify([32]byte{}, &child):
		return v.unlinked(at)
	}
	return nil
}

// follows reports whether child has the next version after parent, and whether its
// hash covers that of parent, which one that was dropped does not tell.
func follows(l *chain.Linker, parent, child *format.Record) (next, linked bool) {
	next = child.Version == parent.Version+1
	if child.Dropped() {
		return next, next
	}
	return next, l.Verify(parent.Hash, child)
}

// unlinked is the error of an event that does not follow from the one before it.
func (v View) unlinked(at index.Ref) error {
	err := v.store.corruptAt(at, "the event's hash does not follow from the event before it in its stream")
	err.LastSequence = at.Sequence
	return err
}

// Causes iterates over the event that caused the given one, the event that
// caused that one, and so on. It ends where an event has no causation or names
// one that the store does not have. What a compaction took something from comes with
// a [*TombstoneError]; one that was dropped is the last, as its own cause is not known
// any more. An unknown id ends it with [ErrNotFound].
func (s *Store) Causes(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { s.View().Causes(id)(yield) }
}

// Causes is [Store.Causes] in this view.
func (v View) Causes(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var e Event
		err := v.get(&e, id)
		if err == nil && e.Fate == DropEvent {
			err = e.whole() // what caused it is gone
		}
		for err == nil && !e.Causation.IsZero() {
			var cause Event
			err = v.get(&cause, e.Causation)
			if errors.Is(err, ErrNotFound) || err == nil && cause.Sequence >= e.Sequence {
				return // an id from elsewhere
			}
			if err == nil && !yield(cause, cause.whole()) {
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
// effects of one event. What has lost its payload comes with a [*TombstoneError]. Of
// an event that a compaction dropped nobody knows any more what it was an effect of, so
// it is left out, with its effects, but may be asked for its own. An unknown id ends it
// with [ErrNotFound].
func (s *Store) Effects(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { s.View().Effects(id)(yield) }
}

// Effects is [Store.Effects] in this view.
func (v View) Effects(id ID) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var e Event
		err := v.get(&e, id)
		if err != nil {
			yield(Event{}, err)
			return
		}
		queue, err := v.effects(nil, &e)
		for ; len(queue) > 0 && err == nil; queue = queue[1:] {
			var effect Event
			rerr := v.store.read(&effect, queue[0].ref)
			if rerr == nil && effect.Causation != queue[0].cause {
				continue // an id from elsewhere that looks like the cause's to the index
			}
			if !yield(effect, cmp.Or(rerr, effect.whole())) || rerr != nil {
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
		return queue, v.store.outward(err, e.Sequence)
	}
	for _, ref := range refs {
		later := ref.Sequence > e.Sequence || planted.Bug("effect may come before its cause")
		if later && ref.Sequence <= v.at {
			queue = append(queue, effectOf{cause: e.ID, ref: ref})
		}
	}
	return queue, nil
}
