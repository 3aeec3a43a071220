package event

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

const (
	// Kinds is how many kinds there are, drawn at random.
	Kinds = 8
	// Scopes is how many scopes there are; entity k is filed under scope k modulo
	// Scopes.
	Scopes = 16
	// PrefixEntities is how many entities share one of the prefixes that
	// [Source.Prefix] returns.
	PrefixEntities = 10

	bodies  = 2048 // distinct payloads but for their numbers; more than a block of any store holds
	stampAt = 6    // where a payload has the number of its event
	stamped = 16   // digits
)

// Source makes the events of a lane. Events of different lanes have nothing in
// common, so that each of several goroutines can append the events of its own
// lane in order. It is safe for concurrent use.
type Source struct {
	lane   int
	names  []string
	scopes [Scopes]string
	bodies [][]byte
}

// NewSource makes a source of events with so many entities and bytes of payload,
// at least 22.
func NewSource(entities, payload int) *Source {
	s := &Source{}
	for i := range s.scopes {
		s.scopes[i] = fmt.Sprintf("region-%02d", i)
	}
	for i := range bodies {
		s.bodies = append(s.bodies, body(uint64(i), payload))
	}
	return s.Lane(0, entities)
}

// Lane is the source of another lane, 0 to 4095, with so many entities.
func (s *Source) Lane(lane, entities int) *Source {
	l := &Source{lane: lane, scopes: s.scopes, bodies: s.bodies, names: make([]string, entities)}
	for i := range l.names {
		l.names[i] = fmt.Sprintf("order:%03x-%06d", lane, i)
	}
	return l
}

// body makes a payload of exactly size bytes with room for a number.
func body(i uint64, size int) []byte {
	b := append([]byte(`{"n":"`), "0000000000000000\""...)
	x := i*0x9e3779b97f4a7c15 + 1
	for field := 0; len(b) < size; field++ {
		x = mix(x)
		b = fmt.Appendf(b, `,"field%d":"%016x"`, field, x)
	}
	return b[:size]
}

// Entities is how many entities there are.
func (s *Source) Entities() int { return len(s.names) }

// Entity is the name of entity k.
func (s *Source) Entity(k int) string { return s.names[k] }

// Scope is the name of scope k.
func (s *Source) Scope(k int) string { return s.scopes[k] }

// Prefix is what the names of PrefixEntities entities begin with, k among them,
// if there are as many.
func (s *Source) Prefix(k int) string { return s.names[k][:len(s.names[k])-1] }

// EntityOf is the number of the entity that event i belongs to.
func (s *Source) EntityOf(i uint64) int {
	n := uint64(len(s.names))
	return int(i % n * 7919 % n) // a prime that divides no number of entities in use
}

// VersionOf is the version that event i has in its stream.
func (s *Source) VersionOf(i uint64) uint64 { return i/uint64(len(s.names)) + 1 }

// KindOf is the kind of event i.
func KindOf(i uint64) uint16 { return 0x1000 | uint16(mix(^i)%Kinds) }

// ID is the id of event i: ten digits that rise every 16 events, as those of an id
// that begins with a time do, three of the lane, two at random, and the last.
func (s *Source) ID(i uint64) (id [16]byte) {
	digits(id[:10], i/16)
	digits(id[10:13], uint64(s.lane))
	digits(id[13:15], mix(i))
	digits(id[15:], i)
	return id
}

// Event fills e with event i. The payload is built in buf, which is returned,
// grown as needed.
func (s *Source) Event(i uint64, e *Event, buf []byte) []byte {
	k := s.EntityOf(i)
	e.ID, e.Kind, e.Version = s.ID(i), KindOf(i), s.VersionOf(i)
	e.Entity, e.Scope = s.names[k], s.scopes[k%Scopes]
	buf = append(buf[:0], s.bodies[i%bodies]...)
	digits(buf[stampAt:stampAt+stamped], i)
	e.Payload = buf
	return buf
}

// NumberOf reads the number of its event out of a payload.
func NumberOf(payload []byte) (uint64, error) {
	if len(payload) < stampAt+stamped {
		return 0, ErrShort
	}
	return strconv.ParseUint(string(payload[stampAt:stampAt+stamped]), 16, 64)
}

// Batch is a set of events whose memory is used again.
type Batch struct {
	events   []Event
	payloads [][]byte
}

// NewBatch makes a batch of n events.
func NewBatch(n int) *Batch { return &Batch{make([]Event, n), make([][]byte, n)} }

// Fill makes the events of the batch first, first+1, and so on, of s. They are
// good until the next call.
func (b *Batch) Fill(s *Source, first uint64) []Event {
	for k := range b.events {
		b.payloads[k] = s.Event(first+uint64(k), &b.events[k], b.payloads[k])
	}
	return b.events
}

// digits writes the last hexadecimal digits of x.
func digits(dst []byte, x uint64) {
	for k := len(dst) - 1; k >= 0; k-- {
		dst[k] = "0123456789abcdef"[x&15]
		x >>= 4
	}
}

// mix is the last step of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// The keys of the stores that are ordered maps. Each event is stored once, under
// its position; the other keys lead to that.

// AppendSeqKey appends the key of position seq.
func AppendSeqKey(dst []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 'e'), seq)
}

// AppendIDKey appends the key of an id.
func AppendIDKey(dst []byte, id [16]byte) []byte { return append(append(dst, 'i'), id[:]...) }

// AppendStreamKey appends the key of a version of an entity.
func AppendStreamKey(dst []byte, entity string, version uint64) []byte {
	dst = append(append(append(dst, 's'), entity...), 0)
	return binary.BigEndian.AppendUint64(dst, version)
}

// AppendKindKey appends the key of a position among those of a kind.
func AppendKindKey(dst []byte, kind uint16, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(append(dst, 'k'), kind), seq)
}
