package evolution

import (
	"go/token"
	"slices"
	"strconv"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// eventBP115: a kind that the lock file knows to be retired is not given again.
// What schema.Retired lists is for package check.
func eventBP115(j *judge) {
	for _, r := range j.was.Retired {
		if e := j.event(r.Kind); e != nil && !j.retires(r.Kind) {
			j.add(given(e.Decl, "Type"), r.Pos, "BP115", "kind %s was retired (%s); kinds are never given again", kindText(r.Kind), r.Name)
		}
	}
}

// retires reports whether schema.Retired lists a kind.
func (j *judge) retires(k lock.Kind) bool {
	return slices.ContainsFunc(j.pkg.Retired, func(r model.Retired) bool { return lock.Kind(r.Kind()) == k })
}

// eventBP601: the current version, once released, keeps its shape.
func eventBP601(j *judge) {
	for _, e := range j.pkg.Events {
		v := j.version(e, e.Version)
		if v == nil || len(v.Promises()) == 0 {
			continue
		}
		if breaking, _ := breaks(v, e.Payload); len(breaking) > 0 {
			j.changed(v, e.Payload, breaking, "BP601", "%s: set Version: %d and add schema.Step(%d, ...)", e.Version+1, e.Version)
		}
	}
}

// version returns what the lock file has of a version of an event, or nil.
func (j *judge) version(e *model.Event, number uint16) *lock.Version {
	if was := j.was.Event(lock.Kind(e.Kind())); was != nil {
		return was.Version(number)
	}
	return nil
}

// changed reports the changes of a released shape, at the first one. The format
// takes what happened, and then the arguments.
func (j *judge) changed(v *lock.Version, s *model.Struct, changes []shape.Change, code, format string, args ...any) {
	first := changes[0]
	what := s.Name + " is the released shape of version " + strconv.Itoa(int(v.Number)) + ", but " + first.Path + " " + first.What
	j.add(place(s, first.Path), v.Pos, code, format, append([]any{what}, args...)...)
	d := &j.list[len(j.list)-1]
	for _, c := range changes[1:] {
		d.Related = append(d.Related, diag.Related{Pos: place(s, c.Path), Message: c.Path + " " + c.What})
	}
}

// place is where a field stands that a path of wire names leads to, or as much of
// the path as there is in the package's own structs.
func place(s *model.Struct, path string) token.Position {
	at := s.Pos
	for name := range strings.SplitSeq(path, ".") {
		i := slices.IndexFunc(s.Fields, func(f model.Field) bool { return f.Wire == name })
		if i < 0 {
			return at
		}
		at = s.Fields[i].Pos
		t := s.Fields[i].Type
		for t.Elem != nil {
			t = t.Elem
		}
		if s = t.Struct; s == nil || s.Path != "" {
			return at
		}
	}
	return at
}

// eventBP602: an event that was released keeps its kind.
func eventBP602(j *judge) {
	for _, e := range j.pkg.Events {
		for _, was := range j.was.Events {
			if was.Name != e.Payload.Name || was.Kind == lock.Kind(e.Kind()) || !was.Released() || j.retires(was.Kind) {
				continue
			}
			j.add(given(e.Decl, "Type"), was.Pos, "BP602", "%s was %s; stored events would become unreadable: restore the kind, or retire it in schema.Retired", e.Payload.Name, kindText(was.Kind))
		}
	}
}

// moved reports whether the schema has the payload of an event under another kind.
func (j *judge) moved(was *lock.Event) bool {
	return slices.ContainsFunc(j.pkg.Events, func(e *model.Event) bool {
		return e.Payload.Name == was.Name && lock.Kind(e.Kind()) != was.Kind
	})
}

// eventBP603: an event that was released is there, or is retired.
func eventBP603(j *judge) {
	for i := range j.was.Events {
		was := &j.was.Events[i]
		if was.Released() && j.event(was.Kind) == nil && !j.retires(was.Kind) && !j.moved(was) {
			j.list = append(j.list, diag.Diagnostic{
				Pos: was.Pos, Code: "BP603",
				Message: was.Name + " (" + kindText(was.Kind) + ") is released but not in the schema: restore it, or add it to schema.Retired",
			})
		}
	}
}

// retiredBP603: a kind is retired under the name that it had.
func retiredBP603(j *judge) {
	for _, r := range j.pkg.Retired {
		k, name := lock.Kind(r.Kind()), r.Name
		if was := j.was.Event(k); was != nil && was.Released() && was.Name != name {
			j.add(r.Pos, was.Pos, "BP603", "kind %s is released as %s, not %s: retire it under that name", kindText(k), was.Name, name)
		}
	}
}

// eventBP604: versions go up, by one.
func eventBP604(j *judge) {
	for _, e := range j.pkg.Events {
		was := j.was.Event(lock.Kind(e.Kind()))
		if was == nil {
			continue
		}
		at := given(e.Decl, "Version")
		last := was.Versions[len(was.Versions)-1]
		for _, v := range was.Versions {
			if v.Number > e.Version && len(v.Promises()) > 0 {
				j.add(at, v.Pos, "BP604", "event %s is at version %d, but version %d is released; versions do not go down: restore it", e.Var, e.Version, v.Number)
				break
			}
		}
		if e.Version > last.Number+1 {
			j.add(at, last.Pos, "BP604", "event %s goes from version %d to %d; the next one is %d", e.Var, last.Number, e.Version, last.Number+1)
		}
	}
}

// eventBP605: the struct of an earlier version, once released, does not change. An
// enumeration in it may get values, which no payload of that version has.
func eventBP605(j *judge) {
	for _, e := range j.pkg.Events {
		for _, u := range e.Upcasts {
			v := j.version(e, u.From)
			if v == nil || len(v.Promises()) == 0 {
				continue
			}
			breaking, all := breaks(v, u.Source)
			if v.State == lock.Released {
				breaking = slices.DeleteFunc(all, func(c shape.Change) bool { return c.Additive && c.Values })
			}
			remedy := "%s: restore it"
			if slices.ContainsFunc(breaking, func(c shape.Change) bool { return c.Apart }) {
				remedy += ", or give that version a type of its own there"
			}
			if len(breaking) > 0 {
				j.changed(v, u.Source, breaking, "BP605", remedy)
			}
		}
	}
}
