package evolution

import (
	"errors"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/lock"
)

// Read reads the lock file of that name. What keeps it from being used is a
// diagnostic, and then there is no file.
func Read(name string, data []byte) (*lock.File, []diag.Diagnostic) {
	return lockBP610(lock.Parse(name, data))
}

// Repair reads a lock file that a merge has left in disorder; see [lock.Repair].
func Repair(name string, data []byte) (*lock.File, []diag.Diagnostic) {
	return lockBP610(lock.Repair(name, data))
}

// lockBP610: the lock file can be read.
func lockBP610(f *lock.File, err error) (*lock.File, []diag.Diagnostic) {
	if err == nil {
		return f, nil
	}
	d := diag.Diagnostic{Code: "BP610", Message: err.Error()}
	if e, ok := errors.AsType[*lock.Error](err); ok {
		d.Pos, d.Message = e.Pos, "the lock file "+remedy(e)
	}
	return nil, []diag.Diagnostic{d}
}

// remedy says what is wrong with a lock file and what to do about it.
func remedy(e *lock.Error) string {
	switch e.Err {
	case lock.ErrConflict:
		return "has the conflict markers of a merge: run batpakgen lock -fix"
	case lock.ErrNotCanonical:
		return "is not in canonical form: run batpakgen lock -fix"
	case lock.ErrNewer:
		return "has a later format (" + e.Detail + "): use the batpakgen that wrote it, or a later one"
	case lock.ErrDisagree:
		return "cannot be joined, because " + e.Detail + ": one of the two has to become the next version"
	default:
		return "cannot be read (" + e.Detail + "): run batpakgen lock -fix, or restore it from version control"
	}
}
