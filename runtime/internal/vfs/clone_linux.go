package vfs

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Clone makes the file, and hands it the bytes of the other one all at once:
//
//	openat   name    of this directory
//	openat   name    of the other one, O_CREAT|O_EXCL
//	ioctl    FICLONE
//	unlinkat name    if that cannot be
//
// XFS and Btrfs can, also where they have no links: from one subvolume to another, and
// between two places at which the file system is mounted.
func (d *dir) Clone(name string, into FS) error {
	from, err := d.Open(name, ReadOnly)
	if err != nil {
		return err
	}
	defer from.Close()
	to, ok := into.(*dir)
	if !ok {
		return fmt.Errorf("clone %s: %w", name, errors.ErrUnsupported)
	}
	made, err := to.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return err
	}
	err = unix.IoctlFileClone(int(made.Fd()), int(from.(readOnlyFile).Fd()))
	if cerr := made.Close(); cerr != nil || err == nil {
		return cerr
	}
	if !uncloned(err) {
		return &os.PathError{Op: "clone", Path: name, Err: err}
	}
	if err := to.root.Remove(name); err != nil {
		return err
	}
	return fmt.Errorf("clone %s: %w: %w", name, errors.ErrUnsupported, err)
}

// uncloned reports whether err says that there can be no such clone.
func uncloned(err error) bool {
	return unshared(err) || errors.Is(err, syscall.ENOTTY) || errors.Is(err, syscall.EINVAL)
}
