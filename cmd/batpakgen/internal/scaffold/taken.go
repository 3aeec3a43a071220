package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/batpak-go/batpak/schema/lock"
)

// taken is what the schemas of a module have given to their events and entities. A
// store may hold the events of all of them.
type taken struct {
	kinds    map[lock.Kind]bool
	prefixes map[string]bool
}

// takenIn reads the lock files of a module, by the directory of its go.mod. They know
// what was retired, too, and are there if the schemas do not compile.
func takenIn(root string) (*taken, error) {
	t := &taken{kinds: map[lock.Kind]bool{}, prefixes: map[string]bool{}}
	return t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && isElsewhere(path):
			return filepath.SkipDir
		case d.IsDir() || d.Name() != lock.Name:
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := lock.Parse(path, data)
		if err != nil {
			return err
		}
		t.add(f)
		return nil
	})
}

// isElsewhere reports whether a directory is none of the module's own, as the go
// command sees it.
func isElsewhere(dir string) bool {
	name := filepath.Base(dir)
	if name == "vendor" || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return !errors.Is(err, fs.ErrNotExist)
}

func (t *taken) add(f *lock.File) {
	for _, en := range f.Entities {
		t.prefixes[en.Prefix] = true
	}
	for _, e := range f.Events {
		t.kinds[e.Kind] = true
	}
	for _, r := range f.Retired {
		t.kinds[r.Kind] = true
	}
}

// freeKinds returns the first of two kinds in a row that are free: in a category of
// their own if there is one.
func (t *taken) freeKinds() (lock.Kind, bool) {
	used := map[lock.Kind]bool{0x0: true, 0xD: true} // categories; these are the store's
	for k := range t.kinds {
		used[k>>12] = true
	}
	for category := range lock.Kind(0x10) {
		if !used[category] {
			return category<<12 | 1, true
		}
	}
	for k := lock.Kind(0x1001); k < 0xFFFF; k++ {
		if k>>12 != 0xD && k&0xFFF != 0xFFF && !t.kinds[k] && !t.kinds[k+1] {
			return k, true
		}
	}
	return 0, false
}

// freePrefix returns a prefix for an entity: name, or else one with the package in
// it.
func (t *taken) freePrefix(name, pkg string) string {
	prefix := name
	for i := 1; t.prefixes[prefix]; i++ {
		switch part := packageName(pkg); {
		case i == 1 && part != "":
			prefix = part + "-" + name
		default:
			prefix = fmt.Sprintf("%s-%d", name, i)
		}
	}
	return prefix
}
