package sidx

import (
	"encoding/binary"
	"math"
)

// magic begins a trailer. Part of the disk format; do not change.
const magic = "batSIDX\n"

const (
	fixedSize   = 144 // of a trailer, up to the table of sections
	trailerSize = fixedSize + 8*13 + 4 + crcSize

	// trailerNumber is the number of the trailer among the pages.
	trailerNumber = 1<<32 - 1
)

// Trailer is the last page of a footer: what can be known of a segment without
// reading more of it.
type Trailer struct {
	Place
	Length uint64   // of the segment, up to the footer, in bytes
	Digest [32]byte // BLAKE3 of the segment up to the footer
	First  uint64   // sequence of the first event
	Last   uint64   // sequence of the last event
	MinID  [16]byte
	MaxID  [16]byte
	Newest uint32 // incarnation that wrote the last event

	version uint16
	table   [sections]extent
}

// extent is where a section lies in the footer without the checksums of pages.
type extent struct {
	start uint32 // bytes
	count uint32 // elements
}

// Count is how many events the segment holds.
func (t *Trailer) Count() uint32 { return t.table[rows].count }

// blocks is how many blocks the filter has.
func (t *Trailer) blocks() uint32 { return blocksFor(t.table[keys].count + t.table[streams].count) }

// size is how many bytes all sections take.
func (t *Trailer) size() int64 {
	last := t.table[sections-1]
	return int64(last.start) + int64(last.count)*int64((sections-1).width())
}

// page is where a page lies in the file, and its length.
func (t *Trailer) page(number uint32) (off int64, length int) {
	before := int64(number) * payload
	return int64(t.Length) + int64(number)*pageSize, int(min(t.size()-before, payload)) + crcSize
}

// fileSize is the length of a segment with its footer.
func (t *Trailer) fileSize() int64 {
	pages := (t.size() + payload - 1) / payload
	return int64(t.Length) + t.size() + pages*crcSize + trailerSize
}

// append appends the trailer:
//
//	 0       8   10  12  16    32      40     48     80    88   96     112    128  136  144      248 252 256
//	+-------+---+---+---+-----+-------+------+------+-----+----+------+------+----+----+--------+---+---+
//	| magic |ver|len| 0 |store|segment|length|digest|first|last|min id|max id|size|new |sections| 0 |crc|
//	+-------+---+---+---+-----+-------+------+------+-----+----+------+------+----+----+--------+---+---+
//
// A section is where it begins and its number of elements, 4 bytes each.
func (t *Trailer) append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint16(dst, t.version)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(trailerSize))
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = append(dst, t.Store[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, t.Segment)
	dst = binary.LittleEndian.AppendUint64(dst, t.Length)
	dst = append(dst, t.Digest[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, t.First)
	dst = binary.LittleEndian.AppendUint64(dst, t.Last)
	dst = append(dst, t.MinID[:]...)
	dst = append(dst, t.MaxID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.size()))
	dst = binary.LittleEndian.AppendUint32(dst, t.Newest)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	for _, e := range t.table[:tabled] {
		dst = binary.LittleEndian.AppendUint32(dst, e.start)
		dst = binary.LittleEndian.AppendUint32(dst, e.count)
	}
	dst = append(dst, make([]byte, trailerSize-(len(dst)-start))...)
	t.seal(dst[start:], trailerNumber)
	return dst
}

// parse reads the trailer of the segment at this place, whose file is size bytes long.
// It believes nothing that its checksum does not cover, and nothing that would lead
// outside the file.
func (t *Trailer) parse(b []byte, at Place, size int64) error {
	wrong := func(reason string) error {
		return &DamageError{Segment: at.Segment, Page: trailerNumber, Reason: reason}
	}
	switch {
	case len(b) != trailerSize || string(b[:len(magic)]) != magic:
		return wrong("there is no trailer")
	case !at.sound(b, trailerNumber):
		return wrong("trailer with a wrong checksum, or of another place")
	case binary.LittleEndian.Uint16(b[8:])-1 >= Version || binary.LittleEndian.Uint16(b[10:]) != uint16(trailerSize):
		return wrong("trailer of another version")
	}
	*t = Trailer{
		Place: at, version: binary.LittleEndian.Uint16(b[8:]),
		Length: binary.LittleEndian.Uint64(b[40:]),
		Digest: [32]byte(b[48:80]),
		First:  binary.LittleEndian.Uint64(b[80:]),
		Last:   binary.LittleEndian.Uint64(b[88:]),
		MinID:  [16]byte(b[96:112]),
		MaxID:  [16]byte(b[112:128]),
		Newest: binary.LittleEndian.Uint32(b[136:]),
	}
	next := int64(0)
	for s := range tabled {
		e := b[fixedSize+8*int(s):]
		t.table[s] = extent{start: binary.LittleEndian.Uint32(e), count: binary.LittleEndian.Uint32(e[4:])}
		if int64(t.table[s].start) != next {
			return wrong("trailer whose sections do not follow each other")
		}
		next += int64(t.table[s].count) * int64(s.width())
	}
	t.table[filter].start = uint32(next)
	if t.version > 1 {
		t.table[filter].count = t.blocks()
		next += int64(t.table[filter].count) * blockWidth
	}
	n := t.Count()
	switch {
	case next > math.MaxUint32 || t.Length > math.MaxInt64/2 || t.fileSize() != size:
		return wrong("trailer that does not fit the size of the file")
	case n == 0 || t.First == 0 || t.Last < t.First || t.Last-t.First+1 < uint64(n) || t.Last-t.First > math.MaxUint32:
		return wrong("trailer with impossible sequences")
	case t.table[fences].count != (n+rows.perPage()-1)/rows.perPage(),
		t.table[streamPostings].count != n, t.table[scopePostings].count != n, t.table[kindPostings].count != n,
		max(t.table[streams].count, t.table[scopes].count, t.table[kinds].count) > n,
		max(t.table[keys].count, t.table[causes].count, t.table[correlations].count) > n:
		return wrong("trailer whose counts contradict each other")
	}
	return nil
}
