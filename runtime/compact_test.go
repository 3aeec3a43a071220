package batpak_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// keyed is an event with a key, and its receipt.
type keyed struct {
	key     string
	draft   batpak.Draft
	receipt batpak.Receipt
}

// scatter appends events, some with keys, which it returns.
func scatter(t *testing.T, s *batpak.Store, r *rand.Rand, n int) (keys []keyed) {
	t.Helper()
	for range n {
		d := note(fmt.Sprint("a:", r.IntN(3)), strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(80)))
		if r.IntN(3) > 0 {
			mustAppend(t, s, d)
			continue
		}
		k := keyed{key: fmt.Sprint("key ", r.Uint64()), draft: d}
		k.receipt = mustAppend(t, s, d, batpak.Key(k.key))
		keys = append(keys, k)
	}
	return keys
}

// shown is what a reader sees of a store.
func shown(t *testing.T, s *batpak.Store) (all []batpak.Event) {
	t.Helper()
	for e, err := range s.Events(batpak.Query{}) {
		if tombstone, ok := errors.AsType[*batpak.TombstoneError](err); ok {
			if tombstone.Dropped || tombstone.Sequence != e.Sequence || e.Payload != nil {
				t.Errorf("iteration shows %+v, %v", e, err)
			}
			e.Payload = []byte("tombstone")
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// verified verifies a store that is sound.
func verified(t *testing.T, s *batpak.Store) batpak.VerifyReport {
	t.Helper()
	v, err := s.Verify(t.Context())
	if err != nil || len(v.Damages) > 0 {
		t.Fatalf("Verify() = %+v, %v", v, err)
	}
	return v
}

// TestCompactLosesNothing: without a retention a store is the same after a compaction,
// and after it was opened again.
func TestCompactLosesNothing(t *testing.T) {
	t.Parallel()
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		r := rand.New(rand.NewPCG(1, 1))
		s := open(&batpak.Options{SegmentSize: 1 << 10})
		for range 3 {
			scatter(t, s, r, 60)
			before := shown(t, s)
			report, err := s.Compact(t.Context())
			if err != nil || report.Merges == 0 || report.Segments < 2*report.Merges {
				t.Fatalf("Compact() = %+v, %v, want a merge", report, err)
			}
			if d := cmp.Diff(before, shown(t, s)); d != "" {
				t.Fatalf("events after Compact:\n%s", d)
			}
			for _, e := range before {
				if got, err := s.Get(e.ID); err != nil || got.Hash != e.Hash {
					t.Fatalf("Get(%v) = %+v, %v", e.ID, got, err)
				}
			}
			if v := verified(t, s); v.Events != uint64(len(before)) {
				t.Fatalf("Verify() = %+v, want %d events", v, len(before))
			}
		}
		before := shown(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(&batpak.Options{SegmentSize: 1 << 10})
		if d := cmp.Diff(before, shown(t, s)); d != "" {
			t.Fatalf("events after Compact and Open:\n%s", d)
		}
		verified(t, s)
	})
}

// fate of an event by its sequence.
func fateOf(m batpak.Meta) batpak.Fate { return batpak.Fate(m.Sequence % 3) }

// TestRetention: what a retention takes away is gone, and nothing else: heads, links,
// sequences and receipts stay.
func TestRetention(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		r := rand.New(rand.NewPCG(2, 1))
		s := open(&batpak.Options{SegmentSize: 1 << 10})
		keys := scatter(t, s, r, 120)
		before, heads := shown(t, s), map[string]uint64{}
		for _, e := range before {
			heads[e.Entity] = e.Version
		}
		report, err := s.Compact(t.Context(), batpak.Retention(fateOf))
		if err != nil || report.Dropped == 0 || report.Tombstoned == 0 || report.Events >= uint64(len(before)) {
			t.Fatalf("Compact() = %+v, %v", report, err)
		}
		for range 2 {
			var want []batpak.Event
			for _, e := range before {
				fate := fateOf(e.Meta)
				if fate == batpak.DropEvent && e.Key != "" {
					fate = batpak.TombstoneEvent
				}
				if e.Sequence > report.Events {
					fate = batpak.KeepEvent
				}
				got, err := s.At(e.Sequence)
				tombstone, ok := errors.AsType[*batpak.TombstoneError](err)
				switch {
				case fate == batpak.KeepEvent && err != nil, fate != batpak.KeepEvent && (!ok || tombstone.Dropped != (fate == batpak.DropEvent)),
					got.Hash != e.Hash, got.Fate != fate, got.ID != e.ID, got.Version != e.Version:
					t.Fatalf("At(%d) = %+v, %v", e.Sequence, got, err)
				}
				if fate == batpak.TombstoneEvent {
					e.Payload, e.Fate = []byte("tombstone"), fate
				}
				if fate != batpak.DropEvent {
					want = append(want, e)
				}
			}
			if d := cmp.Diff(want, shown(t, s)); d != "" {
				t.Fatalf("events:\n%s", d)
			}
			v := verified(t, s)
			if v.Dropped != report.Dropped || v.Tombstones != report.Tombstoned || v.Events+v.Dropped != uint64(len(before)) {
				t.Fatalf("Verify() = %+v after %+v", v, report)
			}
			for entity, version := range heads {
				if got := head(s, entity); got != version {
					t.Errorf("Head(%s) = %d, want %d", entity, got, version)
				}
			}
			for _, k := range keys {
				if got, err := s.Append(t.Context(), k.draft, batpak.Key(k.key)); err != nil || !sameReceipt(got, k.receipt) {
					t.Errorf("retry = %+v, %v, want %+v", got, err, k.receipt)
				}
				other := k.draft
				other.Payload = append([]byte("other"), other.Payload...)
				if _, err := s.Append(t.Context(), other, batpak.Key(k.key)); !errors.Is(err, batpak.ErrKeyReused) {
					t.Errorf("retry with another payload = %v, want a reused key", err)
				}
			}
			last := before[len(before)-1]
			steps := 0
			for e, err := range s.Ancestors(last.ID) {
				if err != nil && !errors.Is(err, batpak.ErrTombstoned) {
					t.Fatal(err)
				}
				if steps++; e.Version != last.Version-uint64(steps) {
					t.Fatalf("ancestor %d has version %d", steps, e.Version)
				}
			}
			if uint64(steps) != last.Version-1 {
				t.Errorf("Ancestors = %d events, want %d", steps, last.Version-1)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(&batpak.Options{SegmentSize: 1 << 10})
		}
	})
}

// TestCompactAgain: what was merged is not written anew for nothing: without new segments
// Compact has nothing to do, and a retention that takes nothing away makes no difference;
// one that does takes it from files that are not to be merged.
func TestCompactAgain(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
	scatter(t, s, rand.New(rand.NewPCG(8, 1)), 150)
	keep := batpak.Retention(func(batpak.Meta) batpak.Fate { return batpak.KeepEvent })
	if r, err := s.Compact(t.Context()); err != nil || r.Merges == 0 {
		t.Fatalf("Compact() = %+v, %v, want a merge", r, err)
	}
	before := d.Names()
	for _, o := range [][]batpak.CompactOption{nil, {keep}, {batpak.Retention(fateOf)}, {batpak.Retention(fateOf)}} {
		d.OnOp(func(op faultfs.Op, name string) {
			if changes(op) && !strings.HasPrefix(name, "lost-") && fmt.Sprint(before) == fmt.Sprint(d.Names()) && o == nil {
				t.Errorf("%s %s, though there is nothing to merge", op, name)
			}
		})
		r, err := s.Compact(t.Context(), o...)
		takes := len(o) > 0 && r.Tombstoned+r.Dropped > 0
		if err != nil || r.Merges > 0 != takes {
			t.Errorf("Compact() of %v = %+v, %v", before, r, err)
		}
		before = d.Names()
	}
	d.OnOp(nil)
	for e, err := range s.Events(batpak.Query{}) {
		if e.Sequence > 120 {
			break
		}
		if want := fateOf(e.Meta); errors.Is(err, batpak.ErrTombstoned) != (want != batpak.KeepEvent) {
			t.Errorf("event %d: %v, want fate %d", e.Sequence, err, want)
		}
	}
	verified(t, s)
}

// TestCompactBesideReaders: whoever reads or appends while segments are merged sees
// what was there, and nothing else.
func TestCompactBesideReaders(t *testing.T) {
	s := open(t, t.TempDir(), &batpak.Options{SegmentSize: 2 << 10, Durability: batpak.Relaxed, ShowUnsynced: true})
	r := rand.New(rand.NewPCG(3, 1))
	scatter(t, s, r, 200)
	before := shown(t, s)
	var readers sync.WaitGroup
	var over atomic.Bool
	for i := range 3 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 9))
			for !over.Load() {
				e := before[r.IntN(len(before))]
				if got, err := s.At(e.Sequence); err != nil || !cmp.Equal(got, e) {
					t.Errorf("At(%d) = %+v, %v", e.Sequence, got, err)
				}
				q := batpak.Query{Entity: e.Entity, After: e.Sequence - 1, Until: e.Sequence + 20}
				for got, err := range s.Events(q) {
					if err != nil || got.Sequence <= uint64(len(before)) && !cmp.Equal(got, before[got.Sequence-1]) {
						t.Errorf("Events(%+v) = %+v, %v", q, got, err)
						break
					}
				}
			}
		})
	}
	readers.Go(func() {
		for !over.Load() {
			if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events < uint64(len(before)) {
				t.Errorf("Verify() = %+v, %v", v, err)
				return
			}
			p, err := s.View().AsOf(uint64(len(before))).Page(batpak.Query{Backward: true}, 0, len(before))
			if err != nil || p.More || len(p.Events) != len(before) || !cmp.Equal(p.Events[0], before[len(before)-1]) {
				t.Errorf("Page() = %d events, more: %v, %v", len(p.Events), p.More, err)
				return
			}
		}
	})
	for range 4 {
		scatter(t, s, r, 60)
		if report, err := s.Compact(t.Context()); err != nil || report.Merges == 0 {
			t.Errorf("Compact() = %+v, %v", report, err)
		}
	}
	over.Store(true)
	readers.Wait()
	verified(t, s)
}

// TestCompactCrash: whatever a crash leaves of a compaction, no event is lost, and what
// a retention took away does not come back once that was shown.
func TestCompactCrash(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
	scatter(t, s, rand.New(rand.NewPCG(4, 1)), 40)
	before, finished := shown(t, s), 0
	d.OnOp(func(op faultfs.Op, name string) {
		switch op {
		case faultfs.OpRead, faultfs.OpOpen, faultfs.OpList, simfs.OpRest:
			return
		}
		for i, image := range []*simfs.Disk{d.Kill(), d.CutHard(), d.Cut(uint64(d.Ops()))} {
			again, err := batpak.Open("simulated", simOptions(image, &batpak.Options{SegmentSize: 1 << 10}))
			if err != nil {
				t.Fatalf("before operation %d, %s %s, image %d: %v", d.Ops(), op, name, i, err)
			}
			if merge := again.Report().Merge; merge == "finished" {
				finished++
			} else if merge != "" {
				t.Errorf("before operation %d, %s %s, image %d: the merge was %s", d.Ops(), op, name, i, merge)
			}
			v := verified(t, again)
			if v.Events+v.Dropped != uint64(len(before)) {
				t.Fatalf("before operation %d, %s %s, image %d: Verify() = %+v", d.Ops(), op, name, i, v)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
	if report, err := s.Compact(t.Context(), batpak.Retention(fateOf)); err != nil || report.Merges == 0 {
		t.Fatalf("Compact() = %+v, %v", report, err)
	}
	d.OnOp(nil)
	if finished == 0 {
		t.Error("no opening has finished a merge")
	}
}

// TestVerifyBesideACompaction: wherever a verification is when segments are merged, it
// finds what is there sound, and all of it.
func TestVerifyBesideACompaction(t *testing.T) {
	for at, met := 0, true; met; at++ {
		s := openSim(t, simfs.New(), &batpak.Options{SegmentSize: 1 << 10})
		scatter(t, s, rand.New(rand.NewPCG(7, 1)), 40)
		all := uint64(len(shown(t, s)))
		calls := 0
		v, err := s.Verify(t.Context(), batpak.OnProgress(func(batpak.VerifyProgress) {
			if calls++; calls != at+1 {
				return
			}
			if r, err := s.Compact(t.Context()); err != nil || r.Merges == 0 {
				t.Errorf("Compact() = %+v, %v", r, err)
			}
		}))
		if err != nil || len(v.Damages) > 0 || v.Events != all {
			t.Fatalf("Verify() beside a merge after %d steps = %+v, %v, want %d events", at, v, err, all)
		}
		met = calls > at
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestVerifyOfAMergedSegmentWithoutItsEnds: a merged segment that has lost its header and the
// end of its index is a damage, and the verification of a store that is open, or was salvaged,
// comes to an end.
func TestVerifyOfAMergedSegmentWithoutItsEnds(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
	scatter(t, s, rand.New(rand.NewPCG(10, 1)), 60)
	if r, err := s.Compact(t.Context()); err != nil || r.Merges == 0 {
		t.Fatalf("Compact() = %+v, %v", r, err)
	}
	name := filesOf(d)[0].Name()
	b := d.Bytes(name)
	clear(b[:64])
	d.SetBytes(name, b[:len(b)-1])
	image := d.Kill()
	salvaged, err := batpak.OpenReadOnly("simulated", simOptions(image, &batpak.Options{Salvage: true}))
	opened(t, salvaged, err)
	for disk, s := range map[*simfs.Disk]*batpak.Store{d: s, image: salvaged} {
		disk.OnOp(func(faultfs.Op, string) {
			if disk.Ops() > 100_000 { // it would go on for ever
				disk.Stop()
			}
		})
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) == 0 || v.Damages[0].File != name {
			t.Errorf("Verify() of %+v = %+v, %v, want a damage of %s", s.Report(), v, err, name)
		}
	}
}

// TestFollowerOfACompaction: a store that is open for reading beside a writer that merges
// says so if it needs a file that is gone, and finds everything again when it looks.
func TestFollowerOfACompaction(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
	r := rand.New(rand.NewPCG(5, 1))
	scatter(t, s, r, 60)
	f, err := batpak.OpenReadOnly("simulated", simOptions(d, &batpak.Options{}))
	opened(t, f, err)
	for range 3 {
		before := shown(t, f)
		scatter(t, s, r, 60)
		if report, err := s.Compact(t.Context()); err != nil || report.Merges == 0 {
			t.Fatalf("Compact() = %+v, %v", report, err)
		}
		for _, e := range before {
			if got, err := f.At(e.Sequence); err != nil && !errors.Is(err, batpak.ErrCompacted) || err == nil && !cmp.Equal(got, e) {
				t.Fatalf("At(%d) = %+v, %v", e.Sequence, got, err)
			}
		}
		if err := f.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := shown(t, f)
		if d := cmp.Diff(before, all[:len(before)]); d != "" {
			t.Fatalf("events after Refresh:\n%s", d)
		}
		if d := cmp.Diff(shown(t, s)[:len(all)], all); d != "" || len(all) < len(before)+30 {
			t.Fatalf("%d events after Refresh, differ from the writer's:\n%s", len(all), d)
		}
		verified(t, f)
	}
}

// TestCompactThatCannotFinish: if sources cannot be removed, nothing is merged any more
// until the store is opened again, and all else goes on.
func TestCompactThatCannotFinish(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
	r := rand.New(rand.NewPCG(6, 1))
	scatter(t, s, r, 60)
	before := shown(t, s)
	d.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpRemove && strings.HasSuffix(name, ".seg") {
			d.Fail(faultfs.Fault{Op: faultfs.OpRemove})
			d.OnOp(nil)
		}
	})
	for range 2 {
		if report, err := s.Compact(t.Context()); err == nil || !strings.Contains(err.Error(), "next opening") {
			t.Fatalf("Compact() = %+v, %v, want an error", report, err)
		}
		if d := cmp.Diff(before, shown(t, s)); d != "" {
			t.Fatalf("events after Compact:\n%s", d)
		}
	}
	d.Heal()
	mustAppend(t, s, note("a:1", "goes on"))
	before = shown(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
	if d := cmp.Diff(before, shown(t, s)); d != "" {
		t.Fatalf("events after Open:\n%s", d)
	}
	for _, name := range d.Names() {
		if name == "compaction" || name == "0000000000000001.seg" {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := s.Compact(t.Context()); err != nil {
		t.Errorf("Compact() after Open = %v", err)
	}
}

// TestSalvageOfAMergedSegment: a damaged merged segment costs the events of the groups
// that are damaged.
func TestSalvageOfAMergedSegment(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1 << 10})
	scatter(t, s, rand.New(rand.NewPCG(7, 1)), 80)
	if report, err := s.Compact(t.Context()); err != nil || report.Merges == 0 {
		t.Fatalf("Compact() = %+v, %v", report, err)
	}
	all := shown(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	merged := d.Names()[0]
	for _, at := range []int{-1, 4, 230} { // nothing, the header, the first group
		image := d.Kill()
		if b := append([]byte{}, image.Bytes(merged)...); at >= 0 {
			b[at]++
			image.SetBytes(merged, b)
		}
		f, err := batpak.OpenReadOnly("simulated", simOptions(image, &batpak.Options{Salvage: true}))
		opened(t, f, err)
		var got []batpak.Event
		for e, err := range f.Events(batpak.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			e.Unproven = false
			got = append(got, e)
		}
		if at != 230 && len(got) != len(all) || at == 230 && (len(got) == 0 || len(got) == len(all)) {
			t.Errorf("byte %d: salvage shows %d of %d events", at, len(got), len(all))
		}
		if d := cmp.Diff(all[len(all)-len(got):], got); d != "" {
			t.Errorf("byte %d: salvage shows others:\n%s", at, d)
		}
	}
}
