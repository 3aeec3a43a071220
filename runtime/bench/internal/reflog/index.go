package reflog

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// place is where a record is.
type place uint64

func placeOf(segment, offset int) place { return place(segment)<<32 | place(offset) }

func (p place) segment() int { return int(p >> 32) }

func (p place) offset() int { return int(uint32(p)) }

// index has columns by the number of the event, and no pointers but to the lists
// of the entities.
type index struct {
	ids     [][16]byte
	places  []place
	table   []uint32 // open addressing: 1 + the number of the event whose id is here
	streams [][]uint32
	kinds   [event.Kinds][]uint32
	names   []string          // of the entities
	entity  map[string]uint32 // its inverse
	mapped  []byte            // the snapshot; the columns are in it until they grow
}

func (x *index) slot(id *[16]byte) uint32 {
	h := binary.LittleEndian.Uint64(id[:])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(id[8:])
	return uint32(h*0x9e3779b97f4a7c15>>32) & uint32(len(x.table)-1)
}

// find finds an event by its id.
func (x *index) find(id *[16]byte) (uint32, bool) {
	if len(x.table) == 0 {
		return 0, false
	}
	for i := x.slot(id); ; i = (i + 1) & uint32(len(x.table)-1) {
		n := x.table[i]
		if n == 0 {
			return 0, false
		}
		if x.ids[n-1] == *id {
			return n - 1, true
		}
	}
}

func (x *index) stream(entity string) []uint32 {
	if k, ok := x.entity[entity]; ok {
		return x.streams[k]
	}
	return nil
}

// allows reports whether ids are new and versions are next, as far as the events
// before these tell: within a batch they are not compared.
func (x *index) allows(events []event.Event) bool {
	for i := range events {
		e := &events[i]
		if _, ok := x.find(&e.ID); ok || e.Version <= uint64(len(x.stream(e.Entity))) {
			return false
		}
	}
	return true
}

func (x *index) add(e *event.Event, at place) {
	n := uint32(len(x.places))
	if (len(x.places)+1)*4 > len(x.table)*3 {
		x.grow()
	}
	x.ids = append(x.ids, e.ID)
	x.places = append(x.places, at)
	x.insert(n)
	k, ok := x.entity[e.Entity]
	if !ok {
		if x.entity == nil {
			x.entity = map[string]uint32{}
		}
		k = uint32(len(x.names))
		name := string([]byte(e.Entity))
		x.names, x.streams = append(x.names, name), append(x.streams, nil)
		x.entity[name] = k
	}
	x.streams[k] = append(x.streams[k], n)
	kind := e.Kind % event.Kinds
	x.kinds[kind] = append(x.kinds[kind], n)
}

func (x *index) insert(n uint32) {
	for i := x.slot(&x.ids[n]); ; i = (i + 1) & uint32(len(x.table)-1) {
		if x.table[i] == 0 {
			x.table[i] = n + 1
			return
		}
	}
}

func (x *index) grow() {
	x.table = make([]uint32, max(1024, 2*len(x.table)))
	for n := range x.ids {
		x.insert(uint32(n))
	}
}

func (x *index) release() error {
	if x.mapped == nil {
		return nil
	}
	return unix.Munmap(x.mapped)
}
