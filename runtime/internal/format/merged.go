package format

import (
	"encoding/binary"
)

// Part of the disk format; do not change.
const (
	// MergedHeaderSize is the length of a merged segment's header in bytes.
	MergedHeaderSize = 192

	mergedVersion = 2
)

// MergedHeader is the first thing in a file that a compaction made of several
// segments, or of one. It stands for them all: the segments around it find in it
// what they say of the first and of the last, and no later header says what its own
// bytes are, so it says that itself.
type MergedHeader struct {
	SegmentHeader          // of the first of them
	Last          uint64   // number of the last of them
	Round         uint32   // one more than the highest of what it was made of; from 1
	NextSequence  uint64   // after the last event
	LastLength    uint64   // what the segment behind says of the last of them
	LastDigest    [32]byte // the same
	Length        uint64   // of this file up to the end of its groups
	Digest        [32]byte // BLAKE3 of the bytes from the header's end to there
	Incarnation   uint32   // the highest that wrote a group of them; 0 = there was none
}

// AppendMergedHeader appends h:
//
//	 0       8   10  12    16    32    40     48     56          88    96
//	+-------+---+---+-----+-----+-----+------+------+-----------+-----+
//	| magic |ver|len|round|store|first|first |prev  |prev digest|last |
//	|       | 2 |   |     |     |     |seqnce|length|           |     |
//	+-------+---+---+-----+-----+-----+------+------+-----------+-----+
//	 96     104    112         144    152         184    188 192
//	+------+------+-----------+------+-----------+------+---+
//	|next  |last  |last digest|length|   digest  |incar-|crc|
//	|seqnce|length|           |      |           |nation|   |
//	+------+------+-----------+------+-----------+------+---+
func AppendMergedHeader(dst []byte, h MergedHeader) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint16(dst, mergedVersion)
	dst = binary.LittleEndian.AppendUint16(dst, MergedHeaderSize)
	dst = binary.LittleEndian.AppendUint32(dst, h.Round)
	dst = append(dst, h.Store[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, h.Segment)
	dst = binary.LittleEndian.AppendUint64(dst, h.FirstSequence)
	dst = binary.LittleEndian.AppendUint64(dst, h.PrevLength)
	dst = append(dst, h.PrevDigest[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, h.Last)
	dst = binary.LittleEndian.AppendUint64(dst, h.NextSequence)
	dst = binary.LittleEndian.AppendUint64(dst, h.LastLength)
	dst = append(dst, h.LastDigest[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, h.Length)
	dst = append(dst, h.Digest[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, h.Incarnation)
	return binary.LittleEndian.AppendUint32(dst, checksum(0, dst[start:]))
}

// ParseMergedHeader reads the header that src begins with. Errors are those of
// [ParseSegmentHeader], whose own kind of header is an [*Error] here.
func ParseMergedHeader(src []byte) (MergedHeader, error) {
	version, src, err := parseHead(src)
	if err != nil {
		return MergedHeader{}, err
	}
	if version > mergedVersion {
		return MergedHeader{}, &NewerError{Found: version}
	}
	if version != mergedVersion || len(src) != MergedHeaderSize {
		return MergedHeader{}, damaged(8, "not the header of a merged segment")
	}
	h := MergedHeader{
		Round:        binary.LittleEndian.Uint32(src[12:]),
		Last:         binary.LittleEndian.Uint64(src[88:]),
		NextSequence: binary.LittleEndian.Uint64(src[96:]),
		LastLength:   binary.LittleEndian.Uint64(src[104:]),
		LastDigest:   [32]byte(src[112:144]),
		Length:       binary.LittleEndian.Uint64(src[144:]),
		Digest:       [32]byte(src[152:184]),
		Incarnation:  binary.LittleEndian.Uint32(src[184:]),
	}
	if h.SegmentHeader, err = parseSegment(src); err != nil {
		return MergedHeader{}, err
	}
	events := h.NextSequence - h.FirstSequence
	switch {
	case h.Round == 0:
		return MergedHeader{}, damaged(12, "header of a merged segment without a round")
	case h.Last < h.Segment:
		return MergedHeader{}, damaged(88, "header of a merged segment that ends before it begins")
	case h.NextSequence < h.FirstSequence:
		return MergedHeader{}, damaged(96, "header of a merged segment with less than no events")
	case h.LastLength < SegmentHeaderSize || h.LastLength > MaxSegment:
		return MergedHeader{}, damaged(104, "header of a merged segment with an impossible length of the last one")
	case h.Length < MergedHeaderSize || h.Length > MaxSegment:
		return MergedHeader{}, damaged(144, "header of a merged segment with an impossible length")
	case (h.Length-MergedHeaderSize)/minRecord < events || (h.Length > MergedHeaderSize) != (events > 0):
		return MergedHeader{}, damaged(144, "header of a merged segment whose length does not fit its events")
	case events > 0 && h.Incarnation == 0:
		return MergedHeader{}, damaged(184, "header of a merged segment with events of no incarnation")
	}
	return h, nil
}
