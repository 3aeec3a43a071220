package simfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"syscall"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
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
	err := f.do(faultfs.OpRead, f.name, func() error {
		if off < 0 {
			return fail(faultfs.OpRead, f.name, fs.ErrInvalid)
		}
		live := f.inode.live.data
		read = copy(p, live[min(off, int64(len(live))):])
		if read < len(p) {
			return io.EOF // bare, as io.ReaderAt wants it
		}
		return nil
	}, func(fault *faultfs.Fault) error {
		has := fault.Prefix(faultfs.OpRead, uint64(f.disk.ops), len(p))
		read = copy(p[:has], f.inode.live.data[min(max(off, 0), int64(len(f.inode.live.data))):])
		return fault.Err
	})
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return read, err
}

// WriteAt writes p in two parts if there is a hook, which is called in between.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	var written int
	write := func(p []byte) error {
		n, err := f.write(p, off+int64(written))
		written += n
		return err
	}
	first, hook := f.split(p)
	err := f.do(faultfs.OpWrite, f.name, func() error { return write(p[:first]) }, func(fault *faultfs.Fault) error {
		if has := fault.Prefix(faultfs.OpWrite, uint64(f.disk.ops), len(p)); has > 0 {
			_ = write(p[:has])
		}
		return fault.Err
	})
	if err != nil || first == len(p) {
		return written, err
	}
	hook(OpRest, f.name)
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.alive(faultfs.OpWrite, f.name); err != nil {
		return written, err
	}
	err = write(p[first:])
	return written, err
}

// split says how many bytes a write begins with before the hook is called: all of
// them if there is none, or if a fault is armed, which is about the whole write.
func (f *file) split(p []byte) (first int, hook func(faultfs.Op, string)) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.hook == nil || f.disk.plan.Armed() || len(p) < 2 {
		return len(p), nil
	}
	r := rand.New(rand.NewPCG(uint64(f.disk.ops), 2))
	return 1 + r.IntN(len(p)-1), f.disk.hook
}

// write puts p at byte off, or as much of it as there is room for.
func (f *file) write(p []byte, off int64) (int, error) {
	if f.readOnly {
		return 0, fail(faultfs.OpWrite, f.name, fs.ErrPermission)
	}
	if err := f.checkSize(faultfs.OpWrite, off, int64(len(p))); err != nil {
		return 0, err
	}
	more := max(0, off+int64(len(p))-int64(len(f.inode.live.data)))
	room, ok := f.disk.takeLocked(more)
	if !ok {
		fits := max(0, len(p)-int(more-room))
		f.disk.takeLocked(room)
		f.inode.write(p[:fits], off)
		return fits, fail(faultfs.OpWrite, f.name, syscall.ENOSPC)
	}
	f.inode.write(p, off)
	return len(p), nil
}

func (f *file) Truncate(size int64) error {
	return f.do(faultfs.OpTruncate, f.name, func() error {
		if f.readOnly {
			return fail(faultfs.OpTruncate, f.name, fs.ErrPermission)
		}
		if err := f.checkSize(faultfs.OpTruncate, size, 0); err != nil {
			return err
		}
		if live := f.inode.live.data; size < int64(len(live)) {
			f.disk.forgetLocked(live[size:])
		} else if _, ok := f.disk.takeLocked(size - int64(len(live))); !ok {
			return fail(faultfs.OpTruncate, f.name, syscall.ENOSPC)
		}
		f.inode.change(change{off: size, size: size})
		return nil
	}, nil)
}

// checkSize refuses a file of off+more bytes if there can be none.
func (f *file) checkSize(op faultfs.Op, off, more int64) error {
	switch {
	case off < 0:
		return fail(op, f.name, fs.ErrInvalid)
	case off > maxSize-more:
		return fail(op, f.name, syscall.EFBIG)
	}
	return nil
}

func (f *file) Sync() error {
	return f.do(faultfs.OpSync, f.name, func() error {
		if late := f.inode.late; late != nil {
			f.inode.late = nil
			return fail(faultfs.OpSync, f.name, late)
		}
		if !f.disk.live.have(f.inode) {
			return fail(faultfs.OpSync, f.name, fs.ErrNotExist)
		}
		if !f.disk.liesLocked() {
			f.inode.sync()
		}
		return nil
	}, func(fault *faultfs.Fault) error { return f.lose(fault.Loss, fault.Err) })
}

// Lose makes of the file what a sync does that fails with err and loses the changes so,
// and returns what that sync says. It is no operation.
func (f *file) Lose(l faultfs.Loss, err error) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.alive(faultfs.OpSync, f.name); err != nil {
		return err
	}
	return f.lose(l, err)
}

func (f *file) lose(l faultfs.Loss, err error) error {
	f.inode.lose(l, rand.New(rand.NewPCG(uint64(f.disk.ops), 3)))
	if l == faultfs.Late {
		f.inode.late = err
		return nil
	}
	return err
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.inode.live.data)), f.alive("size", f.name)
}
