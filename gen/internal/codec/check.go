package codec

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// checkFunc emits
//
//	func checkSource(v Source) error {
//		for _, item := range v.Tags {
//			if err := wire.CheckString("Source", "tags", item); err != nil {
//				return err
//			}
//		}
//		return cmp.Or(
//			wire.CheckString("Source", "kind", v.Kind),
//			wire.CheckMax("Source", "tags", len(v.Tags), 8),
//		)
//	}
func (e *Emitter) checkFunc(s *model.Struct) jen.Code {
	name := e.Check(s)
	var body, plain []jen.Code
	for _, f := range s.Fields {
		c := checks{e, s.Name, f}
		x, t := e.field(f), f.Type
		set := isSet(x.base, t)
		if t.Class == model.ClassPointer {
			x, t = place{x.base, true}, t.Elem
		}
		if !f.Optional || t == f.Type && zeroIsSound(t) {
			plain = append(plain, c.calls(x, t, f.Optional)...)
			body = append(body, c.loops(x, t, 1)...)
		} else if inside := append(c.returns(c.calls(x, t, false)), c.loops(x, t, 1)...); len(inside) > 0 {
			body = append(body, jen.If(set).Block(inside...))
		}
	}
	switch len(plain) {
	case 0:
		body = append(body, jen.Return(jen.Nil()))
	case 1:
		body = append(body, jen.Return(plain[0]))
	default:
		body = append(body, jen.Return(jen.Qual("cmp", "Or").Custom(
			jen.Options{Open: "(", Close: ")", Separator: ",", Multi: true}, plain...)))
	}
	return vocab.Documented(jen.Func().Id(name).Params(e.L("v").Add(vocab.Ref(s.Path, s.Name))).Error().Block(body...),
		fmt.Sprintf("%s reports what keeps v from being stored.", name), "")
}

// zeroIsSound reports whether the checks of a type let its zero value pass, or can
// be told to.
func zeroIsSound(t *model.Type) bool {
	return t.Class != model.ClassStruct && t.Class != model.ClassForeign && t.Class != model.ClassArray
}

// Check names the function that checks a struct; there is one if [Checked].
func (e *Emitter) Check(s *model.Struct) string { return "check" + e.Stem(s) }

// checks emits the checks of one field.
type checks struct {
	*Emitter
	typ string // the struct, for errors
	f   model.Field
}

// call emits wire.CheckString("Source", "kind", args…).
func (c checks) call(name string, args ...jen.Code) jen.Code {
	return vocab.Wire(name).Call(append([]jen.Code{jen.Lit(c.typ), jen.Lit(c.f.Wire)}, args...)...)
}

// calls emits the expressions that check the value itself.
func (c checks) calls(x place, t *model.Type, optional bool) []jen.Code {
	calls := c.own(x, t, optional)
	if c.f.Max > 0 {
		calls = append(calls, c.call("CheckMax", jen.Len(x.value()), jen.Lit(int(c.f.Max))))
	}
	return calls
}

// own emits the expressions that check a value, bounds and elements apart.
func (c checks) own(x place, t *model.Type, optional bool) []jen.Code {
	switch {
	case isClosed(t):
		known := jen.Id(c.known(t.Enum)).Call(x.value())
		if optional {
			known = isZero(x.value, t).Op("||").Add(known)
		}
		return []jen.Code{c.call("CheckKnown", known)}
	case t.Class == model.ClassBasic && t.Basic == "string":
		return []jen.Code{c.call("CheckString", converted(x, t, "string"))}
	case t.Class == model.ClassForeign && t.Checks:
		return []jen.Code{c.call("Check", x.base().Dot("CheckWire").Call())}
	case t.Class == model.ClassStruct && Checked(t.Struct):
		return []jen.Code{jen.Id(c.Check(t.Struct)).Call(x.value())}
	default:
		return nil
	}
}

// returns emits statements that return the first error of the expressions.
func (c checks) returns(calls []jen.Code) []jen.Code {
	stmts := make([]jen.Code, 0, len(calls))
	for _, call := range calls {
		stmts = append(stmts, c.IfErrIs(call, c.L("err")))
	}
	return stmts
}

// loops emits the statements that check the elements of a value, if need be.
func (c checks) loops(x place, t *model.Type, depth int) []jen.Code {
	if t.Elem == nil || !checked(t) {
		return nil
	}
	var body []jen.Code
	key, item := jen.Code(jen.Id("_")), c.item(depth)
	if t.Key != nil {
		if of := c.returns(c.own(c.key(depth), t.Key, false)); len(of) > 0 {
			key, body = c.key(depth).value(), of
		}
	}
	body = append(body, c.returns(c.own(item, t.Elem, false))...)
	body = append(body, c.loops(item, t.Elem, depth+1)...)
	vars := []jen.Code{key, item.value()}
	if !checked(t.Elem) {
		vars = vars[:1]
	}
	return []jen.Code{jen.For(jen.List(vars...).Op(":=").Range().Add(x.value())).Block(body...)}
}

// checked reports whether there are values of the type that cannot be stored.
func checked(t *model.Type) bool {
	switch t.Class {
	case model.ClassBasic:
		return t.Basic == "string" || isClosed(t)
	case model.ClassForeign:
		return t.Checks
	case model.ClassStruct:
		return Checked(t.Struct)
	default:
		return t.Key != nil && checked(t.Key) || t.Elem != nil && checked(t.Elem)
	}
}

// Checked reports whether there are values of a struct that cannot be stored:
// those with text, bounds or enumerations, at any depth.
func Checked(s *model.Struct) bool {
	for _, f := range s.Fields {
		if f.Max > 0 || checked(f.Type) {
			return true
		}
	}
	return false
}

// isClosed reports whether the values of a type are those of an enumeration.
func isClosed(t *model.Type) bool { return t.Enum != nil && !t.Enum.Open }
