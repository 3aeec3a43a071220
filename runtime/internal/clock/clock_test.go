package clock_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/clock"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)

// wall is a wall clock that says what it is told to.
type wall struct{ at time.Time }

func (w *wall) now() time.Time { return w.at }

// filled fills with one byte, so that ids depend on the clock alone; 0xFF shows
// where random bits would overwrite the variant.
func filled(b byte) func([]byte) {
	return func(p []byte) {
		for i := range p {
			p[i] = b
		}
	}
}

// falling gives random bits that fall from id to id, so that only the clock can
// make ids rise.
func falling() func([]byte) {
	next := byte(0xFF)
	return func(p []byte) {
		filled(next)(p)
		next--
	}
}

// walls are courses of a wall clock, step by step.
var walls = []struct {
	name string
	at   func(i int) time.Time
}{
	{"steady", func(i int) time.Time { return epoch.Add(time.Duration(i) * time.Millisecond) }},
	{"one nanosecond a step", func(i int) time.Time { return epoch.Add(time.Duration(i)) }},
	{"frozen", func(int) time.Time { return epoch }},
	{"running back", func(i int) time.Time { return epoch.Add(-time.Duration(i) * time.Hour) }},
	{"jumping back and forth", func(i int) time.Time { return epoch.Add(time.Duration(i%3-1) * 24 * time.Hour) }},
	{"the zero time", func(int) time.Time { return time.Time{} }},
	{"before 1970", func(i int) time.Time { return time.Unix(-1000+int64(i), 0) }},
	{"across 1970", func(i int) time.Time { return time.Unix(-1, 0).Add(time.Duration(i) * time.Millisecond) }},
	{"the year 200000", func(i int) time.Time { return time.Date(200000, 1, 1, 0, 0, i, 0, time.UTC) }},
	{"the last second", func(int) time.Time { return time.Unix(math.MaxInt64, 999_999_999) }},
	{"the first second", func(int) time.Time { return time.Unix(math.MinInt64, 0) }},
	{"milliseconds beyond 64 bits", func(i int) time.Time { return time.Unix(math.MaxInt64/1000+int64(i), 0) }},
	{"far off and back", func(i int) time.Time {
		if i == 10 {
			return time.Unix(math.MaxInt64, 0)
		}
		return epoch
	}},
}

func TestIDsRise(t *testing.T) {
	for _, w := range walls {
		t.Run(w.name, func(t *testing.T) {
			step := 0
			c := clock.New(func() time.Time { step++; return w.at(step) }, falling(), 0)
			var last [16]byte
			check := func(id [16]byte) {
				t.Helper()
				if bytes.Compare(id[:], last[:]) <= 0 {
					t.Errorf("step %d: id %x after %x, want a higher one", step, id, last)
				}
				if clock.IDTime(id).Before(clock.IDTime(last)) {
					t.Errorf("step %d: time %v after %v, want none earlier", step, clock.IDTime(id), clock.IDTime(last))
				}
				if got, ok := clock.TickOf(id); !ok || got != c.Last() {
					t.Errorf("step %d: TickOf(%x) = %d, %t, want %d", step, id, got, ok, c.Last())
				}
				last = id
			}
			for range 60 {
				check(c.Next())
				c.NextN(3, func(_ int, id [16]byte) { check(id) })
			}
		})
	}
}

// TestIDsRiseAcrossClocks goes on with a new clock after the last id of another,
// as a store does that is opened again on a machine with another time.
func TestIDsRiseAcrossClocks(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	var last [16]byte
	var tick clock.Tick
	for i := range 500 {
		w := wall{epoch.Add(time.Duration(r.Int64N(int64(time.Hour))) - 30*time.Minute)}
		id := clock.New(w.now, filled(byte(r.Uint32())), tick).Next()
		if bytes.Compare(id[:], last[:]) <= 0 {
			t.Fatalf("seed %d, clock %d: id %x after %x, want a higher one", seed, i, id, last)
		}
		tick, _ = clock.TickOf(id)
		last = id
	}
}

func TestLayout(t *testing.T) {
	w := wall{time.UnixMilli(0x0123456789AB).Add(500 * time.Microsecond)} // half a millisecond: 0x800 of 0x1000
	for fill, want := range map[byte]string{
		0x00: "0123456789ab78008000000000000000",
		0xFF: "0123456789ab7800bfffffffffffffff",
	} {
		id := clock.New(w.now, filled(fill), 0).Next()
		if got := hex.EncodeToString(id[:]); got != want {
			t.Errorf("Next() with random bits %x = %s, want %s", fill, got, want)
		}
		if got := clock.IDTime(id); !got.Equal(w.at) || got.Location() != time.UTC {
			t.Errorf("IDTime(%x) = %v, want %v", id, got, w.at.UTC())
		}
	}
}

// TestVersionAndVariant looks at the bits that make the id a UUID of version 7
// under random clocks and random bits.
func TestVersionAndVariant(t *testing.T) {
	const seed = 2
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		w := wall{time.Unix(r.Int64N(1<<35), r.Int64N(1e9))}
		id := clock.New(w.now, filled(byte(r.Uint32())), 0).Next()
		if id[6]>>4 != 7 || id[8]>>6 != 2 {
			t.Errorf("seed %d: id %x has version %d, variant %d, want 7, 2", seed, id, id[6]>>4, id[8]>>6)
		}
	}
}

func TestTickOfRefuses(t *testing.T) {
	made := clock.New(func() time.Time { return epoch }, filled(0), 0).Next()
	for _, c := range []struct {
		name   string
		change func(id *[16]byte)
	}{
		{"zero", func(id *[16]byte) { *id = [16]byte{} }},
		{"version 4", func(id *[16]byte) { id[6] ^= 0x30 }},
		{"version 15", func(id *[16]byte) { id[6] |= 0xF0 }},
		{"variant 0", func(id *[16]byte) { id[8] &= 0x3F }},
		{"variant 3", func(id *[16]byte) { id[8] |= 0xC0 }},
		{"the end of time", func(id *[16]byte) { copy(id[:], bytes.Repeat([]byte{0xFF}, 6)) }},
	} {
		id := made
		c.change(&id)
		if tick, ok := clock.TickOf(id); ok || tick != 0 {
			t.Errorf("TickOf(%s: %x) = %d, %t, want 0, false", c.name, id, tick, ok)
		}
		if got, want := clock.IDTime(id), time.UnixMilli(0).UTC(); got != want {
			t.Errorf("IDTime(%s: %x) = %v, want %v", c.name, id, got, want)
		}
	}
}

// TestRoomAtTheEnd goes on after the highest id that is taken for one of ours:
// ids must still rise, and not wrap.
func TestRoomAtTheEnd(t *testing.T) {
	highest := [16]byte{0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0x80}
	tick, ok := clock.TickOf(highest)
	if !ok {
		t.Fatalf("TickOf(%x) = false, want true", highest)
	}
	id := clock.New(func() time.Time { return epoch }, filled(0), tick).Next()
	if bytes.Compare(id[:], highest[:]) <= 0 {
		t.Errorf("Next() after %x = %x, want a higher one", highest, id)
	}
	if _, ok := clock.TickOf(id); ok {
		t.Errorf("TickOf(%x) = true, want false one tick above the highest", id)
	}
}

// TestNextN checks that n ids are made in order, with one reading of the wall
// clock, and are what n calls of Next on a frozen clock give.
func TestNextN(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 5000} {
		readings := 0
		c := clock.New(func() time.Time { readings++; return epoch }, filled(1), 0)
		single := clock.New(func() time.Time { return epoch }, filled(1), 0)
		made := 0
		c.NextN(n, func(i int, id [16]byte) {
			if i != made {
				t.Errorf("NextN(%d): index = %d, want %d", n, i, made)
			}
			if want := single.Next(); id != want {
				t.Errorf("NextN(%d): id %d = %x, want %x", n, i, id, want)
			}
			made++
		})
		if made != max(n, 0) || readings != 1 {
			t.Errorf("NextN(%d) made %d ids with %d readings, want %d with 1", n, made, readings, max(n, 0))
		}
	}
}

// TestBound: an id lies at or above the bound of a time if, and only if, its own
// time is not before it. The times are those of ids, a little off, and the ends.
func TestBound(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, 0))
	times := []time.Time{{}, time.Unix(-1, 999_999_999), time.Unix(0, 0), time.UnixMilli(1<<48 - 1), time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC)}
	var ids [][16]byte
	for range 300 {
		c := clock.New(func() time.Time { return epoch.Add(time.Duration(r.Int64N(3e6))) }, filled(byte(r.Uint32())), 0)
		ids = append(ids, c.Next(), c.Next())
		for off := range time.Duration(5) {
			times = append(times, clock.IDTime(ids[len(ids)-1]).Add(off-2))
		}
	}
	ids = append(ids, [16]byte{6: 0x70, 8: 0x80}, [16]byte{0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0x80})
	for _, id := range ids {
		for _, at := range times {
			got := binary.BigEndian.Uint64(id[:8]) >= clock.Bound(at)
			if want := !clock.IDTime(id).Before(at); got != want {
				t.Fatalf("seed %d: id of %v lies above Bound(%v): %v, want %v", seed, clock.IDTime(id), at, got, want)
			}
		}
	}
}

// shown is what a wall clock says in ticks, as long as it says what an id can hold: a time
// is rounded down, and clamped at the ends.
func shown(at time.Time) time.Time {
	const highest = clock.Tick(1<<60 - 1 - 1<<44)
	switch end := highest.Time(); {
	case at.Unix() < 0: // a time may lie so far off that Before and After go wrong
		return time.Unix(0, 0)
	case at.Unix() >= end.Unix():
		return end
	}
	nanos := int64(at.Nanosecond()) % 1e6
	return at.Add(time.Duration(nanos*4096/1e6*1e6/4096 - nanos))
}

// TestSkew holds the skew of a clock to a model: a reading counts if one before, or the
// last id of the clock before, was higher. Ids that run ahead of the clock do not.
func TestSkew(t *testing.T) {
	const seed = 4
	for _, w := range walls {
		t.Run(w.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			var last [16]byte
			for range 10 { // openings
				tick, _ := clock.TickOf(last)
				var readings int64
				var most time.Duration
				step, highest := r.IntN(20), tick.Time()
				c := clock.New(func() time.Time {
					at := w.at(step)
					if by := highest.Sub(shown(at)); by > 0 {
						readings++
						most = max(most, by)
					} else {
						highest = shown(at)
					}
					return at
				}, filled(0), tick)
				if n, by := c.Skew(); n != 0 || by != 0 {
					t.Errorf("seed %d: Skew() = %d, %v before the clock was read", seed, n, by)
				}
				for range 10 {
					if step += r.IntN(3); r.IntN(2) > 0 {
						last = c.Next()
					} else {
						c.NextN(r.IntN(1000), func(_ int, id [16]byte) { last = id })
					}
					if n, by := c.Skew(); n != readings || by != most {
						t.Fatalf("seed %d, step %d: Skew() = %d, %v, want %d, %v", seed, step, n, by, readings, most)
					}
				}
			}
		})
	}
}

// TestSkewBesideTheWriter: what others see of the skew while the writer makes ids only
// rises, and what a reading was behind by is seen as soon as the reading is.
func TestSkewBesideTheWriter(t *testing.T) {
	const ids = 10000
	w := wall{epoch}
	c := clock.New(w.now, filled(0), 0)
	back := func(i int64) time.Time { return epoch.Add(-time.Duration(i) * time.Microsecond) }
	least := func(n int64) time.Duration { return shown(epoch).Sub(shown(back(n))) } // of n readings
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range int64(ids) {
			w.at = back(i)
			c.Next()
		}
	}()
	var n int64
	var by time.Duration
	for over := false; !over; {
		select {
		case <-done:
			over = true // after one more look
		default:
			runtime.Gosched()
		}
		readings, most := c.Skew()
		if readings < n || most < by || most < least(readings) {
			t.Errorf("Skew() = %d, %v after %d, %v, want at least %v", readings, most, n, by, least(readings))
		}
		n, by = readings, most
	}
	if n != ids-1 || by != least(n) {
		t.Errorf("Skew() = %d, %v in the end, want %d, %v", n, by, ids-1, least(n))
	}
}

// TestNewDefault makes an id with the real wall clock.
func TestNewDefault(t *testing.T) {
	before := time.Now().Add(-time.Millisecond)
	id := clock.New(nil, filled(0), 0).Next()
	if got := clock.IDTime(id); got.Before(before) || got.After(time.Now()) {
		t.Errorf("IDTime(Next()) = %v, want about %v", got, before)
	}
}

func BenchmarkNext(b *testing.B) {
	c := clock.New(nil, filled(0), 0)
	b.ReportAllocs()
	for b.Loop() {
		c.Next()
	}
}
