package batpak_test

import (
	"fmt"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

// TestNamesAndKeysAreKept: what was given of an event stays what it is, though the names
// and keys of many may share memory.
func TestNamesAndKeysAreKept(t *testing.T) {
	s, err := batpak.Open(t.TempDir(), overseen(nil))
	s = opened(t, s, err)
	want := map[uint64]batpak.Meta{}
	b := s.NewBatch()
	for i := range uint64(600) {
		m := batpak.Meta{Coordinate: batpak.Coordinate{Entity: fmt.Sprint("e:", i*i%7), Scope: fmt.Sprint("s", i/5%3)}}
		d := note(m.Entity, "")
		d.Scope = m.Scope
		if i%5 == 0 {
			b.Add(d)
		} else {
			m.Key = fmt.Sprint(i, strings.Repeat("k", int(i*i%251)))
			b.Add(d, batpak.Key(m.Key))
		}
		want[i+1] = m
	}
	if _, err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, q := range []batpak.Query{{}, {Backward: true}, {Entity: "e:1"}} {
		for _, e := range events(t, s, q) {
			if w := want[e.Sequence]; e.Coordinate != w.Coordinate || e.Key != w.Key {
				t.Errorf("event %d of %+v is of %v with key %q, want %v with %q", e.Sequence, q, e.Coordinate, e.Key, w.Coordinate, w.Key)
			}
		}
	}
}
