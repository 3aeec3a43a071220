package batpak

import "hash/maphash"

// maxNames is how many names a reading remembers: so many that of some thousand few meet
// in one place.
const maxNames = 1 << 13

// names are those that a reading met last: an event takes no memory for a name that
// was met. It is used by one goroutine at a time; the nil names remember nothing.
type names struct {
	seed maphash.Seed
	met  []string // each at its hash
	lost int      // how often one took the place of another since there is room for so many
}

func newNames() *names { return &names{seed: maphash.MakeSeed(), met: make([]string, 8)} }

// of is b as a string.
func (n *names) of(b []byte) string {
	if n == nil {
		return string(b)
	}
	at := &n.met[maphash.Bytes(n.seed, b)%uint64(len(n.met))]
	if *at == string(b) {
		return *at
	}
	s := string(b)
	if *at != "" {
		n.lost++
	}
	if *at = s; n.lost > len(n.met) && len(n.met) < maxNames {
		n.seed, n.met, n.lost = maphash.MakeSeed(), make([]string, 4*len(n.met)), 0
	}
	return s
}
