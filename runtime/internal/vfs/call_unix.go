//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package vfs

import (
	"io/fs"
	"os"
	"syscall"
)

// openAtOnce keeps an open from waiting. It changes nothing about regular files.
const openAtOnce = syscall.O_NONBLOCK

// names is how many a file has.
func names(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// flock takes the lock of an open directory without waiting.
func flock(f *os.File, m LockMode) error {
	how := syscall.LOCK_SH
	if m == Exclusive {
		how = syscall.LOCK_EX
	}
	return callFlock(f, how|syscall.LOCK_NB)
}

// funlock gives it back.
func funlock(f *os.File) error { return callFlock(f, syscall.LOCK_UN) }

func callFlock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno error
	err = conn.Control(func(fd uintptr) {
		for {
			errno = syscall.Flock(int(fd), how)
			if errno != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return fs.ErrClosed // the one reason Control has
	}
	if errno == syscall.EWOULDBLOCK {
		return ErrLocked
	}
	return errno
}
