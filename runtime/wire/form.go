package wire

import (
	"encoding/binary"
	"math"
)

// Lead bytes that are written. Part of the disk format; do not change.
const (
	leadMap     = 0x80 // and the number of pairs; below it, the integer itself
	leadArray   = 0x90 // and the number of elements
	leadText    = 0xa0 // and the number of bytes
	leadNil     = 0xc0
	leadFalse   = 0xc2
	leadTrue    = 0xc3
	leadBin8    = 0xc4
	leadBin16   = 0xc5
	leadExt8    = 0xc7
	leadFloat32 = 0xca
	leadFloat64 = 0xcb
	leadUint8   = 0xcc
	leadUint16  = 0xcd
	leadUint32  = 0xce
	leadUint64  = 0xcf
	leadInt8    = 0xd0
	leadInt16   = 0xd1
	leadInt32   = 0xd2
	leadInt64   = 0xd3
	leadFix4    = 0xd6 // extension of 4 bytes
	leadFix8    = 0xd7
	leadText8   = 0xd9
	leadText16  = 0xda
	leadArr16   = 0xdc
	leadMap16   = 0xde
	leadNeg     = 0xe0 // to 0xff: -32..-1 in two's complement
)

// shortText is the least number of bytes of text that the lead byte has no room for.
const shortText = leadNil - leadText

// kind is what a lead byte announces; the zero kind is no value.
type kind uint8

const (
	kindNil   kind = 1
	kindBool  kind = 2 // argument 0 or 1
	kindUint  kind = 3 // argument is the value
	kindInt   kind = 4 // argument is the value in two's complement
	kindFloat kind = 5 // argument is the number of bytes that follow
	kindText  kind = 6
	kindBin   kind = 7
	kindExt   kind = 8 // a type byte stands before them
	kindArray kind = 9 // argument is the number of elements
	kindMap   kind = 10
)

func (k kind) String() string {
	return [...]string{
		"no value", "nil", "bool", "integer", "integer", "float", "text", "bytes", "extension", "array", "map",
	}[k]
}

// form is what a lead byte from 0xc0 to 0xdf stands for: a kind, the width of
// the argument that follows, and the least argument that needs this width, for
// kindInt the greatest. With width 0 there is no choice: arg is the argument.
type form struct {
	kind  kind
	width int
	arg   int64
}

// forms is indexed by lead byte - leadNil and never written to.
var forms = [...]form{
	{kindNil, 0, 0}, {}, {kindBool, 0, 0}, {kindBool, 0, 1}, // c0..c3; c1 starts no value
	{kindBin, 1, 0}, {kindBin, 2, 1 << 8}, {kindBin, 4, 1 << 16}, // c4..c6
	{kindExt, 1, 0}, {kindExt, 2, 1 << 8}, {kindExt, 4, 1 << 16}, // c7..c9
	{kindFloat, 0, 4}, {kindFloat, 0, 8}, // ca cb
	{kindUint, 1, 1 << 7}, {kindUint, 2, 1 << 8}, // cc cd
	{kindUint, 4, 1 << 16}, {kindUint, 8, 1 << 32}, // ce cf
	{kindInt, 1, -1<<5 - 1}, {kindInt, 2, -1<<7 - 1}, // d0 d1
	{kindInt, 4, -1<<15 - 1}, {kindInt, 8, -1<<31 - 1}, // d2 d3
	{kindExt, 0, 1}, {kindExt, 0, 2}, {kindExt, 0, 4}, {kindExt, 0, 8}, {kindExt, 0, 16}, // d4..d8
	{kindText, 1, 1 << 5}, {kindText, 2, 1 << 8}, {kindText, 4, 1 << 16}, // d9..db
	{kindArray, 2, 1 << 4}, {kindArray, 4, 1 << 16}, // dc dd
	{kindMap, 2, 1 << 4}, {kindMap, 4, 1 << 16}, // de df
}

// appendLength appends the shortest header for a length or count n. The forms
// are fix|n for n < small, lead8 with one byte (in families that have it: not
// 0), lead16 with two, and the lead byte after that with four.
func appendLength(dst []byte, n int, fix, small, lead8, lead16 byte) []byte {
	switch {
	case n < int(small):
		return append(dst, fix|byte(n))
	case n <= math.MaxUint8 && lead8 != 0:
		return append(dst, lead8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, lead16), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, lead16+1), uint32(n))
}

// head is a lead byte with its argument.
type head struct {
	kind kind
	long bool // a shorter form exists
	arg  uint64
}

// head reads the lead byte of a value and its argument, in any form. On
// failure it returns the zero head.
func (d *Decoder) head() head {
	if d.left() == 0 {
		d.failAt(d.off, ErrTruncated)
		return head{}
	}
	b := d.src[d.off]
	d.off++
	switch {
	case b < leadMap:
		return head{kind: kindUint, arg: uint64(b)}
	case b < leadArray:
		return head{kind: kindMap, arg: uint64(b - leadMap)}
	case b < leadText:
		return head{kind: kindArray, arg: uint64(b - leadArray)}
	case b < leadNil:
		return head{kind: kindText, arg: uint64(b - leadText)}
	case b < leadNeg:
		return d.argument(&forms[b-leadNil])
	}
	return head{kind: kindInt, arg: uint64(int8(b))}
}

// argument completes a head whose lead byte, just read, is of the form f.
func (d *Decoder) argument(f *form) head {
	switch {
	case f.kind == 0:
		d.failAt(d.off-1, ErrForm)
		return head{}
	case f.width == 0:
		return head{kind: f.kind, arg: uint64(f.arg)}
	}
	b := d.src[d.off:]
	if len(b) < f.width {
		d.failAt(d.off, ErrTruncated)
		return head{}
	}
	d.off += f.width
	var arg uint64
	switch f.width {
	case 1:
		arg = uint64(b[0])
	case 2:
		arg = uint64(binary.BigEndian.Uint16(b))
	case 4:
		arg = uint64(binary.BigEndian.Uint32(b))
	default:
		arg = binary.BigEndian.Uint64(b)
	}
	switch {
	case f.kind != kindInt:
		return head{kind: f.kind, arg: arg, long: arg < uint64(f.arg)}
	}
	unused := 64 - 8*f.width
	v := int64(arg<<unused) >> unused
	return head{kind: kindInt, arg: uint64(v), long: v > f.arg}
}
