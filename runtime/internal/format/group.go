package format

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// GroupType says what a group holds. Part of the disk format; do not change.
type GroupType uint8

// The types. 0 is never written: it is what unused space holds.
const (
	GroupEvents GroupType = 1 // records
	GroupClose  GroupType = 2 // no body: everything before it was durable when the store was closed
)

// Part of the disk format; do not change.
const (
	// GroupHeaderSize is the length of a group's header in bytes.
	GroupHeaderSize = 40

	groupMagic = 0x9DB7A7C3
)

// Place is where a group lies. It is not written: it seeds the checksum of the
// group's header, so that a group that was moved, or that belongs to another
// store or an earlier file, is not taken for the one at this place.
type Place struct {
	Store   [16]byte
	Segment uint64
	Offset  int64 // of the group's header in the segment
	// Last and Round are those of a merged segment's header, zero in any other.
	Last  uint64
	Round uint32
}

// GroupHeader precedes the records of one group, the unit of write, sync and
// atomicity.
type GroupHeader struct {
	Type          GroupType
	FirstSequence uint64 // of the first record; for a group without records, the next sequence
	Count         uint32 // records
	BodyLength    uint32 // bytes
	Durable       uint32 // bytes of this segment that were durable when the group was written
	Incarnation   uint32 // which writable opening of the store wrote it, from 1
	BodyCRC       uint32
}

// AppendGroup appends a group with header h and body to dst, setting the body's
// length and checksum:
//
//	 0     4    5       8         16    20     24      28     32     36     40
//	+-----+----+-------+---------+-----+------+-------+------+------+------+------
//	|magic|type| 0     | first   |count| body |durable|incar-| body |header| body
//	|     |    |       | sequence|     |length|       |nation| crc  | crc  |
//	+-----+----+-------+---------+-----+------+-------+------+------+------+------
func AppendGroup(dst []byte, h GroupHeader, at Place, body []byte) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, GroupHeaderSize)...)
	dst = append(dst, body...)
	FinishGroup(dst[start:], h, at)
	return dst
}

// FinishGroup writes the header of a group whose body already stands in group
// behind [GroupHeaderSize] free bytes.
func FinishGroup(group []byte, h GroupHeader, at Place) {
	body := group[GroupHeaderSize:]
	seed := at.seed((*[placeSize]byte)(group)) // before the header takes its place
	binary.LittleEndian.PutUint32(group, groupMagic)
	binary.LittleEndian.PutUint32(group[4:], uint32(h.Type))
	binary.LittleEndian.PutUint64(group[8:], h.FirstSequence)
	binary.LittleEndian.PutUint32(group[16:], h.Count)
	binary.LittleEndian.PutUint32(group[20:], uint32(len(body)))
	binary.LittleEndian.PutUint32(group[24:], h.Durable)
	binary.LittleEndian.PutUint32(group[28:], h.Incarnation)
	binary.LittleEndian.PutUint32(group[32:], checksum(0, body))
	binary.LittleEndian.PutUint32(group[36:], checksum(seed, group[:36]))
}

// ParseGroupHeader reads the header that src begins with, for the group at this
// place. A sound header of an unknown type is a [*NewerError].
func ParseGroupHeader(src []byte, at Place) (GroupHeader, error) {
	if len(src) < GroupHeaderSize {
		return GroupHeader{}, damaged(len(src), "the group header is cut off")
	}
	if binary.LittleEndian.Uint32(src) != groupMagic {
		return GroupHeader{}, damaged(0, "not the magic of a group")
	}
	if binary.LittleEndian.Uint32(src[36:]) != checksum(at.seed(new([placeSize]byte)), src[:36]) && !planted.Bug("checksum of a group header is not checked") {
		return GroupHeader{}, damaged(36, "group header with a wrong checksum, or of another place")
	}
	typ := binary.LittleEndian.Uint32(src[4:])
	if typ > uint32(GroupClose) && !planted.Bug("newer format is taken for damage") {
		return GroupHeader{}, &NewerError{Found: Version + 1}
	}
	h := GroupHeader{
		Type:          GroupType(typ),
		FirstSequence: binary.LittleEndian.Uint64(src[8:]),
		Count:         binary.LittleEndian.Uint32(src[16:]),
		BodyLength:    binary.LittleEndian.Uint32(src[20:]),
		Durable:       binary.LittleEndian.Uint32(src[24:]),
		Incarnation:   binary.LittleEndian.Uint32(src[28:]),
		BodyCRC:       binary.LittleEndian.Uint32(src[32:]),
	}
	switch {
	case h.Type == 0:
		return GroupHeader{}, damaged(4, "group header without a type")
	case h.FirstSequence == 0 || h.Incarnation == 0:
		return GroupHeader{}, damaged(8, "group header with a zero sequence or incarnation")
	case int64(h.Durable) > at.Offset:
		return GroupHeader{}, damaged(24, "group header whose durable mark lies behind itself")
	case (h.Type == GroupEvents) != (h.Count > 0) || (h.Count == 0) != (h.BodyLength == 0):
		return GroupHeader{}, damaged(16, "group header whose count does not fit its type or length")
	case h.FirstSequence > math.MaxUint64-uint64(h.Count):
		return GroupHeader{}, damaged(8, "group header whose sequences run over")
	case at.Offset+GroupHeaderSize+int64(h.BodyLength) > MaxSegment:
		return GroupHeader{}, damaged(20, "group header with a body beyond the largest segment")
	case uint64(h.Count)*minRecord > uint64(h.BodyLength):
		return GroupHeader{}, damaged(16, "group header with more records than its body can hold")
	}
	return h, nil
}

// CheckBody reports whether body is the one that the header was written with.
func (h GroupHeader) CheckBody(body []byte) error {
	if uint64(len(body)) != uint64(h.BodyLength) {
		return damaged(GroupHeaderSize+len(body), "group body of another length than its header says")
	}
	if checksum(0, body) != h.BodyCRC && !planted.Bug("checksum of a group body is not checked") {
		return damaged(GroupHeaderSize, "group body with a wrong checksum")
	}
	return nil
}

const placeSize = 32

// seed is the checksum of the place, which is written into room for that.
func (p Place) seed(room *[placeSize]byte) uint32 {
	*room = [placeSize]byte{}
	if !planted.Bug("group header does not know its store") {
		copy(room[:], p.Store[:])
	}
	binary.LittleEndian.PutUint64(room[16:], p.Segment)
	if !planted.Bug("group header does not know its place") {
		binary.LittleEndian.PutUint64(room[24:], uint64(p.Offset))
	}
	seed := checksum(0, room[:])
	if p.Round == 0 || planted.Bug("group header of a merged segment does not know its round") {
		return seed
	}
	merged := binary.LittleEndian.AppendUint64(room[:0], p.Last)
	return checksum(seed, binary.LittleEndian.AppendUint32(merged, p.Round))
}

// checksum is CRC-32C, continued from seed.
func checksum(seed uint32, b []byte) uint32 {
	return crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), b)
}
