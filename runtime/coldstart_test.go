package batpak_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestColdStartContract holds what opening a store takes from footers and checkpoints
// against what it takes from the segments themselves.
func TestColdStartContract(t *testing.T) {
	t.Run("CS1", testFootersAreTheSegments)
	t.Run("CS2", func(t *testing.T) {
		d, m := withTail(t, 0)
		found := foundOn(t, d)
		memory := found.Index.Memory()
		if memory.First() != found.NextSequence || m.Last != found.NextSequence-1 {
			t.Errorf("the events from %d on are in memory, want none: %v", memory.First(), &m)
		}
	})
	t.Run("CS3", func(t *testing.T) {
		d, _ := withTail(t, 3)
		segments := directoryOf(d).segments()
		d.Delete(segments[len(segments)-1])
		_, err := recovery.Run(d.FS(), recovery.Config{Cache: sidx.NewCache(0), NewStore: func() [16]byte { return [16]byte{1} }})
		if damage, ok := errors.AsType[*segment.DamageError](err); !ok || damage.Segment != uint64(len(segments)) {
			t.Errorf("Run() without the segment of a checkpoint = %v, want a DamageError for it", err)
		}
	})
	t.Run("CS4", func(t *testing.T) {
		d, m := withTail(t, 3)
		found := foundOn(t, d)
		memory := found.Index.Memory()
		if memory.First() != m.Last+1 || found.NextSequence != m.Last+5 {
			t.Errorf("the events from %d up to %d are in memory, want the tail behind %v", memory.First(), found.NextSequence, &m)
		}
	})
	t.Run("CS5", func(t *testing.T) { testCauses(t, false) })
	t.Run("CS6", func(t *testing.T) { testCauses(t, true) })
	t.Run("CS12", func(t *testing.T) {
		d, m := withTail(t, 3)
		found := foundOn(t, d)
		for n := m.Last + 1; n < found.NextSequence; n++ {
			ref, ok, err := found.Index.At(n)
			if err != nil || !ok || uint64(ref.Pos.Segment) != m.Segment || int64(ref.Pos.Offset) < m.End {
				t.Errorf("event %d lies at %+v, %v, %v, want it behind %v", n, ref, ok, err, &m)
			}
		}
	})
}

// testFootersAreTheSegments reads all footers beside each other.
func testFootersAreTheSegments(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 512})
	for i := range 64 {
		draft := note(fmt.Sprint("e:", i%5), fmt.Sprint("payload ", i))
		draft.Scope, draft.Kind = fmt.Sprint("scope ", i%3), draft.Kind+batpak.Kind(i%4)
		mustAppend(t, s, draft)
	}
	events, err := eventsOf(s)
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	r := segment.NewReader(d.FS())
	defer r.Close()
	segments := directoryOf(d).segments()
	sealed := make([][]index.Ref, len(segments)-1)
	var all sync.WaitGroup
	for i := range sealed {
		all.Go(func() {
			number := uint64(i) + 1
			run, err := footer.Open(r, segment.Plain(number), s.ID(), sidx.NewCache(0))
			if err != nil {
				t.Error(err)
				return
			}
			read, err := footer.Scan(r, number)
			if err != nil {
				t.Error(err)
				return
			}
			sealed[i] = sameRows(t, run, read, events)
		})
	}
	all.Wait()
	rows := slices.Concat(sealed...)
	for i, ref := range rows {
		if ref.Sequence != uint64(i)+1 {
			t.Fatalf("row %d is that of event %d", i, ref.Sequence)
		}
	}
	if len(segments) < 20 || len(rows) < 60 {
		t.Errorf("there are %d rows in %d segments, want nearly all", len(rows), len(segments))
	}
}

// sameRows returns the rows of a footer, which must be those of the segment.
func sameRows(t *testing.T, run *sidx.Run, read *index.Index, events []batpak.Event) (rows []index.Ref) {
	t.Helper()
	for n := run.First; n <= run.Last; n++ {
		e := &events[n-1]
		got, ok, err := run.At(n)
		want, there := read.At(n)
		if err != nil || !ok || !there || got != want {
			t.Errorf("footer says %+v, %v, %v of event %d, its segment %+v, %v", got, ok, err, n, want, there)
		}
		names, err := new(sidx.Known[string]).Entities(run, nil, []index.Ref{got}, func(entity string) *string { return &entity })
		if err != nil || len(names) != 1 || *names[0] != e.Entity || read.Entity(n) != e.Entity {
			t.Errorf("footer says %v, %v of the stream of event %d, its segment %q, want %q", names, err, n, read.Entity(n), e.Entity)
		}
		q := index.Query{After: n - 1, Until: n, Scope: e.Scope, Kinds: []uint16{uint16(e.Kind)}}
		if found, err := run.Find(make([]index.Ref, 0, 2), &q); err != nil || len(found) != 1 || found[0] != got {
			t.Errorf("footer finds %+v, %v by scope and kind of event %d", found, err, n)
		}
		rows = append(rows, got)
	}
	if uint64(run.Count()) != run.Last-run.First+1 || read.Next() != run.Last+1 {
		t.Errorf("footer has %d rows, from %d to %d, its segment ends at %d", run.Count(), run.First, run.Last, read.Next())
	}
	return rows
}

// withTail makes a store with a checkpoint of the last segment and so many events behind
// what that covers. Each second event is the effect of the one before.
func withTail(t *testing.T, tail int) (*simfs.Disk, checkpoint.Mark) {
	t.Helper()
	d := simfs.New()
	for life, n := range []int{24, tail} {
		o := covering(2048, 100)
		if life == 1 {
			o = covering(2048, 1<<20)
		}
		s := openSim(t, d, o)
		for i := range n {
			r := mustAppend(t, s, note(fmt.Sprint("a:", i%3), "cause"))
			if i%2 == 1 {
				mustAppend(t, s, note("b:1", "effect"), batpak.CausedBy(r.ID()))
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	marks := directoryOf(d).marks()
	if len(marks) == 0 {
		t.Fatal("the last segment has no checkpoint")
	}
	return d, slices.MaxFunc(marks, func(a, b checkpoint.Mark) int { return cmp.Compare(a.End, b.End) })
}

// foundOn is what a disk holds.
func foundOn(t *testing.T, d *simfs.Disk) *recovery.Result {
	t.Helper()
	found, err := recovery.Run(d.FS(), recovery.Config{Cache: sidx.NewCache(0), NewStore: func() [16]byte { return [16]byte{1} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { found.Reader.Close() })
	if found.Report.Checkpoint == "" {
		t.Errorf("report is %+v, want a checkpoint", found.Report)
	}
	return found
}

// testCauses holds the causes of events against each other that were taken from scans,
// footers and a checkpoint: those that there are, or those that there are not.
func testCauses(t *testing.T, some bool) {
	d, _ := withTail(t, 5)
	bare := (&specimen{directory: directoryOf(d)}).bare().without(checkpoint.Names()[0]).without(checkpoint.Names()[1])
	caused := 0
	for what, disk := range map[string]*simfs.Disk{"scan": bare.disk(), "footers and a checkpoint": d} {
		s := openSim(t, disk, nil)
		if r := s.Report(); (r.Indexed > 0 && r.Checkpoint != "") != (disk == d) {
			t.Errorf("%s: report is %+v", what, r)
		}
		events, err := eventsOf(s)
		if err != nil {
			t.Fatal(err)
		}
		for i := range events {
			e := &events[i]
			if wants := string(e.Payload) == "effect"; wants == e.Causation.IsZero() {
				t.Errorf("%s: event %d has the cause %v, want one: %v", what, i+1, e.Causation, wants)
			}
			switch {
			case some && !e.Causation.IsZero():
				caused++
				found := false
				for effect, err := range s.Effects(e.Causation) {
					found = found || err == nil && effect.Sequence == e.Sequence
				}
				if !found {
					t.Errorf("%s: event %d is no effect of its cause", what, i+1)
				}
			case !some && e.Causation.IsZero():
				caused++
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		found, err := recovery.Run(disk.FS(), recovery.Config{Cache: sidx.NewCache(0)})
		if err != nil {
			t.Fatal(err)
		}
		refs, err := found.Index.Effects(0, [16]byte{})
		if err = errors.Join(err, found.Reader.Close()); err != nil || len(refs) > 0 {
			t.Errorf("%s: no cause has the effects %v, %v, want none", what, refs, err)
		}
	}
	if caused == 0 {
		t.Error("there is no such event")
	}
}
