package batpak_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// TestAppendBesideAFailedSyncOfNames: while a sync of the directory that a merge needs,
// whichever it is, is failing, an append gives the next segment its name. A sync of its own
// may succeed because the other one has dropped the name, so the append is not acknowledged.
// One that needs no new name, and is past its write, is.
func TestAppendBesideAFailedSyncOfNames(t *testing.T) {
	for _, rotates := range []bool{true, false} {
		syncs := 0
		for failedSyncOfNames(t, rotates, syncs+1) {
			syncs++
		}
		if syncs != 5 {
			t.Errorf("rotates: %v: a merge has %d syncs of the directory, want 5", rotates, syncs)
		}
	}
}

// failedSyncOfNames lets the n-th sync of the directory fail, and reports whether there is
// one.
func failedSyncOfNames(t *testing.T, rotates bool, n int) (met bool) {
	t.Helper()
	c := compacted(t)
	last := func() (n uint64) {
		for _, name := range c.disk.Names() {
			if number, ok := segment.ParseName(name); ok {
				n = max(n, number)
			}
		}
		return n
	}
	text := "short"
	for before := last(); last() == before; { // the last segment has room then
		mustAppend(t, c.store, note("e:1", text))
	}
	next := segment.Name(last() + 1)
	if rotates {
		text = strings.Repeat("long ", 100)
	}
	told, written, failed := make(chan error, 1), make(chan struct{}), make(chan struct{})
	var wrote sync.Once
	syncs := 0
	c.disk.OnOp(func(op faultfs.Op, _ string) {
		if op == faultfs.OpSyncDir && !met {
			if syncs++; syncs < n {
				return
			}
			met = true
			go func() {
				_, err := c.store.Append(t.Context(), note("e:1", text))
				told <- err
			}()
			for rotates && !slices.Contains(c.disk.Names(), next) {
				runtime.Gosched()
			}
			if !rotates {
				<-written
			}
			return
		}
		if met && (op == faultfs.OpSyncDir || op == faultfs.OpSync && !rotates) {
			wrote.Do(func() { close(written) })
			<-failed // what the append does comes after the failure
		}
	})
	c.disk.Fail(faultfs.Fault{Op: faultfs.OpSyncDir, N: n})
	_, err := c.store.Compact(t.Context())
	close(failed)
	if !met {
		return false
	}
	if err == nil {
		t.Fatalf("sync %d: Compact() = nil, want an error", n)
	}
	if err := <-told; (err != nil) != rotates || rotates && !errors.Is(err, batpak.ErrPoisoned) {
		t.Errorf("sync %d: Append() beside the failure, rotates: %v, = %v", n, rotates, err)
	}
	if _, err := c.store.Append(t.Context(), note("e:1", "later")); !errors.Is(err, batpak.ErrPoisoned) {
		t.Errorf("sync %d: Append() after the failure = %v", n, err)
	}
	return true
}

// TestLogFailsBesideTheEndOfAMerge: the log fails at any operation of a merge, and the merge,
// which need not have heard of it, goes on to its end.
func TestLogFailsBesideTheEndOfAMerge(t *testing.T) {
	for at, more := 1, true; more; at++ {
		c, n := compacted(t), 0
		c.disk.OnOp(func(op faultfs.Op, name string) {
			if !changes(op) {
				return
			}
			if n++; n != at {
				return
			}
			c.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
			if _, err := c.store.Append(t.Context(), note("e:1", "beside it")); !errors.Is(err, batpak.ErrPoisoned) {
				t.Errorf("before %s %s: append whose sync fails = %v", op, name, err)
			}
			c.disk.Heal()
		})
		_, err := c.store.Compact(t.Context())
		c.disk.OnOp(nil)
		if more = n >= at; more && err != nil && !errors.Is(err, batpak.ErrPoisoned) {
			t.Errorf("operation %d: Compact() = %v", at, err)
		}
		_ = c.store.Close() // says that the store is poisoned
		c.store = openSim(t, c.disk.CutHard(), small)
		verified(t, c.store)
	}
}
