package check_test

import (
	"go/token"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// decl is a declaration at a line of its own that gives the fields.
func decl(name string, line int, fields ...string) model.Decl {
	d := model.Decl{Var: name, Pos: token.Position{Filename: "schema.go", Line: line, Column: 1}, Given: map[string]token.Position{}}
	for i, f := range fields {
		d.Given[f] = token.Position{Filename: "schema.go", Line: line, Column: 10 * (i + 1)}
	}
	return d
}

// entity is a sound entity.
func entity(name, prefix, scope string) *model.Entity {
	return &model.Entity{Decl: decl(name, 1, "Prefix", "Scope"), Prefix: prefix, Scope: scope, ID: model.NamedType{Name: name + "ID", Basic: "string"}}
}

// event is a sound event.
func event(name string, typ uint16, en *model.Entity) *model.Event {
	return &model.Event{
		Decl: decl(name, 10+int(typ), "Category", "Type", "Version", "Entity"), Category: 1, Type: typ, Version: 1,
		Entity: en, Payload: &model.Struct{Name: strings.ToUpper(name)},
	}
}

// codes checks one package and returns the codes that it gives.
func codes(pkgs ...*model.Package) []string {
	var list []string
	for _, ds := range check.Packages(pkgs...) {
		for _, d := range ds {
			list = append(list, d.Code)
		}
	}
	return list
}

func TestScopes(t *testing.T) {
	for scope, sound := range map[string]bool{
		"": true, "ledger": true, "Ünïcode scope": true, "a.b": true, strings.Repeat("s", 1024): true,
		"a..b": false, "a/b": false, "a|b": false, "a=b": false, "a\nb": false, "\u0085": false, "\x7f": false, "\xff": false,
		strings.Repeat("s", 1025): false,
	} {
		pkg := &model.Package{Path: "p", Entities: []*model.Entity{entity("account", "account", scope)}}
		if got := codes(pkg); (len(got) == 0) != sound {
			t.Errorf("scope %.20q gives %v, want sound = %v", scope, got, sound)
		}
	}
}

func TestNames(t *testing.T) {
	for name, sound := range map[string]bool{
		"balance": true, "daily-balance": true, "b2": true, "top-10": true,
		"": false, "Balance": false, "-balance": false, "balance-": false, "daily--balance": false, "daily_balance": false, "2b": false,
	} {
		en := entity("account", "account", "")
		ev := event("opened", 1, en)
		p := &model.Projection{
			Decl: decl("balance", 20, "Name", "Version", "Per", "Fold"), Name: name, Version: 1, Per: en,
			Fold: []model.Handler{{Event: ev, Func: "apply"}},
		}
		pkg := &model.Package{Path: "p", Entities: []*model.Entity{en}, Events: []*model.Event{ev}, Projections: []*model.Projection{p}}
		if got := codes(pkg); (len(got) == 0) != sound {
			t.Errorf("name %q gives %v, want sound = %v", name, got, sound)
		}
	}
}

// TestBrokenDeclarationsAreQuiet: what could not be read has been reported and
// gives nothing else.
func TestBrokenDeclarationsAreQuiet(t *testing.T) {
	broken := func(name string, line int) model.Decl {
		d := decl(name, line)
		d.Given, d.Broken = nil, true
		return d
	}
	en := &model.Entity{Decl: broken("account", 1)}
	ev := &model.Event{Decl: broken("opened", 2), Entity: en, Payload: &model.Struct{}}
	pkg := &model.Package{
		Path: "p", Entities: []*model.Entity{en}, Events: []*model.Event{ev},
		Projections: []*model.Projection{{Decl: broken("balance", 3)}},
		Gates:       []*model.Gate{{Decl: broken("gate", 4)}},
		Commands:    []*model.Command{{Decl: broken("command", 5)}},
	}
	if got := codes(pkg); len(got) > 0 {
		t.Errorf("Packages(broken) = %v, want nothing", got)
	}
}

func TestPackagesAreCheckedAgainstEachOther(t *testing.T) {
	one, two := entity("account", "account", ""), entity("order", "account", "")
	a := &model.Package{Path: "a", Name: "a", Entities: []*model.Entity{one}, Events: []*model.Event{event("opened", 1, one)}}
	b := &model.Package{Path: "b", Name: "b", Entities: []*model.Entity{two}, Events: []*model.Event{event("placed", 1, two)}}
	want := map[string][]string{"b": {
		`prefix "account" is already used by a.account [BP201]`,
		"kind 0x1/0x001 of placed is already taken by a.opened [BP113]",
	}}
	got := make(map[string][]string)
	for path, ds := range check.Packages(a, b) {
		for _, d := range ds {
			got[path] = append(got[path], d.Message+" ["+d.Code+"]")
			if len(d.Related) != 1 || d.Severity != diag.Error {
				t.Errorf("%s: got %d related places, severity %d, want one and an error", d.Code, len(d.Related), d.Severity)
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Packages differs (-want +got):\n%s", d)
	}
}
