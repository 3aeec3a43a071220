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
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestAppendBesideAFailedSyncOfNames: while the sync of the directory that a merge needs
// is failing, an append gives the next segment its name. A sync of its own may succeed
// because the other one has dropped the name, so the append is not acknowledged. One that
// needs no new name, and is past its write, is.
func TestAppendBesideAFailedSyncOfNames(t *testing.T) {
	for _, rotates := range []bool{true, false} {
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
		var begin, wrote sync.Once
		begun := false
		c.disk.OnOp(func(op simfs.Op, _ string) {
			if op == simfs.OpSyncDir && !begun {
				begin.Do(func() {
					begun = true
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
				})
				return
			}
			if begun && (op == simfs.OpSyncDir || op == simfs.OpSync && !rotates) {
				wrote.Do(func() { close(written) })
				<-failed // what the append does comes after the failure
			}
		})
		c.disk.Fail(simfs.Fault{Op: simfs.OpSyncDir})
		_, err := c.store.Compact(t.Context())
		close(failed)
		if err == nil {
			t.Fatal("Compact() = nil, want an error")
		}
		if err := <-told; (err != nil) != rotates || rotates && !errors.Is(err, batpak.ErrPoisoned) {
			t.Errorf("Append() beside the failure, rotates: %v, = %v", rotates, err)
		}
		if _, err := c.store.Append(t.Context(), note("e:1", "later")); !errors.Is(err, batpak.ErrPoisoned) {
			t.Errorf("Append() after the failure = %v", err)
		}
	}
}
