package suite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
)

const (
	pageSize  = 100
	ownIDs    = 1 << 16 // of the store's own making, that are asked for at most
	clockOver = 64      // gets that are timed as one, because they are faster than the clock
)

// reads measures the ways to read of a large store that holds count events: those
// that take as long as there are results, and, if all, those that read everything.
func (s *Suite) reads(ctx context.Context, d driver.Driver, count int, all bool, m meter) error {
	store, err := d.Open(s.place(d), driver.Durable)
	if err != nil {
		return err
	}
	r := reader{s, store.Ways(), count, rand.New(rand.NewPCG(uint64(m.round), 9)), m}
	steps := []func(context.Context) error{r.gets, r.streams, r.pages}
	if all {
		steps = append(steps, r.scan, r.verify)
	}
	for _, step := range steps {
		if err = step(ctx); err != nil {
			break
		}
	}
	return errors.Join(err, store.Close())
}

// reader measures the reads of one turn.
type reader struct {
	suite *Suite
	driver.Ways
	count  int
	random *rand.Rand
	meter
}

// wants reports whether a workload is asked for; growth measures them all.
func (r *reader) wants(workload string) bool { return r.events > 0 || r.suite.wants(workload) }

// gets measures finding single events at random.
func (r *reader) gets(context.Context) error {
	var own [][16]byte
	for _, g := range []struct {
		workload string
		get      func(i uint64, dst []byte) ([]byte, error)
		has      bool
	}{
		{"r1/key", func(i uint64, dst []byte) ([]byte, error) { return r.ByID(r.suite.source.ID(i), dst) }, r.ByID != nil},
		{"r1/seq", func(i uint64, dst []byte) ([]byte, error) { return r.BySeq(i+1, dst) }, r.BySeq != nil},
		{"r1/id", func(i uint64, dst []byte) ([]byte, error) { return r.ByOwnID(own[i%uint64(len(own))], dst) }, r.ByOwnID != nil},
	} {
		if !g.has || !r.wants(g.workload) {
			continue
		}
		if g.workload == "r1/id" {
			for range min(ownIDs, r.count) {
				id, err := r.OwnID(uint64(r.random.IntN(r.count)) + 1)
				if err != nil {
					return err
				}
				own = append(own, id)
			}
		}
		m := r.of(g.workload)
		err := m.labelled(func() error { return m.lookups(r.random, r.count, r.suite.Window, g.get, own == nil) })
		if err != nil {
			return err
		}
	}
	return nil
}

// lookups measures get for one window. If numbered, it must return event i for i.
func (m meter) lookups(random *rand.Rand, count int, window time.Duration, get func(uint64, []byte) ([]byte, error), numbered bool) error {
	var (
		buf   []byte
		err   error
		spans []time.Duration
	)
	for range 200 { // what is first is slow
		i := uint64(random.IntN(count))
		if buf, err = get(i, buf[:0]); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		if n, err := event.NumberOf(buf); err != nil || numbered && n != i {
			return fmt.Errorf("got event %d, %v, want %d", n, err, i)
		}
	}
	began := time.Now()
	for now := began; now.Sub(began) < window; {
		for range clockOver {
			if buf, err = get(uint64(random.IntN(count)), buf[:0]); err != nil {
				return err
			}
		}
		after := time.Now()
		spans = append(spans, after.Sub(now)/clockOver)
		now = after
	}
	m.emit(report.Ops, float64(len(spans)*clockOver)/time.Since(began).Seconds())
	m.spread(spans)
	return nil
}

// repeat measures calls of walk for one window, after one that is not counted, and
// emits how many events it visits in a second and how long a call takes.
func (m meter) repeat(window time.Duration, walk func(visit func(*event.Event)) error) error {
	events, bytes := 0, 0
	visit := func(e *event.Event) {
		events++
		bytes += len(e.Payload) + int(e.Payload[0])
	}
	if err := walk(visit); err != nil {
		return err
	}
	events = 0
	var spans []time.Duration
	began := time.Now()
	for now := began; now.Sub(began) < window; {
		if err := walk(visit); err != nil {
			return err
		}
		after := time.Now()
		spans = append(spans, after.Sub(now))
		now = after
	}
	m.emit(report.Rate, float64(events)/time.Since(began).Seconds())
	m.spread(spans)
	return nil
}

// streams measures reading whole streams.
func (r *reader) streams(context.Context) error {
	if r.Stream == nil || !r.wants("r2") {
		return nil
	}
	source := r.suite.source
	m := r.of("r2")
	return m.labelled(func() error {
		return m.repeat(r.suite.Window, func(visit func(*event.Event)) error {
			return r.Stream(source.Entity(r.random.IntN(source.Entities())), visit)
		})
	})
}

// pages measures pages of 100 events, of each sort of filter, at places all over
// the log.
func (r *reader) pages(context.Context) error {
	if r.Page == nil {
		return nil
	}
	source := r.suite.source
	for _, p := range []struct {
		workload string
		filter   func(k int) driver.Filter
	}{
		{"page/stream", func(k int) driver.Filter { return driver.Filter{Entity: source.Entity(k)} }},
		{"page/prefix", func(k int) driver.Filter { return driver.Filter{Prefix: source.Prefix(k)} }},
		{"page/scope", func(k int) driver.Filter { return driver.Filter{Scope: source.Scope(k % event.Scopes)} }},
		{"page/kind", func(k int) driver.Filter { return driver.Filter{Kind: event.KindOf(uint64(k))} }},
	} {
		if !r.wants(p.workload) {
			continue
		}
		draw := func() driver.Filter {
			f := p.filter(r.random.IntN(source.Entities()))
			// A place between two rounds of the entities, far enough from the end.
			rounds := r.count / source.Entities()
			f.AfterVersion = uint64(r.random.IntN(max(1, rounds-pageSize)))
			f.After = f.AfterVersion * uint64(source.Entities())
			return f
		}
		err := r.checkPage(draw())
		if err == nil {
			m := r.of(p.workload)
			err = m.labelled(func() error {
				return m.repeat(r.suite.Window, func(visit func(*event.Event)) error { return r.Page(draw(), pageSize, visit) })
			})
		}
		if err != nil && !errors.Is(err, driver.ErrUnsupported) {
			return fmt.Errorf("%s: %w", p.workload, err)
		}
	}
	return nil
}

// checkPage reads a page and makes sure that it holds what it should, and as much.
func (r *reader) checkPage(f driver.Filter) error {
	var seqs []uint64
	wrong := 0
	err := r.Page(f, pageSize, func(e *event.Event) {
		seqs = append(seqs, e.Seq)
		if !f.Matches(e) {
			wrong++
		}
	})
	full := len(seqs) == pageSize || r.count/r.suite.Entities < 2*pageSize
	if err == nil && (wrong > 0 || !full || !slices.IsSorted(seqs)) {
		err = fmt.Errorf("page %+v: %d events, %d of them wrong, in order: %v", f, len(seqs), wrong, slices.IsSorted(seqs))
	}
	return err
}

// scan measures reading everything, once.
func (r *reader) scan(context.Context) error {
	if r.Scan == nil || !r.wants("r3") {
		return nil
	}
	events, last, ordered := 0, uint64(0), true
	began := time.Now()
	err := r.of("r3").labelled(func() error {
		return r.Scan(func(e *event.Event) {
			events++
			ordered = ordered && e.Seq == last+1 && len(e.Payload) == r.suite.Payload
			last = e.Seq
		})
	})
	took := time.Since(began)
	if err == nil && (events < r.count || !ordered) {
		err = fmt.Errorf("scan: %d events of %d, in order: %v", events, r.count, ordered)
	}
	if err != nil {
		return err
	}
	r.of("r3").emit(report.Rate, float64(events)/took.Seconds())
	return nil
}

// verify measures computing every hash again, once.
func (r *reader) verify(ctx context.Context) error {
	if r.Verify == nil || !r.wants("verify") {
		return nil
	}
	var n uint64
	began := time.Now()
	err := r.of("verify").labelled(func() (err error) {
		n, err = r.Verify(ctx)
		return err
	})
	if err == nil && n < uint64(r.count) {
		err = fmt.Errorf("verify: %d events of %d hold", n, r.count)
	}
	if err != nil {
		return err
	}
	r.of("verify").emit(report.Rate, float64(n)/time.Since(began).Seconds())
	return nil
}

const (
	newDeposits  = 5
	reprojection = 8 // in a turn
)

// projections measures folding a long stream through generated code, and folding
// what is new of it.
func (s *Suite) projections(ctx context.Context) error {
	return s.turns(ctx, "project", func(d driver.Driver, m meter) error {
		if d.Role == driver.Roof || d.Grouped {
			return nil
		}
		return s.inFresh("project", durably(d), func(store driver.Store) error {
			if store.Ways().Account == nil {
				return nil
			}
			return m.labelled(func() error { return s.project(ctx, store.Ways(), m) })
		})
	})
}

func (s *Suite) project(ctx context.Context, w driver.Ways, m meter) error {
	a, err := w.Account(ctx, s.Deposits)
	if err != nil {
		return err
	}
	var (
		sum   int64
		state []byte
		all   []time.Duration
	)
	for began := time.Now(); len(all) == 0 || time.Since(began) < s.Window; {
		now := time.Now()
		if sum, state, err = a.Project(nil); err != nil || sum != int64(s.Deposits) {
			return fmt.Errorf("project: %d, %v, want %d", sum, err, s.Deposits)
		}
		all = append(all, time.Since(now))
	}
	slices.Sort(all)
	m.of("project/all").emit(report.Rate, float64(s.Deposits)/all[len(all)/2].Seconds())

	var again []time.Duration
	for want := int64(s.Deposits + newDeposits); len(again) < reprojection; want += newDeposits {
		if err := a.Deposit(newDeposits); err != nil {
			return err
		}
		now := time.Now()
		if sum, state, err = a.Project(state); err != nil || sum != want {
			return fmt.Errorf("project on: %d, %v, want %d", sum, err, want)
		}
		again = append(again, time.Since(now))
	}
	m.of("project/new").spread(again)
	return nil
}
