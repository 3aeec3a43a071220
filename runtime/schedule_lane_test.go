package batpak_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

var (
	scheduleRuns = flag.Int("schedule.n", 0, "schedules that the schedule tests run; 0 means 2,000, and 200 with -short")
	scheduleSeed = flag.Uint64("schedule.seed", 0, "seed of the first schedule; 0 means a new one each time where schedules are drawn, and 1 where one is gone through")
	scheduleLog  = flag.Bool("schedule.log", false, "print the seed of each schedule before it is run, and its steps")
)

// schedules is how many schedules are run where full are by default.
func schedules(full int) int {
	switch {
	case *scheduleRuns > 0:
		return *scheduleRuns
	case testing.Short():
		return full / 10
	}
	return full
}

// try runs the trial of a seed, as prepare changes it, and judges it.
func try(t *testing.T, seed uint64, prepare func(*trial)) (tr *trial, err error) {
	if *scheduleLog {
		fmt.Println("seed", seed)
	}
	synctest.Test(t, func(*testing.T) {
		tr = newTrial(seed)
		tr.test = t.Name()
		if *scheduleLog {
			tr.log = func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
		}
		prepare(tr)
		err = tr.run()
	})
	if err == nil { // outside of the bubble, where time is real
		err = tr.judge()
	}
	return tr, err
}

// TestScheduleOfEverything lets clients do everything beside everything, on disks
// that fail, with contexts that end, and in processes that die.
func TestScheduleOfEverything(t *testing.T) {
	t.Parallel()
	steps, calls, images, copies, merges, trace := 0, 0, 0, 0, 0, uint64(0)
	first := fresh(*scheduleSeed)
	for n := range schedules(2000) {
		seed := first + uint64(n)
		tr, err := try(t, seed, func(tr *trial) { tr.strict, tr.first = n < 20, first })
		if err != nil {
			keepCase(t, seed)
			t.Fatal(tr.report(err))
		}
		steps, calls, images = steps+tr.steps, calls+len(tr.calls), images+tr.crashes
		copies, merges = copies+tr.copies, merges+tr.merged
		trace = bits.RotateLeft64(trace, 1) ^ tr.trace
	}
	t.Logf("from seed %d on: %d steps, %d calls, %d crashes and %d snapshots looked at, %d merges; trace %x", first, steps, calls, images, copies, merges, trace)
}

// TestScheduleIsOneHistory runs schedules twice. What happens in one is decided by
// its seed, so a failure can be seen again, and not by how it is known who is at a point.
func TestScheduleIsOneHistory(t *testing.T) {
	t.Parallel()
	seeds := 100
	if testing.Short() {
		seeds = 20
	}
	traces := map[uint64]bool{}
	for n := range seeds {
		seed := cmp.Or(*scheduleSeed, 1) + uint64(n)
		history := func(strict bool) (trace uint64, calls string) {
			tr, err := try(t, seed, func(tr *trial) { tr.strict = strict })
			if err != nil {
				t.Fatal(tr.report(err))
			}
			var b strings.Builder
			for _, k := range tr.calls {
				fmt.Fprintln(&b, k)
			}
			for _, e := range tr.events {
				fmt.Fprintln(&b, e.Hash)
			}
			return tr.trace, b.String()
		}
		firstTrace, first := history(false)
		secondTrace, second := history(true)
		if firstTrace != secondTrace || first != second {
			t.Fatalf("seed %d gives two histories:\n%x\n%s\n%x\n%s", seed, firstTrace, first, secondTrace, second)
		}
		traces[firstTrace] = true
	}
	if len(traces) < seeds {
		t.Errorf("%d seeds give %d histories, want as many", seeds, len(traces))
	}
}

// variants are what there may be in the way of a trial, by the test that has it in each of
// its ways: each changes the n-th trial, and reports false if there is no more.
var variants = map[string]func(base *trial, n int, tr *trial) bool{
	"TestScheduleCancelledAtEachStep": func(base *trial, n int, tr *trial) bool {
		tr.plan.cancel, tr.plan.which = n/3, n%3
		return n/3 < base.steps
	},
	"TestScheduleCrashAtEachStep": func(base *trial, n int, tr *trial) bool {
		tr.plan.crash, tr.plan.which = n/3, n%3
		return n/3 < base.steps
	},
	"TestScheduleCloseAtEachStep": func(base *trial, n int, tr *trial) bool {
		tr.plan.close, tr.plan.twice = n/2, n%2 == 1
		return n/2 < base.steps
	},
	"TestScheduleKthFault": func(base *trial, n int, tr *trial) bool {
		left, found := kth(base, failures(), n, tr)
		if found {
			return true
		}
		own := append([]faultfs.Op{faultfs.OpLink}, operations...)
		all := slices.DeleteFunc(faultsOf(true, own), func(f faultfs.Fault) bool { return f.Loss == faultfs.Late })
		if left < drawnFaults {
			r := rand.New(rand.NewPCG(base.seed, uint64(left)))
			_, found = kth(base, all, r.IntN(faultsIn(base, all)), tr)
			return found
		}
		_, found = kth(base, all, left-drawnFaults, tr)
		return found && *allFaults
	},
}

// drawnFaults is how many are drawn of those that -fault.all tries all of.
const drawnFaults = 12

// kth lets the n-th operation fail of all that are in a trial, each in each of the ways, or
// says how many are left.
func kth(base *trial, ways []faultfs.Fault, n int, tr *trial) (left int, found bool) {
	for _, f := range ways {
		if n < base.ops[f.Op] {
			f.N = n + 1
			tr.fault = f
			return 0, true
		}
		n -= base.ops[f.Op]
	}
	return n, false
}

// faultsIn is how many operations there are to fail in a trial, in all of the ways.
func faultsIn(base *trial, ways []faultfs.Fault) (n int) {
	for _, f := range ways {
		n += base.ops[f.Op]
	}
	return n
}

// quietly lets nothing be in the way of a trial.
func quietly(tr *trial) {
	tr.spoiled, tr.honest, tr.often, tr.plan = false, true, 1, nothingHappens()
	tr.options.Durability, tr.options.ShowUnsynced = batpak.Durability(tr.seed%3/2), false
}

// each runs the trials of a few seeds again and again, each time with something
// else in its way.
func each(t *testing.T) {
	tried, stride := 0, 1
	if testing.Short() {
		stride = 13
	}
	for seed := range uint64(max(1, schedules(2000)/500)) {
		seed += cmp.Or(*scheduleSeed, 1)
		base, err := try(t, seed, quietly)
		if err != nil {
			t.Fatal(base.report(err))
		}
		for n, more := 0, true; more; n += stride {
			tr, err := try(t, seed, func(tr *trial) {
				quietly(tr)
				more = variants[t.Name()](base, n, tr)
			})
			if err != nil {
				keepCase(t, seed, uint64(n))
				t.Fatalf("variant %d: %s", n, tr.report(err))
			}
			tried++
		}
	}
	t.Logf("%d schedules", tried)
}

// TestScheduleCancelledAtEachStep ends a context at each step.
func TestScheduleCancelledAtEachStep(t *testing.T) {
	t.Parallel()
	each(t)
}

// TestScheduleCrashAtEachStep lets the process die at each step, and go on.
func TestScheduleCrashAtEachStep(t *testing.T) {
	t.Parallel()
	each(t)
}

// TestScheduleCloseAtEachStep closes the store at each step, once or twice.
func TestScheduleCloseAtEachStep(t *testing.T) {
	t.Parallel()
	each(t)
}

// TestScheduleKthFault lets each operation of the disk fail in each way.
func TestScheduleKthFault(t *testing.T) {
	t.Parallel()
	each(t)
}
