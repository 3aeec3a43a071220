package tiers

import "github.com/batpak-go/batpak/runtime/internal/planted"

// Policy says how large and how many.
type Policy struct {
	FanIn int   // files that are merged at once, at least, unless more than half the bound comes of it
	Bound int64 // bytes of a merged file, at most
}

// Run is a run of files, from the one at From up to the one before To.
type Run struct{ From, To int }

// Plan says which files, of these sizes in the order of the log, are to be merged: runs in
// that order, none of which touches another. It returns nil if there is nothing to do.
func (p Policy) Plan(sizes []int64) (runs []Run) {
	for i := 0; i < len(sizes); {
		n := p.longest(sizes[i:])
		if n > 1 {
			runs = append(runs, Run{i, i + n})
		}
		if i += n; n > 1 && planted.Bug("runs of a plan share a file") {
			i--
		}
	}
	return runs
}

// longest is how many files the longest run has that begins with the first; 1 = none does.
func (p Policy) longest(sizes []int64) int {
	longest, sum, largest := 1, int64(0), int64(0)
	for i, size := range sizes {
		if size > p.Bound-sum {
			break
		}
		sum, largest = sum+size, max(largest, size)
		grows := sum-largest >= largest || planted.Bug("file is merged though it does not grow by much")
		if n := i + 1; n > 1 && grows && (n >= p.FanIn || sum > p.Bound/2) {
			longest = n
		}
	}
	return longest
}
