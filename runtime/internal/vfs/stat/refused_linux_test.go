package stat_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
	"github.com/batpak-go/batpak/runtime/internal/vfs/stat"
)

// TestEither: what the kernel, or a sandbox, refuses to answer by the first call is asked
// by the second, and nothing else is. A call that a signal interrupted is made again.
func TestEither(t *testing.T) {
	type answer struct {
		size  int64
		names uint64
		err   error
	}
	ok := answer{size: 7, names: 2}
	fails := func(errno syscall.Errno) answer { return answer{err: errno} }
	for _, c := range []struct {
		what          string
		first, second []answer // of each call, one after the other
		want          answer
	}{
		{"the first answers", []answer{ok}, nil, ok},
		{"a kernel before 4.11", []answer{fails(unix.ENOSYS)}, []answer{ok}, ok},
		{"a sandbox that does not know the call", []answer{fails(unix.EPERM)}, []answer{ok}, ok},
		{"a sandbox of another kind", []answer{fails(unix.EACCES)}, []answer{ok}, ok},
		{"a file system without it", []answer{fails(unix.EOPNOTSUPP)}, []answer{ok}, ok},
		{"neither answers", []answer{fails(unix.ENOSYS)}, []answer{fails(unix.EIO)}, fails(unix.EIO)},
		{"the disk fails", []answer{fails(unix.EIO)}, nil, fails(unix.EIO)},
		{"the file is gone", []answer{fails(unix.ESTALE)}, nil, fails(unix.ESTALE)},
		{"a signal comes", []answer{fails(unix.EINTR), fails(unix.EINTR), ok}, nil, ok},
		{"a signal comes to the second", []answer{fails(unix.ENOSYS), fails(unix.ENOSYS)}, []answer{fails(unix.EINTR), ok}, ok},
	} {
		call := func(name string, answers *[]answer) func(int) (int64, uint64, error) {
			return func(fd int) (int64, uint64, error) {
				if fd != 3 || len(*answers) == 0 {
					t.Fatalf("%s: the %s call is made about %d once more", c.what, name, fd)
				}
				a := (*answers)[0]
				*answers = (*answers)[1:]
				return a.size, a.names, a.err
			}
		}
		size, names, err := stat.Either(3, call("first", &c.first), call("second", &c.second))
		if got := (answer{size, names, err}); got != c.want || len(c.first)+len(c.second) > 0 {
			t.Errorf("%s: %+v with %d calls left, want %+v with none", c.what, got, len(c.first)+len(c.second), c.want)
		}
	}
}

// TestCallsAgree: both calls say the same of a file.
func TestCallsAgree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := errors.Join(os.Truncate(path, 5<<30), os.Link(path, path+"2")); err != nil {
		t.Fatal(err)
	}
	fd := int(f.Fd())
	size, names, err := stat.Fstat(fd)
	if size != 5<<30 || names != 2 || err != nil {
		t.Errorf("fstat says %d bytes, %d names, %v, want 5 GiB and 2", size, names, err)
	}
	switch xsize, xnames, xerr := stat.Statx(fd); {
	case errors.Is(xerr, errors.ErrUnsupported), errors.Is(xerr, os.ErrPermission):
		t.Skip("statx is refused:", xerr)
	case xsize != size || xnames != names || xerr != nil:
		t.Errorf("statx says %d bytes, %d names, %v, fstat %d and %d", xsize, xnames, xerr, size, names)
	}
}

// refusedEnv is, for the test binary run again, the error that its kernel refuses statx with.
const refusedEnv = "BATPAK_TEST_REFUSED"

// refused is what the process says that cannot have its kernel refuse anything.
const refused = "no filter of calls:"

// TestRefusedByTheKernel lets a real kernel refuse statx, as sandboxes do whose list of
// calls is older: sizes and names are what they are, and a store is created, appended to,
// closed, opened and verified.
func TestRefusedByTheKernel(t *testing.T) {
	if errno := os.Getenv(refusedEnv); errno != "" {
		liveWithoutStatx(t, errno)
		return
	}
	for _, errno := range []syscall.Errno{unix.ENOSYS, unix.EPERM} {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestRefusedByTheKernel$", "-test.v")
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", refusedEnv, errno))
		out, err := c.CombinedOutput()
		if _, why, ok := strings.Cut(string(out), refused); ok {
			why, _, _ = strings.Cut(why, "\n")
			t.Skip(refused + why)
		}
		if err != nil || !strings.Contains(string(out), "lived without statx") {
			t.Errorf("process in which statx fails with %v: %v\n%s", errno, err, out)
		}
	}
}

// liveWithoutStatx is what the process does.
func liveWithoutStatx(t *testing.T, number string) {
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	errno := syscall.Errno(n)
	if err := refuse(unix.SYS_STATX, errno); err != nil {
		t.Skip(refused, err)
	}
	if _, _, err := stat.Statx(0); err != errno {
		t.Fatalf("statx fails with %v, want %v", err, errno)
	}
	TestStat(t)
	dir := t.TempDir()
	for opening := range 2 {
		s, err := batpaktest.OpenDir(dir, &batpak.Options{SegmentSize: 512})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			d := batpak.Draft{
				Coordinate: batpak.Coordinate{Entity: "a:1", Scope: "test"}, Kind: 0x1001, PayloadVersion: 1, Payload: []byte(strings.Repeat("x", 100)),
			}
			if _, err := s.Append(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(opening+1)*10 {
			t.Errorf("Verify() = %+v, %v, want %d events", v, err, (opening+1)*10)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Log("lived without statx")
}

// refuse makes a system call fail from now on, in all threads of the process, by a filter
// that the kernel asks about every call. It is for good.
func refuse(number uint32, with syscall.Errno) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(with)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // the one that may gain no privileges passes that on with the filter
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("seccomp: thread %d has a filter of its own", thread)
	}
	return nil
}
