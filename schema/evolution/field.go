package evolution

import (
	"go/token"
	"slices"

	"github.com/batpak-go/batpak/schema/model"
)

// fieldBP609: a name that a released version stored, and a later one did not, does
// not come back with another type. Whoever reads payloads by name, as JSON or in
// another language, would take one for the other.
func fieldBP609(j *judge) {
	for _, e := range j.pkg.Events {
		var seen []former
		for i, s := range shapes(e) {
			number := uint16(i + 1)
			v := j.version(e, number)
			released := v != nil && len(v.Promises()) > 0
			for _, f := range stored("", s) {
				at := slices.IndexFunc(seen, func(o former) bool { return o.path == f.path })
				switch {
				case at < 0:
				case seen[at].version < number-1 && seen[at].typ != f.typ && !released:
					old := seen[at]
					j.add(f.pos, old.pos, "BP609", "wire name %q was %s until version %d; give the field another name", f.path, old.typ, old.version)
					continue
				default:
					seen = slices.Delete(seen, at, at+1)
				}
				if f.version = number; released {
					f.pos = v.Pos
					seen = append(seen, f)
				}
			}
		}
	}
}

// former is a field of a version.
type former struct {
	path    string // of wire names
	typ     string
	version uint16
	pos     token.Position // in the schema, or of the version in the lock file
}

// stored lists the fields of a struct and of the structs in it.
func stored(prefix string, s *model.Struct) []former {
	var list []former
	for _, f := range s.Fields {
		t := f.Type
		if t.Class == model.ClassPointer {
			t = t.Elem
		}
		list = append(list, former{path: prefix + f.Wire, typ: typeName(t), pos: f.Pos})
		if t.Class == model.ClassStruct {
			list = append(list, stored(prefix+f.Wire+".", t.Struct)...)
		}
	}
	return list
}

// typeName says what a type is, as far as readers by name care.
func typeName(t *model.Type) string {
	switch t.Class {
	case model.ClassBasic:
		return "a " + string(t.Basic)
	case model.ClassBytes, model.ClassFixed:
		return "bytes"
	case model.ClassTime:
		return "a time"
	case model.ClassSlice, model.ClassArray:
		return "a list"
	case model.ClassMap:
		return "a map"
	case model.ClassForeign:
		return "a " + t.Named.Name
	default:
		return "a struct"
	}
}
