package static_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/packages"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/evolution"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/source"
	"github.com/batpak-go/batpak/schema/static"
)

// What a schema says, and what is generated for it, does not depend on the order in
// which the files of its package are read.
func TestOrderOfFilesDoesNotMatter(t *testing.T) {
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax,
		Dir:  "../..",
	}, "./examples/bank", "./examples/gitlog/history")
	if err != nil || len(pkgs) != 2 {
		t.Fatalf("Load = %d packages, %v, want 2", len(pkgs), err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, pkg := range pkgs {
		var want []byte
		for n := range 20 {
			files := slices.Clone(pkg.Syntax)
			if n > 0 {
				rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
			}
			got := compile(t, pkg, files)
			if n == 0 {
				want = got
			}
			if d := cmp.Diff(string(want), string(got)); d != "" {
				t.Fatalf("%s, shuffle %d: output differs (-in order +shuffled):\n%s", pkg.PkgPath, n, d)
			}
		}
	}
}

// The same holds if every declaration has a file of its own, and the type checker
// sees these in another order too.
func TestOrderOfDeclarationsInFilesDoesNotMatter(t *testing.T) {
	w := newWorld(t)
	fset := token.NewFileSet()
	whole, err := parser.ParseFile(fset, "bank.go", bank, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	text := func(from, to token.Pos) string { return bank[fset.Position(from).Offset:fset.Position(to).Offset] }
	head := text(whole.FileStart, whole.Decls[0].End()) + "\n"
	var texts []string
	last := whole.Decls[0].End()
	for _, d := range whole.Decls[1:] {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && g.Lparen.IsValid() {
			for _, spec := range g.Specs { // a file for each variable of a group
				texts = append(texts, head+"var "+text(spec.Pos(), spec.End())+"\n")
			}
		} else {
			texts = append(texts, head+text(last, d.End())+"\n") // comments above it included
		}
		last = d.End()
	}
	rng := rand.New(rand.NewPCG(5, 6))
	order := rng.Perm(len(texts))
	slices.Sort(order)
	var want []byte
	for n := range 20 {
		fset := token.NewFileSet()
		var files []*ast.File
		for _, i := range order {
			f, err := parser.ParseFile(fset, fmt.Sprintf("/bank/file%02d.go", i), texts[i], parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		pkg := &packages.Package{PkgPath: "example.com/bank", GoFiles: []string{"/bank/file00.go"}, Fset: fset, TypesInfo: newInfo()}
		conf := types.Config{Importer: w, Error: func(error) {}} // of imports that are not used
		pkg.Types, _ = conf.Check(pkg.PkgPath, fset, files, pkg.TypesInfo)
		got := compile(t, pkg, files)
		if n == 0 {
			want = got
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Fatalf("order %v: output differs (-in order +shuffled):\n%s", order, d)
		}
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
}

// newInfo is what the type checker fills for the reader.
func newInfo() *types.Info {
	return &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Instances:  make(map[*ast.Ident]types.Instance),
		Defs:       make(map[*ast.Ident]types.Object),
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}
}

// compile reads the schema of a package whose files come in the given order, and
// returns its diagnostics and all that is generated for it and for its release.
func compile(t *testing.T, pkg *packages.Package, files []*ast.File) []byte {
	t.Helper()
	src := &source.Package{Path: pkg.PkgPath, Dir: filepath.Dir(pkg.GoFiles[0]), Fset: pkg.Fset, Types: pkg.Types, Info: pkg.TypesInfo}
	for _, f := range files {
		if source.IsOutput(f) {
			src.Generated = append(src.Generated, f)
		} else {
			src.Files = append(src.Files, f)
		}
	}
	model, ds := static.Read(src)
	ds = append(ds, check.Packages(model)[pkg.PkgPath]...)
	var out bytes.Buffer
	if err := diag.Print(&out, src.Dir, ds); err != nil {
		t.Fatal(err)
	}
	emitted, more, err := gen.Generate(model)
	if err != nil || len(more) > 0 || len(emitted) == 0 {
		t.Fatalf("Generate = %d files, %v, %v", len(emitted), more, err)
	}
	tests, more, err := gen.Tests(model)
	if err != nil || len(more) > 0 || len(tests) == 0 {
		t.Fatalf("Tests = %d files, %v, %v", len(tests), more, err)
	}
	out.WriteString(strings.Join(model.Files, " ") + "\n")
	for _, f := range slices.Concat(emitted, tests) {
		out.WriteString(f.Name + "\n")
		out.Write(f.Source)
	}
	locked, _ := evolution.Judge(model, nil)
	frozen := map[string][]byte{}
	evolution.Release(locked, frozen)
	out.Write(lock.Print(locked))
	for _, name := range slices.Sorted(maps.Keys(frozen)) {
		out.WriteString(name + "\n")
		out.Write(frozen[name])
	}
	return out.Bytes()
}
