package wire

import (
	"fmt"
	"unicode/utf8"
)

// AppendString appends s, which must be valid UTF-8 and shorter than 4 GiB. It
// does not check: [CheckString] does, once, before anything is appended.
//
//	len < 2^5     a0|len         text
//	len < 2^8     d9      len:1  text
//	len < 2^16    da      len:2  text
//	len < 2^32    db      len:4  text
func AppendString(dst []byte, s string) []byte {
	return append(appendLength(dst, len(s), leadText, leadNil-leadText, leadText8, leadText16), s...)
}

// String reads text into a string of its own. Unlike what the name means
// elsewhere, it describes nothing and moves the Decoder on.
func (d *Decoder) String() string {
	at := d.off
	b := d.view(kindText)
	if !utf8.Valid(b) {
		d.failAt(at, ErrUTF8)
		return ""
	}
	return string(b)
}

// CheckString reports, as an [*Error] with [ErrUTF8] for the field of the
// struct typ, that s could be appended but never read again.
func CheckString(typ, field, s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	return &Error{Type: typ, Field: field, Offset: -1, Err: ErrUTF8}
}

// AppendBytes appends b, which must be shorter than 4 GiB. Nil and empty have
// the same encoding.
//
//	len < 2^8     c4  len:1  bytes
//	len < 2^16    c5  len:2  bytes
//	len < 2^32    c6  len:4  bytes
func AppendBytes(dst, b []byte) []byte {
	return append(appendLength(dst, len(b), 0, 0, leadBin8, leadBin16), b...)
}

// Bytes reads bytes into a slice of their own, nil if there are none.
func (d *Decoder) Bytes() []byte { return append([]byte(nil), d.view(kindBin)...) }

// FixedBytes reads bytes into dst and refuses any number of them but len(dst)
// with [ErrRange]. It reads what [AppendBytes] wrote of an array.
func (d *Decoder) FixedBytes(dst []byte) {
	at := d.off
	b := d.view(kindBin)
	if d.err == nil && len(b) != len(dst) {
		d.failAt(at, fmt.Errorf("%w: %d bytes, want %d", ErrRange, len(b), len(dst)))
		return
	}
	copy(dst, b)
}

// view reads text or bytes, as a part of the input. On failure it returns nil.
func (d *Decoder) view(k kind) []byte {
	return d.take(d.read(k).arg)
}
