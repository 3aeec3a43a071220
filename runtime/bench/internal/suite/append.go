package suite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
)

// appending is a workload of appends.
type appending struct {
	name              string
	goroutines, batch int
	mode              driver.Mode
}

func (s *Suite) appends(ctx context.Context) error {
	for _, a := range []appending{
		{"w1", 1, 1, driver.Durable},
		{"w2/8", 8, 1, driver.Durable},
		{"w2/64", 64, 1, driver.Durable},
		{"w2/256", 256, 1, driver.Durable},
		{"w3/100", 1, 100, driver.Durable},
		{"w3/1000", 1, 1000, driver.Durable},
		{"w4", 1, 1, driver.Relaxed},
	} {
		err := s.turns(ctx, a.name, func(d driver.Driver, m meter) error {
			if d.Grouped && a.goroutines == 1 {
				return nil
			}
			return s.append(d, a, m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// append appends to a new store for one window.
func (s *Suite) append(d driver.Driver, a appending, m meter) error {
	if d.Role == driver.Roof {
		lanes := min(d.Lanes, a.goroutines)
		a.goroutines, a.batch = lanes, a.batch*a.goroutines/lanes
	}
	dir, err := s.fresh("append")
	if err != nil {
		return err
	}
	defer s.remove(dir)
	store, err := d.Open(dir, a.mode)
	if err != nil {
		return err
	}
	// The first appends make files, grow buffers and start goroutines.
	warm, b := s.source.Lane(0, 10), event.NewBatch(a.batch)
	for i := range uint64(20) {
		err = errors.Join(err, store.Append(b.Fill(warm, i*uint64(a.batch))))
	}
	if err == nil {
		err = m.labelled(func() error { return s.race(store, a, m, 20*uint64(a.batch)) })
	}
	return errors.Join(err, store.Close())
}

// race has the goroutines append, each the events of its own lane, until the time
// is over, and makes sure that the store has what it acknowledged.
func (s *Suite) race(store driver.Store, a appending, m meter, before uint64) error {
	if err := store.Flush(); err != nil {
		return err
	}
	var (
		runners = make([]runner, a.goroutines)
		group   sync.WaitGroup
	)
	for g := range runners {
		runners[g] = runner{store: store, source: s.source.Lane(1+g, max(1, s.Entities/a.goroutines)), batch: event.NewBatch(a.batch)}
	}
	began := time.Now()
	for g := range runners {
		group.Go(func() { runners[g].run(began.Add(s.Window), a) })
	}
	group.Wait()
	err := store.Flush() // counts where nothing was durable before
	took := time.Since(began)

	var spans []time.Duration
	done := before
	for _, r := range runners {
		err = errors.Join(err, r.err)
		spans, done = append(spans, r.spans...), done+r.done
	}
	if err != nil {
		return err
	}
	if last, err := store.Last(); err != nil || last < done {
		return fmt.Errorf("the store has %d events (%v), it acknowledged %d", last, err, done)
	}
	m.emit(report.Rate, float64(done-before)/took.Seconds())
	m.spread(spans)
	return nil
}

// runner appends in one goroutine.
type runner struct {
	store  driver.Store
	source *event.Source
	batch  *event.Batch
	done   uint64 // events
	spans  []time.Duration
	err    error
}

func (r *runner) run(until time.Time, a appending) {
	size := uint64(a.batch)
	now := time.Now()
	for now.Before(until) || r.done < 2*size { // a stalled disk is no reason to have no figure
		// A relaxed append is faster than the clock.
		turns := uint64(1)
		if a.mode == driver.Relaxed {
			turns = 32
		}
		for range turns {
			events := r.batch.Fill(r.source, r.done)
			if turns == 1 {
				now = time.Now()
			}
			if r.err = r.store.Append(events); r.err != nil {
				return
			}
			r.done += size
		}
		after := time.Now()
		if turns == 1 {
			r.spans = append(r.spans, after.Sub(now))
		}
		now = after
	}
}
