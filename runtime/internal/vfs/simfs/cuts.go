package simfs

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math/rand/v2"
	"slices"
)

// maxSubsets is how many pending names [Disk.Cuts] takes every subset of. Of more
// it takes the first few, as a journal would keep them.
const maxSubsets = 6

// Cuts are the images that a power cut could leave now, each once: for every
// subset of the pending names, those in which of the pieces with pending changes
// none is written, all are, all but one, or one alone. Pieces are written whole,
// in their newest version, and nothing but zeros is found in holes; for the rest
// of what may happen there is [Disk.Cut]. Images are the same if [Disk.SumLive] is with that
// seed. The disk is locked meanwhile.
func (d *Disk) Cuts(seed maphash.Seed) iter.Seq[*Disk] {
	return func(yield func(*Disk) bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		seen, r := map[uint64]bool{}, rand.New(rand.NewPCG(0, 0)) // of which nothing is drawn
		for kept := range subsets(d.durable, d.pending) {
			c := takeCensus(kept)
			for p := range piecePlans(c.dirty) {
				image := d.imageLocked(r, p, c)
				if sum := image.SumLive(seed); !seen[sum] {
					if seen[sum] = true; !yield(image) {
						return
					}
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
				if !yield(durable.with(pending[:keep]...)) {
					return
				}
			}
			return
		}
		for mask := range 1 << n {
			kept := durable
			for i, m := range pending {
				if mask&(1<<i) != 0 {
					kept = kept.with(m)
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

// SumLive is a fingerprint of the names and bytes of the disk as they are seen.
func (d *Disk) SumLive(seed maphash.Seed) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := sum{}
	h.SetSeed(seed)
	for _, e := range d.live {
		h.bytes([]byte(e.name))
		h.content(e.file.live)
	}
	return h.Sum64()
}

// Sum is a fingerprint of the disk: as it is seen, and, where that is something
// else, of what is durable and what is pending.
func (d *Disk) Sum(seed maphash.Seed) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := sum{}
	h.SetSeed(seed)
	h.names(d.live)
	for _, m := range d.pending {
		h.bytes([]byte(m.to))
		h.bytes([]byte(m.from))
		if m.file != nil && d.live.file(m.to) != m.file {
			h.file(m.file)
		}
	}
	if !slices.Equal(d.live, d.durable) {
		h.names(d.durable)
	}
	return h.Sum64()
}

// sum is a hash of parts that know where they end.
type sum struct{ maphash.Hash }

func (h *sum) names(n names) {
	for _, e := range n {
		h.bytes([]byte(e.name))
		h.file(e.file)
	}
}

// file adds a file as it is seen and, where that is something else, as it is durable.
func (h *sum) file(n *inode) {
	h.content(n.live)
	if len(n.pending) == 0 && (n.live == n.durable || bytes.Equal(n.live.data, n.durable.data)) {
		return
	}
	h.content(n.durable)
	for _, c := range n.pending {
		h.number(c.off)
		h.number(c.size)
		h.bytes(c.data)
	}
}

// content adds the hash of bytes, which those that will not change need but once.
func (h *sum) content(c *content) {
	known := c.sum.Load()
	if known == nil || known.seed != h.Seed() {
		known = &contentSum{h.Seed(), maphash.Bytes(h.Seed(), c.data)}
		if c.shared {
			c.sum.Store(known)
		}
	}
	h.number(int64(known.sum))
}

func (h *sum) number(n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

func (h *sum) bytes(b []byte) {
	h.number(int64(len(b)))
	h.Write(b)
}
