package index

import "slices"

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
	if n := len(p.rest); n == cap(p.rest) {
		p.rest = slices.Grow(p.rest, max(2, n)) // append would copy each of many four times in all, not once
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
