package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// eventDecoder emits
//
//	func DecodeMoneyWithdrawn(e batpak.Event) (batpak.Stored[MoneyWithdrawn], error) {
//		d := wire.NewDecoder(e.Payload)
//		return batpak.Decoded(e, 1, decodeMoneyWithdrawn(d), d.Finish())
//	}
//
// or with the body of lifting.
func (e *emitter) eventDecoder(ev *model.Event) jen.Code {
	name := e.Claim(decoderFunc(ev), ev.Pos)
	text := fmt.Sprintf("%s decodes the payload of e, which must be of kind %s, at version %d; it does not look at the kind.",
		name, kindText(ev), ev.Version)
	body := []jen.Code{
		e.L("d").Op(":=").Add(e.payloadDecoder()),
		e.decoded(ev, e.codecs.Decoded(ev.Payload), e.L("d").Dot("Finish").Call()),
	}
	if len(ev.Upcasts) > 0 {
		text = fmt.Sprintf("%s decodes the payload of e, which must be of kind %s, and lifts it from the version that was stored to"+
			" version %d; it does not look at the kind.", name, kindText(ev), ev.Version)
		body = e.lifting(ev)
	}
	return vocab.Documented(jen.Func().Id(name).Params(e.eventParam()).
		Params(vocab.Runtime("Stored").Types(payloadType(ev)), jen.Error()).Block(body...), text, "")
}

// payloadDecoder emits wire.NewDecoder(e.Payload).
func (e *emitter) payloadDecoder() jen.Code {
	return vocab.Wire("NewDecoder").Call(e.L("e").Dot("Payload"))
}

// decoded emits return batpak.Decoded(e, 1, payload, err).
func (e *emitter) decoded(ev *model.Event, payload, err jen.Code) jen.Code {
	return jen.Return(vocab.Runtime("Decoded").Call(e.L("e"), jen.Lit(int(ev.Version)), payload, err))
}

// lifting emits
//
//	var v MoneyDeposited
//	var v1 moneyDepositedV1
//	var v2 moneyDepositedV2
//	d := wire.NewDecoder(e.Payload)
//	switch e.PayloadVersion {
//	case 1:
//		v1 = decodeMoneyDepositedV1(d)
//	case 2:
//		v2 = decodeMoneyDepositedV2(d)
//	default:
//		v = decodeMoneyDeposited(d)
//	}
//	err := d.Finish()
//	…
//	return batpak.Decoded(e, 3, v, err)
func (e *emitter) lifting(ev *model.Event) []jen.Code {
	vars := []jen.Code{jen.Var().Add(e.L("v")).Add(payloadType(ev))}
	var cases, steps []jen.Code
	for _, u := range ev.Upcasts {
		vars = append(vars, jen.Var().Add(e.Version(u.From)).Add(vocab.Ref(u.Source.Path, u.Source.Name)))
		cases = append(cases, jen.Case(jen.Lit(int(u.From))).Block(e.Version(u.From).Op("=").Add(e.codecs.Decoded(u.Source))))
		steps = append(steps, e.step(ev, u))
	}
	cases = append(cases, jen.Default().Block(e.L("v").Op("=").Add(e.codecs.Decoded(ev.Payload))))
	body := append(vars,
		e.L("d").Op(":=").Add(e.payloadDecoder()),
		jen.Switch(e.L("e").Dot("PayloadVersion")).Block(cases...),
		e.L("err").Op(":=").Add(e.L("d")).Dot("Finish").Call(),
	)
	return append(append(body, steps...), e.decoded(ev, e.L("v"), e.L("err")))
}

// step emits
//
//	if err == nil && e.PayloadVersion <= 1 {
//		v2, err = batpak.Upcast(1, v1, depositedV1toV2)
//	}
//
// where the last step sets v.
func (e *emitter) step(ev *model.Event, u model.Upcast) jen.Code {
	target := e.Version(u.From + 1)
	if u.From+1 == ev.Version {
		target = e.L("v")
	}
	return jen.If(e.L("err").Op("==").Nil().Op("&&").Add(e.L("e")).Dot("PayloadVersion").Op("<=").Lit(int(u.From))).Block(
		jen.List(target, e.L("err")).Op("=").Add(vocab.Runtime("Upcast")).Call(
			jen.Lit(int(u.From)), e.Version(u.From), jen.Id(u.Func)),
	)
}
