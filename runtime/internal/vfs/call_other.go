//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package vfs

import (
	"errors"
	"io/fs"
	"os"
)

// openAtOnce asks for nothing.
const openAtOnce = 0

// names is how many a file has, as far as is known.
func names(fs.FileInfo) uint64 { return 1 }

// flock refuses: without a lock that the kernel releases when its holder dies,
// nothing keeps a second writer out.
func flock(*os.File, LockMode) error { return errors.ErrUnsupported }

// funlock has nothing to release, because flock never succeeds.
func funlock(*os.File) error { return errors.ErrUnsupported }
