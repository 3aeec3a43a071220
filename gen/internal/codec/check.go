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
//			wire.CheckString("Source", "ref", v.Ref),
//		)
//	}
func (e *Emitter) checkFunc(s *model.Struct) jen.Code {
	name := e.Check(s)
	var body, plain []jen.Code
	for _, f := range s.Fields {
		if !hasText(f.Type) {
			continue
		}
		if call := e.checkCall(s, f, e.field(f), f.Type); call != nil {
			plain = append(plain, call)
		} else {
			body = append(body, e.checkStmts(s, f, e.field(f), f.Type, 1)...)
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
		fmt.Sprintf("%s reports text in v that could be stored but never decoded.", name), "")
}

// Check names the function that checks the text of a struct; there is one if
// [HasText].
func (e *Emitter) Check(s *model.Struct) string { return "check" + e.Stem(s) }

// checkCall emits the expression that checks a value, or nil if it takes
// statements.
func (e *Emitter) checkCall(s *model.Struct, f model.Field, x place, t *model.Type) jen.Code {
	switch t.Class {
	case model.ClassBasic:
		return vocab.Wire("CheckString").Call(jen.Lit(s.Name), jen.Lit(f.Wire), converted(x, t, "string"))
	case model.ClassStruct:
		return jen.Id(e.Check(t.Struct)).Call(x.value())
	default:
		return nil
	}
}

// checkStmts emits the statements that return an error of the text in x.
func (e *Emitter) checkStmts(s *model.Struct, f model.Field, x place, t *model.Type, depth int) []jen.Code {
	if call := e.checkCall(s, f, x, t); call != nil {
		return []jen.Code{e.IfErrIs(call, e.L("err"))}
	}
	if t.Class == model.ClassPointer {
		return []jen.Code{jen.If(x.base().Op("!=").Nil()).Block(
			e.checkStmts(s, f, place{x.base, true}, t.Elem, depth)...,
		)}
	}
	return []jen.Code{
		jen.For(jen.List(jen.Id("_"), e.item(depth).value()).Op(":=").Range().Add(x.value())).
			Block(e.checkStmts(s, f, e.item(depth), t.Elem, depth+1)...),
	}
}

// hasText reports whether a value of the type holds text.
func hasText(t *model.Type) bool {
	switch t.Class {
	case model.ClassBasic:
		return t.Basic == "string"
	case model.ClassSlice, model.ClassArray, model.ClassPointer:
		return hasText(t.Elem)
	case model.ClassStruct:
		return HasText(t.Struct)
	default:
		return false
	}
}

// HasText reports whether a field of the struct, at any depth, holds text.
func HasText(s *model.Struct) bool {
	for _, f := range s.Fields {
		if hasText(f.Type) {
			return true
		}
	}
	return false
}
