//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package vfs

import (
	"errors"
	"os"
)

// openAtOnce asks for nothing.
const openAtOnce = 0

// flock refuses: without a lock that the kernel releases when its holder dies,
// nothing keeps a second writer out.
func flock(*os.File, LockMode) error { return errors.ErrUnsupported }

// funlock has nothing to release, because flock never succeeds.
func funlock(*os.File) error { return errors.ErrUnsupported }
