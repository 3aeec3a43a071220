package index

import (
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// postings are ordinals in rising order. The first one has a place of its own:
// many streams never have another.
type postings struct {
	first uint32
	used  bool
	rest  []uint32
}

func (p *postings) add(ordinal uint32) {
	if !p.used {
		p.first, p.used = ordinal, true
		return
	}
	p.rest = append(p.rest, ordinal)
}

// len is how many there are.
func (p *postings) len() uint32 {
	if !p.used {
		return 0
	}
	return uint32(len(p.rest)) + 1
}

// at is the n-th ordinal, counted from 0.
func (p *postings) at(n uint64) uint32 {
	if n == 0 {
		return p.first
	}
	return p.rest[n-1]
}

// before counts the ordinals below ordinal.
func (p *postings) before(ordinal uint32) uint64 {
	if !p.used || p.first >= ordinal {
		return 0
	}
	n, _ := slices.BinarySearch(p.rest, ordinal)
	return uint64(n) + 1
}

// holds reports whether an ordinal is one of them.
func (p *postings) holds(ordinal uint32) bool {
	n := p.before(ordinal)
	return n < uint64(p.len()) && p.at(n) == ordinal
}

// keyTable maps fingerprints of idempotency keys to ordinals, by open
// addressing with linear probing. A slot holds the ordinal plus one, 0 being
// free.
type keyTable struct {
	slots []keySlot // a power of two, at most 3/4 used
	used  int
}

type keySlot struct{ fingerprint, link uint32 }

func (t *keyTable) add(fingerprint, ordinal uint32) {
	if t.used*4 >= len(t.slots)*3 {
		t.grow()
	}
	t.put(keySlot{fingerprint: fingerprint, link: ordinal + 1})
	t.used++
}

func (t *keyTable) put(s keySlot) {
	mask := uint32(len(t.slots) - 1)
	i := s.fingerprint & mask
	for t.slots[i].link != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

func (t *keyTable) grow() {
	sometimes.Reached("table of keys grew")
	old := t.slots
	t.slots = make([]keySlot, max(16, 2*len(old)))
	for _, s := range old {
		if s.link != 0 {
			t.put(s)
		}
	}
}

func (t *keyTable) find(fingerprint uint32, found func(ordinal uint32)) {
	if len(t.slots) == 0 {
		return
	}
	mask := uint32(len(t.slots) - 1)
	for i := fingerprint & mask; t.slots[i].link != 0; i = (i + 1) & mask {
		if t.slots[i].fingerprint == fingerprint {
			found(t.slots[i].link - 1)
		}
	}
}
