package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// A link or a pipe in the place of a file is not linked to or cloned, a directory that is
// open for reading gives no links or clones, and one on another device takes none.
func TestLinkOfWhatIsNoFile(t *testing.T) {
	path := t.TempDir()
	from, into := mustOpenDir(t, filepath.Join(path, "from")), mustOpenDir(t, filepath.Join(path, "into"))
	put(t, from, "real", "x")
	if err := os.Symlink("real", filepath.Join(path, "from", "link")); err != nil {
		t.Fatal(err)
	}
	for call, share := range map[string]func(name string, into vfs.FS) error{"Link": from.Link, "Clone": from.Clone} {
		if err := share("link", into); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s() of a symbolic link = %v, want fs.ErrInvalid", call, err)
		}
	}
	wantEntries(t, into)
	reader, err := vfs.OpenDirReadOnly(filepath.Join(path, "from"))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for call, share := range map[string]func(name string, into vfs.FS) error{"Link": reader.Link, "Clone": reader.Clone} {
		if err := share("real", into); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s() from a directory that is open for reading = %v, want fs.ErrPermission", call, err)
		}
	}
	t.Run("to another device", func(t *testing.T) {
		const device = "/dev/shm"
		if strings.HasPrefix(path, device) {
			t.Skip("what is temporary lies on the other device")
		}
		far, err := os.MkdirTemp(device, "batpak")
		if err != nil {
			t.Skipf("there is no other device: %v", err)
		}
		defer os.RemoveAll(far)
		into := mustOpenDir(t, far)
		for call, share := range map[string]func(name string, into vfs.FS) error{"Link": from.Link, "Clone": from.Clone} {
			if err := share("real", into); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%s() to another device = %v, want errors.ErrUnsupported", call, err)
			}
			wantEntries(t, into)
		}
	})
}

func mustOpenDir(t *testing.T, path string) vfs.FS {
	t.Helper()
	d, err := vfs.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestInside(t *testing.T) {
	path := t.TempDir()
	store := filepath.Join(path, "store")
	d := mustOpenDir(t, store)
	for _, err := range []error{os.Mkdir(filepath.Join(path, "other"), 0o700), os.Symlink(store, filepath.Join(path, "other", "link"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for where, want := range map[string]bool{
		"store": true, "store/a": true, "store/a/b": true, "store/../store": true, "other/link": true, "other/link/a/b": true,
		"": false, "other": false, "other/a": false, "store2": false, "store/..": false,
	} {
		if got, err := vfs.Inside(d, filepath.Join(path, filepath.FromSlash(where))); got != want || err != nil {
			t.Errorf("Inside(%s) = %t, %v, want %t", where, got, err, want)
		}
	}
	if got, err := vfs.Inside(simfs.New().FS(), store); got || err != nil {
		t.Errorf("Inside(%s) of another disk = %t, %v", store, got, err)
	}
}
