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
		closed := conn.Control(func(fd uintptr) { size, names, err = either(int(fd), statx, fstat) })
		if closed != nil {
			err = fs.ErrClosed // the one reason Control has
		}
	}
	if err != nil {
		return 0, 0, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return size, names, nil
}

// A call asks the kernel about an open file.
type call func(fd int) (size int64, names uint64, err error)

// either asks by the first call or, where that is refused, since the kernel is older than
// the call or a sandbox is, by the second. A signal interrupts neither for good.
func either(fd int, first, second call) (size int64, names uint64, err error) {
	for {
		size, names, err = first(fd)
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
			size, names, err = second(fd)
		}
		if err != unix.EINTR {
			return size, names, err
		}
	}
}

func statx(fd int) (size int64, names uint64, err error) {
	var some unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_SIZE|unix.STATX_NLINK, &some)
	return int64(some.Size), uint64(some.Nlink), err
}

func fstat(fd int) (size int64, names uint64, err error) {
	var all syscall.Stat_t
	err = syscall.Fstat(fd, &all)
	return all.Size, uint64(all.Nlink), err
}
