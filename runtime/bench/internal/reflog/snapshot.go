package reflog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

const snapshotName = "snapshot"

// A snapshot is the index as it lies in the memory of this machine, so that it can
// be mapped, copy-on-write, and used without decoding but of the names:
//
//	| CRC-32C of all behind it 8 | end of the log 8 | events 8 | table 8 | entities 8 |
//	| chain 32 | places | ids | table | lengths of the lists | lists | names, each behind its length |
const snapshotHead = 5*8 + chainSize

func (x *index) save(name string, end place, chain [chainSize]byte) error {
	var lengths, lists []uint32
	for _, l := range slices.Concat(x.streams, x.kinds[:]) {
		lengths, lists = append(lengths, uint32(len(l))), append(lists, l...)
	}
	var names []byte
	for _, n := range x.names {
		names = append(append(names, byte(len(n))), n...)
	}
	head := make([]byte, 8, snapshotHead)
	for _, word := range []int{int(end), len(x.places), len(x.table), len(x.names)} {
		head = binary.LittleEndian.AppendUint64(head, uint64(word))
	}
	parts := [][]byte{append(head, chain[:]...), raw(x.places), raw(x.ids), raw(x.table), raw(lengths), raw(lists), names}
	sum := crc32.Checksum(parts[0][8:], castagnoli)
	for _, p := range parts[1:] {
		sum = crc32.Update(sum, castagnoli, p)
	}
	binary.LittleEndian.PutUint64(parts[0], uint64(sum))

	f, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := f.Write(p); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(f.Sync(), f.Close(), os.Rename(name+".new", name))
}

// load maps the snapshot, if there is one, and returns the place that it goes to.
func (x *index) load(name string, chain *[chainSize]byte) (place, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() < snapshotHead {
		return 0, fmt.Errorf("snapshot: %w", errDamaged)
	}
	if x.mapped, err = unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE); err != nil {
		return 0, err
	}
	if uint64(crc32.Checksum(x.mapped[8:], castagnoli)) != binary.LittleEndian.Uint64(x.mapped) {
		return 0, fmt.Errorf("snapshot: %w", errDamaged)
	}
	word := func(n int) int { return int(binary.LittleEndian.Uint64(x.mapped[8*n:])) }
	copy(chain[:], x.mapped[5*8:])
	count, entities, b := word(2), word(4), x.mapped[snapshotHead:]
	x.places, b = cut[place](b, count)
	x.ids, b = cut[[16]byte](b, count)
	x.table, b = cut[uint32](b, word(3))
	lengths, b := cut[uint32](b, entities+event.Kinds)
	lists, b := cut[uint32](b, 2*count)
	next := func() (list []uint32) {
		list, lists, lengths = lists[:lengths[0]:lengths[0]], lists[lengths[0]:], lengths[1:]
		return list
	}
	x.entity = make(map[string]uint32, entities)
	for k := range entities {
		n := int(b[0])
		name := string(b[1 : 1+n])
		x.names, x.streams, b = append(x.names, name), append(x.streams, next()), b[1+n:]
		x.entity[name] = uint32(k)
	}
	for k := range x.kinds {
		x.kinds[k] = next()
	}
	return place(word(1)), nil
}

// raw is the memory of a slice.
func raw[T any](s []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(*new(T))))
}

// cut takes a slice of n off the memory b. The mapping begins at a page, and every
// part before is a multiple of 4 bytes long, those before the places of 8.
func cut[T any](b []byte, n int) (s []T, rest []byte) {
	size := n * int(unsafe.Sizeof(*new(T)))
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)[:n:n], b[size:]
}
