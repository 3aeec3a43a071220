package payload

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// Reader turns the payload structs of one package into shapes. It is not safe
// for concurrent use.
type Reader struct {
	own     *types.Package
	errors  []types.Error // of the type checker
	states  bool          // what is read is a state
	sink    *diag.Sink
	enums   map[*types.TypeName]*model.Enum
	syntax  syntax
	done    map[*types.TypeName]*shape
	active  []*types.TypeName // named types being read, outermost first
	ordered []*model.Struct
}

// shape is a struct that was read, and whether it may be stored.
type shape struct {
	model *model.Struct
	ok    bool
}

// NewReader returns a reader of the payloads of package own, whose files and
// type errors are given. Diagnostics go to the sink.
func NewReader(own *types.Package, files []*ast.File, errors []types.Error, sink *diag.Sink) *Reader {
	written := newSyntax(files)
	return &Reader{
		own: own, errors: errors, sink: sink, syntax: written,
		enums: make(map[*types.TypeName]*model.Enum), done: make(map[*types.TypeName]*shape, len(written)),
	}
}

// Enumerate says that the values of a named type are those of an enumeration.
func (r *Reader) Enumerate(named *types.Named, e *model.Enum) { r.enums[named.Obj()] = e }

// Payload reads the struct of an event that is declared at the given place, and
// reports whether it may be stored. The struct is nil if t is no struct at all.
func (r *Reader) Payload(t types.Type, at diag.Range) (*model.Struct, bool) {
	return r.root(t, at, "payload ")
}

// root reads a struct that gets a codec of its own.
func (r *Reader) root(t types.Type, at diag.Range, what string) (*model.Struct, bool) {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok {
		r.report(at, "BP101", "%s%s must be a named struct", what, r.source(t))
		return nil, false
	}
	switch {
	case named.TypeParams().Len() > 0 || named.TypeArgs().Len() > 0:
		r.report(at, "BP101", "%s%s must not be generic", what, r.source(t))
		return nil, false
	case named.Obj().Pkg() != r.own:
		r.report(at, "BP101", "%s%s must be declared in package %s, since its codec is a method", what, r.source(t), r.own.Name())
		return nil, false
	}
	if named.Underlying() == types.Typ[types.Invalid] {
		r.invalid(named, path{at: at, text: r.source(t)})
		return nil, false
	}
	if _, ok := named.Underlying().(*types.Struct); !ok {
		r.report(at, "BP101", "%s%s must be a struct", what, r.source(t))
		return nil, false
	}
	r.active = append(r.active, named.Obj())
	s := r.structure(named, path{at: at, text: named.Obj().Name()})
	r.active = r.active[:len(r.active)-1]
	return s.model, s.ok
}

// source writes a type for a message.
func (r *Reader) source(t types.Type) string {
	text, _ := Source(t, r.own)
	return text
}

// Structs returns all structs read, a struct after those it holds.
func (r *Reader) Structs() []*model.Struct { return r.ordered }

// path is where the reader is: what a diagnostic names, and the innermost place
// in the user's own package that leads there.
type path struct {
	at   diag.Range
	text string // "AccountOpened.Owner"
}

// structure reads a named struct. What is wrong with a struct of the package is
// reported once, at its own fields; what is wrong with another package's, for
// each field that leads there.
func (r *Reader) structure(named *types.Named, p path) *shape {
	obj := named.Obj()
	if s := r.done[obj]; s != nil {
		return s
	}
	ref := Ref(named, r.own)
	s := &shape{ok: true, model: &model.Struct{
		Name: ref.Name, Path: ref.Path, PkgName: ref.PkgName,
		Doc: r.syntax.doc(obj.Pos()),
		Pos: r.sink.Position(obj.Pos()),
	}}
	r.done[obj] = s
	st := named.Underlying().(*types.Struct)
	wires := make([]string, st.NumFields())
	for i := range st.NumFields() {
		s.ok = r.field(s.model, st, i, wires, p) && s.ok
	}
	if !s.ok && ref.Path != "" {
		delete(r.done, obj)
		return s
	}
	r.ordered = append(r.ordered, s.model)
	return s
}

// field reads one field into the struct. Wires are the names of those before it.
func (r *Reader) field(s *model.Struct, st *types.Struct, i int, wires []string, p path) bool {
	v := st.Field(i)
	own := v.Pkg() == r.own
	at, tagAt := p, func() diag.Range { return p.at }
	if own {
		at, tagAt = path{at: nameOf(v), text: s.Name}, func() diag.Range { return r.syntax.tag(v) }
	}
	at.text += "." + v.Name()
	tag, err := storedAs(v.Name(), st.Tag(i))
	if v.Embedded() && err == nil && !tag.skip && !tag.named {
		r.report(at.at, "BP102", "%s: embedded fields are not stored without a name of their own: tag it `bat:\"%s\"`", at.text, tag.wire)
		return false
	}
	if err == nil && tag.skip {
		skipped := model.Skipped{Name: v.Name(), Index: i}
		if own {
			skipped.Type, skipped.Imports = Source(v.Type(), r.own)
			if strings.Contains(skipped.Type, "invalid type") { // the shape pin needs it
				r.invalid(nil, at)
				return false
			}
		}
		s.Skipped = append(s.Skipped, skipped)
		return true
	}
	if !v.Exported() {
		return r.unexported(at, own)
	}
	if err != nil {
		r.report(tagAt(), "BP109", "%s: %v", at.text, err)
		return false
	}
	if n := slices.Index(wires, tag.wire); n >= 0 {
		first := st.Field(n)
		r.reportRelated(tagAt(), []diag.Related{{Pos: r.sink.Position(first.Pos()), Message: "first used here"}},
			"BP108", "%s: wire name %q is already used by %s", at.text, tag.wire, first.Name())
		return false
	}
	wires[i] = tag.wire
	opt := options{float: tag.float, sorted: tag.sorted, own: own}
	t := r.typ(v.Type(), at, place{field: true, opt: &opt})
	if t == nil {
		return false
	}
	if reason := misplaced(tag, opt, t); reason != "" {
		r.report(tagAt(), "BP109", "%s: %s", at.text, reason)
		return false
	}
	if s.Fields == nil {
		s.Fields = make([]model.Field, 0, st.NumFields()-i)
	}
	s.Fields = append(s.Fields, model.Field{
		Name: v.Name(), Wire: tag.wire, Type: t,
		Embedded: v.Embedded(),
		Optional: tag.optional || t.Class == model.ClassPointer,
		Max:      tag.bound,
		Pos:      r.sink.Position(v.Pos()),
	})
	return true
}

// misplaced says which option of a tag has nothing to do with the field's type,
// if any.
func misplaced(tag storedTag, opt options, t *model.Type) string {
	if t.Class == model.ClassPointer {
		t = t.Elem
	}
	switch {
	case tag.float && !opt.floats:
		return `option "float" is for floating-point numbers`
	case tag.sorted && !opt.maps:
		return `option "sorted" is for maps`
	case tag.bound > 0 && t.Class != model.ClassBytes && t.Class != model.ClassSlice && t.Class != model.ClassMap && t.Basic != "string":
		return `option "max" bounds the length of text, bytes, slices and maps`
	}
	return ""
}

// unexported reports a field that would be lost.
func (r *Reader) unexported(at path, own bool) bool {
	switch {
	case own && r.states:
		r.report(at.at, "BP102", "%s: unexported field would be lost; export it", at.text)
	case own:
		r.report(at.at, "BP102", "%s: unexported field would be lost on disk; export it or tag it `bat:\"-\"`", at.text)
		r.sink.Suggest(at.at, "BP102", "do not store it", " `bat:\"-\"`", r.syntax.untagged(at.at.Pos())...)
	default:
		outer := at.text[:strings.LastIndexByte(at.text, '.')]
		r.report(at.at, "BP103", "%s: the type has unexported fields, which would be lost on disk; store a type of your own and convert", outer)
	}
	return false
}

// invalid passes on what the compiler said about the type of the place, which is
// the named type unless that is nil.
func (r *Reader) invalid(named *types.Named, p path) {
	found := false
	for _, part := range r.syntax.written(p.at.Pos(), named) {
		for _, e := range r.errors {
			if part.Pos() <= e.Pos && e.Pos < part.End() && !strings.HasPrefix(e.Msg, "\t") { // not the rest of another
				r.report(diag.Span{From: e.Pos, To: e.Pos}, "BP005", "%s: %s", p.text, e.Msg)
				found = true
			}
		}
	}
	if !found {
		r.report(p.at, "BP005", "%s: the type does not compile", p.text)
	}
}

// recursion reports a type that contains itself.
func (r *Reader) recursion(obj *types.TypeName, p path) bool {
	if !slices.Contains(r.active, obj) {
		return false
	}
	r.report(p.at, "BP107", "%s: recursive type %s cannot be stored", p.text, obj.Name())
	return true
}
