package faultfs

import (
	"errors"
	"io"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// file is a file of a directory, under the name by which it was opened.
type file struct {
	vfs.File
	dir  *directory
	name string
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	read := func(p []byte) (err error) {
		n, err = f.File.ReadAt(p, off)
		return err
	}
	err = f.dir.do(OpRead, func() error { return read(p) }, func(fault *Fault) error {
		if has := fault.Prefix(OpRead, f.dir.done.Load(), len(p)); has > 0 {
			_ = read(p[:has])
		}
		return fault.Err
	}, f.name, len(p), off)
	if errors.Is(err, io.EOF) {
		err = io.EOF // bare, as io.ReaderAt wants it
	}
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	write := func(p []byte) (err error) {
		n, err = f.File.WriteAt(p, off)
		return err
	}
	err = f.dir.do(OpWrite, func() error { return write(p) }, func(fault *Fault) error {
		if has := fault.Prefix(OpWrite, f.dir.done.Load(), len(p)); has > 0 {
			_ = write(p[:has])
		}
		return fault.Err
	}, f.name, len(p), off)
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.dir.do(OpTruncate, func() error { return f.File.Truncate(size) }, nil, f.name, size)
}

func (f *file) Sync() error {
	return f.dir.do(OpSync, f.File.Sync, func(fault *Fault) error { return lose(f.File, fault) }, f.name)
}
