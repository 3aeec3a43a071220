package suite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/batpak-go/batpak/runtime/bench/internal/disk"
	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
	"github.com/batpak-go/batpak/runtime/bench/internal/report"
)

// opened is what a child that opened a store tells.
type opened struct {
	Last     uint64
	Took     time.Duration // until the first read was served
	Heap     int64         // bytes that are in use after it, beyond those before
	Resident int64         // likewise, of memory that is not a file's
}

// openings measures what it takes to open the large stores, in processes of their
// own: after they were closed, with a warm and with a cold page cache, without what
// they keep beside their log, and after a kill.
func (s *Suite) openings(ctx context.Context) error {
	kept := func(prepare func(dir string) error) func(driver.Driver) (int, error) {
		return func(d driver.Driver) (int, error) { return s.Events, prepare(s.place(d)) }
	}
	for _, o := range []struct {
		workload string
		prepare  func(d driver.Driver) (events int, err error)
	}{
		{"c1/warm", kept(disk.Warm)},
		{"c1/cold", kept(disk.Evict)},
		{"c1/nosnapshot", func(d driver.Driver) (int, error) { return s.Events, s.drop(d, d.DropSnapshot) }},
		{"c1/scan", func(d driver.Driver) (int, error) { return s.Events, s.drop(d, d.DropIndex) }},
		{"c1/kill", s.kill}, // makes the store longer, so it comes last
	} {
		err := s.turns(ctx, o.workload, func(d driver.Driver, m meter) error {
			events, err := o.prepare(d)
			if err != nil {
				return err
			}
			return s.open(ctx, d, events, m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Suite) drop(d driver.Driver, drop func(dir string) error) error {
	if drop == nil {
		return driver.ErrUnsupported
	}
	return errors.Join(drop(s.place(d)), disk.Warm(s.place(d)))
}

// open has a child open the large store, which must have at least so many events.
func (s *Suite) open(ctx context.Context, d driver.Driver, count int, m meter) error {
	var o opened
	used, err := disk.Use(s.place(d))
	if err != nil {
		return err
	}
	out, err := s.serve("open", d).Output()
	if err != nil {
		return fmt.Errorf("child: %w", err)
	}
	if err := json.Unmarshal(out, &o); err != nil {
		return fmt.Errorf("child: %w", err)
	}
	if o.Last < uint64(count) {
		return fmt.Errorf("opened with %d events, want %d", o.Last, count)
	}
	m.emit(report.Millis, float64(o.Took.Microseconds())/1e3)
	m.emit(report.Megabytes, float64(used)/1e6/o.Took.Seconds())
	m.emit(report.Heap, max(0, float64(o.Heap)/1e6))
	m.emit(report.Resident, max(0, float64(o.Resident)/1e6))
	return ctx.Err()
}

// kill has a child append durable batches and kills it in the middle. It returns
// how many events were acknowledged, all of which must be there.
func (s *Suite) kill(d driver.Driver) (acknowledged int, err error) {
	child := s.serve("write", d)
	pipe, err := child.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := child.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		if err != nil {
			break // cut off by the kill
		}
		if acknowledged == 0 {
			time.AfterFunc(s.Window, func() { child.Process.Kill() })
		}
		acknowledged = n
	}
	if err := child.Wait(); acknowledged == 0 {
		return 0, fmt.Errorf("the child ended by itself: %v", err)
	}
	return acknowledged, nil
}

func (s *Suite) serve(what string, d driver.Driver) *exec.Cmd {
	child := s.Child(what, "-driver", d.Name, "-dir", s.place(d), "-payload", strconv.Itoa(s.Payload), "-entities", strconv.Itoa(s.Entities))
	child.Stderr = os.Stderr
	return child
}

// Serve is what a child process does: it opens a store and tells what that took, or
// it appends to one until it is killed.
func Serve(drivers []driver.Driver, out io.Writer, args ...string) error {
	if len(args) == 0 {
		return errors.New("no work")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	name := flags.String("driver", "", "")
	dir := flags.String("dir", "", "")
	payload := flags.Int("payload", 0, "")
	entities := flags.Int("entities", 0, "")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	n := slices.IndexFunc(drivers, func(d driver.Driver) bool { return d.Name == *name })
	if n < 0 {
		return fmt.Errorf("no driver is named %q", *name)
	}
	source := event.NewSource(*entities, *payload)
	switch args[0] {
	case "open":
		return tellOpening(drivers[n], *dir, source, out)
	case "write":
		return appendOn(drivers[n], *dir, source, out)
	}
	return fmt.Errorf("no work is named %q", args[0])
}

func tellOpening(d driver.Driver, dir string, source *event.Source, out io.Writer) error {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	o := opened{Resident: -disk.Resident()}

	began := time.Now()
	s, err := d.Open(dir, driver.Durable)
	if err != nil {
		return err
	}
	if o.Last, err = s.Last(); err == nil && o.Last > 0 {
		err = readOne(s.Ways(), source, o.Last/2)
	}
	o.Took = time.Since(began)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	o.Resident += disk.Resident()
	runtime.GC()
	runtime.ReadMemStats(&after)
	o.Heap = int64(after.HeapAlloc) - int64(before.HeapAlloc)
	runtime.KeepAlive(source)
	return errors.Join(json.NewEncoder(out).Encode(o), s.Close())
}

// readOne reads event i in whatever way there is for single events.
func readOne(w driver.Ways, source *event.Source, i uint64) error {
	var payload []byte
	var err error
	switch {
	case w.ByID != nil:
		payload, err = w.ByID(source.ID(i), nil)
	case w.BySeq != nil:
		payload, err = w.BySeq(i+1, nil)
	default:
		return nil // it has read everything by now
	}
	if err != nil {
		return fmt.Errorf("first read: %w", err)
	}
	if n, err := event.NumberOf(payload); err != nil || n != i {
		return fmt.Errorf("first read: got event %d, %v, want %d", n, err, i)
	}
	return nil
}

func appendOn(d driver.Driver, dir string, source *event.Source, out io.Writer) error {
	s, err := d.Open(dir, driver.Durable)
	if err != nil {
		return err
	}
	last, err := s.Last()
	if err != nil {
		return err
	}
	b := event.NewBatch(100)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if err := s.Append(b.Fill(source, last)); err != nil {
			return err
		}
		last += 100
		if _, err := fmt.Fprintln(out, last); err != nil {
			return err
		}
	}
	return errors.New("not killed within a minute")
}
