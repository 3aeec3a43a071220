package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/ours"
	"github.com/batpak-go/batpak/runtime/bench/internal/peer"
	"github.com/batpak-go/batpak/runtime/bench/internal/probe"
	"github.com/batpak-go/batpak/runtime/bench/internal/reflog"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
	"github.com/batpak-go/batpak/runtime/bench/internal/suite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// childArgument comes before the arguments of a child process.
const childArgument = "child"

// settings are the flags.
type settings struct {
	suite                 suite.Suite
	names, workloads      string
	markdown, json, chart string
	from, profile         string
	list                  bool
}

func parse(args []string, messages io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(messages)
	f.StringVar(&s.names, "drivers", "", "names, or their beginnings before a *, with commas between them; none = all")
	f.StringVar(&s.workloads, "workloads", "", "what the names of workloads begin with, with commas between them; none = all; see the tables")
	f.StringVar(&s.suite.Dir, "dir", "", "directory on the disk to measure, in which one is made and removed; none = that of temporary files")
	f.IntVar(&s.suite.Rounds, "rounds", 5, "turns of each driver in each workload")
	f.DurationVar(&s.suite.Window, "window", 200*time.Millisecond, "length of a turn")
	f.IntVar(&s.suite.Payload, "payload", 128, "bytes of an event's payload")
	f.IntVar(&s.suite.Events, "events", 1_000_000, "events in the store that is read and opened; thousands")
	f.IntVar(&s.suite.Growth, "growth", 0, "read and open stores of 10,000 events, 100,000 and so on, up to this many too")
	f.StringVar(&s.markdown, "markdown", "", "file to write the tables to; none = standard output")
	f.StringVar(&s.json, "json", "", "file to write every figure of every round to")
	f.StringVar(&s.chart, "svg", "", "file to write a chart to; of growth, if that is measured")
	f.StringVar(&s.from, "from", "", "measure nothing, but write anew what an earlier run wrote with -json")
	f.StringVar(&s.profile, "cpuprofile", "", "file to write a profile of the processor's work to")
	f.BoolVar(&s.list, "list", false, "list the drivers and measure nothing")
	err := f.Parse(args)
	if err == nil && (f.NArg() > 0 || s.suite.Rounds < 1 || s.suite.Payload < 32 || s.suite.Events < 1000 || s.suite.Events%1000 != 0) {
		err = errors.New("there are no arguments; it takes a round, payloads of 32 bytes and thousands of events")
	}
	s.suite.Entities, s.suite.Deposits = 1000, 100_000
	if s.workloads != "" {
		s.suite.Workloads = strings.Split(s.workloads, ",")
	}
	return s, err
}

// drivers are all there are, in the order of the tables.
func drivers() (all []driver.Driver) {
	all = append(all, ours.Driver, ours.Unmapped, reflog.Driver, probe.Raw)
	for _, d := range peer.All() {
		all = append(all, d, driver.Group(d))
	}
	return all
}

func choose(names string) (chosen []driver.Driver, err error) {
	for _, d := range drivers() {
		if names == "" || slices.ContainsFunc(strings.Split(names, ","), func(name string) bool {
			prefix, open := strings.CutSuffix(name, "*")
			return name == d.Name || open && strings.HasPrefix(d.Name, prefix)
		}) {
			chosen = append(chosen, d)
		}
	}
	if len(chosen) == 0 {
		err = fmt.Errorf("no driver is named %q", names)
	}
	return chosen, err
}

func run(ctx context.Context, args []string, out, messages io.Writer) error {
	if len(args) > 0 && args[0] == childArgument {
		return suite.Serve(drivers(), out, args[1:]...)
	}
	s, err := parse(args, messages)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.suite.Drivers, err = choose(s.names); err != nil {
		return err
	}
	if s.list {
		for _, d := range s.suite.Drivers {
			fmt.Fprintf(out, "%-16s %s\n", d.Name, d.Settings)
		}
		return nil
	}
	var result *report.Run
	if s.from != "" {
		result, err = read(s.from)
	} else {
		result, err = s.measure(ctx, messages)
	}
	if result == nil {
		return err
	}
	return errors.Join(err, s.write(result, out))
}

func read(name string) (*report.Run, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return report.Read(f)
}

// measure runs the suite. What it found until an error is returned beside that.
func (s *settings) measure(ctx context.Context, messages io.Writer) (result *report.Run, err error) {
	if s.suite.Dir, err = os.MkdirTemp(s.suite.Dir, "bench-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.suite.Dir)) }()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s.suite.Child = func(args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, self, append([]string{childArgument}, args...)...)
	}
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(messages, "%5.0f s  %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	result = &report.Run{Machine: machine(), Cores: runtime.GOMAXPROCS(0), Payload: s.suite.Payload, Events: s.suite.Events}
	for _, d := range s.suite.Drivers {
		result.Drivers = append(result.Drivers, report.Driver{Name: d.Name, Settings: d.Settings, Peer: d.Role == driver.Peer, Indexed: d.Indexed})
	}
	s.suite.Emit = func(x report.Sample) {
		result.Samples = append(result.Samples, x)
		say("%-12s %-16s %s %.4g", x.Workload, x.Driver, x.Metric, x.Value)
	}
	s.suite.Fail = func(x report.Failure) {
		result.Failures = append(result.Failures, x)
		say("%-12s %-16s FAILED: %s", x.Workload, x.Driver, x.Error)
	}
	if err := s.suite.Check(ctx); err != nil {
		return nil, fmt.Errorf("the contract is broken: %w", err)
	}
	say("all drivers keep the contract")
	stop, err := profile(s.profile)
	if err != nil {
		return nil, err
	}
	return result, errors.Join(s.suite.Run(ctx), stop())
}

// profile writes a profile to a file, if there is one, until it is stopped.
func profile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

func machine() string {
	return fmt.Sprintf("%s, %s/%s, %d cores", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}

// write writes the result in all forms that are asked for.
func (s *settings) write(r *report.Run, out io.Writer) error {
	if s.markdown == "" {
		if err := r.Markdown(out); err != nil {
			return err
		}
	}
	return errors.Join(save(s.markdown, r.Markdown), save(s.json, r.Write), save(s.chart, r.Chart))
}

// save writes a file, if it has a name.
func save(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(filepath.Clean(name))
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	return errors.Join(write(w), w.Flush(), f.Close())
}
