package simfs

import (
	"hash/maphash"
	"iter"
	"maps"
	"math/rand/v2"
)

// maxSubsets is how many pending names [Disk.Cuts] takes every subset of. Of more
// it takes the first few, as a journal would keep them.
const maxSubsets = 6

// Cuts are the images that a power cut could leave now, each once: for every
// subset of the pending names, those in which of the pieces with pending changes
// none is written, all are, all but one, or one alone. Pieces are written whole,
// in their newest version, and nothing but zeros is found in holes; for the rest
// of what may happen there is [Disk.Cut]. The disk is locked meanwhile.
func (d *Disk) Cuts() iter.Seq[*Disk] {
	return func(yield func(*Disk) bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		seed, seen := maphash.MakeSeed(), map[uint64]bool{}
		for kept := range subsets(d.durable, d.pending) {
			for p := range piecePlans(dirtyPieces(kept)) {
				image := d.imageLocked(rand.New(rand.NewPCG(0, 0)), p, kept)
				sum := image.sum(seed)
				if seen[sum] {
					continue
				}
				seen[sum] = true
				if !yield(image) {
					return
				}
			}
		}
	}
}

// subsets are the directories that a cut may leave.
func subsets(durable names, pending []move) iter.Seq[names] {
	return func(yield func(names) bool) {
		n := len(pending)
		if n > maxSubsets {
			for keep := range n + 1 {
				kept := maps.Clone(durable)
				kept.apply(pending[:keep]...)
				if !yield(kept) {
					return
				}
			}
			return
		}
		for mask := range 1 << n {
			kept := maps.Clone(durable)
			for i, m := range pending {
				if mask&(1<<i) != 0 {
					kept.apply(m)
				}
			}
			if !yield(kept) {
				return
			}
		}
	}
}

// piecePlans are the ways in which a number of dirty pieces is enumerated.
func piecePlans(dirty int) iter.Seq[plan] {
	return func(yield func(plan) bool) {
		if !yield(plan{}) || !yield(plan{size: all}) || dirty > 0 && !yield(plan{pieces: all, size: all}) {
			return
		}
		for target := range dirty {
			for _, pieces := range []rule{allButOne, one} {
				if !yield(plan{pieces: pieces, size: all, target: target}) {
					return
				}
			}
		}
	}
}

// dirtyPieces counts the pieces with pending changes of the files in a directory.
func dirtyPieces(kept names) (n int) {
	seen := map[*inode]bool{}
	for _, file := range kept {
		if !seen[file] {
			seen[file] = true
			n += len(newHistory(file, 0).versions)
		}
	}
	return n
}

// sum is a fingerprint of the names and bytes of an image.
func (d *Disk) sum(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, name := range d.live.sorted() {
		b := d.live[name].live
		maphash.WriteComparable(&h, name)
		maphash.WriteComparable(&h, len(b))
		h.Write(b)
	}
	return h.Sum64()
}
