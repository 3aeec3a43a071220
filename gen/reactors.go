package gen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// reactors emits the declarations of reactors.batpak.go.
func (e *emitter) reactors() []jen.Code {
	var decls []jen.Code
	for _, r := range e.pkg.Reactors {
		decls = append(decls, e.reactor(r))
	}
	return decls
}

// reactor emits
//
//	func FraudWatchReactor(r *fraudWatch) batpak.Reactor {
//		return batpak.Reactor{
//			Name:  "fraud-watch",
//			On:    []batpak.Kind{KindMoneyWithdrawn},
//			Emits: []batpak.Kind{KindAccountFlagged},
//			React: func(e batpak.Event, b *batpak.Batch) error {
//				switch e.Kind {
//				…
//				}
//				return nil
//			},
//		}
//	}
func (e *emitter) reactor(r *model.Reactor) jen.Code {
	name := e.Claim(vocab.Camel(r.Name)+"Reactor", r.Pos)
	on := make([]*model.Event, 0, len(r.On))
	cases := make([]jen.Code, 0, len(r.On))
	for _, h := range r.On {
		on = append(on, h.Event)
		cases = append(cases, jen.Case(jen.Id(kindConst(h.Event))).Block(e.reaction(h)...))
	}
	fields := []jen.Code{
		jen.Id("Name").Op(":").Lit(r.Name),
		jen.Id("On").Op(":").Add(kinds(on)),
	}
	text := fmt.Sprintf("%s is reactor %s at work with r: it answers %s", name, r.Name, list(payloadNames(on)))
	if len(r.Emits) > 0 {
		fields = append(fields, jen.Id("Emits").Op(":").Add(kinds(r.Emits)))
		text += " with " + list(payloadNames(r.Emits))
	}
	fields = append(fields, jen.Id("React").Op(":").Func().Params(e.eventParam(), e.batchParam()).Error().Block(
		jen.Switch(e.L("e").Dot("Kind")).Block(cases...),
		jen.Return(jen.Nil()),
	))
	return vocab.Documented(jen.Func().Id(name).Params(e.L("r").Op("*").Add(namedType(r.Type))).Add(vocab.Runtime("Reactor")).Block(
		jen.Return(vocab.Runtime("Reactor").Add(vocab.Lines(fields...))),
	), text+".", r.Doc)
}

// reaction emits
//
//	stored, err := DecodeMoneyWithdrawn(e)
//	if err != nil {
//		return err
//	}
//	return r.onWithdrawn(stored, b)
func (e *emitter) reaction(h model.Handler) []jen.Code {
	react := e.L("r").Dot(h.Func).Call(e.L("stored"), e.L("b"))
	if h.Recv == "" {
		react = jen.Id(h.Func).Call(e.L("r"), e.L("stored"), e.L("b"))
	}
	return append(e.storedEvent(h.Event), jen.Return(react))
}

// kinds emits []batpak.Kind{KindMoneyWithdrawn, …}, on lines of their own if they are
// many.
func kinds(events []*model.Event) jen.Code {
	const few = 3
	ids := make([]jen.Code, 0, len(events))
	for _, ev := range events {
		ids = append(ids, jen.Id(kindConst(ev)))
	}
	list := jen.Index().Add(vocab.Runtime("Kind"))
	if len(ids) > few {
		return list.Add(vocab.Lines(ids...))
	}
	return list.Values(ids...)
}

// payloadNames are the names of the payloads of events.
func payloadNames(events []*model.Event) []string {
	names := make([]string, 0, len(events))
	for _, ev := range events {
		names = append(names, ev.Payload.Name)
	}
	return names
}
