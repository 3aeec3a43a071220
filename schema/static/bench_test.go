package static_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/source"
	"github.com/batpak-go/batpak/schema/static"
)

// hundredEvents is a schema of ten entities with ten events each, every second one
// at version 2, a projection of each entity, and a command for one event of it.
func hundredEvents() string {
	var b strings.Builder
	b.WriteString("package large\n\nimport (\n\t\"time\"\n\n\tbatpak \"github.com/batpak-go/batpak/runtime\"\n\t\"github.com/batpak-go/batpak/schema\"\n)\n")
	for e := range 10 {
		fmt.Fprintf(&b, "\ntype ID%d string\n\nvar entity%d = schema.Entity[ID%d]{Prefix: \"entity-%d\", Scope: \"bench\"}\n", e, e, e, e)
		var handlers, methods strings.Builder
		for n := range 10 {
			i := e*10 + n
			fmt.Fprintf(&b, "\ntype Payload%d struct {\n\tOwner string\n\tAmount int64\n\tAt time.Time\n\tTags []string `bat:\"labels,optional\"`\n\tPart Part%d\n}\n", i, i)
			fmt.Fprintf(&b, "\ntype Part%d struct {\n\tName string\n\tDigest [32]byte\n}\n", i)
			rest := "Version: 1"
			if n%2 == 0 {
				fmt.Fprintf(&b, "\ntype payload%dV1 struct{ Owner string }\n\nfunc lift%d(v payload%dV1) (Payload%d, error) { return Payload%d{Owner: v.Owner}, nil }\n", i, i, i, i, i)
				rest = fmt.Sprintf("Version: 2, Upcasts: schema.Chain{schema.Step(1, lift%d)}", i)
			}
			fmt.Fprintf(&b, "\nvar event%d = schema.Event[Payload%d]{Category: 1, Type: %d, Entity: entity%d, %s}\n", i, i, i, e, rest)
			fmt.Fprintf(&handlers, "\t\tschema.On(event%d, (*State%d).on%d),\n", i, e, i)
			fmt.Fprintf(&methods, "\nfunc (s *State%d) on%d(e batpak.Stored[Payload%d]) {\n\tif e.Payload.Amount > s.Most {\n\t\ts.Most = e.Payload.Amount\n\t}\n}\n", e, i, i)
		}
		fmt.Fprintf(&b, "\ntype State%d struct{ Most int64 }\n%s\nvar projection%d = schema.Projection[State%d]{\n\tName: \"projection-%d\", Version: 1, Per: entity%d,\n\tFold: schema.Fold[State%d]{\n%s\t},\n}\n", e, &methods, e, e, e, e, e, &handlers)
		fmt.Fprintf(&b, "\ntype Context%d struct {\n\tID ID%d\n\tState State%d\n\tProposed Payload%d\n}\n", e, e, e, e*10)
		fmt.Fprintf(&b, "\nfunc deny%d(c Context%d) *batpak.Denial {\n\tif c.State.Most > c.Proposed.Amount {\n\t\treturn batpak.Deny(\"LESS\", \"less\")\n\t}\n\treturn nil\n}\n", e, e)
		fmt.Fprintf(&b, "\nvar gate%d = schema.Gate[Context%d]{Name: \"gate-%d\", Eval: deny%d}\n", e, e, e, e)
		fmt.Fprintf(&b, "\nvar command%d = schema.Command[Context%d, Payload%d]{Name: \"command-%d\", Event: event%d, Gates: schema.Gates[Context%d]{gate%d}}\n", e, e, e*10, e, e*10, e, e)
	}
	return b.String()
}

// BenchmarkHundredEvents reads and checks a large schema that is parsed and
// type-checked already.
func BenchmarkHundredEvents(b *testing.B) {
	w := newWorld(b)
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "schema.go", hundredEvents(), parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		b.Fatal(err)
	}
	src := &source.Package{Path: "example.com/large", Dir: "/", Fset: fset, Files: []*ast.File{f}, Info: newInfo()}
	conf := types.Config{Importer: w}
	if src.Types, err = conf.Check(src.Path, fset, src.Files, src.Info); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		pkg, ds := static.Read(src)
		ds = append(ds, check.Packages(pkg)[pkg.Path]...)
		if len(pkg.Events) != 100 || len(pkg.Commands) != 10 || len(ds) > 0 {
			b.Fatalf("read %d events and %d commands, diagnostics %v", len(pkg.Events), len(pkg.Commands), ds)
		}
	}
}
