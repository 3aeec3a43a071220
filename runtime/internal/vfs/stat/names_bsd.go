//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package stat

import (
	"os"
	"syscall"
)

// Names is how many names a file has; 0 means that somebody has removed it.
func Names(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if all, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(all.Nlink), nil
	}
	return 1, nil
}
