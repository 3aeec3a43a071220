package sampler

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// Emitter emits the generators of one package's structs.
type Emitter struct {
	*vocab.Vocab
	payloads map[*model.Struct]bool // of this package's events
	stored   map[*model.Struct]bool // these, their shapes of the past, and what is nested in them
}

// New returns an emitter for the structs of pkg.
func New(v *vocab.Vocab, pkg *model.Package) *Emitter {
	e := &Emitter{Vocab: v, payloads: map[*model.Struct]bool{}, stored: map[*model.Struct]bool{}}
	for _, ev := range pkg.Events {
		e.payloads[ev.Payload] = true
		e.stores(ev.Payload)
		for _, u := range ev.Upcasts {
			e.stores(u.Source)
		}
	}
	return e
}

// stores marks a struct, and those nested in it, as stored.
func (e *Emitter) stores(s *model.Struct) {
	e.stored[s] = true
	for _, f := range s.Fields {
		for t := f.Type; t != nil; t = t.Elem {
			if t.Class == model.ClassStruct {
				e.stores(t.Struct)
			}
		}
	}
}

// Structs emits the generators that events need.
func (e *Emitter) Structs(all []*model.Struct) []jen.Code {
	var decls []jen.Code
	for _, s := range all {
		if e.stored[s] {
			decls = append(decls, e.generator(s))
		}
	}
	return decls
}

// generator emits
//
//	func GenMoneyDeposited() gopter.Gen {
//		return gopter.DeriveGen(
//			func(amount Cents, memo string) MoneyDeposited {
//				return MoneyDeposited{Amount: amount, Memo: memo}
//			},
//			func(v MoneyDeposited) (Cents, string) { return v.Amount, v.Memo },
//			draw.Ints[Cents](),
//			draw.Texts[string](80),
//		)
//	}
//
// The generator of a payload is exported, for the user's own tests.
func (e *Emitter) generator(s *model.Struct) jen.Code {
	text := fmt.Sprintf("%s generates values of %s, which shrink.", e.name(s), s.Name)
	return vocab.Documented(jen.Func().Id(e.name(s)).Params().Add(vocab.Gopter("Gen")).Block(jen.Return(e.derived(s))), text, "")
}

// Call emits GenMoneyDeposited().
func (e *Emitter) Call(s *model.Struct) *jen.Statement { return jen.Id(e.name(s)).Call() }

func (e *Emitter) name(s *model.Struct) string {
	if e.payloads[s] {
		return e.Own("Gen" + e.Stem(s))
	}
	return e.Own("gen" + e.Stem(s))
}

// derived emits the call of gopter.DeriveGen.
func (e *Emitter) derived(s *model.Struct) *jen.Statement {
	typ := func() *jen.Statement { return vocab.Ref(s.Path, s.Name) }
	if len(s.Fields) == 0 {
		return vocab.Draw("Const").Call(typ().Values())
	}
	var params, set, types, get, gens []jen.Code
	used := map[string]bool{}
	for _, f := range s.Fields {
		param := e.Param(vocab.Unexported(f.Name), func(name string) bool { return used[name] || name == "" })
		used[param] = true
		params = append(params, jen.Id(param).Add(vocab.TypeOf(f.Type)))
		set = append(set, jen.Id(f.Name).Op(":").Id(param))
		types = append(types, vocab.TypeOf(f.Type))
		get = append(get, e.L("v").Dot(f.Name))
		gens = append(gens, e.field(f))
	}
	return vocab.Gopter("DeriveGen").Custom(jen.Options{Open: "(", Close: ")", Separator: ",", Multi: true}, append([]jen.Code{
		jen.Func().Params(params...).Add(typ()).Block(jen.Return(typ().Values(set...))),
		jen.Func().Params(e.L("v").Add(typ())).Params(types...).Block(jen.Return(jen.List(get...))),
	}, gens...)...)
}

// field emits the generator of a field. An optional one is often left out.
func (e *Emitter) field(f model.Field) *jen.Statement {
	gen := e.value(f.Type, f.Max)
	if f.Optional && !zeroIsDrawn(f.Type) {
		return vocab.Draw("Optional").Types(vocab.TypeOf(f.Type)).Call(gen)
	}
	return gen
}

// zeroIsDrawn reports whether the generator of a type makes its zero value now and
// then, anyway.
func zeroIsDrawn(t *model.Type) bool {
	switch t.Class {
	case model.ClassBasic:
		return t.Enum == nil
	case model.ClassStruct, model.ClassForeign, model.ClassArray, model.ClassFixed:
		return false
	default:
		return true
	}
}

// value emits the generator of a type, of at most so many bytes or elements if that
// is not 0.
func (e *Emitter) value(t *model.Type, most int64) *jen.Statement {
	of := func(name string, args ...jen.Code) *jen.Statement {
		return vocab.Draw(name).Types(vocab.TypeOf(t)).Call(args...)
	}
	bound := jen.Lit(int(most))
	switch t.Class {
	case model.ClassBasic:
		return e.basic(t, bound)
	case model.ClassBytes:
		return of("Lists", vocab.Draw("Ints").Types(jen.Byte()).Call(), bound)
	case model.ClassFixed:
		return of("Arrays", vocab.Draw("Ints").Types(jen.Byte()).Call())
	case model.ClassTime:
		return vocab.Draw("Times").Call()
	case model.ClassSlice:
		return of("Lists", e.value(t.Elem, 0), bound)
	case model.ClassArray:
		return of("Arrays", e.value(t.Elem, 0))
	case model.ClassPointer:
		return vocab.Draw("Pointers").Types(vocab.TypeOf(t.Elem)).Call(e.value(t.Elem, most))
	case model.ClassMap:
		return of("Maps", e.value(t.Key, 0), e.value(t.Elem, 0), bound)
	case model.ClassStruct:
		return e.Call(t.Struct)
	default:
		return of("Foreign")
	}
}

// basic emits the generator of a basic type, of its constants if it is an
// enumeration, and of others too if that is open.
func (e *Emitter) basic(t *model.Type, bound jen.Code) *jen.Statement {
	of := func(name string, args ...jen.Code) *jen.Statement {
		return vocab.Draw(name).Types(vocab.TypeOf(t)).Call(args...)
	}
	var gen *jen.Statement
	switch {
	case t.Basic == "bool":
		return of("OneOf", jen.False(), jen.True())
	case t.Basic == "string":
		gen = of("Texts", bound)
	case strings.HasPrefix(string(t.Basic), "float"):
		gen = of("Floats")
	default:
		gen = of("Ints")
	}
	if t.Enum == nil || len(t.Enum.Values) == 0 {
		return gen
	}
	values := make([]jen.Code, 0, len(t.Enum.Values))
	for _, v := range t.Enum.Values {
		values = append(values, vocab.Ref(t.Enum.Type.Path, v.Name))
	}
	if t.Enum.Open {
		return vocab.Draw("Either").Call(of("OneOf", values...), gen)
	}
	return of("OneOf", values...)
}
