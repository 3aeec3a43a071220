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
		name := relative(dir, c.Path)
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

// List writes one line for each change: what would be done to which file, with
// paths relative to dir.
func (p *Plan) List(w io.Writer, dir string) error {
	for _, c := range p.changes {
		does := "write"
		if c.State == Orphan {
			does = "remove"
		}
		if _, err := fmt.Fprintln(w, does, relative(dir, c.Path)); err != nil {
			return fmt.Errorf("list changes: %w", err)
		}
	}
	return nil
}

// relative is a path as it is printed.
func relative(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil {
		path = rel
	}
	return filepath.ToSlash(path)
}

// Dump writes files that are not fit to be put in their places into a directory, or
// into a new one below that for temporary files if it is "", and returns which.
func Dump(into string, files []gen.File) (dir string, err error) {
	if dir = into; dir == "" {
		dir, err = os.MkdirTemp("", "batpakgen-")
	} else {
		err = os.MkdirAll(dir, 0o777)
	}
	if err != nil {
		return "", fmt.Errorf("keep broken output: %w", err)
	}
	for _, f := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, f.Name), f.Source, 0o600))
	}
	return dir, err
}
