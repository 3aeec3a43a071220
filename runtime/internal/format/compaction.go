package format

import (
	"bytes"
	"encoding/binary"
)

// Part of the disk format; do not change.
const (
	compactionMagic   = "batmerge"
	compactionVersion = 1
	compactionFixed   = 96 // bytes before the sources
	partSize          = 60
)

// Compaction says what a compaction that is under way is made of.
type Compaction struct {
	Store   [16]byte
	Output  Part
	Sources []Part // in order, without a gap, together as far as the output
}

// Part is a segment, plain or merged, that takes part in a compaction.
type Part struct {
	First, Last uint64 // segments for which it stands
	Round       uint32 // 0 = as it was written
	Length      uint64 // bytes up to the end of its groups
	Digest      [32]byte
}

// AppendCompaction appends c:
//
//	 0       8   10  12    16    32    40   48    52  56     64     96
//	+-------+---+---+-----+-----+-----+----+-----+---+------+------+---------+---+
//	| magic |ver| 0 |count|store|first|last|round| 0 |length|digest| sources |crc|
//	+-------+---+---+-----+-----+-----+----+-----+---+------+------+---------+---+
//
// and each source:
//
//	 0     8    16    20     28     60
//	+-----+----+-----+------+------+
//	|first|last|round|length|digest|
//	+-----+----+-----+------+------+
func AppendCompaction(dst []byte, c *Compaction) []byte {
	start := len(dst)
	dst = append(dst, compactionMagic...)
	dst = binary.LittleEndian.AppendUint16(dst, compactionVersion)
	dst = binary.LittleEndian.AppendUint16(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.Sources)))
	dst = append(dst, c.Store[:]...)
	o := &c.Output
	dst = binary.LittleEndian.AppendUint64(dst, o.First)
	dst = binary.LittleEndian.AppendUint64(dst, o.Last)
	dst = binary.LittleEndian.AppendUint32(dst, o.Round)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, o.Length)
	dst = append(dst, o.Digest[:]...)
	for _, s := range c.Sources {
		dst = binary.LittleEndian.AppendUint64(dst, s.First)
		dst = binary.LittleEndian.AppendUint64(dst, s.Last)
		dst = binary.LittleEndian.AppendUint32(dst, s.Round)
		dst = binary.LittleEndian.AppendUint64(dst, s.Length)
		dst = append(dst, s.Digest[:]...)
	}
	return binary.LittleEndian.AppendUint32(dst, checksum(0, dst[start:]))
}

// ParseCompaction reads what [AppendCompaction] wrote, which is all of src. A sound
// one of a later version is a [*NewerError]; anything else is an [*Error].
func ParseCompaction(src []byte) (*Compaction, error) {
	if len(src) < compactionFixed+partSize+crcSize || !bytes.HasPrefix(src, []byte(compactionMagic)) {
		return nil, damaged(0, "not what says that a compaction is under way")
	}
	crcAt := len(src) - crcSize
	if binary.LittleEndian.Uint32(src[crcAt:]) != checksum(0, src[:crcAt]) {
		return nil, damaged(crcAt, "what says that a compaction is under way has a wrong checksum")
	}
	switch version := binary.LittleEndian.Uint16(src[8:]); {
	case version > compactionVersion:
		return nil, &NewerError{Found: version}
	case version == 0 || binary.LittleEndian.Uint16(src[10:]) != 0 || binary.LittleEndian.Uint32(src[52:]) != 0:
		return nil, damaged(8, "compaction with reserved fields set")
	}
	parts := src[compactionFixed:crcAt]
	if count := binary.LittleEndian.Uint32(src[12:]); uint64(count)*partSize != uint64(len(parts)) {
		return nil, damaged(12, "compaction with an impossible number of sources")
	}
	c := &Compaction{Store: [16]byte(src[16:32]), Output: Part{
		First:  binary.LittleEndian.Uint64(src[32:]),
		Last:   binary.LittleEndian.Uint64(src[40:]),
		Round:  binary.LittleEndian.Uint32(src[48:]),
		Length: binary.LittleEndian.Uint64(src[56:]),
		Digest: [32]byte(src[64:96]),
	}}
	if c.Output.First == 0 {
		return nil, damaged(32, "compaction from a segment with a zero number on")
	}
	next := c.Output.First
	for ; len(parts) > 0; parts = parts[partSize:] {
		s := Part{
			First:  binary.LittleEndian.Uint64(parts),
			Last:   binary.LittleEndian.Uint64(parts[8:]),
			Round:  binary.LittleEndian.Uint32(parts[16:]),
			Length: binary.LittleEndian.Uint64(parts[20:]),
			Digest: [32]byte(parts[28:60]),
		}
		if s.First != next || s.Last < s.First || s.Last > c.Output.Last || s.Round >= c.Output.Round || s.Round == 0 && s.First != s.Last {
			return nil, damaged(crcAt-len(parts), "compaction of segments that do not lie side by side, or not before it")
		}
		c.Sources, next = append(c.Sources, s), s.Last+1
	}
	if c.Sources[len(c.Sources)-1].Last != c.Output.Last {
		return nil, damaged(40, "compaction of less than it stands for")
	}
	return c, nil
}
