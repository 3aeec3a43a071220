package main

import (
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/batpak-go/batpak/cmd/internal/output"
	"github.com/batpak-go/batpak/cmd/internal/promise"
	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/source"
	"github.com/batpak-go/batpak/schema/static"
)

// analyzer checks the schema of a package.
func analyzer() *analysis.Analyzer {
	var act promise.Act
	a := &analysis.Analyzer{
		Name:      "batpak",
		Doc:       "check batpak schemas\n\nIt reports what batpakgen -check would report of the package.",
		FactTypes: []analysis.Fact{new(claims)},
		Run:       func(pass *analysis.Pass) (any, error) { return nil, run(pass, act) },
	}
	a.Flags.BoolVar(&act.NoDrafts, "no-drafts", false, "report what is not released")
	a.Flags.String("again", "", "look again at packages whose Go source has not changed: any `text` that was not given before")
	return a
}

// run reports what is wrong with the schema of a package, if it has one, and with
// those of packages that meet in it.
func run(pass *analysis.Pass, act promise.Act) error {
	met := imported(pass)
	src := read(pass)
	if len(src.Files) == 0 || !usesSchema(pass) {
		met.export(pass, nil)
		met.report(pass, nil)
		return nil
	}
	pkg, ds := static.Read(src)
	ds = append(ds, check.Packages(append(met.packages(pkg.Path), pkg)...)[pkg.Path]...)
	if !diag.HasErrors(ds) {
		more, err := compare(pkg, act)
		if err != nil {
			return err
		}
		ds = append(ds, more...)
	}
	diag.Sort(ds)
	p := positions(pass)
	for _, d := range ds {
		p.report(d)
	}
	met.export(pass, pkg)
	met.report(pass, pkg)
	return nil
}

// compare emits the code of a package in which nothing is wrong, and compares that, and
// what was promised, with what is there. Tests are compared if there are any, since who
// generates without them wants none.
func compare(pkg *model.Package, act promise.Act) ([]diag.Diagnostic, error) {
	files, ds, err := gen.Generate(pkg)
	if err != nil || len(ds) > 0 {
		return ds, err
	}
	there, err := filepath.Glob(filepath.Join(pkg.Dir, "*"+gen.TestSuffix))
	if err != nil {
		return nil, err
	}
	if len(there) > 0 {
		tests, more, err := gen.Tests(pkg)
		if err != nil || len(more) > 0 {
			return more, err
		}
		files = append(files, tests...)
	}
	var plan output.Plan
	if err := plan.Compare(pkg.Path, pkg.Dir, files); err != nil {
		return nil, err
	}
	data, ds, err := act.Keep(pkg)
	if err != nil {
		return nil, err
	}
	if !diag.HasErrors(ds) {
		if err := plan.CompareData(pkg.Path, pkg.Dir, data); err != nil {
			return nil, err
		}
	}
	for _, c := range plan.Changes() {
		ds = append(ds, c.Diagnostic())
	}
	return ds, nil
}

// read is the package without its tests, in which batpakgen sees nothing.
func read(pass *analysis.Pass) *source.Package {
	path, _, _ := strings.Cut(pass.Pkg.Path(), " ") // "p [p.test]" is p with its tests
	src := &source.Package{Path: path, Fset: pass.Fset, Types: pass.Pkg, Info: pass.TypesInfo}
	for _, f := range pass.Files {
		name := pass.Fset.PositionFor(f.FileStart, false).Filename
		switch {
		case strings.HasSuffix(name, "_test.go"):
		case source.IsOutput(f):
			src.Generated = append(src.Generated, f)
		default:
			src.Dir = filepath.Dir(name)
			src.Files = append(src.Files, f)
		}
	}
	return src
}

// usesSchema reports whether a package may have a schema.
func usesSchema(pass *analysis.Pass) bool {
	for _, imported := range pass.Pkg.Imports() {
		if imported.Path() == source.SchemaPath {
			return true
		}
	}
	return false
}
