package batpak

import (
	"context"
	"sync"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// DefaultCompactionRate is how many bytes a second a store merges by itself.
const DefaultCompactionRate = 16 << 20

// Compaction makes a store merge its segments by itself, as [Store.Compact] does, whenever
// enough of them have come together: beside appends and readers, one merge at a time, on a
// goroutine that is there as long as there is something to merge. The zero value is good.
//
// A merge waits after each few hundred KiB. So it keeps within a rate and, as long as
// others append, works a tenth of the time at most. [Store.Close] ends it between two
// groups of events; what it had read by then is read again some day. [Store.Compacted]
// tells what came of it.
type Compaction struct {
	// Rate is how many bytes a second are read from the segments that are merged, and
	// written again, at most. 0 means DefaultCompactionRate.
	Rate int64

	// Retention is asked what is to become of the events in the segments that are
	// merged. Nil keeps all of them. What it has left in a segment of more than half
	// the largest size is not asked about again, but by [Store.Compact].
	Retention Retention
}

// merger merges segments without being asked. Nil does nothing.
type merger struct {
	store     *Store
	inline    bool
	fanIn     int
	rate      int64
	retention Retention
	end       context.Context // that of Close
	close     context.CancelFunc

	mu      sync.Mutex // guards all below
	due     bool
	running bool
	closed  bool
	done    sync.WaitGroup // of the goroutine that runs; added to with mu held, unless closed
	total   CompactReport
	err     error // of the last run

	// Of the one that runs.
	seen     uint64 // the segment that was written to when all there was to do was done
	failures int    // one after the other
	skip     int    // segments to wait for after them
}

func (s *Store) newMerger() *merger {
	o := s.options.Compaction
	if o == nil {
		return nil
	}
	m := &merger{
		store: s, inline: rtopts.FS(&s.options.Internal) != nil, fanIn: fanInAlone, rate: o.Rate, retention: o.Retention,
	}
	if n := rtopts.FanIn(&s.options.Internal); n > 0 {
		m.fanIn = n
	}
	m.end, m.close = context.WithCancel(context.Background())
	return m
}

// wake says that another segment may have been begun. It does not wait, unless merges are
// done inline.
func (m *merger) wake() {
	if m == nil {
		return
	}
	inline := false
	m.mu.Lock()
	switch {
	case m.closed:
	case m.running:
		m.due = true // it looks again
	default:
		m.running = true
		if inline = m.inline; !inline {
			m.done.Go(m.run)
		}
	}
	m.mu.Unlock()
	if inline {
		m.work() // a simulated process may die in it, with no lock held
		m.mu.Lock()
		m.running, m.due = false, false
		m.mu.Unlock()
	}
}

// run works until there is nothing to do.
func (m *merger) run() {
	for {
		m.work()
		m.mu.Lock()
		if !m.due || m.closed {
			m.running = false
			m.mu.Unlock()
			return
		}
		m.due = false
		m.mu.Unlock()
	}
}

// work merges what there is to merge, if a segment was begun since the last time.
func (m *merger) work() {
	s := m.store
	last, ok, err := s.index.At(s.frontier.At(frontier.Written))
	number := uint64(last.Pos.Segment)
	if !ok || err != nil || number == m.seen {
		return
	}
	if m.skip > 0 {
		m.skip--
		m.seen = number
		return
	}
	c := compaction{store: s, retention: m.retention, fanIn: m.fanIn}
	if !m.enter(&c) {
		return // what is due stays so
	}
	defer m.leave(&c) // also if the retention ends its goroutine
	err = c.run(m.end)
	if m.end.Err() != nil {
		sometimes.Reached("merge was ended by closing the store")
		return
	}
	m.seen = number
	m.note(&c.report, err)
}

// enter waits until nobody else merges. If merges are inline it does not wait, as the
// goroutine may be in the midst of what it would wait for.
func (m *merger) enter(c *compaction) bool {
	s := m.store
	if !m.inline {
		c.restrain(m.rate)
		select {
		case s.compacting <- struct{}{}:
			return true
		case <-m.end.Done():
			return false
		}
	}
	select {
	case s.compacting <- struct{}{}:
	default:
		return false
	}
	select {
	case s.layout <- struct{}{}:
		c.held = true
		return true
	default:
		sometimes.Reached("merge was put off as a snapshot was made")
		<-s.compacting
		return false
	}
}

func (m *merger) leave(c *compaction) {
	if c.held {
		m.store.releaseLayout()
	}
	<-m.store.compacting
}

// note takes down what came of a run. After one that failed so many segments must be begun
// until the next try that what is hopeless does not keep the disk busy.
func (m *merger) note(r *CompactReport, err error) {
	err = m.store.outward(err, 0)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total.add(r)
	if m.err = err; err == nil {
		if r.Merges > 0 {
			sometimes.Reached("segments were merged unasked")
		}
		m.failures = 0
		return
	}
	sometimes.Reached("merge that nobody asked for failed")
	if m.skip = 1<<min(m.failures, 6) - 1; planted.Bug("merge that fails is tried again at once") {
		m.skip, m.seen = 0, 0
	}
	m.failures++
}

// stop ends merging.
func (m *merger) stop() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.close()
	if !planted.Bug("closing does not wait for merges") {
		m.done.Wait()
	}
}

// Compacted reports what the store has merged by itself since it was opened, see
// [Options.Compaction], and why the last try failed, if it did. A disk that is full, or a
// segment that is damaged, is tried again when some more segments were begun, and all else
// goes on; after an error that only the next opening can settle nothing is merged until
// then.
func (s *Store) Compacted() (CompactReport, error) {
	if s.merger == nil {
		return CompactReport{}, nil
	}
	s.merger.mu.Lock()
	defer s.merger.mu.Unlock()
	return s.merger.total, s.merger.err
}

func (r *CompactReport) add(o *CompactReport) {
	r.Merges += o.Merges
	r.Segments += o.Segments
	r.Events += o.Events
	r.Tombstoned += o.Tombstoned
	r.Dropped += o.Dropped
	r.Reclaimed += o.Reclaimed
}

// restrain makes the compaction leave the disk, and the processor, to others.
func (c *compaction) restrain(rate int64) {
	s := c.store
	c.rest = (&restraint{rate: rate, written: func() uint64 { return s.frontier.At(frontier.Written) }, closing: s.closing}).step
}

// restraint is how a merge does that.
type restraint struct {
	rate    int64           // bytes a second; 0 = any
	written func() uint64   // rises as others append
	closing <-chan struct{} // when it is closed there is no rest any more

	seen  uint64
	bytes int // since the last rest
	since time.Time
}

// A rest comes after sliceOfMerge bytes. One in which others appended is followed by a
// rest yield times as long.
const (
	sliceOfMerge = 256 << 10
	yield        = 9
)

// step notes that so many bytes were read, and rests if it is time.
func (r *restraint) step(ctx context.Context, bytes int) error {
	if r.since.IsZero() {
		r.since, r.seen = time.Now(), r.written()
	}
	if r.bytes += bytes; r.bytes < sliceOfMerge {
		return nil
	}
	if wait := rest(r.rate, r.bytes, time.Since(r.since), r.written() != r.seen); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.closing:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.since, r.seen, r.bytes = time.Now(), r.written(), 0
	return nil
}

// rest is how long to rest after so many bytes took so long, beside others or not.
func rest(rate int64, bytes int, took time.Duration, beside bool) time.Duration {
	wait := time.Duration(0)
	if rate > 0 {
		wait = time.Duration(float64(bytes)/float64(rate)*float64(time.Second)) - took
	}
	if beside && !planted.Bug("merge does not yield to appends") {
		wait = max(wait, yield*took)
	}
	return max(wait, 0)
}
