package batpak_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

var (
	overwriteN  = flag.Int("overwrite.n", 10_000, "overwrites that the overwrite lanes try, of each kind together")
	overwriteAt = flag.Uint64("overwrite.at", 0, "number of the one overwrite to try; 0 means all")
)

// overwrite is a piece of a file that holds something else than was written.
type overwrite struct {
	what   string
	file   string
	offset int
	data   []byte
}

func (o overwrite) String() string {
	return fmt.Sprintf("%d bytes at %d of %s become %s", len(o.data), o.offset, o.file, o.what)
}

// apply returns the directory after the overwrite, which may make the file longer.
func (o overwrite) apply(d directory) directory {
	content := slices.Clone(d[o.file])
	if grow := o.offset + len(o.data) - len(content); grow > 0 {
		content = append(content, make([]byte, grow)...)
	}
	copy(content[o.offset:], o.data)
	return d.with(o.file, content)
}

// draw draws an overwrite of a file of d: one or two bits, a byte, a sector or a
// block, in its place or not, of zeros, ones, noise, what belongs elsewhere in the
// log, or what was in the same place before.
func (sp *specimen) draw(r *rand.Rand) []overwrite {
	names := sp.segments()
	switch r.IntN(8) {
	case 0:
		names = sp.names()
	case 1, 2:
		names = names[len(names)-1:]
	}
	file := names[r.IntN(len(names))]
	content := sp.directory[file]
	switch r.IntN(6) {
	case 0:
		first := sp.bit(r.IntN(sp.bits()))
		second := sp.bit(r.IntN(sp.bits()))
		if r.IntN(2) == 0 {
			second = first
			second.offset = min(first.offset+int64(r.IntN(64)), int64(len(sp.directory[first.file]))-1)
			second.mask = 1 << r.IntN(8)
		}
		return []overwrite{sp.flipped(first), sp.flipped(second)}
	case 1:
		return []overwrite{{"another byte", file, r.IntN(len(content)), []byte{byte(r.Uint32())}}}
	}
	size := []int{512, 512, 4 << 10, 1 + r.IntN(200)}[r.IntN(4)]
	offset := r.IntN(len(content))
	if r.IntN(3) > 0 {
		offset -= offset % size
	}
	if r.IntN(8) > 0 {
		size = min(size, len(content)-offset)
	}
	o := overwrite{file: file, offset: offset}
	o.what, o.data = sp.content(r, file, offset, size)
	return []overwrite{o}
}

// flipped is the flip of a bit as an overwrite.
func (sp *specimen) flipped(b bit) overwrite {
	return overwrite{"a flipped bit", b.file, int(b.offset), []byte{sp.directory[b.file][b.offset] ^ b.mask}}
}

// content draws size bytes to put at an offset of a file.
func (sp *specimen) content(r *rand.Rand, file string, offset, size int) (what string, data []byte) {
	data = make([]byte, size)
	from := func(b []byte, at int) {
		if at < len(b) {
			copy(data, b[at:])
		}
	}
	switch r.IntN(6) {
	case 0:
		return "zeros", data
	case 1:
		return "ones", bytes.Repeat([]byte{0xFF}, size)
	case 2:
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		return "noise", data
	case 3:
		segments := sp.segments()
		other := segments[r.IntN(len(segments))]
		at := offset
		if r.IntN(2) == 0 {
			at = r.IntN(len(sp.directory[other]))
			at -= at % min(size, 512)
		}
		from(sp.directory[other], at)
		return fmt.Sprintf("what is at %d of %s", at, other), data
	case 4:
		g := sp.groups[r.IntN(len(sp.groups))]
		from(sp.directory[g.file], int(g.offset))
		return fmt.Sprintf("the group at %d of %s", g.offset, g.file), data
	default:
		n := r.IntN(len(sp.past))
		from(sp.past[n][file], offset)
		return fmt.Sprintf("what was there in life %d", n), data
	}
}

// overwrites tries n draws, each from a seed of its own.
func (sp *specimen) overwrites(t *testing.T, n int, try func(d directory) error) {
	t.Helper()
	for i := uint64(1); i <= uint64(fewer(n)); i++ {
		if *overwriteAt > 0 && *overwriteAt != i {
			continue
		}
		d, all := sp.directory, sp.draw(rand.New(rand.NewPCG(*damageSeed, i)))
		for _, o := range all {
			d = o.apply(d)
		}
		if err := try(d); err != nil {
			t.Fatalf("%v: %v\n\tgo test ./runtime -run '^%s$' -damage.seed=%d -overwrite.n=%d -overwrite.at=%d", all, err, t.Name(), *damageSeed, i, i)
		}
	}
}

// TestOverwriteAtRest puts wrong bytes into the files of a store: two bits, a
// byte, a sector, a block, of zeros, noise, or bytes that belong elsewhere in the
// log or were there before, as misdirected and lost writes leave them. No such
// byte is served, and no event is gone in silence, but where all that follows a
// group is zeros now: then the log is as it was before.
//
//	go test ./runtime -run TestOverwrite -overwrite.n=1000000
func TestOverwriteAtRest(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, closed, rotated, begun, merged, staged} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, 40<<10, 12<<10, 300)
			judge, outcomes := sp.judge(t), map[outcome]int{}
			sp.overwrites(t, *overwriteN/8, func(d directory) error {
				f, err := judge.try(d)
				outcomes[f.outcome]++
				return err
			})
			t.Logf("%v", outcomes)
		})
	}
}

// TestOverwriteEveryBlock puts zeros, ones, noise, and what belongs to the same
// place of each other segment or was there before, into every sector and every
// block of a small store's segments, the last of which ends at every possible
// distance from the block's end.
func TestOverwriteEveryBlock(t *testing.T) {
	t.Parallel()
	outcomes := map[outcome]int{}
	for _, state := range []string{active, closed, rotated} {
		sp := grow(t, state, 12<<10, 3<<10, 100)
		judge := sp.judge(t)
		noise := make([]byte, 4<<10)
		for i := range noise {
			noise[i] = byte(i*i) | 1
		}
		for _, file := range sp.segments() {
			contents := []directory{{file: make([]byte, 1<<20)}, {file: bytes.Repeat([]byte{0xFF}, 1<<20)}, {file: bytes.Repeat(noise, 1<<8)}}
			for _, other := range sp.segments() {
				contents = append(contents, directory{file: sp.directory[other]})
			}
			for _, size := range []int{512, 4 << 10} {
				for at := 0; at < len(sp.directory[file]); at += size {
					for i, d := range slices.Concat(contents, sp.past) {
						was := d[file]
						if at >= len(was) {
							continue
						}
						o := overwrite{fmt.Sprint("content ", i), file, at, was[at:min(at+size, len(was), len(sp.directory[file]))]}
						f, err := judge.try(o.apply(sp.directory))
						if err != nil {
							t.Fatalf("%s: %v: %v", state, o, err)
						}
						outcomes[f.outcome]++
					}
				}
			}
		}
	}
	t.Logf("%v", outcomes)
}

// TestOverwriteUnderOpenStore does the same beneath a store that is open: an event
// is read as it was stored, or the read fails with ErrCorrupt.
func TestOverwriteUnderOpenStore(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, merged} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			grow(t, state, 40<<10, 12<<10, 300).overwriteUnderOpenStore(t, *overwriteN/8)
		})
	}
}

func (sp *specimen) overwriteUnderOpenStore(t *testing.T, n int) {
	t.Helper()
	disk := sp.disk()
	s := openSim(t, disk, nil)
	damaged := 0
	sp.overwrites(t, n, func(d directory) error {
		for name, content := range d {
			if _, ok := segment.ParseSpan(name); ok && !bytes.Equal(content, sp.directory[name]) {
				disk.SetBytes(name, content)
				defer disk.SetBytes(name, sp.directory[name])
			}
		}
		lost, err := sp.readAll(s)
		if err == nil && len(lost) > 0 {
			damaged++
			var v batpak.VerifyReport
			if v, err = s.Verify(t.Context()); err == nil && len(v.Damages) == 0 {
				err = fmt.Errorf("events %d cannot be read, and Verify() finds no damage", lost)
			}
		}
		return err
	})
	if damaged == 0 && *overwriteAt == 0 {
		t.Error("no event was damaged")
	}
	t.Logf("in %d cases an event could not be read", damaged)
}
