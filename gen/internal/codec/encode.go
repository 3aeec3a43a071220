package codec

import (
	"cmp"
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
func (e *Emitter) item(depth int) place { return e.local("item", depth) }

// key is the key of the depth-th nested loop.
func (e *Emitter) key(depth int) place { return e.local("key", depth) }

// local is a variable of the depth-th nested loop: item, item2, …
func (e *Emitter) local(name string, depth int) place {
	if depth > 1 {
		name = fmt.Sprint(name, depth)
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
	v := cmp.Or(e.receiver, "v")
	if Checked(s) {
		v += ", unchecked,"
	}
	text := fmt.Sprintf("%s appends the canonical encoding of %s to dst.", name, v)
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
//	dst = wire.AppendStruct(dst, 1+wire.Present(v.Memo != ""))
//	dst = wire.AppendInt(wire.AppendString(dst, "amount"), int64(v.Amount))
//	if v.Memo != "" {
//		dst = wire.AppendString(wire.AppendString(dst, "memo"), v.Memo)
//	}
//	return dst
func (e *Emitter) encodeFields(s *model.Struct) []jen.Code {
	var optional, appending []jen.Code
	required := 0
	for _, f := range s.Fields {
		x, t := e.field(f), f.Type
		if t.Class == model.ClassPointer {
			x, t = place{x.base, true}, t.Elem
		}
		one := e.encode(x, t, vocab.Wire("AppendString").Call(e.L("dst"), jen.Lit(f.Wire)), 1)
		if !f.Optional {
			required++
			appending = append(appending, one...)
			continue
		}
		optional = append(optional, isSet(x.base, f.Type))
		appending = append(appending, jen.If(isSet(x.base, f.Type)).Block(one...))
	}
	const few = 4
	count, present := jen.Lit(required), vocab.Wire("Present").Call(optional...)
	if len(optional) > few {
		present = vocab.Wire("Present").Custom(jen.Options{Open: "(", Close: ")", Separator: ",", Multi: true}, optional...)
	}
	if required == 0 && len(optional) > 0 {
		count = present
	} else if len(optional) > 0 {
		count.Op("+").Add(present)
	}
	header := vocab.Wire("AppendStruct").Call(e.L("dst"), count)
	if len(appending) == 0 {
		return []jen.Code{jen.Return(header)}
	}
	body := []jen.Code{e.L("dst").Op("=").Add(header)}
	return append(append(body, appending...), jen.Return(e.L("dst")))
}

// encode emits the statements that append x to head, which is dst or what appends
// to it. depth counts the loops they are in, from 1.
func (e *Emitter) encode(x place, t *model.Type, head *jen.Statement, depth int) []jen.Code {
	one := func(appended *jen.Statement) []jen.Code { return []jen.Code{e.L("dst").Op("=").Add(appended)} }
	wire := func(name string, args ...jen.Code) []jen.Code {
		return one(vocab.Wire(name).Call(append([]jen.Code{head}, args...)...))
	}
	switch t.Class {
	case model.ClassBasic:
		name, wide := widest(t.Basic)
		return wire(name, converted(x, t, wide))
	case model.ClassBytes:
		return wire("AppendBytes", x.value())
	case model.ClassFixed:
		return wire("AppendBytes", x.base().Index(jen.Op(":")))
	case model.ClassTime:
		return wire("AppendTime", x.value())
	case model.ClassForeign:
		return one(x.base().Dot("AppendWire").Call(head))
	case model.ClassStruct:
		if e.payloads[t.Struct] {
			return one(x.base().Dot(EncodeMethod).Call(head))
		}
		return one(jen.Id("append"+e.Stem(t.Struct)).Call(head, x.value()))
	case model.ClassMap:
		return append(wire("AppendMap", jen.Len(x.value())), e.encodePairs(x, t, depth))
	default:
		return append(wire("AppendArray", jen.Len(x.value())),
			jen.For(jen.List(jen.Id("_"), e.item(depth).value()).Op(":=").Range().Add(x.value())).
				Block(e.encode(e.item(depth), t.Elem, e.L("dst"), depth+1)...))
	}
}

// encodePairs emits
//
//	for _, key := range wire.SortedKeys(make([]string, 0, 16), v.Labels) {
//		item := v.Labels[key]
//		dst = wire.AppendString(dst, key)
//		dst = wire.AppendString(dst, item)
//	}
//
// The keys of a small map are sorted on the stack.
func (e *Emitter) encodePairs(x place, t *model.Type, depth int) jen.Code {
	const small = 16
	key, item := e.key(depth), e.item(depth)
	body := []jen.Code{item.value().Op(":=").Add(x.value()).Index(key.value())}
	body = append(body, e.encode(key, t.Key, e.L("dst"), depth+1)...)
	body = append(body, e.encode(item, t.Elem, e.L("dst"), depth+1)...)
	return jen.For(jen.List(jen.Id("_"), key.value()).Op(":=").Range().Add(vocab.Wire("SortedKeys").Call(
		jen.Make(jen.Index().Add(vocab.TypeOf(t.Key)), jen.Lit(0), jen.Lit(small)), x.value()))).Block(body...)
}

// widest names the function that encodes a basic type, and the type it takes.
func widest(b model.Basic) (name, takes string) {
	switch {
	case b == "bool":
		return "AppendBool", "bool"
	case b == "string":
		return "AppendString", "string"
	case b == "float32", b == "float64":
		return "Append" + vocab.Exported(string(b)), string(b)
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
