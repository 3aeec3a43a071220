package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AppendNil appends nil, the encoding of an absent optional value.
func AppendNil(dst []byte) []byte { return append(dst, leadNil) }

// Nil consumes nil if that is the next value, and reports whether it was.
func (d *Decoder) Nil() bool {
	if d.left() == 0 || d.src[d.off] != leadNil {
		return false
	}
	d.off++
	return true
}

// AppendBool appends v.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, leadTrue)
	}
	return append(dst, leadFalse)
}

// Bool reads a bool.
func (d *Decoder) Bool() bool {
	return d.read(kindBool).arg == 1
}

// AppendUint appends v in the shortest form.
//
//	v < 2^7     v
//	v < 2^8     cc  v:1
//	v < 2^16    cd  v:2
//	v < 2^32    ce  v:4
//	else        cf  v:8
func AppendUint(dst []byte, v uint64) []byte {
	if v < leadMap {
		return append(dst, byte(v))
	}
	return appendUint(dst, v)
}

// appendUint appends a value that needs more than the lead byte.
func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v <= math.MaxUint8:
		return append(dst, leadUint8, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, leadUint16), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, leadUint32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, leadUint64), v)
}

// Uint8 reads an integer in the range of uint8.
func (d *Decoder) Uint8() uint8 { return uint8(d.unsigned(8)) }

// Uint16 reads an integer in the range of uint16.
func (d *Decoder) Uint16() uint16 { return uint16(d.unsigned(16)) }

// Uint32 reads an integer in the range of uint32.
func (d *Decoder) Uint32() uint32 { return uint32(d.unsigned(32)) }

// Uint64 reads an integer in the range of uint64.
func (d *Decoder) Uint64() uint64 { return d.unsigned(64) }

func (d *Decoder) unsigned(bits int) uint64 {
	at := d.off
	if at < len(d.src) && d.src[at] < leadMap {
		d.off++
		return uint64(d.src[at])
	}
	h := d.read(kindInt)
	if h.kind == kindInt || h.arg>>bits != 0 {
		d.failAt(at, fmt.Errorf("%w of uint%d", ErrRange, bits))
		return 0
	}
	return h.arg
}

// AppendInt appends v in the shortest form, which for v >= 0 is that of
// [AppendUint].
//
//	-2^5  <= v < 0    v          (e0..ff)
//	-2^7  <= v        d0  v:1
//	-2^15 <= v        d1  v:2
//	-2^31 <= v        d2  v:4
//	else              d3  v:8
func AppendInt(dst []byte, v int64) []byte {
	if uint64(v) < leadMap {
		return append(dst, byte(v))
	}
	return appendInt(dst, v)
}

// appendInt appends a value that may need more than the lead byte.
func appendInt(dst []byte, v int64) []byte {
	switch {
	case v >= 0:
		return AppendUint(dst, uint64(v))
	case v >= leadNeg-0x100:
		return append(dst, byte(v))
	case v >= math.MinInt8:
		return append(dst, leadInt8, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(dst, leadInt16), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(dst, leadInt32), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, leadInt64), uint64(v))
}

// Int8 reads an integer in the range of int8.
func (d *Decoder) Int8() int8 { return int8(d.signed(8)) }

// Int16 reads an integer in the range of int16.
func (d *Decoder) Int16() int16 { return int16(d.signed(16)) }

// Int32 reads an integer in the range of int32.
func (d *Decoder) Int32() int32 { return int32(d.signed(32)) }

// Int64 reads an integer in the range of int64.
func (d *Decoder) Int64() int64 { return d.signed(64) }

func (d *Decoder) signed(bits int) int64 {
	at := d.off
	if at < len(d.src) && d.src[at] < leadMap {
		d.off++
		return int64(d.src[at])
	}
	h := d.read(kindInt)
	v := int64(h.arg)
	if beyond := h.kind == kindUint && v < 0; beyond || v>>(bits-1) != v>>63 {
		d.failAt(at, fmt.Errorf("%w of int%d", ErrRange, bits))
		return 0
	}
	return v
}
