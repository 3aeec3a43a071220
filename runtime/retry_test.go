package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var retryN = flag.Int("retry.n", 20_000, "appends with an unknown outcome that are repeated")

// retryStore is how many appends one store of the retry lane sees.
const retryStore = 2000

// ambusher keeps appends from learning their outcome.
type ambusher struct {
	t       *testing.T
	random  *rand.Rand
	disk    *simfs.Disk
	store   *batpak.Store
	ambush  atomic.Pointer[ambush]
	stored  map[string]batpak.Receipt // by key
	events  int
	unknown int
}

// ambush is where the next operation of a kind ends the wait of an append.
type ambush struct {
	op     faultfs.Op
	cancel context.CancelFunc
	over   <-chan struct{} // the append has returned
}

// use makes d the disk.
func (a *ambusher) use(d *simfs.Disk) {
	a.disk = d
	d.OnOp(func(op faultfs.Op, _ string) {
		if m := a.ambush.Load(); m != nil && op == m.op && a.ambush.CompareAndSwap(m, nil) {
			m.cancel()
			<-m.over
		}
	})
}

// TestRetryOfAmbiguousAppends repeats appends whose outcome is not known, because
// their caller stopped waiting, the sync failed, the process was killed or the power
// was cut. However often one is repeated, its events are there once, and every
// receipt for it is the same.
//
//	go test ./runtime -run TestRetryOfAmbiguousAppends -retry.n=1000000
func TestRetryOfAmbiguousAppends(t *testing.T) {
	t.Parallel()
	unknown, n := 0, fewer(*retryN)
	for seed := *damageSeed; unknown < n; seed++ {
		a := &ambusher{t: t, random: rand.New(rand.NewPCG(seed, 9)), stored: map[string]batpak.Receipt{}}
		a.use(simfs.New())
		a.open()
		for i := 0; i < retryStore && unknown+a.unknown < n; i++ {
			if err := a.append(i); err != nil {
				t.Fatalf("seed %d, append %d: %v", seed, i, err)
			}
		}
		if err := a.finish(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		unknown += a.unknown
	}
	t.Logf("%d appends with an unknown outcome", unknown)
}

func (a *ambusher) open() {
	a.t.Helper()
	s, err := batpak.Open("simulated", simOptions(a.disk, &batpak.Options{SegmentSize: 32 << 10}))
	if err != nil {
		a.t.Fatal(err)
	}
	a.store = s
}

// append appends one event or a batch, ambushed, and then repeats it until it is
// told the outcome, and twice more.
func (a *ambusher) append(i int) error {
	keys, drafts := make([]string, 1), make([]batpak.Draft, 1)
	if a.random.IntN(4) == 0 {
		keys, drafts = make([]string, 3), make([]batpak.Draft, 3)
	}
	for j := range drafts {
		drafts[j] = note(fmt.Sprint("e:", a.random.IntN(3)), fmt.Sprint(i, "/", j))
		if j == 0 || a.random.IntN(2) == 0 {
			keys[j] = fmt.Sprint("key ", i, "/", j)
		}
	}
	try := func(ctx context.Context) ([]batpak.Receipt, error) {
		b := a.store.NewBatch()
		for j, d := range drafts {
			var opts []batpak.AppendOption
			if keys[j] != "" {
				opts = append(opts, batpak.Key(keys[j]))
			}
			b.Add(d, opts...)
		}
		return b.Commit(ctx)
	}
	err := a.spring(try)
	told, ok := errors.AsType[*batpak.OutcomeUnknownError](err)
	switch {
	case ok:
		a.unknown++
	case err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, batpak.ErrPoisoned) && !errors.Is(err, simfs.ErrCrashed):
		return err
	}
	a.revive(err)
	before := a.store.Frontier().Visible
	first, err := try(context.Background())
	if err != nil {
		return fmt.Errorf("retry: %w", err)
	}
	if ok && len(told.IDs) != len(drafts) {
		return fmt.Errorf("%d ids are told for %d events", len(told.IDs), len(drafts))
	}
	if there := first[0].Sequence() <= before; ok && there && first[0].ID() != told.IDs[0] {
		return fmt.Errorf("retry found event %v, told was %v", first[0].ID(), told.IDs[0])
	}
	a.events += len(drafts)
	for range 2 {
		again, err := try(context.Background())
		if err != nil {
			return fmt.Errorf("second retry: %w", err)
		}
		for j, r := range again {
			if !sameReceipt(r, first[j]) {
				return fmt.Errorf("second retry gives %+v, the first gave %+v", r, first[j])
			}
		}
	}
	for j, r := range first {
		if keys[j] != "" {
			a.stored[keys[j]] = r
		}
	}
	return nil
}

// spring runs an append into an ambush.
func (a *ambusher) spring(try func(context.Context) ([]batpak.Receipt, error)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	over := make(chan struct{})
	defer close(over)
	switch a.random.IntN(100) {
	case 0:
		a.disk.Fail(faultfs.Fault{Op: faultfs.OpSync, Err: syscall.EIO, Kept: a.random.IntN(2) == 0})
	case 1:
		cancel() // before it has begun
	default:
		op := faultfs.OpSync
		if a.random.IntN(4) == 0 {
			op = faultfs.OpWrite
		}
		a.ambush.Store(&ambush{op, cancel, over})
	}
	_, err := try(ctx)
	a.ambush.Store(nil)
	if a.random.IntN(150) == 0 {
		a.die()
	}
	return err
}

// die kills the process, or cuts the power, at this moment.
func (a *ambusher) die() {
	images := []*simfs.Disk{a.disk.Kill(), a.disk.CutHard(), a.disk.Cut(a.random.Uint64())}
	a.disk.Stop()
	go a.store.Close() // the process is dead; what it waits for may be in an ambush
	a.use(images[a.random.IntN(len(images))])
	a.open()
}

// revive opens the store again if it takes no more appends.
func (a *ambusher) revive(err error) {
	if errors.Is(err, batpak.ErrPoisoned) {
		_ = a.store.Close() // it is poisoned
		a.open()
	}
}

// finish wants each event to be there once, and each key to be answered as it was.
func (a *ambusher) finish() error {
	if err := a.store.Close(); err != nil {
		return err
	}
	a.open()
	defer a.store.Close()
	seen := map[string]bool{}
	n := 0
	for e, err := range a.store.Events(batpak.Query{}) {
		if err != nil {
			return err
		}
		n++
		if seen[string(e.Payload)] {
			return fmt.Errorf("event %q is there twice", e.Payload)
		}
		seen[string(e.Payload)] = true
		if r, ok := a.stored[e.Key]; e.Key != "" && (!ok || r.ID() != e.ID || r.Hash() != e.Hash || r.Sequence() != e.Sequence) {
			return fmt.Errorf("event %+v, its receipt is %+v", e.Meta, r)
		}
	}
	if n != a.events {
		return fmt.Errorf("there are %d events, want %d", n, a.events)
	}
	return nil
}
