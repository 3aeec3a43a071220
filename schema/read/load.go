package read

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"go/version"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/source"
	"github.com/batpak-go/batpak/schema/static"
)

// Config says what to load.
type Config struct {
	// Dir is where the go command runs and what patterns are relative to; empty
	// means the current directory.
	Dir string
	// Patterns select packages as on the go command's line; none means ".".
	Patterns []string
	// Tags is a comma-separated list of build tags.
	Tags string
	// Env is the environment of the go command; nil means the process's own.
	Env []string
	// Settings are what go env says of GOARCH, GOFLAGS and perhaps others in Dir with Env,
	// by name, for who has just asked; empty means that Load asks.
	Settings map[string]string
	// Recall and Keep remember the files of export data that packages of a schema need,
	// by import path, for who calls Load again and can tell that nothing has changed
	// but the packages themselves. Keep is given what there is behind the imports of
	// packages in some directories, unless the go command should be asked each time;
	// Recall returns it if all imports are there, or nil. Lists are sorted. Both may be nil.
	Recall func(dirs, imports []string) map[string]string
	Keep   func(dirs []string, files map[string]string)
	// Overlay replaces or adds files, by absolute path. With one, everything is
	// loaded from source, which is several times slower.
	Overlay map[string][]byte
}

// patterns are those to load.
func (c Config) patterns() []string {
	if len(c.Patterns) == 0 {
		return []string{"."}
	}
	return c.Patterns
}

// Result is the schema of one package.
type Result struct {
	// Package is what the schema says. Where Diagnostics has errors it may be
	// incomplete, with declarations marked as broken.
	Package *model.Package
	// Diagnostics are sorted by position. A diagnostic without a code is the Go
	// toolchain's own message about a file that it cannot parse.
	Diagnostics []diag.Diagnostic

	src     *source.Package
	version string // the language version, "go1.26", or empty
	imports *exports
}

// Load reads the schemas of the packages that match the patterns, sorted by
// import path. A package has a result if it imports package schema or has a
// file that batpakgen generated. The error is about the go command, the
// patterns or the context; what is wrong with a schema is in its result.
func Load(ctx context.Context, cfg Config) ([]*Result, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("load packages: %w", err)
	}
	pkgs, imports, err := uncompiled(ctx, cfg)
	if err != nil { // not sure, or not possible, which is for the go command to say
		pkgs, imports, err = compiled(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	return newResults(pkgs, dir, imports), nil
}

// newResults evaluates packages.
func newResults(pkgs []*packages.Package, dir string, imports *exports) []*Result {
	var results []*Result
	for _, pkg := range pkgs {
		if r := newResult(pkg, dir, imports); r != nil {
			results = append(results, r)
		}
	}
	return results
}

// compiled loads packages whatever state they are in, and has the go command
// compile those that it can.
func compiled(ctx context.Context, cfg Config) ([]*packages.Package, *exports, error) {
	pkgs, err := load(ctx, cfg, cfg.Overlay)
	if err != nil {
		return nil, nil, err
	}
	if empty := conflicts(pkgs); len(empty) > 0 {
		maps.Copy(empty, cfg.Overlay)
		if pkgs, err = load(ctx, cfg, empty); err != nil {
			return nil, nil, err
		}
	}
	return pkgs, exportsOf(pkgs[0].Fset, pkgs), nil
}

// load runs the go command once. No NeedDeps: imports come from export data, which
// is several times faster than their source. A package that is loaded from source
// has all that import it come from source as well, so that nothing is loaded but
// what the patterns select.
func load(ctx context.Context, cfg Config, overlay map[string][]byte) ([]*packages.Package, error) {
	patterns := cfg.patterns()
	conf := &packages.Config{
		Context: ctx,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax | packages.NeedModule | packages.NeedExportFile,
		Dir:     cfg.Dir,
		Env:     cfg.Env,
		Fset:    token.NewFileSet(),
		Overlay: overlay,

		ParseFile: parseFile,
	}
	if cfg.Tags != "" {
		conf.BuildFlags = []string{"-tags=" + cfg.Tags}
	}
	pkgs, err := packages.Load(conf, patterns...)
	if err != nil {
		return nil, fmt.Errorf("load packages %s: %w", strings.Join(patterns, " "), err)
	}
	if len(pkgs) == 0 {
		return nil, fmt.Errorf("load packages %s: the go command knows none; the directory is not in a module",
			strings.Join(patterns, " "))
	}
	slices.SortFunc(pkgs, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	return pkgs, missing(pkgs)
}

// missing reports the patterns that match no Go files.
func missing(pkgs []*packages.Package) error {
	var errs []error
	for _, pkg := range pkgs {
		if err := tooNew(pkg, runtime.Version()); err != nil {
			errs = append(errs, err)
			continue
		}
		if len(pkg.GoFiles) > 0 || len(pkg.CompiledGoFiles) > 0 {
			continue
		}
		for _, e := range pkg.Errors {
			errs = append(errs, fmt.Errorf("load package %s: %s", pkg.PkgPath, e.Msg))
		}
	}
	return errors.Join(errs...)
}

// tooNew reports that a package is of a module for a newer Go than the one that this
// program was built with: its type checker does not know that language, and would blame
// the code.
func tooNew(pkg *packages.Package, built string) error {
	if pkg.Module == nil || !version.IsValid(built) || version.Compare(version.Lang("go"+pkg.Module.GoVersion), version.Lang(built)) <= 0 {
		return nil
	}
	return fmt.Errorf("load package %s: its module needs go%s, and batpakgen was built with %s: run it with go tool batpakgen, which builds it anew",
		pkg.PkgPath, pkg.Module.GoVersion, built)
}

// newResult evaluates a package, or returns nil if it has nothing to do with
// schemas. The go command ran in dir.
func newResult(pkg *packages.Package, dir string, imports *exports) *Result {
	src := &source.Package{Path: pkg.PkgPath, Fset: pkg.Fset, Types: pkg.Types, Info: pkg.TypesInfo, Errors: pkg.TypeErrors}
	for _, f := range pkg.Syntax {
		if source.IsOutput(f) {
			src.Generated = append(src.Generated, f)
		} else {
			src.Files = append(src.Files, f)
		}
	}
	if pkg.Imports[source.SchemaPath] == nil && len(src.Generated) == 0 {
		return nil
	}
	if len(pkg.GoFiles) > 0 {
		src.Dir = filepath.Dir(pkg.GoFiles[0])
	}
	r := &Result{src: src, imports: imports}
	if pkg.Module != nil && pkg.Module.GoVersion != "" {
		r.version = "go" + pkg.Module.GoVersion
	}
	if r.Diagnostics = toolchainErrors(pkg, dir); len(r.Diagnostics) > 0 {
		r.Package = &model.Package{Path: pkg.PkgPath, Name: pkg.Name, Dir: src.Dir}
		return r
	}
	if redeclared(pkg) && len(src.Generated) > 0 {
		r.recheck()
	}
	r.Package, r.Diagnostics = static.Read(src)
	return r
}
