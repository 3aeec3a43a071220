package chunk_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chunk"
)

// TestListIsASlice: a list has what a slice would have, in that order, and what was found in
// it once it is long stays there.
func TestListIsASlice(t *testing.T) {
	const most = 20_000
	var (
		list  chunk.List[int]
		found []*int
	)
	for n := range most {
		if list.Len() != n {
			t.Fatalf("Len() = %d, want %d", list.Len(), n)
		}
		list.Add(3 * n)
		found = append(found, list.At(uint32(n)))
		if n&(n-1) != 0 && n != most-1 {
			continue
		}
		next := 0
		for i, e := range list.All() {
			if i != next || *e != 3*i || e != list.At(uint32(i)) {
				t.Fatalf("of %d, All() has %d as %d, at %p and At(%d) %p", n+1, *e, i, e, i, list.At(uint32(i)))
			}
			next++
		}
		if next != n+1 {
			t.Fatalf("All() has %d of %d", next, n+1)
		}
		for i, e := range found {
			if i >= most/2 && e != list.At(uint32(i)) {
				t.Fatalf("element %d moved when there were %d", i, n+1)
			}
		}
	}
	for range list.All() {
		break // ends the iteration
	}
}
