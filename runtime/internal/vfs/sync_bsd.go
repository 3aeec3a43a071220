//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package vfs

import (
	"io/fs"
	"os"
	"syscall"
)

// syncData makes content and size durable.
func syncData(f *os.File) error {
	if err := f.Sync(); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if now, ok := info.Sys().(*syscall.Stat_t); ok && now.Nlink == 0 {
		return &fs.PathError{Op: "sync", Path: f.Name(), Err: fs.ErrNotExist}
	}
	return nil
}
