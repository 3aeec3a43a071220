package suite_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/ours"
	"github.com/batpak-go/batpak/runtime/bench/internal/plain"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
	"github.com/batpak-go/batpak/runtime/bench/internal/suite"
)

// asChild is set for the children of these tests, which are this program again.
const asChild = "BENCH_CHILD"

func drivers() []driver.Driver {
	cached := plain.Driver
	nothing := func(string) error { return nil }
	cached.Name, cached.DropSnapshot, cached.DropIndex = "cached", nothing, nothing
	roof := plain.Driver
	roof.Name, roof.Role, roof.Lanes = "roof", driver.Roof, 1
	return []driver.Driver{ours.Driver, plain.Driver, cached, driver.Group(plain.Driver), roof}
}

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		if err := suite.Serve(drivers(), os.Stdout, os.Args[1:]...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Each workload has figures, of each driver that can do it, in each round, and none
// fails.
func TestEveryWorkloadHasFigures(t *testing.T) {
	const rounds = 1
	got := map[[2]string]map[int]bool{} // rounds by workload and driver
	s := suite.Suite{
		Drivers: drivers(), Dir: t.TempDir(), Rounds: rounds, Window: time.Millisecond,
		Payload: 64, Events: 2000, Entities: 20, Deposits: 300, Growth: 10_000,
		Emit: func(x report.Sample) {
			name := x.Workload
			if x.Events != 0 {
				name = fmt.Sprintf("%s at %d", name, x.Events)
			}
			if !(x.Value > 0) && x.Metric != report.Heap && x.Metric != report.Resident && x.Metric != report.Beyond {
				t.Errorf("%s of %s: %s = %v, want more than 0", name, x.Driver, x.Metric, x.Value)
			}
			key := [2]string{name, x.Driver}
			if got[key] == nil {
				got[key] = map[int]bool{}
			}
			got[key][x.Round] = true
		},
		Fail: func(x report.Failure) { t.Errorf("%s of %s: %s", x.Workload, x.Driver, x.Error) },
		Child: func(args ...string) *exec.Cmd {
			child := exec.CommandContext(t.Context(), os.Args[0], args...)
			child.Env = append(os.Environ(), asChild+"=1")
			return child
		},
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := func(driver string, rounds int, workloads ...string) {
		for _, w := range workloads {
			if n := len(got[[2]string{w, driver}]); n != rounds {
				t.Errorf("%s of %s has figures of %d rounds, want %d", w, driver, n, rounds)
			}
		}
	}
	for _, d := range []string{"batpak", "plain"} {
		want(d, rounds, "w1", "w2/8", "w2/64", "w2/256", "w3/100", "w3/1000", "w4", "project/all", "project/new",
			"r1/key", "r1/id", "r1/seq", "r2", "r3", "page/stream", "page/prefix", "page/scope", "page/kind", "verify",
			"c1/warm", "c1/cold", "c1/kill", "r1/key at 10000", "page/kind at 10000", "c1/warm at 10000")
		want(d, 1, "load", "load at 10000")
	}
	want("plain", rounds, "compact")
	want("cached", rounds, "c1/nosnapshot", "c1/scan")
	want("plain", 0, "c1/nosnapshot", "c1/scan")
	want("plain+gc", rounds, "w2/8", "w2/64", "w2/256")
	want("plain+gc", 0, "w1", "r2", "load")
	want("roof", rounds, "w1", "w2/64", "limit/crc")
	want("roof", 0, "r2", "load", "compact")
}

// Workloads that are not asked for are left out.
func TestOnlyWhatIsAskedFor(t *testing.T) {
	seen := map[string]bool{}
	s := suite.Suite{
		Drivers: drivers()[1:2], Workloads: []string{"w3", "r1/seq"}, Dir: t.TempDir(), Rounds: 1, Window: time.Millisecond,
		Payload: 64, Events: 2000, Entities: 20,
		Emit: func(x report.Sample) { seen[x.Workload] = true },
		Fail: func(x report.Failure) { t.Error(x) },
	}
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := map[string]bool{"w3/100": true, "w3/1000": true, "load": true, "r1/seq": true}; fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("measured %v, want %v", seen, want)
	}
}
