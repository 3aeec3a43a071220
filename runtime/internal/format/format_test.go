package format_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/format"
)

var (
	store = [16]byte{0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF}
	place = format.Place{Store: store, Segment: 7, Offset: 4096}
)

// randomTail has every shape of a tail: each optional field present or absent,
// names and payloads empty, short and beyond one byte of length.
func randomTail(r *rand.Rand) format.Tail {
	some := func(least, most int) []byte {
		b := make([]byte, least+r.IntN(most-least+1))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	t := format.Tail{
		Kind:           uint16(r.Uint32()),
		PayloadVersion: 1 + uint16(r.IntN(math.MaxUint16)),
		Entity:         some(0, 300),
		Scope:          some(0, 40),
		Payload:        some(0, 600),
	}
	if r.IntN(2) == 0 {
		t.Correlation = [16]byte(some(16, 16))
	}
	if r.IntN(2) == 0 {
		t.Causation = [16]byte(some(16, 16))
	}
	if r.IntN(2) == 0 {
		t.Key = some(1, 200)
	}
	if r.IntN(2) == 0 {
		t.Extensions = some(1, 200)
	}
	switch r.IntN(6) {
	case 0:
		t.Tombstone, t.Payload = true, some(32, 32)
	case 1:
		t = format.Tail{Kind: t.Kind, PayloadVersion: t.PayloadVersion, Entity: t.Entity, Tombstone: true}
	}
	return t
}

func randomHead(r *rand.Rand) (h format.Head) {
	h.Sequence, h.Version = r.Uint64()>>r.IntN(64)|1, r.Uint64()>>r.IntN(64)|1
	for i := range h.ID {
		h.ID[i] = byte(r.Uint32())
	}
	for i := range h.Hash {
		h.Hash[i] = byte(r.Uint32())
	}
	return h
}

// present makes an absent field of a parsed tail nil, as the tails of these
// tests have it: empty and absent are the same on disk.
func present(t format.Tail) format.Tail {
	for _, f := range []*[]byte{&t.Entity, &t.Scope, &t.Key, &t.Extensions, &t.Payload} {
		if len(*f) == 0 {
			*f = nil
		}
	}
	return t
}

func TestRecordRoundTrip(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	behind := []byte("what follows")
	for i := range 2000 {
		head, tail := randomHead(r), randomTail(r)
		e := format.EncodeTail(&tail)
		prefix := make([]byte, r.IntN(3))
		enc := format.AppendRecord(slices.Clone(prefix), 9, &head, &e)[len(prefix):]
		got, rest, err := format.ParseRecord(slices.Concat(enc, behind), 9)
		if err != nil {
			t.Fatalf("seed %d, record %d: ParseRecord(AppendRecord(...)): %v", seed, i, err)
		}
		if string(rest) != string(behind) {
			t.Errorf("seed %d, record %d: rest = %q, want %q", seed, i, rest, behind)
		}
		if diff := cmp.Diff(head, got.Head); diff != "" {
			t.Errorf("seed %d, record %d: head (-want +got):\n%s", seed, i, diff)
		}
		if diff := cmp.Diff(present(tail), present(got.Tail)); diff != "" {
			t.Errorf("seed %d, record %d: tail (-want +got):\n%s", seed, i, diff)
		}
		if string(got.Linked) != string(e.Linked()) || got.Length != len(enc) {
			t.Errorf("seed %d, record %d: Linked, Length = %x, %d, want %x, %d", seed, i, got.Linked, got.Length, e.Linked(), len(enc))
		}
	}
}

// TestRecordViews checks that appending to a slice of a parsed record cannot
// write into the record's other fields or its neighbour.
func TestRecordViews(t *testing.T) {
	tail := format.Tail{
		PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s"),
		Key: []byte("k"), Extensions: []byte("x"), Payload: []byte("p"),
	}
	e := format.EncodeTail(&tail)
	head := format.Head{Sequence: 1, Version: 1, ID: [16]byte{1}}
	src := append(format.AppendRecord(nil, 0, &head, &e), "neighbour"...)
	want := string(src)
	r, _, err := format.ParseRecord(src, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range [][]byte{r.Entity, r.Scope, r.Key, r.Extensions, r.Payload, r.Linked} {
		_ = append(view, '!')
	}
	if string(src) != want {
		t.Errorf("source after appends to its views = %q, want %q", src, want)
	}
	clone := r.Clone()
	clear(src)
	e = format.EncodeTail(&clone.Tail)
	if got := format.AppendRecord(nil, 0, &clone.Head, &e); string(got)+"neighbour" != want || string(clone.Linked) != string(e.Linked()) {
		t.Errorf("clone after the source was cleared = %q, want %q", got, want)
	}
}

// TestCausationPlace checks that a causation written into its place in an
// encoded tail is the one that is read back.
func TestCausationPlace(t *testing.T) {
	tail := format.Tail{PayloadVersion: 1, Correlation: [16]byte{7}, Causation: [16]byte{0xFF}}
	e := format.EncodeTail(&tail)
	want := [16]byte{1, 2, 3}
	copy(e.Bytes[e.Causation:], want[:])
	head := format.Head{Sequence: 1, Version: 1, ID: [16]byte{1}}
	r, _, err := format.ParseRecord(format.AppendRecord(nil, 0, &head, &e), 0)
	if err != nil || r.Causation != want || r.Correlation != tail.Correlation {
		t.Errorf("ParseRecord = correlation %x, causation %x, %v, want %x, %x", r.Correlation, r.Causation, err, tail.Correlation, want)
	}
	tail.Causation = [16]byte{}
	if e := format.EncodeTail(&tail); e.Causation != format.NoCausation {
		t.Errorf("EncodeTail(no causation).Causation = %d, want %d", e.Causation, format.NoCausation)
	}
}

// TestMergedHeaderRoundTrip: what is appended is parsed again, and a header of which
// any bit has changed is not.
func TestMergedHeaderRoundTrip(t *testing.T) {
	first := format.SegmentHeader{Store: store, Segment: 1, FirstSequence: 1}
	later := format.SegmentHeader{Store: store, Segment: 2, FirstSequence: 9, PrevLength: format.SegmentHeaderSize, PrevDigest: [32]byte{31: 1}}
	for _, want := range []format.MergedHeader{
		{SegmentHeader: first, Last: 1, Round: 1, NextSequence: 1, LastLength: format.SegmentHeaderSize, Length: format.MergedHeaderSize},
		{
			SegmentHeader: later, Last: math.MaxUint64, Round: math.MaxUint32, NextSequence: 11, LastLength: format.MaxSegment,
			LastDigest: [32]byte{1}, Length: format.MaxSegment, Digest: [32]byte{2}, Incarnation: math.MaxUint32,
		},
	} {
		enc := format.AppendMergedHeader([]byte("before"), want)[len("before"):]
		if len(enc) != format.MergedHeaderSize {
			t.Errorf("len(AppendMergedHeader(%+v)) = %d, want %d", want, len(enc), format.MergedHeaderSize)
		}
		if got, err := format.ParseMergedHeader(enc); err != nil || got != want {
			t.Errorf("ParseMergedHeader(AppendMergedHeader(%+v)) = %+v, %v", want, got, err)
		}
		if _, err := format.ParseSegmentHeader(enc); err == nil {
			t.Errorf("ParseSegmentHeader(AppendMergedHeader(%+v)) = nil, want an error", want)
		}
		for bit := range 8 * len(enc) {
			enc[bit/8] ^= 1 << (bit % 8)
			if got, err := format.ParseMergedHeader(enc); err == nil {
				t.Errorf("ParseMergedHeader with bit %d flipped = %+v, want an error", bit, got)
			}
			enc[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func TestSegmentHeaderRoundTrip(t *testing.T) {
	for _, want := range []format.SegmentHeader{
		{Store: store, Segment: 1, FirstSequence: 1},
		{Store: store, Segment: 2, FirstSequence: 9, PrevLength: format.SegmentHeaderSize, PrevDigest: [32]byte{31: 1}},
		{Segment: math.MaxUint64, FirstSequence: math.MaxUint64, PrevLength: format.MaxSegment},
	} {
		enc := format.AppendSegmentHeader([]byte("before"), want)[len("before"):]
		if len(enc) != format.SegmentHeaderSize {
			t.Errorf("len(AppendSegmentHeader(%+v)) = %d, want %d", want, len(enc), format.SegmentHeaderSize)
		}
		if got, err := format.ParseSegmentHeader(enc); err != nil || got != want {
			t.Errorf("ParseSegmentHeader(AppendSegmentHeader(%+v)) = %+v, %v", want, got, err)
		}
	}
}

func TestGroupRoundTrip(t *testing.T) {
	body := make([]byte, 200)
	for _, want := range []format.GroupHeader{
		{Type: format.GroupEvents, FirstSequence: 1, Count: 3, BodyLength: 200, Incarnation: 1},
		{Type: format.GroupEvents, FirstSequence: math.MaxUint64 - 3, Count: 3, BodyLength: 200, Durable: 4096, Incarnation: math.MaxUint32},
		{Type: format.GroupClose, FirstSequence: math.MaxUint64, Durable: 96, Incarnation: 7},
	} {
		body := body[:want.BodyLength]
		enc := format.AppendGroup([]byte("before"), want, place, body)[len("before"):]
		got, err := format.ParseGroupHeader(enc, place)
		if err != nil {
			t.Errorf("ParseGroupHeader(AppendGroup(%+v)): %v", want, err)
			continue
		}
		if err := got.CheckBody(enc[format.GroupHeaderSize:]); err != nil {
			t.Errorf("CheckBody(%+v): %v", want, err)
		}
		want.BodyCRC = got.BodyCRC
		if got != want {
			t.Errorf("ParseGroupHeader(AppendGroup(...)) = %+v, want %+v", got, want)
		}
	}
}

// TestEveryBitFlip inverts every bit of every vector that is accepted. None of
// the results may be accepted, nor taken for something newer: no bit is outside
// a checksum.
func TestEveryBitFlip(t *testing.T) {
	for _, kind := range []string{"segment", "group", "record"} {
		for _, v := range vectors(t, kind) {
			if v.expect != "ok" {
				continue
			}
			again, err := reencode(kind, v.body, v.at)
			if err != nil {
				t.Fatal(err)
			}
			covered := v.body[:len(again)]
			for i := range len(covered) * 8 {
				covered[i/8] ^= 1 << (i % 8)
				_, err := reencode(kind, covered, v.at)
				if got := verdict(err); got != "damaged" {
					t.Errorf("%s with bit %d of byte %d inverted = %s, want damaged", v.name, i%8, i/8, got)
				}
				covered[i/8] ^= 1 << (i % 8)
			}
		}
	}
}

// TestEveryCut cuts every vector that is accepted at every length.
func TestEveryCut(t *testing.T) {
	for _, kind := range []string{"segment", "group", "record"} {
		for _, v := range vectors(t, kind) {
			if v.expect != "ok" {
				continue
			}
			again, err := reencode(kind, v.body, v.at)
			if err != nil {
				t.Fatal(err)
			}
			for n := range again {
				_, err := reencode(kind, v.body[:n:n], v.at)
				if got := verdict(err); got != "damaged" {
					t.Errorf("%s cut to %d bytes = %s, want damaged", v.name, n, got)
				}
			}
		}
	}
}

// TestGroupElsewhere reads one group at every offset a segment has, which the
// checksum can tell apart without exception, and in other segments and stores.
func TestGroupElsewhere(t *testing.T) {
	h := format.GroupHeader{Type: format.GroupClose, FirstSequence: 1, Incarnation: 1}
	group := format.AppendGroup(nil, h, place, nil)
	refused := func(at format.Place) {
		t.Helper()
		if _, err := format.ParseGroupHeader(group, at); verdict(err) != "damaged" {
			t.Errorf("ParseGroupHeader(group of %v, %v) = %s, want damaged", place, at, verdict(err))
		}
	}
	for offset := int64(format.SegmentHeaderSize); offset < 1<<18; offset++ {
		if offset != place.Offset {
			refused(format.Place{Store: place.Store, Segment: place.Segment, Offset: offset})
		}
	}
	for bit := range 31 {
		refused(format.Place{Store: place.Store, Segment: place.Segment, Offset: place.Offset ^ 1<<bit})
	}
	for bit := range 64 {
		refused(format.Place{Store: place.Store, Segment: place.Segment ^ 1<<bit, Offset: place.Offset})
	}
	for bit := range 128 {
		other := place
		other.Store[bit/8] ^= 1 << (bit % 8)
		refused(other)
	}
}

// TestGroupLimits holds the end of a group against the largest segment, before
// anyone reads or allocates its body.
func TestGroupLimits(t *testing.T) {
	const count, body = 1, 100
	h := format.GroupHeader{Type: format.GroupEvents, FirstSequence: 1, Count: count, Incarnation: 1}
	for _, c := range []struct {
		offset int64
		want   string
	}{
		{format.MaxSegment - format.GroupHeaderSize - body, "ok"},
		{format.MaxSegment - format.GroupHeaderSize - body + 1, "damaged"},
		{1 << 40, "damaged"},
	} {
		at := format.Place{Store: store, Segment: 7, Offset: c.offset}
		group := format.AppendGroup(nil, h, at, make([]byte, body))
		if _, err := format.ParseGroupHeader(group, at); verdict(err) != c.want {
			t.Errorf("ParseGroupHeader(%d bytes at %d) = %s, want %s", len(group), c.offset, verdict(err), c.want)
		}
	}
}

// TestRecordOfAnotherStore reads a record under the seeds of stores that differ
// from its own by one bit.
func TestRecordOfAnotherStore(t *testing.T) {
	tail := format.Tail{PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s")}
	e := format.EncodeTail(&tail)
	head := format.Head{Sequence: 1, Version: 1, ID: [16]byte{1}}
	record := format.AppendRecord(nil, format.RecordSeed(store), &head, &e)
	for bit := range 128 {
		other := store
		other[bit/8] ^= 1 << (bit % 8)
		if _, _, err := format.ParseRecord(record, format.RecordSeed(other)); verdict(err) != "damaged" {
			t.Errorf("ParseRecord(record of store %x, seed of %x) = %s, want damaged", store, other, verdict(err))
		}
	}
}

// TestBoundedAllocation checks that no parser allocates by what the bytes say:
// a parse costs the seed of a place and an error value at most.
func TestBoundedAllocation(t *testing.T) {
	const runs, most = 100, 128
	for _, kind := range []string{"segment", "group", "record"} {
		for _, v := range vectors(t, kind) {
			seed := format.RecordSeed(v.at.Store)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				switch kind {
				case "segment":
					_, _ = format.ParseSegmentHeader(v.body)
				case "group":
					_, _ = format.ParseGroupHeader(v.body, v.at)
				case "record":
					_, _, _ = format.ParseRecord(v.body, seed)
				}
			}
			runtime.ReadMemStats(&after)
			if got := (after.TotalAlloc - before.TotalAlloc) / runs; got > most {
				t.Errorf("%s: parse allocated %d bytes, want at most %d", v.name, got, most)
			}
		}
	}
}

// TestOverhead holds the first column of the sizes in FORMAT.md against what is
// written.
func TestOverhead(t *testing.T) {
	for _, c := range []struct {
		name string
		tail format.Tail
		want int
	}{
		{"no optional field", format.Tail{}, 107},
		{"causation", format.Tail{Causation: [16]byte{1}}, 123},
		{"causation and correlation", format.Tail{Causation: [16]byte{1}, Correlation: [16]byte{1}}, 139},
	} {
		tail := c.tail
		tail.PayloadVersion, tail.Entity, tail.Scope, tail.Payload = 1, []byte("account:42"), []byte("ledger"), make([]byte, 150)
		e := format.EncodeTail(&tail)
		head := format.Head{Sequence: 2_000_000, Version: 100}
		free := len(tail.Entity) + len(tail.Scope) + len(tail.Payload)
		if got := format.GroupHeaderSize + len(format.AppendRecord(nil, 1, &head, &e)) - free; got != c.want {
			t.Errorf("bytes beyond names and payload with %s = %d, want %d", c.name, got, c.want)
		}
	}
}

func TestErrorTexts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&format.Error{Offset: 36, Reason: "odd byte"}, "odd byte (byte 36)"},
		{&format.NewerError{Found: 3}, "format version 3, known are versions up to 2"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%#v.Error() = %q, want %q", c.err, got, c.want)
		}
	}
}

// TestFaultPlace checks that a refusal names where the first fault is, not
// where the parser stood in the end.
func TestFaultPlace(t *testing.T) {
	for name, want := range map[string]int{
		"record-number-long":          60,
		"record-payload-version-huge": 66,
		"record-entity-overrun":       65,
		"record-correlation-cut":      64,
	} {
		for _, v := range vectors(t, name[:6]) {
			if v.name != name {
				continue
			}
			_, _, err := format.ParseRecord(v.body, format.RecordSeed(v.at.Store))
			got, ok := errors.AsType[*format.Error](err)
			if !ok || got.Offset != want {
				t.Errorf("ParseRecord(%s) = %v, want a fault at byte %d", name, err, want)
			}
		}
	}
}
