package promise

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/cmd/internal/output"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/evolution"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// Act is what is done to promises. The zero Act brings drafts up to date.
type Act struct {
	Fix      bool   // what a merge has left in disorder is put in order
	Release  bool   // drafts are released
	Accept   string // what to give back, see [evolution.GiveBack]
	Reason   string // why it is given back
	NoDrafts bool   // what is not released is a finding
}

// Keep compares a schema, in which nothing is wrong, with the lock file and the
// frozen payloads in its directory. It returns the files that are to be there, in
// the order in which they are to be written, unless there are findings that are
// errors. The error is about files that cannot be read, or an act that makes no
// sense.
func (a Act) Keep(pkg *model.Package) ([]output.Data, []diag.Diagnostic, error) {
	was, ds, err := a.read(pkg.Dir)
	if err != nil || diag.HasErrors(ds) {
		return nil, ds, err
	}
	files, err := payloads(pkg.Dir)
	if err != nil {
		return nil, nil, err
	}
	first := was == nil
	if first {
		was = new(lock.File)
	}
	before := maps.Clone(files)
	if a.Fix {
		evolution.Refreeze(was, files)
	}
	interrupted := evolution.Interrupted(pkg, was, files)
	if first && !(a.Release && len(interrupted) == len(files)) {
		if ds := evolution.MissingBP610(pkg.Dir, files, interrupted); len(ds) > 0 {
			return nil, ds, nil
		}
	}
	if a.Fix {
		void(was, files, interrupted)
	}
	for path, file := range interrupted {
		if files[path] = file; file == nil {
			delete(files, path)
		}
	}
	ds = evolution.FrozenBP611(pkg.Dir, was, files)
	if !a.Release {
		ds = append(ds, evolution.InterruptedBP611(pkg.Dir, interrupted)...)
	}
	if a.Accept != "" {
		if err := a.giveBack(was, files); err != nil {
			return nil, nil, err
		}
	}
	next, more := evolution.Judge(pkg, was)
	if ds = append(ds, more...); diag.HasErrors(ds) {
		return nil, ds, nil
	}
	if a.Release {
		evolution.Release(next, files)
	}
	if a.NoDrafts {
		ds = append(ds, evolution.DraftsBP612(pkg, next)...)
	}
	return data(next, before, files), ds, nil
}

// read reads the lock file in a directory, which is nil if it is not there.
func (a Act) read(dir string) (*lock.File, []diag.Diagnostic, error) {
	name := filepath.Join(dir, lock.Name)
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read the lock file: %w", err)
	}
	read := evolution.Read
	if a.Fix {
		read = evolution.Repair
	}
	f, ds := read(name, text)
	return f, ds, nil
}

// payloads reads the frozen payloads in a directory, by path. Line ends may be those
// of Windows.
func payloads(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(frozen.Dir)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for frozen payloads: %w", err)
	}
	files := make(map[string][]byte)
	for _, entry := range entries {
		if path.Ext(entry.Name()) != ".hex" || entry.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(frozen.Dir), entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read frozen payloads: %w", err)
		}
		files[path.Join(frozen.Dir, entry.Name())] = []byte(strings.ReplaceAll(string(text), "\r\n", "\n"))
	}
	return files, nil
}

// giveBack makes drafts of what the act names, whose frozen payloads go.
func (a Act) giveBack(f *lock.File, files map[string][]byte) error {
	if err := evolution.GiveBack(f, a.Accept, a.Reason); err != nil {
		return err
	}
	for _, e := range f.Events {
		for _, v := range e.Versions {
			if v.Frozen == "" {
				delete(files, frozen.Path(uint16(e.Kind), v.Number))
			}
		}
	}
	return nil
}

// void leaves out the payloads of what was given back, which an act that was killed
// behind the lock file has left. What a release of the schema would write is not void, nor
// what stays of a retired kind. Beside a lock file of before a second release they look the
// same, so only who asks for it gets it.
func void(f *lock.File, files, interrupted map[string][]byte) {
	for _, a := range f.Accepted {
		k, ok := lock.ParseKind(a.Name)
		if !ok || a.Of != lock.OfEvent || slices.ContainsFunc(f.Retired, func(r lock.Retired) bool { return r.Kind == k }) {
			continue
		}
		version := uint16(a.Version)
		if e := f.Event(k); e != nil && e.Version(version) != nil && e.Version(version).Frozen != "" {
			continue // released again
		}
		var file []byte
		for _, text := range a.Was {
			s, err := shape.Parse(text)
			if err != nil {
				return // not what a lock file says that was read
			}
			file = frozen.Grow(file, uint16(k), version, s)
		}
		path := frozen.Path(uint16(k), version)
		if _, again := interrupted[path]; !again && bytes.Equal(files[path], file) {
			delete(files, path)
		}
	}
}

// data lists the files that are to be there: the payloads, then the lock file that
// knows of them. Payloads that were there before and are void are not to be.
func data(f *lock.File, before, files map[string][]byte) []output.Data {
	var list []output.Data
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if files[name] == nil {
			list = append(list, output.Data{Name: name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, output.Data{Name: name, Bytes: files[name]})
	}
	locked := output.Data{Name: lock.Name, Bytes: lock.Print(f)}
	if f.IsEmpty() {
		locked.Bytes = nil
	}
	return append(list, locked)
}
