package segment_test

import (
	"fmt"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// filled is a segment of n records of 128 bytes each, in a directory of the real
// disk, whose pages are in memory.
func filled(b *testing.B, n int) (*segment.Reader, []format.Pos) {
	b.Helper()
	dir, err := vfs.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	w, err := tryCreate(dir, header(1))
	if err != nil {
		b.Fatal(err)
	}
	var at []format.Pos
	for i := range uint64(n) {
		g, pos := group(w, 1, i+1, 128)
		if err := w.Write(g); err != nil {
			b.Fatal(err)
		}
		at = append(at, pos)
	}
	r := segment.NewReader(dir)
	b.Cleanup(func() { r.Close(); dir.Close() })
	return r, at
}

// BenchmarkRecord reads records one by one: anywhere, and with a cursor the next
// one each time.
func BenchmarkRecord(b *testing.B) {
	r, at := filled(b, 4000)
	seed := format.RecordSeed(storeID)
	b.Run("anywhere", func(b *testing.B) {
		b.ReportAllocs()
		var rec format.Record
		for i := 0; b.Loop(); i = (i + 1237) % len(at) {
			if err := r.Record(&rec, at[i], seed); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, step := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("each-of-%d", step), func(b *testing.B) {
			b.ReportAllocs()
			c := r.Cursor()
			for i := 0; b.Loop(); i++ {
				if i%128 == 0 {
					c.Expect(128, func(n int) format.Pos { return at[(i+n)*step%len(at)] })
				}
				if _, err := c.Record(at[i*step%len(at)], seed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
