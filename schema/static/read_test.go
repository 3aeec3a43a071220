package static_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/source"
	"github.com/batpak-go/batpak/schema/static"
)

// world is what sources in these tests may import: package schema itself, and
// stand-ins for the runtime and for package time.
type world map[string]*types.Package

// Import makes world a [types.Importer].
func (w world) Import(path string) (*types.Package, error) {
	if p := w[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("no package %s in this world", path)
}

const runtimePath = "github.com/batpak-go/batpak/runtime"

// newWorld type-checks the packages of the world.
func newWorld(t testing.TB) world {
	t.Helper()
	w := world{"unsafe": types.Unsafe}
	fset := token.NewFileSet()
	add := func(path, name string, src any) {
		f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		conf := types.Config{Importer: w}
		if w[path], err = conf.Check(path, fset, []*ast.File{f}, nil); err != nil {
			t.Fatal(err)
		}
	}
	add("time", "time.go", `package time
type Time struct { wall uint64 }
func Now() Time { return Time{} }
func (t Time) Unix() int64 { return 0 }`)
	add("maps", "maps.go", `package maps
func DeleteFunc[M ~map[K]V, K comparable, V any](m M, del func(K, V) bool) {}
func EqualFunc[M1 ~map[K]V1, M2 ~map[K]V2, K comparable, V1, V2 any](m1 M1, m2 M2, eq func(V1, V2) bool) bool { return true }`)
	add("strings", "strings.go", `package strings
func HasPrefix(s, prefix string) bool { return false }`)
	add(runtimePath, "runtime.go", `package batpak
type Stored[T any] struct { Sequence uint64; Payload T }
type Denial struct { Code, Message string }
type Batch struct{}
func Deny(code, message string) *Denial { return nil }`)
	add(source.SchemaPath, "../schema.go", nil)
	return w
}

// readSource reads the schema of a package of one file, whatever is wrong with
// it. It returns no model if the file has no package clause.
func readSource(w world, src string) (*model.Package, []diag.Diagnostic) {
	fset := token.NewFileSet()
	f, _ := parser.ParseFile(fset, "schema.go", src, parser.ParseComments|parser.AllErrors|parser.SkipObjectResolution)
	if f == nil || !f.Package.IsValid() {
		return nil, nil
	}
	from := &source.Package{
		Path: "example.com/fuzz", Dir: "/", Fset: fset, Files: []*ast.File{f},
		Info: &types.Info{
			Types:      make(map[ast.Expr]types.TypeAndValue),
			Instances:  make(map[*ast.Ident]types.Instance),
			Defs:       make(map[*ast.Ident]types.Object),
			Uses:       make(map[*ast.Ident]types.Object),
			Selections: make(map[*ast.SelectorExpr]*types.Selection),
		},
	}
	conf := types.Config{Importer: w, Error: func(err error) {
		if e, ok := errors.AsType[types.Error](err); ok {
			from.Errors = append(from.Errors, e)
		}
	}}
	from.Types, _ = conf.Check(from.Path, fset, from.Files, from.Info)
	pkg, ds := static.Read(from)
	for _, more := range check.Packages(pkg) {
		ds = append(ds, more...)
	}
	return pkg, ds
}

// bank is a schema that uses every kind of declaration.
const bank = `package bank

import (
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/schema"
)

// AccountID names an account.
type AccountID string

const ledger schema.Category = 0x1

// account is the family of accounts.
var account = schema.Entity[AccountID]{Prefix: "account", Scope: "led" + "ger"}

var (
	// opened begins an account.
	opened    = schema.Event[AccountOpened]{Category: ledger, Type: 0x001, Version: 1, Entity: account}
	withdrawn = (schema.Event[MoneyWithdrawn]{ledger, 1 << 2, 1, (account), (nil)})
	flagged   = schema.Event[Flagged]{Category: ledger, Type: 3, Version: 3, Entity: account, Upcasts: steps}
)

const first = 1

var steps = schema.Chain{schema.Step(first, flaggedV1.lift), (schema.Step[flaggedV1](2, lift))}

func (f flaggedV1) lift() (flaggedV1, error) { return f, nil }

func lift(flaggedV1) (Flagged, error) { return Flagged{}, nil }

// AccountOpened says who
// owns an account.
type AccountOpened struct {
	ID        AccountID
	OpenedAt  time.Time
	HTTPCode  int16
	Tags      []string        ` + "`json:\"t\" bat:\"labels,optional\"`" + `
	Digest    [32]byte
	Raw       []byte
	Blob      Blob
	Source    *Source
	Limits    [3]Cents  ` + "`bat:\",optional\"`" + `
	Status    Status
	ByStatus  map[Status][]string ` + "`bat:\",sorted,max=9\"`" + `
	Rate      *float32 ` + "`bat:\",float\"`" + `
	History   [][]Source
	cache     map[string]bool ` + "`bat:\"-\"`" + `
	V2        rune
}

type Status string

const (
	Active  Status = "act" + "ive"
	Dormant Status = "dormant"
	Asleep         = Dormant
)

var status = schema.Enum[Status]{Open: 1 < 2}

type (
	Cents int64
	Blob  []byte
	// Source is where money comes from.
	Source struct{ Kind, Ref string }
)

type MoneyWithdrawn struct{ Amount Cents }

type (
	Flagged   struct{}
	flaggedV1 struct{ Rule string }
)

func (v MoneyWithdrawn) Positive() bool { return v.Amount > 0 }
func (m MoneyWithdrawn) Negative() bool { return m.Amount < 0 }
func (m *MoneyWithdrawn) Turn() { m.Amount = -m.Amount }
func (_ MoneyWithdrawn) None() {}
func (MoneyWithdrawn) Any() {}

type Balance struct{ Available Cents }

func (b *Balance) opened(batpak.Stored[AccountOpened])       {}
func (b *Balance) withdrawn(e batpak.Stored[MoneyWithdrawn]) { b.Available -= e.Payload.Amount }

var ignored = schema.Events{flagged}

var balance = schema.Projection[Balance]{
	Name: "balance", Version: 2, Per: account,
	Fold: schema.Fold[Balance]{
		schema.On(opened, (*Balance).opened),
		schema.On[Balance](withdrawn, (*Balance).withdrawn),
	},
	Ignore: ignored,
}

type Withdrawal struct {
	Account  AccountID
	Balance  Balance
	Proposed MoneyWithdrawn
	At       time.Time ` + "`bat:\"caller\"`" + `
	memo     string    ` + "`bat:\"-\"`" + `
}

var (
	funds  = schema.Gate[Withdrawal]{Name: "sufficient-funds", Eval: denyOverdraft}
	frozen = schema.Gate[Withdrawal]{Name: "not-frozen", Eval: Withdrawal.denyFrozen}
)

func denyOverdraft(w Withdrawal) *batpak.Denial {
	if w.Proposed.Amount > w.Balance.Available {
		return batpak.Deny("NSF", "insufficient funds")
	}
	return nil
}

func (w Withdrawal) denyFrozen() *batpak.Denial { return nil }

var withdraw = schema.Command[Withdrawal, MoneyWithdrawn]{
	Name:  "withdraw",
	Event: withdrawn,
	Gates: schema.Gates[Withdrawal]{frozen, funds},
}
`

func TestReadFillsTheModel(t *testing.T) {
	pkg, ds := readSource(newWorld(t), bank)
	for _, d := range ds {
		t.Errorf("%v: %s [%s]", d.Pos, d.Message, d.Code)
	}
	if d := cmp.Diff(strings.TrimPrefix(wantBank, "\n"), describe(pkg)); d != "" {
		t.Errorf("model differs (-want +got):\n%s", d)
	}
	for _, name := range []string{"AccountID", "ledger", "opened", "denyOverdraft", "MoneyWithdrawn.Positive"} {
		if pos, ok := pkg.Taken[name]; !ok || pos.Line == 0 {
			t.Errorf("Taken[%q] = %v, %v, want a position", name, pos, ok)
		}
	}
	if _, ok := pkg.Taken["Balance.opened"]; ok {
		t.Error("Taken has a method of a type that is no payload")
	}
	if got := pkg.Events[0].Given["Category"]; got.Line != 20 || got.Column != 52 {
		t.Errorf("opened gives Category at %v, want 20:52", got)
	}
}

const wantBank = `
entity account "account" "ledger" {AccountID   string} doc "account is the family of accounts."
event opened 0x1001 v1 account AccountOpened doc "opened begins an account."
event withdrawn 0x1004 v1 account MoneyWithdrawn doc "" guarded by withdraw
event flagged 0x1003 v3 account Flagged doc "" 1:flaggedV1.lift(flaggedV1)flaggedV1 2:lift(flaggedV1)Flagged
enum status {Status   string} open true: Active="active" Dormant="dormant"
struct Source doc "Source is where money comes from.": Kind=kind:1string Ref=ref:1string
struct AccountOpened doc "AccountOpened says who\nowns an account.": ID=id:AccountID/1string OpenedAt=opened_at:4 HTTPCode=http_code:1int16 Tags=labels?:5(1string) Digest=digest:3*32 Raw=raw:2 Blob=blob:Blob/2 Source=source?:7(Source/8) Limits=limits?:6*3(Cents/1int64) Status=status:Status/1string#status ByStatus=by_status:9<Status/1string#status>(5(1string))max9 Rate=rate?:7(1float32) History=history:5(5(Source/8)) V2=v2:1int32 -13 cache map[string]bool []
struct MoneyWithdrawn doc "": methods of m: Amount=amount:Cents/1int64
struct Flagged doc "":
struct flaggedV1 doc "": methods of f: Rule=rule:1string
projection balance "balance" v2 account {Balance  }: Balance.opened(opened) Balance.withdrawn(withdrawn) ignores flagged
gate funds "sufficient-funds" Withdrawal denyOverdraft
gate frozen "not-frozen" Withdrawal Withdrawal.denyFrozen
command withdraw "withdraw" Withdrawal withdrawn: frozen funds; Account=1 Balance=3balance Proposed=2 At=4 time.Time [{time time}]
`

// describe writes a model in a line for each part.
func describe(p *model.Package) string {
	var b strings.Builder
	for _, en := range p.Entities {
		fmt.Fprintf(&b, "entity %s %q %q %v doc %q\n", en.Var, en.Prefix, en.Scope, en.ID, en.Doc)
	}
	for _, e := range p.Events {
		fmt.Fprintf(&b, "event %s %#04x v%d %s %s doc %q", e.Var, e.Kind(), e.Version, e.Entity.Var, e.Payload.Name, e.Doc)
		if e.Command != nil {
			fmt.Fprintf(&b, " guarded by %s", e.Command.Var)
		}
		for _, u := range e.Upcasts {
			fmt.Fprintf(&b, " %d:%s(%s)%s", u.From, u.Func, u.Source.Name, u.Target.Name)
		}
		b.WriteByte('\n')
	}
	for _, e := range p.Enums {
		fmt.Fprintf(&b, "enum %s %v open %v:", e.Var, e.Type, e.Open)
		for _, v := range e.Values {
			fmt.Fprintf(&b, " %s=%s", v.Name, v.Literal)
		}
		b.WriteByte('\n')
	}
	for _, s := range p.Structs {
		fmt.Fprintf(&b, "struct %s doc %q:", s.Name, s.Doc)
		if s.Receiver != "" {
			fmt.Fprintf(&b, " methods of %s:", s.Receiver)
		}
		for _, f := range s.Fields {
			mark := ""
			if f.Optional {
				mark = "?"
			}
			fmt.Fprintf(&b, " %s=%s%s:%s", f.Name, f.Wire, mark, shape(f.Type))
			if f.Max > 0 {
				fmt.Fprintf(&b, "max%d", f.Max)
			}
		}
		for _, f := range s.Skipped {
			fmt.Fprintf(&b, " -%d %s %s %v", f.Index, f.Name, f.Type, f.Imports)
		}
		b.WriteByte('\n')
	}
	for _, pr := range p.Projections {
		fmt.Fprintf(&b, "projection %s %q v%d %s %v:", pr.Var, pr.Name, pr.Version, pr.Per.Var, pr.State)
		for _, h := range pr.Fold {
			fmt.Fprintf(&b, " %s.%s(%s)", h.Recv, h.Func, h.Event.Var)
		}
		for _, e := range pr.Ignore {
			fmt.Fprintf(&b, " ignores %s", e.Var)
		}
		b.WriteByte('\n')
	}
	for _, g := range p.Gates {
		fmt.Fprintf(&b, "gate %s %q %s %s\n", g.Var, g.Name, g.Context.Name, g.Func)
	}
	for _, c := range p.Commands {
		fmt.Fprintf(&b, "command %s %q %s %s:", c.Var, c.Name, c.Context.Name, c.Event.Var)
		for _, g := range c.Gates {
			fmt.Fprintf(&b, " %s", g.Var)
		}
		b.WriteString(";")
		for _, f := range c.Fill {
			fmt.Fprintf(&b, " %s=%d", f.Field, f.From)
			if f.Projection != nil {
				b.WriteString(f.Projection.Var)
			}
			if f.Type != "" {
				fmt.Fprintf(&b, " %s %v", f.Type, f.Imports)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// shape writes how a type is stored: its name, class, basic type and elements.
func shape(t *model.Type) string {
	text := fmt.Sprintf("%d%s", t.Class, t.Basic)
	if t.Named != nil {
		text = t.Named.Name + "/" + text
	}
	if t.Len != 0 {
		text += fmt.Sprintf("*%d", t.Len)
	}
	if t.Enum != nil {
		text += "#" + t.Enum.Var
	}
	if t.Key != nil {
		text += "<" + shape(t.Key) + ">"
	}
	if t.Elem != nil {
		text += "(" + shape(t.Elem) + ")"
	}
	return text
}

// FuzzRead: whatever the source, reading it does not panic, and every diagnostic
// has a position within it and a known code.
func FuzzRead(f *testing.F) {
	f.Add(bank)
	f.Add(strings.ReplaceAll(bank, "Version: 1", "\n//line x.go:900:900\nVersion: 0"))
	for _, cut := range []int{100, 700, 1500, 2300} {
		f.Add(bank[:cut])
		f.Add(bank[:cut] + "}" + bank[cut:])
	}
	archives, err := filepath.Glob("../read/testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatalf("Glob = %v, %v, want archives", archives, err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, ".go") {
				f.Add(string(file.Data))
			}
		}
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, src string) { checkPositions(t, w, src) })
}

// checkPositions reads a source and makes sure of its diagnostics.
func checkPositions(t *testing.T, w world, src string) {
	t.Helper()
	_, ds := readSource(w, src)
	areWithin(t, src, ds)
}

// areWithin requires of diagnostics about a source that each has a known code and a
// file, and that it, its end and what it is related to lie in the source.
func areWithin(t *testing.T, src string, ds []diag.Diagnostic) {
	t.Helper()
	lines := strings.SplitAfter(src, "\n")
	within := func(p token.Position) bool {
		return p.Filename == "schema.go" && 1 <= p.Line && p.Line <= len(lines) && 1 <= p.Column && p.Column <= len(lines[p.Line-1])+1
	}
	for _, d := range ds {
		if !within(d.Pos) || d.End.IsValid() && (!within(d.End) || d.End.Offset < d.Pos.Offset) {
			t.Errorf("%s [%s]: is at %v to %v, want a place in the source:\n%s", d.Message, d.Code, d.Pos, d.End, src)
		}
		for _, r := range d.Related {
			if !within(r.Pos) {
				t.Errorf("%s [%s]: %s at %v, want a place in the source:\n%s", d.Message, d.Code, r.Message, r.Pos, src)
			}
		}
		if _, ok := diag.Describe(d.Code); !ok {
			t.Errorf("%s: code %q is not in the table", d.Message, d.Code)
		}
	}
}

// TestReadSurvivesMutations drops, doubles and swaps every token of a sound
// schema, and renames every identifier.
func TestReadSurvivesMutations(t *testing.T) {
	w := newWorld(t)
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("schema.go", -1, len(bank)), []byte(bank), nil, 0)
	var starts []int
	var ids []int
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			break
		}
		if lit != "\n" {
			starts = append(starts, fset.Position(pos).Offset)
		}
		if tok == token.IDENT {
			ids = append(ids, fset.Position(pos).Offset)
		}
	}
	for i := range len(starts) - 2 {
		a, b, c := starts[i], starts[i+1], starts[i+2]
		head, first, second, tail := bank[:a], bank[a:b], bank[b:c], bank[c:]
		checkPositions(t, w, head+second+tail)
		checkPositions(t, w, head+first+first+second+tail)
		checkPositions(t, w, head+second+first+tail)
	}
	for _, at := range ids {
		checkPositions(t, w, bank[:at]+"x"+bank[at:])
	}
}
