package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// views emits the declarations of views.batpak.go: for each projection its fold
// and the journal's methods that run it.
func (e *emitter) views() []jen.Code {
	var decls []jen.Code
	for _, p := range e.pkg.Projections {
		decls = append(decls, e.fold(p), e.viewMethod(p))
		if p.Saved != nil {
			decls = append(decls, e.stateCodec(p), e.resumeMethod(p))
		}
	}
	return decls
}

// fold emits
//
//	func FoldBalance(s *Balance, e batpak.Event) error {
//		switch e.Kind {
//		case KindAccountOpened:
//			…
//		case KindAccountFlagged: // listed under Ignore
//		default:
//			return &batpak.UnhandledError{Projection: "balance", Kind: e.Kind, Sequence: e.Sequence}
//		}
//		return nil
//	}
func (e *emitter) fold(p *model.Projection) jen.Code {
	name := e.Claim(foldFunc(p), p.Pos)
	text := fmt.Sprintf("%s folds one stored event into s, as projection %s at version %d does. It is exhaustive: a kind that"+
		" the projection neither folds nor ignores is a *batpak.UnhandledError, and a payload that does not decode is an error,"+
		" which leaves s unchanged.", name, p.Name, p.Version)
	cases := make([]jen.Code, 0, len(p.Fold)+2)
	for _, h := range p.Fold {
		cases = append(cases, jen.Case(jen.Id(kindConst(h.Event))).Block(e.foldCase(h)...))
	}
	if len(p.Ignore) > 0 {
		kinds := make([]jen.Code, 0, len(p.Ignore))
		for _, ev := range p.Ignore {
			kinds = append(kinds, jen.Id(kindConst(ev)))
		}
		cases = append(cases, jen.Case(kinds...).Comment("// listed under Ignore"))
	}
	cases = append(cases, jen.Default().Block(jen.Return(jen.Op("&").Add(vocab.Runtime("UnhandledError")).Values(
		jen.Id("Projection").Op(":").Lit(p.Name),
		jen.Id("Kind").Op(":").Add(e.L("e")).Dot("Kind"),
		jen.Id("Sequence").Op(":").Add(e.L("e")).Dot("Sequence"),
	))))
	return vocab.Documented(jen.Func().Id(name).Params(e.L("s").Op("*").Add(namedType(p.State)), e.eventParam()).Error().Block(
		jen.Switch(e.L("e").Dot("Kind")).Block(cases...),
		jen.Return(jen.Nil()),
	), text, p.Doc)
}

// foldCase emits
//
//	stored, err := DecodeMoneyDeposited(e)
//	if err != nil {
//		return err
//	}
//	s.deposited(stored)
func (e *emitter) foldCase(h model.Handler) []jen.Code {
	apply := e.L("s").Dot(h.Func).Call(e.L("stored"))
	if h.Recv == "" {
		apply = jen.Id(h.Func).Call(e.L("s"), e.L("stored"))
	}
	return append(e.storedEvent(h.Event), apply)
}

// storedEvent emits the beginning of the above, which decodes the event or returns.
func (e *emitter) storedEvent(ev *model.Event) []jen.Code {
	return []jen.Code{
		jen.List(e.L("stored"), e.L("err")).Op(":=").Id(decoderFunc(ev)).Call(e.L("e")),
		e.IfErr(e.L("err")),
	}
}

// viewMethod emits
//
//	func (j *Journal) Balance(ctx context.Context, id AccountID) (batpak.Folded[Balance], error) {
//		return batpak.Project(ctx, j.store, j.AccountCoordinate(id).Entity, FoldBalance)
//	}
//
// or for a projection over all streams
//
//	func (j *Journal) Totals(ctx context.Context) (batpak.FoldedAll[Totals], error) {
//		return batpak.ProjectAll(ctx, j.store, []batpak.Kind{KindAccountOpened}, FoldTotals)
//	}
func (e *emitter) viewMethod(p *model.Projection) jen.Code {
	if p.Per == nil {
		return e.overviewMethod(p)
	}
	name := e.method(vocab.Camel(p.Name), p.Pos)
	text := fmt.Sprintf("%s folds the stream of %s id into projection %s and says at which version of the stream that is.",
		name, p.Per.Prefix, p.Name)
	return vocab.Documented(e.journalMethod(name).Params(e.ctxParam(), e.idParam(p.Per)).
		Params(vocab.Runtime("Folded").Types(namedType(p.State)), jen.Error()).Block(
		jen.Return(vocab.Runtime("Project").Call(
			e.L("ctx"),
			e.L("j").Dot("store"),
			e.L("j").Dot(coordinateMethod(p.Per)).Call(e.L("id")).Dot("Entity"),
			jen.Id(foldFunc(p)),
		)),
	), text, p.Doc)
}

// overviewMethod emits the method of a projection over all streams. What it ignores
// is not read.
func (e *emitter) overviewMethod(p *model.Projection) jen.Code {
	name := e.method(vocab.Camel(p.Name), p.Pos)
	text := fmt.Sprintf("%s folds the events of all streams, in the order of the log, into projection %s and says up to which"+
		" sequence that is.", name, p.Name)
	return vocab.Documented(e.journalMethod(name).Params(e.ctxParam()).
		Params(vocab.Runtime("FoldedAll").Types(namedType(p.State)), jen.Error()).Block(
		jen.Return(vocab.Runtime("ProjectAll").Call(e.L("ctx"), e.L("j").Dot("store"), kinds(folded(p)), jen.Id(foldFunc(p)))),
	), text, p.Doc)
}

// folded are the events that a projection folds.
func folded(p *model.Projection) []*model.Event {
	events := make([]*model.Event, 0, len(p.Fold))
	for _, h := range p.Fold {
		events = append(events, h.Event)
	}
	return events
}
