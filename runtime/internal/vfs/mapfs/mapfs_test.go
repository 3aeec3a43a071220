//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package mapfs_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mapfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// twins are a file that is written to, and the same one open for reading, both through
// mappings, and without.
func twins(t *testing.T) (w, mapped, plain vfs.File) {
	t.Helper()
	d, err := vfs.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w, err = mapfs.New(d).Create("a")
	if err != nil {
		t.Fatal(err)
	}
	mapped, err = mapfs.New(d).Open("a", vfs.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	plain, err = d.Open("a", vfs.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); mapped.Close(); plain.Close(); d.Close() })
	return w, mapped, plain
}

// gather fills p with parts of a file if that can be done at once.
func gather(f vfs.File, p []byte, parts []vfs.Part) bool {
	g := vfs.Gatherer(f)
	return g != nil && g(p, parts)
}

// TestMappedReadsAreReads: whatever is written to a file, and wherever it is cut, a
// read through a mapping gives what a read of the file gives, bytes and error.
func TestMappedReadsAreReads(t *testing.T) {
	const size = 1 << 17
	gathered := 0
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		w, mapped, plain := twins(t)
		for i := range 2000 {
			switch off := r.Int64N(size); r.IntN(40) {
			case 0, 1:
				if _, err := w.WriteAt(bytes.Repeat([]byte{byte(i)}, 1+r.IntN(5000)), off); err != nil {
					t.Fatal(err)
				}
			case 2:
				if err := w.Truncate(off); err != nil {
					t.Fatal(err)
				}
			case 3, 4, 5, 6:
				parts := make([]vfs.Part, 1+r.IntN(20))
				var want []byte
				var werr error
				for i := range parts {
					parts[i] = vfs.Part{Offset: r.Int64N(size), Length: r.IntN(300)}
					p := make([]byte, parts[i].Length)
					_, err := plain.ReadAt(p, parts[i].Offset)
					want, werr = append(want, p...), errors.Join(werr, err)
				}
				got := make([]byte, len(want))
				if gather(plain, got, parts) {
					t.Fatalf("seed %d, read %d: Gather() of a file that is not mapped = true", seed, i)
				}
				if gather(mapped, got, parts) {
					gathered++
					if werr == nil && !bytes.Equal(got, want) {
						t.Fatalf("seed %d, read %d: Gather(%v) differs from the reads", seed, i, parts)
					}
				}
			default:
				got := make([]byte, r.IntN(3000))
				if r.IntN(20) == 0 {
					got = make([]byte, 32<<10-1+r.IntN(2)) // where a mapping is used at most
				}
				want := make([]byte, len(got))
				from := mapped
				if r.IntN(2) == 0 {
					from = w
				}
				gn, gerr := from.ReadAt(got, off)
				wn, werr := plain.ReadAt(want, off)
				// The rest of the last page of a file that was cut reads as zeros.
				if werr == nil && (gn != wn || gerr != nil || !bytes.Equal(got, want)) {
					t.Fatalf("seed %d, read %d: ReadAt(%d bytes, %d) = %d, %v through the mapping, want %d, %v", seed, i, len(got), off, gn, gerr, wn, werr)
				}
				if gerr != nil && (gn != wn || !errors.Is(gerr, werr)) || gerr == nil && gn != len(got) {
					t.Fatalf("seed %d, read %d: ReadAt(%d bytes, %d) = %d, %v through the mapping, want %d, %v", seed, i, len(got), off, gn, gerr, wn, werr)
				}
			}
		}
	}
	if gathered == 0 {
		t.Error("nothing was gathered")
	}
}

// TestCutBeneathMapping: a file that is cut off beneath its mapping ends there, for
// whoever reads at that moment and for whoever reads later.
func TestCutBeneathMapping(t *testing.T) {
	w, mapped, _ := twins(t)
	const size = 1 << 20
	if _, err := w.WriteAt(bytes.Repeat([]byte{7}, size), 0); err != nil {
		t.Fatal(err)
	}
	for range 100 { // so that it is mapped before it is cut
		if _, err := mapped.ReadAt(make([]byte, 500), size/2); err != nil {
			t.Fatal(err)
		}
	}
	var readers sync.WaitGroup
	for g := range uint64(4) {
		readers.Go(func() {
			r, p := rand.New(rand.NewPCG(g, 2)), make([]byte, 500)
			for range 3000 {
				n, err := mapped.ReadAt(p, r.Int64N(size-500))
				if err != nil && !errors.Is(err, io.EOF) || err == nil && n != len(p) {
					t.Errorf("ReadAt() = %d, %v, want all of it or the end", n, err)
				}
				if gather(mapped, p, []vfs.Part{{Offset: r.Int64N(size - 500), Length: 300}, {Offset: r.Int64N(4096 - 200), Length: 200}}) && p[400] != 7 {
					t.Error("Gather() of what was never cut off = something else")
				}
			}
		})
	}
	if err := w.Truncate(4096); err != nil {
		t.Fatal(err)
	}
	readers.Wait()
	if n, err := mapped.ReadAt(make([]byte, 100), size/2); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt() behind the end = %d, %v, want io.EOF", n, err)
	}
}

// TestCloseBesideReads: a file is closed while it is read; later reads say so.
func TestCloseBesideReads(t *testing.T) {
	for range 20 {
		w, mapped, _ := twins(t)
		if _, err := w.WriteAt(make([]byte, 1<<16), 0); err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for i := range int64(500) {
					if _, err := mapped.ReadAt(make([]byte, 64), i*64); err != nil && !errors.Is(err, fs.ErrClosed) {
						t.Error(err)
					}
				}
			})
		}
		if err := mapped.Close(); err != nil {
			t.Error(err)
		}
		readers.Wait()
		if _, err := mapped.ReadAt(make([]byte, 1), 0); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("ReadAt() after Close = %v, want fs.ErrClosed", err)
		}
		if err := mapped.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Close() again = %v, want fs.ErrClosed", err)
		}
	}
}

// TestUnmapped: what cannot be mapped is read as it is.
func TestUnmapped(t *testing.T) {
	disk := simfs.New()
	disk.SetBytes("a", []byte("one"))
	f, err := mapfs.New(disk.FS()).Open("a", vfs.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		p := make([]byte, 3)
		if _, err := f.ReadAt(p, 0); err != nil || string(p) != "one" {
			t.Fatalf("ReadAt() = %q, %v", p, err)
		}
	}
}

// BenchmarkReadAt reads 256 bytes anywhere in 64 MiB that are in memory.
func BenchmarkReadAt(b *testing.B) {
	d, err := vfs.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	w, err := d.Create("a")
	if err != nil {
		b.Fatal(err)
	}
	const size = 64 << 20
	if _, err := w.WriteAt(make([]byte, size), 0); err != nil {
		b.Fatal(err)
	}
	for name, from := range map[string]vfs.FS{"plain": d, "mapped": mapfs.New(d)} {
		b.Run(name, func(b *testing.B) {
			f, err := from.Open("a", vfs.ReadOnly)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			p, r := make([]byte, 256), rand.New(rand.NewPCG(1, 1))
			for b.Loop() {
				if _, err := f.ReadAt(p, r.Int64N(size-256)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGather reads 128 parts of 230 bytes anywhere in 64 MiB that are in memory: one
// after the other, and at once.
func BenchmarkGather(b *testing.B) {
	d, err := vfs.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	const size, length = 64 << 20, 230
	f, err := mapfs.New(d).Create("a")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, size), 0); err != nil {
		b.Fatal(err)
	}
	r, parts, p := rand.New(rand.NewPCG(1, 1)), make([]vfs.Part, 128), make([]byte, 128*length)
	draw := func() {
		for i := range parts {
			parts[i] = vfs.Part{Offset: r.Int64N(size - length), Length: length}
		}
	}
	b.Run("each", func(b *testing.B) {
		for b.Loop() {
			draw()
			for i := range parts {
				if _, err := f.ReadAt(p[i*length:][:length], parts[i].Offset); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("at-once", func(b *testing.B) {
		for b.Loop() {
			if draw(); !gather(f, p, parts) {
				b.Fatal("the file is not mapped")
			}
		}
	})
}
