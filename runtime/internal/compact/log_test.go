package compact_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var storeID = [16]byte{1, 2, 3}

// event is what the laws compare.
type event struct {
	Sequence, Version uint64
	ID                [16]byte
	Hash              [32]byte
	Kind              uint16
	Incarnation       uint32
	Entity            string
	Scope, Key, Ext   string // empty if the event was dropped
	Payload           string // of a tombstone the digest
	Tombstone         bool
}

// builder writes a log as its writer would.
type builder struct {
	disk    *simfs.Disk
	dir     vfs.FS
	r       *rand.Rand
	next    uint64
	heads   map[string]event
	header  format.SegmentHeader
	body    []byte // of the segment under way
	opening uint32
}

// build makes a log of so many segments, all durable, the last one with a group.
func build(t testing.TB, seed uint64, segments int) *simfs.Disk {
	t.Helper()
	b := newBuilder(seed)
	for n := range segments {
		b.body = format.AppendSegmentHeader(nil, b.header)
		for range 1 + b.r.IntN(4) {
			b.group(1 + b.r.IntN(4))
			if b.r.IntN(4) == 0 {
				b.close()
			}
		}
		if n == segments-2 && b.r.IntN(2) == 0 {
			b.close()
		}
		b.end(t)
	}
	return b.disk
}

func newBuilder(seed uint64) *builder {
	disk := simfs.New()
	return &builder{
		disk: disk, dir: disk.FS(), r: rand.New(rand.NewPCG(seed, 0)), next: 1, heads: map[string]event{}, opening: 1,
		header: format.SegmentHeader{Store: storeID, Segment: 1, FirstSequence: 1},
	}
}

// end writes the file of the segment under way.
func (b *builder) end(t testing.TB) {
	t.Helper()
	if err := vfs.WriteFile(b.dir, segment.Name(b.header.Segment), b.body); err != nil {
		t.Fatal(err)
	}
	b.header = format.SegmentHeader{
		Store: storeID, Segment: b.header.Segment + 1, FirstSequence: b.next,
		PrevLength: uint64(len(b.body)), PrevDigest: chain.Digest(b.body),
	}
}

func (b *builder) place() format.Place {
	return format.Place{Store: storeID, Segment: b.header.Segment, Offset: int64(len(b.body))}
}

func (b *builder) close() {
	b.body = format.AppendGroup(b.body, format.GroupHeader{Type: format.GroupClose, FirstSequence: b.next, Incarnation: b.opening}, b.place(), nil)
	b.opening++
}

func (b *builder) group(n int) {
	h := format.GroupHeader{Type: format.GroupEvents, FirstSequence: b.next, Count: uint32(n), Incarnation: b.opening}
	var body []byte
	var linker chain.Linker
	for range n {
		tail := format.Tail{
			Kind: uint16(0x1000 + b.r.IntN(3)), PayloadVersion: 1, Scope: []byte("s"),
			Entity:  fmt.Appendf(nil, "entity-%d", b.r.IntN(3)),
			Payload: make([]byte, b.r.IntN(60)),
		}
		for i := range tail.Payload {
			tail.Payload[i] = byte(b.r.Uint32())
		}
		if b.r.IntN(4) == 0 {
			tail.Key = fmt.Appendf(nil, "key-%d", b.next)
		}
		if b.r.IntN(4) == 0 {
			tail.Causation, tail.Extensions = [16]byte{1}, []byte{0x80}
		}
		before := b.heads[string(tail.Entity)]
		e := format.EncodeTail(&tail)
		head := format.Head{Sequence: b.next, Version: before.Version + 1, ID: [16]byte{7: byte(b.next), 8: 0x80, 6: 0x70}}
		head.Hash = linker.Link(before.Hash, &head, e.Kind, e.Flags, e.Linked(), chain.Digest(tail.Payload))
		body = format.AppendRecord(body, format.RecordSeed(storeID), &head, &e)
		b.heads[string(tail.Entity)] = event{Version: head.Version, Hash: head.Hash}
		b.next++
	}
	b.body = format.AppendGroup(b.body, h, b.place(), body)
}

// spans are the files of the log that have their names.
func spans(disk *simfs.Disk) (all []segment.Span) {
	for _, name := range disk.Names() {
		if s, ok := segment.ParseSpan(name); ok {
			all = append(all, s)
		}
	}
	return all
}

// readLog reads all events of a log, and holds everything against everything. It is
// the only thing in these tests that says what a log is.
func readLog(dir vfs.FS, files []segment.Span) (events []event, err error) {
	reader := segment.NewReader(dir)
	defer reader.Close()
	for _, s := range files {
		if s.Round > 0 {
			reader.Serve(s)
		}
	}
	heads := map[string]event{}
	want := format.SegmentHeader{Store: storeID, Segment: 1, FirstSequence: 1}
	incarnation := uint32(0)
	for i, file := range files {
		s, err := reader.Scan(file.First)
		if err != nil {
			return nil, err
		}
		size := s.Size()
		h, err := s.Head()
		if err != nil {
			return nil, err
		}
		if h != want {
			return nil, fmt.Errorf("%s begins with %+v, want %+v", file.Name(), h, want)
		}
		merged, isMerged := s.Merged()
		whole, groups := chain.NewSegment(), chain.NewSegment()
		whole.Write(s.Bytes())
		highest := uint32(0)
		for {
			ok, err := s.Next()
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			whole.Write(s.Bytes())
			groups.Write(s.Bytes())
			g := s.Group()
			if g.Incarnation < incarnation {
				return nil, fmt.Errorf("%s, offset %d: incarnation %d after %d", file.Name(), s.Offset(), g.Incarnation, incarnation)
			}
			incarnation, highest = g.Incarnation, g.Incarnation
			if isMerged && (g.Type == format.GroupClose || g.Durable != 0) {
				return nil, fmt.Errorf("%s, offset %d: group of type %d with mark %d", file.Name(), s.Offset(), g.Type, g.Durable)
			}
			if events, err = readGroup(events, s, heads, isMerged); err != nil {
				return nil, fmt.Errorf("%s, offset %d: %w", file.Name(), s.Offset(), err)
			}
		}
		if s.End() != size && !isMerged && i < len(files)-1 {
			return nil, fmt.Errorf("%s ends at %d, its groups at %d", file.Name(), size, s.End())
		}
		want = format.SegmentHeader{Store: storeID, Segment: file.Last + 1, FirstSequence: uint64(len(events)) + 1, PrevLength: uint64(s.End()), PrevDigest: whole.Sum()}
		if isMerged {
			if merged.Digest != groups.Sum() || merged.Length != uint64(s.End()) || merged.NextSequence != want.FirstSequence || merged.Incarnation < highest {
				return nil, fmt.Errorf("%s is not what its header says", file.Name())
			}
			incarnation = merged.Incarnation
			want.PrevLength, want.PrevDigest = merged.LastLength, merged.LastDigest
		}
	}
	return events, nil
}

func readGroup(events []event, s *segment.Scanner, heads map[string]event, merged bool) ([]event, error) {
	var linker chain.Linker
	g, n := s.Group(), 0
	for body := s.Body(); len(body) > 0; n++ {
		r, rest, err := format.ParseRecord(body, format.RecordSeed(storeID))
		if err != nil {
			return nil, err
		}
		before := heads[string(r.Entity)]
		switch {
		case r.Sequence != uint64(len(events))+1 || r.Version != before.Version+1:
			return nil, fmt.Errorf("event %d, version %d after event %d, version %d", r.Sequence, r.Version, len(events), before.Version)
		case !linker.Verify(before.Hash, &r):
			return nil, fmt.Errorf("event %d does not follow", r.Sequence)
		case r.Tombstone && !merged:
			return nil, fmt.Errorf("event %d is a tombstone in a segment that was written", r.Sequence)
		}
		e := event{
			Sequence: r.Sequence, Version: r.Version, ID: r.ID, Hash: r.Hash, Kind: r.Kind, Incarnation: g.Incarnation,
			Entity: string(r.Entity), Scope: string(r.Scope), Key: string(r.Key), Ext: string(r.Extensions), Payload: string(r.Payload), Tombstone: r.Tombstone,
		}
		heads[e.Entity] = e
		events, body = append(events, e), rest
	}
	if n != int(g.Count) || n > 0 && events[len(events)-n].Sequence != g.FirstSequence {
		return nil, fmt.Errorf("group of %d events says %d", n, g.Count)
	}
	return events, nil
}

// decide makes a tombstone of some events and drops others.
func decide(r *format.Record) (compact.Verdict, error) { return verdictOf(r.Sequence), nil }

func verdictOf(sequence uint64) compact.Verdict { return compact.Verdict(sequence * 7 % 5 % 3) }

func keepAll(*format.Record) (compact.Verdict, error) { return compact.Keep, nil }

// after is what a merge of segments makes of the events from one sequence to another.
func after(events []event, from, to uint64) []event {
	events = slices.Clone(events)
	for i := range events {
		e := &events[i]
		verdict := verdictOf(e.Sequence)
		switch {
		case e.Sequence < from || e.Sequence > to || verdict == compact.Keep:
		case verdict == compact.Drop && e.Key == "":
			e.Scope, e.Ext, e.Payload, e.Tombstone = "", "", "", true
		case e.Tombstone:
		default:
			d := chain.Digest([]byte(e.Payload))
			e.Payload, e.Tombstone = string(d[:]), true
		}
	}
	return events
}

func noStep(int) error { return nil }

// merge merges the files of the log from one place to another, as a store would.
func merge(dir vfs.FS, files []segment.Span, from, to int, decide func(*format.Record) (compact.Verdict, error)) (done bool, err error) {
	check := checkfs.Must(dir)
	err = check.SyncDir()
	if err == nil {
		_, err = check.List()
	}
	if err != nil {
		return false, err
	}
	reader := segment.NewReader(check)
	defer func() { err = errors.Join(err, reader.Close()) }()
	for _, s := range files {
		if s.Round > 0 {
			reader.Serve(s)
		}
	}
	m, err := compact.Stage(check, reader, files[from:to], decide, noStep)
	if err != nil {
		return false, err
	}
	if err := m.Commit(); err != nil {
		return false, err
	}
	reader.Serve(m.Span())
	reader.Sweep()
	return true, m.Finish()
}

// settle does what an opening does, and returns the events.
func settle(dir vfs.FS) ([]event, compact.Outcome, error) {
	check := checkfs.Must(dir)
	if err := check.SyncDir(); err != nil {
		return nil, 0, err
	}
	entries, err := check.List()
	if err != nil {
		return nil, 0, err
	}
	var files []segment.Span
	var temps []string
	for _, e := range entries {
		s, ok := segment.ParseSpan(e.Name)
		switch {
		case ok:
			files = append(files, s)
		case strings.HasSuffix(e.Name, vfs.TempSuffix):
			temps = append(temps, e.Name)
		}
	}
	s, err := compact.Examine(check, files)
	if err != nil {
		return nil, 0, err
	}
	if err := s.Publish(); err != nil {
		return nil, s.Outcome, err
	}
	events, err := readLog(check, s.Log)
	if err != nil {
		return nil, s.Outcome, err
	}
	if err := s.Apply(); err != nil {
		return nil, s.Outcome, err
	}
	for _, name := range temps {
		if err := check.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, s.Outcome, err
		}
	}
	return events, s.Outcome, nil
}

// TestMergeInPieces: who merges syncs often what it writes, and says how much it reads,
// writes, the index of the merged segment included, and reads back. It can be ended at the
// last of it.
func TestMergeInPieces(t *testing.T) {
	b := newBuilder(1)
	read := 0
	for n := range 3 {
		b.body = format.AppendSegmentHeader(nil, b.header)
		for range 180 >> n {
			b.group(400)
		}
		if n < 2 {
			read += len(b.body) - format.SegmentHeaderSize
		}
		b.end(t)
	}
	reader := segment.NewReader(b.dir)
	defer reader.Close()
	files := spans(b.disk)
	synced, most, told, steps, size := map[string]int{}, 0, 0, 0, 0
	b.disk.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpSync {
			now := len(b.disk.Bytes(name))
			most, size = max(most, now-synced[name]), max(size, now)
			synced[name] = now
		}
	})
	m, err := compact.Stage(b.dir, reader, files[:2], keepAll, func(bytes int) error { told += bytes; steps++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	b.disk.OnOp(nil)
	if err := m.Discard(); err != nil {
		t.Fatal(err)
	}
	if index := size - read; index < 5<<20 || told < 2*read+index/2 {
		t.Errorf("%d bytes of %d that are read twice, and %d of an index, are told", told, read, index)
	}
	ended := errors.New("ended")
	_, err = compact.Stage(b.dir, reader, files[:2], keepAll, func(int) error {
		if steps--; steps == 0 {
			return ended
		}
		return nil
	})
	if names := spans(b.disk); !errors.Is(err, ended) || len(b.disk.Names()) != len(names) {
		t.Errorf("Stage() that is ended at its last step = %v and leaves %v", err, b.disk.Names())
	}
	if most > 5<<20 {
		t.Errorf("%d bytes of %d are synced at once", most, size)
	}
}

// TestMerge: a log has the same events after a merge, but for what was taken away;
// and after a merge of what was merged.
func TestMerge(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		disk := build(t, seed, 3+r.IntN(5))
		dir := disk.FS()
		for range 3 {
			files := spans(disk)
			want, err := readLog(dir, files)
			if err != nil {
				t.Fatal(err)
			}
			from := r.IntN(len(files) - 1)
			to := from + 1 + r.IntN(len(files)-1-from)
			how := decide
			if r.IntN(2) == 0 {
				how = keepAll
			} else {
				reader := segment.NewReader(dir)
				want = after(want, firstOf(t, reader, files[from]), firstOf(t, reader, files[to])-1)
				_ = reader.Close()
			}
			writer := lastWriter(t, dir, files[from:to])
			if _, err := merge(dir, files, from, to, how); err != nil {
				t.Fatalf("seed %d: merge of %v: %v", seed, files[from:to], err)
			}
			if got := lastWriter(t, dir, spans(disk)[from:from+1]); got != writer {
				t.Fatalf("seed %d: last incarnation of %v = %d after the merge, %d before", seed, files[from:to], got, writer)
			}
			names := spans(disk)
			got, err := readLog(dir, names)
			if err != nil {
				t.Fatalf("seed %d: %v: %v", seed, names, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("seed %d: events after a merge of %v:\n%s", seed, files[from:to], d)
			}
			if n := len(files) - (to - from) + 1; len(disk.Names()) != n {
				t.Fatalf("seed %d: files after the merge = %v, want %d", seed, disk.Names(), n)
			}
		}
	}
}

// lastWriter is the highest incarnation that wrote a group of some files.
func lastWriter(t *testing.T, dir vfs.FS, files []segment.Span) (highest uint32) {
	t.Helper()
	reader := segment.NewReader(dir)
	defer reader.Close()
	for _, f := range files {
		if f.Round > 0 {
			reader.Serve(f)
		}
		s, err := reader.Scan(f.First)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Head(); err != nil {
			t.Fatal(err)
		}
		if m, ok := s.Merged(); ok {
			highest = max(highest, m.Incarnation)
			continue
		}
		for {
			if ok, err := s.Next(); err != nil {
				t.Fatal(err)
			} else if !ok {
				break
			}
			highest = max(highest, s.Group().Incarnation)
		}
	}
	return highest
}

// firstOf is the first sequence of a file.
func firstOf(t *testing.T, reader *segment.Reader, s segment.Span) uint64 {
	t.Helper()
	if s.Round > 0 {
		reader.Serve(s)
	}
	scan, err := reader.Scan(s.First)
	if err != nil {
		t.Fatal(err)
	}
	h, err := scan.Head()
	if err != nil {
		t.Fatal(err)
	}
	return h.FirstSequence
}

// contents are the bytes of all files.
func contents(disk *simfs.Disk) map[string]string {
	m := map[string]string{}
	for _, name := range disk.Names() {
		m[name] = string(disk.Bytes(name))
	}
	return m
}
