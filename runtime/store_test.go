package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// Histories of crashes allocate from so many stacks that to sample them, and to
// sum the samples up at each garbage collection, would take most of the time. And
// they hold on to so little that the heap, at its smallest, would be collected
// hundreds of times a second, which stops the world as often: on a busy machine
// that made some runs five times as long as others.
//
// What goes on beside each other on some processors is tried where there is one as well.
func TestMain(m *testing.M) {
	runChild()
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	runtime.MemProfileRate = 0
	debug.SetGCPercent(800)
	goleak.VerifyTestMain(m)
}

// onDisks runs a test on the simulated and on the real disk. The function open
// opens the test's store, which is closed in the end if the test has not.
func onDisks(t *testing.T, test func(t *testing.T, open func(*batpak.Options) *batpak.Store)) {
	t.Run("simulated", func(t *testing.T) {
		d := simfs.New()
		test(t, func(o *batpak.Options) *batpak.Store { return openSim(t, d, o) })
	})
	t.Run("real", func(t *testing.T) {
		dir := t.TempDir()
		test(t, func(o *batpak.Options) *batpak.Store { return open(t, dir, o) })
	})
}

func open(t *testing.T, dir string, o *batpak.Options) *batpak.Store {
	t.Helper()
	s, err := openDir(dir, o)
	return opened(t, s, err)
}

func openSim(t *testing.T, d *simfs.Disk, o *batpak.Options) *batpak.Store {
	t.Helper()
	s, err := batpak.Open("simulated", simOptions(d, o))
	return opened(t, s, err)
}

// opened is a store that is closed in the end.
func opened(t *testing.T, s *batpak.Store, err error) *batpak.Store {
	t.Helper()
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// note is a draft of kind 0x1/0x001 for entity with payload text.
func note(entity, text string) batpak.Draft {
	return batpak.Draft{
		Coordinate: batpak.Coordinate{Entity: entity, Scope: "test"}, Kind: 0x1001, PayloadVersion: 1, Payload: []byte(text),
	}
}

func mustAppend(t *testing.T, s *batpak.Store, d batpak.Draft, opts ...batpak.AppendOption) batpak.Receipt {
	t.Helper()
	r, err := s.Append(t.Context(), d, opts...)
	if err != nil {
		t.Fatalf("Append(%v) = %v", d.Coordinate, err)
	}
	return r
}

func events(t *testing.T, s *batpak.Store, q batpak.Query) (all []batpak.Event) {
	t.Helper()
	for e, err := range s.Events(q) {
		if err != nil {
			t.Fatalf("Events(%+v) = %v", q, err)
		}
		all = append(all, e)
	}
	return all
}

func texts(es []batpak.Event) (all []string) {
	for _, e := range es {
		all = append(all, string(e.Payload))
	}
	return all
}

func TestReopenedStoreHasTheSameEvents(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{SegmentSize: 1024})
		var receipts []batpak.Receipt
		for i := range 50 {
			receipts = append(receipts, mustAppend(t, s, note(fmt.Sprintf("a:%d", i%7), fmt.Sprint(i)), batpak.Key(fmt.Sprint("k", i))))
		}
		want := events(t, s, batpak.Query{})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again := open(nil)
		if diff := cmp.Diff(want, events(t, again, batpak.Query{})); diff != "" {
			t.Errorf("events after reopening (-want +got):\n%s", diff)
		}
		if r := again.Report(); !r.Clean || r.Segments < 3 || r.Events != 50 || r.Rewritten != 0 {
			t.Errorf("Report() = %+v, want a clean opening of several segments and 50 events", r)
		}
		for i, r := range receipts {
			got := mustAppend(t, again, note(fmt.Sprintf("a:%d", i%7), fmt.Sprint(i)), batpak.Key(fmt.Sprint("k", i)))
			if !sameReceipt(got, r) {
				t.Fatalf("receipt of a retry after reopening = %+v, want %+v", got, r)
			}
		}
		if v, err := again.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != 50 {
			t.Errorf("Verify() = %+v, %v, want 50 sound events", v, err)
		}
		r := mustAppend(t, again, note("a:0", "later"))
		if r.Sequence() != 51 || r.Version() != 9 || r.Incarnation() != receipts[0].Incarnation()+1 {
			t.Errorf("receipt after reopening = %+v, want sequence 51, version 9, the next incarnation", r)
		}
	})
}

func sameReceipt(a, b batpak.Receipt) bool {
	return a.StoreID() == b.StoreID() && a.Incarnation() == b.Incarnation() && a.Sequence() == b.Sequence() &&
		a.Coordinate() == b.Coordinate() && a.Version() == b.Version() && a.ID() == b.ID() && a.Hash() == b.Hash() &&
		a.Durable() == b.Durable() && slices.Equal(a.Verdicts(), b.Verdicts())
}

func TestEventCarriesWhatWasAppended(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		first := mustAppend(t, s, note("a:1", "one"))
		r := mustAppend(t, s, note("a:1", "two"), batpak.CausedBy(first.ID()), batpak.Correlate(first.ID()), batpak.Key("k"), batpak.Expect(1))
		want := batpak.Event{
			Meta: batpak.Meta{
				Coordinate: batpak.Coordinate{Entity: "a:1", Scope: "test"},
				Sequence:   2, Version: 2, ID: r.ID(), Kind: 0x1001, PayloadVersion: 1,
				Correlation: first.ID(), Causation: first.ID(), Time: r.ID().Time(), Key: "k", Hash: r.Hash(),
			},
			Payload: []byte("two"),
		}
		for name, find := range map[string]func() (batpak.Event, error){
			"Get":   func() (batpak.Event, error) { return s.Get(r.ID()) },
			"At":    func() (batpak.Event, error) { return s.At(2) },
			"ByKey": func() (batpak.Event, error) { return s.ByKey("k") },
		} {
			got, err := find()
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v, (-want +got):\n%s", name, err, diff)
			}
		}
		if got, err := s.At(1); err != nil || got.Correlation != got.ID || !got.Causation.IsZero() || got.Decision != nil {
			t.Errorf("At(1) = %+v, %v, want its own id as correlation, no causation, no decision", got, err)
		}
		unknown := r.ID()
		unknown[15] ^= 1
		for _, id := range []batpak.ID{{}, unknown} {
			if _, err := s.Get(id); !errors.Is(err, batpak.ErrNotFound) {
				t.Errorf("Get(%v) = %v, want ErrNotFound", id, err)
			}
		}
	})
}

func TestExpectations(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		refuse := func(entity string, o batpak.AppendOption, expected, actual uint64) {
			t.Helper()
			_, err := s.Append(t.Context(), note(entity, "x"), o)
			want := &batpak.ConflictError{Entity: entity, Expected: expected, Actual: actual}
			if got, ok := errors.AsType[*batpak.ConflictError](err); !ok || *got != *want || !errors.Is(err, batpak.ErrConflict) {
				t.Errorf("Append() = %v, want %v", err, want)
			}
		}
		refuse("a:1", batpak.Expect(1), 1, 0)
		mustAppend(t, s, note("a:1", "x"), batpak.ExpectNew())
		refuse("a:1", batpak.ExpectNew(), 0, 1)
		refuse("a:1", batpak.Expect(2), 2, 1)
		mustAppend(t, s, note("a:1", "x"), batpak.Expect(1))
		mustAppend(t, s, note("a:1", "x"))
		mustAppend(t, s, note("a:1", "x"), batpak.Expect(3))
		if got := head(s, "a:1"); got != 4 {
			t.Errorf("Head() = %d, want 4", got)
		}
	})
}

func TestKeyIsLookedUpBeforeTheExpectation(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		first := mustAppend(t, s, note("a:1", "x"), batpak.ExpectNew(), batpak.Key("k"))
		mustAppend(t, s, note("a:1", "y"))
		if got := mustAppend(t, s, note("a:1", "x"), batpak.ExpectNew(), batpak.Key("k")); !sameReceipt(got, first) {
			t.Errorf("receipt of the retry = %+v, want %+v", got, first)
		}
		for differs, change := range map[string]func(*batpak.Draft){
			"entity":          func(d *batpak.Draft) { d.Entity = "a:2" },
			"scope":           func(d *batpak.Draft) { d.Scope = "other" },
			"kind":            func(d *batpak.Draft) { d.Kind = 0x1002 },
			"payload version": func(d *batpak.Draft) { d.PayloadVersion = 2 },
			"payload":         func(d *batpak.Draft) { d.Payload = []byte("z") },
		} {
			d := note("a:1", "x")
			change(&d)
			_, err := s.Append(t.Context(), d, batpak.Key("k"))
			want := batpak.KeyReusedError{Key: "k", Sequence: 1, Differs: differs}
			if got, ok := errors.AsType[*batpak.KeyReusedError](err); !ok || *got != want || !errors.Is(err, batpak.ErrKeyReused) {
				t.Errorf("Append() with another %s = %v, want %v", differs, err, &want)
			}
		}
		if got := len(events(t, s, batpak.Query{})); got != 2 {
			t.Errorf("the store has %d events, want 2", got)
		}
	})
}

func TestConcurrentRetriesMakeOneEvent(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		receipts := make([]batpak.Receipt, 32)
		var wg sync.WaitGroup
		for i := range receipts {
			wg.Go(func() {
				r, err := s.Append(context.Background(), note("a:1", "x"), batpak.Key("k"))
				if err != nil {
					t.Errorf("Append() = %v", err)
				}
				receipts[i] = r
			})
		}
		wg.Wait()
		for _, r := range receipts {
			if !sameReceipt(r, receipts[0]) {
				t.Fatalf("receipts differ: %+v and %+v", receipts[0], r)
			}
		}
		if got := len(events(t, s, batpak.Query{})); got != 1 {
			t.Errorf("the store has %d events, want 1", got)
		}
	})
}

func TestConcurrentExpectationsAdmitOne(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		const rounds, racers = 20, 8
		for round := range uint64(rounds) {
			var wg sync.WaitGroup
			won := make([]bool, racers)
			for i := range racers {
				wg.Go(func() {
					_, err := s.Append(context.Background(), note("a:1", fmt.Sprint(i)), batpak.Expect(round))
					won[i] = err == nil
					if err != nil && !errors.Is(err, batpak.ErrConflict) {
						t.Errorf("Append() = %v, want success or a conflict", err)
					}
				})
			}
			wg.Wait()
			if n := len(slices.DeleteFunc(won, func(w bool) bool { return !w })); n != 1 {
				t.Fatalf("round %d: %d appends at the same version succeeded, want 1", round, n)
			}
		}
	})
}

// TestManyAppendersShareSyncs holds up the sync of a first append until 63 more
// wait behind it: one more sync must do for all of them.
func TestManyAppendersShareSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		s := openSim(t, d, nil)
		syncs, gate := 0, make(chan struct{})
		d.OnOp(func(op faultfs.Op, _ string) {
			if op == faultfs.OpSync {
				syncs++
				<-gate
			}
		})
		const appenders = 64
		for i := range appenders {
			go func() {
				if _, err := s.Append(context.Background(), note(fmt.Sprint("a:", i), "x")); err != nil {
					t.Errorf("Append() = %v", err)
				}
			}()
			synctest.Wait()
		}
		close(gate)
		synctest.Wait()
		if got := len(events(t, s, batpak.Query{})); got != appenders {
			t.Errorf("the store has %d events, want %d", got, appenders)
		}
		if syncs != 2 {
			t.Errorf("%d appends took %d syncs, want 2: one for the first, one for those that came meanwhile", appenders, syncs)
		}
	})
}

func TestWhatCanNeverBeStoredIsRefused(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{MaxPayload: 100, MaxBatch: 1000})
		long := string(make([]byte, batpak.MaxName+1))
		for name, c := range map[string]struct {
			change func(*batpak.Draft)
			option batpak.AppendOption
			want   error
		}{
			"no entity":       {change: func(d *batpak.Draft) { d.Entity = "" }, want: batpak.ErrInvalid},
			"no scope":        {change: func(d *batpak.Draft) { d.Scope = "" }, want: batpak.ErrInvalid},
			"no id":           {change: func(d *batpak.Draft) { d.Entity = "account:" }, want: batpak.ErrInvalid},
			"slash":           {change: func(d *batpak.Draft) { d.Entity = "a/b" }, want: batpak.ErrInvalid},
			"dots":            {change: func(d *batpak.Draft) { d.Entity = "a..b" }, want: batpak.ErrInvalid},
			"control byte":    {change: func(d *batpak.Draft) { d.Scope = "a\nb" }, want: batpak.ErrInvalid},
			"broken UTF-8":    {change: func(d *batpak.Draft) { d.Entity = "a\xff" }, want: batpak.ErrInvalid},
			"long name":       {change: func(d *batpak.Draft) { d.Entity = long }, want: batpak.ErrInvalid},
			"system kind":     {change: func(d *batpak.Draft) { d.Kind = 0x0001 }, want: batpak.ErrInvalid},
			"effect kind":     {change: func(d *batpak.Draft) { d.Kind = 0xD001 }, want: batpak.ErrInvalid},
			"payload version": {change: func(d *batpak.Draft) { d.PayloadVersion = 0 }, want: batpak.ErrInvalid},
			"payload":         {change: func(d *batpak.Draft) { d.Payload = make([]byte, 101) }, want: batpak.ErrTooLarge},
			"empty key":       {option: batpak.Key(""), want: batpak.ErrInvalid},
			"long key":        {option: batpak.Key(long), want: batpak.ErrTooLarge},
			"broken key":      {option: batpak.Key("\xff"), want: batpak.ErrInvalid},
			"own cause":       {option: batpak.CausedByItem(0), want: batpak.ErrInvalid},
		} {
			d := note("a:1", "x")
			if c.change != nil {
				c.change(&d)
			}
			var opts []batpak.AppendOption
			if c.option != nil {
				opts = append(opts, c.option)
			}
			if _, err := s.Append(t.Context(), d, opts...); !errors.Is(err, c.want) {
				t.Errorf("%s: Append() = %v, want %v", name, err, c.want)
			}
		}
		b := s.NewBatch()
		for range 20 {
			b.Add(note("a:1", string(make([]byte, 100))))
		}
		if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrTooLarge) {
			t.Errorf("Commit() of 2,000 bytes = %v, want ErrTooLarge", err)
		}
		if _, err := s.NewBatch().Commit(t.Context()); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Commit() of an empty batch = %v, want ErrInvalid", err)
		}
	})
}

func TestOneProcessHasTheStore(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		mustAppend(t, s, note("a:1", "x"))
	})
	dir := t.TempDir()
	s := open(t, dir, nil)
	if _, err := batpak.Open(dir, overseen(nil)); !errors.Is(err, batpak.ErrLocked) {
		t.Errorf("second Open() = %v, want ErrLocked", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, nil)
}

func TestClosedStore(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{Durability: batpak.Relaxed, ShowUnsynced: true})
		r := mustAppend(t, s, note("a:1", "x"))
		if err := s.Sync(t.Context()); err != nil {
			t.Errorf("Sync() = %v", err)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		}
		_, aerr := s.Append(t.Context(), note("a:1", "x"))
		batch := s.NewBatch()
		batch.Add(note("a:1", "x"))
		_, berr := batch.Commit(t.Context())
		_, gerr := s.Get(r.ID())
		_, terr := s.At(r.Sequence())
		_, kerr := s.ByKey("k")
		_, verr := s.Verify(t.Context())
		_, herr := s.Head("a:1")
		_, lerr := batpak.Load(t.Context(), s, "a:1")
		ended, end := context.WithCancel(t.Context())
		end()
		for call, err := range map[string]error{
			"Append": aerr, "Commit": berr, "Get": gerr, "At": terr, "ByKey": kerr, "Verify": verr, "Head": herr, "Load": lerr,
			"Events": lastError(s.Events(batpak.Query{})), "Ancestors": lastError(s.Ancestors(r.ID())),
			"Causes": lastError(s.Causes(r.ID())), "Effects": lastError(s.Effects(r.ID())),
			"Sync": s.Sync(t.Context()), "Wait": s.Wait(t.Context(), batpak.MarkDurable, 100),
			"Sync with an ended context": s.Sync(ended), "Wait for what has come": s.Wait(t.Context(), batpak.MarkDurable, 1),
		} {
			if !errors.Is(err, batpak.ErrClosed) {
				t.Errorf("%s on a closed store = %v, want ErrClosed", call, err)
			}
		}
		if batch.Len() != 1 {
			t.Errorf("Len() of a batch = %d, want 1", batch.Len())
		}
		if s.ID() != r.StoreID() || s.Frontier().Durable != 1 {
			t.Errorf("closed store %v has frontier %+v, want what it had", s.ID(), s.Frontier())
		}
	})
}

// lastError is the last error of an iteration.
func lastError(events iter.Seq2[batpak.Event, error]) (last error) {
	for _, err := range events {
		last = err
	}
	return last
}

func TestWaitRefusesUnknownMarks(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	for _, m := range []batpak.Mark{batpak.MarkWritten - 1, batpak.MarkVisible + 1} {
		if err := s.Wait(t.Context(), m, 0); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Wait(mark %d) = %v, want ErrInvalid", m, err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []batpak.Options{
		{SegmentSize: 1},
		{SegmentSize: 1 << 40},
		{MaxPayload: -1},
		{MaxBatch: -1},
		{MaxBatch: batpak.MaxMaxBatch + 1},
		{MaxPayload: 2, MaxBatch: 1},
		{Durability: 7},
		{ShowUnsynced: true},
		{Salvage: true},
		{IndexCache: -1},
		{Compaction: &batpak.Compaction{Rate: -1}},
	} {
		if _, err := batpak.OpenReadOnly(t.TempDir(), overseen(&o)); (o.ShowUnsynced || o.Salvage) == errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("OpenReadOnly(%+v) = %v, want ErrInvalid for what matters to a reader", o, err)
		}
		if s, err := batpak.Open(t.TempDir(), overseen(&o)); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Open(%+v) = %v, want ErrInvalid", o, err)
			s.Close()
		}
	}
}

// head is the version of a stream that can be read.
func head(s *batpak.Store, entity string) uint64 {
	v, err := s.Head(entity)
	if err != nil {
		panic(err)
	}
	return v
}

// TestNoOption: an option that is nil wishes nothing.
func TestNoOption(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	mustAppend(t, s, note("a:1", "x"), nil)
	b := s.NewBatch()
	b.Add(note("a:1", "y"), nil, batpak.Expect(1), nil)
	if _, err := b.Commit(t.Context()); err != nil {
		t.Errorf("Commit() = %v", err)
	}
	if v, err := s.Verify(t.Context(), nil, batpak.OnProgress(nil)); err != nil || v.Events != 2 {
		t.Errorf("Verify() = %+v, %v, want 2 events", v, err)
	}
	if _, err := s.Compact(t.Context(), nil, batpak.Retention(nil)); err != nil {
		t.Errorf("Compact() = %v", err)
	}
}
