package wire

import (
	"fmt"
	"unicode/utf8"
)

// The checks of a value that is to be appended return an [*Error] for the field
// of struct typ, if what is appended could never be read again. Appending itself
// does not check.

// CheckString reports text that is not valid UTF-8, with [ErrUTF8].
func CheckString(typ, field, s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	return refused(typ, field, ErrUTF8)
}

// CheckMax reports, with [ErrBound], that something is longer than its bound.
func CheckMax(typ, field string, n, bound int) error {
	if n <= bound {
		return nil
	}
	return refused(typ, field, beyond(n, bound))
}

// CheckKnown reports, with [ErrUnknown], a value that is none of its type's; known
// says whether it is.
func CheckKnown(typ, field string, known bool) error {
	if known {
		return nil
	}
	return refused(typ, field, ErrUnknown)
}

// Check reports what a type with a codec of its own says of its value, if that is
// not nil.
func Check(typ, field string, err error) error {
	if err == nil {
		return nil
	}
	return refused(typ, field, err)
}

func refused(typ, field string, reason error) error {
	return &Error{Type: typ, Field: field, Offset: -1, Err: reason}
}

// beyond is [ErrBound] with the numbers.
func beyond(n, bound int) error { return fmt.Errorf("%w: %d, at most %d", ErrBound, n, bound) }

// Bound refuses with [ErrBound] a value that was read and is longer than its
// bound.
func (d *Decoder) Bound(n, bound int) {
	if n > bound {
		d.Fail(beyond(n, bound))
	}
}

// NotZero refuses with [ErrNotCanonical] an optional field that was read and is
// zero: it has a shorter encoding, which is to leave it out.
func (d *Decoder) NotZero(set bool) {
	if !set {
		d.Fail(ErrNotCanonical)
	}
}

// Known returns a value that was read, and refuses it with [ErrUnknown] unless
// known says that it is one of its type's.
func Known[T any](d *Decoder, value T, known func(T) bool) T {
	if !known(value) {
		d.Fail(ErrUnknown)
	}
	return value
}

// Present counts the optional fields that are set.
func Present(set ...bool) int {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	return n
}
