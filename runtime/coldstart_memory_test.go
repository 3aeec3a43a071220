package batpak_test

import (
	"fmt"
	"runtime"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

// TestColdStartTakesLittleMemory: what it takes to open a store by the footers of its segments
// is a few kilobytes for each of them, on however many processors they are looked at. The
// directory is not checked, as one that is would be looked at by one goroutine.
func TestColdStartTakesLittleMemory(t *testing.T) {
	const segments = 100
	dir := t.TempDir()
	s, err := batpak.Open(dir, &batpak.Options{SegmentSize: 16 << 10, Durability: batpak.Relaxed})
	if err != nil {
		t.Fatal(err)
	}
	for s.Frontier().Written < 60*segments {
		b := s.NewBatch()
		for j := range 30 {
			b.Add(batpak.Draft{
				Coordinate: batpak.Coordinate{Entity: fmt.Sprint("e:", j), Scope: "s"},
				Kind:       0x1001, PayloadVersion: 1, Payload: make([]byte, 128),
			})
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err = batpak.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if r := s.Report(); r.Segments < segments/2 || r.Indexed != r.Segments-1 {
		t.Errorf("report %+v, want that all of some %d segments but one were taken in by their footers", r, segments)
	}
	if each := (after.TotalAlloc - before.TotalAlloc) / s.Report().Segments; each > 40<<10 {
		t.Errorf("to open %d segments took %d bytes for each", s.Report().Segments, each)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
