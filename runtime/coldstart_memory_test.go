package batpak_test

import (
	"fmt"
	"runtime"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

// TestColdStartTakesLittleMemory: what it takes to open a store by the footers of its segments
// is a few kilobytes for each of them, on however many processors they are looked at.
func TestColdStartTakesLittleMemory(t *testing.T) {
	const segments = 100
	dir := t.TempDir()
	s, err := batpak.Open(dir, overseen(&batpak.Options{SegmentSize: 16 << 10, Durability: batpak.Relaxed}))
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
	for _, o := range []*batpak.Options{overseen(nil), nil} { // what the checks keep is not measured
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err = batpak.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if r := s.Report(); r.Segments < segments/2 || r.Indexed != r.Segments-1 {
			t.Errorf("report %+v, want that all of some %d segments but one were taken in by their footers", r, segments)
		}
		if each := (after.TotalAlloc - before.TotalAlloc) / s.Report().Segments; o == nil && each > 40<<10 {
			t.Errorf("to open %d segments took %d bytes for each", s.Report().Segments, each)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemoryIsNotByTheEvents: two stores of as many segments and streams, one of which has 25
// times the events, take the same memory: to open, and to hold open once each fifth event
// was looked for.
func TestMemoryIsNotByTheEvents(t *testing.T) {
	var took [2]struct{ opening, held int64 }
	sizes := [2]extent{{40, 32, 32}, {40, 800, 32}}
	for i, x := range sizes {
		dir := t.TempDir()
		s, err := batpak.Open(dir, overseen(oneBatch()))
		opened(t, s, err)
		x.fill(t, s, nil)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		lazy := &batpak.Options{IndexCache: 1, Unmapped: true}
		for _, o := range []*batpak.Options{overseen(lazy), lazy} { // the first is not measured
			before := collected()
			s, err = batpak.Open(dir, o)
			opened(t, s, err)
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			took[i].opening = int64(m.TotalAlloc - before.TotalAlloc)
			if r := s.Report(); r.Indexed < uint64(x.segments) || r.Restored < uint64(x.segments*x.each) {
				t.Fatalf("report %+v, want that all segments but one were taken in by their footers", r)
			}
			for n := uint64(1); n <= s.Frontier().Visible; n += 5 {
				if _, err := s.At(n); err != nil {
					t.Fatal(err)
				}
			}
			took[i].held = int64(collected().HeapAlloc) - int64(before.HeapAlloc)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A row of an index takes some tens of bytes.
	more := int64(sizes[1].segments * (sizes[1].each - sizes[0].each))
	if opening, held := took[1].opening-took[0].opening, took[1].held-took[0].held; opening > 2*more || held > 2*more {
		t.Errorf("%d more events took %d bytes more to open and %d to hold: %+v", more, opening, held, took)
	}
}

// collected is what there is on the heap that is in use.
func collected() (m runtime.MemStats) {
	for range 2 { // what the first one finds in a pool goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}
