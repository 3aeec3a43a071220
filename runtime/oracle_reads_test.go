package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/saved"
)

// looks is how many events are looked up, and how many queries made, each time.
const looks = 4

// some draws up to looks events of those that the store has, or all if the laws
// are to be held thoroughly.
func (o *oracle) some() (all []*batpak.Event) {
	n := len(o.events)
	if o.thorough || n <= looks {
		for i := range n {
			all = append(all, &o.events[i])
		}
		return all
	}
	for range looks {
		all = append(all, &o.events[o.random.IntN(n)])
	}
	return all
}

// finds holds V6 for look-ups and queries.
func (o *oracle) finds() error {
	for _, e := range o.some() {
		if got, err := o.store.At(e.Sequence); err != nil || !sameStored(&got, e) {
			return breaks(6, "At(%d) = %s, %v", e.Sequence, describe(&got), err)
		}
		if got, err := o.store.Get(e.ID); err != nil || !sameStored(&got, e) {
			return breaks(6, "Get(%v) = %s, %v", e.ID, describe(&got), err)
		}
		if e.Key == "" {
			continue
		}
		if got, err := o.store.ByKey(e.Key); err != nil || !sameStored(&got, e) {
			return breaks(6, "ByKey(%q) = %s, %v", e.Key, describe(&got), err)
		}
	}
	if err := o.misses(); err != nil {
		return err
	}
	for range looks {
		q := o.query()
		if err := o.yields(o.store.Events(q), o.filter(&q)); err != nil {
			return breaks(6, "events of %+v: %w", q, err)
		}
	}
	return nil
}

// misses looks for what is not there: what comes next, and what was lost.
func (o *oracle) misses() error {
	n := len(o.events)
	if _, err := o.store.At(uint64(n) + 1); !errors.Is(err, batpak.ErrNotFound) {
		return breaks(6, "At(%d) = %v, want ErrNotFound", n+1, err)
	}
	if n == len(o.chronicle.events) {
		return nil
	}
	lost := &o.chronicle.events[n]
	if _, err := o.store.Get(lost.ID); !errors.Is(err, batpak.ErrNotFound) {
		return breaks(6, "Get() of an event that was lost = %v, want ErrNotFound", err)
	}
	if _, err := o.store.ByKey(lost.Key); !errors.Is(err, batpak.ErrNotFound) {
		return breaks(6, "ByKey(%q) of an event that was lost = %v, want ErrNotFound", lost.Key, err)
	}
	return nil
}

// query draws a query that has to do with an event of the chronicle.
func (o *oracle) query() (q batpak.Query) {
	e := batpak.Event{Meta: batpak.Meta{Coordinate: batpak.Coordinate{Entity: "nobody", Scope: "nowhere"}}}
	if n := len(o.chronicle.events); n > 0 {
		e = o.chronicle.events[o.random.IntN(n)]
	}
	ways := o.random.IntN(1 << 6)
	if ways&1 != 0 {
		q.Entity = e.Entity
	}
	if ways&2 != 0 {
		q.Prefix = e.Entity[:o.random.IntN(len(e.Entity)+1)]
	}
	if ways&4 != 0 {
		q.Scope = e.Scope
	}
	if ways&8 != 0 {
		q.Kinds = []batpak.Kind{e.Kind, 0x7FFF}[:1+o.random.IntN(2)]
	}
	if ways&16 != 0 {
		q.After = uint64(o.random.IntN(len(o.events) + 1))
	}
	if ways&32 != 0 {
		q.Until = uint64(o.random.IntN(len(o.events) + 2))
	}
	return q
}

// narrow adds to a query what has to do with an event, and a direction.
func narrow(random *rand.Rand, q *batpak.Query, e *batpak.Event) {
	ways := random.IntN(1 << 5)
	if ways&1 != 0 {
		q.Categories = []uint16{e.Kind.Category(), 0xF}[:1+random.IntN(2)]
	}
	if ways&2 != 0 && random.IntN(2) == 0 {
		q.Correlation = e.Correlation
	}
	if ways&4 != 0 {
		q.From = e.Time.Add(time.Duration(random.IntN(3) - 1))
	}
	if ways&8 != 0 {
		q.To = e.Time.Add(time.Duration(random.IntN(3) - 1))
	}
	q.Backward = ways&16 != 0
}

// pages holds V7 for one query.
func (o *oracle) pages() error {
	n := len(o.events)
	if n == 0 || !o.sometimes(2) {
		return nil
	}
	random := rand.New(rand.NewPCG(o.seed, uint64(o.checks)<<1)) // its own, so that what others draw stays
	q, view := batpak.Query{}, o.store.View()
	if narrow(random, &q, &o.events[random.IntN(n)]); random.IntN(2) == 0 {
		view = view.AsOf(uint64(random.IntN(n + 1)))
	}
	want := o.filter(&q)
	want = slices.DeleteFunc(want, func(e *batpak.Event) bool { return e.Sequence > view.Sequence() })
	if err := o.yields(paged(view, q, 1+random.IntN(5)), want); err != nil {
		return breaks(7, "pages of %+v as of %d: %w", q, view.Sequence(), err)
	}
	if err := o.yields(view.Events(q), want); err != nil {
		return breaks(7, "events of %+v as of %d: %w", q, view.Sequence(), err)
	}
	return nil
}

// paged reads page after page.
func paged(from batpak.Reader, q batpak.Query, limit int) iter.Seq2[batpak.Event, error] {
	return func(yield func(batpak.Event, error) bool) {
		for position, more := uint64(0), true; more; {
			p, err := from.Page(q, position, limit)
			for _, e := range p.Events {
				if !yield(e, nil) {
					return
				}
			}
			if err == nil && p.More && len(p.Events) != limit {
				err = fmt.Errorf("page of %d events from %d on of which there are more, want %d", len(p.Events), position, limit)
			}
			if err != nil {
				yield(batpak.Event{}, err)
				return
			}
			position, more = p.Next, p.More
		}
	}
}

// filter is what a query must give.
func (o *oracle) filter(q *batpak.Query) (all []*batpak.Event) {
	for i := range o.events {
		if matches(q, &o.events[i]) {
			all = append(all, &o.events[i])
		}
	}
	if q.Backward {
		slices.Reverse(all)
	}
	return all
}

// yields holds what a store gives against what it should give.
func (o *oracle) yields(got iter.Seq2[batpak.Event, error], want []*batpak.Event) error {
	n := 0
	for e, err := range got {
		switch {
		case err != nil:
			return fmt.Errorf("after %d of %d events: %w", n, len(want), err)
		case n == len(want):
			return fmt.Errorf("%s after the %d that there should be", describe(&e), n)
		case !sameStored(&e, want[n]):
			return fmt.Errorf("number %d is %s, want %s", n, describe(&e), describe(want[n]))
		}
		n++
	}
	if n != len(want) {
		return fmt.Errorf("%d events, want %d", n, len(want))
	}
	return nil
}

// walks holds V6 for the relatives of events, and for the heads of their streams.
func (o *oracle) walks() error {
	for _, e := range o.some() {
		stream := o.filter(&batpak.Query{Entity: e.Entity})
		if got, err := o.store.Head(e.Entity); got != uint64(len(stream)) || err != nil {
			return breaks(6, "Head(%q) = %d, %v, want %d", e.Entity, got, err, len(stream))
		}
		before := stream[:e.Version-1]
		slices.Reverse(before)
		if err := o.yields(o.store.Ancestors(e.ID), before); err != nil {
			return breaks(6, "ancestors of event %d: %w", e.Sequence, err)
		}
		if err := o.yields(o.store.Causes(e.ID), o.causes(e)); err != nil {
			return breaks(6, "causes of event %d: %w", e.Sequence, err)
		}
		if err := o.yields(o.store.Effects(e.ID), o.effects(e)); err != nil {
			return breaks(6, "effects of event %d: %w", e.Sequence, err)
		}
	}
	return nil
}

// causes are the events that led to e, the nearest first.
func (o *oracle) causes(e *batpak.Event) (all []*batpak.Event) {
	for !e.Causation.IsZero() {
		i := slices.IndexFunc(o.events, func(c batpak.Event) bool { return c.ID == e.Causation })
		if i < 0 {
			break
		}
		e = &o.events[i]
		all = append(all, e)
	}
	return all
}

// effects are the events that e led to, the nearest first.
func (o *oracle) effects(e *batpak.Event) (all []*batpak.Event) {
	for queue := []*batpak.Event{e}; len(queue) > 0; queue = queue[1:] {
		for i := range o.events {
			if c := &o.events[i]; c.Causation == queue[0].ID {
				all, queue = append(all, c), append(queue, c)
			}
		}
	}
	return all
}

// folded is a projection of anything.
type folded struct {
	events  int
	bytes   int
	last    batpak.ID
	ordered uint64 // depends on the order
}

func (f *folded) fold(e *batpak.Event) {
	f.events++
	f.bytes += len(e.Payload)
	f.last = e.ID
	f.ordered = f.ordered*31 + e.Sequence
}

// folds holds V8.
func (o *oracle) folds() error {
	if len(o.events) == 0 {
		return nil
	}
	entity := o.events[o.random.IntN(len(o.events))].Entity
	got, err := batpak.Project(context.Background(), o.store, entity, func(f *folded, e batpak.Event) error {
		f.fold(&e)
		return nil
	})
	var want folded
	for _, e := range o.filter(&batpak.Query{Entity: entity}) {
		want.fold(e)
	}
	if err != nil || got.State != want || got.Version != uint64(want.events) {
		return breaks(8, "projection of %q = %+v, %v, want %+v", entity, got, err, want)
	}
	return nil
}

// resumes holds V8 for states that were saved when some event was the newest: the one of
// its stream, and the one of all streams.
func (o *oracle) resumes() error {
	if len(o.events) == 0 || !o.sometimes(2) {
		return nil
	}
	ctx, codec := context.Background(), trails
	codec.Check = func(trail) error { return nil }                 // there may be 99 events
	random := rand.New(rand.NewPCG(o.seed, uint64(o.checks)<<1|1)) // its own, so that what others draw stays
	at := &o.chronicle.events[random.IntN(len(o.chronicle.events))]
	one, again, err := batpak.Resume(ctx, o.store, at.Entity, saved.Append(nil, o.saves(at, at.Entity)), codec, (*trail).fold)
	if err := o.resumed(at, at.Entity, one.State, again, err); err != nil {
		return breaks(8, "projection of %q from event %d on %w", at.Entity, at.Sequence, err)
	}
	all, again, err := batpak.ResumeAll(ctx, o.store, nil, saved.Append(nil, o.saves(at, "")), codec, (*trail).fold)
	if err := o.resumed(at, "", all.State, again, err); err != nil {
		return breaks(8, "projection of all streams from event %d on %w", at.Sequence, err)
	}
	return nil
}

// saves is what is saved of an entity, of all if it is empty, when at is its newest event.
func (o *oracle) saves(at *batpak.Event, entity string) saved.State {
	place := saved.State{Fingerprint: trails.Shape, Sequence: at.Sequence, Hash: at.Hash, Name: entity}
	if entity == "" {
		place.Name = o.store.ID().String()
	} else {
		place.Version = at.Version
	}
	q, state := batpak.Query{Entity: entity}, trail{}
	for i := range o.chronicle.events[:at.Sequence] {
		if e := &o.chronicle.events[i]; matches(&q, e) {
			_ = state.fold(*e) // which never fails
		}
	}
	place.Bytes = trails.Append(state, nil)
	return place
}

// resumed holds what a state that was saved at an event is resumed to: the fold of all that
// there is, and the bytes which that is saved as. It is refused if the event was lost.
func (o *oracle) resumed(at *batpak.Event, entity string, got trail, again []byte, err error) error {
	if at.Sequence > uint64(len(o.events)) {
		if !isSaved(err) {
			return fmt.Errorf("which was lost = %+v, %w, want a SavedError", got, err)
		}
		return nil
	}
	all := o.filter(&batpak.Query{Entity: entity})
	want := o.saves(all[len(all)-1], entity)
	if err != nil || !bytes.Equal(trails.Append(got, nil), want.Bytes) || !bytes.Equal(again, saved.Append(nil, want)) {
		return fmt.Errorf("= %+v, saved as %x, %w, want %+v", got, again, err, want)
	}
	return nil
}
