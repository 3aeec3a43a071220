package wire

import (
	"errors"
	"strconv"
)

// Error is the one error type of the package. It says which field was being
// read or written, where in the input, and unwraps to the reason, which is one
// of the Err values of this package or what was given to [Decoder.Fail].
type Error struct {
	Type   string // innermost struct, as named in the schema; empty outside of one
	Field  string // its field; empty while reading a header, a key or an unknown field
	Offset int    // where the refused value, or what it lacks, begins; negative when encoding
	Err    error  // the reason, never nil
}

// Reasons why bytes or values are refused.
var (
	// ErrTruncated means that the input ends inside a value, or that it
	// declares more than it holds.
	ErrTruncated error = &reason{"truncated", "input ends inside a value"}
	// ErrForm means that the input holds another kind of value than the one
	// asked for, or a byte that starts no value at all.
	ErrForm error = &reason{"form", "unexpected form"}
	// ErrNotCanonical means that the value has a shorter encoding.
	ErrNotCanonical error = &reason{"not-canonical", "not the shortest form"}
	// ErrRange means that the value does not fit the Go type it is read into.
	ErrRange error = &reason{"range", "out of range"}
	// ErrUTF8 means that text is not valid UTF-8.
	ErrUTF8 error = &reason{"utf8", "text is not valid UTF-8"}
	// ErrOrder means that a known field is repeated or out of schema order, or a
	// key of a map repeated or not above the one before it.
	ErrOrder error = &reason{"order", "field is repeated or out of order"}
	// ErrMissing means that a required field is not at its place.
	ErrMissing error = &reason{"missing", "required field is missing"}
	// ErrDepth means that values nest deeper than [MaxDepth].
	ErrDepth error = &reason{"depth", "nested too deeply"}
	// ErrBound means that text, bytes, a slice or a map is longer than its schema
	// allows.
	ErrBound error = &reason{"bound", "longer than its bound"}
	// ErrUnknown means that a value is none of its enumeration's.
	ErrUnknown error = &reason{"unknown", "no value of its enumeration"}
	// ErrTrailing means that bytes follow the last value.
	ErrTrailing error = &reason{"trailing", "bytes after the last value"}
)

// Error describes the failure, for example "decode MoneyDeposited.amount at
// byte 12: input ends inside a value".
func (e *Error) Error() string {
	text := "decode"
	if e.Offset < 0 {
		text = "encode"
	}
	if e.Type != "" {
		text += " " + e.Type
	}
	if e.Field != "" {
		text += "." + e.Field
	}
	if e.Offset >= 0 {
		text += " at byte " + strconv.Itoa(e.Offset)
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Code returns a stable name for the reason: "wire." followed by truncated,
// form, not-canonical, range, utf8, order, missing, depth, bound, unknown or trailing, or
// "wire.refused" for an error of the caller's own given to [Decoder.Fail].
func (e *Error) Code() string {
	if r, ok := errors.AsType[*reason](e.Err); ok {
		return "wire." + r.code
	}
	return "wire.refused"
}

// reason is an immutable sentinel that carries its own stable code.
type reason struct{ code, text string }

func (r *reason) Error() string { return r.text }
