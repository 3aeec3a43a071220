package event

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// Event is one event of the suite.
type Event struct {
	// Seq is the position that the store gave; it is set by what reads.
	Seq uint64
	// ID is unique and rises with the events' numbers. It is text, for stores
	// that take no other keys.
	ID      [16]byte
	Entity  string
	Version uint64 // within the entity; the first is 1
	Scope   string
	Kind    uint16
	Payload []byte
}

// ErrShort says that bytes are no record.
var ErrShort = errors.New("record is too short")

// AppendRecord appends the record of e:
//
//	| id 16 | version 8 | kind 2 | entity length 1 | scope length 1 | entity | scope | payload |
func AppendRecord(dst []byte, e *Event) []byte {
	dst = append(dst, e.ID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, e.Version)
	dst = binary.LittleEndian.AppendUint16(dst, e.Kind)
	dst = append(dst, byte(len(e.Entity)), byte(len(e.Scope)))
	dst = append(dst, e.Entity...)
	dst = append(dst, e.Scope...)
	return append(dst, e.Payload...)
}

// ParseRecord is the inverse of [AppendRecord]. What it puts into e shares memory
// with src; the sequence is left as it was.
func ParseRecord(src []byte, e *Event) error {
	if len(src) < 28 {
		return ErrShort
	}
	copy(e.ID[:], src)
	e.Version = binary.LittleEndian.Uint64(src[16:])
	e.Kind = binary.LittleEndian.Uint16(src[24:])
	names, scope := 28+int(src[26]), int(src[27])
	if len(src) < names+scope {
		return ErrShort
	}
	e.Entity = View(src[28:names])
	e.Scope = View(src[names : names+scope])
	e.Payload = src[names+scope:]
	return nil
}

// View is b as a string, without a copy: it changes when b does.
func View(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
