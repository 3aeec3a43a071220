package batpak_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
)

var clockN = flag.Int("clock.n", 60, "histories with a clock at fault")

// clockFaults are clocks that go wrong. Each is asked for the n-th reading of a
// history and is told what a sound clock would say.
var clockFaults = []struct {
	name string
	now  func(r *rand.Rand, n int, sound time.Time) time.Time
}{
	{"set back for ever", func(_ *rand.Rand, n int, sound time.Time) time.Time { return sound.Add(-time.Duration(n) * time.Hour) }},
	{"frozen", func(_ *rand.Rand, _ int, _ time.Time) time.Time { return time.Unix(1_700_000_000, 123) }},
	{"in the year 9999", func(_ *rand.Rand, n int, _ time.Time) time.Time {
		return time.Date(9999, 12, 31, 23, 59, 59, n, time.UTC)
	}},
	{"beyond what an id holds", func(_ *rand.Rand, n int, _ time.Time) time.Time {
		return time.Date(1_000_000, 1, 1, 0, 0, n, 0, time.UTC)
	}},
	{"at the end of time", func(_ *rand.Rand, _ int, _ time.Time) time.Time { return time.Unix(math.MaxInt64, 999_999_999) }},
	{"zero", func(_ *rand.Rand, _ int, _ time.Time) time.Time { return time.Time{} }},
	{"at the beginning of time", func(_ *rand.Rand, _ int, _ time.Time) time.Time { return time.Unix(math.MinInt64, 0) }},
	{"before 1970", func(_ *rand.Rand, n int, _ time.Time) time.Time { return time.Unix(-int64(n)*1e6, 0) }},
	{"far ahead once", func(_ *rand.Rand, n int, sound time.Time) time.Time {
		if n == 7 {
			return sound.AddDate(8000, 0, 0)
		}
		return sound
	}},
	{"jumping", func(r *rand.Rand, _ int, sound time.Time) time.Time {
		return sound.Add(time.Duration(r.Int64N(2e18)) - 1e18)
	}},
	{"jumping anywhere", func(r *rand.Rand, _ int, _ time.Time) time.Time {
		return time.Unix(r.Int64()-r.Int64(), r.Int64N(1e9))
	}},
	{"a leap second late", func(_ *rand.Rand, n int, sound time.Time) time.Time {
		return sound.Add(-time.Duration(n%2) * time.Second)
	}},
	{"suspended now and then", func(_ *rand.Rand, n int, sound time.Time) time.Time {
		return sound.AddDate(0, 0, 30*(n/10))
	}},
}

// TestClockFaults: whatever the wall clock says, and across openings with another
// clock each, events come in the order of their sequences, their ids rise, their
// times never fall, keys are found again, and the hash chain holds. Nothing is
// decided by time. Each append reads the clock once, and the store's skew is what a clock
// tells that goes on after the last event and is read with it.
//
//	go test ./runtime -run TestClockFaults -clock.n=10000
func TestClockFaults(t *testing.T) {
	t.Parallel()
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		var events []batpak.Event
		keys := map[string]batpak.Receipt{}
		for i := range fewer(*clockN) {
			r := rand.New(rand.NewPCG(*damageSeed, uint64(i)))
			fault := clockFaults[i%len(clockFaults)]
			if i >= len(clockFaults) {
				fault = clockFaults[r.IntN(len(clockFaults))]
			}
			n := 0
			var at time.Time
			beside := clock.New(func() time.Time { return at }, func([]byte) {}, lastTick(events))
			o := &batpak.Options{SegmentSize: 4 << 10}
			rtopts.SetNow(&o.Internal, func() time.Time {
				n++
				at = fault.now(r, n, time.Unix(1_800_000_000, 0).Add(time.Duration(n)*time.Millisecond))
				beside.Next()
				return at
			})
			s := open(o)
			for k := range 8 {
				key := fmt.Sprint("key ", i, " ", k)
				keys[key] = mustAppend(t, s, note(fmt.Sprint("e:", k%3), key), batpak.Key(key))
			}
			got, err := eventsOf(s)
			if what := differs(events, got); what != "" || err != nil {
				t.Fatalf("clock %s: events changed: %s, %v", fault.name, what, err)
			}
			if err := rising(got); err != nil {
				t.Fatalf("clock %s: %v", fault.name, err)
			}
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				want := keys[key]
				if again := mustAppend(t, s, note(want.Coordinate().Entity, key), batpak.Key(key)); !sameReceipt(again, want) {
					t.Fatalf("clock %s: retry with %s = %+v, want %+v", fault.name, key, again, want)
				}
				if r.IntN(4) > 0 {
					delete(keys, key)
				}
			}
			if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(len(got)) {
				t.Fatalf("clock %s: Verify() = %+v, %v", fault.name, v, err)
			}
			appends, most := s.Skew()
			if want, by := beside.Skew(); n != 8 || appends != want || most != by {
				t.Fatalf("clock %s: Skew() = %d, %v after %d readings, want %d, %v after 8", fault.name, appends, most, n, want, by)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			events = got
		}
	})
}

// lastTick is that of the last event, or 0.
func lastTick(events []batpak.Event) (last clock.Tick) {
	if len(events) > 0 {
		last, _ = clock.TickOf(events[len(events)-1].ID)
	}
	return last
}

// rising reports where the ids of events do not rise, or their times fall.
func rising(events []batpak.Event) error {
	for i := 1; i < len(events); i++ {
		a, b := events[i-1], events[i]
		if bytes.Compare(a.ID[:], b.ID[:]) >= 0 || b.Time.Before(a.Time) || b.Sequence != a.Sequence+1 {
			return fmt.Errorf("event %d has id %v of %v, the one before %v of %v", b.Sequence, b.ID, b.Time, a.ID, a.Time)
		}
	}
	return nil
}

// TestClockIsNotAsked: who reads, retries, verifies, opens and closes does not need
// to know what time it is.
func TestClockIsNotAsked(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		mustAppend(t, s, note("a:1", "x"), batpak.Key("k"))
		s.Close()
		o := new(batpak.Options)
		asked := 0
		rtopts.SetNow(&o.Internal, func() time.Time { asked++; return time.Now() })
		s = open(o)
		mustAppend(t, s, note("a:1", "x"), batpak.Key("k"))
		if _, err := s.Verify(t.Context()); err != nil {
			t.Error(err)
		}
		events(t, s, batpak.Query{})
		s.Close()
		if asked > 0 {
			t.Errorf("the clock was asked %d times for what does not need one", asked)
		}
	})
}

// TestSkew: an append counts if the clock shows less than it did, be it an event or many,
// and whatever the store was opened in between; one that stands still, or is ahead, or
// that nobody appends by, does not.
func TestSkew(t *testing.T) {
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c := batpaktest.NewClock(noon, 1)
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		c.Set(noon)
		s := open(c.Options(nil))
		var appends int64
		var most time.Duration
		after := func(what string, add int64, by time.Duration) {
			t.Helper()
			appends, most = appends+add, max(most, by)
			if n, m := s.Skew(); n != appends || m != most {
				t.Errorf("Skew() = %d, %v after %s, want %d, %v", n, m, what, appends, most)
			}
		}
		after("the store was created", 0, 0)
		mustAppend(t, s, note("a:1", "x"), batpak.Key("k"))
		mustAppend(t, s, note("a:1", "x"))
		after("the clock stood still", 0, 0)
		c.Set(noon.Add(time.Hour))
		mustAppend(t, s, note("a:1", "x"))
		after("a jump ahead", 0, 0)
		c.Set(noon.Add(time.Second))
		mustAppend(t, s, note("a:1", "x"))
		mustAppend(t, s, note("a:1", "x"))
		after("the clock was set right", 2, time.Hour-time.Second)
		c.Set(noon)
		if mustAppend(t, s, note("a:1", "x"), batpak.Key("k")).Sequence() != 1 {
			t.Error("a retry made an event")
		}
		after("a retry", 0, 0)
		b := s.NewBatch()
		for range 5 {
			b.Add(note("a:1", "x"))
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		after("a batch", 1, time.Hour)
		c.Set(noon.Add(time.Hour))
		mustAppend(t, s, note("a:1", "x"))
		after("the clock had caught up", 0, 0)

		last := events(t, s, batpak.Query{Backward: true})[0].Time
		s.Close()
		c.Set(noon)
		s, appends, most = open(c.Options(nil)), 0, 0
		after("the store was opened again", 0, 0)
		mustAppend(t, s, note("a:1", "x"))
		after("the clock was set back meanwhile", 1, last.Sub(noon))
		s.Close()
		after("the store was closed", 0, 0)
	})
}
