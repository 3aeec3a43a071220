package keys

import (
	"math/bits"
	"runtime"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Table maps fingerprints to ordinals, by open addressing with linear probing. A slot holds
// the ordinal plus one, 0 being free. Its place are the upper bits of the fingerprint: so a
// table that has grown is in the order of the one before, and is made by going over the
// memory of both once.
//
// The last to come are not in the table yet. Each has its place in memory that is far away,
// and those of many are fetched together in little more than the time of one.
//
// The zero Table is empty. It is not safe for concurrent use with Add and Expect.
type Table struct {
	slots   []slot // a power of two, at most 3/4 used
	used    int
	most    int
	shift   uint8 // of a fingerprint, which leaves its place
	waiting [64]slot
	wait    int // how many
}

type slot struct{ fingerprint, link uint32 }

// Expect says how many there may be at last. The table then grows faster, but for no more
// than fifteen times those that have come.
func (t *Table) Expect(most int) { t.most = most }

// Add adds an ordinal, at most 1<<32 - 2, under a fingerprint, which others may have as well.
func (t *Table) Add(fingerprint, ordinal uint32) {
	t.waiting[t.wait] = slot{fingerprint: fingerprint, link: ordinal + 1}
	if t.wait++; t.wait == len(t.waiting) {
		t.enter()
	}
}

// Find calls found for each ordinal that was added under the fingerprint.
func (t *Table) Find(fingerprint uint32, found func(ordinal uint32)) {
	if len(t.slots) > 0 {
		mask := uint32(len(t.slots) - 1)
		for i := fingerprint >> t.shift; t.slots[i].link != 0; i = (i + 1) & mask {
			if t.slots[i].fingerprint == fingerprint {
				found(t.slots[i].link - 1)
			}
		}
	}
	for _, s := range t.waiting[:t.wait] {
		if s.fingerprint == fingerprint {
			found(s.link - 1)
		}
	}
}

// First is the first of some fingerprints under which there is an ordinal, or -1. It fetches
// the places of all of them together.
func (t *Table) First(fingerprints []uint32) int {
	if len(t.slots) > 0 {
		near := uint32(0)
		for _, f := range fingerprints {
			near |= t.slots[f>>t.shift].link
		}
		runtime.KeepAlive(near)
	}
	return slices.IndexFunc(fingerprints, func(f uint32) (found bool) {
		t.Find(f, func(uint32) { found = true })
		return found
	})
}

// enter enters those that wait.
func (t *Table) enter() {
	for (t.used+t.wait)*4 >= len(t.slots)*3 {
		t.grow()
	}
	var taken [len(t.waiting)]uint32
	for i, s := range t.waiting[:t.wait] {
		taken[i] = min(t.slots[s.fingerprint>>t.shift].link, 1) // without a branch, which would wait for each
	}
	for i, s := range t.waiting[:t.wait] {
		t.put(s, taken[i])
	}
	t.used += t.wait
	t.wait = 0
}

// put puts a slot to where it belongs, or so far behind, or behind that.
func (t *Table) put(s slot, behind uint32) {
	mask := uint32(len(t.slots) - 1)
	i := (s.fingerprint>>t.shift + behind) & mask
	for t.slots[i].link != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

func (t *Table) grow() {
	sometimes.Reached("table of keys grew")
	old := t.slots
	size := max(16, 2*len(old))
	for size < 16*len(old) && size/4 <= t.most/3 {
		size *= 2
	}
	t.slots = make([]slot, size)
	t.shift = uint8(32 - bits.TrailingZeros(uint(size)))
	for _, s := range old {
		if s.link != 0 {
			t.put(s, 0)
		}
	}
}
