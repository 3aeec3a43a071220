package simfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"syscall"
)

// maxSize is the largest size of a file in bytes; memory ends somewhere.
const maxSize = 1 << 30

// file is an open file.
type file struct {
	handle
	inode    *inode
	readOnly bool
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	var read int
	err := f.do(OpRead, f.name, func() error {
		if off < 0 {
			return fail(OpRead, f.name, fs.ErrInvalid)
		}
		live := f.inode.live
		read = copy(p, live[min(off, int64(len(live))):])
		if read < len(p) {
			return io.EOF // bare, as io.ReaderAt wants it
		}
		return nil
	}, nil)
	return read, err
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	var written int
	write := func(p []byte) error {
		if f.readOnly {
			return fail(OpWrite, f.name, fs.ErrPermission)
		}
		if err := f.checkSize(OpWrite, off, int64(len(p))); err != nil {
			return err
		}
		f.inode.write(p, off)
		written = len(p)
		return nil
	}
	err := f.do(OpWrite, f.name, func() error { return write(p) }, func(reason error) {
		if errors.Is(reason, syscall.ENOSPC) {
			r := rand.New(rand.NewPCG(uint64(f.disk.ops), 0))
			_ = write(p[:r.IntN(len(p)+1)])
		}
	})
	return written, err
}

func (f *file) Truncate(size int64) error {
	return f.do(OpTruncate, f.name, func() error {
		if f.readOnly {
			return fail(OpTruncate, f.name, fs.ErrPermission)
		}
		if err := f.checkSize(OpTruncate, size, 0); err != nil {
			return err
		}
		f.inode.truncate(size)
		return nil
	}, nil)
}

// checkSize refuses a file of off+more bytes if there can be none.
func (f *file) checkSize(op Op, off, more int64) error {
	switch {
	case off < 0:
		return fail(op, f.name, fs.ErrInvalid)
	case off > maxSize-more:
		return fail(op, f.name, syscall.EFBIG)
	}
	return nil
}

func (f *file) Sync() error {
	return f.do(OpSync, f.name, func() error {
		f.inode.sync()
		return nil
	}, func(error) { f.inode.pending = nil }) // what they wrote is ghosts now
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.inode.live)), f.alive("size", f.name)
}
