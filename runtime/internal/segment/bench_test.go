package segment_test

import (
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
	for _, c := range []struct {
		name   string
		record func(format.Pos, uint32) (format.Record, error)
		step   int
	}{
		{"anywhere", r.Record, 1237},
		{"next", r.Cursor().Record, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := c.record(at[i], seed); err != nil {
					b.Fatal(err)
				}
				i = (i + c.step) % len(at)
			}
		})
	}
}
