package source

import (
	"go/ast"
	"go/build"
	"go/build/constraint"
	"go/token"
	"go/types"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
)

// SchemaPath is the import path of the package whose types make up schemas.
const SchemaPath = "github.com/batpak-go/batpak/schema"

// Package is a parsed and type-checked package, errors included.
type Package struct {
	Path      string // import path
	Dir       string // directory of the files, absolute
	Fset      *token.FileSet
	Files     []*ast.File // the user's files, parsed with comments
	Generated []*ast.File // files that batpakgen generated
	Types     *types.Package
	Info      *types.Info   // with Types, Defs, Uses, Selections and Instances
	Errors    []types.Error // what the type checker had to say, in any file
}

// FileName is the base name of the file that holds pos, whatever line directives
// say.
func (p *Package) FileName(pos token.Pos) string {
	return filepath.Base(p.Fset.PositionFor(pos, false).Filename)
}

// PassErrors passes on what the type checker said about a piece of a schema, and
// reports whether it said anything. An error that goes on in other places, in
// lines that begin with a tab, is passed on as a whole.
func (p *Package) PassErrors(at diag.Range, sink *diag.Sink) bool {
	within := func(e types.Error) bool { return at.Pos() <= e.Pos && e.Pos < at.End() }
	found := false
	for rest := p.Errors; len(rest) > 0; {
		n := 1
		for n < len(rest) && strings.HasPrefix(rest[n].Msg, "\t") {
			n++
		}
		parts := rest[:n]
		rest = rest[n:]
		if !slices.ContainsFunc(parts, within) {
			continue
		}
		found = true
		related := make([]diag.Related, 0, n-1)
		for _, e := range parts[1:] {
			related = append(related, diag.Related{Pos: sink.Position(e.Pos), Message: strings.TrimSpace(e.Msg)})
		}
		sink.AddRelated(diag.Span{From: parts[0].Pos, To: parts[0].Pos}, related, "BP005", "%s", parts[0].Msg)
	}
	return found
}

// schemaType returns a type if package schema declares it.
func schemaType(t types.Type) *types.Named {
	if t == nil {
		return nil
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != SchemaPath {
		return nil
	}
	return named
}

// constraint reports a file of the schema that is not built everywhere.
func (p *Package) constraint(f *ast.File, sink *diag.Sink) {
	if c := constrained(f); c != nil {
		sink.Add(c, "BP009", "schema files must build on every platform; remove the build constraint")
		return
	}
	name := p.FileName(f.FileStart)
	if filepath.Ext(name) != ".go" { // what cgo made of a file, in the build cache
		sink.Add(f.Name, "BP009", "schema files must build on every platform; this one uses cgo")
		return
	}
	// Asked about a platform that does not exist, with a file that says nothing,
	// go/build judges by the name alone.
	nowhere := build.Context{GOOS: "none", GOARCH: "none", OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package p\n")), nil
	}}
	if match, err := nowhere.MatchFile("", name); err == nil && !match {
		sink.Add(f.Name, "BP009", "schema files must build on every platform; %s is named for one", name)
	}
}

// constrained returns the build constraint of a file, or nil.
func constrained(f *ast.File) *ast.Comment {
	for _, group := range f.Comments {
		if group.Pos() > f.Package {
			break
		}
		for _, c := range group.List {
			if constraint.IsGoBuild(c.Text) || constraint.IsPlusBuild(c.Text) {
				return c
			}
		}
	}
	return nil
}
