package clock_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/clock"
)

// FuzzTickOf: what an id of any bytes says of the time is within what ids hold, and
// a clock that goes on after it makes ids that rise from there, and that are ids, as
// long as it has any.
func FuzzTickOf(f *testing.F) {
	f.Add(make([]byte, 16))
	f.Add(bytes.Repeat([]byte{0xFF}, 16))
	f.Add([]byte{0x01, 0x9c, 0xad, 0xc6, 0x9a, 0x82, 0x70, 0xe1, 0xb2, 0x50, 0x9f, 0x72, 0xa7, 0xd6, 0x64, 0x47})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte{0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 16 {
			return
		}
		id := [16]byte(b)
		tick, ok := clock.TickOf(id)
		at := clock.IDTime(id)
		if at.Before(time.Unix(0, 0)) || at.Year() > 10889 || !ok && !at.Equal(time.Unix(0, 0)) {
			t.Errorf("IDTime(%x) = %v", id, at)
		}
		if !ok {
			return
		}
		c := clock.New(func() time.Time { return time.Unix(0, 0) }, filled(0), tick)
		last := id
		for n := uint64(3); n > 0 && c.Has(n); n-- {
			next := c.Next()
			if _, ok := clock.TickOf(next); !ok || bytes.Compare(next[:8], last[:8]) <= 0 {
				t.Errorf("after %x comes %x", last, next)
			}
			last = next
		}
	})
}
