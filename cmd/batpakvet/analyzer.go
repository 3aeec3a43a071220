package main

import (
	"fmt"
	"go/token"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/source"
	"github.com/batpak-go/batpak/schema/static"
)

// analyzer checks the schema of a package.
func analyzer() *analysis.Analyzer {
	return &analysis.Analyzer{
		Name: "batpak",
		Doc:  "check batpak schemas\n\nIt reports what batpakgen would report of the package.",
		Run:  run,
	}
}

// run reports what is wrong with the schema of a package, if it has one.
func run(pass *analysis.Pass) (any, error) {
	src := read(pass)
	if len(src.Files) == 0 || !usesSchema(pass) {
		return nil, nil
	}
	pkg, ds := static.Read(src)
	ds = append(ds, check.Packages(pkg)[pkg.Path]...)
	if !diag.HasErrors(ds) {
		_, more, err := gen.Generate(pkg)
		if err != nil {
			return nil, err
		}
		ds = append(ds, more...)
	}
	diag.Sort(ds)
	p := positions(pass)
	for _, d := range ds {
		p.report(d)
	}
	return nil, nil
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

// reporter turns positions that were written down back into places.
type reporter struct {
	pass  *analysis.Pass
	files map[string]*token.File
}

func positions(pass *analysis.Pass) *reporter {
	r := &reporter{pass: pass, files: make(map[string]*token.File, len(pass.Files))}
	for _, f := range pass.Files {
		tf := pass.Fset.File(f.FileStart)
		r.files[tf.Name()] = tf
	}
	return r
}

// report reports a diagnostic, related places included.
func (r *reporter) report(d diag.Diagnostic) {
	message := d.Message
	if d.Severity == diag.Warning {
		message = "warning: " + message
	}
	pos, ok := r.place(d.Pos)
	if !ok { // a line directive says it is in another file
		pos, message = r.pass.Files[0].Package, d.Pos.String()+": "+message
	}
	end, ok := r.place(d.End)
	if !ok || end < pos {
		end = token.NoPos
	}
	out := analysis.Diagnostic{Pos: pos, End: end, Category: d.Code, Message: fmt.Sprintf("%s [%s]", message, d.Code)}
	for _, related := range d.Related {
		if pos, ok := r.place(related.Pos); ok {
			out.Related = append(out.Related, analysis.RelatedInformation{Pos: pos, Message: related.Message})
		}
	}
	r.pass.Report(out)
}

// place is where a position is in the files of the package.
func (r *reporter) place(p token.Position) (token.Pos, bool) {
	f := r.files[p.Filename]
	if f == nil || p.Line < 1 || p.Line > f.LineCount() {
		return token.NoPos, false
	}
	start := f.Offset(f.LineStart(p.Line))
	return f.Pos(slices.Min([]int{start + max(p.Column, 1) - 1, f.Size()})), true
}
