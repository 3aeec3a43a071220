package suite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/disk"
	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
)

// Suite says what to run, on whom and how long.
type Suite struct {
	Drivers   []driver.Driver
	Workloads []string      // what names of workloads begin with; none = all
	Dir       string        // on the disk to measure; everything in it may be removed
	Rounds    int           // turns of each driver
	Window    time.Duration // length of a turn
	Payload   int           // bytes
	Events    int           // in the large store
	Entities  int           // in every store of events
	Deposits  int           // in the stream that is projected
	Growth    int           // measure growth up to so many events; 0 = not

	// Emit is given each figure, Fail each measurement that failed.
	Emit func(report.Sample)
	Fail func(report.Failure)
	// Child makes the command that calls Serve with these arguments.
	Child func(args ...string) *exec.Cmd

	source *event.Source
}

// Check holds every driver to the contract.
func (s *Suite) Check(ctx context.Context) error {
	for _, d := range s.Drivers {
		dir, err := s.fresh("check")
		if err == nil {
			err = driver.Check(ctx, d, dir)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
		s.remove(dir)
	}
	return nil
}

// Run runs the workloads that are asked for.
func (s *Suite) Run(ctx context.Context) error {
	s.source = event.NewSource(s.Entities, s.Payload)
	for _, part := range []func(context.Context) error{s.appends, s.projections, s.compactions, s.merges, s.limits, s.large, s.growth} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// wants reports whether a workload is asked for.
func (s *Suite) wants(workload string) bool {
	return len(s.Workloads) == 0 || workload == "" || slices.ContainsFunc(s.Workloads, func(w string) bool { return strings.HasPrefix(workload, w) })
}

// turns calls turn for each driver in each round. An order that is always the same
// would have each driver run in the wake of the same other one. It ends early only
// with the context. A workload without a name is one of several, which look for
// themselves.
func (s *Suite) turns(ctx context.Context, workload string, turn func(d driver.Driver, m meter) error) error {
	if !s.wants(workload) {
		return nil
	}
	for round := range s.Rounds {
		drivers := slices.Clone(s.Drivers)
		rand.New(rand.NewPCG(uint64(round), 77)).Shuffle(len(drivers), func(i, k int) {
			drivers[i], drivers[k] = drivers[k], drivers[i]
		})
		for _, d := range drivers {
			if err := ctx.Err(); err != nil {
				return err
			}
			m := meter{s, workload, d, round, 0}
			if err := turn(d, m); err != nil && !errors.Is(err, driver.ErrUnsupported) {
				m.fail(err)
			}
		}
	}
	return nil
}

// meter takes the figures of one turn.
type meter struct {
	suite    *Suite
	workload string
	driver   driver.Driver
	round    int
	events   int // in the store, where that is varied
}

func (m meter) of(workload string) meter {
	m.workload = workload
	return m
}

func (m meter) emit(metric string, value float64) {
	m.suite.Emit(report.Sample{
		Workload: m.workload, Driver: m.driver.Name, Metric: metric, Events: m.events, Round: m.round, Value: value,
	})
}

func (m meter) fail(err error) {
	m.suite.Fail(report.Failure{Workload: m.workload, Driver: m.driver.Name, Error: err.Error()})
}

// labelled calls do so that profiles can tell the workloads and drivers apart.
func (m meter) labelled(do func() error) (err error) {
	labels := pprof.Labels("workload", m.workload, "driver", m.driver.Name)
	pprof.Do(context.Background(), labels, func(context.Context) { err = do() })
	return err
}

// spread emits the median and the 99th percentile of durations.
func (m meter) spread(all []time.Duration) {
	if len(all) > 0 {
		m.emit(report.P50, percentile(all, 50))
		m.emit(report.P99, percentile(all, 99))
	}
}

// percentile is the duration below which p of a hundred lie, in microseconds. It
// sorts them.
func percentile(all []time.Duration, p int) float64 {
	slices.Sort(all)
	if len(all) == 0 {
		return 0
	}
	return float64(all[min(len(all)*p/100, len(all)-1)].Nanoseconds()) / 1e3
}

// fresh makes an empty directory.
func (s *Suite) fresh(name string) (string, error) {
	dir := filepath.Join(s.Dir, name)
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o777))
}

// remove deletes a store and waits until the disk has done so, lest it falls into
// the next turn. What is left over does no harm.
func (s *Suite) remove(dir string) {
	runtime.GC()
	_ = errors.Join(os.RemoveAll(dir), disk.SyncDir(s.Dir))
}
