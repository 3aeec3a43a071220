package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// readTrial is a store that grows, and what it should hold.
type readTrial struct {
	*testing.T
	random *rand.Rand
	store  *batpak.Store
	log    []batpak.Event
}

// newReadTrial opens a store of small segments whose clock jumps.
func newReadTrial(t *testing.T, seed uint64, d *simfs.Disk) *readTrial {
	r := &readTrial{T: t, random: rand.New(rand.NewPCG(seed, 11))}
	o := &batpak.Options{SegmentSize: 4096}
	wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rtopts.SetNow(&o.Internal, func() time.Time {
		wall = wall.Add(time.Duration(r.random.IntN(3)-1) * time.Duration(r.random.IntN(1_000_000)))
		return wall
	})
	r.store = openSim(t, d, o)
	return r
}

// grow appends about n events in batches, and adds them to the log.
func (r *readTrial) grow(n int) {
	r.Helper()
	for end := len(r.log) + n; len(r.log) < end; {
		b := r.store.NewBatch()
		for range 1 + r.random.IntN(9) {
			d := note(fmt.Sprintf("%c:%d", 'a'+r.random.IntN(3), r.random.IntN(9)), fmt.Sprint(b.Len()))
			d.Kind, d.Scope = batpak.KindOf(uint16(1+r.random.IntN(3)), uint16(r.random.IntN(3))), fmt.Sprint("s", r.random.IntN(3))
			var opts []batpak.AppendOption
			if n := len(r.log); n > 0 && r.random.IntN(2) == 0 {
				opts = append(opts, batpak.Correlate(r.log[r.random.IntN(n)].Correlation), batpak.CausedBy(r.log[r.random.IntN(n)].ID))
			}
			if r.random.IntN(3) == 0 {
				opts = append(opts, batpak.Key(fmt.Sprintf("k%d/%d", len(r.log), b.Len())))
			}
			b.Add(d, opts...)
		}
		receipts, err := b.Commit(r.Context())
		if err != nil {
			r.Fatal(err)
		}
		for _, receipt := range receipts {
			e, err := r.store.At(receipt.Sequence())
			if err != nil {
				r.Fatal(err)
			}
			r.log = append(r.log, e)
		}
	}
}

// query draws a query that has to do with the log.
func (r *readTrial) query() (q batpak.Query) {
	e := &r.log[r.random.IntN(len(r.log))]
	for range r.random.IntN(3) {
		switch r.random.IntN(6) {
		case 0:
			q.Entity = e.Entity
		case 1:
			q.Prefix = e.Entity[:r.random.IntN(4)]
		case 2:
			q.Scope = e.Scope
		case 3:
			q.Kinds = []batpak.Kind{e.Kind, 0x1001}[:1+r.random.IntN(2)]
		case 4:
			q.After = uint64(r.random.IntN(len(r.log) + 2))
		case 5:
			q.Until = uint64(r.random.IntN(len(r.log) + 2))
		}
	}
	narrow(r.random, &q, e)
	return q
}

// selected is what a query selects of the first n events of the log.
func (r *readTrial) selected(q *batpak.Query, n uint64) (all []uint64) {
	for i := range r.log[:n] {
		if matches(q, &r.log[i]) {
			all = append(all, r.log[i].Sequence)
		}
	}
	if q.Backward {
		slices.Reverse(all)
	}
	return all
}

func (r *readTrial) sequences(seq iter.Seq2[batpak.Event, error]) (all []uint64) {
	r.Helper()
	for e, err := range seq {
		if err != nil {
			r.Fatal(err)
		}
		if want := &r.log[e.Sequence-1]; !sameStored(want, &e) {
			r.Fatalf("event %s, want %s", describe(&e), describe(want))
		}
		all = append(all, e.Sequence)
	}
	return all
}

// TestPagesAreWhatAQuerySelects: events and pages in either direction are what
// filtering the log gives, in a view of any place, whatever was appended since.
func TestPagesAreWhatAQuerySelects(t *testing.T) {
	for seed := range uint64(4) {
		d := simfs.New()
		r := newReadTrial(t, seed, d)
		views := []batpak.View{r.store.View()}
		for range 3 {
			r.grow(60)
			views = append(views, r.store.View(), r.store.View().AsOf(uint64(r.random.IntN(len(r.log)))))
		}
		check := func(v batpak.View) {
			t.Helper()
			for range 25 {
				q, limit := r.query(), 1+r.random.IntN(12)
				want := r.selected(&q, v.Sequence())
				if diff := cmp.Diff(want, r.sequences(v.Events(q))); diff != "" {
					t.Fatalf("seed %d: events of %+v as of %d (-want +got):\n%s", seed, q, v.Sequence(), diff)
				}
				if diff := cmp.Diff(want, r.sequences(paged(v, q, limit))); diff != "" {
					t.Fatalf("seed %d: pages of %d of %+v as of %d (-want +got):\n%s", seed, limit, q, v.Sequence(), diff)
				}
			}
		}
		for _, v := range views {
			check(v)
		}
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		r.store = openSim(t, d, nil)
		check(r.store.View())
		check(r.store.View().AsOf(uint64(len(r.log) / 2)))
	}
}

// TestPositionsAreKept: a position is as good later as it was at once. Going forward,
// it leads to what is appended behind it, and to each event once; going backward, what
// is appended meanwhile is not part of it.
func TestPositionsAreKept(t *testing.T) {
	for seed := range uint64(8) {
		r := newReadTrial(t, seed, simfs.New())
		r.grow(5)
		q := r.query()
		q.Until = 0
		began, position, limit := uint64(len(r.log)), uint64(0), 1+r.random.IntN(4)
		var got []uint64
		for grown := 0; ; {
			p, err := r.store.Page(q, position, limit)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Events) > limit {
				t.Fatalf("seed %d: page of %d events, want at most %d", seed, len(p.Events), limit)
			}
			if !q.Backward && p.Next < position || q.Backward && position > 0 && p.Next > position {
				t.Fatalf("seed %d: position %d of %+v is followed by %d", seed, position, q, p.Next)
			}
			position = p.Next
			for _, e := range p.Events {
				got = append(got, e.Sequence)
			}
			if !p.More && grown == 10 {
				break
			}
			if grown < 10 {
				grown++
				r.grow(1 + r.random.IntN(9))
			}
		}
		want := r.selected(&q, uint64(len(r.log)))
		if q.Backward {
			want = r.selected(&q, began)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: pages of %+v in a log that grows (-want +got):\n%s", seed, q, diff)
		}
	}
}

// TestTurningAround: at any event, the pages before and behind it meet.
func TestTurningAround(t *testing.T) {
	r := newReadTrial(t, 1, simfs.New())
	r.grow(40)
	for _, e := range r.log {
		forward, err := r.store.Page(batpak.Query{}, e.Sequence, 3)
		if err != nil {
			t.Fatal(err)
		}
		back, err := r.store.Page(batpak.Query{Backward: true}, e.Sequence, 3)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(forward.Events); n > 0 && forward.Events[0].Sequence != e.Sequence+1 || n != min(3, len(r.log)-int(e.Sequence)) {
			t.Fatalf("page behind event %d has %d events: %+v", e.Sequence, n, forward.Events)
		}
		if n := len(back.Events); n > 0 && back.Events[0].Sequence != e.Sequence-1 || n != min(3, int(e.Sequence)-1) {
			t.Fatalf("page before event %d has %d events: %+v", e.Sequence, n, back.Events)
		}
	}
}

// TestPageOfNothing: there are pages without events, and positions beyond the end.
func TestPageOfNothing(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	page := func(q batpak.Query, position uint64) batpak.Page {
		t.Helper()
		p, err := s.Page(q, position, 5)
		if err != nil || p.More {
			t.Fatalf("Page(%+v, %d) = %+v, %v", q, position, p, err)
		}
		return p
	}
	ahead, back := page(batpak.Query{}, 0), page(batpak.Query{Backward: true}, 0)
	for range 3 {
		mustAppend(t, s, note("a:1", "x"))
	}
	if p := page(batpak.Query{}, ahead.Next); len(p.Events) != 3 {
		t.Errorf("page that was begun in an empty store = %+v, want all events", p)
	}
	if p := page(batpak.Query{Backward: true}, back.Next); len(p.Events) != 0 {
		t.Errorf("page back that was begun in an empty store = %+v, want no events", p)
	}
	for _, position := range []uint64{3, 4, math.MaxUint64} {
		if p := page(batpak.Query{}, position); len(p.Events) != 0 || p.Next != position {
			t.Errorf("Page(forward, %d) = %+v, want no events and the same position", position, p)
		}
	}
	if p := page(batpak.Query{Backward: true}, math.MaxUint64); len(p.Events) != 3 || p.Next != 1 {
		t.Errorf("Page(backward, from beyond the end) = %+v, want all events", p)
	}
	if p := page(batpak.Query{Categories: []uint16{99}}, 0); len(p.Events) != 0 {
		t.Errorf("page of a category that there is not = %+v", p)
	}
	if p, err := s.Page(batpak.Query{}, 0, math.MaxInt); err != nil || len(p.Events) != 3 || p.More {
		t.Errorf("Page(as many as there are) = %+v, %v, want all events", p, err)
	}
	for _, limit := range []int{0, -1} {
		if _, err := s.Page(batpak.Query{}, 0, limit); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Page(limit %d) = %v, want ErrInvalid", limit, err)
		}
	}
}

// TestPageStopsAtDamage: a page holds what lies before an event that cannot be read,
// and the pages behind it are there.
func TestPageStopsAtDamage(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	for i := range 5 {
		mustAppend(t, s, note("a:1", fmt.Sprint("payload ", i)))
	}
	name := d.Names()[0]
	d.SetBytes(name, bytes.Replace(d.Bytes(name), []byte("payload 2"), []byte("payload 7"), 1))
	for _, c := range []struct {
		backward bool
		position uint64
		texts    []string
		next     uint64
		damaged  bool
	}{
		{false, 0, []string{"payload 0", "payload 1"}, 2, true},
		{false, 2, nil, 2, true},
		{false, 3, []string{"payload 3", "payload 4"}, 5, false},
		{true, 0, []string{"payload 4", "payload 3"}, 4, true},
		{true, 3, []string{"payload 1", "payload 0"}, 1, false},
	} {
		p, err := s.Page(batpak.Query{Entity: "a:1", Backward: c.backward}, c.position, 10)
		if diff := cmp.Diff(c.texts, texts(p.Events)); diff != "" || p.Next != c.next || errors.Is(err, batpak.ErrCorrupt) != c.damaged {
			t.Errorf("Page(backward %v, %d) = next %d, %v, want next %d, damaged %v (-want +got):\n%s", c.backward, c.position, p.Next, err, c.next, c.damaged, diff)
		}
	}
}

// TestViewDoesNotChange: whatever is asked of a view, the answer is that of the store
// when it was there.
func TestViewDoesNotChange(t *testing.T) {
	r := newReadTrial(t, 3, simfs.New())
	r.grow(50)
	v := r.store.View()
	answers := func(from batpak.Reader) (all []any) {
		for _, e := range r.log[:v.Sequence()] {
			p, err := batpak.Project(r.Context(), from, e.Entity, func(f *folded, e batpak.Event) error { f.fold(&e); return nil })
			if err != nil {
				t.Fatal(err)
			}
			head, err := from.Head(e.Entity)
			all = append(all, head, err, p.State.ordered, p.Version, r.sequences(from.Ancestors(e.ID)),
				r.sequences(from.Causes(e.ID)), r.sequences(from.Effects(e.ID)))
			got, err := from.Get(e.ID)
			all = append(all, got, err)
			got, err = from.At(e.Sequence)
			all = append(all, got, err)
			got, err = from.ByKey(e.Key)
			all = append(all, got, err == nil)
		}
		sum, err := batpak.ProjectAll(r.Context(), from, nil, func(f *folded, e batpak.Event) error { f.fold(&e); return nil })
		return append(all, sum, err)
	}
	before := answers(r.store)
	r.grow(50)
	if diff := cmp.Diff(before, answers(v), cmp.AllowUnexported(folded{})); diff != "" {
		t.Errorf("answers of a view that others appended to (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before, answers(r.store.View().AsOf(v.Sequence())), cmp.AllowUnexported(folded{})); diff != "" {
		t.Errorf("answers as of %d (-then +now):\n%s", v.Sequence(), diff)
	}
	for _, e := range r.log[v.Sequence():] {
		for name, find := range map[string]func() (batpak.Event, error){
			"Get": func() (batpak.Event, error) { return v.Get(e.ID) }, "At": func() (batpak.Event, error) { return v.At(e.Sequence) },
			"ByKey": func() (batpak.Event, error) { return v.ByKey(e.Key) },
		} {
			if got, err := find(); !errors.Is(err, batpak.ErrNotFound) {
				t.Fatalf("%s of event %d in the view of %d = event %d, %v, want ErrNotFound", name, e.Sequence, v.Sequence(), got.Sequence, err)
			}
		}
	}
	if got := r.store.View().AsOf(math.MaxUint64).Sequence(); got != uint64(len(r.log)) {
		t.Errorf("view as of what is to come is at %d, want %d", got, len(r.log))
	}
}

// TestConditionOnAStory: a condition by correlation counts the event whose id it is,
// and no event that only shares the part of an id that the index keeps.
func TestConditionOnAStory(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	root := mustAppend(t, s, note("a:1", "root"))
	other := mustAppend(t, s, note("a:2", "told"), batpak.Correlate(batpak.ID{1}))
	lookalike := root.ID()
	lookalike[15] ^= 1
	for _, c := range []struct {
		name string
		id   batpak.ID
		want uint64 // event in the way
	}{
		{"the root's", root.ID(), root.Sequence()},
		{"one that was given", batpak.ID{1}, other.Sequence()},
		{"the id of an event that was given another", other.ID(), 0},
		{"one that looks like the root's", lookalike, 0},
		{"an unknown one", batpak.ID{2}, 0},
	} {
		b := s.NewBatch()
		b.Add(note("a:3", "x"))
		b.ExpectNone(batpak.Query{Correlation: c.id, Backward: true})
		_, err := b.Commit(context.Background())
		conflict, ok := errors.AsType[*batpak.ConflictError](err)
		if ok != (c.want > 0) || ok && conflict.Found != c.want {
			t.Errorf("condition on %s correlation: %v, want conflict with event %d", c.name, err, c.want)
		}
	}
}
