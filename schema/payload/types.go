package payload

import (
	"go/types"

	"github.com/batpak-go/batpak/schema/model"
)

// place says where in a field a type stands.
type place struct {
	field   bool // the field's own type
	pointed bool // what a pointer points to
	opt     *options
}

// inner is the place of what a container in this place holds.
func (in place) inner() place { return place{opt: in.opt} }

// options are what the field's tag allows, and whether its type needs that.
type options struct {
	float, sorted bool
	floats, maps  bool
	own           bool // the field is one of the package, and can be given a tag
}

// typ returns how a type is stored, or nil if it is not, which it reports.
func (r *Reader) typ(t types.Type, p path, in place) *model.Type {
	t = types.Unalias(t)
	named, _ := t.(*types.Named)
	if named == nil {
		return r.underlying(t, nil, p, in)
	}
	obj := named.Obj()
	if named.TypeArgs().Len() > 0 {
		text, _ := Source(t, r.own)
		return r.refuse(p, "BP103", "unsupported field type %s: generic types are not stored; declare a type of your own", text)
	}
	if obj.Pkg() != nil && obj.Pkg().Path() == "time" && obj.Name() == "Time" {
		return &model.Type{Class: model.ClassTime}
	}
	if !Nameable(named, r.own) {
		text, _ := Source(t, r.own)
		return r.refuse(p, "BP103", "unsupported field type %s: this package cannot name it; store a type of your own and convert", text)
	}
	if r.recursion(obj, p) {
		return nil
	}
	if m, found := r.foreign(named, p); found {
		return m
	}
	r.active = append(r.active, obj)
	m := r.underlying(named.Underlying(), named, p, in)
	r.active = r.active[:len(r.active)-1]
	return m
}

// underlying returns how a type with the given underlying type is stored. The
// type is named unless named is nil.
func (r *Reader) underlying(u types.Type, named *types.Named, p path, in place) *model.Type {
	var m *model.Type
	switch u := u.(type) {
	case *types.Basic:
		m = r.basic(u, named, p, in)
	case *types.Slice:
		m = r.slice(u, p, in)
	case *types.Array:
		m = r.array(u, p, in)
	case *types.Map:
		m = r.maps(u, named, p, in)
	case *types.Pointer:
		return r.pointer(u, named, p, in)
	case *types.Struct:
		return r.nested(named, p)
	default:
		return r.refuse(p, "BP103", "unsupported field type %s", r.text(u, named))
	}
	if m != nil && named != nil {
		ref := Ref(named, r.own)
		m.Named = &ref
		m.Enum = r.enums[named.Obj()]
	}
	return m
}

// basic returns how a basic type is stored.
func (r *Reader) basic(b *types.Basic, named *types.Named, p path, in place) *model.Type {
	switch info := b.Info(); {
	case b.Kind() == types.Invalid:
		r.invalid(named, p)
		return nil
	case b.Kind() == types.Int:
		return r.sized(p, r.text(b, named), "int64")
	case b.Kind() == types.Uint, b.Kind() == types.Uintptr:
		return r.sized(p, r.text(b, named), "uint64")
	case info&types.IsFloat != 0 && in.opt.float:
		in.opt.floats = true
	case info&types.IsFloat != 0:
		r.refuse(p, "BP105", "%s: floating point has no canonical encoding (NaN payloads, -0); use a scaled integer or opt in with `bat:\",float\"`", r.text(b, named))
		if in.opt.own {
			r.sink.Suggest(p.at, "BP105", "opt in", " `bat:\",float\"`", r.syntax.untagged(p.at.Pos())...)
		}
		return nil
	case info&(types.IsBoolean|types.IsString|types.IsInteger) == 0:
		return r.refuse(p, "BP103", "unsupported field type %s", r.text(b, named))
	}
	// types.Typ maps the aliases byte and rune to uint8 and int32.
	return &model.Type{Class: model.ClassBasic, Basic: model.Basic(types.Typ[b.Kind()].Name())}
}

// slice returns how a slice is stored: one of bytes as bytes.
func (r *Reader) slice(s *types.Slice, p path, in place) *model.Type {
	if in.pointed {
		return r.refuse(p, "BP103", "unsupported field type: a pointer to a slice; a slice can be optional by itself")
	}
	if isByte(s.Elem()) {
		return &model.Type{Class: model.ClassBytes}
	}
	elem := r.typ(s.Elem(), p, in.inner())
	if elem == nil {
		return nil
	}
	return &model.Type{Class: model.ClassSlice, Elem: elem}
}

// array returns how an array is stored: one of bytes as bytes.
func (r *Reader) array(a *types.Array, p path, in place) *model.Type {
	switch {
	case a.Len() < 0:
		r.invalid(nil, p)
		return nil
	case a.Len() == 0:
		return r.refuse(p, "BP103", "unsupported field type: an array of length 0 holds nothing")
	case isByte(a.Elem()) && !tooLarge(a):
		return &model.Type{Class: model.ClassFixed, Len: a.Len()}
	}
	elem := r.typ(a.Elem(), p, in.inner())
	if elem == nil {
		return nil
	}
	if tooLarge(a) {
		return r.refuse(p, "BP103", "unsupported field type %s: it takes more than 1 MiB of memory; use a slice", r.text(a, nil))
	}
	return &model.Type{Class: model.ClassArray, Elem: elem, Len: a.Len()}
}

// maps returns how a map is stored: by ascending keys.
func (r *Reader) maps(m *types.Map, named *types.Named, p path, in place) *model.Type {
	switch {
	case in.pointed:
		return r.refuse(p, "BP103", "unsupported field type: a pointer to a map; a map can be optional by itself")
	case !in.opt.sorted:
		return r.refuse(p, "BP106", "%s has no deterministic encoding order; use a sorted slice of pairs or opt in with `bat:\",sorted\"`", r.text(m, named))
	}
	in.opt.maps = true
	key := r.typ(m.Key(), p, place{opt: &options{}})
	if key == nil {
		return nil
	}
	if key.Class != model.ClassBasic || key.Basic == "bool" {
		return r.refuse(p, "BP106", "the keys of %s have no order that all agree on; use text or a sized integer", r.text(m, named))
	}
	elem := r.typ(m.Elem(), p, in.inner())
	if elem == nil {
		return nil
	}
	return &model.Type{Class: model.ClassMap, Key: key, Elem: elem}
}

// tooLarge reports whether an array would strain the stack, which generated code
// copies it on.
func tooLarge(a *types.Array) bool {
	const limit = 1 << 20 // bytes
	size := types.SizesFor("gc", "amd64").Sizeof(a)
	return size < 0 || size > limit // negative if it overflows
}

// pointer returns how a pointer is stored: left out when nil. What a nil pointer
// inside a slice or behind another pointer would mean is not obvious, so these
// are refused.
func (r *Reader) pointer(ptr *types.Pointer, named *types.Named, p path, in place) *model.Type {
	switch {
	case named != nil:
		return r.refuse(p, "BP103", "unsupported field type %s: a named pointer", r.text(ptr, named))
	case in.pointed:
		return r.refuse(p, "BP103", "unsupported field type: a pointer to a pointer")
	case !in.field:
		return r.refuse(p, "BP103", "unsupported field type: pointers inside slices and arrays; only a field itself may be a pointer")
	}
	elem := r.typ(ptr.Elem(), p, place{pointed: true, opt: in.opt})
	if elem == nil {
		return nil
	}
	return &model.Type{Class: model.ClassPointer, Elem: elem}
}

// nested returns how a struct within a struct is stored.
func (r *Reader) nested(named *types.Named, p path) *model.Type {
	if named == nil {
		return r.refuse(p, "BP103", "unsupported field type: a struct without a name; declare a type for it")
	}
	s := r.structure(named, p)
	if !s.ok {
		return nil
	}
	ref := Ref(named, r.own)
	return &model.Type{Class: model.ClassStruct, Named: &ref, Struct: s.model}
}

// refuse reports that a field cannot be stored.
func (r *Reader) refuse(p path, code, format string, args ...any) *model.Type {
	r.report(p.at, code, "%s: "+format, append([]any{p.text}, args...)...)
	return nil
}

// text writes a type for a diagnostic.
func (r *Reader) text(u types.Type, named *types.Named) string {
	if named == nil {
		text, _ := Source(u, r.own)
		return text
	}
	name, _ := Source(named, r.own)
	under, _ := Source(u, r.own)
	return name + " (" + under + ")"
}

// isByte reports whether a type is byte itself, not a named type over it.
func isByte(t types.Type) bool {
	b, ok := types.Unalias(t).(*types.Basic)
	return ok && b.Kind() == types.Byte
}

// sized refuses an integer, and suggests the one to use where the field's type names it.
func (r *Reader) sized(p path, text, use string) *model.Type {
	r.refuse(p, "BP104", "%s has a platform-dependent size; use %s", text, use)
	r.sink.Suggest(p.at, "BP104", "make it "+use, use, r.syntax.idents(p.at.Pos(), text)...)
	return nil
}
