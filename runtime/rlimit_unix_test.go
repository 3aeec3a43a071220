//go:build unix

package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestDescriptorsRunOut: where the process can open no more files, the store closes
// some of its own, for a read and for the next segment. If it has none to spare the
// call fails, nothing was stored, and the next one that finds one works.
func TestDescriptorsRunOut(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE} {
		d := simfs.New()
		s := openSim(t, d, &batpak.Options{SegmentSize: 512})
		segments := func() int { return len(directoryOf(d).segments()) }
		var n int
		appendUntil := func(want int) error {
			for ; segments() < want; n++ {
				if _, err := s.Append(t.Context(), note("a:1", fmt.Sprint(n))); err != nil {
					return err
				}
			}
			return nil
		}
		if err := appendUntil(3); err != nil {
			t.Fatal(err)
		}
		for _, op := range []faultfs.Op{faultfs.OpCreate, faultfs.OpOpen} {
			events(t, s, batpak.Query{}) // opens the segments
			d.Fail(faultfs.Fault{Op: op, Err: errno})
			if err := appendUntil(segments() + 1); err != nil {
				t.Errorf("append when %s fails once with %v = %v", op, errno, err)
			}
			d.Heal()
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openSim(t, d, &batpak.Options{SegmentSize: 512})
		if got := len(events(t, s, batpak.Query{})); got != n {
			t.Errorf("there are %d events, want %d", got, n)
		}
		d.Fail(faultfs.Fault{Op: faultfs.OpCreate, Err: errno, Sticky: true})
		if err := appendUntil(segments() + 1); !errors.Is(err, errno) || errors.Is(err, batpak.ErrPoisoned) || errors.Is(err, batpak.ErrOutcomeUnknown) {
			t.Errorf("append when no file can be created = %v, want %v and nothing stored", err, errno)
		}
		d.Heal()
		if err := appendUntil(segments() + 1); err != nil {
			t.Errorf("append afterwards = %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openSim(t, d, nil)
		if got := texts(events(t, s, batpak.Query{})); len(got) != n || got[n-1] != fmt.Sprint(n-1) {
			t.Errorf("there are %d events, want %d", len(got), n)
		}
	}
}

// limited starts a child under limits of the system's, set by a shell.
func limited(t *testing.T, limit string, args ...string) (output string, err error) {
	t.Helper()
	cmd := childCommand("limited", args...)
	cmd.Args = append([]string{"sh", "-c", "ulimit " + limit + ` && exec "$0" "$@"`, cmd.Path}, args...)
	if cmd.Path, err = filepath.EvalSymlinks("/bin/sh"); err != nil {
		t.Skipf("there is no shell: %v", err)
	}
	for fd := 3; fd < 256; fd++ {
		syscall.CloseOnExec(fd) // what this process was given by whoever started it does not count
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// liveWithinLimits is the child that does what it is told with the store in a
// directory, given the size of its segments and a number: it appends so many events,
// unless an append fails, reads all there are, often and from all over, and says how
// many they are and what an append failed with.
func liveWithinLimits(args []string) error {
	signal.Ignore(syscall.SIGXFSZ)
	o := &batpak.Options{SegmentSize: 4 << 10}
	if args[1] == "1 MiB" {
		o.SegmentSize = 1 << 20
	}
	s, err := batpak.Open(args[0], overseen(o))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	stored := s.Report().Events
	for range n {
		if _, err := s.Append(context.Background(), note("a:1", strings.Repeat("y", 300))); err != nil {
			say("append: full %v: %v", errors.Is(err, batpak.ErrDiskFull), err)
			break
		}
		stored++
	}
	for stride := uint64(1); stride < 40; stride += 13 {
		for at := uint64(1); at <= stored; at += stride {
			if _, err := s.At(at); err != nil {
				return err
			}
		}
	}
	all, err := eventsOf(s)
	if err == nil && uint64(len(all)) != stored {
		err = fmt.Errorf("there are %d events, want %d", len(all), stored)
	}
	if v, verr := s.Verify(context.Background()); verr != nil || len(v.Damages) > 0 {
		err = errors.Join(err, fmt.Errorf("verify: %+v: %w", v, verr))
	}
	say("stored %d", stored)
	return errors.Join(err, s.Close())
}

// TestRlimitOfDescriptors: a store of far more segments than a process may have open
// files is opened, read, verified and appended to.
func TestRlimitOfDescriptors(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, &batpak.Options{SegmentSize: 512})
	const events = 300
	b := s.NewBatch()
	for i := range events {
		if b.Add(note("a:1", fmt.Sprint(i))); b.Len() == 2 {
			if _, err := b.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			b = s.NewBatch()
		}
	}
	if n := s.Close(); n != nil {
		t.Fatal(n)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) < 75 {
		t.Fatalf("there are %d segments, %v, want more than any limit", len(files), err)
	}
	stored := events
	for _, limit := range []int{16, 24, 64} {
		out, err := limited(t, fmt.Sprint("-n ", limit), dir, "4 KiB", "40")
		stored += 40
		if want := fmt.Sprint("stored ", stored, "\n"); err != nil || out != want {
			t.Fatalf("with at most %d open files: %q, %v, want %q", limit, out, err, want)
		}
	}
}

// TestRlimitOfFileSize: a limit on the size of files is a full disk. What was
// acknowledged is there, and without the limit the store goes on.
func TestRlimitOfFileSize(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, nil)
	mustAppend(t, s, note("a:1", "before"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	stored := 1
	for _, blocks := range []int{8, 20, 60} { // of 512 or 1024 bytes
		out, err := limited(t, fmt.Sprint("-f ", blocks), dir, "1 MiB", "400")
		full, said, _ := strings.Cut(out, "\n")
		var now int
		if _, serr := fmt.Sscanf(said, "stored %d\n", &now); err != nil || serr != nil || !strings.HasPrefix(full, "append: full true") || now <= stored {
			t.Fatalf("with a limit of %d blocks and %d events: %q, %v, want some more events and then a full disk", blocks, stored, out, err)
		}
		stored = now
	}
	out, err := limited(t, "-f 100000", dir, "1 MiB", "400")
	if want := fmt.Sprint("stored ", stored+400, "\n"); err != nil || out != want {
		t.Errorf("without a limit: %q, %v, want %q", out, err, want)
	}
}

// TestTruncationUnderOpenStore cuts and replaces files on the real disk beneath a
// store that reads them: reads fail with ErrCorrupt and the process lives; the rest
// can be read, and the store that was cut is refused when it is opened again.
func TestTruncationUnderOpenStore(t *testing.T) {
	for what, harm := range map[string]func(path string) error{
		"cut to nothing":      func(path string) error { return os.Truncate(path, 0) },
		"cut within a group":  func(path string) error { return os.Truncate(path, 200) },
		"written over":        func(path string) error { return os.WriteFile(path, []byte("short"), 0o600) },
		"replaced by another": replaceFile,
		"removed":             os.Remove,
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, &batpak.Options{SegmentSize: 512})
			for i := range 12 {
				mustAppend(t, s, note("a:1", fmt.Sprint(i)))
			}
			want, err := eventsOf(s)
			if err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
			if err != nil || len(files) < 3 {
				t.Fatalf("files %q, %v", files, err)
			}
			for _, file := range files {
				if err := harm(file); err != nil {
					t.Fatal(err)
				}
			}
			damaged := 0
			for i := range want {
				e, err := s.At(uint64(i) + 1)
				if errors.Is(err, batpak.ErrCorrupt) {
					damaged++
				} else if err != nil || !same(&e, &want[i]) {
					t.Errorf("At(%d) = %+v, %v, want %+v or ErrCorrupt", i+1, e, err, want[i])
				}
			}
			opened := what == "removed" || what == "replaced by another" // the store has them open
			if opened != (damaged == 0) {
				t.Errorf("%d events cannot be read", damaged)
			}
			// What nobody will find is not acknowledged.
			if _, err := s.Append(t.Context(), note("a:1", "after")); opened && !errors.Is(err, batpak.ErrPoisoned) {
				t.Errorf("Append() = %v, want ErrPoisoned", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
			if what == "removed" {
				return // nothing is left to tell that there was a store
			}
			if s, err := openDir(dir, nil); !errors.Is(err, batpak.ErrCorrupt) {
				t.Errorf("Open() of what is left = %v, want ErrCorrupt", err)
				if err == nil {
					s.Close()
				}
			}
		})
	}
}

// replaceFile puts another file in the place of one.
func replaceFile(path string) error {
	if err := os.WriteFile(path+".new", []byte("another"), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
