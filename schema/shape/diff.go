package shape

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/model"
)

// Change is one difference between two shapes.
type Change struct {
	// Path leads from the payload to the field by wire names, with the innermost
	// field that is in both shapes or in one of them: "source.ref".
	Path string
	// What happened to the field, in words that follow its name: "changed from
	// string to int64".
	What string
	// Additive changes keep every stored payload readable.
	Additive bool
	// Values says that an enumeration has other values, and no more.
	Values bool
	// Apart says that what changed has a name of its own: a nested struct, an enumeration
	// or another type, which other structs may have as well.
	Apart bool
}

// Diff lists what changed from one shape to another: what is gone or was
// changed in the order of before, then what is new in the order of after.
func Diff(before, after *model.Struct) []Change {
	var d differ
	d.structs("", before, after)
	return d.changes
}

// differ collects changes.
type differ struct{ changes []Change }

// add adds a change.
func (d *differ) add(path string, additive bool, format string, args ...any) {
	nested := strings.Contains(path, ".")
	d.changes = append(d.changes, Change{Path: path, What: fmt.Sprintf(format, args...), Additive: additive, Apart: nested})
}

// structs compares the fields of two structs. Path ends in a dot unless it is
// empty.
func (d *differ) structs(path string, before, after *model.Struct) {
	last := -1 // where the fields that are in both stand in after, so far
	for _, b := range before.Fields {
		i := slices.IndexFunc(after.Fields, func(f model.Field) bool { return f.Wire == b.Wire })
		if i < 0 {
			d.add(path+b.Wire, false, "was removed")
			continue
		}
		if i < last {
			d.add(path+b.Wire, false, "was moved before %s", after.Fields[last].Wire)
		}
		last = max(last, i)
		d.field(path+b.Wire, b, after.Fields[i])
	}
	for _, a := range after.Fields {
		switch {
		case slices.ContainsFunc(before.Fields, func(f model.Field) bool { return f.Wire == a.Wire }):
		case a.Optional:
			d.add(path+a.Wire, true, "was added")
		default:
			d.add(path+a.Wire, false, "was added and is not optional")
		}
	}
}

// field compares a field that is in both structs.
func (d *differ) field(path string, before, after model.Field) {
	switch {
	case before.Optional && !after.Optional:
		d.add(path, false, "was optional")
	case !before.Optional && after.Optional:
		d.add(path, false, "was not optional")
	}
	switch {
	case after.Max == before.Max:
	case after.Max == 0:
		d.add(path, true, "was bounded by %d", before.Max)
	case before.Max == 0:
		d.add(path, false, "was not bounded, now by %d", after.Max)
	default:
		d.add(path, after.Max > before.Max, "was bounded by %d, now by %d", before.Max, after.Max)
	}
	d.types(path, before.Type, after.Type)
}

// types compares the types of a field, or of its parts.
func (d *differ) types(path string, before, after *model.Type) {
	switch {
	case !alike(before, after):
		d.add(path, false, "changed from %s to %s", appendType(nil, before), appendType(nil, after))
		if named(after) {
			d.changes[len(d.changes)-1].Apart = true
		}
	case before.Class == model.ClassBasic:
		d.enums(path, before, after)
	case before.Class == model.ClassStruct:
		d.structs(path+".", before.Struct, after.Struct)
	case before.Elem != nil:
		if before.Key != nil {
			d.enums(path, before.Key, after.Key)
		}
		d.types(path, before.Elem, after.Elem)
	}
}

// named reports whether a type, or one that it holds, has a name.
func named(t *model.Type) bool {
	return t != nil && (t.Named != nil || named(t.Key) || named(t.Elem))
}

// alike reports whether types differ in their parts at most.
func alike(a, b *model.Type) bool {
	if a.Class != b.Class || a.Basic != b.Basic || a.Len != b.Len {
		return false
	}
	switch a.Class {
	case model.ClassMap:
		return a.Key.Basic == b.Key.Basic
	case model.ClassForeign:
		return a.Named.Path == b.Named.Path && a.Named.Name == b.Named.Name
	default:
		return true
	}
}

// addValues adds a change of the values of an enumeration.
func (d *differ) addValues(path string, additive bool, format string, args ...any) {
	d.changes = append(d.changes, Change{path, fmt.Sprintf(format, args...), additive, true, true})
}

// enums compares the values that a basic type may have.
func (d *differ) enums(path string, before, after *model.Type) {
	was, is := closed(before), closed(after)
	switch {
	case was == nil && is == nil:
		return
	case is == nil:
		d.addValues(path, true, "was a closed enumeration")
		return
	case was == nil:
		d.addValues(path, false, "was no closed enumeration")
		return
	}
	for _, v := range was {
		if !slices.Contains(is, v) {
			d.addValues(path, false, "lost the value %s", v)
		}
	}
	for _, v := range is {
		if !slices.Contains(was, v) {
			d.addValues(path, true, "got the value %s", v)
		}
	}
}

// closed are the values of a closed enumeration, or nil if there is none.
func closed(t *model.Type) []string {
	if t.Enum == nil || t.Enum.Open {
		return nil
	}
	return values(t)
}
