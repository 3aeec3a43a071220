package commit

// table finds numbers by the hashes of what they stand for, by open addressing with
// linear probing. It does not know what they stand for: who uses it compares. The
// zero table is empty.
type table struct {
	slots []slot // a power of two, at most half used
	used  int
}

type slot struct {
	hash   uint32
	number uint32 // plus one; 0 = the slot is free
}

// minSlots is how many slots a table has at least, once it has any.
const minSlots = 16

// reset empties the table. It keeps its memory, unless little of it was used.
func (t *table) reset() {
	if t.used < len(t.slots)/16 && len(t.slots) > minSlots {
		t.slots = nil
	}
	if t.used > 0 {
		clear(t.slots)
	}
	t.used = 0
}

// find returns the number that has this hash and for which same is true.
func (t *table) find(hash uint64, same func(number int) bool) (number int, ok bool) {
	if t.used == 0 {
		return 0, false
	}
	s := t.slot(uint32(hash), same)
	return int(s.number) - 1, s.number != 0
}

// put puts a number in the place of the one that find would return, or adds it.
func (t *table) put(hash uint64, number int, same func(number int) bool) {
	if 2*(t.used+1) > len(t.slots) {
		t.grow()
	}
	s := t.slot(uint32(hash), same)
	if s.number == 0 {
		t.used++
	}
	*s = slot{hash: uint32(hash), number: uint32(number) + 1}
}

// slot is the one that has the number, or would.
func (t *table) slot(hash uint32, same func(number int) bool) *slot {
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.number == 0 || s.hash == hash && same(int(s.number)-1) {
			return s
		}
	}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(minSlots, 2*len(old)))
	for _, s := range old {
		if s.number != 0 {
			*t.slot(s.hash, func(int) bool { return false }) = s
		}
	}
}
