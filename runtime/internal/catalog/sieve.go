package catalog

import (
	"slices"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// sieve says of most streams and keys that no run between two sequences has them, so that
// what is new costs the same however many runs there are. It is a row of Bloom filters in
// memory, each several times as large as the one before. It never forgets, so it holds good
// when runs are merged; it just tells less then.
//
// A sieve is not changed once it is in use, but for the bits of its last meshes, where more
// of them only make it say less.
type sieve struct {
	first, next uint64 // sequences
	meshes      []mesh
}

// mesh is a Bloom filter in blocks of a cache line each: a fingerprint chooses a block by
// its upper half, and with its lower half one bit in each of the eight words of that block.
type mesh struct {
	words  []atomic.Uint64
	things int // that were added
}

const (
	meshBlock  = 8       // words
	meshBits   = 12      // a thing; about one in 200 others passes
	meshGrowth = 4       // of each mesh over the one before
	minMesh    = 1 << 10 // bytes
)

func newMesh(bytes int64) mesh { return mesh{words: make([]atomic.Uint64, bytes/64*meshBlock)} }

// most is how many things a mesh is for.
func (m *mesh) most() int { return len(m.words) * 64 / meshBits }

func (m *mesh) block(fingerprint uint64) []atomic.Uint64 {
	at := fingerprint >> 32 * uint64(len(m.words)/meshBlock) >> 32 * meshBlock
	return m.words[at : at+meshBlock]
}

// meshBit is the bit of a fingerprint in word i of its block.
func meshBit(fingerprint uint64, i int) uint64 {
	return 1 << (fingerprint * 0x9e3779b97f4a7c15 >> (6 * i) & 63)
}

func (m *mesh) add(fingerprint uint64) {
	for i, block := 0, m.block(fingerprint); i < meshBlock; i++ {
		block[i].Or(meshBit(fingerprint, i))
	}
}

func (m *mesh) holds(fingerprint uint64) bool {
	for i, block := 0, m.block(fingerprint); i < meshBlock; i++ {
		if block[i].Load()&meshBit(fingerprint, i) == 0 {
			return false
		}
	}
	return true
}

// holds reports whether a run may have the stream or key.
func (s *sieve) holds(l *lookup) bool {
	return slices.ContainsFunc(s.meshes, func(m mesh) bool { return m.holds(l.get()) })
}

// among is which of the parts lie between the sequences of the sieve.
func (s *sieve) among(ps parts) (from, to int) {
	from, to = ps.upTo(s.first-1), ps.upTo(s.next-1)
	if to > from && ps[to-1].next() > s.next {
		to--
	}
	return from, to
}

// having are the parts that may have a stream or key: newer ones, then older ones.
func (c *Catalog) having(ps parts, l *lookup) [2]parts {
	s := c.sieve.Load()
	if s == nil {
		if len(ps) > 0 && ps[0].run != nil && !c.sought.Load() {
			c.sought.Store(true)
		}
		return [2]parts{ps}
	}
	if from, to := s.among(ps); from < to && !s.holds(l) {
		sometimes.Reached("runs were passed over together")
		return [2]parts{ps[to:], ps[:from]}
	}
	return [2]parts{ps}
}

// Sift lets the streams and keys of one more run be told from new ones without asking the
// run, in at most so many bytes of memory for all runs, and reports whether it did. It does
// nothing before a run was asked for a stream or key in vain. It reads the run, and is
// called by one goroutine at a time.
func (c *Catalog) Sift(room int64) bool {
	if !c.sought.Load() {
		return false
	}
	ps, s := c.list(), c.sieve.Load()
	p := s.lacks(ps)
	if p == nil {
		return false
	}
	next := s.grown(p, room)
	if next == nil {
		sometimes.Reached("there was no room for the keys of another run")
		return false
	}
	last := &next.meshes[len(next.meshes)-1]
	err := p.run.Fingerprints(func(fingerprint uint64) {
		if fingerprint%64 != 0 || !planted.Bug("sieve forgets a key") {
			last.add(fingerprint)
		}
	})
	if err != nil {
		return false // it is asked as before, and what is wrong with it is found then
	}
	c.sieve.Store(next)
	return true
}

// lacks is the next run to take in, or nil: the newest one first, then those behind it, as
// they come to be, and those before it.
func (s *sieve) lacks(ps parts) *part {
	whole := func(i int) bool { return i >= 0 && i < len(ps) && ps[i].whole() }
	if s == nil {
		i := len(ps) - 1
		for i >= 0 && !whole(i) {
			i--
		}
		if i < 0 {
			return nil
		}
		return ps[i]
	}
	switch from, to := s.among(ps); {
	case whole(to):
		return ps[to]
	case whole(from - 1):
		return ps[from-1]
	}
	return nil
}

// grown is the sieve with room for a part, and as if it had it, or nil if it may not take
// the memory.
func (s *sieve) grown(p *part, room int64) *sieve {
	n := sieve{first: p.first, next: p.next()}
	if s != nil {
		n.first, n.next, n.meshes = min(s.first, p.first), max(s.next, p.next()), slices.Clone(s.meshes)
	}
	things, size := p.run.Things(), int64(minMesh)
	for i := range n.meshes {
		bytes := int64(len(n.meshes[i].words)) * 8
		room, size = room-bytes, bytes*meshGrowth
	}
	if i := len(n.meshes) - 1; i < 0 || n.meshes[i].things+things > n.meshes[i].most() {
		least := int64(things)*meshBits/8 + 64
		if size = min(max(size, least), room); size < least {
			return nil
		}
		n.meshes = append(n.meshes, newMesh(size))
	}
	n.meshes[len(n.meshes)-1].things += things
	return &n
}
