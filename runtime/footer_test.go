package batpak_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// footed makes a store of a few sealed segments, of which all have footers, and
// closes it.
func footed(t *testing.T) (*simfs.Disk, []batpak.Event) {
	t.Helper()
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 1024})
	for i := range 40 {
		mustAppend(t, s, note(fmt.Sprint("a:", i%7), fmt.Sprint("payload ", i)), batpak.Key(fmt.Sprint("key ", i)))
	}
	events, err := eventsOf(s)
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return d, events
}

// TestFooterIsMadeAgain: whatever becomes of the footer of a segment, that segment is
// read, no other one is, the report says why, to a writer and to a reader, and the footer is
// what it was when the store is closed again.
func TestFooterIsMadeAgain(t *testing.T) {
	d, events := footed(t)
	was := directoryOf(d)
	segments := was.segments()
	r := rand.New(rand.NewPCG(1, 1))
	const none, wrong = "there is no trailer", "trailer with a wrong checksum, or of another place"
	for i, name := range segments[:len(segments)-1] {
		end, content := sealedAt(was, name), was[name]
		if end == int64(len(content)) {
			t.Fatalf("%s has no footer", name)
		}
		flipped := bytes.Clone(content)
		flipped[end+r.Int64N(int64(len(content))-end-256)] ^= 4 // a page: the end of the footer is sound
		ended := bytes.Clone(content)
		ended[len(content)-1-r.IntN(200)] ^= 4
		other := was[segments[(i+1)%(len(segments)-1)]]
		for what, c := range map[string]struct {
			bytes []byte
			why   string // it is not taken when the store is opened; empty = it is, and refused when it is used
		}{
			"missing": {content[:end], none}, "cut": {content[:len(content)-1], none}, "half": {content[:(int(end)+len(content))/2], none},
			"of another segment": {append(bytes.Clone(content[:end]), other[sealedAt(was, segments[(i+1)%(len(segments)-1)]):]...), wrong},
			"junk":               {append(bytes.Clone(content[:end]), strings.Repeat("junk", 300)...), none},
			"damaged at its end": {ended, wrong}, "damaged in a page": {flipped, ""},
		} {
			disk := was.with(name, c.bytes).disk()
			s := openSim(t, disk, nil)
			var want []string
			if c.why != "" {
				want = []string{fmt.Sprintf("index of segment %d: %s", i+1, c.why)}
			}
			r, err := openReader(was.with(name, c.bytes).disk(), nil)
			for who, s := range map[string]*batpak.Store{"writer": s, "reader": opened(t, r, err)} {
				if r := s.Report(); !slices.Equal(r.Unindexed, want) || r.Indexed != uint64(len(segments)-1-len(want)) {
					t.Errorf("footer of %s %s: the report of a %s is %+v, want %q of %d segments", name, what, who, r, want, len(segments))
				}
			}
			got, err := eventsOf(s)
			if diff := differs(got, events); err != nil || diff != "" || len(got) != len(events) {
				t.Errorf("footer of %s %s: %d events, %v, %s", name, what, len(got), err, diff)
			}
			for n := range events {
				if e, err := s.ByKey(fmt.Sprint("key ", n)); err != nil || e.Sequence != uint64(n)+1 {
					t.Errorf("footer of %s %s: ByKey(key %d) = event %d, %v", name, what, n, e.Sequence, err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(disk.Bytes(name), content) {
				t.Errorf("footer of %s %s: it was not made again", name, what)
			}
		}
	}
}

// TestColdStreams: what is asked of streams, keys and conditions whose events are in
// sealed segments alone is answered as if they were in memory.
func TestColdStreams(t *testing.T) {
	d, events := footed(t)
	s := openSim(t, d, &batpak.Options{SegmentSize: 1024})
	heads := map[string]uint64{}
	for _, e := range events {
		heads[e.Entity] = e.Version
	}
	for entity, version := range heads {
		if got, err := s.Head(entity); got != version || err != nil {
			t.Errorf("Head(%s) = %d, %v, want %d", entity, got, err, version)
		}
		for _, wrong := range []uint64{0, version - 1, version + 1} {
			if _, err := s.Append(t.Context(), note(entity, "x"), batpak.Expect(wrong)); !errors.Is(err, batpak.ErrConflict) {
				t.Errorf("Append to %s, which is at %d, expecting %d = %v, want ErrConflict", entity, version, wrong, err)
			}
		}
	}
	for i, e := range events {
		r, err := s.Append(t.Context(), note(e.Entity, string(e.Payload)), batpak.Key(e.Key))
		if err != nil || r.ID() != e.ID || r.Hash() != e.Hash || r.Sequence() != e.Sequence {
			t.Errorf("retry of event %d = %+v, %v, want its receipt", i+1, r, err)
		}
	}
	for _, e := range events {
		b := s.NewBatch()
		b.Add(note("b:1", "conditional"))
		b.ExpectNone(batpak.Query{Entity: e.Entity, After: e.Sequence - 1})
		if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrConflict) {
			t.Errorf("batch on condition that event %d is not there = %v, want ErrConflict", e.Sequence, err)
		}
	}
	for entity, version := range heads {
		if r := mustAppend(t, s, note(entity, "goes on"), batpak.Expect(version)); r.Version() != version+1 {
			t.Errorf("the next event of %s has version %d, want %d", entity, r.Version(), version+1)
		}
	}
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(len(events)+len(heads)) {
		t.Errorf("Verify() = %+v, %v", v, err)
	}
}

// TestMissingLastSegmentIsMissed: a segment gets its footer when the next one is
// durable, so the footer tells that there was one.
func TestMissingLastSegmentIsMissed(t *testing.T) {
	d, _ := footed(t)
	segments := directoryOf(d).segments()
	last := segments[len(segments)-1]
	d.Delete(last)
	for what, open := range map[string]func() (*batpak.Store, error){
		"Open":                       func() (*batpak.Store, error) { return batpak.Open("simulated", simOptions(d, nil)) },
		"OpenReadOnly, ShowUnsynced": func() (*batpak.Store, error) { return openReader(d, &whole) },
	} {
		_, err := open()
		if c, ok := errors.AsType[*batpak.CorruptError](err); !ok || c.File != last {
			t.Errorf("%s without %s = %v, want a CorruptError for it", what, last, err)
		}
	}
}

// TestIncarnationsRiseOverFooters: an opening that finds no group but in segments
// that it takes in by their footers is a later one than those.
func TestIncarnationsRiseOverFooters(t *testing.T) {
	d, events := footed(t)
	segments := directoryOf(d).segments()
	last := segments[len(segments)-1]
	d.SetBytes(last, d.Bytes(last)[:format.SegmentHeaderSize]) // as a crash leaves a new one
	s := openSim(t, d, nil)
	before, err := s.Append(t.Context(), note(events[0].Entity, string(events[0].Payload)), batpak.Key(events[0].Key))
	if err != nil {
		t.Fatal(err)
	}
	if r := mustAppend(t, s, note("a:1", "later")); r.Incarnation() <= before.Incarnation() {
		t.Errorf("incarnation %d follows %d", r.Incarnation(), before.Incarnation())
	}
}

// TestUpkeepBesideEverything: footers and checkpoints are written in the background of a real store
// while others append and read, with hardly any memory for what is read of them.
func TestUpkeepBesideEverything(t *testing.T) {
	dir := t.TempDir()
	o := &batpak.Options{SegmentSize: 4 << 10, IndexCache: 1}
	rtopts.SetCheckpoint(&o.Internal, 500, 0)
	s := open(t, dir, o)
	const writers, n = 3, 60
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			entity := fmt.Sprint("w:", w)
			for i := range uint64(n) {
				if _, err := s.Append(t.Context(), note(entity, "some payload"), batpak.Expect(i)); err != nil {
					t.Errorf("append %d to %s: %v", i, entity, err)
				}
				seen := uint64(0)
				for e, err := range s.Events(batpak.Query{Entity: entity}) {
					if seen++; err != nil || e.Version != seen {
						t.Errorf("event %d of %s is %+v, %v", seen, entity, e, err)
					}
				}
				if seen != i+1 {
					t.Errorf("%s has %d events, want %d", entity, seen, i+1)
				}
			}
		})
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, o)
	if r := again.Report(); r.Segments < 4 || r.Indexed != r.Segments-1 || r.Events != writers*n || len(r.Refused) > 0 {
		t.Errorf("report is %+v, want a footer in each segment but the last, and no checkpoint that is of no use", r)
	}
}
