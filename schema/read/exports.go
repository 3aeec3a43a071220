package read

import (
	"cmp"
	"fmt"
	"go/token"
	"go/types"
	"os"

	"golang.org/x/tools/go/gcexportdata"
	"golang.org/x/tools/go/packages"
)

// exports are the types of the packages that a load has seen, through others too,
// by import path. Export data is read when it is asked for. It is not safe for
// concurrent use.
type exports struct {
	fset  *token.FileSet
	files map[string]string         // of export data
	types map[string]*types.Package // so far: incomplete where only others mention them

	broken error // the first file that could not be read
}

// exportsOf are the types of the packages and of what they import.
func exportsOf(fset *token.FileSet, roots []*packages.Package) *exports {
	x := &exports{fset: fset, files: make(map[string]string), types: make(map[string]*types.Package)}
	packages.Visit(roots, nil, func(p *packages.Package) {
		if p.Types != nil {
			x.types[p.PkgPath], x.files[p.PkgPath] = p.Types, p.ExportFile
		}
	})
	return x
}

// Import makes exports a [types.Importer]. Types that there are already stay what
// they are, if others mention them, when the rest of their package is read.
func (x *exports) Import(path string) (*types.Package, error) {
	known, file := x.types[path], x.files[path]
	switch {
	case path == "unsafe":
		return types.Unsafe, nil
	case known != nil && (known.Complete() || file == ""):
		return known, nil
	case file == "":
		return nil, fmt.Errorf("package %s is not loaded", path)
	}
	pkg, err := x.read(path, file)
	if err != nil {
		err = fmt.Errorf("load package %s: %w", path, err)
		x.broken = cmp.Or(x.broken, err)
		return nil, err
	}
	return pkg, nil
}

// read reads the export data of a package.
func (x *exports) read(path, file string) (*types.Package, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	//lint:ignore SA1019 what go list -export writes is an archive until Go 1.28
	r, err := gcexportdata.NewReader(f)
	if err != nil {
		return nil, err
	}
	return gcexportdata.Read(r, x.fset, x.types, path)
}
