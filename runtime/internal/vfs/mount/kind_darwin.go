package mount

import (
	"os"
	"syscall"
)

// mountedHere is MNT_LOCAL of sys/mount.h, which package syscall leaves out.
const mountedHere = 0x1000

// network asks the kernel whether the file system is on this machine; see statfs(2).
func network(f *os.File) (string, error) {
	var info syscall.Statfs_t
	for {
		err := syscall.Fstatfs(int(f.Fd()), &info)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return "", os.NewSyscallError("fstatfs", err)
		}
		break
	}
	if info.Flags&mountedHere != 0 {
		return "", nil
	}
	name := make([]byte, 0, len(info.Fstypename))
	for _, c := range info.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return string(name), nil
}
