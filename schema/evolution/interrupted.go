package evolution

import (
	"bytes"
	"maps"
	"slices"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// Interrupted returns the files of frozen payloads that a release left which did not
// get as far as its lock file, by path: each as the lock file still knows it, nil if
// it does not, although its bytes are those that a release of the schema writes.
// Files holds what there is.
func Interrupted(pkg *model.Package, was *lock.File, files map[string][]byte) map[string][]byte {
	before := make(map[string][]byte)
	known := maps.Clone(files)
	for path, file := range files {
		old, ok := asKnown(was, path, file)
		if !ok || len(old) == len(file) {
			continue
		}
		before[path], known[path] = old, old
	}
	if len(before) == 0 {
		return nil
	}
	next, _ := Judge(pkg, was)
	Release(next, known)
	maps.DeleteFunc(before, func(path string, _ []byte) bool { return !bytes.Equal(known[path], files[path]) })
	return before
}

// asKnown is as much of a file of frozen payloads, whose lines are only added, as the
// lock file knows of. It reports whether that is a beginning of the file.
func asKnown(f *lock.File, path string, file []byte) ([]byte, bool) {
	if stray(f, path) != "" {
		return nil, true
	}
	kind, number, _ := frozen.ParsePath(path)
	var v *lock.Version
	if e := f.Event(lock.Kind(kind)); e != nil {
		v = e.Version(number)
	}
	if v == nil {
		return file, true // retired
	}
	for end := len(file); end > 0; end = bytes.LastIndexByte(file[:end-1], '\n') + 1 {
		if shape.Fingerprint(string(file[:end])) == v.Frozen {
			return file[:end], true
		}
	}
	return nil, false
}

// InterruptedBP611 reports the files in a directory that an interrupted release left.
func InterruptedBP611(dir string, before map[string][]byte) []diag.Diagnostic {
	var list []diag.Diagnostic
	for _, path := range slices.Sorted(maps.Keys(before)) {
		list = append(list, diag.Diagnostic{
			Pos: top(dir, path), Code: "BP611",
			Message: "a release was interrupted when it had frozen these payloads: run batpakgen release again",
		})
	}
	return list
}
