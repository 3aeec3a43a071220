package ours

import (
	"os"
	"path/filepath"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

// Footers are cut off whatever has them, which loses nothing; they come back when
// the store is opened.
func TestDropFooters(t *testing.T) {
	dir := t.TempDir()
	s, err := batpak.Open(dir, &batpak.Options{SegmentSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	const events = 100
	for range events {
		_, err := s.Append(t.Context(), batpak.Draft{
			Coordinate: batpak.Coordinate{Entity: "order:1", Scope: "s"}, Kind: 0x1001, PayloadVersion: 1, Payload: make([]byte, 200),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before := sizes(t, dir)
	if err := dropFooters(dir); err != nil {
		t.Fatal(err)
	}
	cut := 0
	for name, size := range sizes(t, dir) {
		if before[name]-size == trailerSize {
			cut++
		} else if size != before[name] {
			t.Errorf("%s had %d bytes, now %d", name, before[name], size)
		}
	}
	if cut < 2 || cut != len(before)-1 {
		t.Errorf("%d of %d segments lost a trailer, want all but the last", cut, len(before))
	}
	s, err = batpak.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last := s.Frontier().Visible; last != events {
		t.Errorf("%d events, want %d", last, events)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, size := range sizes(t, dir) {
		if size < before[name] {
			t.Errorf("%s had %d bytes, now %d: the footer did not come back", name, before[name], size)
		}
	}
}

func sizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = info.Size()
	}
	return all
}
