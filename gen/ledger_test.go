package gen_test

import (
	"go/token"

	"github.com/batpak-go/batpak/schema/model"
)

// at is a position in schema.go.
func at(line int) token.Position {
	return token.Position{Filename: "/src/bank/schema.go", Offset: 100 * line, Line: line, Column: 1}
}

func decl(name string, line int) model.Decl { return model.Decl{Var: name, Pos: at(line)} }

func basic(b model.Basic) *model.Type { return &model.Type{Class: model.ClassBasic, Basic: b} }

func named(name string, b model.Basic) *model.Type {
	return &model.Type{Class: model.ClassBasic, Basic: b, Named: &model.NamedRef{Name: name}}
}

func field(name, wire string, t *model.Type) model.Field {
	return model.Field{Name: name, Wire: wire, Type: t, Pos: at(1)}
}

// ledger is a small schema, built anew for each call: one entity, an event that
// anyone may append, one that belongs to a command, a projection.
func ledger() *model.Package {
	account := &model.Entity{
		Decl: decl("account", 3), Prefix: "account", Scope: "ledger",
		ID: model.NamedType{Name: "AccountID", Basic: "string"},
	}
	source := &model.Struct{Name: "Source", Pos: at(40), Fields: []model.Field{
		field("Kind", "kind", basic("string")), field("Ref", "ref", basic("string")),
	}}
	memo := field("Memo", "memo", basic("string"))
	memo.Optional = true
	deposit := &model.Struct{Name: "MoneyDeposited", Pos: at(50), Doc: "MoneyDeposited records money coming in.", Fields: []model.Field{
		field("Amount", "amount", named("Cents", "int64")),
		field("Source", "source", &model.Type{Class: model.ClassStruct, Struct: source, Named: &model.NamedRef{Name: "Source"}}),
		memo,
	}}
	withdrawal := &model.Struct{Name: "MoneyWithdrawn", Pos: at(60), Fields: []model.Field{
		field("Amount", "amount", named("Cents", "int64")),
		field("Day", "day", basic("int32")),
	}}
	deposited := &model.Event{Decl: decl("deposited", 5), Category: 1, Type: 2, Version: 1, Entity: account, Payload: deposit}
	withdrawn := &model.Event{Decl: decl("withdrawn", 6), Category: 1, Type: 3, Version: 1, Entity: account, Payload: withdrawal}
	balance := &model.Projection{
		Decl: decl("balance", 8), Name: "balance", Version: 1, Per: account, State: model.NamedRef{Name: "Balance"},
		Fold:   []model.Handler{{Event: deposited, Recv: "Balance", Func: "deposited", Pos: at(9)}},
		Ignore: []*model.Event{withdrawn},
	}
	funds := &model.Gate{Decl: decl("funds", 12), Name: "sufficient-funds", Context: model.NamedRef{Name: "Withdrawal"}, Func: "denyOverdraft"}
	withdraw := &model.Command{
		Decl: decl("withdraw", 14), Name: "withdraw", Event: withdrawn, Gates: []*model.Gate{funds},
		Context: model.NamedRef{Name: "Withdrawal"},
		Fill: []model.Fill{
			{Field: "Account", From: model.FillID},
			{Field: "Balance", From: model.FillProjection, Projection: balance},
			{Field: "Proposed", From: model.FillEvent},
			{Field: "Limit", From: model.FillCaller, Type: "Cents"},
			{Field: "At", From: model.FillCaller, Type: "time.Time", Imports: []model.Import{{Path: "time", Name: "time"}}},
		},
	}
	withdrawn.Command = withdraw
	return &model.Package{
		Path: "example.com/bank", Name: "bank", Dir: "/src/bank", Files: []string{"schema.go"},
		Entities: []*model.Entity{account}, Events: []*model.Event{deposited, withdrawn},
		Projections: []*model.Projection{balance}, Gates: []*model.Gate{funds}, Commands: []*model.Command{withdraw},
		Structs: []*model.Struct{source, deposit, withdrawal},
		Taken:   map[string]token.Position{"account": at(3), "Balance": at(70)},
	}
}
