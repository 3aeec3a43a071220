//go:build unix

package stat_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs/stat"
)

// TestStat: size and names are those that the file has by now, whoever changed them.
func TestStat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct {
		what  string
		do    func() error
		size  int64
		names uint64
	}{
		{"create", func() error { return nil }, 0, 1},
		{"write", func() error { return os.WriteFile(path, []byte("seven B"), 0o600) }, 7, 1},
		{"make sparse", func() error { return os.Truncate(path, 5<<30) }, 5 << 30, 1},
		{"link", func() error { return os.Link(path, path+"2") }, 5 << 30, 2},
		{"remove", func() error { return os.Remove(path) }, 5 << 30, 1},
		{"remove the other name", func() error { return os.Remove(path + "2") }, 5 << 30, 0},
	} {
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		size, serr := stat.Size(f)
		names, nerr := stat.Names(f)
		if size != c.size || names != c.names || serr != nil || nerr != nil {
			t.Errorf("%s: size %d, %v, names %d, %v; want %d and %d", c.what, size, serr, names, nerr, c.size, c.names)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, serr := stat.Size(f)
	_, nerr := stat.Names(f)
	if !errors.Is(serr, fs.ErrClosed) || !errors.Is(nerr, fs.ErrClosed) {
		t.Errorf("of a closed file: %v, %v, want fs.ErrClosed", serr, nerr)
	}
}
