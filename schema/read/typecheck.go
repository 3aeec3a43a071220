package read

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/gcexportdata"
	"golang.org/x/tools/go/packages"

	"github.com/batpak-go/batpak/schema/diag"
)

// graph holds what a load has seen, by import path: the packages, and all that they
// import, through others too. It is not safe for concurrent use.
type graph struct{ packages map[string]*packages.Package }

// newGraph collects the packages and what they import.
func newGraph(roots []*packages.Package) *graph {
	g := &graph{packages: make(map[string]*packages.Package)}
	packages.Visit(roots, nil, func(p *packages.Package) { g.packages[p.PkgPath] = p })
	return g
}

// Import makes graph a [types.Importer]. Of a package that is imported only through
// others, the load has no more than what these mention; the rest is read when it is
// asked for.
func (g *graph) Import(path string) (*types.Package, error) {
	p := g.packages[path]
	if p == nil || p.Types == nil {
		return nil, fmt.Errorf("package %s is not loaded", path)
	}
	if !p.Types.Complete() && p.ExportFile != "" {
		if err := g.complete(p); err != nil {
			return nil, fmt.Errorf("load package %s: %w", path, err)
		}
	}
	return p.Types, nil
}

// complete reads the export data of a package. Types of it and of others that there
// are already stay what they are.
func (g *graph) complete(p *packages.Package) error {
	f, err := os.Open(p.ExportFile)
	if err != nil {
		return err
	}
	defer f.Close()
	//lint:ignore SA1019 what go list -export writes is an archive until Go 1.28
	r, err := gcexportdata.NewReader(f)
	if err != nil {
		return err
	}
	known := map[string]*types.Package{}
	packages.Visit([]*packages.Package{p}, nil, func(p *packages.Package) {
		if p.Types != nil {
			known[p.PkgPath] = p.Types
		}
	})
	_, err = gcexportdata.Read(r, p.Fset, known, p.PkgPath)
	return err
}

// TypeCheck checks generated files, by base name, together with the user's own
// files of the package, in memory. Generated files that are on disk take no part.
// It returns what the parser or the type checker has to say about the given
// files, sorted, and nothing about the user's: code that does not compile for
// reasons of its own keeps nothing from being written.
func (r *Result) TypeCheck(files map[string][]byte) []diag.Diagnostic {
	fset := r.src.Fset
	syntax := slices.Clone(r.src.Files)
	given := make(map[string]bool, len(files))
	var ds []diag.Diagnostic
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(r.src.Dir, name)
		given[path] = true
		f, err := parser.ParseFile(fset, path, files[name], parser.ParseComments|parser.SkipObjectResolution)
		ds = append(ds, parseErrors(err)...)
		if f != nil {
			syntax = append(syntax, f)
		}
	}
	if len(ds) > 0 {
		return ds
	}
	conf := types.Config{
		Importer:  r.imports,
		GoVersion: r.version,
		Error: func(err error) {
			e, ok := errors.AsType[types.Error](err)
			if at := fset.PositionFor(e.Pos, false); ok && given[at.Filename] {
				ds = append(ds, diag.Diagnostic{Pos: at, Message: e.Msg})
			}
		},
	}
	// All errors have been given to conf.Error.
	_, _ = conf.Check(r.src.Path, fset, syntax, nil)
	diag.Sort(ds)
	return ds
}

// redeclared reports whether a package declares something twice.
func redeclared(pkg *packages.Package) bool {
	return slices.ContainsFunc(pkg.TypeErrors, func(e types.Error) bool {
		return strings.Contains(e.Msg, "redeclared in this block") || strings.Contains(e.Msg, "already declared at")
	})
}

// recheck type-checks the user's files alone: the user has declared something
// that an old generated file declares as well, and may have come second.
func (r *Result) recheck() {
	src := r.src
	src.Generated, src.Errors = nil, nil
	src.Info = &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Instances:  make(map[*ast.Ident]types.Instance),
		Defs:       make(map[*ast.Ident]types.Object),
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}
	conf := types.Config{
		Importer:  r.imports,
		GoVersion: r.version,
		Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); ok {
				src.Errors = append(src.Errors, e)
			}
		},
	}
	// All errors have been given to conf.Error.
	src.Types, _ = conf.Check(src.Path, src.Fset, src.Files, src.Info)
}

// parseErrors returns the errors of the parser as diagnostics.
func parseErrors(err error) []diag.Diagnostic {
	list, ok := errors.AsType[scanner.ErrorList](err)
	if !ok {
		return nil
	}
	ds := make([]diag.Diagnostic, len(list))
	for i, e := range list {
		ds[i] = diag.Diagnostic{Pos: e.Pos, Message: e.Msg}
	}
	return ds
}
