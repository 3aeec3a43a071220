package mount

import (
	"io/fs"
	"os"
	"syscall"
)

// network asks the kernel for the type of the file system; see statfs(2).
func network(f *os.File) (string, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return "", err
	}
	var info syscall.Statfs_t
	var errno error
	err = conn.Control(func(fd uintptr) {
		for {
			if errno = syscall.Fstatfs(int(fd), &info); errno != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return "", fs.ErrClosed // the one reason Control has
	}
	if errno != nil {
		return "", os.NewSyscallError("fstatfs", errno)
	}
	return networkOf(uint32(info.Type)), nil
}

// networkOf names the types that are not the kernel's own; linux/magic.h has their
// numbers.
func networkOf(magic uint32) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517b, 0xff534d42, 0xfe534d42:
		return "SMB"
	case 0x65735546:
		return "FUSE"
	case 0x00c36400:
		return "Ceph"
	case 0x5346414f, 0x6b414653:
		return "AFS"
	case 0x01021997:
		return Plan9
	}
	return ""
}
