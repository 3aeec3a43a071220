package chain

import (
	"encoding/binary"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Part of the disk format; do not change.
const linkDomain = "batpak event 1\x00"

// Digest is the BLAKE3 digest of a stored payload.
func Digest(payload []byte) [32]byte { return blake3.Sum256(payload) }

// Linker computes the hashes of events. It keeps a buffer and is not safe for
// concurrent use; the zero Linker is ready.
type Linker struct{ buf []byte }

// Link returns the hash of the event with this head and encoded tail, which
// follows the event with hash prev in its stream; prev is zero for a stream's
// first event. The head's own hash and its sequence are not covered:
//
//	BLAKE3( "batpak event 1" 0x00, previous hash 32, payload digest 32, kind 2,
//	        flags 2, version 8, id 16, tail without payload )
//
// Numbers are little endian. All parts but the last have a fixed length, and
// the last one delimits its fields itself, so no two events have the same
// input. The sequence is the place in the log, and not of the stream: the header of
// its group, its record's checksum and the digest of its segment hold it.
func (l *Linker) Link(prev [32]byte, h *format.Head, kind uint16, flags format.Flags, linked []byte, payload [32]byte) [32]byte {
	b := append(l.buf[:0], linkDomain...)
	if planted.Bug("hash does not cover the one before") {
		prev = [32]byte{}
	}
	b = append(b, prev[:]...)
	b = append(b, payload[:]...)
	b = binary.LittleEndian.AppendUint16(b, kind)
	b = binary.LittleEndian.AppendUint16(b, uint16(flags))
	b = binary.LittleEndian.AppendUint64(b, h.Version)
	b = append(b, h.ID[:]...)
	b = append(b, linked...)
	l.buf = b
	return blake3.Sum256(b)
}

// Verify reports whether r carries the hash of an event that follows prev. Of an
// event that was dropped nothing is left to tell it by but the event behind it in
// its stream, whose hash covers that of this one: of itself Verify reports true.
func (l *Linker) Verify(prev [32]byte, r *format.Record) bool {
	payload, ok := PayloadDigest(r)
	return !ok || l.Link(prev, &r.Head, r.Kind, r.Flags(), r.Linked, payload) == r.Hash
}

// PayloadDigest is the digest of the payload that r has, or had before it became a
// tombstone. It is not known of an event that was dropped.
func PayloadDigest(r *format.Record) (d [32]byte, ok bool) {
	switch {
	case r.Dropped():
		return d, false
	case r.Tombstone:
		return [32]byte(r.Payload), true
	}
	return Digest(r.Payload), true
}

// shortSegment is how many bytes of a segment are kept until a hasher is made of them: that
// takes 10 KiB, which a small store would pay for with each opening.
const shortSegment = 4 << 10

// Segment digests the bytes of a segment as they are written. The zero value is the
// digest of no bytes yet.
type Segment struct {
	short []byte         // all that was written, as long as there is no hasher
	h     *blake3.Hasher // nil = not much was written yet
}

// NewSegment returns the digest of no bytes yet.
func NewSegment() *Segment { return new(Segment) }

// Write adds bytes of the segment. It never fails.
func (s *Segment) Write(p []byte) (int, error) {
	switch {
	case s.h != nil:
		return s.h.Write(p)
	case len(s.short)+len(p) <= shortSegment:
		if need := len(s.short) + len(p); need > cap(s.short) {
			s.short = slices.Grow(s.short, min(shortSegment, max(need, 4*cap(s.short)))-len(s.short))
		}
		s.short = append(s.short, p...)
		return len(p), nil
	}
	s.h = blake3.New()
	_, _ = s.h.Write(s.short) // never fails
	s.short = nil
	return s.h.Write(p)
}

// Reset makes s the digest of no bytes again.
func (s *Segment) Reset() {
	s.short = s.short[:0]
	if s.h != nil {
		s.h.Reset()
	}
}

// Sum is the digest of all bytes so far. Writing may go on.
func (s *Segment) Sum() (d [32]byte) {
	if s.h == nil {
		return blake3.Sum256(s.short)
	}
	s.h.Sum(d[:0])
	return d
}
