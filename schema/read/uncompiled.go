package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/batpak-go/batpak/schema/source"
)

// unsure says why packages are not loaded in the quick way.
func unsure(format string, args ...any) error { return fmt.Errorf("not sure: "+format, args...) }

// uncompiled loads packages in the quick way, in which the go command compiles none
// of them: it is asked where their files are and, once these are parsed, for the
// export data of what they import, which is in its cache unless that changed as well.
// Packages that have nothing to do with schemas are left out.
//
// Whatever the go command finds fault with makes it an error, and so does all that
// it would treat in a way of its own: cgo, files that are not Go, embedded ones, packages
// that import each other. What it returns is what compiled would, then, for the same
// types are checked in the same way.
func uncompiled(ctx context.Context, cfg Config) ([]*packages.Package, *exports, error) {
	g, err := newGoCommand(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	found, err := g.list([]string{"-find"}, cfg.patterns())
	if err != nil {
		return nil, nil, err
	}
	fset := token.NewFileSet()
	var pkgs []*packages.Package
	for _, p := range found {
		pkg, err := p.parse(fset)
		if err != nil {
			return nil, nil, err
		}
		if pkg != nil {
			pkgs = append(pkgs, pkg)
		}
	}
	slices.SortFunc(pkgs, func(a, b *packages.Package) int { return strings.Compare(a.PkgPath, b.PkgPath) })
	files, err := g.remembered(cfg, pkgs)
	if err != nil {
		return nil, nil, err
	}
	imports := &exports{fset: fset, files: files, types: make(map[string]*types.Package)}
	for _, pkg := range pkgs {
		if err := typeCheck(pkg, imports, g.sizes); err != nil {
			return nil, nil, err
		}
	}
	return pkgs, imports, imports.broken
}

// remembered finds the export data of all that packages import, where it was the last
// time if that is remembered.
func (g *goCommand) remembered(cfg Config, pkgs []*packages.Package) (map[string]string, error) {
	if cfg.Recall == nil || cfg.Keep == nil {
		files, _, err := g.exports(pkgs)
		return files, err
	}
	imports := make(map[string]bool)
	dirs := make([]string, 0, len(pkgs))
	for _, pkg := range pkgs {
		dirs = append(dirs, filepath.Dir(pkg.GoFiles[0]))
		for path := range pkg.Imports {
			imports[path] = true
		}
	}
	slices.Sort(dirs)
	if files := cfg.Recall(dirs, slices.Sorted(maps.Keys(imports))); len(files) > 0 && areThere(files) {
		return files, nil
	}
	files, lasting, err := g.exports(pkgs)
	if err == nil && lasting {
		cfg.Keep(dirs, files)
	}
	return files, err
}

// areThere reports whether files are still in the go command's cache.
func areThere(files map[string]string) bool {
	for _, name := range files {
		if info, err := os.Stat(name); name != "" && (err != nil || !info.Mode().IsRegular()) {
			return false
		}
	}
	return true
}

// parse parses the files of a package. It returns nil if they have nothing to do with
// schemas.
func (p *listed) parse(fset *token.FileSet) (*packages.Package, error) {
	names := slices.Concat(p.GoFiles, p.CgoFiles)
	sources := make([][]byte, len(names))
	for i, name := range names {
		names[i] = filepath.Join(p.Dir, name)
		var err error
		if sources[i], err = os.ReadFile(names[i]); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(sources, mayConcern) {
		return nil, nil
	}
	if p.Module == nil || p.hasMore() {
		return nil, unsure("package %s is in no module, or has more than Go files", p.ImportPath)
	}
	pkg := &packages.Package{
		ID: p.ImportPath, PkgPath: p.ImportPath, Name: p.Name, Fset: fset,
		GoFiles: names, Module: p.Module, Imports: make(map[string]*packages.Package),
	}
	if err := tooNew(pkg, runtime.Version()); err != nil {
		return nil, err
	}
	for i, name := range names {
		f, err := parseFile(fset, name, sources[i])
		if err != nil {
			return nil, err
		}
		pkg.Syntax = append(pkg.Syntax, f)
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil || !importable(path, p.ImportPath) {
				return nil, unsure("package %s imports %s", p.ImportPath, spec.Path.Value)
			}
			pkg.Imports[path] = &packages.Package{ID: path, PkgPath: path}
		}
	}
	if pkg.Imports[source.SchemaPath] == nil && !slices.ContainsFunc(pkg.Syntax, source.IsOutput) {
		return nil, nil
	}
	return pkg, nil
}

// mayConcern reports whether a file may make its package one with a schema.
func mayConcern(src []byte) bool {
	return bytes.Contains(src, []byte(source.SchemaPath)) || carriesHeader(src)
}

// importable reports whether an import path means the same on the command line, where
// some are patterns and any package may be named, as in a package.
func importable(path, importer string) bool {
	for _, odd := range []string{"...", "@", "=", "\\", " "} {
		if strings.Contains(path, odd) {
			return false
		}
	}
	elements := strings.Split(path, "/")
	first, last := elements[0], elements[len(elements)-1]
	switch {
	case first == "", strings.HasPrefix(first, "."), strings.HasPrefix(first, "-"), strings.HasSuffix(last, ".go"),
		slices.Contains(elements, "vendor"), slices.Contains([]string{"C", "all", "cmd", "main", "std", "tool", "work"}, path):
		return false
	}
	for i := range elements { // whoever is below the directory above one named internal may use what is in that
		above := strings.Join(elements[:i], "/")
		if elements[i] == "internal" && importer != above && !strings.HasPrefix(importer, above+"/") {
			return false
		}
	}
	return true
}

// exports finds the export data of all that packages import, through others too. The
// packages may not be among them. It lasts until a Go file changes, unless it is made
// with a C compiler as well.
func (g *goCommand) exports(pkgs []*packages.Package) (files map[string]string, lasting bool, err error) {
	direct := make(map[string]bool)
	importers := make(map[string]bool, len(pkgs))
	for _, pkg := range pkgs {
		importers[strings.ToLower(pkg.PkgPath)] = true
		for path := range pkg.Imports {
			direct[path] = true
		}
	}
	files, lasting = make(map[string]string), true
	if len(direct) == 0 {
		return files, lasting, nil
	}
	found, err := g.list([]string{"-deps", "-export"}, slices.Sorted(maps.Keys(direct)))
	if err != nil {
		return nil, false, err
	}
	for _, p := range found {
		switch {
		case importers[strings.ToLower(p.ImportPath)]:
			return nil, false, unsure("package %s imports one that is loaded", p.ImportPath)
		case direct[p.ImportPath] && p.Name == "main":
			return nil, false, unsure("package %s is a program", p.ImportPath)
		case p.Export == "" && p.ImportPath != "unsafe":
			return nil, false, unsure("package %s has no export data", p.ImportPath)
		}
		files[p.ImportPath] = p.Export
		lasting = lasting && (len(p.CgoFiles) == 0 || p.Standard)
		delete(direct, p.ImportPath)
	}
	for path := range direct {
		if path != "unsafe" {
			return nil, false, unsure("package %s is another one here", path)
		}
	}
	return files, lasting, nil
}

// typeCheck type-checks a package as the loader would.
func typeCheck(pkg *packages.Package, imports *exports, sizes types.Sizes) error {
	pkg.Types, pkg.TypesInfo = types.NewPackage(pkg.PkgPath, pkg.Name), newInfo()
	conf := &types.Config{
		Importer: imports,
		Sizes:    sizes,
		Error: func(err error) {
			if e, ok := errors.AsType[types.Error](err); ok {
				pkg.TypeErrors = append(pkg.TypeErrors, e)
			}
		},
	}
	if pkg.Module.GoVersion != "" {
		conf.GoVersion = "go" + pkg.Module.GoVersion
	}
	err := types.NewChecker(conf, pkg.Fset, pkg.Types, pkg.TypesInfo).Files(pkg.Syntax)
	if err != nil && len(pkg.TypeErrors) == 0 {
		return err
	}
	return nil
}
