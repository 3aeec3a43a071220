package inputs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
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
			var content bytes.Buffer // of one file after the other: new memory costs more than the digest
			for {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				sums[i], errs[i] = sum(files[i], &content)
			}
		})
	}
	workers.Wait()
	return sums, errors.Join(errs...)
}

// sum digests one file, whose content is read into room.
func sum(name string, room *bytes.Buffer) (Digest, error) {
	room.Reset()
	err := read(name, room)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Digest{}, nil
	case err != nil:
		return Digest{}, &UnsureError{err.Error()}
	}
	if filepath.Ext(name) == ".go" && needsC(room.Bytes()) {
		return Digest{}, &UnsureError{name + " needs C"}
	}
	return sha256.Sum256(room.Bytes()), nil
}

// read writes the content of a file to w.
func read(name string, w io.Writer) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// needsC reports whether a Go file imports C, or could for all that can be seen.
func needsC(source []byte) bool {
	if !bytes.Contains(source, []byte(`"C"`)) {
		return false
	}
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
	return err != nil || slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"C"` })
}
