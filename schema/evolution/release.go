package evolution

import (
	"fmt"
	"go/token"
	"maps"
	"path/filepath"
	"slices"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// MissingBP610 reports that there is no lock file in a directory, although there are
// frozen payloads: what was promised is not known then, and promises made anew would
// overwrite them. Files holds the payloads, by path, and interrupted those that may be
// of a first release which did not get as far as the lock file. If all are, another
// release goes on with it.
func MissingBP610(dir string, files, interrupted map[string][]byte) []diag.Diagnostic {
	if len(files) == 0 {
		return nil
	}
	d := diag.Diagnostic{
		Pos: top(dir, lock.Name), Code: "BP610",
		Message: "the lock file is missing, but there are frozen payloads of released versions: restore it from version control, or" +
			" remove the payloads if nothing was ever stored",
	}
	if len(interrupted) == len(files) {
		d.Message = "the lock file is missing, but there are frozen payloads, as a release of this schema makes them: run batpakgen release" +
			" again if the first one was interrupted, or restore the lock file from version control"
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		d.Related = append(d.Related, diag.Related{Pos: top(dir, path), Message: "frozen when a version was released"})
	}
	return []diag.Diagnostic{d}
}

// FrozenBP611 reports frozen payloads in a directory that are not those that the lock
// file knows of. Files holds what there is, by path.
func FrozenBP611(dir string, f *lock.File, files map[string][]byte) []diag.Diagnostic {
	var list []diag.Diagnostic
	for _, e := range f.Events {
		for _, v := range e.Versions {
			path := frozen.Path(uint16(e.Kind), v.Number)
			file, there := files[path]
			switch {
			case v.Frozen == "":
			case !there:
				list = append(list, diag.Diagnostic{
					Pos: v.Pos, Code: "BP611",
					Message: path + " is missing: restore it from version control, or run batpakgen lock -fix",
				})
			case shape.Fingerprint(string(file)) != v.Frozen:
				list = append(list, diag.Diagnostic{
					Pos: top(dir, path), Code: "BP611",
					Message: fmt.Sprintf("the frozen payloads of version %d of %v were altered: restore them from version control", v.Number, e.Kind),
					Related: []diag.Related{{Pos: v.Pos, Message: "this is what was promised"}},
				})
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if reason := stray(f, path); reason != "" {
			list = append(list, diag.Diagnostic{
				Pos: top(dir, path), Code: "BP611",
				Message: reason + ": restore the lock file from version control, or remove these payloads if the version was never released; batpakgen lock -fix removes those of a version that was given back",
			})
		}
	}
	return list
}

// stray says why a file of frozen payloads is not one that the lock file knows of, if
// that is so. Those of retired kinds stay.
func stray(f *lock.File, path string) string {
	kind, number, ok := frozen.ParsePath(path)
	k := lock.Kind(kind)
	if !ok {
		return "the name is not that of frozen payloads"
	}
	if slices.ContainsFunc(f.Retired, func(r lock.Retired) bool { return r.Kind == k }) {
		return ""
	}
	if e := f.Event(k); e != nil {
		if v := e.Version(number); v != nil && v.Frozen != "" {
			return ""
		}
	}
	return fmt.Sprintf("the lock file has no frozen payloads of version %d of %v", number, k)
}

// top is the first place of a file, whose path from the directory has slashes.
func top(dir, path string) token.Position {
	return token.Position{Filename: filepath.Join(dir, filepath.FromSlash(path)), Line: 1, Column: 1}
}

// Refreeze makes the files of frozen payloads that are missing, if they come out
// as the lock file knows them.
func Refreeze(f *lock.File, files map[string][]byte) {
	for _, e := range f.Events {
		for _, v := range e.Versions {
			path := frozen.Path(uint16(e.Kind), v.Number)
			if _, there := files[path]; there || v.Frozen == "" {
				continue
			}
			var file []byte
			for _, text := range v.Promises() {
				file = frozen.Grow(file, uint16(e.Kind), v.Number, parsed(text))
			}
			if shape.Fingerprint(string(file)) == v.Frozen {
				files[path] = file
			}
		}
	}
}

// DraftsBP612 reports what of a schema is not released in the lock file that goes
// with it.
func DraftsBP612(pkg *model.Package, f *lock.File) []diag.Diagnostic {
	j := &judge{pkg: pkg, was: f}
	for _, e := range pkg.Events {
		for i, s := range shapes(e) {
			at := s.Pos
			if s == e.Payload {
				at = given(e.Decl, "Version")
			}
			if v := j.version(e, uint16(i+1)); v != nil {
				j.draft(v.State, at, "version %d of event %s", v.Number, e.Var)
			}
		}
	}
	for _, c := range pkg.Commands {
		if was := j.command(c.Name); was != nil {
			j.draft(was.State, c.Pos, "command %s", c.Var)
		}
	}
	for _, p := range pkg.Projections {
		if was := j.projection(p.Name); was != nil {
			j.draft(was.State, given(p.Decl, "Version"), "version %d of projection %s", p.Version, p.Var)
		}
	}
	diag.Sort(j.list)
	return j.list
}

// draft reports what is not released.
func (j *judge) draft(state lock.State, at token.Position, format string, args ...any) {
	if state != lock.Released {
		what := map[lock.State]string{lock.Draft: "is a draft", lock.Revised: "has grown since it was released"}[state]
		j.list = append(j.list, diag.Diagnostic{
			Pos: at, Code: "BP612", Message: fmt.Sprintf(format, args...) + " " + what + ": run batpakgen release",
		})
	}
}
