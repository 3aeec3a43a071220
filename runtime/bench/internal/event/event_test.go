package event_test

import (
	"bytes"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

const entities = 50

// Ids are unique, over lanes too, are text, and rise but for the last few.
func TestIDs(t *testing.T) {
	source, seen := event.NewSource(entities, 64), map[[16]byte]bool{}
	for lane := range 3 {
		last := source.Lane(lane, 7).ID(0)
		for i := range uint64(5000) {
			id := source.Lane(lane, 7).ID(i)
			if seen[id] || !utf8.Valid(id[:]) || bytes.Compare(id[:10], last[:10]) < 0 {
				t.Fatalf("ID(%d) of lane %d = %q, which is there already, or no text, or below %q", i, lane, id, last)
			}
			seen[id], last = true, id
		}
	}
}

// Each block of events has each entity once, and versions count them.
func TestBlocks(t *testing.T) {
	source, versions := event.NewSource(entities, 64), map[string]uint64{}
	var e event.Event
	for i := range uint64(10 * entities) {
		source.Event(i, &e, nil)
		versions[e.Entity]++
		if want := versions[e.Entity]; e.Version != want || want != i/entities+1 || source.VersionOf(i) != want {
			t.Fatalf("event %d of %s has version %d, want %d", i, e.Entity, e.Version, want)
		}
		if n, err := event.NumberOf(e.Payload); n != i || err != nil || len(e.Payload) != 64 {
			t.Fatalf("NumberOf(%q) = %d, %v, want %d", e.Payload, n, err, i)
		}
	}
	shared := 0
	for name := range versions {
		if bytes.HasPrefix([]byte(name), []byte(source.Prefix(13))) {
			shared++
		}
	}
	if shared != event.PrefixEntities {
		t.Errorf("%d entities have prefix %q, want %d", shared, source.Prefix(13), event.PrefixEntities)
	}
}

// Records are read back as they were; what is cut off is none.
func TestRecords(t *testing.T) {
	source := event.NewSource(entities, 40)
	for _, want := range event.NewBatch(20).Fill(source, 1000) {
		record := event.AppendRecord([]byte("before"), &want)[len("before"):]
		var got event.Event
		if err := event.ParseRecord(record, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("ParseRecord = %+v, %v, want %+v", got, err, want)
		}
		for n := range len(record) - len(want.Payload) {
			if err := event.ParseRecord(record[:n], &got); err == nil {
				t.Fatalf("ParseRecord of %d bytes of %d = nil error", n, len(record))
			}
		}
	}
}
