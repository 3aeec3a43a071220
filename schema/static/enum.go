package static

import (
	"cmp"
	"go/constant"
	"go/types"
	"slices"
	"strconv"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/payload"
	"github.com/batpak-go/batpak/schema/source"
)

// enum evaluates an enumeration.
func (r *reader) enum(v *source.Variable) *model.Enum {
	e := &model.Enum{Decl: r.decl(v)}
	f := r.fields(v, &e.Decl)
	e.Open = r.truth(f.of("Open"), &e.Decl)
	named, ok := r.enumType(e, v.Args.At(0), v.Argument(0))
	if !ok {
		e.Broken = true
		return e
	}
	if e.Values = r.values(named); len(e.Values) == 0 {
		r.sink.Add(v.Argument(0), "BP117", "enumeration %s has no values: package %s declares no constant of the type",
			e.Type.Name, named.Obj().Pkg().Name())
		e.Broken = true
		return e
	}
	r.payloads.Enumerate(named, e)
	return e
}

// enumType reads the type of an enumeration into it.
func (r *reader) enumType(e *model.Enum, t types.Type, at diag.Range) (*types.Named, bool) {
	named, ok := types.Unalias(t).(*types.Named)
	if ok && named.TypeArgs().Len() == 0 && named.Obj().Pkg() != nil && payload.Nameable(named, r.src.Types) {
		if basic, ok := named.Underlying().(*types.Basic); ok {
			ref := payload.Ref(named, r.src.Types)
			e.Type = model.NamedType{Name: ref.Name, Path: ref.Path, PkgName: ref.PkgName, Basic: model.Basic(types.Typ[basic.Kind()].Name())}
			switch basic.Kind() {
			case types.String, types.Int8, types.Int16, types.Int32, types.Int64, types.Uint8, types.Uint16, types.Uint32, types.Uint64:
				return named, true
			case types.Int, types.Uint, types.Uintptr:
				r.sink.Add(at, "BP117", "enumeration %s is over %s, which has a platform-dependent size; use a sized integer", ref.Name, basic.Name())
				return nil, false
			}
		}
	}
	text, _ := payload.Source(t, r.src.Types)
	e.Type.Name = text
	r.sink.Add(at, "BP117", "enumeration %s must be a named type over a string or a sized integer, and one that this package can name", text)
	return nil, false
}

// values lists the constants of a type in its package, of those with one value the
// first. Of another package they are what it exports.
func (r *reader) values(named *types.Named) []model.EnumValue {
	scope := named.Obj().Pkg().Scope()
	var consts []*types.Const
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if ok && types.Identical(c.Type(), named) && (c.Exported() || c.Pkg() == r.src.Types) {
			consts = append(consts, c)
		}
	}
	slices.SortFunc(consts, func(a, b *types.Const) int {
		pa, pb := r.sink.Position(a.Pos()), r.sink.Position(b.Pos())
		return cmp.Or(cmp.Compare(pa.Filename, pb.Filename), cmp.Compare(pa.Line, pb.Line), cmp.Compare(pa.Column, pb.Column))
	})
	var values []model.EnumValue
	for _, c := range consts {
		literal := c.Val().ExactString()
		if c.Val().Kind() == constant.String {
			literal = strconv.Quote(constant.StringVal(c.Val()))
		}
		if !slices.ContainsFunc(values, func(v model.EnumValue) bool { return v.Literal == literal }) {
			values = append(values, model.EnumValue{Name: c.Name(), Literal: literal, Pos: r.sink.Position(c.Pos())})
		}
	}
	return values
}
