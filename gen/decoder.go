package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/codec"
	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// eventDecoder emits
//
//	func DecodeMoneyWithdrawn(e batpak.Event) (batpak.Stored[MoneyWithdrawn], error) {
//		return batpak.Decode(e, 1, (*MoneyWithdrawn).DecodeBatpak)
//	}
//
// or with lifting in the place of the method.
func (e *emitter) eventDecoder(ev *model.Event) jen.Code {
	name := e.Claim(decoderFunc(ev), ev.Pos)
	text := fmt.Sprintf("%s decodes the payload of e, which must be of kind %s, at version %d; it does not look at the kind.",
		name, kindText(ev), ev.Version)
	decode := jen.Code(jen.Parens(jen.Op("*").Add(payloadType(ev))).Dot(codec.DecodeMethod))
	if len(ev.Upcasts) > 0 {
		text = fmt.Sprintf("%s decodes the payload of e, which must be of kind %s, and lifts it from the version that was stored to"+
			" version %d; it does not look at the kind.", name, kindText(ev), ev.Version)
		decode = e.lifting(ev)
	}
	return vocab.Documented(jen.Func().Id(name).Params(e.eventParam()).
		Params(vocab.Runtime("Stored").Types(payloadType(ev)), jen.Error()).Block(
		jen.Return(vocab.Runtime("Decode").Call(e.L("e"), jen.Lit(int(ev.Version)), decode)),
	), text, "")
}

// lifting emits
//
//	func(v *MoneyDeposited, src []byte) (err error) {
//		var v1 moneyDepositedV1
//		var v2 moneyDepositedV2
//		switch d := wire.NewDecoder(src); e.PayloadVersion {
//		case 1:
//			err = wire.Finish(d, &v1, decodeMoneyDepositedV1(d))
//		case 2:
//			err = wire.Finish(d, &v2, decodeMoneyDepositedV2(d))
//		default:
//			return wire.Finish(d, v, decodeMoneyDeposited(d))
//		}
//		…
//		return err
//	}
func (e *emitter) lifting(ev *model.Event) jen.Code {
	var vars, cases, steps []jen.Code
	for _, u := range ev.Upcasts {
		vars = append(vars, jen.Var().Add(e.Version(u.From)).Add(vocab.Ref(u.Source.Path, u.Source.Name)))
		cases = append(cases, jen.Case(jen.Lit(int(u.From))).Block(
			e.L("err").Op("=").Add(e.codecs.Finish(u.Source, jen.Op("&").Add(e.Version(u.From)))),
		))
		steps = append(steps, e.step(ev, u))
	}
	cases = append(cases, jen.Default().Block(jen.Return(e.codecs.Finish(ev.Payload, e.L("v")))))
	body := append(vars, jen.Switch(
		e.L("d").Op(":=").Add(vocab.Wire("NewDecoder")).Call(e.L("src")),
		e.L("e").Dot("PayloadVersion"),
	).Block(cases...))
	body = append(append(body, steps...), jen.Return(e.L("err")))
	return jen.Func().Params(e.L("v").Op("*").Add(payloadType(ev)), e.L("src").Index().Byte()).
		Params(e.L("err").Error()).Block(body...)
}

// step emits
//
//	if err == nil && e.PayloadVersion <= 1 {
//		v2, err = batpak.Upcast(1, v1, depositedV1toV2)
//	}
//
// where the last step sets *v, and every version that is left needs it.
func (e *emitter) step(ev *model.Event, u model.Upcast) jen.Code {
	due, target := e.L("err").Op("==").Nil(), e.Version(u.From+1)
	if last := u.From+1 == ev.Version; last {
		target = jen.Op("*").Add(e.L("v"))
	} else {
		due.Op("&&").Add(e.L("e")).Dot("PayloadVersion").Op("<=").Lit(int(u.From))
	}
	return jen.If(due).Block(
		jen.List(target, e.L("err")).Op("=").Add(vocab.Runtime("Upcast")).Call(
			jen.Lit(int(u.From)), e.Version(u.From), jen.Id(u.Func)),
	)
}
