package batpak_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// watched is a directory outside a store's, of which every open is noticed.
type watched struct {
	dir    string
	notify int
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{dir: t.TempDir()}
	var err error
	if w.notify, err = syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC); err != nil {
		t.Skipf("the system watches no directories: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Close(w.notify) })
	if err := os.WriteFile(filepath.Join(w.dir, "outside"), []byte("outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.InotifyAddWatch(w.notify, w.dir, syscall.IN_OPEN|syscall.IN_ACCESS|syscall.IN_MODIFY|syscall.IN_DELETE|syscall.IN_MOVE|syscall.IN_CREATE); err != nil {
		t.Fatal(err)
	}
	return w
}

// touched reports whether anything was done to the directory since the last call.
func (w *watched) touched() bool {
	n, err := syscall.Read(w.notify, make([]byte, 4096))
	return err == nil && n > 0
}

// TestHostileSpecialFiles: whatever in the directory is not a regular file is refused
// where it has the name of a segment, and reported where not. Nothing is opened
// that lies outside the directory, no open waits, and nothing is removed.
func TestHostileSpecialFiles(t *testing.T) {
	t.Parallel()
	outside := watch(t)
	special := map[string]func(path string) error{
		"link out of the directory": func(path string) error { return os.Symlink(filepath.Join(outside.dir, "outside"), path) },
		"link to a directory":       func(path string) error { return os.Symlink(outside.dir, path) },
		"link to a segment":         func(path string) error { return os.Symlink(segment.Name(1), path) },
		"link to nothing":           func(path string) error { return os.Symlink("nothing", path) },
		"link to itself":            func(path string) error { return os.Symlink(filepath.Base(path), path) },
		"pipe":                      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"device":                    func(path string) error { return syscall.Mknod(path, syscall.S_IFCHR|0o600, 1<<8|5) }, // zeros without end
		"directory":                 func(path string) error { return os.Mkdir(path, 0o700) },
		"socket": func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err == nil {
				l.SetUnlinkOnClose(false)
				err = l.Close()
			}
			return err
		},
	}
	for what, make := range special {
		for _, name := range []string{
			segment.Name(1), segment.Name(2), segment.Name(3), segment.Name(1) + vfs.TempSuffix, segment.Name(9) + vfs.TempSuffix,
			"lost-0000000000000001-00000060", "notes",
		} {
			dir := t.TempDir()
			want := twoSegments(t, dir)
			path := filepath.Join(dir, name)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := make(path); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
				t.Logf("%s: left out: %v", what, err)
				break
			} else if err != nil {
				t.Fatal(err)
			}
			before := lstat(t, path)
			s, err := batpak.Open(dir, overseen(nil))
			_, ours := segment.ParseName(name[:min(len(name), len(segment.Name(1)))])
			damage, refused := errors.AsType[*batpak.CorruptError](err)
			switch {
			case ours && (!refused || damage.File != segment.Name(numberOf(name)) || !errors.Is(err, batpak.ErrCorrupt)):
				t.Errorf("%s under %s: Open() = %v, want a CorruptError for it", what, name, err)
			case !ours && err != nil:
				t.Errorf("%s under %s: Open() = %v, want nil", what, name, err)
			case !ours:
				if got := s.Report().Foreign; !slices.Equal(got, []string{name}) || s.Report().Events != want {
					t.Errorf("%s under %s: %+v, want %d events, and the name reported", what, name, s.Report(), want)
				}
			}
			if err == nil {
				mustAppend(t, s, note("a:1", "after"))
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if after := lstat(t, path); !os.SameFile(before, after) || before.Mode() != after.Mode() {
				t.Errorf("%s under %s: it is another one now", what, name)
			}
			if outside.touched() {
				t.Errorf("%s under %s: something was done outside the directory", what, name)
			}
		}
	}
}

// numberOf is the number in the name of a segment or of its temporary file.
func numberOf(name string) (n uint64) {
	_, _ = fmt.Sscanf(name, "%x.seg", &n)
	return n
}

func lstat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// twoSegments makes a closed store of two segments and returns how many events it
// has.
func twoSegments(t *testing.T, dir string) (events uint64) {
	t.Helper()
	s, err := batpak.Open(dir, overseen(&batpak.Options{SegmentSize: 512}))
	if err != nil {
		t.Fatal(err)
	}
	for {
		events++
		mustAppend(t, s, note("a:1", "some text"))
		if _, err := os.Lstat(filepath.Join(dir, segment.Name(2))); err == nil {
			break
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return events
}

// TestHostileSparseFiles: a file of ten tebibytes, which takes no space, is refused
// as a segment at once, and left alone under any other name. One of a size that a
// segment can have is read as the zeros it shows, in little memory.
func TestHostileSparseFiles(t *testing.T) {
	for name, size := range map[string]int64{
		segment.Name(1): 10 << 40, segment.Name(2): 10 << 40, segment.Name(3): 10 << 40,
		segment.Name(1) + vfs.TempSuffix: 10 << 40, "lost-0000000000000001-00000060": 10 << 40, "notes": 10 << 40,
		"../" + segment.Name(2): 256 << 20,
	} {
		for _, o := range []*batpak.Options{overseen(nil), nil} {
			grown := openSparse(t, filepath.Base(name), size, o)
			if o == nil && grown > 16<<20 { // the checks read what they find
				t.Errorf("%s of %d bytes: Open() allocates %d bytes, want at most 16 MiB", name, size, grown)
			}
		}
	}
}

// openSparse opens a store of two segments beside such a file, or with it, and returns how
// much it allocates.
func openSparse(t *testing.T, name string, size int64, o *batpak.Options) (grown uint64) {
	t.Helper()
	dir := t.TempDir()
	want := twoSegments(t, dir)
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); errors.Is(err, syscall.EFBIG) {
		t.Logf("%s: left out: %v", name, err)
		return 0
	} else if err != nil {
		t.Fatal(err)
	}
	before := allocated()
	s, err := batpak.Open(dir, o)
	grown = allocated() - before
	_, ours := segment.ParseName(name)
	if refuse := ours && size > 1<<40; refuse != errors.Is(err, batpak.ErrCorrupt) || !refuse && err != nil {
		t.Errorf("%s of %d bytes: Open() = %v", name, size, err)
	}
	if err == nil {
		if got := s.Report().Events; got != want {
			t.Errorf("%s of %d bytes: %d events, want %d", name, size, got, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	return grown
}
