package inputs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// sumAll digests the contents of files, in their order. A file that is not there
// has a digest too, which no content has.
func sumAll(files []string) ([]Digest, error) {
	sums := make([]Digest, len(files))
	errs := make([]error, len(files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				sums[i], errs[i] = sum(files[i])
			}
		})
	}
	workers.Wait()
	return sums, errors.Join(errs...)
}

// sum digests one file.
func sum(name string) (Digest, error) {
	data, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Digest{}, nil
	case err != nil:
		return Digest{}, &UnsureError{err.Error()}
	}
	if filepath.Ext(name) == ".go" && needsC(data) {
		return Digest{}, &UnsureError{name + " needs C"}
	}
	return sha256.Sum256(data), nil
}

// needsC reports whether a Go file imports C, or could for all that can be seen.
func needsC(source []byte) bool {
	if !bytes.Contains(source, []byte(`"C"`)) {
		return false
	}
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
	return err != nil || slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"C"` })
}
