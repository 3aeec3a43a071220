//go:build !linux

package vfs

import (
	"errors"
	"fmt"
)

// Clone refuses. That of macOS has links wherever it could clone.
func (d *dir) Clone(name string, _ FS) error {
	if _, err := d.regular("clone", name); err != nil {
		return err
	}
	return fmt.Errorf("clone %s: %w", name, errors.ErrUnsupported)
}
