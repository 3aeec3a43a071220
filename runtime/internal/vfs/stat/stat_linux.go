package stat

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Size is how many bytes a file has.
func Size(f *os.File) (int64, error) {
	size, _, err := stat(f)
	return size, err
}

// Names is how many names a file has; 0 means that somebody has removed it.
func Names(f *os.File) (uint64, error) {
	_, names, err := stat(f)
	return names, err
}

func stat(f *os.File) (size int64, names uint64, err error) {
	conn, err := f.SyscallConn()
	if err == nil {
		closed := conn.Control(func(fd uintptr) { size, names, err = call(int(fd)) })
		if closed != nil {
			err = fs.ErrClosed // the one reason Control has
		}
	}
	if err != nil {
		return 0, 0, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return size, names, nil
}

func call(fd int) (size int64, names uint64, err error) {
	var some unix.Statx_t
	for {
		err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_SIZE|unix.STATX_NLINK, &some)
		if err != unix.EINTR {
			break
		}
	}
	if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
		return int64(some.Size), uint64(some.Nlink), err
	}
	var all syscall.Stat_t // the kernel is older than the call, or a sandbox is
	err = syscall.Fstat(fd, &all)
	return all.Size, uint64(all.Nlink), err
}
