package codec

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// fieldTable emits
//
//	var moneyDepositedFields = []wire.Field{{Name: "amount"}, {Name: "memo", Optional: true}}
//
// with a row for each field where a line is too short for them.
func (e *Emitter) fieldTable(s *model.Struct) jen.Code {
	const wide = 60 // bytes in a row that leave the line readable
	rows, width := make([]jen.Code, 0, len(s.Fields)), 0
	for _, f := range s.Fields {
		row := []jen.Code{jen.Id("Name").Op(":").Lit(f.Wire)}
		width += len(`{Name: ""}, `) + len(f.Wire)
		if f.Optional {
			row = append(row, jen.Id("Optional").Op(":").True())
			width += len(`, Optional: true`)
		}
		rows = append(rows, jen.Values(row...))
	}
	decl := jen.Var().Id(e.fieldsVar(s))
	table := jen.Index().Add(vocab.Wire("Field"))
	switch {
	case len(rows) == 0:
		decl.Add(table)
	case width <= wide:
		decl.Op("=").Add(table).Values(rows...)
	default:
		decl.Op("=").Add(table).Add(vocab.Lines(rows...))
	}
	return vocab.Documented(decl, fmt.Sprintf("%s is how %s lies on disk.", e.fieldsVar(s), s.Name), "")
}

// fieldsVar names the field table of a struct.
func (e *Emitter) fieldsVar(s *model.Struct) string { return vocab.Unexported(e.Stem(s)) + "Fields" }

// decodeMethod emits the strict decoder of a payload:
//
//	func (v *MoneyDeposited) DecodeBatpak(src []byte) error {
//		d := wire.NewDecoder(src)
//		return wire.Finish(d, v, decodeMoneyDeposited(d))
//	}
func (e *Emitter) decodeMethod(s *model.Struct) jen.Code {
	name := e.Claim(s.Name+"."+DecodeMethod, s.Pos)
	text := fmt.Sprintf("%s sets v to the value that src, all of it, encodes. On an error, a *wire.Error, v is unchanged.", name)
	return vocab.Documented(jen.Func().Params(e.L("v").Op("*").Id(s.Name)).Id(name).
		Params(e.L("src").Index().Byte()).Error().Block(
		e.L("d").Op(":=").Add(vocab.Wire("NewDecoder")).Call(e.L("src")),
		jen.Return(e.Finish(s, e.L("v"))),
	), text, "")
}

// Finish emits wire.Finish(d, v, decodeMoneyDeposited(d)), where into is the
// address that gets the value.
func (e *Emitter) Finish(s *model.Struct, into jen.Code) *jen.Statement {
	return vocab.Wire("Finish").Call(e.L("d"), into, e.decoded(s))
}

// decoded emits decodeSource(d).
func (e *Emitter) decoded(s *model.Struct) *jen.Statement {
	return jen.Id("decode" + e.Stem(s)).Call(e.L("d"))
}

// decodeFunc emits
//
//	func decodeSource(d *wire.Decoder) Source {
//		var v Source
//		for s := d.Struct("Source", sourceFields); s.Next(); {
//			switch s.Index() {
//			case 0:
//				v.Kind = d.String()
//			…
//			}
//		}
//		return v
//	}
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
	decl := jen.Func().Id(name).Params(e.L("d").Op("*").Add(vocab.Wire("Decoder"))).Add(vocab.Ref(s.Path, s.Name)).Block(
		jen.Var().Add(e.L("v")).Add(vocab.Ref(s.Path, s.Name)),
		jen.For(
			e.L("s").Op(":=").Add(e.L("d")).Dot("Struct").Call(jen.Lit(s.Name), jen.Id(e.fieldsVar(s))),
			e.L("s").Dot("Next").Call(),
			jen.Empty(),
		).Block(inLoop...),
		jen.Return(e.L("v")),
	)
	return vocab.Documented(decl, fmt.Sprintf("%s reads one %s; errors stay in d.", name, s.Name), "")
}

// decodeField emits the statements that read a field. An optional field that is
// there but zero has another encoding, which is the canonical one:
//
//	v.Memo = d.String()
//	if v.Memo == "" {
//		d.Fail(wire.ErrNotCanonical)
//	}
func (e *Emitter) decodeField(f model.Field) []jen.Code {
	target := e.field(f).base
	if f.Type.Class == model.ClassPointer {
		return e.decodeNew(target, f.Type.Elem, 1)
	}
	stmts := e.decode(target, f.Type, 1)
	if f.Optional {
		stmts = append(stmts, jen.If(isZero(target, f.Type)).Block(
			e.L("d").Dot("Fail").Call(vocab.Wire("ErrNotCanonical")),
		))
	}
	return stmts
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
	case model.ClassPointer:
		return []jen.Code{jen.If(jen.Op("!").Add(e.L("d")).Dot("Nil").Call()).Block(e.decodeNew(target, t.Elem, depth)...)}
	case model.ClassArray:
		return []jen.Code{e.decodeElements(t, depth, e.L("d").Dot("FixedArray").Call(jen.Lit(int(t.Len))),
			func(item jen.Code) jen.Code {
				return target().Index(e.cursor(depth).Dot("Index").Call()).Op("=").Add(item)
			})}
	default:
		return []jen.Code{e.decodeElements(t, depth, e.L("d").Dot("Array").Call(),
			func(item jen.Code) jen.Code {
				return target().Op("=").Append(target(), item)
			})}
	}
}

// decodeElements emits
//
//	for a := d.Array(); a.Next(); {
//		v.Tags = append(v.Tags, d.String())
//	}
//
// where store says what happens with an element. An element that takes more
// than an expression is read into a variable first.
func (e *Emitter) decodeElements(t *model.Type, depth int, open jen.Code, store func(item jen.Code) jen.Code) jen.Code {
	var body []jen.Code
	if x := e.decodeExpr(t.Elem); x != nil {
		body = append(body, store(x))
	} else {
		item := e.item(depth).base
		body = append(body, jen.Var().Add(item()).Add(vocab.TypeOf(t.Elem)))
		body = append(body, e.decode(item, t.Elem, depth+1)...)
		body = append(body, store(item()))
	}
	return jen.For(
		e.cursor(depth).Op(":=").Add(open),
		e.cursor(depth).Dot("Next").Call(),
		jen.Empty(),
	).Block(body...)
}

// cursor is the array cursor of the depth-th nested loop.
func (e *Emitter) cursor(depth int) *jen.Statement {
	if depth == 1 {
		return e.L("a")
	}
	return e.L(fmt.Sprint("a", depth))
}

// decodeNew emits target = new(d.String()), or for what is no expression
//
//	target = new([16]byte)
//	d.FixedBytes(target[:])
func (e *Emitter) decodeNew(target func() *jen.Statement, t *model.Type, depth int) []jen.Code {
	if x := e.decodeExpr(t); x != nil {
		return []jen.Code{target().Op("=").New(x)}
	}
	pointee := target
	if t.Class == model.ClassSlice {
		pointee = func() *jen.Statement { return jen.Op("*").Add(target()) }
	}
	return append([]jen.Code{target().Op("=").New(vocab.TypeOf(t))}, e.decode(pointee, t, depth)...)
}

// decodeExpr emits the expression that reads a value, or nil if it takes
// statements.
func (e *Emitter) decodeExpr(t *model.Type) *jen.Statement {
	read := func(method string) *jen.Statement { return e.L("d").Dot(method).Call() }
	switch t.Class {
	case model.ClassBasic:
		if t.Named != nil {
			return vocab.TypeOf(t).Call(read(vocab.Exported(string(t.Basic))))
		}
		return read(vocab.Exported(string(t.Basic)))
	case model.ClassBytes:
		if t.Named != nil {
			return vocab.TypeOf(t).Call(read("Bytes"))
		}
		return read("Bytes")
	case model.ClassTime:
		return read("Time")
	case model.ClassStruct:
		return e.decoded(t.Struct)
	default:
		return nil
	}
}
