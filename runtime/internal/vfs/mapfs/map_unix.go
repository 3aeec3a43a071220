//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package mapfs

import "syscall"

// mmap maps the first size bytes of a file for reading.
func mmap(f descriptor, size int) (mapped []byte, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	cerr := conn.Control(func(fd uintptr) {
		mapped, err = syscall.Mmap(int(fd), 0, size, syscall.PROT_READ, syscall.MAP_SHARED)
	})
	if cerr != nil {
		return nil, cerr
	}
	return mapped, err
}

func munmap(mapped []byte) error { return syscall.Munmap(mapped) }
