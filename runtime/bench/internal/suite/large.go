package suite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/disk"
	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
)

const loadBatch = 1000

// place is where a driver's large store is.
func (s *Suite) place(d driver.Driver) string { return filepath.Join(s.Dir, "large-"+d.Name) }

// stores are the drivers that keep what they are given.
func (s *Suite) stores() []driver.Driver {
	return slices.DeleteFunc(slices.Clone(s.Drivers), func(d driver.Driver) bool { return d.Role == driver.Roof || d.Grouped })
}

// with is the suite with other drivers.
func (s *Suite) with(drivers []driver.Driver) *Suite {
	other := *s
	other.Drivers = drivers
	return &other
}

// large loads a store of many events for each driver, then reads it and opens it.
func (s *Suite) large(ctx context.Context) error {
	names := []string{"load", "r1/key", "r1/seq", "r1/id", "r2", "r3", "page/stream", "page/prefix", "page/scope", "page/kind", "verify"}
	names = append(names, "c1/warm", "c1/cold", "c1/nosnapshot", "c1/scan", "c1/kill")
	if !slices.ContainsFunc(names, s.wants) {
		return nil
	}
	defer s.removeLarge()
	loaded := s.with(s.loadAll(ctx, s.stores(), 0, s.Events, 0))
	err := loaded.turns(ctx, "", func(d driver.Driver, m meter) error {
		return errors.Join(disk.Warm(s.place(d)), s.reads(ctx, d, s.Events, true, m))
	})
	if err != nil {
		return err
	}
	return loaded.openings(ctx)
}

// growth loads a store for each driver step by step, and reads and opens it at each.
func (s *Suite) growth(ctx context.Context) error {
	if s.Growth == 0 {
		return nil
	}
	defer s.removeLarge()
	grown, from := s.with(s.stores()), 0
	for to := 10_000; to <= s.Growth; from, to = to, to*10 {
		grown.Drivers = s.loadAll(ctx, grown.Drivers, from, to, to)
		err := grown.turns(ctx, "", func(d driver.Driver, m meter) error {
			m.events = to
			err := errors.Join(disk.Warm(s.place(d)), s.reads(ctx, d, to, false, m))
			if err != nil {
				return err
			}
			return s.open(ctx, d, to, m.of("c1/warm"))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// loadAll appends events from up to to for each driver and returns those with whom
// that went well. If events is not 0, it is what is varied.
func (s *Suite) loadAll(ctx context.Context, drivers []driver.Driver, from, to, events int) (loaded []driver.Driver) {
	for _, d := range drivers {
		m := meter{s, "load", d, 0, events}
		var err error
		if from == 0 {
			_, err = s.fresh(filepath.Base(s.place(d)))
		}
		if err == nil {
			err = s.load(ctx, d, from, to, m)
		}
		if err != nil {
			m.fail(err)
			continue
		}
		loaded = append(loaded, d)
	}
	return loaded
}

func (s *Suite) removeLarge() {
	for _, d := range s.stores() {
		s.remove(s.place(d))
	}
}

// load appends events from, from+1, up to to in batches of 1,000 to a driver's
// large store, relaxed where it can, and measures the disk it takes when it is
// closed.
func (s *Suite) load(ctx context.Context, d driver.Driver, from, to int, m meter) error {
	store, err := d.Open(s.place(d), driver.Relaxed)
	if errors.Is(err, driver.ErrUnsupported) {
		store, err = d.Open(s.place(d), driver.Durable)
	}
	if err != nil {
		return err
	}
	b := event.NewBatch(loadBatch)
	began := time.Now()
	for i := from; i < to && err == nil; i += loadBatch {
		err = errors.Join(ctx.Err(), store.Append(b.Fill(s.source, uint64(i))))
	}
	err = errors.Join(err, store.Flush())
	took := time.Since(began)
	if settle := store.Ways().Settle; settle != nil && err == nil {
		err = settle(ctx)
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return fmt.Errorf("append events %d to %d: %w", from, to, err)
	}
	used, err := disk.Use(s.place(d))
	if err != nil {
		return err
	}
	perEvent := float64(used) / float64(to)
	names := len(s.source.Entity(0)) + len(s.source.Scope(0)) + len(event.Event{}.ID)
	m.emit(report.Rate, float64(to-from)/took.Seconds())
	m.emit(report.Disk, perEvent)
	m.emit(report.Beyond, perEvent-float64(s.Payload+names))
	return nil
}
