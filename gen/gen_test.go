package gen_test

import (
	"bytes"
	"errors"
	"go/format"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/model"
)

// generate emits a schema that has to be right.
func generate(t *testing.T, pkg *model.Package) []gen.File {
	t.Helper()
	files, ds, err := gen.Generate(pkg)
	if err != nil || len(ds) > 0 {
		t.Fatalf("Generate(%s) = %v, %v, want files", pkg.Path, ds, err)
	}
	return files
}

// generateTests emits the tests of a schema that has to be right.
func generateTests(t *testing.T, pkg *model.Package) []gen.File {
	t.Helper()
	files, ds, err := gen.Tests(pkg)
	if err != nil || len(ds) > 0 {
		t.Fatalf("Tests(%s) = %v, %v, want files", pkg.Path, ds, err)
	}
	return files
}

func TestNothingDeclaredGivesNothing(t *testing.T) {
	empty := &model.Package{Path: "example.com/empty", Name: "empty"}
	if files := append(generate(t, empty), generateTests(t, empty)...); len(files) > 0 {
		t.Errorf("Generate and Tests of an empty package = %d files, want none", len(files))
	}
}

func TestFilesAreThoseThatAreNeeded(t *testing.T) {
	pkg := ledger()
	pkg.Commands, pkg.Gates, pkg.Projections = nil, nil, nil
	var got []string
	for _, f := range generate(t, pkg) {
		got = append(got, f.Name)
	}
	if want := []string{"events.batpak.go"}; !slices.Equal(got, want) {
		t.Errorf("Generate(events only) = %v, want %v", got, want)
	}
}

func TestOutputIsRepeatable(t *testing.T) {
	repeated(t, ledger(), generate(t, ledger()), generateTests(t, ledger()))
}

// repeated emits files and tests as often as shows that they do not depend on the order
// of maps, and fails unless they are always the same.
func repeated(t *testing.T, pkg *model.Package, files, tests []gen.File) {
	t.Helper()
	for range 20 {
		same := func(a, b gen.File) bool { return a.Name == b.Name && bytes.Equal(a.Source, b.Source) }
		if !slices.EqualFunc(files, generate(t, pkg), same) || !slices.EqualFunc(tests, generateTests(t, pkg), same) {
			t.Fatalf("what is emitted for %s differs from time to time", pkg.Path)
		}
	}
}

// Emitted tests give way to what the package declares: its names are imported by no
// test.
func TestTestsAvoidNames(t *testing.T) {
	pkg := ledger()
	pkg.Taken = map[string]token.Position{"props": {}, "testing": {}, "t": {}}
	source := string(generateTests(t, pkg)[0].Source)
	for _, want := range []string{"testingValue \"testing\"", "propsValue \"github.com/batpak-go/batpak/props\"", "(tValue *testingValue.T)"} {
		if !strings.Contains(source, want) {
			t.Errorf("emitted test lacks %q:\n%s", want, source)
		}
	}
}

// Moving declarations within their file changes no output.
func TestOutputDoesNotDependOnLines(t *testing.T) {
	moved := ledger()
	for _, ev := range moved.Events {
		ev.Pos.Line += 100
	}
	first := generate(t, ledger())
	for i, f := range generate(t, moved) {
		if !bytes.Equal(f.Source, first[i].Source) {
			t.Errorf("Generate(ledger) gives another %s after its events moved", f.Name)
		}
	}
}

func TestOutputIsFormatted(t *testing.T) {
	for _, f := range generate(t, ledger()) {
		want, err := format.Source(f.Source)
		if err != nil {
			t.Errorf("format.Source(%s) = %v, want nil", f.Name, err)
		} else if !bytes.Equal(f.Source, want) {
			t.Errorf("%s is not formatted", f.Name)
		}
		if !bytes.HasPrefix(f.Source, []byte(gen.Header+"\n// schema: schema.go\n\npackage bank\n")) {
			t.Errorf("%s begins with %.80q, want the header, the schema's files and the package clause", f.Name, f.Source)
		}
	}
}

// A gated event can be appended through its command only.
func TestGatedEventsHaveNoUngatedAppend(t *testing.T) {
	for _, f := range generate(t, ledger()) {
		for _, name := range []string{"AppendMoneyWithdrawn", "AddMoneyWithdrawn"} {
			if bytes.Contains(f.Source, []byte(name)) {
				t.Errorf("%s has %s, want no ungated append of a gated event", f.Name, name)
			}
		}
	}
}

func TestCollisions(t *testing.T) {
	tests := []struct {
		name   string
		change func(*model.Package)
		want   []string // "line: message [code]"
	}{
		{
			"user's function",
			func(p *model.Package) { p.Taken["FoldBalance"] = at(80) },
			[]string{"8: generated FoldBalance collides with your own; rename one of them [BP701]"},
		},
		{
			"user's type",
			func(p *model.Package) { p.Taken["Journal"] = at(80) },
			[]string{"80: Journal collides with the generated Journal, which every schema has; rename it [BP701]"},
		},
		{
			"user's method",
			func(p *model.Package) { p.Taken["MoneyDeposited.AppendBatpak"] = at(80) },
			[]string{"50: generated MoneyDeposited.AppendBatpak collides with your own; rename one of them [BP701]"},
		},
		{
			"payload's field",
			func(p *model.Package) { p.Structs[1].Fields[0].Name = "DecodeBatpak" },
			[]string{"1: generated method MoneyDeposited.DecodeBatpak collides with the field; rename the field [BP701]"},
		},
		{
			"projection and fixed method",
			func(p *model.Package) { p.Projections[0].Name = "store" },
			[]string{"8: generated Journal.Store collides with the one that every schema has; rename the declaration [BP701]"},
		},
		{
			"projection and command",
			func(p *model.Package) { p.Projections[0].Name = "withdraw" },
			[]string{"8: generated Journal.Withdraw is needed twice; rename one of the declarations [BP701]"},
		},
		{
			"two payloads",
			func(p *model.Package) { p.Structs[2].Name = "moneyDeposited" },
			[]string{"6: generated KindMoneyDeposited is needed twice; rename one of the declarations [BP701]"},
		},
		{
			"hidden builtin",
			func(p *model.Package) { p.Taken["append"], p.Taken["true"] = at(80), at(81) },
			[]string{
				"80: append hides the predeclared append that generated code needs; rename it [BP701]",
				"81: true hides the predeclared true that generated code needs; rename it [BP701]",
			},
		},
		{
			"two at once",
			func(p *model.Package) {
				p.Taken["Bind"], p.Taken["Withdraw"], p.Taken["KindMoneyWithdrawn"] = at(80), at(81), at(82)
			},
			[]string{
				"6: generated KindMoneyWithdrawn collides with your own; rename one of them [BP701]",
				"80: Bind collides with the generated Bind, which every schema has; rename it [BP701]",
			},
		},
		{
			"optional array of structs",
			func(p *model.Package) {
				source := p.Structs[0]
				p.Structs[1].Fields[2].Type = &model.Type{
					Class: model.ClassArray, Len: 2, Elem: &model.Type{Class: model.ClassStruct, Struct: source},
				}
			},
			[]string{"1: MoneyDeposited.Memo: option optional cannot be used here, because the elements of an array are compared" +
				" with ==, which does not fit theirs; use a pointer [BP109]"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pkg := ledger()
			tt.change(pkg)
			files, ds, err := gen.Generate(pkg)
			if err != nil || len(files) > 0 {
				t.Fatalf("Generate(%s) = %d files, error %v, want diagnostics", tt.name, len(files), err)
			}
			var got []string
			for _, d := range ds {
				got = append(got, strings.Join([]string{itoa(d.Pos), d.Message, "[" + d.Code + "]"}, " "))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("Generate(%s) diagnostics:\ngot  %q\nwant %q", tt.name, got, tt.want)
			}
		})
	}
}

// itoa formats the line of a position.
func itoa(pos token.Position) string {
	pos.Filename, pos.Column = "", 0
	return pos.String() + ":"
}

// Unexported names give way to the user's instead of being reported.
func TestUnexportedNamesGiveWay(t *testing.T) {
	pkg := ledger()
	for _, name := range []string{"ctx", "withdrawGates", "decodeSource", "batpak", "wire"} {
		pkg.Taken[name] = at(90)
	}
	var all strings.Builder
	for _, f := range generate(t, pkg) {
		all.WriteString(string(f.Source))
	}
	for _, want := range []string{
		"ctxValue context.Context", "withdrawGatesValue = ", "func decodeSourceValue(", `batpakValue "github.com`, `wireValue "github.com`,
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("Generate with taken names lacks %q", want)
		}
	}
}

// Every name that a parameter could hide, and every keyword, is avoided.
func TestCallerParametersAvoidNames(t *testing.T) {
	pkg := ledger()
	pkg.Taken["limit"] = at(90)
	c := pkg.Commands[0]
	c.Fill = nil
	for _, field := range []string{"Ctx", "ID", "Type", "Batpak", "Len", "Limit", "HTTPCode", "httpCode"} {
		c.Fill = append(c.Fill, model.Fill{Field: field, From: model.FillCaller, Type: "string"})
	}
	want := "e MoneyWithdrawn, ctxValue string, idValue string, typeValue string, batpakValue string, lenValue string," +
		" limitValue string, httpCode string, httpCodeValue string, opts"
	for _, f := range generate(t, pkg) {
		if f.Name == "commands.batpak.go" && !bytes.Contains(f.Source, []byte(want)) {
			t.Errorf("%s lacks parameters %q:\n%s", f.Name, want, f.Source)
		}
	}
}

func TestUnparsableTypeIsAnError(t *testing.T) {
	pkg := ledger()
	pkg.Commands[0].Fill[3].Type = "map["
	if _, ds, err := gen.Generate(pkg); err == nil {
		t.Errorf("Generate(model with type map[) = %v, nil, want an error", ds)
	}
}

// The emitters keep away from what makes jennifer's output depend on map order
// or on what was rendered before, and from raw code in identifiers.
func TestEmittersKeepToTheRules(t *testing.T) {
	forbidden := regexp.MustCompile("jen\\.Dict|DictFunc|\\.Clone\\(\\)|\\bId\\(\"[^\"]*[. (]")
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := filepath.Glob("internal/*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, rooms...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := forbidden.Find(source); found != nil {
			t.Errorf("%s uses %q", name, found)
		}
	}
}

// An event of five fields costs at most 90 lines, its codec included.
func TestEventsAreSmall(t *testing.T) {
	const limit = 90
	lines := func(pkg *model.Package) int {
		n := 0
		for _, f := range generate(t, pkg) {
			n += bytes.Count(f.Source, []byte("\n"))
		}
		return n
	}
	pkg := ledger()
	before := lines(pkg)
	pkg = ledger()
	memo := field("Memo", "memo", basic("string"))
	memo.Optional = true
	closing := &model.Struct{Name: "AccountClosed", Pos: at(80), Fields: []model.Field{
		field("By", "by", basic("string")), field("At", "at", &model.Type{Class: model.ClassTime}),
		field("Rest", "rest", named("Cents", "int64")), field("Reason", "reason", basic("string")), memo,
	}}
	pkg.Structs = append(pkg.Structs, closing)
	pkg.Events = append(pkg.Events, &model.Event{
		Decl: decl("closed", 7), Category: 1, Type: 4, Version: 1, Entity: pkg.Entities[0], Payload: closing,
	})
	if got := lines(pkg) - before; got > limit {
		t.Errorf("an event of five fields has %d lines, want at most %d", got, limit)
	} else {
		t.Logf("an event of five fields has %d lines", got)
	}
}

// What cannot be formatted comes with the error, for who looks into it.
func TestBrokenOutputIsReturned(t *testing.T) {
	pkg := ledger()
	pkg.Events[0].Payload.Name = "Money Deposited"
	_, _, err := gen.Generate(pkg)
	broken, ok := errors.AsType[*gen.BrokenError](err)
	if !ok || broken.File.Name != "events.batpak.go" || !bytes.Contains(broken.File.Source, []byte("Money Deposited")) || errors.Unwrap(broken) == nil {
		t.Errorf("Generate() = %v, want a BrokenError with the output", err)
	}
}
