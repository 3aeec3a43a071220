package read

import (
	"context"
	"go/token"
	"go/types"
	"path/filepath"
	"runtime"

	"golang.org/x/tools/go/packages"
)

// TooNew says what is wrong with a module for this version of Go, if this program was built
// with that one.
func TooNew(module, built string) error {
	return tooNew(&packages.Package{PkgPath: "example.com/shop", Module: &packages.Module{GoVersion: module}}, built)
}

// LoadUncompiled loads packages from an absolute directory in the quick way, or says why it does not.
func LoadUncompiled(ctx context.Context, cfg Config) ([]*Result, error) {
	pkgs, imports, err := uncompiled(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newResults(pkgs, cfg.Dir, imports), nil
}

// LoadCompiled loads packages from an absolute directory in the way that copes with everything.
func LoadCompiled(ctx context.Context, cfg Config) ([]*Result, error) {
	pkgs, imports, err := compiled(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newResults(pkgs, cfg.Dir, imports), nil
}

// ReadUncompiled reads a package of one file in the quick way, as [LoadUncompiled] does when
// the go command has said what its name is and where the export data of its imports lies.
func ReadUncompiled(path, name, file string, files map[string]string) (*Result, error) {
	p := &listed{
		ImportPath: path, Name: name, Dir: filepath.Dir(file), GoFiles: []string{filepath.Base(file)},
		Module: &packages.Module{Path: path, Main: true},
	}
	fset := token.NewFileSet()
	pkg, err := p.parse(fset)
	if pkg == nil || err != nil {
		return nil, err
	}
	imports := &exports{fset: fset, files: files, types: make(map[string]*types.Package)}
	if err := typeCheck(pkg, imports, types.SizesFor("gc", runtime.GOARCH)); err != nil {
		return nil, err
	}
	return newResult(pkg, p.Dir, imports), imports.broken
}
