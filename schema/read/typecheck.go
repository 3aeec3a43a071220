package read

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/batpak-go/batpak/schema/diag"
)

// TypeCheck checks generated files, by base name, together with the user's own
// files of the package, in memory. Generated files that are on disk take no part.
// It returns what the parser or the type checker has to say about the given
// files, sorted, and apart from that what it says about the user's, which keeps nothing
// from being written: it is not the schema's fault.
func (r *Result) TypeCheck(files map[string][]byte) (faults, users []diag.Diagnostic) {
	fset := r.src.Fset
	syntax := slices.Clone(r.src.Files)
	given := make(map[string]bool, len(files))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(r.src.Dir, name)
		given[path] = true
		f, err := parser.ParseFile(fset, path, files[name], parser.ParseComments|parser.SkipObjectResolution)
		faults = append(faults, parseErrors(err)...)
		if f != nil {
			syntax = append(syntax, f)
		}
	}
	if len(faults) > 0 {
		return faults, nil
	}
	conf := types.Config{
		Importer:  r.imports,
		GoVersion: r.version,
		Error: func(err error) {
			e, ok := errors.AsType[types.Error](err)
			if !ok {
				return
			}
			d := diag.Diagnostic{Pos: fset.PositionFor(e.Pos, false), Message: e.Msg}
			if given[d.Pos.Filename] {
				faults = append(faults, d)
			} else {
				users = append(users, d)
			}
		},
	}
	// All errors have been given to conf.Error.
	_, _ = conf.Check(r.src.Path, fset, syntax, nil)
	diag.Sort(faults)
	diag.Sort(users)
	return faults, users
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
	src.Info = newInfo()
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

// newInfo takes what the static reader wants to know of the type checker.
func newInfo() *types.Info {
	return &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Instances:  make(map[*ast.Ident]types.Instance),
		Defs:       make(map[*ast.Ident]types.Object),
		Uses:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}
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
