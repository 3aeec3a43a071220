package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/codec"
	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// frozen emits the declarations of frozen_gen_test.go: for each event a test that
// what was frozen of its released versions is still read.
func (e *emitter) frozen() []jen.Code {
	decls := make([]jen.Code, 0, len(e.pkg.Events))
	for _, ev := range e.pkg.Events {
		decls = append(decls, e.frozenTest(ev))
	}
	return decls
}

// frozenTest emits
//
//	func TestBatpakFrozenMoneyDeposited(t *testing.T) {
//		props.Frozen(t, KindMoneyDeposited, 3, DecodeMoneyDeposited, MoneyDeposited.AppendBatpak)
//	}
func (e *emitter) frozenTest(ev *model.Event) jen.Code {
	name := e.Claim("TestBatpakFrozen"+vocab.Exported(ev.Payload.Name), ev.Pos)
	text := fmt.Sprintf("%s holds that the payloads which were frozen of kind %s are still read.", name, kindText(ev))
	return vocab.Documented(jen.Func().Id(name).Params(e.L("t").Op("*").Add(vocab.Testing("T"))).Block(
		vocab.Props("Frozen").Call(e.L("t"), jen.Id(kindConst(ev)), jen.Lit(int(ev.Version)),
			jen.Id(decoderFunc(ev)), jen.Add(payloadType(ev)).Dot(codec.EncodeMethod)),
	), text, "")
}
