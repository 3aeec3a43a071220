package gen

import (
	"fmt"
	"go/token"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// Names of the journal's fixed parts.
const (
	journalType = "Journal"
	bindFunc    = "Bind"
)

// gatesVar names the list of a command's gates.
func (e *emitter) gatesVar(c *model.Command) string {
	return e.Own(vocab.Unexported(vocab.Camel(c.Name)) + "Gates")
}

// kindConst names the kind of an event: KindMoneyDeposited.
func kindConst(ev *model.Event) string { return "Kind" + vocab.Exported(ev.Payload.Name) }

// decoderFunc names the decoder of an event: DecodeMoneyDeposited.
func decoderFunc(ev *model.Event) string { return "Decode" + vocab.Exported(ev.Payload.Name) }

// draftMethod names the method that turns a payload into a draft.
func draftMethod(ev *model.Event) string { return "draft" + vocab.Exported(ev.Payload.Name) }

// coordinateMethod names the method that turns an id into a coordinate.
func coordinateMethod(en *model.Entity) string { return vocab.Camel(en.Prefix) + "Coordinate" }

// foldFunc names the fold of a projection: FoldBalance.
func foldFunc(p *model.Projection) string { return "Fold" + vocab.Camel(p.Name) }

// callerParams names the parameters that a command takes from its caller, in
// the order of the context's fields.
func (e *emitter) callerParams(c *model.Command) map[string]string {
	params, used := map[string]string{}, map[string]bool{}
	for _, fill := range c.Fill {
		if fill.From != model.FillCaller {
			continue
		}
		name := e.Param(vocab.Unexported(fill.Field), func(name string) bool {
			return used[name] || name == e.gatesVar(c)
		})
		used[name] = true
		params[fill.Field] = name
	}
	return params
}

// method claims a method of the journal for the declaration at pos.
func (e *emitter) method(name string, pos token.Position) string {
	return e.Claim(journalType+"."+name, pos)
}

// payloadType names the payload of an event.
func payloadType(ev *model.Event) *jen.Statement { return jen.Id(ev.Payload.Name) }

// idType names the type of an entity's ids.
func idType(en *model.Entity) *jen.Statement { return vocab.Ref(en.ID.Path, en.ID.Name) }

// namedType names a projection's state or a gate context.
func namedType(t model.NamedRef) *jen.Statement { return vocab.Ref(t.Path, t.Name) }

// journalMethod begins a method of the journal:
//
//	func (j *Journal) Name
func (e *emitter) journalMethod(name string) *jen.Statement {
	return jen.Func().Params(e.L("j").Op("*").Id(journalType)).Id(name)
}

// Parameters that many methods have.
func (e *emitter) ctxParam() jen.Code   { return e.L("ctx").Qual("context", "Context") }
func (e *emitter) eventParam() jen.Code { return e.L("e").Add(vocab.Runtime("Event")) }
func (e *emitter) batchParam() jen.Code { return e.L("b").Op("*").Add(vocab.Runtime("Batch")) }
func (e *emitter) optsParam() jen.Code {
	return e.L("opts").Op("...").Add(vocab.Runtime("AppendOption"))
}

// opts passes the options on: opts...
func (e *emitter) opts() jen.Code { return e.L("opts").Op("...") }

// receiptResult is (batpak.Receipt, error).
func receiptResult() jen.Code { return jen.Params(vocab.Runtime("Receipt"), jen.Error()) }

// list joins words for a sentence: "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return fmt.Sprintf("%s and %s", strings.Join(words[:last], ", "), words[last])
}
