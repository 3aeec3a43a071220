package mount

import (
	"errors"
	"io/fs"
	"syscall"
)

// Denied reports whether err says that a directory, or the disk that it is on, may not be
// used in this way: as a rule, not be written to.
func Denied(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
