package sidx

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Part of the disk format; do not change.
const (
	pageSize = 4096 // of every page but the last, which may be shorter
	crcSize  = 4
	payload  = pageSize - crcSize // bytes of a page but for its checksum

	// Version is the version of footers that this build writes. It reads those of
	// version 1 too, which have no filter. A footer of another version is made again.
	Version = 2
)

// section is a part of a footer, all of whose elements have one width.
type section int

// The sections, in their order on disk.
const (
	rows           section = iota // an event each, in the order of their sequences
	fences                        // every so many rows, as many as lie in a page
	names                         // the bytes of the names of streams, then of scopes
	streams                       // an entity each, sorted by name
	scopes                        // a scope each, sorted by name
	kinds                         // a kind each, sorted
	streamPostings                // rows, by stream
	scopePostings                 // rows, by scope
	kindPostings                  // rows, by kind
	keys                          // fingerprint and row of each event with a key, sorted
	causes                        // cause and row of each event with a causation, sorted
	correlations                  // correlation and row of each event that was given one, sorted
	incarnations                  // the first sequence of each opening of the store that wrote here
	filter                        // which streams and keys may be here
	sections                      // how many there are

	// tabled is how many of them the trailer tells of; the filter lies behind them.
	tabled = filter
)

const (
	rowWidth     = 32
	fenceWidth   = 12
	streamWidth  = 64
	scopeWidth   = 12
	kindWidth    = 8
	postingWidth = 4
	pairWidth    = 12
	openingWidth = 12
)

// width is the length of an element in bytes.
func (s section) width() int {
	switch s {
	case rows:
		return rowWidth
	case fences:
		return fenceWidth
	case streams:
		return streamWidth
	case streamPostings, scopePostings, kindPostings:
		return postingWidth
	case keys, causes, correlations:
		return pairWidth
	case scopes:
		return scopeWidth
	case kinds:
		return kindWidth
	case incarnations:
		return openingWidth
	case filter:
		return blockWidth
	}
	return 1
}

// perPage is about how many elements lie in a page.
func (s section) perPage() uint32 { return uint32(payload / s.width()) }

// Place is where an index belongs.
type Place struct {
	Store   [16]byte
	Segment uint64
	Round   uint32 // of a merged segment; 0 = it is as it was written
	// Prefix is where the events end that the index is of, in bytes from the start of
	// the segment, if that may go on behind them; 0 in a footer, which is of all.
	Prefix uint64
}

// seed seeds the checksum of a page.
func (p Place) seed(page uint32) uint32 {
	var b [28]byte
	copy(b[:], p.Store[:])
	binary.LittleEndian.PutUint64(b[16:], p.Segment)
	binary.LittleEndian.PutUint32(b[24:], page)
	place := b[:]
	if p.Round > 0 {
		place = binary.LittleEndian.AppendUint32(place, p.Round)
	}
	if p.Prefix > 0 {
		place = binary.LittleEndian.AppendUint64(place, p.Prefix)
	}
	return checksum(0, place)
}

// checksum is CRC-32C, continued from seed.
func checksum(seed uint32, b []byte) uint32 {
	return crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), b)
}

// seal completes a page, whose last bytes are room for its checksum.
func (p Place) seal(page []byte, number uint32) {
	end := len(page) - crcSize
	binary.LittleEndian.PutUint32(page[end:], checksum(p.seed(number), page[:end]))
}

// sound reports whether a page is as it was written.
func (p Place) sound(page []byte, number uint32) bool {
	end := len(page) - crcSize
	return binary.LittleEndian.Uint32(page[end:]) == checksum(p.seed(number), page[:end]) || planted.Bug("checksum of an index page is not checked")
}

// DamageError says that a footer, or a page of one, is not what was written. The
// segment itself may be sound.
type DamageError struct {
	Segment uint64
	Page    uint32 // from the start of the footer; trailerNumber for its end
	Reason  string
}

func (e *DamageError) Error() string {
	if e.Page == trailerNumber {
		return fmt.Sprintf("end of the index of segment %d: %s", e.Segment, e.Reason)
	}
	return fmt.Sprintf("index of segment %d, page %d: %s", e.Segment, e.Page, e.Reason)
}
