package simfs

import (
	"math/rand/v2"
	"slices"
)

// piece is the unit that a disk writes whole, if anything.
const piece = 512

// Cut returns one of the images that a power cut could leave now; in it
// everything is durable. The disk itself goes on; see [Disk.Stop].
//
// The seed first draws a plan, so that some seeds lose nearly everything and
// others nearly nothing, and then the rest under that plan:
//
//	names   of the pending changes none, all, the first few, any of them, or any
//	        with each rename split into its halves
//	pieces  of the 512 byte pieces with pending changes 0, 10, 50, 90 or 100 %,
//	        all but one, or one alone; in the newest version or any since the sync
//	tears   of a piece that is written now and then a prefix, or any of its bytes
//	size    the durable one, the newest, or any between, whatever the pieces say
//	holes   past the durable bytes, where no piece is written: zeros, noise, or
//	        bytes that lie elsewhere on the disk, or lay there before they were
//	        cut off or removed
func (d *Disk) Cut(seed uint64) *Disk {
	r := rand.New(rand.NewPCG(seed, 0))
	return d.cut(r, drawPlan(r))
}

// CutHard returns the image of a power cut that keeps nothing but what was
// synced. The disk itself goes on.
func (d *Disk) CutHard() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.durable.each(once(func(n *inode) *inode { return settled(n.durable.share()) }))
	return &Disk{live: kept, durable: kept}
}

// plan says how the choices of one cut are made. The zero plan loses all that
// may be lost.
type plan struct {
	names     rule
	nameShare int // percent; for some and split
	pieces    rule
	share     int  // percent; for some
	stale     bool // any version of a piece instead of the newest
	tear      tear
	size      rule
	hole      hole
	target    int // the dirty piece that allButOne and one are about
}

// rule says which of the pending things survive.
type rule int

const (
	none      rule = iota
	all            // each of them
	first          // those up to a random point
	some           // a share of them
	split          // as some, with the halves of a rename apart
	allButOne      // all but a random one
	one            // a random one
)

// tear says what may become of a piece that is written.
type tear int

const (
	whole  tear = iota
	prefix      // the first bytes only
	masked      // any of its bytes
)

// hole says what is found where nothing was written.
type hole int

const (
	zeros hole = iota
	noise
	copied // bytes that lie elsewhere on the disk
)

// drawPlan draws each part for itself, so that unlikely combinations turn up.
func drawPlan(r *rand.Rand) plan {
	return plan{
		names:     pick(r, none, all, first, some, split),
		nameShare: pick(r, 10, 50, 90),
		pieces:    pick(r, none, some, some, some, all, allButOne, one),
		share:     pick(r, 10, 50, 90),
		stale:     pick(r, false, true),
		tear:      pick(r, whole, whole, prefix, masked),
		size:      pick(r, none, all, first),
		hole:      pick(r, zeros, noise, copied),
	}
}

func pick[T any](r *rand.Rand, options ...T) T { return options[r.IntN(len(options))] }

// cut makes an image by a plan that it draws the rest of.
func (d *Disk) cut(r *rand.Rand, p plan) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := takeCensus(p.cutNames(r, d.durable, d.pending))
	p.target = r.IntN(max(c.dirty, 1))
	return d.imageLocked(r, p, c)
}

// imageLocked makes the image with the files of a census. Names are in order, so that the
// draws come in the same order each time.
func (d *Disk) imageLocked(r *rand.Rand, p plan, of *census) *Disk {
	c := cutter{plan: p, rand: r}
	if p.hole == copied {
		c.elsewhere = slices.Clone(d.stale)
		for _, h := range of.histories {
			c.elsewhere = append(c.elsewhere, h.file.live.data, h.file.durable.data)
		}
	}
	next := of.histories
	kept := of.kept.each(once(func(*inode) *inode {
		h := &next[0]
		next = next[1:]
		return settled(c.content(h))
	}))
	return &Disk{live: kept, durable: kept}
}

// cutNames returns the names that survive.
func (p plan) cutNames(r *rand.Rand, durable names, pending []move) names {
	if p.names == split {
		pending = halves(pending)
	}
	if p.names == some || p.names == split {
		lost := func(move) bool { return r.IntN(100) >= p.nameShare }
		pending = slices.DeleteFunc(slices.Clone(pending), lost)
	} else {
		pending = pending[:p.names.count(r, len(pending))]
	}
	return durable.with(pending...)
}

// count draws how many of n things, one after the other, survive.
func (l rule) count(r *rand.Rand, n int) int {
	switch l {
	case all:
		return n
	case first:
		return r.IntN(n + 1)
	}
	return 0
}
