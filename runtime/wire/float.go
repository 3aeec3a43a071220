package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The one NaN that is written. Part of the disk format; do not change.
const (
	nan32 = 0x7fc00000
	nan64 = 0x7ff8000000000000
)

// AppendFloat64 appends v. All NaNs have one encoding, and -0 has that of 0, so
// that values which compare equal have equal bytes.
//
//	cb  v:8
func AppendFloat64(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, leadFloat64), bits64(v))
}

// AppendFloat32 is [AppendFloat64] for single precision.
//
//	ca  v:4
func AppendFloat32(dst []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, leadFloat32), bits32(v))
}

func bits64(v float64) uint64 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return nan64
	}
	return math.Float64bits(v)
}

func bits32(v float32) uint32 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return nan32
	}
	return math.Float32bits(v)
}

// Float64 reads a number of double precision.
func (d *Decoder) Float64() float64 {
	at := d.off
	b := d.float(8)
	if b == nil {
		return 0
	}
	v := math.Float64frombits(binary.BigEndian.Uint64(b))
	if math.Float64bits(v) != bits64(v) {
		d.failAt(at, ErrNotCanonical)
		return 0
	}
	return v
}

// Float32 reads a number of single precision.
func (d *Decoder) Float32() float32 {
	at := d.off
	b := d.float(4)
	if b == nil {
		return 0
	}
	v := math.Float32frombits(binary.BigEndian.Uint32(b))
	if math.Float32bits(v) != bits32(v) {
		d.failAt(at, ErrNotCanonical)
		return 0
	}
	return v
}

// float reads the bytes of a number of the given size. On failure it returns nil.
func (d *Decoder) float(size uint64) []byte {
	at := d.off
	h := d.read(kindFloat)
	if d.err == nil && h.arg != size {
		d.failAt(at, fmt.Errorf("%w: a float of %d bytes, want %d", ErrForm, h.arg, size))
	}
	if d.err != nil {
		return nil
	}
	return d.take(size)
}
