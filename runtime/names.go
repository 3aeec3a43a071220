package batpak

import (
	"hash/maphash"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/format"
)

// maxNames is how many names a reading remembers: of some thousand, few meet in one place.
const maxNames = 1 << 13

// names are those that a reading met last: an event takes no memory for a name that
// was met. It is used by one goroutine at a time; the nil names remember nothing.
type names struct {
	last [2]string // the two that were asked for last, the last one first
	seed maphash.Seed
	met  []string        // each at its hash; nil = there is none yet
	few  [8]string       // where they are at first
	lost int             // how often one took the place of another since there is room for so many
	keys strings.Builder // holds keys, one behind the other
}

// name gives m the names of a record, and its key. The nil names take memory for all of
// them at once.
func (n *names) name(m *Meta, r *format.Record) {
	if n != nil {
		m.Entity, m.Scope, m.Key = n.of(r.Entity), n.of(r.Scope), n.key(r.Key)
		return
	}
	var all strings.Builder
	all.Grow(len(r.Entity) + len(r.Scope) + len(r.Key))
	all.Write(r.Entity)
	all.Write(r.Scope)
	all.Write(r.Key)
	s := all.String()
	m.Entity, s = s[:len(r.Entity)], s[len(r.Entity):]
	m.Scope, m.Key = s[:len(r.Scope)], s[len(r.Scope):]
}

// of is b as a string.
func (n *names) of(b []byte) string {
	s := n.last[1] // an event has two names, and one of them, or both, is often that of the event before
	if s != string(b) {
		s = n.find(b)
	}
	n.last[0], n.last[1] = s, n.last[0]
	return s
}

// find is b as a string that was met, if it was.
func (n *names) find(b []byte) string {
	if n.met == nil {
		n.seed, n.met = maphash.MakeSeed(), n.few[:]
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

// maxKeys is how much memory keys share: whoever keeps one keeps all.
const maxKeys = 1 << 10

// key is b as a string, which may share memory with others.
func (n *names) key(b []byte) string {
	if len(b) == 0 || len(b) >= maxKeys/4 {
		return string(b)
	}
	if len(b) > n.keys.Cap()-n.keys.Len() {
		room := min(max(2*n.keys.Cap(), len(b)), maxKeys)
		n.keys = strings.Builder{}
		n.keys.Grow(room)
	}
	n.keys.Write(b) // never moves what is there: there is room
	return n.keys.String()[n.keys.Len()-len(b):]
}
