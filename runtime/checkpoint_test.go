package batpak_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// covering are options with which checkpoints are written for every so many bytes.
func covering(segment, every int64) *batpak.Options {
	o := &batpak.Options{SegmentSize: segment}
	rtopts.SetCheckpoint(&o.Internal, every, 0)
	return o
}

// covered makes a store of two segments with a footer and one with a checkpoint, behind
// which there are some more events, and closes it.
func covered(t *testing.T) (*simfs.Disk, []batpak.Event) {
	t.Helper()
	d := simfs.New()
	for life, n := range []int{62, 9, 2} {
		o := covering(4096, 400)
		if life == 2 {
			o = covering(4096, 1<<20)
		}
		s := openSim(t, d, o)
		for i := range n {
			mustAppend(t, s, note(fmt.Sprint("a:", i%7), fmt.Sprint("payload ", life, i)), batpak.Key(fmt.Sprint("key ", life, i)))
		}
		if life == 1 {
			image := d.Kill() // both checkpoints are there
			d.Stop()
			d = image
			continue
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return d, allOf(t, d)
}

// allOf are the events of the store on a disk as they are without any checkpoint.
func allOf(t *testing.T, d *simfs.Disk) []batpak.Event {
	t.Helper()
	bare := directoryOf(d)
	for _, name := range checkpoint.Names() {
		bare = bare.without(name)
	}
	s := openSim(t, bare.disk(), nil)
	events, err := eventsOf(s)
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return events
}

// isWhole fails if a store does not answer as if it had been read whole.
func isWhole(t *testing.T, s *batpak.Store, events []batpak.Event) {
	t.Helper()
	got, err := eventsOf(s)
	if diff := differs(got, events); err != nil || diff != "" || len(got) != len(events) {
		t.Errorf("there are %d events, %v, want %d: %s", len(got), err, len(events), diff)
	}
	for _, e := range events {
		if got, err := s.ByKey(e.Key); err != nil || got.Sequence != e.Sequence {
			t.Errorf("ByKey(%s) = event %d, %v, want %d", e.Key, got.Sequence, err, e.Sequence)
		}
	}
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(len(events)) {
		t.Errorf("Verify() = %+v, %v", v, err)
	}
}

// TestCheckpointSparesReading: what a checkpoint covers is not read when the store is
// opened, and the store is the same as if it were. When the segment is ended, all of it
// passes into the digest in the next header, and its footer is as if there had been no
// checkpoint.
func TestCheckpointSparesReading(t *testing.T) {
	d, events := covered(t)
	s := openSim(t, d, covering(4096, 1<<20))
	if r := s.Report(); r.Checkpoint == "" || r.Covered <= format.SegmentHeaderSize || len(r.Refused) > 0 || r.Indexed != r.Segments-1 || !r.Clean || r.Events != uint64(len(events)) {
		t.Errorf("report is %+v, want a checkpoint of the last segment", r)
	}
	if r := s.Report(); r.Restored == 0 || r.Restored >= r.Events || r.TookList+r.TookSealed+r.TookLast+r.TookRepair > r.Took {
		t.Errorf("report is %+v, want some events restored, some read, and parts of the time that are no more than all of it", r)
	}
	isWhole(t, s, events)
	before := s.Report().Segments
	for i := range 60 {
		r, err := s.Append(t.Context(), note(fmt.Sprint("a:", i%7), "more"), batpak.Key(fmt.Sprint("more ", i)))
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.At(r.Sequence())
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	isWhole(t, s, events)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openSim(t, d, nil)
	if r := again.Report(); r.Segments <= before || r.Indexed != r.Segments-1 || len(r.Refused) > 0 {
		t.Errorf("report is %+v, want more than %d segments, all with footers, and no old checkpoint", r, before)
	}
	isWhole(t, again, events)
	if got := allOf(t, d); differs(got, events) != "" || len(got) != len(events) {
		t.Errorf("without the checkpoints there are %d events, want %d: %s", len(got), len(events), differs(got, events))
	}
}

// TestRotationAfterCheckpoint: a segment that begins with what a checkpoint covers is ended
// beside the goroutine that reads it ahead. What the next one says of it is true.
func TestRotationAfterCheckpoint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	last := uint64(0)
	for life := range 6 {
		s, err := batpak.Open(dir, overseen(covering(64<<10, 4<<10)))
		s = opened(t, s, err)
		r := s.Report()
		if life > 0 && (r.Checkpoint == "" || r.Events != last || r.Indexed != r.Segments-1 || len(r.Refused) > 0) {
			t.Errorf("report is %+v, want a checkpoint of the last segment, and %d events", r, last)
		}
		for range 150 {
			last = mustAppend(t, s, note(fmt.Sprint("a:", last%7), strings.Repeat("payload ", 40))).Sequence()
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := batpak.Open(dir, overseen(nil))
	s = opened(t, s, err)
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != last || v.Segments < 5 {
		t.Errorf("Verify() = %+v, %v, want %d events", v, err, last)
	}
}

// TestCheckpointThatIsOfNoUse: whatever becomes of a checkpoint, it costs no more than to
// read what the other one, or none, covers.
func TestCheckpointThatIsOfNoUse(t *testing.T) {
	d, events := covered(t)
	was := directoryOf(d)
	names := checkpoint.Names()
	random := rand.New(rand.NewPCG(1, 2))
	other := simfs.New()
	long := openSim(t, other, covering(1024, 400))
	for range 60 {
		mustAppend(t, long, note("a:1", "a longer log"))
	}
	if err := long.Close(); err != nil {
		t.Fatal(err)
	}
	s := openSim(t, was.disk(), nil)
	newest := s.Report().Checkpoint
	if err := s.Close(); err != nil || newest == "" {
		t.Fatalf("no checkpoint was used, %v", err)
	}
	older := checkpoint.Other(newest)
	content := was[newest]
	for what, b := range map[string][]byte{
		"missing": nil, "empty": {}, "cut": content[:len(content)-1], "cut in front": content[1:], "half": content[:len(content)/2],
		"longer": append(bytes.Clone(content), 0), "junk": bytes.Repeat([]byte("junk"), 300), "of another store": other.Bytes(checkpoint.Names()[0]),
		"zeros": make([]byte, len(content)),
	} {
		disk := was.with(newest, b)
		if b == nil {
			disk = was.without(newest)
		}
		s := openSim(t, disk.disk(), nil)
		if r := s.Report(); r.Checkpoint != older || len(r.Refused) == 0 && b != nil {
			t.Errorf("checkpoint %s: report is %+v, want the other one used", what, r)
		}
		isWhole(t, s, events)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s = openSim(t, disk.without(older).disk(), nil)
		if r := s.Report(); r.Checkpoint != "" || r.Covered != 0 {
			t.Errorf("checkpoint %s, and no other: report is %+v, want none used", what, r)
		}
		isWhole(t, s, events)
	}
	for i := range 8 * len(content) {
		if i < 8*(len(content)-104) && random.IntN(70) > 0 { // not in the mark
			continue
		}
		b := bytes.Clone(content)
		b[i/8] ^= 1 << (i % 8)
		disk := was.with(newest, b).disk()
		s, err := batpak.Open("simulated", simOptions(disk, nil))
		if err != nil {
			t.Fatalf("bit %d: Open() = %v", i, err)
		}
		got, err := eventsOf(s)
		if diff := differs(got, events); err != nil || diff != "" || len(got) != len(events) {
			t.Errorf("bit %d: there are %d events, %v, want %d: %s", i, len(got), err, len(events), diff)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if d := was.without(names[0]).without(names[1]); len(d) != len(was)-2 {
		t.Errorf("there are %v, want two checkpoints", was.names())
	}
}

// TestCheckpointTestifies: what a checkpoint covers was durable. A log that does not
// have it is refused.
func TestCheckpointTestifies(t *testing.T) {
	d, _ := covered(t)
	was := directoryOf(d)
	segments := was.segments()
	last := segments[len(segments)-1]
	var at int64
	s := openSim(t, was.disk(), nil)
	at = s.Report().Covered
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var before int64
	for _, g := range groupsOf(t, was) {
		if g.file == last && g.end < at {
			before = g.end
		}
	}
	for what, broken := range map[string]directory{
		"missing":           was.without(last),
		"cut":               was.with(last, was[last][:at-1]),
		"cut after a group": was.with(last, was[last][:before]),
		"cut to its header": was.with(last, was[last][:format.SegmentHeaderSize]),
		"all missing":       {checkpoint.Names()[0]: was[checkpoint.Names()[0]]},
	} {
		disk := broken.disk()
		_, err := batpak.Open("simulated", simOptions(disk, nil))
		if c, ok := errors.AsType[*batpak.CorruptError](err); !ok || c.File == "" {
			t.Errorf("last segment %s: Open() = %v, want a CorruptError", what, err)
		}
		if now := directoryOf(disk); len(now) != len(broken) {
			t.Errorf("last segment %s: the directory was changed from %v to %v", what, broken.names(), now.names())
		}
	}
}

// TestDamageUnderACheckpoint: an event that a checkpoint covers and whose bytes are not as
// they were is not served, Verify finds it, and no segment follows one with it.
func TestDamageUnderACheckpoint(t *testing.T) {
	d, events := covered(t)
	was := directoryOf(d)
	segments := was.segments()
	last := segments[len(segments)-1]
	b := bytes.Clone(was[last])
	b[format.SegmentHeaderSize+format.GroupHeaderSize+20] ^= 1 // in the id of its first event
	disk := was.with(last, b).disk()
	s, err := batpak.Open("simulated", simOptions(disk, covering(4096, 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for i := range events {
		e, err := s.At(uint64(i) + 1)
		switch {
		case errors.Is(err, batpak.ErrCorrupt):
			damaged++
		case err != nil || !same(&e, &events[i]):
			t.Errorf("At(%d) = %+v, %v", i+1, e, err)
		}
	}
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) == 0 || damaged != 1 {
		t.Errorf("%d events are damaged, Verify() = %+v, %v", damaged, v, err)
	}
	for range 60 {
		if _, err = s.Append(t.Context(), note("a:1", "more")); err != nil {
			break
		}
	}
	if c, ok := errors.AsType[*batpak.CorruptError](err); !ok || c.File != last {
		t.Errorf("append that begins another segment = %v, want a CorruptError for %s", err, last)
	}
	if n := s.Frontier().Durable; n <= uint64(len(events)) {
		t.Errorf("there are %d events, want more: there was room in the segment", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := directoryOf(disk).segments(); len(got) != len(segments) {
		t.Errorf("there are the segments %v, want no more than %v", got, segments)
	}
}

// TestForgeryUnderACheckpoint: bytes that a checkpoint covers, that were changed, and whose
// checksums are right, do not pass into what the next segment says of its predecessor.
func TestForgeryUnderACheckpoint(t *testing.T) {
	d, _ := covered(t)
	segments := directoryOf(d).segments()
	last := segments[len(segments)-1]
	f := parseForgery(t, d)
	first := &f.segments[len(f.segments)-1].groups[0].records[0]
	first.Payload = bytes.ToUpper(first.Payload)
	f.put(d)
	s := openSim(t, d, covering(4096, 1<<20))
	if s.Report().Checkpoint == "" {
		t.Fatal("no checkpoint was used")
	}
	var err error
	for range 60 {
		if _, err = s.Append(t.Context(), note("a:1", "more")); err != nil {
			break
		}
	}
	if c, ok := errors.AsType[*batpak.CorruptError](err); !ok || c.File != last {
		t.Errorf("append that begins another segment = %v, want a CorruptError for %s", err, last)
	}
}

// TestCheckpointOfAnotherHistory: two stores that were one go on, each with the same
// appends, and one gets a checkpoint of the other. It is read whole.
func TestCheckpointOfAnotherHistory(t *testing.T) {
	d := simfs.New()
	begin := openSim(t, d, nil)
	mustAppend(t, begin, note("a:1", "common"))
	if err := begin.Close(); err != nil {
		t.Fatal(err)
	}
	branches := []*simfs.Disk{d, d.CutHard()}
	for _, b := range branches {
		s := openSim(t, b, covering(1<<20, 500))
		for i := range 20 {
			mustAppend(t, s, note(fmt.Sprint("a:", i%3), "each its own"), batpak.Key(fmt.Sprint(i)))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	own := directoryOf(branches[0])
	for _, name := range checkpoint.Names() {
		foreign := branches[1].Bytes(name)
		if foreign == nil {
			t.Fatalf("there is no %s", name)
		}
		disk := own.without(checkpoint.Other(name)).with(name, foreign).disk()
		s := openSim(t, disk, nil)
		if r := s.Report(); r.Checkpoint != "" || len(r.Refused) != 1 {
			t.Errorf("report is %+v, want no use of a checkpoint of another history", r)
		}
		if got, err := eventsOf(s); err != nil || differs(got, allOf(t, branches[0])) != "" || len(got) != 21 {
			t.Errorf("there are %d events, %v, want the store's own", len(got), err)
		}
	}
}

// TestCheckpointCoversWhatACrashLeaves: a checkpoint never covers what a power cut could take.
func TestCheckpointCoversWhatACrashLeaves(t *testing.T) {
	d := simfs.New()
	o := covering(1<<20, 200)
	o.Durability = batpak.Relaxed
	s := openSim(t, d, o)
	for i := range 40 {
		mustAppend(t, s, note("a:1", "relaxed"))
		if i%10 == 9 {
			if err := s.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		cut := d.Cut(uint64(i))
		again, err := batpak.Open("simulated", simOptions(cut, nil))
		if err != nil {
			t.Fatalf("after %d appends and a power cut: Open() = %v", i+1, err)
		}
		if n := again.Report().Events; n < uint64(i-i%10) {
			t.Errorf("after %d appends and a power cut there are %d events", i+1, n)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestNoCheckpointOfASealedSegment: while nothing of the last segment is known to be
// durable, no checkpoint is written.
func TestNoCheckpointOfASealedSegment(t *testing.T) {
	d := simfs.New()
	o := covering(1024, 200)
	o.Durability = batpak.Relaxed
	s := openSim(t, d, o)
	for range 40 {
		mustAppend(t, s, note("a:1", "relaxed"))
	}
	if names := directoryOf(d).names(); len(names) != len(directoryOf(d).segments()) {
		t.Errorf("there are %v, want segments alone", names)
	}
}

// TestCheckpointAfterSoManyEvents: whatever way they came, as soon as so many events lie behind
// the newest checkpoint there is another, so that a store that was killed is opened by reading
// fewer than that.
func TestCheckpointAfterSoManyEvents(t *testing.T) {
	const every = 7
	o := &batpak.Options{SegmentSize: 20_000}
	rtopts.SetCheckpoint(&o.Internal, 1<<30, every) // bytes never come first
	d, random, read := simfs.New(), rand.New(rand.NewPCG(1, 7)), map[uint64]bool{}
	for life := range 12 {
		s := openSim(t, d, o)
		for range 1 + random.IntN(12) {
			b := s.NewBatch()
			for range 1 + random.IntN(3)*random.IntN(6) {
				b.Add(note(fmt.Sprint("a:", random.IntN(3)), strings.Repeat("x", random.IntN(200))))
			}
			if _, err := b.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			again, err := batpak.Open("simulated", simOptions(d.Kill(), o))
			if err != nil {
				t.Fatal(err)
			}
			r := again.Report()
			if read[r.Events-r.Restored] = true; r.Events-r.Restored >= every || r.Events != s.Frontier().Durable {
				t.Fatalf("life %d: report is %+v, want all %d events and fewer than %d read", life, r, s.Frontier().Durable, every)
			}
			if err := again.Close(); err != nil {
				t.Error(err)
			}
		}
		image := d.Kill()
		d.Stop()
		if err := s.Close(); err == nil {
			t.Error("a killed store was closed without an error")
		}
		d = image
	}
	if len(read) != every {
		t.Errorf("openings read %v events, want each number below %d", read, every)
	}
}

// TestCheckpointStays: a store in which nothing happens keeps its checkpoint as it is, be
// it that segments before it were merged.
func TestCheckpointStays(t *testing.T) {
	d, o := simfs.New(), covering(4096, 400)
	s := openSim(t, d, o)
	for i := range 170 {
		mustAppend(t, s, note(fmt.Sprint("a:", i%7), fmt.Sprint("payload ", i)))
	}
	if r, err := s.Compact(t.Context()); err != nil || r.Merges == 0 {
		t.Fatalf("Compact() = %+v, %v", r, err)
	}
	for life := range 3 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if life == 1 { // before, that of the first one may have been written when it was closed
			d.OnOp(func(op faultfs.Op, name string) {
				if op == faultfs.OpCreate && strings.HasPrefix(name, "checkpoint") {
					t.Errorf("%s is created", name)
				}
			})
		}
		if s = openSim(t, d, o); s.Report().Checkpoint == "" {
			t.Errorf("report is %+v, want a checkpoint", s.Report())
		}
	}
	d.OnOp(nil)
}
