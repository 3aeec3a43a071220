package suite

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
	"github.com/batpak-go/batpak/runtime/bench/internal/probe"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
)

// limits measures what the processor allows: it belongs to the roof.
func (s *Suite) limits(ctx context.Context) error {
	return s.turns(ctx, "limit/crc", func(d driver.Driver, m meter) error {
		if d.Role == driver.Roof {
			m.emit(report.Nanos, probe.Checksum(s.Payload, s.Window))
		}
		return nil
	})
}

// compactions measures how long durable appends take while a store compacts, and
// while it does not.
func (s *Suite) compactions(ctx context.Context) error {
	return s.turns(ctx, "compact", func(d driver.Driver, m meter) error {
		if d.Role == driver.Roof || d.Grouped {
			return nil
		}
		open := d.OpenSplit
		if open == nil {
			open = durably(d)
		}
		return s.inFresh("compact", open, func(store driver.Store) error {
			if compact := store.Ways().Compact; compact != nil {
				return s.compact(ctx, store, compact, m)
			}
			return nil
		})
	})
}

// durably is how a driver opens a store for durable appends.
func durably(d driver.Driver) func(dir string) (driver.Store, error) {
	return func(dir string) (driver.Store, error) { return d.Open(dir, driver.Durable) }
}

// inFresh lends do a store in a directory of its own, which is removed afterwards.
func (s *Suite) inFresh(name string, open func(dir string) (driver.Store, error), do func(driver.Store) error) error {
	dir, err := s.fresh(name)
	if err != nil {
		return err
	}
	defer s.remove(dir)
	store, err := open(dir)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

// compact fills the store with something to do, then appends for two windows, in
// the second of which the store compacts all the time.
func (s *Suite) compact(ctx context.Context, store driver.Store, compact func(context.Context) error, m meter) error {
	if err := s.fill(store); err != nil {
		return err
	}
	quiet, err := s.latency(store, s.source.Lane(1, s.Entities))
	if err != nil {
		return err
	}
	var (
		compacting sync.WaitGroup
		failed     error
	)
	working, stop := context.WithCancel(ctx)
	defer stop()
	compacting.Go(func() {
		for working.Err() == nil && failed == nil {
			failed = compact(ctx)
		}
	})
	busy, err := s.latency(store, s.source.Lane(2, s.Entities))
	stop()
	compacting.Wait()
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	m.emit(report.P99, busy)
	m.emit(report.Slowdown, busy/quiet)
	return nil
}

// fill gives the store something to compact.
func (s *Suite) fill(store driver.Store) error {
	const fill = 50_000
	b := event.NewBatch(loadBatch)
	for i := uint64(0); i < fill; i += loadBatch {
		if err := store.Append(b.Fill(s.source, i)); err != nil {
			return err
		}
	}
	return nil
}

// merges measures the same of stores that compact by themselves: in the first window
// they do not, and in the second, when they were opened again, they do.
func (s *Suite) merges(ctx context.Context) error {
	return s.turns(ctx, "compact/unasked", func(d driver.Driver, m meter) error {
		if d.OpenMerging == nil {
			return nil
		}
		dir, err := s.fresh("merges")
		if err != nil {
			return err
		}
		defer s.remove(dir)
		var p99 [2]float64
		for i, open := range []func(dir string) (driver.Store, error){d.OpenSplit, d.OpenMerging} {
			store, err := open(dir)
			if err == nil && i == 0 {
				err = s.fill(store)
			}
			if err == nil {
				p99[i], err = s.latency(store, s.source.Lane(1+i, s.Entities))
			}
			if store != nil {
				err = errors.Join(err, store.Close())
			}
			if err != nil {
				return err
			}
		}
		m.emit(report.P99, p99[1])
		m.emit(report.Slowdown, p99[1]/p99[0])
		return nil
	})
}

// latency is the 99th percentile of appends in one window, in microseconds.
func (s *Suite) latency(store driver.Store, source *event.Source) (p99 float64, err error) {
	r := runner{store: store, source: source, batch: event.NewBatch(1)}
	r.run(time.Now().Add(s.Window), appending{batch: 1, mode: driver.Durable})
	return percentile(r.spans, 99), r.err
}
