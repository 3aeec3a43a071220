package gen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/codec"
	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

// stateVar names the codec of a projection's states.
func (e *emitter) stateVar(p *model.Projection) string {
	return e.Own(vocab.Unexported(vocab.Camel(p.Name)) + "State")
}

// stateCodec emits
//
//	var balanceState = batpak.StateCodec[Balance]{
//		Projection: "balance",
//		Shape:      0x5dadb3d8a1a3c93c,
//		Append:     Balance.AppendBatpak,
//		Decode:     (*Balance).DecodeBatpak,
//		Check:      checkBalance,
//	}
//
// A state of which no value can be wrong is not checked.
func (e *emitter) stateCodec(p *model.Projection) jen.Code {
	rows := []jen.Code{
		jen.Id("Projection").Op(":").Lit(p.Name),
		jen.Id("Shape").Op(":").Id("0x" + stateShape(p)),
		jen.Id("Append").Op(":").Add(namedType(p.State)).Dot(codec.EncodeMethod),
		jen.Id("Decode").Op(":").Parens(jen.Op("*").Add(namedType(p.State))).Dot(codec.DecodeMethod),
	}
	if codec.Checked(p.Saved) {
		rows = append(rows, jen.Id("Check").Op(":").Id(e.codecs.Check(p.Saved)))
	}
	return vocab.Documented(jen.Var().Id(e.stateVar(p)).Op("=").Add(vocab.Runtime("StateCodec")).Types(namedType(p.State)).
		Add(vocab.Lines(rows...)),
		fmt.Sprintf("%s turns states of projection %s at version %d into bytes and back.", e.stateVar(p), p.Name, p.Version), "")
}

// stateShape is a fingerprint of what a saved state depends on, as far as the schema
// tells: the projection's name and version, whose events it folds, the shape of the
// state, and the kinds, versions and shapes of those events. The version of the code
// that appended an event is not among it, so a shape that only grew counts: an older
// program folds such events as if they had not.
func stateShape(p *model.Projection) string {
	var text strings.Builder
	of := "all streams"
	if p.Per != nil {
		of = p.Per.Prefix
	}
	fmt.Fprintf(&text, "projection %s version %d of %s: %s\n", p.Name, p.Version, of, shape.Text(p.Saved))
	events := folded(p)
	slices.SortFunc(events, func(a, b *model.Event) int { return cmp.Compare(a.Kind(), b.Kind()) })
	for _, ev := range events {
		fmt.Fprintf(&text, "%#04x version %d: %s\n", ev.Kind(), ev.Version, shape.Text(ev.Payload))
	}
	return shape.Fingerprint(text.String())
}

// resumeMethod emits
//
//	func (j *Journal) BalanceFrom(ctx context.Context, id AccountID, saved []byte) (batpak.Folded[Balance], []byte, error) {
//		return batpak.Resume(ctx, j.store, j.AccountCoordinate(id).Entity, saved, balanceState, FoldBalance)
//	}
//
// or for a projection over all streams
//
//	func (j *Journal) TotalsFrom(ctx context.Context, saved []byte) (batpak.FoldedAll[Totals], []byte, error) {
//		return batpak.ResumeAll(ctx, j.store, []batpak.Kind{KindAccountOpened}, saved, totalsState, FoldTotals)
//	}
func (e *emitter) resumeMethod(p *model.Projection) jen.Code {
	name := e.method(vocab.Camel(p.Name)+"From", p.Pos)
	text := fmt.Sprintf("%s is %s from a state that an earlier call saved, or from the start without one. It returns bytes to give"+
		" to the next call, wherever they are kept meanwhile. Bytes that are not of this projection as it is now, or not of this"+
		" history, fail with a *batpak.SavedError: call it again without them.", name, vocab.Camel(p.Name))
	params, call, result := []jen.Code{e.ctxParam()}, "ResumeAll", "FoldedAll"
	args := []jen.Code{e.L("ctx"), e.L("j").Dot("store")}
	if p.Per != nil {
		params, call, result = append(params, e.idParam(p.Per)), "Resume", "Folded"
		args = append(args, e.L("j").Dot(coordinateMethod(p.Per)).Call(e.L("id")).Dot("Entity"))
	} else {
		args = append(args, kinds(folded(p)))
	}
	params = append(params, e.L("saved").Index().Byte())
	args = append(args, e.L("saved"), jen.Id(e.stateVar(p)), jen.Id(foldFunc(p)))
	return vocab.Documented(e.journalMethod(name).Params(params...).
		Params(vocab.Runtime(result).Types(namedType(p.State)), jen.Index().Byte(), jen.Error()).Block(
		jen.Return(vocab.Runtime(call).Call(args...)),
	), text, "")
}
