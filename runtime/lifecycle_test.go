package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestCloseAtAnyOperation closes a store while its disk is at the k-th operation,
// for every k that some appends and reads reach. Whoever was told that an event is
// durable finds it in the end, and every other call is told that the store is
// closed.
func TestCloseAtAnyOperation(t *testing.T) {
	for _, durability := range []batpak.Durability{batpak.Synced, batpak.Relaxed} {
		for k, fired := 1, true; fired; k++ {
			fired = false
			d := simfs.New()
			options := &batpak.Options{SegmentSize: 700, Durability: durability}
			s := openSim(t, d, options)
			var closing sync.WaitGroup
			var calls atomic.Int64
			d.OnOp(func(faultfs.Op, string) {
				if calls.Add(1) == int64(k) {
					fired = true
					for range 2 {
						closing.Go(func() {
							if err := s.Close(); err != nil {
								t.Errorf("operation %d: Close() = %v", k, err)
							}
						})
					}
				}
			})
			kept := 0
			for i := range 8 {
				b := s.NewBatch()
				for j := range 2 {
					b.Add(note(fmt.Sprint("e:", j), fmt.Sprint(i)))
				}
				_, err := b.Commit(context.Background())
				if err == nil {
					kept += 2
				}
				for _, err := range []error{err, lastError(s.Events(batpak.Query{})), s.Sync(context.Background())} {
					if err != nil && !errors.Is(err, batpak.ErrClosed) {
						t.Fatalf("operation %d: a call beside Close = %v, want ErrClosed", k, err)
					}
				}
			}
			closing.Wait()
			err := s.Close()
			closing.Wait() // this one may have been where the others came in
			if err != nil {
				t.Fatalf("operation %d: Close() again = %v", k, err)
			}
			again := openSim(t, d.CutHard(), nil)
			if got := len(events(t, again, batpak.Query{})); got != kept {
				t.Fatalf("operation %d: there are %d events, want the %d that were acknowledged", k, got, kept)
			}
			if !again.Report().Clean {
				t.Errorf("operation %d: report %+v, want a clean opening", k, again.Report())
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestCloseWhileTheWriterLooks closes a store while an append is looked up in segments on
// disk, for its stream or for a condition: it is told that the store is closed, and nothing
// is stored.
func TestCloseWhileTheWriterLooks(t *testing.T) {
	for name, conditions := range map[string][]batpak.Query{"stream": nil, "condition": {{Scope: "none"}}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { closeWhileTheWriterLooks(t, conditions) })
		})
	}
}

func closeWhileTheWriterLooks(t *testing.T, conditions []batpak.Query) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 512})
	const all = 200 // of which the cache of the index does not hold all
	for i := range all {
		mustAppend(t, s, note(fmt.Sprint("e:", i), "x"))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openSim(t, d, &batpak.Options{IndexCache: 1})
	b := s.NewBatch()
	b.Add(note("e:1", "x"))
	for _, q := range conditions {
		b.ExpectNone(q)
	}
	reads := 0
	d.OnOp(func(op faultfs.Op, _ string) {
		if op == faultfs.OpRead {
			reads++
			d.OnOp(nil)
			go s.Close()
			synctest.Wait() // it waits for this read
		}
	})
	if _, err := b.Commit(t.Context()); reads == 0 || !errors.Is(err, batpak.ErrClosed) {
		t.Errorf("Commit() = %v after %d reads, want ErrClosed", err, reads)
	}
	d.OnOp(nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if n := len(events(t, openSim(t, d, nil), batpak.Query{})); n != all {
		t.Errorf("there are %d events, want %d", n, all)
	}
}

// TestOpenStorm lets many open, use and close one store: at each time one of them
// has it, the others are told so, and nothing is lost.
func TestOpenStorm(t *testing.T) {
	t.Parallel()
	dir, disk := t.TempDir(), simfs.New()
	for kind, open := range map[string]func() (*batpak.Store, error){
		"simulated": func() (*batpak.Store, error) { return batpak.Open("simulated", simOptions(disk, nil)) },
		"real":      func() (*batpak.Store, error) { return openDir(dir, nil) },
	} {
		t.Run(kind, func(t *testing.T) { storm(t, open) })
	}
}

func storm(t *testing.T, open func() (*batpak.Store, error)) {
	var holders, kept, locked atomic.Int64
	first, err := open() // is met by the others
	if err != nil {
		t.Fatal(err)
	}
	holders.Add(1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 20; {
				s, err := open()
				if errors.Is(err, batpak.ErrLocked) {
					locked.Add(1)
					continue
				}
				if err != nil {
					t.Errorf("Open() = %v", err)
					return
				}
				if holders.Add(1) > 1 {
					t.Error("two have the store open at a time")
				}
				if n := int64(len(texts(eventsNow(t, s)))); n != kept.Load() {
					t.Errorf("store has %d events, want %d", n, kept.Load())
				}
				if _, err := s.Append(context.Background(), note("a:1", "x")); err != nil {
					t.Errorf("Append() = %v", err)
				}
				kept.Add(1)
				holders.Add(-1)
				if err := s.Close(); err != nil {
					t.Errorf("Close() = %v", err)
				}
				done++
			}
		})
	}
	for locked.Load() == 0 && !t.Failed() {
		runtime.Gosched()
	}
	holders.Add(-1)
	if err := first.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	wg.Wait()
}

// eventsNow is events for goroutines that are not the test's.
func eventsNow(t *testing.T, s *batpak.Store) (all []batpak.Event) {
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			t.Errorf("Events() = %v", err)
		}
		all = append(all, e)
	}
	return all
}

// TestAbandonedStore: a store that nobody closes is one that was killed. The next
// process has the lock and every event.
func TestAbandonedStore(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{Durability: batpak.Relaxed})
	for range 3 {
		mustAppend(t, s, note("a:1", "x"))
	}
	next := openSim(t, d.Kill(), nil)
	if got := len(events(t, next, batpak.Query{})); got != 3 {
		t.Errorf("after the process that had the store was killed there are %d events, want 3", got)
	}
}

// TestCloseTellsTheSame: what the first Close fails with, every Close fails with.
func TestCloseTellsTheSame(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{Durability: batpak.Relaxed})
	mustAppend(t, s, note("a:1", "x"))
	d.Fail(faultfs.Fault{Op: faultfs.OpSync, Err: syscall.EIO})
	first := s.Close()
	if !errors.Is(first, syscall.EIO) {
		t.Fatalf("Close() whose sync fails = %v, want EIO", first)
	}
	before := d.Ops()
	if err := s.Close(); !errors.Is(err, first) || d.Ops() != before {
		t.Errorf("Close() again = %v after %d operations, want the same error and none", err, d.Ops()-before)
	}
	if _, err := s.Append(t.Context(), note("a:1", "x")); !errors.Is(err, batpak.ErrClosed) {
		t.Errorf("Append() after a Close that failed = %v, want ErrClosed", err)
	}
}

// TestDirectoryThatCannotBeSynced: where the names of files cannot be made durable
// no store is opened, and none that is open goes on to the next segment.
func TestDirectoryThatCannotBeSynced(t *testing.T) {
	never := faultfs.Fault{Op: faultfs.OpSyncDir, Err: syscall.EINVAL, Sticky: true}
	d := simfs.New()
	d.Fail(never)
	if _, err := batpak.Open("simulated", simOptions(d, nil)); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Open() = %v, want EINVAL", err)
	}
	if names := d.Names(); len(names) > 0 {
		t.Errorf("Open() that was refused made %q", names)
	}

	d.Heal()
	s := openSim(t, d, &batpak.Options{SegmentSize: 512})
	d.Fail(never)
	kept := 0
	var err error
	for ; err == nil && kept < 100; kept++ {
		_, err = s.Append(t.Context(), note("a:1", "some text"))
	}
	kept--
	if !errors.Is(err, batpak.ErrPoisoned) || !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("Append() to the next segment = %v, want ErrPoisoned by EINVAL", err)
	}
	if got := len(events(t, s, batpak.Query{})); got != kept {
		t.Errorf("poisoned store shows %d events, want %d", got, kept)
	}
	d.Heal()
	if _, err := s.Append(t.Context(), note("a:1", "some text")); !errors.Is(err, batpak.ErrPoisoned) {
		t.Errorf("Append() when the directory can be synced again = %v, want ErrPoisoned until the store is opened", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v", err)
	}
	again := openSim(t, d, nil)
	mustAppend(t, again, note("a:1", "some text"), batpak.Expect(uint64(kept)))
}
