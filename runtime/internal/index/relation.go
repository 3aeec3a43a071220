package index

// relations find the events that were given an id, as their cause or correlation.
// Most ids are given to few events, many to one: that one lies in the id's slot, the
// others in a list of their own. The slots are found by open addressing with linear
// probing. Two ids are told apart by 64 bits of a hash with a secret seed.
type relations struct {
	slots []relationSlot // a power of two, at most 3/4 used
	used  int
	rest  [][]uint32
}

type relationSlot struct {
	fingerprint uint64
	first       uint32 // ordinal plus one, 0 = the slot is free
	rest        uint32 // index of the other events, plus one; 0 = there are none
}

func (t *relations) add(fingerprint uint64, ordinal uint32) {
	if t.used*4 >= len(t.slots)*3 {
		t.grow()
	}
	s := t.slot(fingerprint)
	switch {
	case s.first == 0:
		*s = relationSlot{fingerprint: fingerprint, first: ordinal + 1}
		t.used++
	case s.rest == 0:
		t.rest = append(t.rest, []uint32{ordinal})
		s.rest = uint32(len(t.rest))
	default:
		t.rest[s.rest-1] = append(t.rest[s.rest-1], ordinal)
	}
}

// slot is the one that has the fingerprint, or would.
func (t *relations) slot(fingerprint uint64) *relationSlot {
	mask := uint64(len(t.slots) - 1)
	i := fingerprint & mask
	for t.slots[i].first != 0 && t.slots[i].fingerprint != fingerprint {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

func (t *relations) grow() {
	old := t.slots
	t.slots = make([]relationSlot, max(16, 2*len(old)))
	for _, s := range old {
		if s.first != 0 {
			*t.slot(s.fingerprint) = s
		}
	}
}

// find returns the events that were given an id.
func (t *relations) find(fingerprint uint64) (p postings) {
	if len(t.slots) == 0 {
		return p
	}
	s := t.slot(fingerprint)
	if s.first == 0 {
		return p
	}
	p = postings{first: s.first - 1, used: true}
	if s.rest != 0 {
		p.rest = t.rest[s.rest-1]
	}
	return p
}
