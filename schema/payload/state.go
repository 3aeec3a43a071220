package payload

import (
	"go/types"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// State reads the struct of a projection's state that is saved, at whose mention in
// the projection what is wrong is reported, if not at a field of its own. The rules
// are those of a payload, and that every field is stored: one that is not would be
// lost when the state is resumed.
func (r *Reader) State(t types.Type, at diag.Range) (*model.Struct, bool) {
	r.states = true
	defer func() { r.states = false }()
	s, ok := r.root(t, at, "")
	if ok {
		ok = r.whole(s, at, make(map[*model.Struct]bool))
	}
	return s, ok
}

// whole reports fields of a state, and of the structs in it, that are not stored.
func (r *Reader) whole(s *model.Struct, at diag.Range, seen map[*model.Struct]bool) bool {
	if seen[s] {
		return true
	}
	seen[s] = true
	ok := true
	for _, f := range s.Skipped {
		r.report(at, "BP102", "%s.%s: a field tagged `bat:\"-\"` would be lost; store it", s.Name, f.Name)
		ok = false
	}
	for _, f := range s.Fields {
		for t := f.Type; t != nil; t = t.Elem {
			if t.Class == model.ClassStruct {
				ok = r.whole(t.Struct, at, seen) && ok
			}
		}
	}
	return ok
}

// report adds a diagnostic. Whatever is wrong with a state is BP306, but for what
// the compiler said.
func (r *Reader) report(at diag.Range, code, format string, args ...any) {
	r.reportRelated(at, nil, code, format, args...)
}

func (r *Reader) reportRelated(at diag.Range, related []diag.Related, code, format string, args ...any) {
	if r.states && code != "BP005" {
		code, format = "BP306", "state "+format
	}
	r.sink.AddRelated(at, related, code, format, args...)
}
