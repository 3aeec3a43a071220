package batpak_test

import (
	"fmt"
	"math/bits"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// extent is how much there is in a store: sealed segments, and events in each of them, by
// turns of so many streams. All are effects of an event before them.
type extent struct{ segments, each, streams int }

// fill appends that much to a store whose segments hold no more than one such batch, and
// calls between before the i-th of them. The last segment holds one event.
func (x extent) fill(t *testing.T, s *batpak.Store, between func(i int)) {
	t.Helper()
	oldest := mustAppend(t, s, note("e:0", "x")).ID()
	for i := range x.segments {
		if between != nil {
			between(i)
		}
		b := s.NewBatch()
		for j := range x.each {
			b.Add(note(fmt.Sprint("e:", j%x.streams), fmt.Sprintf("%100d", j)), batpak.CausedBy(oldest))
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mustAppend(t, s, note("e:0", "x"))
}

// oneBatch are the options of a store whose segments hold one batch of more than a few events.
func oneBatch() *batpak.Options {
	return &batpak.Options{SegmentSize: batpak.MinSegmentSize, Durability: batpak.Relaxed}
}

// meter is a directory that counts what is read of its files. One goroutine may use it.
type meter struct {
	vfs.FS
	reads, largest int // largest in bytes
}

type metered struct {
	vfs.File
	meter *meter
}

func (m *meter) Open(name string, mode vfs.Mode) (vfs.File, error) {
	f, err := m.FS.Open(name, mode)
	if err != nil {
		return nil, err
	}
	return metered{f, m}, nil
}

func (f metered) ReadAt(p []byte, off int64) (int, error) {
	f.meter.reads++
	f.meter.largest = max(f.meter.largest, len(p))
	return f.File.ReadAt(p, off)
}

// openMetered opens a store of which nothing is in memory but what opening it takes, and
// returns what tells how often its files were read since then, or since it was last asked. No
// read may take more than a page of an index does.
func openMetered(t *testing.T, d *simfs.Disk) (s *batpak.Store, reads func() int) {
	t.Helper()
	o := simOptions(d, &batpak.Options{Unmapped: true})
	m := &meter{FS: rtopts.FS(&o.Internal)}
	rtopts.SetFS(&o.Internal, m) // over the checks
	s, err := batpak.Open("simulated", o)
	opened(t, s, err)
	m.reads, m.largest = 0, 0
	return s, func() int {
		t.Helper()
		if m.largest > indexPage {
			t.Errorf("%d bytes were read at once, want no more than a page", m.largest)
		}
		n := m.reads
		m.reads, m.largest = 0, 0
		return n
	}
}

// indexPage is how many bytes a page of an index has.
const indexPage = 4096

// TestWalksGoByTheIndex: what a walk through the causes of an event, its effects or those
// before it in its stream reads is in proportion to what it comes upon. How many other events
// there are makes for a page more or two, by its logarithm, in each segment that is asked,
// and Causes asks no segment but those of the causes.
func TestWalksGoByTheIndex(t *testing.T) {
	const tale = 6 // events, each of which causes the next
	for _, x := range []extent{{12, 20, 20}, {12, 4000, 20}, {120, 20, 20}} {
		d := simfs.New()
		s := openSim(t, d, oneBatch())
		var ids []batpak.ID
		x.fill(t, s, func(i int) {
			switch {
			case i == 0:
				ids = append(ids, mustAppend(t, s, note("tale:1", "x")).ID())
			case i%(x.segments/tale) == 0:
				ids = append(ids, mustAppend(t, s, note("tale:1", "x"), batpak.CausedBy(ids[len(ids)-1])).ID())
			}
		})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		first, last := ids[0], ids[tale-1]
		segments := x.segments + tale + 1
		for what, c := range map[string]struct {
			walk  func(s *batpak.Store) []string
			bound int // reads
		}{
			"causes": {func(s *batpak.Store) []string { return walk(t, s.Causes(last)) }, 2 * tale},
			// A page of its filter says of nearly each segment that the stream is not in it.
			"ancestors": {func(s *batpak.Store) []string { return walk(t, s.Ancestors(last)) }, 3*tale + segments},
			// The causes in a segment are searched, for each event of the tale.
			"effects": {func(s *batpak.Store) []string { return walk(t, s.Effects(first)) }, 2*tale + segments*(1+bits.Len(uint(x.each*12/indexPage)))},
		} {
			s, reads := openMetered(t, d)
			found := c.walk(s)
			n := reads()
			if len(found) != tale-1 || n > c.bound {
				t.Errorf("%s in %+v: %d events by %d reads, want %d by at most %d", what, x, len(found), n, tale-1, c.bound)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestProjectionGoesOnWhereItWas: what it takes to fold a projection again, of one stream or
// of all, is in proportion to the events since then, however many there were before.
func TestProjectionGoesOnWhereItWas(t *testing.T) {
	const later = 5
	type fold = func(*trail, batpak.Event) error
	for name, resume := range map[string]func(s *batpak.Store, from []byte, f fold) (any, []byte, error){
		"stream": func(s *batpak.Store, from []byte, f fold) (any, []byte, error) {
			return erased(batpak.Resume(t.Context(), s, "e:1", from, trails, f))
		},
		"all": func(s *batpak.Store, from []byte, f fold) (any, []byte, error) {
			return erased(batpak.ResumeAll(t.Context(), s, []batpak.Kind{0x1001}, from, trails, f))
		},
	} {
		for _, x := range []extent{{10, 200, 2}, {20, 1000, 2}} {
			d, folds := simfs.New(), 0
			s := openSim(t, d, oneBatch())
			x.fill(t, s, nil)
			count := func(s *trail, e batpak.Event) error {
				folds++
				return s.fold(e)
			}
			_, saved, err := resume(s, nil, count)
			if err != nil || folds < x.segments*x.each/2 {
				t.Fatalf("%s of %+v: %d events were folded at first, %v", name, x, folds, err)
			}
			for range later {
				mustAppend(t, s, note("e:1", "x"))
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, reads := openMetered(t, d)
			folds = 0
			got, saved, err := resume(s, saved, count)
			if n := reads(); err != nil || folds != later || n > 2*later {
				t.Errorf("%s of %+v: %d events were folded by %d reads, %v, want %d by at most %d", name, x, folds, n, err, later, 2*later)
			}
			folds = 0
			again, _, err := resume(s, saved, count)
			if n := reads(); err != nil || again != got || folds > 0 || n > 2 {
				t.Errorf("%s of %+v: %d events were folded again by %d reads, %v, want none by 2", name, x, folds, n, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
