package recovery_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestRewrittenHistory: a segment of the same store, number, length and
// sequences, but with other content, is told by its digest.
func TestRewrittenHistory(t *testing.T) {
	history := func(payload string) *simfs.Disk {
		disk, m := simfs.New(), new(model)
		s, err := open(disk.FS(), 100)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := s.appendPayload(m, payload); err != nil {
				t.Fatal(err)
			}
		}
		return disk
	}
	a, b := history("a"), history("b")
	for _, number := range []uint64{1, 2} {
		image, name := a.Kill(), segment.Name(number)
		if len(a.Bytes(name)) != len(b.Bytes(name)) {
			t.Fatalf("segments %d are of unequal length", number)
		}
		image.SetBytes(name, b.Bytes(name))
		_, _, err := opened(t, image)
		if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Segment > number {
			t.Errorf("segment %d of another history: open = %v, want a DamageError there", number, err)
		}
	}
}

// TestCloseGroupProves: a close group says that everything before it was durable,
// whatever its mark.
func TestCloseGroupProves(t *testing.T) {
	disk, _ := build(t, script{seed: 1, groups: 2, segmentSize: 1 << 20})
	s, err := open(disk.Kill().FS(), 600)
	if err != nil {
		t.Fatal(err)
	}
	name, end := segment.Name(1), s.Writer.End()
	b := slices.Clone(disk.Bytes(name)[:end])
	b = format.AppendGroup(b, format.GroupHeader{Type: format.GroupClose, FirstSequence: s.next, Incarnation: 1},
		format.Place{Store: s.Store, Segment: 1, Offset: end}, nil)
	b[end-1] ^= 1 // in the last group
	disk.SetBytes(name, b)
	if _, got, err := opened(t, disk); err == nil {
		t.Errorf("damage before a close group was opened with %d events, want a refusal", len(got))
	}
}

// TestSegmentThatLies: a header, or a group behind one, that does not continue
// the log is refused, though its checksums hold.
func TestSegmentThatLies(t *testing.T) {
	disk, m := simfs.New(), new(model)
	var s *store
	for range 3 { // in three segments, by three openings
		var err error
		if s, err = open(disk.FS(), 100); err != nil {
			t.Fatal(err)
		}
		if err := s.appendPayload(m, "payload"); err != nil {
			t.Fatal(err)
		}
	}
	const at = format.SegmentHeaderSize
	name, h, place := segment.Name(3), s.log.Header, format.Place{Store: s.Store, Segment: 3, Offset: at}
	sound := disk.Bytes(name)
	for what, lie := range map[string]func(b []byte) []byte{
		"nothing": func(b []byte) []byte { return b },
		"first sequence": func(b []byte) []byte {
			h := h
			h.FirstSequence++
			return append(format.AppendSegmentHeader(nil, h), b[at:]...)
		},
		"first sequence, no groups": func([]byte) []byte {
			h := h
			h.FirstSequence++
			return format.AppendSegmentHeader(nil, h)
		},
		"earlier opening": func(b []byte) []byte {
			g, err := format.ParseGroupHeader(b[at:], place)
			if err != nil {
				t.Fatal(err)
			}
			g.Incarnation = 1
			end := at + format.GroupHeaderSize + int(g.BodyLength)
			return format.AppendGroup(b[:at:at], g, place, b[at+format.GroupHeaderSize:end])
		},
	} {
		disk.SetBytes(name, lie(slices.Clone(sound)))
		_, _, err := opened(t, disk.Kill())
		if (err == nil) != (what == "nothing") {
			t.Errorf("segment that lies about %s: open = %v", what, err)
		}
	}
}

// TestForeignHeader: no crash leaves a segment with another header than its own,
// as a segment gets its name when its header is durable.
func TestForeignHeader(t *testing.T) {
	disk, _ := build(t, script{seed: 1, groups: 4, segmentSize: 1 << 20, close: true})
	for what, h := range map[string]format.SegmentHeader{
		"segment": {Store: [16]byte{15: 0xAB}, Segment: 1, FirstSequence: 1},
		"store":   {Store: [16]byte{1}, Segment: 2, FirstSequence: 9, PrevLength: 900, PrevDigest: [32]byte{1}},
	} {
		b := format.AppendSegmentHeader(nil, h)
		for _, content := range [][]byte{nil, b[:50], b, append(b, 1)} {
			image := disk.Kill()
			image.SetBytes(segment.Name(2), content)
			if _, _, err := opened(t, image); err == nil {
				t.Errorf("%d bytes with the header of another %s were opened, want a refusal", len(content), what)
			}
		}
	}
}

// TestNewerFormat: bytes of a later version are refused as such, wherever.
func TestNewerFormat(t *testing.T) {
	p := script{seed: 1, groups: 6, segmentSize: 700}
	last := func(d *simfs.Disk) (name string, number uint64) {
		names := d.Names()
		return names[len(names)-1], uint64(len(names))
	}
	header := func(size int) func(d *simfs.Disk) {
		return func(d *simfs.Disk) {
			name, _ := last(d)
			b := append(d.Bytes(name), make([]byte, size)...)
			binary.LittleEndian.PutUint16(b[8:], format.Version+1)
			binary.LittleEndian.PutUint16(b[10:], uint16(size))
			crc := crc32.Checksum(b[:size-4], crc32.MakeTable(crc32.Castagnoli))
			binary.LittleEndian.PutUint32(b[size-4:], crc)
			d.SetBytes(name, b)
		}
	}
	group := func(h format.GroupHeader, body []byte, gap int) func(d *simfs.Disk) {
		return func(d *simfs.Disk) {
			name, number := last(d)
			s, err := open(d.Kill().FS(), 700)
			if err != nil {
				t.Fatal(err)
			}
			b := slices.Clone(d.Bytes(name)[:s.Writer.End()])
			b = append(b, bytes.Repeat([]byte{1}, gap)...)
			h.FirstSequence, h.Incarnation = s.next, s.Incarnation
			d.SetBytes(name, format.AppendGroup(b, h, format.Place{Store: s.Store, Segment: number, Offset: int64(len(b))}, body))
		}
	}
	seed := format.RecordSeed([16]byte{15: 0xAB})
	encoded := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s")})
	encoded.Flags |= 1 << 4
	record := format.AppendRecord(nil, seed, &format.Head{Sequence: 1, Version: 1, ID: [16]byte{1}}, &encoded)

	for what, change := range map[string]func(d *simfs.Disk){
		"segment header":          header(format.SegmentHeaderSize),
		"longer segment header":   header(500),
		"longest segment header":  header(1<<16 - 1),
		"group type":              group(format.GroupHeader{Type: 3}, nil, 0),
		"group type behind a gap": group(format.GroupHeader{Type: 3}, nil, 100),
		"record flag":             group(format.GroupHeader{Type: format.GroupEvents, Count: 1}, record, 0),
	} {
		disk, _ := build(t, p)
		change(disk)
		_, _, err := opened(t, disk)
		newer, ok := errors.AsType[*segment.NewerError](err)
		if _, number := last(disk); !ok || newer.Segment != number || newer.Found != format.Version+1 {
			t.Errorf("%s: open = %v, want a NewerError of segment %d", what, err, number)
		}
	}
}

// TestGroupThatLies: a sound group whose content does not continue the log was
// not written by a crash.
func TestGroupThatLies(t *testing.T) {
	encoded := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("new"), Scope: []byte("s")})
	for what, lie := range map[string]func(g *format.GroupHeader, h *format.Head, body *[]byte){
		"group sequence":  func(g *format.GroupHeader, _ *format.Head, _ *[]byte) { g.FirstSequence++ },
		"record sequence": func(_ *format.GroupHeader, h *format.Head, _ *[]byte) { h.Sequence++ },
		"version":         func(_ *format.GroupHeader, h *format.Head, _ *[]byte) { h.Version++ },
		"id in the past":  func(_ *format.GroupHeader, h *format.Head, _ *[]byte) { h.ID = [16]byte{6: 0x70, 8: 0x80} },
		"id of no clock":  func(_ *format.GroupHeader, h *format.Head, _ *[]byte) { h.ID[6] ^= 0x10 },
		"too many bytes":  func(_ *format.GroupHeader, _ *format.Head, body *[]byte) { *body = append(*body, 0) },
		"count": func(g *format.GroupHeader, _ *format.Head, body *[]byte) {
			g.Count++
			*body = append(*body, make([]byte, 99)...)
		},
		"nothing": func(*format.GroupHeader, *format.Head, *[]byte) {},
	} {
		disk, _ := build(t, script{seed: 1, groups: 3, segmentSize: 1 << 20})
		s, err := open(disk.FS(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		g := format.GroupHeader{Type: format.GroupEvents, FirstSequence: s.next, Count: 1, Incarnation: s.Incarnation}
		h := format.Head{Sequence: s.next, Version: 1, ID: s.clock.Next()}
		var extra []byte
		lie(&g, &h, &extra)
		body := append(format.AppendRecord(nil, s.seed, &h, &encoded), extra...)
		b := slices.Clone(disk.Bytes(segment.Name(1))[:s.Writer.End()])
		end := int64(len(b))
		disk.SetBytes(segment.Name(1), format.AppendGroup(b, g, format.Place{Store: s.Store, Segment: 1, Offset: end}, body))

		_, _, err = opened(t, disk)
		d, refused := errors.AsType[*segment.DamageError](err)
		if refused == (what == "nothing") {
			t.Errorf("group that lies about %s: open = %v", what, err)
		}
		if refused && (d.Segment != 1 || d.Offset < end || d.FirstSequence < s.next) {
			t.Errorf("group that lies about %s: %+v, want segment 1, an offset from %d, sequence from %d", what, d, end, s.next)
		}
	}
}

// TestStaleGroup: a group of an earlier opening behind a newer one is old bytes,
// not corruption.
func TestStaleGroup(t *testing.T) {
	disk, m := build(t, script{seed: 1, groups: 3, segmentSize: 1 << 20})
	s, err := open(disk.FS(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.append(rand.New(rand.NewPCG(1, 1)), m, 1, true); err != nil {
		t.Fatal(err)
	}
	end := s.Writer.End()
	b := slices.Clone(disk.Bytes(segment.Name(1))[:end])
	stale := format.GroupHeader{Type: format.GroupClose, FirstSequence: s.next, Incarnation: 1}
	disk.SetBytes(segment.Name(1), format.AppendGroup(b, stale, format.Place{Store: s.Store, Segment: 1, Offset: end}, nil))
	got, events, err := opened(t, disk)
	if err != nil || len(events) != len(m.events) || got.Report.Cut == 0 {
		t.Errorf("open with a stale group at the end = %d events, %v, want %d and a cut tail", len(events), err, len(m.events))
	}
}

// TestHostileSizes: lengths that the file does not back cost no memory, and a
// file full of what looks like groups no more time than its bytes.
func TestHostileSizes(t *testing.T) {
	disk, m := build(t, script{seed: 1, groups: 3, segmentSize: 1 << 20})
	s, err := open(disk.Kill().FS(), 600)
	if err != nil {
		t.Fatal(err)
	}
	end := s.Writer.End()
	sound := slices.Clone(disk.Bytes(segment.Name(1))[:end])
	place := format.Place{Store: s.Store, Segment: 1, Offset: end}
	huge := format.AppendGroup(nil, format.GroupHeader{Type: format.GroupEvents, FirstSequence: s.next, Count: 1 << 25, Incarnation: 1}, place, nil)
	binary.LittleEndian.PutUint32(huge[20:], 1<<32-1)
	binary.LittleEndian.PutUint32(huge[36:], reseal(huge[:36], place))
	for what, tail := range map[string][]byte{
		"body of 4 GiB":      huge,
		"a million magics":   bytes.Repeat(huge[:4], 1<<20),
		"many group headers": bytes.Repeat(huge, 1<<16),
	} {
		disk.SetBytes(segment.Name(1), append(slices.Clone(sound), tail...))
		before := allocated()
		_, got, err := opened(t, disk.Kill())
		if err != nil || len(got) != len(m.events) {
			t.Errorf("%s: %d events, %v, want %d", what, len(got), err, len(m.events))
		}
		// The simulated disk holds several copies of the bytes.
		if grown, limit := allocated()-before, uint64(64<<20+64*len(tail)); grown > limit {
			t.Errorf("%s: allocated %d bytes, want at most %d", what, grown, limit)
		}
	}
}

// reseal is the checksum of a group header that was changed.
func reseal(head []byte, at format.Place) uint32 {
	b := binary.LittleEndian.AppendUint64(at.Store[:], at.Segment)
	b = binary.LittleEndian.AppendUint64(b, uint64(at.Offset))
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b, table), table, head)
}

func allocated() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.TotalAlloc
}
