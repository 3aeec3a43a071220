package vfs

import (
	"io/fs"
	"os"
	"syscall"
)

// syncData makes content and size durable and leaves the times behind, which
// saves a journal commit when a write did not change the size.
func syncData(f *os.File) error {
	conn, err := f.SyscallConn()
	if err == nil {
		closed := conn.Control(func(fd uintptr) {
			for {
				err = syscall.Fdatasync(int(fd))
				if err != syscall.EINTR {
					return
				}
			}
		})
		if closed != nil {
			err = fs.ErrClosed // the one reason Control has
		}
	}
	if err != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}
