package gen

import (
	"fmt"
	"go/token"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// events emits the declarations of events.batpak.go: kinds, pins, the journal,
// its appending methods, decoders and codecs.
func (e *emitter) events() []jen.Code {
	if len(e.pkg.Entities) == 0 {
		return nil
	}
	var decls []jen.Code
	if len(e.pkg.Events) > 0 {
		decls = append(decls, e.kindConsts())
	}
	decls = append(decls, skewPins())
	decls = append(decls, e.shapePins()...)
	decls = append(decls, e.declarationRefs()...)
	decls = append(decls, e.journal()...)
	for _, en := range e.pkg.Entities {
		decls = append(decls, e.coordinate(en))
	}
	for _, ev := range e.pkg.Events {
		decls = append(decls, e.event(ev)...)
	}
	decls = append(decls, e.shapes()...)
	for _, s := range e.pkg.Structs {
		decls = append(decls, e.codecs.Struct(s)...)
	}
	return append(decls, e.codecs.Enums(e.pkg)...)
}

// kindConsts emits
//
//	const (
//		KindAccountOpened batpak.Kind = 0x1001 // opened, schema.go
//		…
//	)
func (e *emitter) kindConsts() jen.Code {
	specs := make([]jen.Code, 0, len(e.pkg.Events))
	for _, ev := range e.pkg.Events {
		name := e.Claim(kindConst(ev), ev.Pos)
		specs = append(specs, jen.Id(name).Add(vocab.Runtime("Kind")).Op("=").Id(fmt.Sprintf("%#04x", ev.Kind())).
			Comment(fmt.Sprintf("// %s, %s", ev.Var, baseName(ev.Pos))))
	}
	text := fmt.Sprintf("Event kinds of package %s.", e.pkg.Name)
	if len(specs) == 1 { // a comment on one constant begins with its name
		text = fmt.Sprintf("%s is the event kind of package %s.", kindConst(e.pkg.Events[0]), e.pkg.Name)
	}
	return vocab.Documented(group(jen.Const, specs...), text, "")
}

// baseName is the file of a position, without its directory.
func baseName(pos token.Position) string {
	return pos.Filename[strings.LastIndexAny(pos.Filename, `/\`)+1:]
}

// skewPins emits the compile-time agreement with the runtime:
//
//	const (
//		_ = uint(batpak.GenNewest - 1)
//		_ = uint(1 - batpak.GenOldest)
//	)
func skewPins() jen.Code {
	return vocab.Documented(jen.Const().Defs(
		jen.Id("_").Op("=").Uint().Call(vocab.Runtime("GenNewest").Op("-").Lit(version)),
		jen.Id("_").Op("=").Uint().Call(jen.Lit(version).Op("-").Add(vocab.Runtime("GenOldest"))),
	), "If the first line does not compile, the batpak runtime is older than the batpakgen that wrote this file: upgrade"+
		" the runtime. If the second does not, it is newer: run go generate.", "")
}

// group declares specs under one keyword, without parentheses if there is one:
//
//	var (
//		a
//		b
//	)
func group(keyword func() *jen.Statement, specs ...jen.Code) *jen.Statement {
	if len(specs) == 1 {
		return keyword().Add(specs[0])
	}
	return keyword().Defs(specs...)
}

// shapePins emits, for each struct that is stored, a conversion that compiles
// as long as the struct has the fields that the codec knows:
//
//	var (
//		_ = MoneyDeposited(struct {
//			Amount Cents
//			Memo   string
//		}{})
//	)
func (e *emitter) shapePins() []jen.Code {
	var specs []jen.Code
	for _, s := range e.pkg.Structs {
		if pin := e.shapePin(s); pin != nil {
			specs = append(specs, pin)
		}
	}
	if len(specs) == 0 {
		return nil
	}
	return []jen.Code{vocab.Documented(group(jen.Var, specs...),
		"If a line does not compile, the struct was changed after this file was written: run go generate.", "")}
}

// shapePin emits one conversion, or nil for a struct of another package with
// fields that are not stored, whose names or types may be its own affair.
func (e *emitter) shapePin(s *model.Struct) jen.Code {
	fields := make([]jen.Code, 0, len(s.Fields)+len(s.Skipped))
	for _, f := range s.Fields {
		field := vocab.TypeOf(f.Type)
		if !f.Embedded {
			field = jen.Id(f.Name).Add(field)
		}
		fields = append(fields, field)
	}
	for _, f := range s.Skipped { // in order of Index
		if f.Type == "" {
			return nil
		}
		field := jen.Id(f.Name).Add(e.Source(f.Type, f.Imports))
		fields = slices.Insert(fields, f.Index, jen.Code(field))
	}
	return jen.Id("_").Op("=").Add(vocab.Ref(s.Path, s.Name)).Call(jen.Struct(fields...).Values())
}

// shapes emits how the structs lie on disk, all in one place:
//
//	var (
//		moneyDepositedShape = wire.NewShape("MoneyDeposited", "amount", "memo?")
//		…
//	)
func (e *emitter) shapes() []jen.Code {
	specs := make([]jen.Code, 0, len(e.pkg.Structs))
	for _, s := range e.pkg.Structs {
		specs = append(specs, e.codecs.Shape(s))
	}
	if len(specs) == 0 {
		return nil
	}
	return []jen.Code{vocab.Documented(group(jen.Var, specs...), "How structs lie on disk.", "")}
}

// declarationRefs emits a use of each declaration of the schema, so that no
// linter takes one for dead:
//
//	var (
//		_ = account
//		_ = opened
//		…
//	)
func (e *emitter) declarationRefs() []jen.Code {
	var specs []jen.Code
	for _, d := range e.decls() {
		if d.Var != "_" {
			specs = append(specs, jen.Id("_").Op("=").Id(d.Var))
		}
	}
	if len(specs) == 0 {
		return nil
	}
	return []jen.Code{vocab.Documented(group(jen.Var, specs...), "The declarations that batpakgen read.", "")}
}

// event emits what an event has beside its codec.
func (e *emitter) event(ev *model.Event) []jen.Code {
	decls := []jen.Code{e.eventDecoder(ev), e.draft(ev)}
	if ev.Command == nil {
		decls = append(decls, e.appendMethod(ev), e.addMethod(ev))
	}
	return decls
}

// kindText spells a kind as the schema does: 0x1/0x002.
func kindText(ev *model.Event) string { return fmt.Sprintf("%#x/%#03x", ev.Category, ev.Type) }
