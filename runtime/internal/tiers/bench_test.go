package tiers_test

import (
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/tiers"
)

// BenchmarkPlan plans for 10,000 files, of which nearly none is to be merged, and for as many
// of one size.
func BenchmarkPlan(b *testing.B) {
	const files = 10_000
	r := rand.New(rand.NewPCG(1, 1))
	p := tiers.Policy{FanIn: 8, Bound: 1 << 30}
	done, alike := make([]int64, files), make([]int64, files)
	for i := range done {
		done[i], alike[i] = 1<<29+r.Int64N(1<<29), 64<<20
	}
	for _, c := range []struct {
		name  string
		sizes []int64
	}{{"done", done}, {"alike", alike}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				p.Plan(c.sizes)
			}
		})
	}
}
