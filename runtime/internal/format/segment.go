package format

import (
	"bytes"
	"encoding/binary"
)

// Part of the disk format; do not change.
const (
	// Version is the highest that this build reads. It writes version 1, but for
	// merged segments.
	Version = 2

	plainVersion = 1 // of a segment as it was written

	// SegmentHeaderSize is the length of a segment's header in bytes.
	SegmentHeaderSize = 96

	// MaxSegment is the largest segment in bytes. Offsets fit 31 bits, so no
	// sum of two of them overflows.
	MaxSegment = 1<<31 - 1

	segmentMagic = "batpak\r\n" // the line end shows a transfer in text mode
	crcSize      = 4
)

// SegmentHeader is the first thing in a segment file. It ties the segment to
// its store, to its number and so to its name, and to all bytes of the segment
// before it.
type SegmentHeader struct {
	Store         [16]byte
	Segment       uint64   // from 1
	FirstSequence uint64   // of the first event this segment holds or will hold
	PrevLength    uint64   // bytes of the segment before; 0 for segment 1
	PrevDigest    [32]byte // BLAKE3 of the segment before; zero for segment 1
}

// AppendSegmentHeader appends h:
//
//	 0       8   10  12  16     32     40     48     56          88  92  96
//	+-------+---+---+---+------+------+------+------+-----------+---+---+
//	| magic |ver|len| 0 | store|segmnt|first |prev  |prev digest| 0 |crc|
//	|       |   |   |   |      |number|seqnce|length|           |   |   |
//	+-------+---+---+---+------+------+------+------+-----------+---+---+
//
// The magic, the version, the length and the place of the checksum in the last
// four bytes of that length stay the same in every version of the format, so
// that a newer file is told from a damaged one.
func AppendSegmentHeader(dst []byte, h SegmentHeader) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint16(dst, plainVersion)
	dst = binary.LittleEndian.AppendUint16(dst, SegmentHeaderSize)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = append(dst, h.Store[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, h.Segment)
	dst = binary.LittleEndian.AppendUint64(dst, h.FirstSequence)
	dst = binary.LittleEndian.AppendUint64(dst, h.PrevLength)
	dst = append(dst, h.PrevDigest[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	return binary.LittleEndian.AppendUint32(dst, checksum(0, dst[start:]))
}

// ParseSegmentHeader reads the header that src begins with. A sound header of a
// later version, a merged segment's among them, is a [*NewerError]; anything else
// that is not a header of version 1 is an [*Error]. As a later header may be longer,
// src holds whatever the file has of its first 65535 bytes.
func ParseSegmentHeader(src []byte) (SegmentHeader, error) {
	version, src, err := parseHead(src)
	if err != nil {
		return SegmentHeader{}, err
	}
	if version > plainVersion {
		return SegmentHeader{}, &NewerError{Found: version}
	}
	if version == 0 || len(src) != SegmentHeaderSize ||
		binary.LittleEndian.Uint32(src[12:]) != 0 || binary.LittleEndian.Uint32(src[88:]) != 0 {
		return SegmentHeader{}, damaged(8, "segment header with reserved fields set")
	}
	return parseSegment(src)
}

// parseHead checks what is the same in all versions and returns the header alone.
func parseHead(src []byte) (version uint16, head []byte, err error) {
	if len(src) < SegmentHeaderSize {
		return 0, nil, damaged(len(src), "the segment header is cut off")
	}
	if !bytes.HasPrefix(src, []byte(segmentMagic)) {
		return 0, nil, damaged(0, "not the magic of a segment")
	}
	size := int(binary.LittleEndian.Uint16(src[10:]))
	if size < SegmentHeaderSize || size > len(src) {
		return 0, nil, damaged(10, "segment header with an impossible length")
	}
	crcAt := size - crcSize
	if binary.LittleEndian.Uint32(src[crcAt:]) != checksum(0, src[:crcAt]) {
		return 0, nil, damaged(crcAt, "segment header with a wrong checksum")
	}
	return binary.LittleEndian.Uint16(src[8:]), src[:size], nil
}

// parseSegment reads the fields that both headers have.
func parseSegment(src []byte) (SegmentHeader, error) {
	h := SegmentHeader{
		Store:         [16]byte(src[16:32]),
		Segment:       binary.LittleEndian.Uint64(src[32:]),
		FirstSequence: binary.LittleEndian.Uint64(src[40:]),
		PrevLength:    binary.LittleEndian.Uint64(src[48:]),
		PrevDigest:    [32]byte(src[56:88]),
	}
	switch {
	case h.Segment == 0 || h.FirstSequence == 0:
		return SegmentHeader{}, damaged(32, "segment header with a zero number or sequence")
	case h.Segment == 1 && (h.PrevLength != 0 || h.PrevDigest != [32]byte{}):
		return SegmentHeader{}, damaged(48, "header of the first segment that names one before it")
	case h.Segment > 1 && (h.PrevLength < SegmentHeaderSize || h.PrevLength > MaxSegment):
		return SegmentHeader{}, damaged(48, "segment header with an impossible length of the segment before")
	}
	return h, nil
}
