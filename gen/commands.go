package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// commands emits the declarations of commands.batpak.go.
func (e *emitter) commands() []jen.Code {
	var decls []jen.Code
	for _, c := range e.pkg.Commands {
		decls = append(decls, e.gates(c), e.decideMethod(c), e.proposeMethod(c), e.commitMethod(c), e.addPermitMethod(c))
		if c.Bypass {
			decls = append(decls, e.bypassMethod(c))
		}
	}
	return decls
}

// gates emits
//
//	var withdrawGates = []batpak.Gate[Withdrawal]{
//		{Name: "not-frozen", Eval: denyFrozen},
//		…
//	}
func (e *emitter) gates(c *model.Command) jen.Code {
	rows := make([]jen.Code, 0, len(c.Gates))
	for _, g := range c.Gates {
		rows = append(rows, jen.Values(jen.Id("Name").Op(":").Lit(g.Name), jen.Id("Eval").Op(":").Id(g.Func)))
	}
	decl := jen.Var().Id(e.gatesVar(c))
	list := jen.Index().Add(vocab.Runtime("Gate")).Types(namedType(c.Context))
	if len(rows) == 0 {
		decl.Add(list)
	} else {
		decl.Op("=").Add(list).Add(vocab.Lines(rows...))
	}
	return vocab.Documented(decl, fmt.Sprintf("%s are the gates of command %s in the order of their evaluation.", e.gatesVar(c), c.Name), "")
}

// decideMethod emits
//
//	func (j *Journal) Withdraw(ctx context.Context, id AccountID, e MoneyWithdrawn, limit Cents,
//		opts ...batpak.AppendOption) (batpak.Receipt, error) {
//		propose := func(ctx context.Context) (batpak.Permit[MoneyWithdrawn], error) {
//			return j.ProposeWithdraw(ctx, id, e, limit)
//		}
//		return batpak.Decide(ctx, j.store, j.draftMoneyWithdrawn(id, e), propose, opts...)
//	}
func (e *emitter) decideMethod(c *model.Command) jen.Code {
	name := e.method(vocab.Camel(c.Name), c.Pos)
	text := fmt.Sprintf("%s appends e to the stream of %s id, as version %d of kind %s, if %s; otherwise it returns a"+
		" *batpak.DeniedError. When other writers get in between the decision and the append, it decides again, a bounded"+
		" number of times. An event with the same idempotency key is answered with its receipt before anything is decided.",
		name, c.Event.Entity.Prefix, c.Event.Version, kindText(c.Event), consent(c))
	body := []jen.Code{
		e.L("propose").Op(":=").Func().Params(e.ctxParam()).Add(permitResult(c)).Block(
			jen.Return(e.L("j").Dot("Propose" + vocab.Camel(c.Name)).Call(e.proposeArgs(c)...)),
		),
		jen.Return(vocab.Runtime("Decide").Call(e.L("ctx"), e.L("j").Dot("store"), e.drafted(c.Event), e.L("propose"), e.opts())),
	}
	return vocab.Documented(e.journalMethod(name).Params(append(e.proposeParams(c), e.optsParam())...).Add(receiptResult()).Block(body...), text, c.Doc)
}

// consent says what the gates of a command have to do.
func consent(c *model.Command) string {
	names := make([]string, 0, len(c.Gates))
	for _, g := range c.Gates {
		names = append(names, g.Name)
	}
	switch len(names) {
	case 0:
		return "nothing was appended to the stream meanwhile, as the command has no gates"
	case 1:
		return "gate " + names[0] + " lets it pass"
	default:
		return "the gates " + list(names) + " let it pass"
	}
}

// proposeMethod emits
//
//	func (j *Journal) ProposeWithdraw(ctx context.Context, id AccountID, e MoneyWithdrawn, limit Cents) (
//		batpak.Permit[MoneyWithdrawn], error) {
//		c := Withdrawal{
//			Account: id,
//			Event:   e,
//			Limit:   limit,
//		}
//		draft := j.draftMoneyWithdrawn(id, e)
//		read, err := batpak.Load(ctx, j.store, draft.Entity, batpak.Into(&c.Balance, FoldBalance))
//		if err != nil {
//			return batpak.Permit[MoneyWithdrawn]{}, err
//		}
//		return batpak.Propose[MoneyWithdrawn](j.store, "withdraw", withdrawGates, read, c, draft)
//	}
func (e *emitter) proposeMethod(c *model.Command) jen.Code {
	name := e.method("Propose"+vocab.Camel(c.Name), c.Pos)
	text := fmt.Sprintf("%s asks the gates of command %s about e and returns a permit for Commit%s or Add%s, or a"+
		" *batpak.DeniedError. All projections in the gate context are loaded at one version of the stream, and the permit is"+
		" good for that version only.", name, c.Name, vocab.Camel(c.Name), vocab.Camel(c.Name))
	none := func() jen.Code { return permitType(c).Values() }
	load := []jen.Code{e.L("ctx"), e.L("j").Dot("store"), e.L("draft").Dot("Entity")}
	for _, fill := range c.Fill {
		if fill.From == model.FillProjection {
			load = append(load, vocab.Runtime("Into").Call(jen.Op("&").Add(e.L("c")).Dot(fill.Field), jen.Id(foldFunc(fill.Projection))))
		}
	}
	body := []jen.Code{
		e.L("draft").Op(":=").Add(e.drafted(c.Event)),
		e.gateContext(c),
		jen.List(e.L("read"), e.L("err")).Op(":=").Add(vocab.Runtime("Load")).Call(load...),
		e.IfErr(none(), e.L("err")),
		jen.Return(vocab.Runtime("Propose").Types(payloadType(c.Event)).Call(
			e.L("j").Dot("store"), jen.Lit(c.Name), jen.Id(e.gatesVar(c)), e.L("read"), e.L("c"), e.L("draft"))),
	}
	return vocab.Documented(e.journalMethod(name).Params(e.proposeParams(c)...).Add(permitResult(c)).Block(body...), text, "")
}

// gateContext emits
//
//	c := Withdrawal{
//		Account: id,
//		Event:   e,
//		Limit:   limit,
//	}
func (e *emitter) gateContext(c *model.Command) jen.Code {
	params := e.callerParams(c)
	var rows []jen.Code
	for _, fill := range c.Fill {
		row := jen.Id(fill.Field).Op(":")
		switch fill.From {
		case model.FillID:
			rows = append(rows, row.Add(e.L("id")))
		case model.FillEvent:
			rows = append(rows, row.Add(e.L("e")))
		case model.FillCaller:
			rows = append(rows, row.Id(params[fill.Field]))
		case model.FillProjection: // loaded
		}
	}
	if len(rows) == 0 {
		return jen.Var().Add(e.L("c")).Add(namedType(c.Context))
	}
	return e.L("c").Op(":=").Add(namedType(c.Context)).Add(vocab.Lines(rows...))
}

// commitMethod emits
//
//	func (j *Journal) CommitWithdraw(ctx context.Context, permit batpak.Permit[MoneyWithdrawn],
//		opts ...batpak.AppendOption) (batpak.Receipt, error) {
//		return batpak.Commit(ctx, j.store, permit, opts...)
//	}
func (e *emitter) commitMethod(c *model.Command) jen.Code {
	name := e.method("Commit"+vocab.Camel(c.Name), c.Pos)
	text := fmt.Sprintf("%s appends the event that the permit allows, or fails with a *batpak.ConflictError if the stream has"+
		" moved since Propose%s looked at it.", name, vocab.Camel(c.Name))
	return vocab.Documented(e.journalMethod(name).Params(e.ctxParam(), e.permitParam(c), e.optsParam()).Add(receiptResult()).Block(
		jen.Return(vocab.Runtime("Commit").Call(e.L("ctx"), e.L("j").Dot("store"), e.L("permit"), e.opts())),
	), text, "")
}

// addPermitMethod emits
//
//	func (j *Journal) AddWithdraw(b *batpak.Batch, permit batpak.Permit[MoneyWithdrawn],
//		opts ...batpak.AppendOption) int {
//		return batpak.AddPermit(b, permit, opts...)
//	}
func (e *emitter) addPermitMethod(c *model.Command) jen.Code {
	name := e.method("Add"+vocab.Camel(c.Name), c.Pos)
	text := fmt.Sprintf("%s adds the event that the permit allows to a batch and returns its index there. The batch fails if the"+
		" stream has moved since Propose%s looked at it.", name, vocab.Camel(c.Name))
	return vocab.Documented(e.journalMethod(name).Params(e.batchParam(), e.permitParam(c), e.optsParam()).Int().Block(
		jen.Return(vocab.Runtime("AddPermit").Call(e.L("b"), e.L("permit"), e.opts())),
	), text, "")
}

// bypassMethod emits
//
//	func (j *Journal) BypassWithdraw(ctx context.Context, id AccountID, e MoneyWithdrawn, reason string,
//		opts ...batpak.AppendOption) (batpak.Receipt, error) {
//		return batpak.Bypass(ctx, j.store, "withdraw", reason, j.draftMoneyWithdrawn(id, e), opts...)
//	}
func (e *emitter) bypassMethod(c *model.Command) jen.Code {
	name := e.method("Bypass"+vocab.Camel(c.Name), c.Pos)
	text := fmt.Sprintf("%s appends e to the stream of %s id without asking the gates of command %s, for repairs by hand. The reason"+
		" must not be empty and is stored with the event.", name, c.Event.Entity.Prefix, c.Name)
	return vocab.Documented(e.journalMethod(name).
		Params(e.ctxParam(), e.idParam(c.Event.Entity), e.L("e").Add(payloadType(c.Event)), e.L("reason").String(), e.optsParam()).
		Add(receiptResult()).Block(
		jen.Return(vocab.Runtime("Bypass").Call(
			e.L("ctx"), e.L("j").Dot("store"), jen.Lit(c.Name), e.L("reason"), e.drafted(c.Event), e.opts())),
	), text, "")
}

// proposeParams are the parameters of a proposal: ctx, id, e and what the
// command takes from its caller.
func (e *emitter) proposeParams(c *model.Command) []jen.Code {
	params := []jen.Code{e.ctxParam(), e.idParam(c.Event.Entity), e.L("e").Add(payloadType(c.Event))}
	names := e.callerParams(c)
	for _, fill := range c.Fill {
		if fill.From == model.FillCaller {
			params = append(params, jen.Id(names[fill.Field]).Add(e.Source(fill.Type, fill.Imports)))
		}
	}
	return params
}

// proposeArgs are the arguments for the parameters above, under the same names.
func (e *emitter) proposeArgs(c *model.Command) []jen.Code {
	args := []jen.Code{e.L("ctx"), e.L("id"), e.L("e")}
	names := e.callerParams(c)
	for _, fill := range c.Fill {
		if fill.From == model.FillCaller {
			args = append(args, jen.Id(names[fill.Field]))
		}
	}
	return args
}

// permitType is batpak.Permit[MoneyWithdrawn].
func permitType(c *model.Command) *jen.Statement {
	return vocab.Runtime("Permit").Types(payloadType(c.Event))
}

// permitResult is (batpak.Permit[MoneyWithdrawn], error).
func permitResult(c *model.Command) jen.Code { return jen.Params(permitType(c), jen.Error()) }

// permitParam is the parameter permit batpak.Permit[MoneyWithdrawn].
func (e *emitter) permitParam(c *model.Command) jen.Code { return e.L("permit").Add(permitType(c)) }
