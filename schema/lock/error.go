package lock

import (
	"errors"
	"fmt"
	"go/token"
)

// What can be wrong with a lock file; an [*Error] wraps one of them.
var (
	ErrSyntax       = errors.New("malformed")
	ErrConflict     = errors.New("conflict markers of a merge")
	ErrNotCanonical = errors.New("not in canonical form")
	ErrDisagree     = errors.New("the sides of a merge disagree")
	ErrNewer        = errors.New("format is newer")
)

// An Error says what is wrong with a lock file, and where.
type Error struct {
	Pos    token.Position
	Err    error  // ErrSyntax and so on
	Detail string // may be empty
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%v: %v", e.Pos, e.Err)
	}
	return fmt.Sprintf("%v: %v: %s", e.Pos, e.Err, e.Detail)
}

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.Err }
