package batpak

import (
	"context"
	"iter"

	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Reader is what can be read from: a [Store], which shows at each call what is visible
// then, or a [View], which always shows the same.
type Reader interface {
	Get(id ID) (Event, error)
	At(sequence uint64) (Event, error)
	ByKey(key string) (Event, error)
	Head(entity string) (uint64, error)
	Events(q Query) iter.Seq2[Event, error]
	Page(q Query, position uint64, limit int) (Page, error)
	Ancestors(id ID) iter.Seq2[Event, error]
	Causes(id ID) iter.Seq2[Event, error]
	Effects(id ID) iter.Seq2[Event, error]

	// settled is the view to fold from: one that has what its reader wrote.
	settled(ctx context.Context) (View, error)
}

var (
	_ Reader = (*Store)(nil)
	_ Reader = View{}
)

// View is a store as it was after a certain event, and shows nothing that came later.
// Whatever is read from one view therefore fits together, while others write. A view
// is a position and holds nothing: it costs nothing, is never closed, and is the same
// whenever it is made again for its sequence. It is made by [Store.View] and is safe
// for concurrent use.
type View struct {
	store *Store
	at    uint64
}

// View is the store as it is now.
func (s *Store) View() View { return View{store: s, at: s.frontier.At(frontier.Visible)} }

// AsOf is the view as it was after the event at sequence; at 0 it is empty. A sequence
// after the view's own changes nothing.
func (v View) AsOf(sequence uint64) View { return View{store: v.store, at: min(v.at, sequence)} }

// Sequence is that of the last event that the view shows, or 0.
func (v View) Sequence() uint64 { return v.at }

// settled fails if an event of a salvaged store is lost.
func (v View) settled(context.Context) (View, error) { return v, v.store.lost("", 0) }

// Get is [Store.Get] in this view.
func (v View) Get(id ID) (e Event, err error) {
	if err = v.get(&e, id); err != nil {
		return Event{}, err
	}
	return e, e.whole()
}

// get is [View.Get] for whom what is left of an event will do.
func (v View) get(e *Event, id ID) error {
	if err := v.store.alive(); err != nil {
		return err
	}
	return v.store.byID(e, id, v.at)
}

// At is [Store.At] in this view.
func (v View) At(sequence uint64) (e Event, err error) {
	if err = v.place(&e, sequence); err != nil {
		return Event{}, err
	}
	return e, e.whole()
}

// place is [View.At] for whom what is left of an event will do.
func (v View) place(e *Event, sequence uint64) error {
	if err := v.store.alive(); err != nil {
		return err
	}
	if sequence > v.at && !planted.Bug("reading by sequence shows what is not visible") {
		return ErrNotFound
	}
	ref, ok, err := v.store.index.At(sequence)
	if err != nil {
		return v.store.outward(err, sequence)
	}
	if !ok {
		return ErrNotFound
	}
	return v.store.read(e, ref)
}

// ByKey is [Store.ByKey] in this view.
func (v View) ByKey(key string) (e Event, err error) {
	if err = v.store.alive(); err == nil {
		err = v.store.byKey(&e, []byte(key), v.at)
	}
	if err != nil {
		return Event{}, err
	}
	return e, e.whole()
}

// Head is [Store.Head] in this view.
func (v View) Head(entity string) (uint64, error) {
	if err := v.store.alive(); err != nil {
		return 0, err
	}
	version, err := v.store.index.Before(entity, v.at)
	return version, v.store.outward(err, 0)
}

// Events is [Store.Events] in this view.
func (v View) Events(q Query) iter.Seq2[Event, error] {
	return v.each(q, false)
}

// places is Events for whom what is left of an event will do: with those that a
// compaction dropped, and without a [*TombstoneError].
func (v View) places(q Query) iter.Seq2[Event, error] { return v.each(q, true) }

func (v View) each(q Query, places bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s, err := v.selection(&q, 0, firstSize)
		if err != nil {
			yield(Event{}, err)
			return
		}
		s.places = places
		for helped := false; s.next(); {
			if !s.inTurn(s.refs, yield) {
				return
			}
			if !helped && s.found >= longRead {
				if helped = true; !s.ahead(yield) {
					return
				}
			}
		}
		if s.err != nil {
			yield(Event{}, s.err)
		}
	}
}

// inTurn gives events that were looked up. It reports false if that is the end, as it was
// told to stop, or has given an error.
func (s *selection) inTurn(refs []index.Ref, yield func(Event, error) bool) bool {
	for _, ref := range refs {
		var e Event
		selected, err := s.read(&e, ref)
		told := err
		if err == nil && !s.places {
			told = e.whole()
		}
		if selected && !yield(e, told) || err != nil {
			return false
		}
	}
	return true
}
