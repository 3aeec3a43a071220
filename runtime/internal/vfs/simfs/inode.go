package simfs

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// inode is a file apart from its names.
type inode struct {
	live    content  // what reads see
	durable content  // what a power cut cannot take away
	pending []change // written since the last sync, oldest first
	late    error    // of a sync that reported success
}

// content is the bytes of a file. Images share them until they change.
type content struct {
	data   []byte
	shared bool // so it is copied before it is changed
}

// share returns the content for another file.
func (c *content) share() content {
	c.shared = true
	return *c
}

// apply makes a change.
func (c *content) apply(ch change) {
	if c.shared {
		own := make([]byte, len(c.data), max(int64(len(c.data)), ch.size))
		copy(own, c.data)
		*c = content{data: own}
	}
	c.data = ch.apply(c.data)
}

// clean reports whether what reads see is what is durable.
func (n *inode) clean() bool {
	a, b := n.live.data, n.durable.data
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || bytes.Equal(a, b))
}

// copy returns another file with the same content and pending changes.
func (n *inode) copy() *inode {
	n.pending = slices.Clip(n.pending) // so that what is added to one does not show in the other
	return &inode{live: n.live.share(), durable: n.durable.share(), pending: n.pending, late: n.late}
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
		n.change(change{off: off, data: slices.Clone(p), size: max(int64(len(n.live.data)), off+int64(len(p)))})
	}
}

// truncate sets the size.
func (n *inode) truncate(size int64) { n.change(change{off: size, size: size}) }

func (n *inode) change(c change) {
	n.live.apply(c)
	n.pending = append(n.pending, c)
}

// sync makes the pending changes durable, and nothing else: ghosts stay ghosts.
func (n *inode) sync() {
	for _, c := range n.pending {
		n.durable.apply(c)
	}
	n.pending = nil
}

// lose empties the log of changes as a sync does that fails.
func (n *inode) lose(l faultfs.Loss, r *rand.Rand) {
	switch l {
	case faultfs.Reverted:
		n.live = n.durable.share()
	case faultfs.Partial:
		for _, c := range n.pending {
			if r.IntN(2) == 0 {
				c.size = max(c.size, int64(len(n.durable.data)), c.off+int64(len(c.data)))
				n.durable.apply(c)
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
