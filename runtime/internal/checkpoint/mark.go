package checkpoint

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Part of the disk format; do not change.
const (
	magic    = "batCKPT\n"
	version  = 1
	markSize = 104

	trailerSize = 256 // of the run before the mark
	endSize     = trailerSize + markSize
)

// Names are what checkpoints are called.
func Names() [2]string { return [2]string{"checkpoint-a", "checkpoint-b"} }

// IsName reports whether a file of this name is a checkpoint.
func IsName(name string) bool { return name == Names()[0] || name == Names()[1] }

// Other is the name whose turn it is after this one.
func Other(name string) string {
	if name == Names()[0] {
		return Names()[1]
	}
	return Names()[0]
}

// Mark says what a checkpoint covers: the segment up to the end of a group of events.
type Mark struct {
	Store   [16]byte
	Segment uint64
	Group   int64    // where the last group begins, in bytes from the start of the segment
	End     int64    // of that group
	Last    uint64   // event
	Seam    [32]byte // BLAKE3 of the segment's header and that group
}

// append appends the mark to the trailer of the run, which its checksum covers as well:
//
//	 0       8   10  12  16    32      40    48  56   64     96  100 104
//	+-------+---+---+---+-----+-------+-----+---+----+------+---+---+
//	| magic |ver|len| 0 |store|segment|group|end|last| seam | 0 |crc|
//	+-------+---+---+---+-----+-------+-----+---+----+------+---+---+
func (m *Mark) append(trailer []byte) []byte {
	b := append(trailer, magic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, markSize)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = append(b, m.Store[:]...)
	b = binary.LittleEndian.AppendUint64(b, m.Segment)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Group))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.End))
	b = binary.LittleEndian.AppendUint64(b, m.Last)
	b = append(b, m.Seam[:]...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

// Parse reads the mark at the end of a checkpoint's bytes, of which the last few
// hundred will do. Of one that is not sound, or of another version, it says why.
func Parse(b []byte) (m Mark, why string) {
	if len(b) < endSize {
		return m, "it is too short"
	}
	b = b[len(b)-endSize:]
	sum := binary.LittleEndian.Uint32(b[endSize-4:])
	sound := sum == checksum(b[:endSize-4]) || planted.Bug("checksum of a checkpoint is not checked")
	b = b[trailerSize:]
	switch {
	case string(b[:len(magic)]) != magic || !sound:
		return m, "its end is damaged"
	case binary.LittleEndian.Uint16(b[8:]) != version || binary.LittleEndian.Uint16(b[10:]) != markSize:
		return m, "it is of another version"
	}
	m = Mark{
		Store: [16]byte(b[16:32]), Segment: binary.LittleEndian.Uint64(b[32:]),
		Group: int64(binary.LittleEndian.Uint64(b[40:])), End: int64(binary.LittleEndian.Uint64(b[48:])),
		Last: binary.LittleEndian.Uint64(b[56:]), Seam: [32]byte(b[64:96]),
	}
	if m.Segment == 0 || m.Last == 0 || m.Group < format.SegmentHeaderSize || m.End <= m.Group || m.End > format.MaxSegment {
		return Mark{}, "its mark is impossible"
	}
	return m, ""
}

func (m *Mark) String() string {
	return fmt.Sprintf("segment %d up to %d, event %d", m.Segment, m.End, m.Last)
}

// checksum is CRC-32C.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// newer orders marks by how much they cover, the most first.
func newer(a, b *Checkpoint) int {
	switch {
	case a.Segment != b.Segment && a.Segment > b.Segment, a.Segment == b.Segment && a.End > b.End:
		return -1
	case a.Segment == b.Segment && a.End == b.End:
		return strings.Compare(a.Name, b.Name)
	}
	return 1
}
