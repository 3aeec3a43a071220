package sidx_test

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// TestPagesAreNotTakenForOthers: what several goroutines get from a cache that is too
// small, and so exchanges pages all the time, is what they asked for. Pages are got
// without a lock, and each may be pushed out between a look at its name and one at it.
func TestPagesAreNotTakenForOthers(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(3, 3)), 3_000, false)
	run, err := open(m.file(t), sidx.NewCache(0))
	if err != nil {
		t.Fatal(err)
	}
	rounds := 200_000 // without the cache's versions, five of six runs fail
	if testing.Short() {
		rounds /= 20
	}
	var readers sync.WaitGroup
	for seed := range uint64(max(4, runtime.GOMAXPROCS(0))) {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(seed, 4))
			for range rounds {
				i := r.IntN(len(m))
				row, found, err := run.At(m[i].Sequence)
				if want := m.ref(i); err != nil || !found || row.Pos != want.Pos || row.Sequence != want.Sequence {
					t.Errorf("At(%d) = %+v, %t, %v, want %+v", m[i].Sequence, row, found, err, want)
					return
				}
			}
		})
	}
	readers.Wait()
}
