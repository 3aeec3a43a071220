package commit

import (
	"math/rand/v2"
	"testing"
)

// TestTableEqualsAMap: whatever the hashes are, a table finds what was put last in
// the place of each thing, through growth and resets.
func TestTableEqualsAMap(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		bits := random.Uint64() >> random.IntN(64) // hashes that collide, more or less
		var tab table
		for range 4 {
			var things []uint64 // by number
			last := map[uint64]int{}
			for range random.IntN(2000) {
				thing := random.Uint64N(500)
				same := func(n int) bool { return things[n] == thing }
				got, ok := tab.find(thing*0x9e3779b97f4a7c15&bits, same)
				if want, there := last[thing]; ok != there || ok && got != want {
					t.Fatalf("seed %d: find(%d) = %d, %v, want %d, %v", seed, thing, got, ok, want, there)
				}
				things = append(things, thing)
				tab.put(thing*0x9e3779b97f4a7c15&bits, len(things)-1, same)
				last[thing] = len(things) - 1
			}
			tab.reset()
		}
	}
}
