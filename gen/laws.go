package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/codec"
	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// generators emits the declarations of generators_gen_test.go: for each struct a
// generator of its values, and for each entity one of what happens to it.
func (e *emitter) generators() []jen.Code {
	decls := e.samplers.Structs(e.pkg.Structs)
	for _, en := range e.pkg.Entities {
		if events := e.eventsOf(en); len(events) > 0 {
			decls = append(decls, e.histories(e.historiesFunc(en), "the events of one "+en.Prefix, events))
		}
	}
	for _, p := range e.pkg.Projections {
		if p.Per == nil {
			decls = append(decls, e.histories(e.overviewFunc(p), "the events of projection "+p.Name, known(p)))
		}
	}
	return decls
}

// eventsOf lists the events of an entity that a history of it is made of.
func (e *emitter) eventsOf(en *model.Entity) []*model.Event {
	used := false
	for _, p := range e.pkg.Projections {
		used = used || p.Per == en
	}
	for _, c := range e.pkg.Commands {
		used = used || c.Event.Entity == en && len(c.Gates) > 0
	}
	var events []*model.Event
	for _, ev := range e.pkg.Events {
		if used && ev.Entity == en {
			events = append(events, ev)
		}
	}
	return events
}

// known lists the events that a projection folds or ignores.
func known(p *model.Projection) []*model.Event {
	events := make([]*model.Event, 0, len(p.Fold)+len(p.Ignore))
	for _, h := range p.Fold {
		events = append(events, h.Event)
	}
	return append(events, p.Ignore...)
}

// historiesFunc names the generator of an entity's events.
func (e *emitter) historiesFunc(en *model.Entity) string {
	return e.Own("gen" + vocab.Camel(en.Prefix) + "Events")
}

// overviewFunc names the generator of the events of a projection over all streams.
func (e *emitter) overviewFunc(p *model.Projection) string {
	return e.Own("genAll" + vocab.Camel(p.Name) + "Events")
}

// histories emits
//
//	func genAccountEvents() gopter.Gen {
//		return draw.Histories(
//			draw.Facts("account:1", KindAccountOpened, 1, GenAccountOpened(), AccountOpened.AppendBatpak),
//			…
//		)
//	}
func (e *emitter) histories(name, what string, events []*model.Event) jen.Code {
	facts := make([]jen.Code, 0, len(events))
	for _, ev := range events {
		facts = append(facts, vocab.Draw("Facts").Call(
			jen.Lit(ev.Entity.Prefix+":1"), jen.Id(kindConst(ev)), jen.Lit(int(ev.Version)),
			e.samplers.Call(ev.Payload), jen.Add(payloadType(ev)).Dot(codec.EncodeMethod)))
	}
	return vocab.Documented(jen.Func().Id(name).Params().Add(vocab.Gopter("Gen")).Block(
		jen.Return(vocab.Draw("Histories").Custom(
			jen.Options{Open: "(", Close: ")", Separator: ",", Multi: true}, facts...)),
	), fmt.Sprintf("%s generates %s, in any order and number, which shrink.", name, what), "")
}

// laws emits the declarations of laws_gen_test.go.
func (e *emitter) laws() []jen.Code {
	var decls []jen.Code
	for _, ev := range e.pkg.Events {
		decls = append(decls, e.codecTest(ev))
		if len(ev.Upcasts) > 0 {
			decls = append(decls, e.upcastsTest(ev))
		}
		decls = append(decls, e.fuzz(ev))
	}
	for _, p := range e.pkg.Projections {
		decls = append(decls, e.foldTest(p))
		if p.Saved != nil {
			decls = append(decls, e.saveTest(p))
		}
	}
	for _, c := range e.pkg.Commands {
		if len(c.Gates) > 0 {
			decls = append(decls, e.gatesTest(c))
		}
	}
	return decls
}

// test emits a test with a body.
func (e *emitter) test(name string, d model.Decl, text string, body ...jen.Code) jen.Code {
	e.Claim(name, d.Pos)
	return vocab.Documented(jen.Func().Id(name).Params(e.testParam()).Block(body...), name+" "+text, "")
}

// testParam is the parameter t *testing.T.
func (e *emitter) testParam() jen.Code { return e.L("t").Op("*").Add(vocab.Testing("T")) }

// codecOf emits props.CodecOf[MoneyDeposited]().
func codecOf(ev *model.Event) *jen.Statement {
	return vocab.Props("CodecOf").Types(payloadType(ev)).Call()
}

// codecTest emits
//
//	func TestBatpakCodecMoneyDeposited(t *testing.T) {
//		props.CodecOf[MoneyDeposited]().Test(t, GenMoneyDeposited())
//	}
func (e *emitter) codecTest(ev *model.Event) jen.Code {
	return e.test("TestBatpakCodec"+vocab.Exported(ev.Payload.Name), ev.Decl,
		fmt.Sprintf("holds that payloads of kind %s survive their encoding, which is canonical, and that any bytes can be decoded"+
			" within bounds.", kindText(ev)),
		codecOf(ev).Dot("Test").Call(e.L("t"), e.samplers.Call(ev.Payload)))
}

// upcastsTest emits
//
//	func TestBatpakUpcastsMoneyDeposited(t *testing.T) {
//		holds := props.CodecOf[MoneyDeposited]().Storable(checkMoneyDeposited)
//		t.Run("version 1", func(t *testing.T) {
//			props.Lift(t, genMoneyDepositedV1(), props.Then(depositedV1toV2, depositedV2toV3), holds)
//		})
//		…
//	}
func (e *emitter) upcastsTest(ev *model.Event) jen.Code {
	check := jen.Nil()
	if codec.Checked(ev.Payload) {
		check = jen.Id(e.codecs.Check(ev.Payload))
	}
	body := []jen.Code{e.L("holds").Op(":=").Add(codecOf(ev)).Dot("Storable").Call(check)}
	for i, u := range ev.Upcasts {
		lift := jen.Id(ev.Upcasts[len(ev.Upcasts)-1].Func)
		for j := len(ev.Upcasts) - 2; j >= i; j-- {
			lift = vocab.Props("Then").Call(jen.Id(ev.Upcasts[j].Func), lift)
		}
		body = append(body, e.L("t").Dot("Run").Call(jen.Lit(fmt.Sprint("version ", u.From)), jen.Func().Params(e.testParam()).Block(
			vocab.Props("Lift").Call(e.L("t"), e.samplers.Call(u.Source), lift, e.L("holds")))))
	}
	return e.test("TestBatpakUpcasts"+vocab.Exported(ev.Payload.Name), ev.Decl,
		fmt.Sprintf("holds that the upcasts of kind %s take any payload of an old version, give the same each time, and make what"+
			" can be stored.", kindText(ev)), body...)
}

// fuzz emits
//
//	func FuzzBatpakMoneyDeposited(f *testing.F) {
//		props.Fuzz(f, KindMoneyDeposited, 3, GenMoneyDeposited(), DecodeMoneyDeposited, props.CodecOf[MoneyDeposited]())
//	}
func (e *emitter) fuzz(ev *model.Event) jen.Code {
	name := e.Claim("FuzzBatpak"+vocab.Exported(ev.Payload.Name), ev.Pos)
	text := fmt.Sprintf("%s holds that the decoder of kind %s takes the bytes of a fuzzer, at any version.", name, kindText(ev))
	return vocab.Documented(jen.Func().Id(name).Params(e.L("f").Op("*").Add(vocab.Testing("F"))).Block(
		vocab.Props("Fuzz").Call(e.L("f"), jen.Id(kindConst(ev)), jen.Lit(int(ev.Version)), e.samplers.Call(ev.Payload),
			jen.Id(decoderFunc(ev)), codecOf(ev)),
	), text, "")
}

// foldTest emits
//
//	func TestBatpakFoldBalance(t *testing.T) {
//		props.Fold(t, genAccountEvents(), FoldBalance)
//	}
func (e *emitter) foldTest(p *model.Projection) jen.Code {
	return e.test("TestBatpakFold"+vocab.Camel(p.Name), p.Decl,
		fmt.Sprintf("holds that projection %s takes any events in any order, and that folding them in parts is folding them at once.", p.Name),
		vocab.Props("Fold").Call(e.L("t"), e.historiesOf(p), jen.Id(foldFunc(p))))
}

// historiesOf emits the generator of what a projection folds.
func (e *emitter) historiesOf(p *model.Projection) jen.Code {
	if p.Per == nil {
		return jen.Id(e.overviewFunc(p)).Call()
	}
	return jen.Id(e.historiesFunc(p.Per)).Call()
}

// saveTest emits
//
//	func TestBatpakSaveBalance(t *testing.T) {
//		props.Save(t, genAccountEvents(), FoldBalance, balanceState)
//	}
func (e *emitter) saveTest(p *model.Projection) jen.Code {
	return e.test("TestBatpakSave"+vocab.Camel(p.Name), p.Decl,
		fmt.Sprintf("holds that the state of projection %s may be saved after any event and resumed.", p.Name),
		vocab.Props("Save").Call(e.L("t"), e.historiesOf(p), jen.Id(foldFunc(p)), jen.Id(e.stateVar(p))))
}

// gatesTest emits
//
//	func TestBatpakGatesWithdraw(t *testing.T) {
//		type caller struct {
//			Limit Cents
//		}
//		props.Gates(t, withdrawGates, genAccountEvents(), GenMoneyWithdrawn(),
//			func(past []draw.Fact, e MoneyWithdrawn, by caller) Withdrawal {
//				return Withdrawal{
//					Account:  "1",
//					Balance:  props.Folded(past, FoldBalance),
//					Proposed: e,
//					Limit:    by.Limit,
//				}
//			})
//	}
func (e *emitter) gatesTest(c *model.Command) jen.Code {
	caller := func() *jen.Statement { return jen.Id(e.Own("caller")) }
	var given, rows []jen.Code
	for _, fill := range c.Fill {
		row := jen.Id(fill.Field).Op(":")
		switch fill.From {
		case model.FillID:
			row.Add(someID(c.Event.Entity))
		case model.FillEvent:
			row.Add(e.L("e"))
		case model.FillProjection:
			row.Add(vocab.Props("Folded").Call(e.L("past"), jen.Id(foldFunc(fill.Projection))))
		case model.FillCaller:
			given = append(given, jen.Id(vocab.Exported(fill.Field)).Add(e.Source(fill.Type, fill.Imports)))
			row.Add(e.L("by").Dot(vocab.Exported(fill.Field)))
		}
		rows = append(rows, row)
	}
	context := namedType(c.Context).Values()
	if len(rows) > 0 {
		context = namedType(c.Context).Add(vocab.Lines(rows...))
	}
	return e.test("TestBatpakGates"+vocab.Camel(c.Name), c.Decl,
		fmt.Sprintf("holds that the gates of command %s say the same each time they are asked, and leave what they see as it is.", c.Name),
		jen.Type().Add(caller()).Struct(given...),
		vocab.Props("Gates").Call(e.L("t"), jen.Id(e.gatesVar(c)), jen.Id(e.historiesFunc(c.Event.Entity)).Call(), e.samplers.Call(c.Event.Payload),
			jen.Func().Params(e.L("past").Index().Add(vocab.Draw("Fact")), e.L("e").Add(payloadType(c.Event)), e.L("by").Add(caller())).
				Add(namedType(c.Context)).Block(jen.Return(context))))
}

// someID is the id of the entity that tests are about, unless they say otherwise.
func someID(en *model.Entity) jen.Code {
	if en.ID.Basic == "string" {
		return jen.Lit("1")
	}
	return jen.Lit(1)
}
