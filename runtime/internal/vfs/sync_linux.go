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
	var errno error
	err = conn.Control(func(fd uintptr) {
		for {
			errno = syscall.Fdatasync(int(fd))
			if errno != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return fail(fs.ErrClosed) // the one reason Control has
	}
	if errno != nil {
		return fail(errno)
	}
	return nil
}
