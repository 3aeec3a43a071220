package salvage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/salvage"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// script writes the bytes of a log, whatever they are.
type script struct {
	disk    *simfs.Disk
	header  format.SegmentHeader
	bytes   []byte
	next    uint64
	heads   map[string]index.Head
	clock   *clock.Clock
	linker  chain.Linker
	payload []byte
}

func newScript() *script {
	s := &script{disk: simfs.New(), next: 1, heads: map[string]index.Head{}, clock: clock.New(nil, func(b []byte) { clear(b) }, 0)}
	s.begin(format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1})
	return s
}

func (s *script) begin(h format.SegmentHeader) {
	s.header, s.bytes = h, format.AppendSegmentHeader(nil, h)
	s.put()
}

// put makes the bytes the content of the segment.
func (s *script) put() { s.disk.SetBytes(segment.Name(s.header.Segment), slices.Clone(s.bytes)) }

// rotate begins the next segment.
func (s *script) rotate() {
	digest := chain.NewSegment()
	digest.Write(s.bytes)
	s.begin(format.SegmentHeader{
		Store: s.header.Store, Segment: s.header.Segment + 1, FirstSequence: s.next,
		PrevLength: uint64(len(s.bytes)), PrevDigest: digest.Sum(),
	})
}

// group appends a group of one event, and returns where it begins.
func (s *script) group(entity string) int64 {
	return s.add(entity, s.next, s.heads[entity].Version+1, s.heads[entity].Hash)
}

// add appends a group of one event as it is told.
func (s *script) add(entity string, sequence, version uint64, prev [32]byte) int64 {
	at := int64(len(s.bytes))
	s.append(sequence, 1, s.record(entity, sequence, version, prev))
	return at
}

// record is a record as it is told, of an event that is the next.
func (s *script) record(entity string, sequence, version uint64, prev [32]byte) []byte {
	e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte(entity), Scope: []byte("s"), Payload: s.payload})
	h := format.Head{Sequence: sequence, Version: version, ID: s.clock.Next()}
	h.Hash = s.linker.Link(prev, &h, 1, e.Flags, e.Linked(), chain.Digest(s.payload))
	s.next, s.heads[entity] = sequence+1, index.Head{Version: version, Sequence: sequence, Hash: h.Hash}
	return format.AppendRecord(nil, format.RecordSeed(s.header.Store), &h, &e)
}

// append appends a group with a sound header, whatever its body is.
func (s *script) append(first uint64, count uint32, body []byte) {
	s.bytes = format.AppendGroup(s.bytes, format.GroupHeader{Type: format.GroupEvents, FirstSequence: first, Count: count, Incarnation: 1},
		format.Place{Store: s.header.Store, Segment: s.header.Segment, Offset: int64(len(s.bytes))}, body)
	s.put()
}

// flip damages a byte of a segment.
func (s *script) flip(number uint64, at int64) {
	b := slices.Clone(s.disk.Bytes(segment.Name(number)))
	b[at] ^= 8
	s.disk.SetBytes(segment.Name(number), b)
}

// read salvages, and returns the sequences that are shown.
func (s *script) read(t *testing.T) (*salvage.Log, []uint64) {
	t.Helper()
	r, x := segment.NewReader(s.disk.FS()), index.New(1)
	defer r.Close()
	log, err := salvage.Read(s.disk.FS(), r, x)
	if err != nil {
		t.Fatal(err)
	}
	var all []uint64
	for _, ref := range x.Find(make([]index.Ref, 0, 100), index.Query{}) {
		all = append(all, ref.Sequence)
	}
	return log, all
}

// want holds what is salvaged against what is shown, and the gaps: their segment,
// bytes and events, without the reasons.
func (s *script) want(t *testing.T, shown []uint64, gaps ...salvage.Gap) *salvage.Log {
	t.Helper()
	log, all := s.read(t)
	if !slices.Equal(all, shown) {
		t.Errorf("shown are events %v, want %v; gaps %+v", all, shown, log.Gaps)
	}
	brief := func(all []salvage.Gap) (text string) {
		for _, g := range all {
			text += fmt.Sprintf("\nsegment %d, %d to %d, events %d to %d, open %v, streams %q", g.Segment, g.Offset, g.End, g.FirstSequence, g.LastSequence, g.Open, g.Streams)
		}
		return text
	}
	if got, want := brief(log.Gaps), brief(gaps); got != want {
		t.Errorf("gaps %s\nwant %s", got, want)
	}
	return log
}

// TestReadOfHistoriesThatDoNotFit: a group whose checksums hold is left out if its
// events are numbered before others, or do not follow from those before them.
func TestReadOfHistoriesThatDoNotFit(t *testing.T) {
	s := newScript()
	s.group("a")
	s.group("b")
	at := s.add("c", 1, 1, [32]byte{})
	end := int64(len(s.bytes))
	s.next = 3
	s.group("a")
	s.want(t, []uint64{1, 2, 3}, salvage.Gap{Segment: 1, Offset: at, End: end, FirstSequence: 3, LastSequence: 2})

	s = newScript()
	s.group("a")
	head := s.heads["a"]
	at = s.add("a", 2, 2, [32]byte{1})
	end = int64(len(s.bytes))
	s.heads["a"] = head
	s.group("b")
	s.want(t, []uint64{1, 3}, salvage.Gap{Segment: 1, Offset: at, End: end, FirstSequence: 2, LastSequence: 2})

	s = newScript()
	s.group("a")
	at = s.add("a", 2, 3, [32]byte{})
	end = int64(len(s.bytes))
	s.want(t, []uint64{1}, salvage.Gap{Segment: 1, Offset: at, End: end, FirstSequence: 2, Open: true})

	long := newScript()
	long.group("a")
	at = long.group("a")
	end = int64(len(long.bytes))
	s = newScript()
	s.group("a")
	s.rotate() // which says that event 2 is its own
	s.group("b")
	s.disk.SetBytes(segment.Name(1), long.bytes)
	s.want(t, []uint64{1, 2}, salvage.Gap{Segment: 1, Offset: at, End: end, FirstSequence: 2, LastSequence: 1})
}

// TestReadNamesStreams: a stream is named in each of the gaps that lie between two of
// its events, or before its first, and its events from there on are unproven.
func TestReadNamesStreams(t *testing.T) {
	s := newScript()
	s.group("a")
	one := s.group("a")
	s.group("b")
	two := s.group("a")
	s.group("b")
	three := s.group("c")
	s.group("a")
	s.group("c")
	end := int64(len(s.bytes))
	s.flip(1, one)
	s.flip(1, two)
	s.flip(1, three)
	log := s.want(t, []uint64{1, 3, 5, 7, 8},
		salvage.Gap{Segment: 1, Offset: one, End: one + (end-96)/8, FirstSequence: 2, LastSequence: 2, Streams: []string{"a", "c"}},
		salvage.Gap{Segment: 1, Offset: two, End: two + (end-96)/8, FirstSequence: 4, LastSequence: 4, Streams: []string{"a", "c"}},
		salvage.Gap{Segment: 1, Offset: three, End: three + (end-96)/8, FirstSequence: 6, LastSequence: 6, Streams: []string{"a", "c"}},
	)
	if log.Breaks["a"] != 4 || log.Breaks["c"] != 2 || len(log.Breaks) != 2 {
		t.Errorf("streams break at %v, want a at 4 and c at 2", log.Breaks)
	}
}

// TestReadWithoutSegments: missing files are named in a row, one behind the last
// too if a tail was cut off it; one of another store counts as damage.
func TestReadWithoutSegments(t *testing.T) {
	s := newScript()
	for range 5 {
		s.group("a")
		s.rotate()
	}
	s.group("a")
	s.disk.Delete(segment.Name(3))
	s.disk.Delete(segment.Name(4))
	s.disk.SetBytes(replay.LostName(9, 96), []byte("torn"))
	s.disk.SetBytes("notes", nil)
	log := s.want(t, []uint64{1, 2, 5, 6},
		salvage.Gap{Segment: 3, FirstSequence: 3, LastSequence: 4, Streams: []string{"a"}},
		salvage.Gap{Segment: 7, FirstSequence: 7, Open: true},
	)
	if len(log.Foreign) != 1 || log.Segments != 4 || !strings.Contains(log.Gaps[0].Reason, "3 to 4") {
		t.Errorf("log %+v, want one foreign name and segments 3 to 4 missing", log)
	}

	other := newScript()
	other.begin(format.SegmentHeader{Store: [16]byte{8}, Segment: 2, FirstSequence: 2, PrevLength: 200})
	other.group("a")
	s = newScript()
	s.group("a")
	s.rotate()
	s.group("b")
	s.rotate()
	s.group("a")
	s.disk.SetBytes(segment.Name(2), other.bytes)
	s.want(t, []uint64{1, 3}, salvage.Gap{Segment: 2, End: int64(len(other.bytes)), FirstSequence: 2, LastSequence: 2})
}

// TestReadOfAnotherSegment: a segment of the right length that is not the one which
// the next names is told, though each of its groups is sound.
func TestReadOfAnotherSegment(t *testing.T) {
	other := newScript()
	other.payload = []byte("x")
	other.group("a")
	s := newScript()
	s.group("a")
	s.rotate()
	s.group("b")
	s.disk.SetBytes(segment.Name(1), other.bytes)
	s.want(t, []uint64{1, 2}, salvage.Gap{Segment: 1, End: int64(len(other.bytes)), FirstSequence: 1})
}

// TestReadOfAPayloadThatIsAGroup: a group that somebody put into a payload, where it
// would be in its place, is not taken for one when that payload's group is damaged.
func TestReadOfAPayloadThatIsAGroup(t *testing.T) {
	s := newScript()
	s.group("a")
	saved := *s
	before := slices.Clone(s.bytes)
	s.payload = make([]byte, 300)
	at := s.group("victim")
	inside := at + int64(len(s.bytes)-int(at)) - 300

	forger := saved
	forger.heads, forger.disk = map[string]index.Head{}, simfs.New()
	forger.bytes = append(before, make([]byte, inside-int64(len(before)))...)
	forger.group("forged")
	s.bytes, s.next = s.bytes[:at], 2
	s.heads = map[string]index.Head{"a": s.heads["a"]}
	copy(s.payload, forger.bytes[inside:])
	s.group("victim")
	end := int64(len(s.bytes))
	s.payload = nil
	s.group("a")
	if string(s.bytes[inside:inside+4]) != string(s.bytes[96:100]) {
		t.Fatal("the payload does not begin with a group")
	}
	s.want(t, []uint64{1, 2, 3})
	s.flip(1, end-1)
	s.want(t, []uint64{1, 3}, salvage.Gap{Segment: 1, Offset: at, End: end, FirstSequence: 2, LastSequence: 2})
}

// TestReadFails: nothing is salvaged of what is no log, of one whose store nobody
// knows, or from a disk that does not read.
func TestReadFails(t *testing.T) {
	s := newScript()
	for range 3 {
		s.group("a")
		s.rotate()
	}
	s.group("a")
	s.flip(2, 200)
	read := func(d *simfs.Disk) error {
		r := segment.NewReader(d.FS())
		defer r.Close()
		_, err := salvage.Read(d.FS(), r, index.New(1))
		return err
	}
	if err := read(simfs.New()); !errors.Is(err, replay.ErrNone) {
		t.Errorf("Read of nothing = %v, want ErrNone", err)
	}
	for _, op := range []faultfs.Op{faultfs.OpList, faultfs.OpOpen, faultfs.OpRead} {
		fired := 0
		for n := 1; ; n++ {
			s.disk.Fail(faultfs.Fault{Op: op, N: n, Err: syscall.EIO})
			err := read(s.disk)
			s.disk.Heal()
			if err == nil {
				break
			}
			if fired++; !errors.Is(err, syscall.EIO) {
				t.Fatalf("Read with %s %d failing = %v, want EIO", op, n, err)
			}
		}
		if fired == 0 {
			t.Errorf("no %s failed", op)
		}
	}
	for n := uint64(1); n <= 4; n++ {
		s.flip(n, 20)
	}
	if _, ok := errors.AsType[*segment.DamageError](read(s.disk)); !ok {
		t.Error("Read without a sound header does not fail with a DamageError")
	}
}
