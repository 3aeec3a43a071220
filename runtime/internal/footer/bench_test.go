package footer_test

import (
	"fmt"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// BenchmarkFooter writes the footer of a segment of a megabyte, opens it, and makes the index
// that is used in its place when it is damaged.
func BenchmarkFooter(b *testing.B) {
	path := b.TempDir()
	s, err := batpak.Open(path, &batpak.Options{SegmentSize: 1 << 20, Durability: batpak.Relaxed})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; s.Frontier().Written < 12_000; i++ {
		batch := s.NewBatch()
		for j := range 100 {
			batch.Add(batpak.Draft{
				Coordinate: batpak.Coordinate{Entity: fmt.Sprint("entity:", j), Scope: "bench"},
				Kind:       0x1001, PayloadVersion: 1, Payload: make([]byte, 128),
			}, batpak.Key(fmt.Sprint(i, " ", j)))
		}
		if _, err := batch.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	dir, err := vfs.OpenDir(path)
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	r, cache := segment.NewReader(dir), sidx.NewCache(1<<20)
	defer r.Close()
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"write", func() error { _, err := footer.Write(dir, r, 1, cache, nil); return err }},
		{"open", func() error { _, err := footer.Open(r, segment.Plain(1), s.ID(), cache); return err }},
		{"scan", func() error { _, err := footer.Scan(r, 1); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(1 << 20)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
