package props_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/batpak-go/batpak"

// sourceFile is a Go file of the module, for whatever system it is built.
type sourceFile struct {
	path string // from the top of the repository, with slashes
	text string
	ast  *ast.File
	fset *token.FileSet
}

func (f *sourceFile) dir() string     { return path.Dir(f.path) }
func (f *sourceFile) test() bool      { return strings.HasSuffix(f.path, "_test.go") }
func (f *sourceFile) generated() bool { return ast.IsGenerated(f.ast) }

// walk calls visit for each file of the repository, but for what belongs to git.
func walk(visit func(name string) error) error {
	return filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git":
			return skip(d)
		case d.IsDir():
			return nil
		}
		return visit(filepath.ToSlash(strings.TrimPrefix(file, ".."+string(filepath.Separator))))
	})
}

// skip leaves out a directory with all that is in it, or a file.
func skip(d fs.DirEntry) error {
	if d.IsDir() {
		return filepath.SkipDir
	}
	return nil
}

// sources parses the Go files of the module, once. Test data and nested modules
// are no part of it.
var sources = sync.OnceValues(func() (files []*sourceFile, err error) {
	var names, outside []string
	err = walk(func(name string) error {
		switch dir := path.Dir(name); {
		case path.Ext(name) == ".go":
			names = append(names, name)
		case path.Base(name) == "go.mod" && dir != ".":
			outside = append(outside, dir+"/")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	for _, name := range names {
		within := func(dir string) bool { return strings.HasPrefix(name, dir) }
		if strings.Contains(name, "testdata/") || slices.ContainsFunc(outside, within) {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, &sourceFile{path: name, text: string(text), ast: f, fset: fset})
	}
	return files, nil
})

func mustSources(t *testing.T) []*sourceFile {
	t.Helper()
	files, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// typed loads the packages of the module with their types, without their tests,
// once.
var typed = sync.OnceValues(func() ([]*packages.Package, error) {
	return packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedExportFile | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedSyntax,
		Dir: "..",
	}, "./...")
})

func mustTyped(t *testing.T) []*packages.Package {
	t.Helper()
	pkgs, err := typed()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		for _, err := range p.Errors {
			t.Fatalf("load %s: %v", room(p.PkgPath), err)
		}
	}
	return pkgs
}

// room is the directory of a package of this module, and the import path of any
// other.
func room(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }
