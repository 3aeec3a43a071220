//go:build linux || darwin

package batpak_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

// limitEnv names, to the test binary run again, the directory of the store that is
// to meet a limit on the size of files.
const limitEnv = "BATPAK_TEST_LIMIT"

// TestFileSizeLimit lets a real kernel refuse to write: a process of which no file
// may grow beyond a limit fills its store, and goes on when the limit is raised.
func TestFileSizeLimit(t *testing.T) {
	if dir := os.Getenv(limitEnv); dir != "" {
		meetLimit(t, dir)
		return
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFileSizeLimit$", "-test.v")
	c.Env = append(os.Environ(), limitEnv+"="+t.TempDir())
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused at the limit") {
		t.Errorf("process with a limit: %v\n%s", err, out)
	}
}

// meetLimit is what the process does.
func meetLimit(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	free := limit.Cur
	set := func(cur uint64) {
		t.Helper()
		limit.Cur = cur
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir, nil)
	var kept []string
	refused := 0
	fill := func(times int) {
		for range times {
			text := fmt.Sprint(len(kept), " ", strings.Repeat("x", 700))
			_, err := s.Append(t.Context(), note("a:1", text), batpak.Expect(uint64(len(kept))))
			switch {
			case err == nil:
				kept = append(kept, text)
			case errors.Is(err, batpak.ErrDiskFull) && errors.Is(err, syscall.EFBIG):
				refused++
			default:
				t.Fatalf("Append() at the limit = %v, want ErrDiskFull", err)
			}
		}
	}
	for _, limit := range []uint64{10_000, 10_123, 40_000} {
		set(limit)
		fill(60)
		if got := texts(events(t, s, batpak.Query{})); strings.Join(got, "") != strings.Join(kept, "") {
			t.Fatalf("limit %d: the store has %d events, want %d", limit, len(got), len(kept))
		}
		if err := s.Close(); err != nil {
			t.Fatalf("limit %d: Close() = %v", limit, err)
		}
		s = open(t, dir, nil)
	}
	set(free)
	before := refused
	fill(60)
	v, err := s.Verify(t.Context())
	if err != nil || len(v.Damages) > 0 || v.Events != uint64(len(kept)) || refused != before || refused == 0 {
		t.Fatalf("Verify() = %+v, %v, %d appends refused, %d of them without a limit", v, err, refused, refused-before)
	}
	t.Logf("%d events kept, %d refused at the limit", len(kept), before)
}
