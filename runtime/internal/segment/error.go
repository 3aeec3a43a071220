package segment

import (
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/format"
)

// ErrMerged says that the segment which is being read was merged with others
// meanwhile. It is to be read again, from its beginning.
var ErrMerged = errors.New("the segment was merged with others while it was read")

// DamageError says where a segment does not hold what it should, and which events
// that may touch.
type DamageError struct {
	Segment       uint64
	Offset        int64  // bytes from the start of the file
	End           int64  // of the damage, as far as it is known; 0 = unknown
	FirstSequence uint64 // 0 = unknown
	LastSequence  uint64 // 0 = unknown; less than the first if there is no event in it
	Reason        string
	File          string // where Segment is; "" if that is not a merged one, or not known to be
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("segment %d, offset %d: %s", e.Segment, e.Offset, e.Reason)
}

// NewerError says that a segment, or another file, holds sound bytes of a later
// version.
type NewerError struct {
	Segment uint64 // 0 = it is not a segment
	File    string // if it is not
	Found   uint16 // the format's version
}

func (e *NewerError) Error() string {
	if e.Segment == 0 {
		return fmt.Sprintf("%s has version %d, which this build does not know", e.File, e.Found)
	}
	return fmt.Sprintf("segment %d has format version %d, known are versions up to %d", e.Segment, e.Found, format.Version)
}

// WriteError says what a write that did not happen left behind.
type WriteError struct {
	// Undone is true if the log is as it was before, durably, and may be written
	// to again. Otherwise what the disk holds is unknown until the log is
	// recovered.
	Undone bool
	// Full is true if there was no space, or a limit on space was met.
	Full bool
	Err  error
}

func (e *WriteError) Error() string {
	if e.Undone {
		return e.Err.Error()
	}
	return "left undone: " + e.Err.Error()
}

// Unwrap returns the error of the disk.
func (e *WriteError) Unwrap() error { return e.Err }

// judge turns an error of a parser, which began to read at this offset, into
// one of this package.
func judge(err error, number uint64, offset int64) error {
	if newer, ok := errors.AsType[*format.NewerError](err); ok {
		return &NewerError{Segment: number, Found: newer.Found}
	}
	if bad, ok := errors.AsType[*format.Error](err); ok {
		return &DamageError{Segment: number, Offset: offset, Reason: bad.Reason}
	}
	return err
}
