package simfs_test

import "testing"

// BenchmarkCut is the price of one crash state in a test that looks at many.
func BenchmarkCut(b *testing.B) {
	d := busy(b)
	for seed := uint64(0); b.Loop(); seed++ {
		d.Cut(seed)
	}
}
