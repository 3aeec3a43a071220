package codec

import (
	"cmp"
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// Shape emits
//
//	moneyDepositedShape = wire.NewShape("MoneyDeposited", "amount", "memo?")
//
// with as many lines of names as make it readable.
func (e *Emitter) Shape(s *model.Struct) jen.Code {
	args := []jen.Code{jen.Lit(s.Name)}
	var rows [][]jen.Code
	const wide = 90 // bytes of names on a line
	all, width := 0, wide
	for _, f := range s.Fields {
		name := f.Wire
		if f.Optional {
			name += "?"
		}
		if width += len(`"", `) + len(name); width > wide {
			rows, width = append(rows, nil), len(name)
		}
		all += len(`"", `) + len(name)
		rows[len(rows)-1] = append(rows[len(rows)-1], jen.Lit(name))
		args = append(args, jen.Lit(name))
	}
	call := vocab.Wire("NewShape").Call(args...)
	if short := 50; all > short {
		lines := []jen.Code{jen.Lit(s.Name)}
		for _, row := range rows {
			lines = append(lines, jen.List(row...))
		}
		call = vocab.Wire("NewShape").Custom(jen.Options{Open: "(", Close: ")", Separator: ",", Multi: true}, lines...)
	}
	return jen.Id(e.shapeVar(s)).Op("=").Add(call)
}

// shapeVar names the shape of a struct.
func (e *Emitter) shapeVar(s *model.Struct) string { return vocab.Unexported(e.Stem(s)) + "Shape" }

// decodeMethod emits the strict decoder of a payload:
//
//	func (v *MoneyDeposited) DecodeBatpak(src []byte) error {
//		d := wire.NewDecoder(src)
//		return wire.Finish(d, v, decodeMoneyDeposited(d))
//	}
func (e *Emitter) decodeMethod(s *model.Struct) jen.Code {
	name := e.Claim(s.Name+"."+DecodeMethod, s.Pos)
	text := fmt.Sprintf("%s sets %s to what src encodes; on an error, %[2]s is unchanged.", name, cmp.Or(e.receiver, "v"))
	return vocab.Documented(jen.Func().Params(e.L("v").Op("*").Id(s.Name)).Id(name).
		Params(e.L("src").Index().Byte()).Error().Block(
		e.L("d").Op(":=").Add(vocab.Wire("NewDecoder")).Call(e.L("src")),
		jen.Return(vocab.Wire("Finish").Call(e.L("d"), e.L("v"), e.Decoded(s))),
	), text, "")
}

// Decoded emits decodeSource(d).
func (e *Emitter) Decoded(s *model.Struct) *jen.Statement {
	return jen.Id("decode" + e.Stem(s)).Call(e.L("d"))
}

// decodeFunc emits
//
//	func decodeSource(d *wire.Decoder) (v Source) {
//		s := d.Struct(sourceShape)
//		for s.Next() {
//			switch s.Index() {
//			case 0:
//				v.Kind = d.String()
//			…
//			}
//		}
//		return v
//	}
//
// The cursor is declared before its loop, or each iteration would copy it.
func (e *Emitter) decodeFunc(s *model.Struct) jen.Code {
	name := "decode" + e.Stem(s)
	var inLoop []jen.Code
	if len(s.Fields) > 0 {
		inLoop = append(inLoop, jen.Switch(e.L("s").Dot("Index").Call()).BlockFunc(func(g *jen.Group) {
			for i, f := range s.Fields {
				g.Case(jen.Lit(i)).Block(e.decodeField(f)...)
			}
		}))
	}
	decl := jen.Func().Id(name).Params(e.L("d").Op("*").Add(vocab.Wire("Decoder"))).Params(e.L("v").Add(vocab.Ref(s.Path, s.Name))).Block(
		e.L("s").Op(":=").Add(e.L("d")).Dot("Struct").Call(jen.Id(e.shapeVar(s))),
		jen.For(e.L("s").Dot("Next").Call()).Block(inLoop...),
		jen.Return(e.L("v")),
	)
	return vocab.Documented(decl, fmt.Sprintf("%s reads one %s; errors stay in d.", name, s.Name), "")
}

// decodeField emits the statements that read a field, and refuse it if it is
// longer than its bound, or optional, there and zero:
//
//	v.Memo = d.String()
//	d.Bound(len(v.Memo), 80)
//	d.NotZero(v.Memo != "")
func (e *Emitter) decodeField(f model.Field) []jen.Code {
	x, t := e.field(f), f.Type
	var stmts []jen.Code
	if t.Class == model.ClassPointer {
		stmts, x = e.decodeNew(x.base, t.Elem), place{x.base, true}
	} else {
		stmts = e.decode(x.base, t, 1)
	}
	if f.Max > 0 {
		stmts = append(stmts, e.L("d").Dot("Bound").Call(jen.Len(x.value()), jen.Lit(int(f.Max))))
	}
	if f.Optional && t.Class != model.ClassPointer {
		stmts = append(stmts, e.L("d").Dot("NotZero").Call(isSet(x.base, t)))
	}
	return stmts
}

// decodeNew emits target = new(d.String()), or for what is no expression
//
//	target = new([16]byte)
//	d.FixedBytes(target[:])
func (e *Emitter) decodeNew(target func() *jen.Statement, t *model.Type) []jen.Code {
	if x := e.decodeExpr(t); x != nil {
		return []jen.Code{target().Op("=").New(x)}
	}
	return append([]jen.Code{target().Op("=").New(vocab.TypeOf(t))}, e.decode(target, t, 1)...)
}

// decode emits the statements that read a value into target, which is zero.
// depth counts the loops they are in, from 1.
func (e *Emitter) decode(target func() *jen.Statement, t *model.Type, depth int) []jen.Code {
	if x := e.decodeExpr(t); x != nil {
		return []jen.Code{target().Op("=").Add(x)}
	}
	switch t.Class {
	case model.ClassFixed:
		return []jen.Code{e.L("d").Dot("FixedBytes").Call(target().Index(jen.Op(":")))}
	case model.ClassForeign:
		return []jen.Code{target().Dot("DecodeWire").Call(e.L("d"))}
	case model.ClassArray:
		return e.decodeElements(t, depth, e.L("d").Dot("FixedArray").Call(jen.Lit(int(t.Len))), nil,
			func(item jen.Code) jen.Code {
				return target().Index(e.cursor(depth).Dot("Index").Call()).Op("=").Add(item)
			})
	case model.ClassMap:
		pair := least(t.Key) + least(t.Elem)
		key := e.key(depth).value
		first := key().Op("=").Add(vocab.Wire("Key")).Call(jen.Op("&").Add(e.cursor(depth)), key(), e.decodeExpr(t.Key))
		return append([]jen.Code{jen.Var().Add(key()).Add(vocab.TypeOf(t.Key))},
			e.decodeElements(t, depth, begun("Map", e.L("d"), target(), pair), first,
				func(item jen.Code) jen.Code {
					return target().Index(key()).Op("=").Add(item)
				})...)
	default:
		return e.decodeElements(t, depth, begun("Slice", e.L("d"), target(), least(t.Elem)), nil,
			func(item jen.Code) jen.Code {
				return target().Op("=").Append(target(), item)
			})
	}
}

// begun emits wire.Slice(d, &v.Tags, 1).
func begun(name string, d, target jen.Code, least int) jen.Code {
	return vocab.Wire(name).Call(d, jen.Op("&").Add(target), jen.Lit(least))
}

// decodeElements emits
//
//	a := wire.Slice(d, &v.Tags, 1)
//	for a.Next() {
//		v.Tags = append(v.Tags, d.String())
//	}
//
// where store says what happens with an element, after first unless that is nil. An
// element that takes more than an expression is read into a variable first.
func (e *Emitter) decodeElements(t *model.Type, depth int, open, first jen.Code, store func(item jen.Code) jen.Code) []jen.Code {
	var body []jen.Code
	if first != nil {
		body = append(body, first)
	}
	if x := e.decodeExpr(t.Elem); x != nil {
		body = append(body, store(x))
	} else {
		item := e.item(depth).base
		body = append(body, jen.Var().Add(item()).Add(vocab.TypeOf(t.Elem)))
		body = append(body, e.decode(item, t.Elem, depth+1)...)
		body = append(body, store(item()))
	}
	return []jen.Code{
		e.cursor(depth).Op(":=").Add(open),
		jen.For(e.cursor(depth).Dot("Next").Call()).Block(body...),
	}
}

// cursor is the cursor of the depth-th nested loop.
func (e *Emitter) cursor(depth int) *jen.Statement { return e.local("a", depth).value() }

// decodeExpr emits the expression that reads a value, or nil if it takes
// statements.
func (e *Emitter) decodeExpr(t *model.Type) *jen.Statement {
	read := func(method string) *jen.Statement {
		x := e.L("d").Dot(method).Call()
		if t.Named != nil {
			x = vocab.TypeOf(t).Call(x)
		}
		return x
	}
	switch t.Class {
	case model.ClassBasic:
		x := read(vocab.Exported(string(t.Basic)))
		if isClosed(t) {
			return vocab.Wire("Known").Call(e.L("d"), x, jen.Id(e.known(t.Enum)))
		}
		return x
	case model.ClassBytes:
		return read("Bytes")
	case model.ClassTime:
		return e.L("d").Dot("Time").Call()
	case model.ClassStruct:
		return e.Decoded(t.Struct)
	default:
		return nil
	}
}
