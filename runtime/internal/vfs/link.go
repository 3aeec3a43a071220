package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/batpak-go/batpak/runtime/internal/vfs/mount"
)

func (d *dir) Link(name string, into FS) error {
	seen, err := d.regular("link", name)
	if err != nil {
		return err
	}
	to, ok := into.(*dir)
	if !ok {
		return fmt.Errorf("link %s: %w", name, errors.ErrUnsupported)
	}
	// Package os links by paths. Whether they led to these directories shows after.
	err = os.Link(filepath.Join(d.path, name), filepath.Join(to.path, name))
	if unshared(err) {
		return fmt.Errorf("link %s: %w: %w", name, errors.ErrUnsupported, err)
	}
	if err != nil {
		return err
	}
	made, err := to.root.Lstat(name)
	if err == nil && !os.SameFile(seen, made) {
		err = invalid("link", name)
	}
	return err
}

func (d *dir) Shared(name string) (bool, error) {
	info, err := d.regular("stat", name)
	return err == nil && names(info) > 1, err
}

// unshared reports whether err says that there can be no such link.
func unshared(err error) bool {
	for _, no := range []error{syscall.EXDEV, syscall.EPERM, syscall.EMLINK, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

func (readOnlyDir) Link(name string, _ FS) error { return forbidden("link", name) }

func (readOnlyDir) Clone(name string, _ FS) error { return forbidden("clone", name) }

// Inside reports whether path leads to a directory or to a place in it, whatever links
// are on the way, and whether or not there is something at path. It is never so for
// a directory that is not of [OpenDir] or [OpenDirReadOnly], or stands before one.
func Inside(directory FS, path string) (bool, error) {
	if d, ok := directory.(interface {
		Inside(path string) (bool, error)
	}); ok {
		return d.Inside(path)
	}
	return false, nil
}

// Inside is the function of that name.
func (d *dir) Inside(path string) (bool, error) {
	self, err := d.self.Stat()
	if err != nil {
		return false, err
	}
	at, err := existing(path)
	for ; err == nil; at = filepath.Dir(at) {
		var info fs.FileInfo
		if info, err = os.Stat(at); err == nil && (os.SameFile(self, info) || filepath.Dir(at) == at) {
			return os.SameFile(self, info), nil
		}
	}
	return false, err
}

// existing is the place where path leads to, without links, or the first place above
// it that there is.
func existing(path string) (string, error) {
	at, err := filepath.Abs(path)
	for err == nil {
		real, missing := filepath.EvalSymlinks(at)
		if missing == nil {
			return real, nil
		}
		if !errors.Is(missing, fs.ErrNotExist) || filepath.Dir(at) == at {
			err = missing
		}
		at = filepath.Dir(at)
	}
	return "", err
}

// Network is the kind of file system that the directory lies on; see [mount.Of].
func (d *dir) Network() (string, error) { return mount.Network(d.self) }
