package gen

import (
	"fmt"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// given emits the declarations of given_gen_test.go: the words in which tests tell
// what commands and projections do. A schema without either needs none.
func (e *emitter) given() []jen.Code {
	if len(e.pkg.Events) == 0 || len(e.pkg.Commands)+len(e.pkg.Projections) == 0 {
		return nil
	}
	decls := []jen.Code{e.scenarioStruct(), e.givenFunc()}
	for _, en := range e.pkg.Entities {
		decls = append(decls, e.onMethod(en))
	}
	for _, c := range e.pkg.Commands {
		decls = append(decls, e.whenMethod(c))
	}
	for _, p := range e.pkg.Projections {
		decls = append(decls, e.thenMethod(p))
	}
	return append(decls, e.journalOfScenario(), e.scenarioDraft(), e.scenarioDecode())
}

// scenarioType names the type of scenarios.
func (e *emitter) scenarioType() string { return e.Own("Scenario") }

// scenarioMethod begins a method:
//
//	func (s *Scenario) Name
func (e *emitter) scenarioMethod(name string) *jen.Statement {
	return jen.Func().Params(e.L("s").Op("*").Id(e.scenarioType())).Id(name)
}

// idField names the field with the id that a scenario is about.
func idField(en *model.Entity) string { return "id" + vocab.Camel(en.Prefix) }

// scenarioStruct emits
//
//	type Scenario struct {
//		*props.Scenario[*Scenario]
//		j         *Journal
//		idAccount AccountID
//	}
func (e *emitter) scenarioStruct() jen.Code {
	fields := []jen.Code{
		jen.Op("*").Add(vocab.Props("Scenario")).Types(jen.Op("*").Id(e.scenarioType())),
		jen.Id("j").Op("*").Id(journalType),
	}
	for _, en := range e.pkg.Entities {
		fields = append(fields, jen.Id(idField(en)).Add(idType(en)))
	}
	return vocab.Documented(jen.Type().Id(e.scenarioType()).Struct(fields...),
		fmt.Sprintf("%s tells what commands of package %s do on a store in memory. It begins with %s; what it has in common with"+
			" those of other packages is [props.Scenario].", e.scenarioType(), e.pkg.Name, e.Own("Given")), "")
}

// givenFunc emits
//
//	func Given(t testing.TB, events ...props.Payload) *Scenario {
//		t.Helper()
//		s := &Scenario{idAccount: "1"}
//		s.Scenario = props.NewScenario(t, s, s.draft, s.decode)
//		j, err := Bind(s.Store())
//		if err != nil {
//			t.Fatal(err)
//		}
//		s.j = j
//		return s.Given(events...)
//	}
//
// with a scope for entities that have none.
func (e *emitter) givenFunc() jen.Code {
	name := e.Own("Given")
	ids := make([]jen.Code, 0, len(e.pkg.Entities))
	for _, en := range e.pkg.Entities {
		ids = append(ids, jen.Id(idField(en)).Op(":").Add(someID(en)))
	}
	journal := e.L("j")
	if slices.ContainsFunc(e.pkg.Entities, func(en *model.Entity) bool { return en.Scope == "" }) {
		journal = e.L("j").Dot("In").Call(jen.Lit("test"))
	}
	return vocab.Documented(jen.Func().Id(name).
		Params(e.L("t").Add(vocab.Testing("TB")), jen.Id("events").Op("...").Add(vocab.Props("Payload"))).Op("*").Id(e.scenarioType()).Block(
		e.L("t").Dot("Helper").Call(),
		e.L("s").Op(":=").Op("&").Id(e.scenarioType()).Values(ids...),
		e.L("s").Dot("Scenario").Op("=").Add(vocab.Props("NewScenario")).Call(
			e.L("t"), e.L("s"), e.L("s").Dot("draft"), e.L("s").Dot("decode")),
		jen.List(e.L("j"), e.L("err")).Op(":=").Id(bindFunc).Call(e.L("s").Dot("Store").Call()),
		jen.If(e.L("err").Op("!=").Nil()).Block(e.L("t").Dot("Fatal").Call(e.L("err"))),
		e.L("s").Dot("j").Op("=").Add(journal),
		jen.Return(e.L("s").Dot("Given").Call(jen.Id("events").Op("..."))),
	), fmt.Sprintf("%s begins a scenario: the events were appended, past all gates, to the streams of those whose id is 1 unless an"+
		" On method has named another.", name), "")
}

// onMethod emits
//
//	func (s *Scenario) OnAccount(id AccountID) *Scenario {
//		s.idAccount = id
//		return s
//	}
func (e *emitter) onMethod(en *model.Entity) jen.Code {
	name := "On" + vocab.Camel(en.Prefix)
	return vocab.Documented(e.scenarioMethod(name).Params(e.idParam(en)).Op("*").Id(e.scenarioType()).Block(
		e.L("s").Dot(idField(en)).Op("=").Add(e.L("id")),
		jen.Return(e.L("s")),
	), fmt.Sprintf("%s makes what follows be about %s id.", name, en.Prefix), "")
}

// whenMethod emits
//
//	func (s *Scenario) WhenWithdraw(e MoneyWithdrawn, limit Cents, opts ...batpak.AppendOption) *Scenario {
//		s.TB.Helper()
//		return s.When("withdraw", func(ctx context.Context) (batpak.Receipt, error) {
//			return s.j.Withdraw(ctx, s.idAccount, e, limit, opts...)
//		})
//	}
func (e *emitter) whenMethod(c *model.Command) jen.Code {
	name := "When" + vocab.Camel(c.Name)
	params := append(e.proposeParams(c)[2:], e.optsParam()) // without ctx and id
	args := append([]jen.Code{e.L("ctx"), e.L("s").Dot(idField(c.Event.Entity))}, e.proposeArgs(c)[2:]...)
	return vocab.Documented(e.scenarioMethod(name).Params(params...).Op("*").Id(e.scenarioType()).Block(
		e.L("s").Dot("TB").Dot("Helper").Call(),
		jen.Return(e.L("s").Dot("When").Call(jen.Lit(c.Name), jen.Func().Params(e.ctxParam()).Add(receiptResult()).Block(
			jen.Return(e.L("s").Dot("j").Dot(vocab.Camel(c.Name)).Call(append(args, e.opts())...)),
		))),
	), fmt.Sprintf("%s runs command %s with the event that it is to append.", name, c.Name), "")
}

// thenMethod emits
//
//	func (s *Scenario) ThenBalance(want Balance) *Scenario {
//		s.TB.Helper()
//		got, err := s.j.Balance(s.TB.Context(), s.idAccount)
//		return s.ThenState("balance", got.State, err, want)
//	}
func (e *emitter) thenMethod(p *model.Projection) jen.Code {
	name := "Then" + vocab.Camel(p.Name)
	if slices.Contains([]string{"ThenAppended", "ThenDenied", "ThenError", "ThenState"}, name) {
		name += "Projection"
	}
	args := []jen.Code{e.L("s").Dot("TB").Dot("Context").Call()}
	whose := "over all streams"
	if p.Per != nil {
		args = append(args, e.L("s").Dot(idField(p.Per)))
		whose = "of the " + p.Per.Prefix
	}
	return vocab.Documented(e.scenarioMethod(name).Params(jen.Id("want").Add(namedType(p.State))).Op("*").Id(e.scenarioType()).Block(
		e.L("s").Dot("TB").Dot("Helper").Call(),
		jen.List(jen.Id("got"), e.L("err")).Op(":=").Add(e.L("s")).Dot("j").Dot(vocab.Camel(p.Name)).Call(args...),
		jen.Return(e.L("s").Dot("ThenState").Call(jen.Lit(p.Name), jen.Id("got").Dot("State"), e.L("err"), jen.Id("want"))),
	), fmt.Sprintf("%s holds that projection %s %s is in a state.", name, p.Name, whose), "")
}

// journalOfScenario emits
//
//	func (s *Scenario) Journal() *Journal { return s.j }
func (e *emitter) journalOfScenario() jen.Code {
	return vocab.Documented(e.scenarioMethod("Journal").Params().Op("*").Id(journalType).Block(jen.Return(e.L("s").Dot("j"))),
		"Journal is the journal of the scenario, for what its words do not say.", "")
}

// scenarioDraft emits
//
//	func (s *Scenario) draft(e props.Payload) batpak.Draft {
//		switch e := e.(type) {
//		case AccountOpened:
//			return s.j.draftAccountOpened(s.idAccount, e)
//		…
//		}
//		return props.NoDraft(e)
//	}
func (e *emitter) scenarioDraft() jen.Code {
	cases := make([]jen.Code, 0, len(e.pkg.Events))
	for _, ev := range e.pkg.Events {
		cases = append(cases, jen.Case(payloadType(ev)).Block(
			jen.Return(e.L("s").Dot("j").Dot(draftMethod(ev)).Call(e.L("s").Dot(idField(ev.Entity)), e.L("e")))))
	}
	return vocab.Documented(e.scenarioMethod("draft").Params(e.L("e").Add(vocab.Props("Payload"))).Add(vocab.Runtime("Draft")).Block(
		jen.Switch(e.L("e").Op(":=").Add(e.L("e")).Assert(jen.Type())).Block(cases...),
		jen.Return(vocab.Props("NoDraft").Call(e.L("e"))),
	), "draft encodes an event for its stream.", "")
}

// scenarioDecode emits
//
//	func (s *Scenario) decode(e batpak.Event) (any, error) {
//		switch e.Kind {
//		case KindAccountOpened:
//			return props.PayloadOf(DecodeAccountOpened(e))
//		…
//		}
//		return props.NoPayload(e)
//	}
func (e *emitter) scenarioDecode() jen.Code {
	cases := make([]jen.Code, 0, len(e.pkg.Events))
	for _, ev := range e.pkg.Events {
		cases = append(cases, jen.Case(jen.Id(kindConst(ev))).Block(
			jen.Return(vocab.Props("PayloadOf").Call(jen.Id(decoderFunc(ev)).Call(e.L("e"))))))
	}
	return vocab.Documented(e.scenarioMethod("decode").Params(e.eventParam()).Params(jen.Any(), jen.Error()).Block(
		jen.Switch(e.L("e").Dot("Kind")).Block(cases...),
		jen.Return(vocab.Props("NoPayload").Call(e.L("e"))),
	), "decode finds the payload of an event.", "")
}
