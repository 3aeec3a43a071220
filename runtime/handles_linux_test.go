package batpak_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mapfs"
)

// handles counts what this process has open of a directory, and mapped.
func handles(t *testing.T, dir string) (files, mappings int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(links) == 0 {
		t.Skipf("the system does not tell: %v", err)
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, dir) {
			files++
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skip(err)
	}
	return files, bytes.Count(maps, []byte(dir))
}

// TestHandlesAreGivenBack: what a store has open, and mapped, of its directory and of those
// of its snapshots is gone when it is closed, whatever was done with it: files that were
// merged are not kept by having been read. While it is open there are a few for each file.
func TestHandlesAreGivenBack(t *testing.T) {
	dir, most, mapped := t.TempDir(), 0, 0
	for life := range 4 {
		s, err := batpak.Open(filepath.Join(dir, "store"), overseen(&batpak.Options{SegmentSize: 1024}))
		opened(t, s, err)
		reader, err := batpak.OpenReadOnly(filepath.Join(dir, "store"), overseen(nil))
		opened(t, reader, err)
		for i := range 60 {
			mustAppend(t, s, note(fmt.Sprint("e:", i%3), fmt.Sprint(life, " ", i, strings.Repeat(" ", 80))))
			if i%15 == 14 {
				events(t, s, batpak.Query{})
				if _, err := s.Compact(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := reader.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 4 { // one by one, so often that files are mapped
			for n := range s.Frontier().Durable {
				if _, err := s.At(n + 1); err != nil {
					t.Fatal(err)
				}
			}
		}
		events(t, reader, batpak.Query{})
		if _, err := s.Snapshot(t.Context(), filepath.Join(dir, fmt.Sprint("snapshot ", life))); err != nil {
			t.Fatal(err)
		}
		names, err := os.ReadDir(filepath.Join(dir, "store"))
		if err != nil {
			t.Fatal(err)
		}
		files, mappings := handles(t, dir)
		if bound := 2 * (len(names) + 8); files > bound || mappings > bound {
			t.Errorf("%d files are open and %d mapped of %d", files, mappings, len(names))
		}
		most, mapped = max(most, files), max(mapped, mappings)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
		if files, mappings := handles(t, dir); files > 0 || mappings > 0 {
			t.Fatalf("life %d: %d files are open and %d mapped after the store was closed", life, files, mappings)
		}
	}
	if most == 0 || mapped == 0 && mapfs.Suits() {
		t.Errorf("%d files were open and %d mapped at most, so nothing was to be given back", most, mapped)
	}
}
