package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// block holds up the next sync of a disk until the returned function is called,
// and tells when it has been reached.
func block(d *simfs.Disk) (reached <-chan struct{}, release func()) {
	at, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d.OnOp(func(op faultfs.Op, _ string) {
		if op == faultfs.OpSync {
			once.Do(func() {
				close(at)
				<-gate
			})
		}
	})
	return at, sync.OnceFunc(func() { close(gate) })
}

func TestNothingIsShownBeforeItIsDurable(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	mustAppend(t, s, note("a:1", "first"), batpak.Key("k0"))
	reached, release := block(d)
	defer release()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Append(context.Background(), note("a:1", "second"), batpak.Key("k1")); err != nil {
			t.Errorf("Append() = %v", err)
		}
	})
	<-reached
	if got := texts(events(t, s, batpak.Query{})); len(got) != 1 {
		t.Errorf("while the sync is under way, readers see %q, want the first event only", got)
	}
	if got := head(s, "a:1"); got != 1 {
		t.Errorf("while the sync is under way, Head() = %d, want 1", got)
	}
	if _, err := s.ByKey("k1"); !errors.Is(err, batpak.ErrNotFound) {
		t.Errorf("while the sync is under way, ByKey() = %v, want ErrNotFound", err)
	}
	if got := s.Frontier(); got != (batpak.Frontier{Written: 1, Durable: 1, Visible: 1}) {
		t.Errorf("while the sync is under way, Frontier() = %+v, want all at 1", got)
	}
	release()
	if err := s.Wait(t.Context(), batpak.MarkVisible, 2); err != nil {
		t.Errorf("Wait() = %v", err)
	}
	if got := head(s, "a:1"); got != 2 {
		t.Errorf("Head() = %d after the wait for event 2, want 2", got)
	}
	wg.Wait()
}

func TestCancellingEndsTheWaitNotTheWrite(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	reached, release := block(d)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { _, err = s.Append(ctx, note("a:1", "x"), batpak.Key("k")) })
	<-reached
	cancel()
	wg.Wait()
	unknown, ok := errors.AsType[*batpak.OutcomeUnknownError](err)
	if !ok || len(unknown.IDs) != 1 || unknown.Key != "k" || !errors.Is(err, context.Canceled) || !errors.Is(err, batpak.ErrOutcomeUnknown) {
		t.Fatalf("Append() = %v, want an unknown outcome with id and key", err)
	}
	release()
	r := mustAppend(t, s, note("a:1", "x"), batpak.Key("k"))
	if r.ID() != unknown.IDs[0] || r.Sequence() != 1 {
		t.Errorf("retry gave event %d with id %v, want event 1 with id %v", r.Sequence(), r.ID(), unknown.IDs[0])
	}

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(cancelled, note("a:1", "y")); !errors.Is(err, context.Canceled) || errors.Is(err, batpak.ErrOutcomeUnknown) {
		t.Errorf("Append() with an ended context = %v, want context.Canceled and a known outcome", err)
	}
}

// leaving is a context that ends once its user waits.
type leaving struct {
	context.Context
	ended chan struct{}
	asked bool
}

func (c *leaving) Done() <-chan struct{} { return c.ended }

func (c *leaving) Err() error {
	if !c.asked {
		c.asked = true
		return nil
	}
	return context.Canceled
}

// TestAbandonedAppendsKeepTheirMemory: who does not wait for an append leaves it to
// the writer, and what is appended afterwards does not write over it.
func TestAbandonedAppendsKeepTheirMemory(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	reached, release := block(d)
	defer release()
	ended := make(chan struct{})
	close(ended)
	const n = 20
	for i := range n {
		name := fmt.Sprintf("a:%02d", i)
		_, err := s.Append(&leaving{Context: t.Context(), ended: ended}, note(name, name), batpak.Key(name))
		if !errors.Is(err, batpak.ErrOutcomeUnknown) {
			t.Fatalf("Append() = %v, want an unknown outcome", err)
		}
		<-reached
	}
	release()
	if err := s.Wait(t.Context(), batpak.MarkVisible, n); err != nil {
		t.Fatalf("Wait() = %v", err)
	}
	for i := range n {
		name := fmt.Sprintf("a:%02d", i)
		if e, err := s.ByKey(name); err != nil || e.Entity != name || string(e.Payload) != name {
			t.Errorf("ByKey(%s) = event %+v, %v", name, e.Meta, err)
		}
		if got := texts(events(t, s, batpak.Query{Entity: name})); len(got) != 1 || got[0] != name {
			t.Errorf("stream %s holds %q", name, got)
		}
	}
}

func TestFailedSyncPoisonsTheWriterAndReadsGoOn(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	first := mustAppend(t, s, note("a:1", "first"))
	d.Fail(faultfs.Fault{Op: faultfs.OpSync, N: 1, Err: syscall.EIO})
	_, err := s.Append(t.Context(), note("a:1", "second"), batpak.Key("k"))
	if !errors.Is(err, batpak.ErrPoisoned) || !errors.Is(err, batpak.ErrOutcomeUnknown) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Append() whose sync fails = %v, want an unknown outcome, poisoned by EIO", err)
	}
	if _, err := s.Append(t.Context(), note("a:1", "third")); !errors.Is(err, batpak.ErrPoisoned) || errors.Is(err, batpak.ErrOutcomeUnknown) {
		t.Errorf("Append() to a poisoned store = %v, want ErrPoisoned", err)
	}
	if err := s.Wait(t.Context(), batpak.MarkDurable, 2); !errors.Is(err, batpak.ErrPoisoned) {
		t.Errorf("Wait() on a poisoned store = %v, want ErrPoisoned", err)
	}
	if e, err := s.Get(first.ID()); err != nil || string(e.Payload) != "first" {
		t.Errorf("Get() on a poisoned store = %v, %v", e, err)
	}
	if got := texts(events(t, s, batpak.Query{})); len(got) != 1 {
		t.Errorf("a poisoned store shows %q, want the first event only", got)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}

	again := openSim(t, d, nil)
	r := mustAppend(t, again, note("a:1", "second"), batpak.Key("k"))
	if r.Sequence() != 2 {
		t.Errorf("retry after reopening gave event %d, want 2", r.Sequence())
	}
	lost := d.CutHard()
	again.Close()
	final := openSim(t, lost, nil)
	if got := texts(events(t, final, batpak.Query{})); len(got) != 2 {
		t.Errorf("after a power cut the store has %q, want both acknowledged events", got)
	}
}

func TestFullDiskFailsTheAppendAndNothingElse(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 2048})
	stored, refused := 0, 0
	for i := range 200 {
		if i%7 == 3 {
			d.Fail(faultfs.Fault{Op: faultfs.OpWrite, N: 1, Err: syscall.ENOSPC})
		}
		_, err := s.Append(t.Context(), note("a:1", fmt.Sprint(i)), batpak.Expect(uint64(stored)))
		switch {
		case err == nil:
			stored++
		case errors.Is(err, batpak.ErrDiskFull) && !errors.Is(err, batpak.ErrOutcomeUnknown):
			refused++
		default:
			t.Fatalf("Append() on a full disk = %v, want ErrDiskFull", err)
		}
	}
	if refused == 0 {
		t.Fatal("no append met the full disk")
	}
	want := texts(events(t, s, batpak.Query{}))
	if len(want) != stored {
		t.Errorf("the store has %d events, want %d", len(want), stored)
	}
	lost := d.CutHard()
	again := openSim(t, lost, nil)
	if got := texts(events(t, again, batpak.Query{})); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("after a power cut the store has %d events, want the %d acknowledged", len(got), len(want))
	}
}

// TestQuotaIsADiskThatIsFull: who may have no more of a disk is told what is told where it
// is full, and goes on when there is more.
func TestQuotaIsADiskThatIsFull(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		d.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: full, Sticky: true})
		_, err := s.Append(t.Context(), note("a:1", strings.Repeat("x", 70_000)))
		if !errors.Is(err, batpak.ErrDiskFull) || !errors.Is(err, full) || errors.Is(err, batpak.ErrOutcomeUnknown) {
			t.Errorf("Append() with %v = %v, want ErrDiskFull", full, err)
		}
		d.Heal()
		mustAppend(t, s, note("a:1", "goes on"))
	}
}

// TestOpenWhereNothingMayBeWritten: the error is the system's, and says what can be done.
func TestOpenWhereNothingMayBeWritten(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	mustAppend(t, s, note("a:1", "x"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, denied := range []error{syscall.EROFS, syscall.EACCES} {
		for _, op := range []faultfs.Op{faultfs.OpOpen, faultfs.OpSyncDir} {
			d.Fail(faultfs.Fault{Op: op, Err: denied})
			_, err := batpak.Open("simulated", simOptions(d, nil))
			if !errors.Is(err, denied) || errors.Is(err, batpak.ErrCorrupt) || !strings.Contains(err.Error(), "OpenReadOnly") {
				t.Errorf("Open() where %s fails with %v = %v, want that, and what reads the store", op, denied, err)
			}
			d.Heal()
		}
	}
	if got := texts(events(t, openSim(t, d, nil), batpak.Query{})); len(got) != 1 {
		t.Errorf("the store has %q", got)
	}
}

func TestFailedWriteSparesTheNextGroup(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	mustAppend(t, s, note("a:0", "x"))
	reached, release := block(d)
	defer release()

	// The first append is held up in its sync; a second group gathers behind it,
	// whose write will fail, and with it only its own appends.
	results := make(chan error, 9)
	go func() {
		_, err := s.Append(context.Background(), note("a:0", "x"))
		results <- err
	}()
	<-reached
	d.Fail(faultfs.Fault{Op: faultfs.OpWrite, N: 1, Err: syscall.ENOSPC})
	for i := range 8 {
		go func() {
			_, err := s.Append(context.Background(), note(fmt.Sprint("b:", i), "x"))
			results <- err
		}()
	}
	release()
	failed := 0
	for range 9 {
		if err := <-results; err != nil {
			failed++
			if !errors.Is(err, batpak.ErrDiskFull) {
				t.Errorf("Append() = %v, want ErrDiskFull", err)
			}
		}
	}
	if got := len(events(t, s, batpak.Query{})); got != 10-failed {
		t.Errorf("the store has %d events after %d of 10 appends failed", got, failed)
	}
	mustAppend(t, s, note("a:0", "x"), batpak.Expect(2))
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
		t.Errorf("Verify() = %+v, %v, want a sound store", v, err)
	}
}

func TestRelaxedStore(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{Durability: batpak.Relaxed})
		if r := mustAppend(t, s, note("b:1", "first")); !r.Durable() {
			t.Error("receipt of the first append of an opening says that it is not durable")
		}
		r := mustAppend(t, s, note("a:1", "x"), batpak.Key("k"))
		if r.Durable() {
			t.Error("receipt of a relaxed append says that it is durable")
		}
		if got := s.Frontier(); got != (batpak.Frontier{Written: 2, Durable: 1, Visible: 1}) {
			t.Errorf("Frontier() = %+v, want two written and one durable", got)
		}
		if got := len(events(t, s, batpak.Query{})); got != 1 {
			t.Errorf("readers see %d events before the sync, want the first", got)
		}
		_, gerr := s.Get(r.ID())
		_, aerr := s.At(r.Sequence())
		_, kerr := s.ByKey("k")
		for call, err := range map[string]error{"Get": gerr, "At": aerr, "ByKey": kerr} {
			if !errors.Is(err, batpak.ErrNotFound) {
				t.Errorf("%s before the sync = %v, want ErrNotFound", call, err)
			}
		}
		if got := head(s, "a:1"); got != 0 {
			t.Errorf("Head() before the sync = %d, want 0", got)
		}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.Frontier(); got != (batpak.Frontier{Written: 2, Durable: 2, Visible: 2}) {
			t.Errorf("Frontier() after Sync = %+v, want all at 2", got)
		}
		if again := mustAppend(t, s, note("a:1", "x"), batpak.Key("k")); !again.Durable() || again.ID() != r.ID() {
			t.Errorf("retry after the sync = %+v, want the same event, durable", again)
		}
		for range 3 { // a command sees what the store wrote before
			if _, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, spendGates)); err != nil {
				t.Errorf("Decide() = %v", err)
			}
		}
		mustAppend(t, s, note("a:1", "y"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := len(events(t, open(nil), batpak.Query{})); got != 6 {
			t.Errorf("after a clean close the store has %d events, want 6", got)
		}
	})
}

// A sync that fails may take back what a relaxed store did not show yet: whoever looks for
// it then is told that it is not there, in whatever way, and whoever repeats it that nothing
// is written any more; and not that the store is damaged.
func TestWhatASyncTookBackIsNotFound(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{Durability: batpak.Relaxed})
	mustAppend(t, s, note("a:1", "durable"))
	r := mustAppend(t, s, note("a:1", "gone"), batpak.Key("k"))
	d.Fail(faultfs.Fault{Op: faultfs.OpSync, Loss: faultfs.Reverted})
	if err := s.Sync(t.Context()); !errors.Is(err, batpak.ErrPoisoned) {
		t.Fatalf("Sync() = %v, want ErrPoisoned", err)
	}
	for way, find := range map[string]func() (batpak.Event, error){
		"ByKey": func() (batpak.Event, error) { return s.ByKey("k") },
		"Get":   func() (batpak.Event, error) { return s.Get(r.ID()) },
		"At":    func() (batpak.Event, error) { return s.At(r.Sequence()) },
	} {
		if e, err := find(); !errors.Is(err, batpak.ErrNotFound) {
			t.Errorf("%s = %+v, %v, want ErrNotFound", way, e, err)
		}
	}
	gone := note("a:1", "gone")
	for way, again := range map[string]func() (batpak.Receipt, error){
		"Append": func() (batpak.Receipt, error) { return s.Append(t.Context(), gone, batpak.Key("k")) },
		"Decide": func() (batpak.Receipt, error) {
			return batpak.Decide(t.Context(), s, gone, propose(s, nil), batpak.Key("k"))
		},
	} {
		if _, err := again(); !errors.Is(err, batpak.ErrPoisoned) {
			t.Errorf("%s with its key = %v, want ErrPoisoned", way, err)
		}
	}
}

func TestRelaxedStoreShowsUnsyncedIfAsked(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{Durability: batpak.Relaxed, ShowUnsynced: true})
	for _, text := range []string{"first", "x"} {
		mustAppend(t, s, note("a:1", text))
	}
	if got := len(events(t, s, batpak.Query{})); got != 2 {
		t.Errorf("readers see %d events, want also the one that is not synced", got)
	}
	if got := s.Frontier(); got != (batpak.Frontier{Written: 2, Durable: 1, Visible: 2}) {
		t.Errorf("Frontier() = %+v, want two written and visible, one durable", got)
	}
	killed := openSim(t, d.Kill(), nil)
	if got := len(events(t, killed, batpak.Query{})); got != 2 {
		t.Errorf("after a kill the store has %d events, want 2", got)
	}
}

// TestPoisonedStoreWritesNoIndex: the index of a segment that was due when a sync failed,
// as a merge had kept it from being written, is not written afterwards, nor on closing.
func TestPoisonedStoreWritesNoIndex(t *testing.T) {
	d := simfs.New()
	s, err := batpak.Open("simulated", reported(d.FS(), &batpak.Options{SegmentSize: 512}, func(b *checkfs.Breach) { t.Error(b) }))
	s = opened(t, s, err)
	rotate := func() {
		for n := len(directoryOf(d).segments()); len(directoryOf(d).segments()) == n; {
			mustAppend(t, s, note("a:1", "some words"))
		}
	}
	for range 3 {
		rotate()
	}
	var changed []string // since the sync failed
	failed, merging := false, true
	d.OnOp(func(op faultfs.Op, name string) {
		switch {
		case op == faultfs.OpRename && merging:
			merging = false
			rotate()
			d.Fail(faultfs.Fault{Op: faultfs.OpSync, Err: syscall.EIO})
			_, err := s.Append(t.Context(), note("a:1", "x"))
			if failed = errors.Is(err, batpak.ErrPoisoned); !failed {
				t.Errorf("append whose sync fails = %v, want ErrPoisoned", err)
			}
			d.Heal()
		case failed && (op == faultfs.OpTruncate || op == faultfs.OpWrite):
			changed = append(changed, string(op)+" "+name)
		}
	})
	if _, err := s.Compact(t.Context()); !failed {
		t.Fatalf("Compact() = %v, and nothing was renamed", err)
	}
	_ = s.Close() // says that the store is poisoned
	d.OnOp(nil)
	if len(changed) > 0 {
		t.Errorf("after a failed sync: %q, want no change", changed)
	}
}
