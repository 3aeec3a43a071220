package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// A name that changes hands while it is opened leads to the file that was looked
// at, or nowhere: never to what a pipe's other end waits for, and never to another
// file through a link.
func TestOpenOfANameThatChangesHands(t *testing.T) {
	for name, place := range map[string]func(path string) error{
		"pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link": func(path string) error { return os.Symlink("other", path) },
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			d := openDir(t, path)
			put(t, d, "a", "mine")
			put(t, d, "other", "not mine")
			in := func(name string) string { return filepath.Join(path, name) }
			if err := place(in("trap")); err != nil {
				t.Fatal(err)
			}
			var stop atomic.Bool
			var wg sync.WaitGroup
			wg.Go(func() {
				for !stop.Load() { // a and the trap take turns under the name
					_ = os.Rename(in("a"), in("aside"))
					_ = os.Rename(in("trap"), in("a"))
					_ = os.Rename(in("a"), in("trap"))
					_ = os.Rename(in("aside"), in("a"))
				}
			})
			opened := 0
			for range 20000 {
				f, err := d.Open("a", vfs.ReadOnly)
				if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
					continue
				}
				if err != nil {
					t.Errorf("Open(a) = %v", err)
					break
				}
				content, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
				if string(content) != "mine" {
					t.Errorf("Open(a) leads to %q, %v", content, err)
				}
				_ = f.Close() // it was only read from
				opened++
			}
			stop.Store(true)
			wg.Wait()
			t.Logf("opened %d times", opened)
		})
	}
}
