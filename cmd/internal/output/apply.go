package output

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Apply makes the changes. All new files are written beside their places before
// the first one is renamed to its place, and files are removed last; an error
// before that point leaves everything as it was. It is an error if a file was
// changed since the comparison.
func (p *Plan) Apply() (err error) {
	if i := slices.IndexFunc(p.changes, func(c Change) bool { return c.State == Foreign }); i >= 0 {
		return fmt.Errorf("write output: %s %v", p.changes[i].Path, Foreign)
	}
	staged := make(map[string]string, len(p.changes)) // place -> file to be renamed to it
	defer func() {
		for _, temp := range staged {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	for _, c := range p.changes {
		if c.State == Orphan {
			continue
		}
		temp, err := stage(c)
		if err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		staged[c.Path] = temp
	}
	for _, c := range p.changes {
		if err := c.unchanged(); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	for _, c := range p.changes {
		if c.State == Orphan {
			continue
		}
		if err := os.Rename(staged[c.Path], c.Path); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
		delete(staged, c.Path)
	}
	for _, c := range p.changes {
		if c.State != Orphan {
			continue
		}
		if err := os.Remove(c.Path); err != nil {
			return fmt.Errorf("remove what is no longer produced: %w", err)
		}
	}
	return nil
}

// unchanged makes sure that a file is as it was when it was compared, or has become
// what it is to be. Somebody else may have written it: an editor, git, another run.
func (c Change) unchanged() error {
	now, err := os.ReadFile(c.Path)
	if errors.Is(err, fs.ErrNotExist) {
		now, err = nil, nil
	}
	if err == nil && !bytes.Equal(now, c.Old) && !bytes.Equal(now, c.New) {
		err = fmt.Errorf("%s was changed while this ran; run it again", c.Path)
	}
	return err
}

// stage writes the new bytes of a file beside its place, with the permissions
// of the file there, and returns the name. A directory of its own is made if need be.
func stage(c Change) (name string, err error) {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(c.Path); err == nil {
		mode = info.Mode().Perm()
	}
	if c.below {
		if err := os.MkdirAll(filepath.Dir(c.Path), 0o777); err != nil {
			return "", err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(c.Path), "."+filepath.Base(c.Path)+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(c.New)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
