package clock

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

const (
	ticksPerMilli = 1 << 12
	nanosPerMilli = int64(time.Millisecond)

	maxTick = 1<<60 - 1 // what 48 bits of milliseconds and 12 of fraction hold: the year 10889

	// maxWall caps what the wall clock may say, so that however wrong it is,
	// 2^44 more ids fit above.
	maxWall        = maxTick - 1<<44
	maxWallSeconds = maxWall / ticksPerMilli / 1000

	// maxMade is the highest tick that is taken for one of ours: to reach it,
	// 2^43 ids must have been made above maxWall.
	maxMade = maxTick - 1<<43
)

// Tick is a reading of the clock: milliseconds since 1970 times 4096.
type Tick uint64

// Clock hands out ids in strictly rising order. It is not safe for concurrent
// use, but for [Clock.Skew]: the writer owns it.
type Clock struct {
	now  func() time.Time
	rand func([]byte)
	last Tick
	bits [8]byte // random bits pass through here, so that ids stay off the heap
	seen Tick    // the highest reading of the wall clock, from what New was given on

	// Written by the writer alone, in this order, and read by anybody.
	most   atomic.Int64 // nanoseconds by which the wall clock was behind seen
	behind atomic.Int64 // readings at which it was
}

// New returns a clock whose first id comes after every id up to last, a tick
// that [TickOf] gave, or 0. The function now reads the wall clock, nil meaning
// [time.Now]; random fills a slice with random bytes.
func New(now func() time.Time, random func([]byte), last Tick) *Clock {
	if now == nil {
		now = time.Now
	}
	return &Clock{now: now, rand: random, last: last, seen: last}
}

// read reads the wall clock, and counts whether it went back. It is held against its own
// readings, not against the last id: ids that are made faster than the wall clock ticks
// run ahead of it, and that is no fault of it.
func (c *Clock) read() Tick {
	wall := tickOf(c.now())
	if wall >= c.seen {
		c.seen = wall
		return wall
	}
	by := c.seen.Time().Sub(wall.Time()) // stops at the longest time that there is
	c.most.Store(max(c.most.Load(), int64(by)))
	c.behind.Add(1)
	return wall
}

// Skew is how many readings found the wall clock behind the highest one before, or behind
// the tick that [New] was given, and by how much at most. One who looks meanwhile may see
// a most that belongs to the next.
func (c *Clock) Skew() (readings int64, most time.Duration) {
	readings = c.behind.Load()
	return readings, time.Duration(c.most.Load())
}

// Next makes the next id.
func (c *Clock) Next() [16]byte {
	c.last = max(c.last+1, c.read())
	return c.id()
}

// NextN makes n ids with one reading of the wall clock and hands them to use
// in rising order.
func (c *Clock) NextN(n int, use func(i int, id [16]byte)) {
	wall := c.read()
	for i := range n {
		c.last = max(c.last+1, wall)
		if planted.Bug("ids follow the wall clock back") {
			c.last = wall + Tick(i)
		}
		use(i, c.id())
	}
}

// Has reports whether n more ids can be made that [TickOf] takes for ids. There
// are always enough, unless somebody has forged the last one.
func (c *Clock) Has(n uint64) bool { return c.last <= maxMade && n <= uint64(maxMade-c.last) }

// Last is the tick of the last id.
func (c *Clock) Last() Tick { return c.last }

// id writes the last tick and random bits in the layout of a version 7 UUID:
//
//	 0        6   7.  8                  16
//	+--------+---+---+------------------+
//	| milli  |7 fract|10 random, 62 bits |
//	+--------+---+---+------------------+
//	  48 bit  4  12   2
func (c *Clock) id() (id [16]byte) {
	c.rand(c.bits[:])
	copy(id[8:], c.bits[:])
	binary.BigEndian.PutUint64(id[:8], upper(c.last))
	id[8] = id[8]&0x3F | 0x80
	return id
}

// TickOf reads the tick back from an id. It reports false for an id that this
// package did not make: one in another layout, or one so far ahead that no clock
// could go on after it for long.
func TickOf(id [16]byte) (Tick, bool) {
	hi := binary.BigEndian.Uint64(id[:8])
	if hi&0xF000 != 0x7000 || id[8]&0xC0 != 0x80 {
		return 0, false
	}
	t := Tick(hi>>16<<12 | hi&(ticksPerMilli-1))
	if t > maxMade {
		return 0, false
	}
	return t, true
}

// IDTime is the time at which an id was made, in UTC. For an id that this
// package did not make it is the start of 1970.
func IDTime(id [16]byte) time.Time {
	t, _ := TickOf(id)
	return t.Time()
}

// Time converts a tick, in UTC.
func (t Tick) Time() time.Time {
	milli, frac := int64(t/ticksPerMilli), int64(t%ticksPerMilli)
	return time.Unix(milli/1000, milli%1000*nanosPerMilli+frac*nanosPerMilli/ticksPerMilli).UTC()
}

// tickOf converts wall time, clamping times before 1970 and beyond maxWall.
func tickOf(at time.Time) Tick {
	switch seconds := at.Unix(); { // milliseconds since 1970 may overflow
	case seconds < 0:
		return 0
	case seconds >= maxWallSeconds:
		return maxWall
	}
	frac := int64(at.Nanosecond()) % nanosPerMilli
	return Tick(at.UnixMilli())*ticksPerMilli + Tick(frac*ticksPerMilli/nanosPerMilli)
}

// Bound is the upper half of the lowest id that is not made before a time: the ids
// from it on have that time or a later one, all others an earlier one. Since ids
// rise strictly, so a time divides the events of a store into those before and
// those after it. At the end of time it is more than any id has.
func Bound(at time.Time) uint64 {
	switch seconds := at.Unix(); { // milliseconds since 1970 may overflow
	case seconds < 0:
		return upper(0)
	case seconds > maxTick/ticksPerMilli/1000:
		return upper(maxTick)
	}
	frac := int64(at.Nanosecond()) % nanosPerMilli
	up := (frac*ticksPerMilli + nanosPerMilli - 1) / nanosPerMilli // [Tick.Time] rounds down
	return upper(min(Tick(at.UnixMilli())*ticksPerMilli+Tick(up), maxTick))
}

// upper is the first half of the ids of a tick.
func upper(t Tick) uint64 { return uint64(t)>>12<<16 | 0x7000 | uint64(t)&(ticksPerMilli-1) }

// Start begins to measure time and returns what tells how much has passed.
func Start() (elapsed func() time.Duration) {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}
