package format

import "fmt"

// Error says what in a slice of bytes is not as the format wants it.
type Error struct {
	Offset int // from the start of the parsed slice
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (byte %d)", e.Reason, e.Offset) }

// NewerError says that sound bytes carry a version, or use a feature, that this
// build does not know.
type NewerError struct {
	Found uint16
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("format version %d, known are versions up to %d", e.Found, Version)
}

func damaged(offset int, reason string) error { return &Error{Offset: offset, Reason: reason} }
