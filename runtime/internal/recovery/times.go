package recovery

import "time"

// Times are how long it took to find out what there is, to take in the segments that
// others follow, and the last one, and to make its end durable.
type Times struct{ Listing, Sealed, Last, Repair time.Duration }

// laps measures the parts of the work, one after the other.
type laps struct {
	elapsed func() time.Duration
	before  time.Duration
}

// lap is how long it took since the last one.
func (l *laps) lap() (took time.Duration) {
	if l.elapsed != nil {
		now := l.elapsed()
		took, l.before = now-l.before, now
	}
	return took
}
