package batpak_test

import (
	"runtime"
	"testing"
	"time"
	"weak"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestDroppedStoreIsCollected: nothing but its user holds a store, whether it was closed
// or, as where a process dies, was not. A collector that runs seldom would keep all of
// them from one run to the next.
func TestDroppedStoreIsCollected(t *testing.T) {
	for name, end := range map[string]func(*batpak.Store) error{
		"closed":  (*batpak.Store).Close,
		"dropped": func(*batpak.Store) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			use := func() weak.Pointer[batpak.Store] {
				s, err := batpak.Open("simulated", simOptions(simfs.New(), nil))
				if err != nil {
					t.Fatal(err)
				}
				mustAppend(t, s, note("a:1", "x"))
				if err := end(s); err != nil {
					t.Fatal(err)
				}
				return weak.Make(s)
			}
			s := use()
			for range 100 { // a goroutine of the store that has done its work may not be gone yet
				if runtime.GC(); s.Value() == nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
			t.Error("the store is held by something")
		})
	}
}
