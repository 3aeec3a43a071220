package snapshot_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/snapshot"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// BenchmarkMake copies a log of 4 MB in segments of one, all of which is checked on the way,
// to another directory of the same disk.
func BenchmarkMake(b *testing.B) {
	path := b.TempDir()
	s, err := batpak.Open(path, &batpak.Options{SegmentSize: 1 << 20, Durability: batpak.Relaxed})
	if err != nil {
		b.Fatal(err)
	}
	for s.Frontier().Written < 16_000 {
		batch := s.NewBatch()
		for j := range 100 {
			batch.Add(batpak.Draft{
				Coordinate: batpak.Coordinate{Entity: fmt.Sprint("entity:", j), Scope: "bench"},
				Kind:       0x1001, PayloadVersion: 1, Payload: make([]byte, 128),
			})
		}
		if _, err := batch.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(path, "*.seg"))
	if err != nil {
		b.Fatal(err)
	}
	dir, err := vfs.OpenDir(path)
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	r := segment.NewReader(dir)
	defer r.Close()
	last, err := r.Scan(uint64(len(names)))
	if err == nil {
		_, err = last.Head()
	}
	for ok := err == nil; ok && err == nil; {
		ok, err = last.Next()
	}
	if err != nil {
		b.Fatal(err)
	}
	plan := snapshot.Plan{From: r, Store: s.ID(), Last: uint64(len(names)), End: last.End(), Random: func(b []byte) { _, _ = rand.Read(b) }}
	for i := 0; b.Loop(); i++ {
		into, err := vfs.OpenDir(filepath.Join(path, fmt.Sprint("copy", i)))
		if err != nil {
			b.Fatal(err)
		}
		made, err := snapshot.Make(b.Context(), into, plan)
		if err != nil || made.Segments != len(names) {
			b.Fatalf("Make() = %+v, %v, want %d segments", made, err, len(names))
		}
		b.SetBytes(made.Copied)
		if err := into.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
