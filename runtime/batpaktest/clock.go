package batpaktest

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
)

// Clock is a wall clock that stands still until it is set, and a source of random
// bits that a seed determines. It is made by [NewClock] and safe for concurrent
// use.
type Clock struct {
	mu     sync.Mutex // guards all that follows
	now    time.Time
	random *rand.ChaCha8
}

// NewClock returns a clock that shows the time at.
func NewClock(at time.Time, seed uint64) *Clock {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return &Clock{now: at, random: rand.NewChaCha8(key)}
}

// Options returns a copy of o, nil meaning the defaults, with which a store takes
// its time and its random bits from the clock. To have them on a disk in memory
// as well:
//
//	store, err := disk.Open(clock.Options(nil))
func (c *Clock) Options(o *batpak.Options) *batpak.Options {
	options := clone(o)
	rtopts.SetNow(&options.Internal, c.Now)
	rtopts.SetRandom(&options.Internal, c.fill)
	return options
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set makes the clock show the time at, which may be earlier than before.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

// fill fills p with random bytes.
func (c *Clock) fill(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.random.Read(p) // never fails
}
