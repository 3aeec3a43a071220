package read

import (
	"context"

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
