package vfs

import (
	"io/fs"
	"os"
	"syscall"
)

// syncData makes content and size durable and leaves the times behind, which
// saves a journal commit when a write did not change the size.
func syncData(f *os.File) error {
	fail := func(err error) error {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return fail(err)
	}
	var failed error
	err = conn.Control(func(fd uintptr) {
		for {
			failed = syscall.Fdatasync(int(fd))
			if failed != syscall.EINTR {
				break
			}
		}
		var now syscall.Stat_t
		if failed == nil {
			failed = syscall.Fstat(int(fd), &now)
		}
		if failed == nil && now.Nlink == 0 {
			failed = fs.ErrNotExist
		}
	})
	if err != nil {
		return fail(fs.ErrClosed) // the one reason Control has
	}
	if failed != nil {
		return fail(failed)
	}
	return nil
}
