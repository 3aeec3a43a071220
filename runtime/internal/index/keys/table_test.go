package keys_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/index/keys"
)

// TestFindWhileTheyCome: under each fingerprint there is at any time what was added under it
// by then, in that order, whatever was expected and however the fingerprints lie; and of some,
// the first under which there is anything is the first.
func TestFindWhileTheyCome(t *testing.T) {
	draws := map[string]func(r *rand.Rand) uint32{
		"any":             func(r *rand.Rand) uint32 { return r.Uint32() },
		"few":             func(r *rand.Rand) uint32 { return r.Uint32N(200) * 0x01010101 },
		"at the end":      func(r *rand.Rand) uint32 { return math.MaxUint32 - r.Uint32N(300) },
		"at either end":   func(r *rand.Rand) uint32 { return r.Uint32N(300) - 150 },
		"in one place":    func(r *rand.Rand) uint32 { return 1<<31 + r.Uint32N(100) },
		"all of one kind": func(*rand.Rand) uint32 { return 7 },
	}
	for name, draw := range draws {
		for _, most := range []int{0, 10, 900, 1 << 16, math.MaxInt} {
			r := rand.New(rand.NewPCG(1, uint64(most)))
			var table keys.Table
			table.Expect(most)
			model, drawn := map[uint32][]uint32{}, []uint32(nil)
			for ordinal := range uint32(2000) {
				f := draw(r)
				table.Add(f, ordinal)
				model[f], drawn = append(model[f], ordinal), append(drawn, f)
				for _, f := range []uint32{f, drawn[r.IntN(len(drawn))], drawn[max(0, len(drawn)-64)], draw(r), r.Uint32()} {
					var got []uint32
					table.Find(f, func(o uint32) { got = append(got, o) })
					slices.Sort(got)
					if !slices.Equal(got, model[f]) {
						t.Fatalf("%s, %d expected: of %d, %d has %v, want %v", name, most, ordinal+1, f, got, model[f])
					}
					if name == "all of one kind" {
						break // it has all of them
					}
				}
				asked := []uint32{draw(r), r.Uint32(), drawn[r.IntN(len(drawn))], f}[r.IntN(4):]
				want := slices.IndexFunc(asked, func(f uint32) bool { return len(model[f]) > 0 })
				if got := table.First(asked); got != want {
					t.Fatalf("%s, %d expected: of %d, the first of %d is %d, want %d", name, most, ordinal+1, asked, got, want)
				}
			}
		}
	}
}

// TestTableTakesWhatItNeeds: where many are expected and come, less is allocated than by
// growing step by step; where they do not come, no more than so much for each that did,
// whatever was expected.
func TestTableTakesWhatItNeeds(t *testing.T) {
	for _, c := range []struct {
		most, come int
		each       uint64 // bytes in all for each key that came
	}{
		{100_000, 100_000, 30},
		{0, 100_000, 45},
		{math.MaxInt, 50, 200},
		{math.MaxInt, 400, 200},
		{math.MaxInt, 50_000, 200},
		{math.MaxInt, 800_000, 200},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var table keys.Table
		table.Expect(c.most)
		for ordinal := range uint32(c.come) {
			table.Add(ordinal*2654435761, ordinal)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / uint64(c.come); each > c.each {
			t.Errorf("%d keys of %d expected took %d bytes for each, want at most %d", c.come, c.most, each, c.each)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	fingerprints := make([]uint32, 1<<18)
	for i := range fingerprints {
		fingerprints[i] = r.Uint32()
	}
	for name, most := range map[string]int{"expected": len(fingerprints), "unexpected": 0} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var t keys.Table
				t.Expect(most)
				for i, f := range fingerprints {
					t.Add(f, uint32(i))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(fingerprints)), "ns/key")
		})
	}
}
