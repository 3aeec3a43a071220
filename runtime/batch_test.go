package batpak_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
)

func TestBatchIsStoredWholeAndInOrder(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		b := s.NewBatch()
		root := b.Add(note("a:1", "root"), batpak.ExpectNew())
		left := b.Add(note("b:1", "left"), batpak.CausedByItem(root), batpak.ExpectNew())
		b.Add(note("a:1", "again"), batpak.CausedByItem(left), batpak.Expect(1))
		receipts, err := b.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := events(t, s, batpak.Query{})
		if diff := cmp.Diff([]string{"root", "left", "again"}, texts(got)); diff != "" {
			t.Errorf("payloads (-want +got):\n%s", diff)
		}
		for i, want := range []struct {
			version uint64
			cause   batpak.ID
		}{{1, batpak.ID{}}, {1, receipts[root].ID()}, {2, receipts[left].ID()}} {
			if got[i].Version != want.version || got[i].Causation != want.cause || got[i].ID != receipts[i].ID() || got[i].Hash != receipts[i].Hash() {
				t.Errorf("event %d = %+v, want version %d, causation %v and the receipt's id and hash", i, got[i].Meta, want.version, want.cause)
			}
		}
		if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("second Commit() = %v, want ErrInvalid", err)
		}
	})
}

func TestBatchWithAFailingExpectationStoresNothing(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		mustAppend(t, s, note("b:1", "x"))
		b := s.NewBatch()
		b.Add(note("a:1", "x"))
		b.Add(note("b:1", "x"), batpak.ExpectNew())
		if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrConflict) {
			t.Errorf("Commit() = %v, want ErrConflict", err)
		}
		b = s.NewBatch()
		b.Add(note("a:1", "x"))
		b.Add(note("b/1", "x"))
		if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Commit() = %v, want ErrInvalid", err)
		}
		if got := head(s, "a:1"); got != 0 {
			t.Errorf("stream a:1 is at version %d after failed batches, want 0", got)
		}
	})
}

func TestBatchConditionOnAQuery(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		seen := mustAppend(t, s, note("seat:1", "taken"))
		commit := func(q batpak.Query) error {
			b := s.NewBatch()
			b.Add(note("seat:2", "taken"))
			b.ExpectNone(q)
			_, err := b.Commit(t.Context())
			return err
		}
		if err := commit(batpak.Query{Prefix: "seat:", After: seen.Sequence()}); err != nil {
			t.Errorf("Commit() with nothing new = %v", err)
		}
		err := commit(batpak.Query{Prefix: "seat:", After: seen.Sequence()})
		if c, ok := errors.AsType[*batpak.ConflictError](err); !ok || c.Found != 2 {
			t.Errorf("Commit() = %v, want a conflict with event 2", err)
		}
	})
}

// TestConditionIsTheBatches: the slices of a query are the caller's again once it is a condition.
func TestConditionIsTheBatches(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		mustAppend(t, s, note("seat:1", "taken"))
		for _, q := range []batpak.Query{{Kinds: []batpak.Kind{0x1001}}, {Categories: []uint16{1}}} {
			b := s.NewBatch()
			b.Add(note("seat:2", "taken"))
			b.ExpectNone(q)
			clear(q.Kinds)
			clear(q.Categories)
			if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrConflict) {
				t.Errorf("Commit() = %v, want a conflict whatever became of %+v", err, q)
			}
		}
	})
}

func TestRetriedBatchReturnsItsReceipts(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		commit := func(last string) ([]batpak.Receipt, error) {
			b := s.NewBatch()
			b.Add(note("a:1", "1"), batpak.ExpectNew())
			b.Add(note("b:1", "2"), batpak.Key("k"))
			b.Add(note("a:1", last))
			return b.Commit(t.Context())
		}
		want, err := commit("3")
		if err != nil {
			t.Fatal(err)
		}
		got, err := commit("3")
		if err != nil || len(got) != len(want) {
			t.Fatalf("retry = %v, %v", got, err)
		}
		for i := range want {
			if !sameReceipt(got[i], want[i]) {
				t.Errorf("receipt %d of the retry = %+v, want %+v", i, got[i], want[i])
			}
		}
		if _, err := commit("other"); !errors.Is(err, batpak.ErrKeyReused) {
			t.Errorf("the same key in another batch = %v, want ErrKeyReused", err)
		}
	})
}

func TestLargeBatchCrossesSegments(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{SegmentSize: 512})
		for round := range 3 {
			b := s.NewBatch()
			for i := range 1000 {
				b.Add(note(fmt.Sprint("a:", i%10), fmt.Sprint(round, i)))
			}
			if _, err := b.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := s.Verify(t.Context()); err != nil || v.Events != 3000 || len(v.Damages) > 0 {
			t.Errorf("Verify() = %+v, %v, want 3000 sound events", v, err)
		}
	})
}

func TestBatchWithOneKeyTwiceIsRefused(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	b := s.NewBatch()
	b.Add(note("a:1", "x"), batpak.Key("k"))
	b.Add(note("a:1", "y"))
	b.Add(note("b:1", "z"), batpak.Key("k"))
	if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrInvalid) {
		t.Errorf("Commit() = %v, want ErrInvalid", err)
	}
	if got := len(events(t, s, batpak.Query{})); got != 0 {
		t.Errorf("the store has %d events, want none", got)
	}
}

func TestBatchCauseThatIsNoEarlierItem(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	for _, item := range []int{1, 2, -1, -7, math.MaxInt, math.MinInt} {
		b := s.NewBatch()
		b.Add(note("a:1", "x"))
		b.Add(note("a:1", "y"), batpak.CausedByItem(item))
		if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Commit() with an item caused by item %d = %v, want ErrInvalid", item, err)
		}
	}
	mustAppend(t, s, note("a:1", "x"))
}

// The limit is on names and payloads together, to the byte.
func TestBatchLimit(t *testing.T) {
	s := open(t, t.TempDir(), &batpak.Options{MaxBatch: 100})
	for _, c := range []struct {
		payload int
		want    error
	}{{100 - 2*len("a:1test") - len("key"), nil}, {100 - 2*len("a:1test") - len("key") + 1, batpak.ErrTooLarge}} {
		b := s.NewBatch()
		b.Add(note("a:1", ""), batpak.Key(fmt.Sprint("k", c.payload)))
		b.Add(note("a:1", string(make([]byte, c.payload))))
		if _, err := b.Commit(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("Commit() of a batch with a payload of %d bytes = %v, want %v", c.payload, err, c.want)
		}
	}
	mustAppend(t, s, note("a:1", string(make([]byte, 100)))) // one event is as large as its payload
}

// A batch that is too large takes next to no memory before it is refused.
func TestBatchIsCheckedBeforeItIsEncoded(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	b, d := s.NewBatch(), note("a:1", strings.Repeat("x", 1<<20))
	for range batpak.DefaultMaxBatch>>20 + 1 {
		b.Add(d)
	}
	before := allocated()
	_, err := b.Commit(t.Context())
	if took := allocated() - before; !errors.Is(err, batpak.ErrTooLarge) || took > 1<<20 {
		t.Errorf("Commit() of %d MiB = %v, and took %d bytes of memory, want ErrTooLarge", b.Len(), err, took)
	}
}

func TestBatchOfTooManyEventsIsRefused(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	b := s.NewBatch()
	for range batpak.MaxBatchEvents + 1 {
		b.Add(note("a:1", ""))
	}
	_, err := b.Commit(t.Context())
	if l, ok := errors.AsType[*batpak.LimitError](err); !ok || l.Size != batpak.MaxBatchEvents+1 || l.Limit != batpak.MaxBatchEvents {
		t.Errorf("Commit() of %d events = %v, want a LimitError", b.Len(), err)
	}
}

// A key that belongs to a part of another batch, or to an event that was alone, is
// reused, wherever that lies.
func TestKeyOfAnotherBatchIsReused(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	mustAppend(t, s, note("a:1", "x"), batpak.Key("k"))
	for _, before := range []int{0, 1} { // events of the batch before the one with the key
		b := s.NewBatch()
		for range before {
			b.Add(note("a:1", "w"))
		}
		b.Add(note("a:1", "x"), batpak.Key("k"))
		b.Add(note("a:1", "y"))
		_, err := b.Commit(t.Context())
		if k, ok := errors.AsType[*batpak.KeyReusedError](err); !ok || *k != (batpak.KeyReusedError{Key: "k", Sequence: 1, Differs: "batch"}) {
			t.Errorf("Commit() with the key of a single event after %d others = %v, want a KeyReusedError", before, err)
		}
	}
	mustAppend(t, s, note("a:1", "y"), batpak.Key("l"))
	b := s.NewBatch()
	b.Add(note("a:1", "x"), batpak.Key("k"))
	b.Add(note("a:1", "y"))
	_, err := b.Commit(t.Context())
	if k, ok := errors.AsType[*batpak.KeyReusedError](err); !ok || *k != (batpak.KeyReusedError{Key: "k", Sequence: 2, Differs: "key"}) {
		t.Errorf("Commit() where the next event has a key of its own = %v, want a KeyReusedError", err)
	}
	if got := len(events(t, s, batpak.Query{})); got != 2 {
		t.Errorf("the store has %d events, want 2", got)
	}
}

// TestKeysOfALargeBatch: of a batch so large that its keys are looked for on all
// processors, a known key is found wherever it is, and the first of them counts.
func TestKeysOfALargeBatch(t *testing.T) {
	const n = 700
	s, err := batpak.Open(t.TempDir(), overseen(nil))
	s = opened(t, s, err)
	batch := func(known map[int]string) *batpak.Batch {
		b := s.NewBatch()
		for i := range n {
			key := known[i]
			if key == "" {
				key = fmt.Sprint("new ", i)
			}
			b.Add(note("a:1", fmt.Sprint(i)), batpak.Key(key))
		}
		return b
	}
	mustAppend(t, s, note("a:1", "x"), batpak.Key("k"))
	mustAppend(t, s, note("a:1", "x"), batpak.Key("l"))
	for _, i := range []int{0, n/2 - 1, n / 2, n - 2} {
		_, err := batch(map[int]string{i: "k", n - 1: "l"}).Commit(t.Context())
		if k, ok := errors.AsType[*batpak.KeyReusedError](err); !ok || k.Key != "k" {
			t.Errorf("Commit() with a known key for item %d, and one for the last = %v, want a KeyReusedError of the first", i, err)
		}
	}
	first, err := batch(nil).Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again, err := batch(nil).Commit(t.Context())
	if err != nil || !slices.EqualFunc(first, again, func(a, b batpak.Receipt) bool { return a.Sequence() == b.Sequence() && a.ID() == b.ID() }) {
		t.Errorf("Commit() of the same batch again = %v, and other receipts", err)
	}
}
