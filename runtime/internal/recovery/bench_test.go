package recovery_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// BenchmarkRun brings up a log of 16 MB in segments of one that was closed: as it is, without
// its checkpoints, and without footers. What it takes goes by the segments, by what the last
// one holds, and by the whole log.
func BenchmarkRun(b *testing.B) {
	path := b.TempDir()
	s, err := batpak.Open(path, &batpak.Options{SegmentSize: 1 << 20, Durability: batpak.Relaxed})
	if err != nil {
		b.Fatal(err)
	}
	for s.Frontier().Written < 64_000 {
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
	if err != nil || len(names) < 10 {
		b.Fatal(names, err)
	}
	for _, c := range []struct {
		name    string
		prepare func() error
		indexed int
	}{
		{"closed", func() error { return nil }, len(names) - 1},
		{"by footers", func() (err error) {
			checkpoints, _ := filepath.Glob(filepath.Join(path, "checkpoint-?"))
			for _, name := range checkpoints {
				err = errors.Join(err, os.Remove(name))
			}
			return err
		}, len(names) - 1},
		{"by the log", func() (err error) {
			for _, name := range names[:len(names)-1] {
				info, serr := os.Stat(name)
				err = errors.Join(err, serr, os.Truncate(name, info.Size()-1))
			}
			return err
		}, 0},
	} {
		if err := c.prepare(); err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			dir, err := vfs.OpenDir(path)
			if err != nil {
				b.Fatal(err)
			}
			defer dir.Close()
			b.ReportAllocs()
			for b.Loop() {
				res, err := recovery.Run(dir, recovery.Config{Cache: sidx.NewCache(1 << 20), Workers: 2})
				if err != nil || int(res.Report.Indexed) != c.indexed {
					b.Fatalf("Run() = %+v, %v, want %d segments by their footers", res, err, c.indexed)
				}
				b.SetBytes(res.Report.Bytes)
				if err := res.Reader.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
