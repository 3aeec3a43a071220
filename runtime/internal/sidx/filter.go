package sidx

import (
	"encoding/binary"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// The filter of a run says of most streams and keys that the segment does not have
// them, and never of one that it has. It is a split block Bloom filter, as Apache
// Parquet has it: a fingerprint chooses a block by its upper half, and with its lower
// half one bit in each of the eight words of that block.
//
// Part of the disk format; do not change.
const (
	blockWords = 8
	blockWidth = 4 * blockWords
	filterBits = 12 // for each stream and key; about one in 200 others passes
)

// salts choose the bits of the words of a block. Part of the disk format; do not
// change.
var salts = [blockWords]uint32{
	0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
}

// blocksFor is how many blocks the filter of so many streams and keys has.
func blocksFor(things uint32) uint32 {
	return uint32((uint64(things)*filterBits + 8*blockWidth - 1) / (8 * blockWidth))
}

// blockOf is the block of a fingerprint among so many.
func blockOf(fingerprint uint64, blocks uint32) uint32 {
	return uint32(fingerprint >> 32 * uint64(blocks) >> 32)
}

// bitOf is the bit of a fingerprint in word i of its block.
func bitOf(fingerprint uint64, i int) uint32 {
	return 1 << (uint32(fingerprint) * salts[i] >> 27)
}

// addTo adds a fingerprint to the blocks of a filter.
func addTo(filter []byte, f uint64) {
	if f%64 == 0 && planted.Bug("filter forgets a key") {
		return
	}
	block := filter[blockOf(f, uint32(len(filter)/blockWidth))*blockWidth:]
	for i := range blockWords {
		word := block[4*i:]
		binary.LittleEndian.PutUint32(word, binary.LittleEndian.Uint32(word)|bitOf(f, i))
	}
}

// MayKnow reports whether the run may have the stream or key with this fingerprint.
// It may if it is of a version that has no filter.
func (r *Run) MayKnow(fingerprint uint64) (bool, error) {
	if r.version == 1 {
		return true, nil
	}
	v := r.view()
	block := v.element(filter, blockOf(fingerprint, v.count(filter)))
	for i := range blockWords {
		if v.err == nil && binary.LittleEndian.Uint32(block[4*i:])&bitOf(fingerprint, i) == 0 {
			return false, nil
		}
	}
	return v.err == nil, v.err
}

// Things is how many streams and keys the run has.
func (t *Trailer) Things() int { return int(t.table[keys].count + t.table[streams].count) }

// Fingerprints calls each for the fingerprint of every key and stream of the run. It pushes
// nothing out of the cache.
func (r *Run) Fingerprints(each func(fingerprint uint64)) error {
	v := (&Run{Trailer: r.Trailer, file: r.file, cache: r.cache, aside: NewCache(0)}).view()
	for i := uint32(0); i < v.count(keys) && v.err == nil; i++ {
		each(v.pair(keys, i).value)
	}
	for i := uint32(0); i < v.count(streams) && v.err == nil; i++ {
		each(NameFingerprint(r.Store, v.name(v.element(streams, i))))
	}
	return v.err
}
