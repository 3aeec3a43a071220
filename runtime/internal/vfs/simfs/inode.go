package simfs

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// inode is a file apart from its names.
type inode struct {
	live    *content // what reads see
	durable *content // what a power cut cannot take away; maybe the same
	pending []change // written since the last sync, oldest first
	ghosts  bool     // pending and durable may not make up live
	late    error    // of a sync that reported success
}

// settled returns a file of which all is durable.
func settled(c *content) *inode { return &inode{live: c, durable: c} }

// newFile returns an empty file.
func newFile() *inode { return settled(&content{data: []byte{}}) }

// content is the bytes of a file. Images share it until one of them changes it.
type content struct {
	data   []byte
	shared bool // with others than the one file, so it is never changed again
	sum    atomic.Pointer[contentSum]
}

type contentSum struct {
	seed maphash.Seed
	sum  uint64
}

// share returns the content for another file.
func (c *content) share() *content {
	if !c.shared { // what is shared already, another disk may read now
		c.shared = true
	}
	return c
}

// with returns the content after a change: the same one if it is nobody else's. To cut it
// changes no byte of it.
func (c *content) with(ch change, held bool) *content {
	grow := ch.size - int64(len(c.data))
	switch own := !c.shared && !held; {
	case ch.data == nil && grow <= 0:
		return &content{data: c.share().data[:ch.size:ch.size], shared: true}
	case !own && grow > 0:
		c = &content{data: slices.Clip(c.data)} // which grows somewhere else
	case !own:
		c = &content{data: slices.Clone(c.data)}
	}
	c.data = append(c.data, make([]byte, max(grow, 0))...)[:ch.size]
	copy(c.data[ch.off:], ch.data)
	return c
}

// copy returns another file with the same content and pending changes.
func (n *inode) copy() *inode {
	n.pending = slices.Clip(n.pending) // so that what is added to one does not show in the other
	return &inode{live: n.live.share(), durable: n.durable.share(), pending: n.pending, ghosts: n.ghosts, late: n.late}
}

// change is one write or truncation. Its data is never modified.
type change struct {
	off  int64
	data []byte // nil for a truncation
	size int64  // of the file, after the change
}

// write puts p at byte off.
func (n *inode) write(p []byte, off int64) {
	if len(p) > 0 {
		n.change(change{off: off, data: slices.Clone(p), size: max(int64(len(n.live.data)), off+int64(len(p)))})
	}
}

func (n *inode) change(c change) {
	n.live = n.live.with(c, n.live == n.durable)
	n.pending = append(n.pending, c)
}

// sync makes the pending changes durable, and nothing else: ghosts stay ghosts. Where
// they are to be made in a copy, or in nothing, that is what is seen already.
func (n *inode) sync() {
	if !n.ghosts && (n.durable.shared || len(n.durable.data) == 0) {
		n.durable = n.live
	} else {
		for _, c := range n.pending {
			n.durable = n.durable.with(c, false)
		}
	}
	n.pending = nil
}

// lose empties the log of changes as a sync does that fails.
func (n *inode) lose(l faultfs.Loss, r *rand.Rand) {
	switch n.ghosts = true; l {
	case faultfs.Reverted:
		n.live, n.ghosts = n.durable, false
	case faultfs.Partial:
		for _, c := range n.pending {
			if r.IntN(2) == 0 {
				c.size = max(c.size, int64(len(n.durable.data)), c.off+int64(len(c.data)))
				n.durable = n.durable.with(c, false)
			}
		}
	}
	n.pending = nil
}
