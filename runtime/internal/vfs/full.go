package vfs

import (
	"errors"
	"syscall"
)

// Full reports whether err says that there is no space, or that a limit on space
// was met.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
