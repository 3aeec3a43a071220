package checkpoint_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
)

// TestSchedule: of a segment that grows by groups of any sizes, and of which a checkpoint is
// asked for only where the schedule says to ask next, no more is ever behind the newest one
// than what its two rules leave there; and all checkpoints together are not much longer than
// the last.
func TestSchedule(t *testing.T) {
	const size = 1 << 30
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := checkpoint.Schedule{Before: rng.Uint64N(1e9)}
		at := checkpoint.Mark{Segment: 3, End: 96, Last: s.Before}
		var next checkpoint.Mark
		perEvent := 70 + rng.IntN(300) // bytes
		written, all := 0, uint64(0)   // checkpoints, and events in them
		for at.End < size {
			if rng.IntN(2000) == 0 {
				perEvent = 70 + rng.IntN(1000)*rng.IntN(10)
			}
			n := 1 + rng.Int64N(2000)
			at.End += n*int64(perEvent) + 40
			at.Last += uint64(n)
			if next.Passed(&at) {
				if s.Due(&at, false) {
					s.Latest = at
					all += at.Last - s.Before
					written++
				}
				next = *s.Next(&at)
			}
			covered := s.Latest.Last - min(s.Before, s.Latest.Last)
			if behind := at.Last - max(s.Latest.Last, s.Before); behind >= max(1<<18, covered/4) {
				t.Fatalf("seed %d: %d events are behind a checkpoint of %d", seed, behind, covered)
			}
			if behind := at.End - s.Latest.End; behind >= max(4<<20, s.Latest.End) {
				t.Fatalf("seed %d: %d bytes are behind a checkpoint of %d", seed, behind, s.Latest.End)
			}
		}
		if last := s.Latest.Last - s.Before; written < 8 || all > 7*last {
			t.Errorf("seed %d: %d checkpoints are of %d events, the last of %d", seed, written, all, last)
		}
	}
}

// TestScheduleAsksAgain: where a checkpoint is due and is not written, it is time to ask again
// after as much once more, and in each segment that is begun.
func TestScheduleAsksAgain(t *testing.T) {
	mark := func(segment uint64, end int64, last uint64) checkpoint.Mark {
		return checkpoint.Mark{Segment: segment, End: end, Last: last}
	}
	for what, c := range map[string]struct {
		schedule checkpoint.Schedule
		at, next checkpoint.Mark
		due      bool
		closing  bool
	}{
		"nothing yet":        {checkpoint.Schedule{Bytes: 100, Events: 5}, mark(1, 99, 4), mark(1, 100, 5), false, false},
		"bytes":              {checkpoint.Schedule{Bytes: 100, Events: 5}, mark(1, 100, 4), mark(1, 200, 9), true, true},
		"events":             {checkpoint.Schedule{Bytes: 100, Events: 5}, mark(1, 50, 5), mark(1, 150, 10), true, true},
		"behind a segment":   {checkpoint.Schedule{Bytes: 100, Events: 5, Before: 7}, mark(2, 50, 8), mark(2, 100, 12), false, false},
		"behind a mark":      {checkpoint.Schedule{Bytes: 100, Events: 5, Latest: mark(1, 90, 3)}, mark(1, 100, 4), mark(1, 190, 8), false, false},
		"mark of another":    {checkpoint.Schedule{Bytes: 100, Events: 5, Before: 9, Latest: mark(1, 90, 3)}, mark(2, 100, 10), mark(2, 200, 15), true, true},
		"no less than usual": {checkpoint.Schedule{}, mark(1, 256<<10-1, 9), mark(1, 4<<20, 1<<18), false, false},
		"at close":           {checkpoint.Schedule{}, mark(1, 256<<10, 9), mark(1, 4<<20, 1<<18), false, true},
		"a step at most":     {checkpoint.Schedule{Latest: mark(1, 20<<20, 9)}, mark(1, 21<<20, 10), mark(1, 25<<20, 9+1<<18), false, true},
	} {
		t.Run(what, func(t *testing.T) {
			s := &c.schedule
			if due, closing := s.Due(&c.at, false), s.Due(&c.at, true); due != c.due || closing != c.closing {
				t.Errorf("Due() = %v, and %v at close, want %v and %v", due, closing, c.due, c.closing)
			}
			next := s.Next(&c.at)
			if *next != c.next {
				t.Errorf("Next() = %s, want %s", next, &c.next)
			}
			for _, later := range []struct {
				at     checkpoint.Mark
				passed bool
			}{
				{c.at, false},
				{mark(next.Segment, next.End-1, next.Last-1), false},
				{mark(next.Segment, next.End, next.Last-1), true},
				{mark(next.Segment, next.End-1, next.Last), true},
				{mark(next.Segment+1, 96, c.at.Last+1), true},
			} {
				if got := next.Passed(&later.at); got != later.passed {
					t.Errorf("%s is passed by %s: %v, want %v", next, fmt.Sprint(&later.at), got, later.passed)
				}
			}
		})
	}
}
