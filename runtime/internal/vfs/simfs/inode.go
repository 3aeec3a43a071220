package simfs

import (
	"math/rand/v2"
	"slices"
)

// inode is a file apart from its names.
type inode struct {
	live    []byte   // what reads see
	durable []byte   // what a power cut cannot take away
	pending []change // written since the last sync, oldest first
	late    error    // of a sync that reported success
}

// change is one write or truncation. Its data is never modified.
type change struct {
	off  int64
	data []byte // nil for a truncation
	size int64  // of the file, after the change
}

// apply makes the change in b and returns the result.
func (c change) apply(b []byte) []byte {
	b = resize(b, c.size)
	copy(b[c.off:], c.data)
	return b
}

// write puts p at byte off.
func (n *inode) write(p []byte, off int64) {
	if len(p) > 0 {
		n.change(change{off: off, data: slices.Clone(p), size: max(int64(len(n.live)), off+int64(len(p)))})
	}
}

// truncate sets the size.
func (n *inode) truncate(size int64) { n.change(change{off: size, size: size}) }

func (n *inode) change(c change) {
	n.live = c.apply(n.live)
	n.pending = append(n.pending, c)
}

// sync makes the pending changes durable, and nothing else: ghosts stay ghosts.
func (n *inode) sync() {
	for _, c := range n.pending {
		n.durable = c.apply(n.durable)
	}
	n.pending = nil
}

// lose empties the log of changes as a sync does that fails.
func (n *inode) lose(l Loss, r *rand.Rand) {
	switch l {
	case Reverted:
		n.live = slices.Clone(n.durable)
	case Partial:
		for _, c := range n.pending {
			if r.IntN(2) == 0 {
				c.size = max(c.size, int64(len(n.durable)), c.off+int64(len(c.data)))
				n.durable = c.apply(n.durable)
			}
		}
	}
	n.pending = nil
}

// resize cuts b or appends zeros to it.
func resize(b []byte, size int64) []byte {
	if grow := size - int64(len(b)); grow > 0 {
		return append(b, make([]byte, grow)...)
	}
	return b[:size]
}
