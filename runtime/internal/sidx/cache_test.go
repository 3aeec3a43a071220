package sidx_test

import (
	"math"
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

// TestCacheOfAnySize: a cache may be as small or as large as there are numbers.
func TestCacheOfAnySize(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(3, 3)), 100, false)
	for _, size := range []int64{math.MinInt64, 0, math.MaxInt64} {
		run, err := open(m.file(t), sidx.NewCache(size))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if row, found, err := run.At(m[99].Sequence); err != nil || !found || row.Sequence != m[99].Sequence {
				t.Errorf("cache of %d bytes: At(%d) = %+v, %t, %v", size, m[99].Sequence, row, found, err)
			}
		}
	}
}
