package codec

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// place is something that holds a value: base, or what base points to. The
// expression is built anew for each use, because jennifer's statements may be
// used once.
type place struct {
	base    func() *jen.Statement
	pointer bool
}

// value is the expression of the value: v.Memo or *v.Memo.
func (p place) value() *jen.Statement {
	if p.pointer {
		return jen.Op("*").Add(p.base())
	}
	return p.base()
}

// field is the place of a field of v.
func (e *Emitter) field(f model.Field) place {
	return place{base: func() *jen.Statement { return e.L("v").Dot(f.Name) }}
}

// item is the variable of the depth-th nested loop.
func (e *Emitter) item(depth int) place {
	name := "item"
	if depth > 1 {
		name = fmt.Sprint("item", depth)
	}
	return place{base: func() *jen.Statement { return e.L(name) }}
}

// encodeMethod emits the encoder of a payload:
//
//	func (v MoneyDeposited) AppendBatpak(dst []byte) []byte {
//		dst = wire.AppendStruct(dst, 2)
//		…
//		return dst
//	}
func (e *Emitter) encodeMethod(s *model.Struct) jen.Code {
	name := e.Claim(s.Name+"."+EncodeMethod, s.Pos)
	text := fmt.Sprintf("%s appends the canonical encoding of v to dst.", name)
	if HasText(s) {
		text += " It does not check that text is valid UTF-8; the journal's methods do."
	}
	return vocab.Documented(jen.Func().Params(e.L("v").Id(s.Name)).Id(name).
		Params(e.L("dst").Index().Byte()).Index().Byte().Block(e.encodeFields(s)...), text, "")
}

// encodeFunc emits the encoder of a struct that is no payload:
//
//	func appendSource(dst []byte, v Source) []byte
func (e *Emitter) encodeFunc(s *model.Struct) jen.Code {
	name := "append" + e.Stem(s)
	text := fmt.Sprintf("%s appends the canonical encoding of v to dst.", name)
	return vocab.Documented(jen.Func().Id(name).Params(e.L("dst").Index().Byte(), e.L("v").Add(vocab.Ref(s.Path, s.Name))).
		Index().Byte().Block(e.encodeFields(s)...), text, "")
}

// encodeFields emits, for a struct with an optional field,
//
//	fields := 1
//	if v.Memo != "" {
//		fields++
//	}
//	dst = wire.AppendStruct(dst, fields)
//	dst = wire.AppendString(dst, "amount")
//	dst = wire.AppendInt(dst, int64(v.Amount))
//	…
func (e *Emitter) encodeFields(s *model.Struct) []jen.Code {
	var counting, appending []jen.Code
	required := 0
	for _, f := range s.Fields {
		x := e.field(f)
		one := append([]jen.Code{e.appendTo("AppendString", jen.Lit(f.Wire))}, e.encodeRequired(x, f.Type)...)
		if !f.Optional {
			required++
			appending = append(appending, one...)
			continue
		}
		counting = append(counting, jen.If(isSet(x.base, f.Type)).Block(e.L("fields").Op("++")))
		appending = append(appending, jen.If(isSet(x.base, f.Type)).Block(one...))
	}
	var body []jen.Code
	count := jen.Lit(required)
	if len(counting) > 0 {
		body = append([]jen.Code{e.L("fields").Op(":=").Lit(required)}, counting...)
		count = e.L("fields")
	}
	body = append(body, e.appendTo("AppendStruct", count))
	return append(append(body, appending...), jen.Return(e.L("dst")))
}

// appendTo emits dst = wire.Append…(dst, arg).
func (e *Emitter) appendTo(name string, arg jen.Code) jen.Code {
	return e.L("dst").Op("=").Add(vocab.Wire(name)).Call(e.L("dst"), arg)
}

// encodeRequired encodes the value of a field that is present: of a pointer,
// what it points to.
func (e *Emitter) encodeRequired(x place, t *model.Type) []jen.Code {
	if t.Class == model.ClassPointer {
		return e.encode(place{x.base, true}, t.Elem, 1)
	}
	return e.encode(x, t, 1)
}

// encode emits the statements that append x. depth counts the loops they are
// in, from 1.
func (e *Emitter) encode(x place, t *model.Type, depth int) []jen.Code {
	switch t.Class {
	case model.ClassBasic:
		name, wide := widest(t.Basic)
		return []jen.Code{e.appendTo(name, converted(x, t, wide))}
	case model.ClassBytes:
		return []jen.Code{e.appendTo("AppendBytes", x.value())}
	case model.ClassFixed:
		return []jen.Code{e.appendTo("AppendBytes", x.base().Index(jen.Op(":")))}
	case model.ClassTime:
		return []jen.Code{e.appendTo("AppendTime", x.value())}
	case model.ClassPointer:
		return []jen.Code{jen.If(x.base().Op("==").Nil()).Block(
			e.L("dst").Op("=").Add(vocab.Wire("AppendNil")).Call(e.L("dst")),
		).Else().Block(e.encode(place{x.base, true}, t.Elem, depth)...)}
	case model.ClassStruct:
		return []jen.Code{e.encodeStruct(x, t.Struct)}
	default:
		return e.encodeElements(x, t, depth)
	}
}

// encodeElements emits
//
//	dst = wire.AppendArray(dst, len(v.Tags))
//	for _, item := range v.Tags {
//		dst = …
//	}
func (e *Emitter) encodeElements(x place, t *model.Type, depth int) []jen.Code {
	return []jen.Code{
		e.appendTo("AppendArray", jen.Len(x.value())),
		jen.For(jen.List(jen.Id("_"), e.item(depth).value()).Op(":=").Range().Add(x.value())).
			Block(e.encode(e.item(depth), t.Elem, depth+1)...),
	}
}

// encodeStruct emits dst = v.Source.AppendBatpak(dst) for a payload of this
// package, otherwise dst = appendSource(dst, v.Source).
func (e *Emitter) encodeStruct(x place, s *model.Struct) jen.Code {
	if e.payloads[s] {
		return e.L("dst").Op("=").Add(x.base()).Dot(EncodeMethod).Call(e.L("dst"))
	}
	return e.L("dst").Op("=").Id("append"+e.Stem(s)).Call(e.L("dst"), x.value())
}

// widest names the function that encodes a basic type, and the type it takes.
func widest(b model.Basic) (name, takes string) {
	switch {
	case b == "bool":
		return "AppendBool", "bool"
	case b == "string":
		return "AppendString", "string"
	case strings.HasPrefix(string(b), "u"):
		return "AppendUint", "uint64"
	default:
		return "AppendInt", "int64"
	}
}

// converted is x as a value of the basic type want.
func converted(x place, t *model.Type, want string) jen.Code {
	if t.Named != nil || string(t.Basic) != want {
		return jen.Id(want).Call(x.value())
	}
	return x.value()
}
