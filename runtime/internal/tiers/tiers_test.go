package tiers_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/tiers"
)

// merged is a file, and how often each segment in it was written anew.
type merged struct {
	size    int64
	rewrote []int
	sizes   []int64 // of the segments
}

// apply carries a plan out, exactly.
func apply(files []merged, runs []tiers.Run) (left []merged, wrote int64) {
	at := 0
	for _, r := range runs {
		left = append(left, files[at:r.From]...)
		var m merged
		for _, f := range files[r.From:r.To] {
			m.size += f.size
			m.sizes = append(m.sizes, f.sizes...)
			for _, n := range f.rewrote {
				m.rewrote = append(m.rewrote, n+1)
			}
		}
		left, wrote, at = append(left, m), wrote+m.size, r.To
	}
	return append(left, files[at:]...), wrote
}

func sizesOf(files []merged) (sizes []int64) {
	for _, f := range files {
		sizes = append(sizes, f.size)
	}
	return sizes
}

// check holds a plan against the rules.
func check(t *testing.T, p tiers.Policy, sizes []int64, runs []tiers.Run) {
	t.Helper()
	at := 0
	for _, r := range runs {
		if r.From < at || r.To-r.From < 2 || r.To > len(sizes) {
			t.Fatalf("%+v of %d files: run %v after file %d", p, len(sizes), r, at)
		}
		sum, largest := int64(0), int64(0)
		for _, n := range sizes[r.From:r.To] {
			sum, largest = sum+n, max(largest, n)
		}
		if at = r.To; sum > p.Bound || sum < 2*largest || r.To-r.From < p.FanIn && sum <= p.Bound/2 {
			t.Fatalf("%+v: run of %v", p, sizes[r.From:r.To])
		}
	}
}

// TestPlan: whatever the sizes, a plan obeys the rules, and leaves nothing to be planned.
func TestPlan(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := tiers.Policy{FanIn: 2 + r.IntN(5), Bound: 1 + r.Int64N(4000)}
		var files []merged
		scale := 1 + r.Int64N(2*p.Bound)
		for range r.IntN(60) {
			n := r.Int64N(1 + scale>>r.IntN(12))
			files = append(files, merged{size: n, rewrote: []int{0}, sizes: []int64{n}})
		}
		sizes := sizesOf(files)
		runs := p.Plan(slices.Clone(sizes))
		check(t, p, sizes, runs)
		left, _ := apply(files, runs)
		if again := p.Plan(sizesOf(left)); again != nil {
			t.Fatalf("seed %d, %+v: plan of %v = %v, and then of %v = %v", seed, p, sizes, runs, sizesOf(left), again)
		}
	}
}

// TestHistory: over a long history of segments that are begun, each plan obeys the rules,
// each byte is written anew a logarithmic number of times, all together much less, and the
// files are as few as the bound lets them be, but for some.
func TestHistory(t *testing.T) {
	const unit, times = 1000, 16
	for seed := range uint64(16) {
		r := rand.New(rand.NewPCG(seed, 2))
		p := tiers.Policy{FanIn: 2 + int(seed%4), Bound: times * unit}
		var files []merged
		total, wrote := int64(0), int64(0)
		for range 1500 {
			n := int64(unit - r.IntN(unit/8)) // a segment ends before the group that does not fit
			switch r.IntN(20) {
			case 0:
				n = 1 + r.Int64N(unit) // the size was set to another one
			case 1:
				n = unit + r.Int64N(3*unit) // a group that is larger
			}
			files, total = append(files, merged{size: n, rewrote: []int{0}, sizes: []int64{n}}), total+n
			if r.IntN(3) == 0 {
				continue // several at once, as after a rest
			}
			for runs := p.Plan(sizesOf(files)); runs != nil; runs = p.Plan(sizesOf(files)) {
				check(t, p, sizesOf(files), runs)
				left, n := apply(files, runs)
				if len(left) >= len(files) {
					t.Fatalf("seed %d: %d files after merges of %d", seed, len(left), len(files))
				}
				files, wrote = left, wrote+n
			}
			if most := int(4*total/p.Bound) + 6*p.FanIn; len(files) > most {
				t.Fatalf("seed %d, %+v: %d files for %d bytes, want %d at most: %v", seed, p, len(files), total, most, sizesOf(files))
			}
		}
		for _, f := range files {
			for i, n := range f.rewrote {
				if most := math.Log2(float64(p.Bound) / float64(f.sizes[i])); float64(n) > most {
					t.Errorf("seed %d, %+v: %d bytes were written anew %d times, want %.1f at most", seed, p, f.sizes[i], n, most)
				}
			}
		}
		if factor := float64(wrote) / float64(total); factor > math.Log2(times) {
			t.Errorf("seed %d, %+v: %.1f bytes were written anew for each", seed, p, factor)
		} else if seed < 4 {
			t.Logf("%+v: %.2f bytes written anew for each, %d files of %d", p, factor, len(files), 1500)
		}
	}
}

// TestExamples: what is planned in cases that can be done in the head.
func TestExamples(t *testing.T) {
	p := tiers.Policy{FanIn: 4, Bound: 16}
	for _, c := range []struct {
		sizes []int64
		want  []tiers.Run
	}{
		{nil, nil},
		{[]int64{1, 1, 1}, nil},
		{[]int64{1, 1, 1, 1}, []tiers.Run{{0, 4}}},
		{[]int64{4, 1, 1, 1}, nil},                                         // of which one is too large
		{[]int64{4, 1, 1, 1, 1}, []tiers.Run{{0, 5}}},                      // and now it is not
		{[]int64{4, 4, 1, 1, 1, 1}, []tiers.Run{{0, 6}}},                   // of two tiers, in one step
		{[]int64{12, 1, 1, 1, 1}, []tiers.Run{{1, 5}}},                     // the first one is done
		{[]int64{5, 5, 12}, []tiers.Run{{0, 2}}},                           // and so is what comes of these
		{[]int64{17, 1, 17, 1}, nil},                                       // nothing lies side by side
		{[]int64{1, 1, 1, 1, 17, 2, 2, 2, 2}, []tiers.Run{{0, 4}, {5, 9}}}, // a bound between them
	} {
		if d := cmp.Diff(c.want, p.Plan(c.sizes)); d != "" {
			t.Errorf("plan of %v (-want +got):\n%s", c.sizes, d)
		}
	}
}
