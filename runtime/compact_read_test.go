package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// leftovers are what readers should find: the events, with what a compaction left of
// each.
type leftovers []batpak.Event

// left is what a retention leaves of an event.
func left(e batpak.Event, fate batpak.Fate) batpak.Event {
	switch {
	case fate == batpak.KeepEvent:
	case fate == batpak.TombstoneEvent || e.Key != "":
		e.Fate, e.Payload = batpak.TombstoneEvent, nil
	default:
		e = batpak.Event{Meta: batpak.Meta{
			Coordinate: batpak.Coordinate{Entity: e.Entity}, Sequence: e.Sequence, Version: e.Version, ID: e.ID, Kind: e.Kind,
			PayloadVersion: e.PayloadVersion, Correlation: e.ID, Time: e.Time, Hash: e.Hash, Fate: batpak.DropEvent,
		}}
	}
	return e
}

// foundEvent is an event as a reader gets it.
type foundEvent struct {
	batpak.Event
	Err string
}

// asTold is what a reader gets of an event that is there.
func asTold(e batpak.Event) foundEvent {
	f := foundEvent{Event: e}
	if e.Fate != batpak.KeepEvent {
		f.Err = (&batpak.TombstoneError{Sequence: e.Sequence, Dropped: e.Fate == batpak.DropEvent}).Error()
	}
	return f
}

func got(e batpak.Event, err error) foundEvent {
	f := foundEvent{Event: e}
	if len(f.Payload) == 0 {
		f.Payload = nil
	}
	if err != nil {
		f.Err = err.Error()
	}
	return f
}

func all(seq iter.Seq2[batpak.Event, error]) (fs []foundEvent) {
	for e, err := range seq {
		fs = append(fs, got(e, err))
	}
	return fs
}

// events is what a query selects.
func (h leftovers) events(q *batpak.Query) (fs []foundEvent) {
	for i := range h {
		if h[i].Fate != batpak.DropEvent && matches(q, &h[i]) {
			fs = append(fs, asTold(h[i]))
		}
	}
	if q.Backward {
		slices.Reverse(fs)
	}
	return fs
}

func (h leftovers) ancestors(e *batpak.Event) (fs []foundEvent) {
	for _, x := range slices.Backward(h[:e.Sequence-1]) {
		if x.Entity == e.Entity {
			fs = append(fs, asTold(x))
		}
	}
	return fs
}

func (h leftovers) causes(e batpak.Event) (fs []foundEvent) {
	if e.Fate == batpak.DropEvent {
		return []foundEvent{{Err: asTold(e).Err}}
	}
	for !e.Causation.IsZero() {
		e = h[slices.IndexFunc(h, func(x batpak.Event) bool { return x.ID == e.Causation })]
		fs = append(fs, asTold(e))
	}
	return fs
}

func (h leftovers) effects(e batpak.Event) (fs []foundEvent) {
	for queue := []batpak.Event{e}; len(queue) > 0; queue = queue[1:] {
		for _, x := range h {
			if x.Causation == queue[0].ID {
				fs, queue = append(fs, asTold(x)), append(queue, x)
			}
		}
	}
	return fs
}

// state is what a projection of an entity comes to, or its error.
func (h leftovers) state(entity string) (text string, version uint64) {
	for i := range h {
		switch e := &h[i]; {
		case e.Entity != entity:
		case e.Fate == batpak.TombstoneEvent:
			return asTold(*e).Err, 0
		default:
			if version = e.Version; e.Fate == batpak.KeepEvent {
				text += string(e.Payload) + ","
			}
		}
	}
	return text, version
}

func stateOf(from batpak.Reader, entity string) (string, uint64) {
	f, err := batpak.Project(context.Background(), from, entity, func(s *string, e batpak.Event) error {
		*s += string(e.Payload) + ","
		return nil
	})
	if err != nil {
		return err.Error(), 0
	}
	return f.State, f.Version
}

// pagesFrom reads page after page from a position on. Each page is full if there are
// more, and says which of its events lost a payload first.
func pagesFrom(from batpak.Reader, q batpak.Query, position uint64, limit int) (fs []foundEvent, err error) {
	for more := true; more; {
		p, err := from.Page(q, position, limit)
		first := slices.IndexFunc(p.Events, func(e batpak.Event) bool { return e.Fate != batpak.KeepEvent })
		t, taken := errors.AsType[*batpak.TombstoneError](err)
		switch {
		case err != nil && !taken:
			return fs, err
		case taken != (first >= 0), taken && t.Sequence != p.Events[first].Sequence:
			return fs, fmt.Errorf("page from %d on with %+v: %w", position, p.Events, err)
		case len(p.Events) > limit, p.More && len(p.Events) < limit, len(p.Events) == 0 && len(fs) > 0:
			return fs, fmt.Errorf("page of %d events from %d on, more: %v, want %d", len(p.Events), position, p.More, limit)
		}
		for _, e := range p.Events {
			fs = append(fs, got(e, nil))
			fs[len(fs)-1].Err = asTold(e).Err
		}
		position, more = p.Next, p.More
	}
	return fs, nil
}

// keptPage is a reading that was begun before a compaction.
type keptPage struct {
	view     batpak.View
	query    batpak.Query
	limit    int
	position uint64
	at       int // of the view
}

// begin reads the first page of a query, and keeps its position.
func (r *readTrial) begin() *keptPage {
	r.Helper()
	k := &keptPage{query: r.query(), limit: 1 + r.random.IntN(9)}
	k.view = r.store.View().AsOf(uint64(1 + r.random.IntN(len(r.log))))
	k.at = int(k.view.Sequence())
	p, err := k.view.Page(k.query, 0, k.limit)
	if err != nil && !errors.Is(err, batpak.ErrTombstoned) {
		r.Fatal(err)
	}
	k.position = p.Next
	return k
}

// holds holds everything that can be asked against a leftovers.
func (r *readTrial) holds(h leftovers, readings []*keptPage) {
	r.Helper()
	check := func(want, got any, what string, args ...any) {
		r.Helper()
		if reflect.DeepEqual(want, got) {
			return // which is faster
		}
		if d := cmp.Diff(want, got); d != "" {
			r.Fatalf("%s (-want +got):\n%s", fmt.Sprintf(what, args...), d)
		}
	}
	for i, e := range h {
		check(asTold(e), got(r.store.At(e.Sequence)), "At(%d)", e.Sequence)
		check(asTold(e), got(r.store.Get(e.ID)), "Get of event %d", e.Sequence)
		if key := r.log[i].Key; key != "" {
			check(asTold(e), got(r.store.ByKey(key)), "ByKey of event %d", e.Sequence)
		}
		if r.random.IntN(4) > 0 {
			continue
		}
		check(h.ancestors(&e), all(r.store.Ancestors(e.ID)), "Ancestors of event %d", e.Sequence)
		check(h.causes(e), all(r.store.Causes(e.ID)), "Causes of event %d", e.Sequence)
		check(h.effects(e), all(r.store.Effects(e.ID)), "Effects of event %d", e.Sequence)
		view := r.store.View().AsOf(e.Sequence)
		version, err := view.Head(e.Entity)
		check([]any{e.Version, nil}, []any{version, err}, "Head(%s) as of %d", e.Entity, e.Sequence)
		want, wantVersion := h[:i+1].state(e.Entity)
		state, version := stateOf(view, e.Entity)
		check([]any{want, wantVersion}, []any{state, version}, "Project(%s) as of %d", e.Entity, e.Sequence)
	}
	for range 20 {
		q, limit := r.query(), 1+r.random.IntN(12)
		check(h.events(&q), all(r.store.Events(q)), "events of %+v", q)
		pages, err := pagesFrom(r.store, q, 0, limit)
		check([]any{h.events(&q), nil}, []any{pages, err}, "pages of %d of %+v", limit, q)
	}
	for _, k := range readings {
		want := h[:k.at].events(&k.query)
		check(want, all(k.view.Events(k.query)), "events of %+v as of %d", k.query, k.at)
		var behind []foundEvent
		for _, f := range want {
			if k.position == 0 || f.Sequence != k.position && f.Sequence < k.position == k.query.Backward {
				behind = append(behind, f)
			}
		}
		pages, err := pagesFrom(k.view, k.query, k.position, k.limit)
		check([]any{behind, nil}, []any{pages, err}, "pages of %+v as of %d behind %d", k.query, k.at, k.position)
	}
}

// TestCompactionLeavesReadsAsTheyWere: whatever is asked, by whom, from where and in
// which direction, the answer after a compaction is the one from before it, but for
// what a retention took away, which is what the model says.
func TestCompactionLeavesReadsAsTheyWere(t *testing.T) {
	for seed := range uint64(4) {
		d := simfs.New()
		r := newReadTrial(t, seed, d)
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		r.store = openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
		fates := map[uint64]batpak.Fate{}
		retain := batpak.Retention(func(m batpak.Meta) batpak.Fate {
			fate := batpak.Fate(r.random.IntN(3) * r.random.IntN(2))
			fates[m.Sequence] = max(fates[m.Sequence], fate) // nothing is given back, or answered in two ways
			return fates[m.Sequence]
		})
		now := func() (h leftovers) {
			for i := range r.log {
				e := r.log[i]
				e.Payload = append([]byte(nil), e.Payload...)
				h = append(h, left(e, fates[e.Sequence]))
			}
			return h
		}
		var readings []*keptPage
		compact := func(opts ...batpak.CompactOption) {
			t.Helper()
			r.grow(50)
			for range 6 {
				readings = append(readings, r.begin())
			}
			if c, err := r.store.Compact(t.Context(), opts...); err != nil || c.Merges == 0 {
				t.Fatalf("seed %d: Compact() = %+v, %v, want a merge", seed, c, err)
			}
			r.holds(now(), readings)
		}
		compact()
		compact()
		compact(retain)
		compact()
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		r.store = openSim(t, d, nil)
		r.holds(now(), nil)
		verified(t, r.store)
	}
}

// TestFollowerOfAnEmptyStore: a reader that has seen a segment, but no event of it, shows
// what was written to it, be it that it was merged meanwhile.
func TestFollowerOfAnEmptyStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, &batpak.Options{SegmentSize: 1 << 10})
	reader, err := batpak.OpenReadOnly(dir, overseen(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for i := range 60 {
		mustAppend(t, s, note(fmt.Sprint("a:", i%3), "some payload"))
	}
	written := shown(t, s)
	if r, err := s.Compact(t.Context()); err != nil || r.Merges == 0 {
		t.Fatalf("Compact() = %+v, %v", r, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reader.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(written, shown(t, reader)); d != "" {
		t.Errorf("events after Refresh:\n%s", d)
	}
	verified(t, reader)
}

// TestRetryOfABatchWithDroppedItems: the retry of a batch gives the same receipts when
// those of its events were dropped that have no key.
func TestRetryOfABatchWithDroppedItems(t *testing.T) {
	s := openSim(t, simfs.New(), &batpak.Options{SegmentSize: 1 << 10})
	batch := func() []batpak.Receipt {
		b := s.NewBatch()
		b.Add(note("a:1", "one"), batpak.Key("k"))
		b.Add(note("a:2", "two"))
		receipts, err := b.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return receipts
	}
	first := batch()
	for range 60 {
		mustAppend(t, s, note("a:3", "more"))
	}
	drop := func(batpak.Meta) batpak.Fate { return batpak.DropEvent }
	if r, err := s.Compact(t.Context(), batpak.Retention(drop)); err != nil || r.Dropped == 0 || r.Tombstoned == 0 {
		t.Fatalf("Compact() = %+v, %v", r, err)
	}
	if again := batch(); !slices.EqualFunc(first, again, sameReceipt) {
		t.Errorf("receipts of the retry = %+v, want %+v", again, first)
	}
}

// inTheWay is the event that refuses a batch with this condition, 0 if none does. Nothing is
// stored either way.
func inTheWay(t *testing.T, s *batpak.Store, q batpak.Query) (found uint64) {
	t.Helper()
	b := s.NewBatch()
	b.ExpectNone(q)
	b.Add(note("never:1", "x"), batpak.Expect(1))
	_, err := b.Commit(t.Context())
	conflict, ok := errors.AsType[*batpak.ConflictError](err)
	if !ok {
		t.Fatalf("Commit() = %v, want a conflict", err)
	}
	return conflict.Found
}

// TestConditionOverDroppedEvents: what refuses a batch with a condition is the first event
// that a reader finds by the same query, whichever filters it has: of what a compaction
// dropped neither sees anything. It is so too where an index is lost, and its events in memory.
func TestConditionOverDroppedEvents(t *testing.T) {
	for _, lost := range []bool{false, true} {
		d := simfs.New()
		r := newReadTrial(t, 5, d)
		r.grow(120)
		drop := batpak.Retention(func(m batpak.Meta) batpak.Fate { return batpak.Fate(2 * (m.Sequence % 2)) })
		if c, err := r.store.Compact(t.Context(), drop); err != nil || c.Dropped == 0 {
			t.Fatalf("Compact() = %+v, %v", c, err)
		}
		if err := r.store.Close(); err != nil {
			t.Fatal(err)
		}
		for _, f := range filesOf(d) {
			if lost && f.Round > 0 {
				b := d.Bytes(f.Name())
				d.SetBytes(f.Name(), b[:len(b)-1])
			}
		}
		r.store = openSim(t, d, nil)
		if lost != (len(r.store.Report().Unindexed) > 0) {
			t.Fatalf("opening found %+v, want an index that is lost: %v", r.store.Report(), lost)
		}
		for range 200 {
			q, want := r.query(), uint64(0)
			q.Backward = false
			for e, err := range r.store.Events(q) {
				if want = e.Sequence; err != nil && !errors.Is(err, batpak.ErrTombstoned) {
					t.Fatal(err)
				}
				break
			}
			if got := inTheWay(t, r.store, q); got != want {
				t.Fatalf("condition on %+v: event %d is in the way, want %d", q, got, want)
			}
		}
	}
}

// TestReaderOpensWhileFilesAreMerged lets files be merged, and their sources be removed,
// before each operation of a reader that opens the store: it shows as much as one that
// came before.
func TestReaderOpensWhileFilesAreMerged(t *testing.T) {
	for k, over := 1, false; !over; k++ {
		disk := simfs.New()
		s := openSim(t, disk, &batpak.Options{SegmentSize: 512})
		for i := range 24 {
			mustAppend(t, s, note("a:1", fmt.Sprint("text ", i, strings.Repeat(" ", 60))))
		}
		before, err := openReader(disk, nil)
		want := len(events(t, opened(t, before, err), batpak.Query{}))
		left, merged := k, false
		disk.OnOp(func(faultfs.Op, string) {
			if left--; left != 0 {
				return
			}
			r, err := s.Compact(t.Context())
			if merged = r.Merges > 0; err != nil || !merged {
				t.Errorf("Compact() = %+v, %v", r, err)
			}
		})
		r, err := openReader(disk, nil)
		disk.OnOp(nil)
		if err != nil {
			t.Fatalf("merged before operation %d of an opening, which fails: %v", k, err)
		}
		if got := len(events(t, opened(t, r, err), batpak.Query{})); got < want {
			t.Errorf("merged before operation %d of an opening, which shows %d events, want %d", k, got, want)
		}
		over = !merged
	}
}

// fleeting is a directory whose names are listed while something is done to it: what has
// gone by then is not listed, and neither is what has come.
type fleeting struct {
	vfs.FS
	while func()
}

func (d fleeting) List() ([]vfs.Entry, error) {
	before, err := d.FS.List()
	if err != nil {
		return nil, err
	}
	d.while()
	after, err := d.FS.List()
	return slices.DeleteFunc(before, func(e vfs.Entry) bool {
		return !slices.ContainsFunc(after, func(o vfs.Entry) bool { return o.Name == e.Name })
	}), err
}

// TestReaderOpensWhileMergedNamesAreListed lets files be merged, and their sources be removed,
// while a reader that opens the store, or looks again, reads the names in its directory: what
// it needs is there, under one name or another.
func TestReaderOpensWhileMergedNamesAreListed(t *testing.T) {
	for at, over := 1, false; !over; at++ {
		disk := simfs.New()
		s := openSim(t, disk, &batpak.Options{SegmentSize: 512})
		scatter(t, s, rand.New(rand.NewPCG(21, 1)), 24)
		lists, merges := 0, 0
		names := fleeting{disk.FS(), func() {
			if lists++; lists != at {
				return
			}
			r, err := s.Compact(t.Context())
			if merges = r.Merges; err != nil || merges == 0 {
				t.Errorf("Compact() = %+v, %v", r, err)
			}
		}}
		r, err := batpak.OpenReadOnly("simulated", checked(names, nil))
		if err == nil {
			t.Cleanup(func() { r.Close() })
			err = r.Refresh(t.Context())
		}
		if err != nil {
			t.Fatalf("merged while names were read for time %d: %v", at, err)
		}
		if got, want := len(events(t, r, batpak.Query{})), len(shown(t, s)); got < want-1 {
			t.Errorf("merged while names were read for time %d: %d events are shown, want %d", at, got, want)
		}
		over = merges == 0
	}
}
