package wire

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// AppendString appends s, which must be valid UTF-8 and shorter than 4 GiB. It
// does not check: [CheckString] does, once, before anything is appended.
//
//	len < 2^5     a0|len         text
//	len < 2^8     d9      len:1  text
//	len < 2^16    da      len:2  text
//	len < 2^32    db      len:4  text
func AppendString(dst []byte, s string) []byte {
	if len(s) < shortText {
		return append(append(dst, byte(leadText|len(s))), s...)
	}
	return appendText(dst, s)
}

// appendText appends text of any length. It is not inlined, so that AppendString
// is.
//
//go:noinline
func appendText(dst []byte, s string) []byte {
	return append(appendLength(dst, len(s), leadText, shortText, leadText8, leadText16), s...)
}

// String reads text into a string of its own. Unlike what the name means
// elsewhere, it describes nothing and moves the Decoder on.
func (d *Decoder) String() string {
	at := d.off
	b := d.view(kindText)
	if !isASCII(b) && !utf8.Valid(b) {
		d.failAt(at, ErrUTF8)
		return ""
	}
	return string(b)
}

// isASCII reports whether a short text is all ASCII, the usual case, faster than
// utf8.Valid does. It may say no of a longer one.
func isASCII(b []byte) bool {
	const word, high = 8, 0x8080808080808080
	n := len(b)
	switch {
	case n > 4*word:
		return false
	case n >= word:
		bits := binary.LittleEndian.Uint64(b[n-word:])
		for i := 0; i <= n-word; i += word {
			bits |= binary.LittleEndian.Uint64(b[i:])
		}
		return bits&high == 0
	}
	var bits byte
	for _, c := range b {
		bits |= c
	}
	return bits < utf8.RuneSelf
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
func (d *Decoder) Bytes() []byte {
	b := d.view(kindBin)
	if len(b) == 0 {
		return nil
	}
	if planted.Bug("bytes that were read are those of the payload") {
		return b
	}
	own := make([]byte, len(b))
	copy(own, b)
	return own
}

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
	if d.off < len(d.src) && k == kindText { // short text, the usual case
		n := int(d.src[d.off]) - leadText
		if end := d.off + 1 + n; n >= 0 && n < shortText && end <= len(d.src) {
			b := d.src[d.off+1 : end]
			d.off = end
			return b
		}
	}
	return d.take(d.read(k).arg)
}
