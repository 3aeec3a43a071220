package output

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/batpak-go/batpak/gen"
)

// Diff writes the changes as unified diffs, with paths relative to dir.
func (p *Plan) Diff(w io.Writer, dir string) error {
	for _, c := range p.changes {
		name := c.Path
		if rel, err := filepath.Rel(dir, c.Path); err == nil {
			name = rel
		}
		name = filepath.ToSlash(name)
		before, after := name, name
		if c.Old == nil {
			before = "/dev/null"
		}
		if c.New == nil {
			after = "/dev/null"
		}
		if _, err := w.Write(diff.Diff(before, c.Old, after, c.New)); err != nil {
			return fmt.Errorf("print diff of %s: %w", name, err)
		}
	}
	return nil
}

// Dump writes files that are not fit to be put in their places into a new
// directory among the system's temporary files, and returns it.
func Dump(files []gen.File) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "batpakgen-"); err != nil {
		return "", fmt.Errorf("keep broken output: %w", err)
	}
	for _, f := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, f.Name), f.Source, 0o600))
	}
	return dir, err
}
