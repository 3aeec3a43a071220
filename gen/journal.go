package gen

import (
	"fmt"
	"go/token"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/codec"
	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// journal emits the type Journal, Bind and the methods that do not depend on
// the schema.
func (e *emitter) journal() []jen.Code {
	return []jen.Code{e.journalStruct(), e.bind(), e.in(), e.storeMethod()}
}

// journalStruct emits
//
//	type Journal struct {
//		store *batpak.Store
//		scope string
//	}
func (e *emitter) journalStruct() jen.Code {
	e.Claim(journalType, token.Position{})
	return vocab.Documented(jen.Type().Id(journalType).Struct(
		jen.Id("store").Op("*").Add(vocab.Runtime("Store")),
		jen.Id("scope").String().Comment("// of every event; empty = the schema's"),
	), fmt.Sprintf("Journal is a store seen through the schema of package %s. It is made by %s, holds no state of its own and"+
		" is safe for concurrent use.", e.pkg.Name, bindFunc), "")
}

// bind emits
//
//	func Bind(store *batpak.Store) (*Journal, error) {
//		err := store.Bind(batpak.Binding{
//			Schema: "example.com/bank",
//			Kinds: []batpak.BoundKind{
//				{Kind: KindAccountOpened, Name: "AccountOpened"},
//				…
//			},
//		})
//		if err != nil {
//			return nil, err
//		}
//		return &Journal{store: store}, nil
//	}
func (e *emitter) bind() jen.Code {
	e.Claim(bindFunc, token.Position{})
	binding := []jen.Code{jen.Id("Schema").Op(":").Lit(e.pkg.Path)}
	kinds := make([]jen.Code, 0, len(e.pkg.Events))
	for _, ev := range e.pkg.Events {
		kinds = append(kinds, jen.Values(jen.Id("Kind").Op(":").Id(kindConst(ev)), jen.Id("Name").Op(":").Lit(ev.Payload.Name)))
	}
	if len(kinds) > 0 {
		binding = append(binding, jen.Id("Kinds").Op(":").Index().Add(vocab.Runtime("BoundKind")).Add(vocab.Lines(kinds...)))
	}
	return vocab.Documented(jen.Func().Id(bindFunc).Params(e.L("store").Op("*").Add(vocab.Runtime("Store"))).
		Params(jen.Op("*").Id(journalType), jen.Error()).Block(
		e.L("err").Op(":=").Add(e.L("store")).Dot("Bind").Call(vocab.Runtime("Binding").Add(vocab.Lines(binding...))),
		e.IfErr(jen.Nil(), e.L("err")),
		jen.Return(jen.Op("&").Id(journalType).Values(jen.Id("store").Op(":").Add(e.L("store"))), jen.Nil()),
	), fmt.Sprintf("%s gives a store the schema of package %s. It fails if another schema that is bound to the store has one of"+
		" its event kinds.", bindFunc, e.pkg.Name), "")
}

// in emits
//
//	func (j *Journal) In(scope string) *Journal {
//		return &Journal{store: j.store, scope: scope}
//	}
func (e *emitter) in() jen.Code {
	name := e.method("In", token.Position{})
	return vocab.Documented(e.journalMethod(name).Params(e.L("scope").String()).Op("*").Id(journalType).Block(
		jen.Return(jen.Op("&").Id(journalType).Values(
			jen.Id("store").Op(":").Add(e.L("j")).Dot("store"),
			jen.Id("scope").Op(":").Add(e.L("scope")),
		)),
	), name+" returns a journal over the same store that files every event under scope instead of the schema's. Streams and"+
		" projections belong to the entity alone and are the same in every scope.", "")
}

// storeMethod emits
//
//	func (j *Journal) Store() *batpak.Store { return j.store }
func (e *emitter) storeMethod() jen.Code {
	name := e.method("Store", token.Position{})
	return vocab.Documented(e.journalMethod(name).Params().Op("*").Add(vocab.Runtime("Store")).Block(
		jen.Return(e.L("j").Dot("store")),
	), name+" returns the store that the journal appends to and reads from.", "")
}

// coordinate emits
//
//	func (j *Journal) AccountCoordinate(id AccountID) batpak.Coordinate {
//		return batpak.Coordinate{Entity: "account:" + string(id), Scope: cmp.Or(j.scope, "ledger")}
//	}
func (e *emitter) coordinate(en *model.Entity) jen.Code {
	name := e.method(coordinateMethod(en), en.Pos)
	scope := e.L("j").Dot("scope")
	where := "in the scope that In gave"
	if en.Scope != "" {
		scope = jen.Qual("cmp", "Or").Call(scope, jen.Lit(en.Scope))
		where = fmt.Sprintf("in scope %s", en.Scope)
	}
	return vocab.Documented(e.journalMethod(name).Params(e.idParam(en)).Add(vocab.Runtime("Coordinate")).Block(
		jen.Return(vocab.Runtime("Coordinate").Values(
			jen.Id("Entity").Op(":").Lit(en.Prefix+":").Op("+").Add(e.idText(en)),
			jen.Id("Scope").Op(":").Add(scope),
		)),
	), fmt.Sprintf("%s returns where the events of %s id are, %s.", name, en.Prefix, where), en.Doc)
}

// idParam is the parameter id AccountID.
func (e *emitter) idParam(en *model.Entity) jen.Code { return e.L("id").Add(idType(en)) }

// idText emits an id as text: string(id), or its decimal form.
func (e *emitter) idText(en *model.Entity) jen.Code {
	switch basic := string(en.ID.Basic); {
	case basic == "string":
		return jen.String().Call(e.L("id"))
	case strings.HasPrefix(basic, "u"):
		return jen.Qual("strconv", "FormatUint").Call(jen.Uint64().Call(e.L("id")), jen.Lit(10))
	default:
		return jen.Qual("strconv", "FormatInt").Call(jen.Int64().Call(e.L("id")), jen.Lit(10))
	}
}

// draft emits
//
//	func (j *Journal) draftMoneyDeposited(id AccountID, e MoneyDeposited) batpak.Draft {
//		return batpak.Draft{
//			Coordinate: j.AccountCoordinate(id), Kind: KindMoneyDeposited, PayloadVersion: 1,
//			Payload: e.AppendBatpak(make([]byte, 0, 64)), Err: checkMoneyDeposited(e),
//		}
//	}
//
// A payload of which no value can be wrong is not checked.
func (e *emitter) draft(ev *model.Event) jen.Code {
	name := e.method(draftMethod(ev), ev.Pos)
	payload := []jen.Code{jen.Id("Payload").Op(":").Add(e.L("e")).Dot(codec.EncodeMethod).Call(
		jen.Make(jen.Index().Byte(), jen.Lit(0), jen.Lit(codec.SizeHint(ev.Payload))))}
	if codec.Checked(ev.Payload) {
		payload = append(payload, jen.Id("Err").Op(":").Id(e.codecs.Check(ev.Payload)).Call(e.L("e")))
	}
	return vocab.Documented(e.journalMethod(name).
		Params(e.idParam(ev.Entity), e.L("e").Add(payloadType(ev))).Add(vocab.Runtime("Draft")).Block(
		jen.Return(vocab.Runtime("Draft").Add(vocab.Lines(
			jen.List(
				jen.Id("Coordinate").Op(":").Add(e.L("j")).Dot(coordinateMethod(ev.Entity)).Call(e.L("id")),
				jen.Id("Kind").Op(":").Id(kindConst(ev)),
				jen.Id("PayloadVersion").Op(":").Lit(int(ev.Version)),
			),
			jen.List(payload...),
		))),
	), fmt.Sprintf("%s encodes e for the stream of %s id.", name, ev.Entity.Prefix), "")
}

// drafted emits j.draftMoneyDeposited(id, e).
func (e *emitter) drafted(ev *model.Event) *jen.Statement {
	return e.L("j").Dot(draftMethod(ev)).Call(e.L("id"), e.L("e"))
}

// appendMethod emits
//
//	func (j *Journal) AppendMoneyDeposited(ctx context.Context, id AccountID, e MoneyDeposited,
//		opts ...batpak.AppendOption) (batpak.Receipt, error) {
//		return j.store.Append(ctx, j.draftMoneyDeposited(id, e), opts...)
//	}
func (e *emitter) appendMethod(ev *model.Event) jen.Code {
	name := e.method("Append"+vocab.Exported(ev.Payload.Name), ev.Pos)
	text := fmt.Sprintf("%s appends e to the stream of %s id, as version %d.", name, ev.Entity.Prefix, ev.Version)
	return vocab.Documented(e.journalMethod(name).
		Params(e.ctxParam(), e.idParam(ev.Entity), e.L("e").Add(payloadType(ev)), e.optsParam()).
		Add(receiptResult()).Block(
		jen.Return(e.L("j").Dot("store").Dot("Append").Call(e.L("ctx"), e.drafted(ev), e.opts())),
	), text, usersDoc(ev))
}

// addMethod emits
//
//	func (j *Journal) AddMoneyDeposited(b *batpak.Batch, id AccountID, e MoneyDeposited,
//		opts ...batpak.AppendOption) int {
//		return b.Add(j.draftMoneyDeposited(id, e), opts...)
//	}
func (e *emitter) addMethod(ev *model.Event) jen.Code {
	name := e.method("Add"+vocab.Exported(ev.Payload.Name), ev.Pos)
	text := fmt.Sprintf("%s adds e for %s id to a batch and returns its index.", name, ev.Entity.Prefix)
	return vocab.Documented(e.journalMethod(name).
		Params(e.batchParam(), e.idParam(ev.Entity), e.L("e").Add(payloadType(ev)), e.optsParam()).
		Int().Block(
		jen.Return(e.L("b").Dot("Add").Call(e.drafted(ev), e.opts())),
	), text, "")
}

// usersDoc is what the user wrote about an event, or else about its payload.
func usersDoc(ev *model.Event) string {
	if ev.Doc != "" {
		return ev.Doc
	}
	return ev.Payload.Doc
}
