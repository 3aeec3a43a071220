package frozen

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/batpak-go/batpak/schema/model"
)

// The values of a payload are bool, string, int64, uint64, float64, []byte,
// time.Time, and these. A nil stands for a pointer that is nil.
type (
	Fields []any  // of a struct, one for each of its stored fields
	List   []any  // of a slice or an array
	Pairs  []Pair // of a map, each key once, in any order
	Raw    []byte // encoding of a value whose type has a codec of its own; empty for zero
)

// Pair is a key and a value of a map.
type Pair struct{ Key, Value any }

// Append appends the canonical encoding of a struct whose fields have these
// values.
func Append(dst []byte, s *model.Struct, fields Fields) []byte {
	present := 0
	for i, f := range s.Fields {
		if !leftOut(f, fields[i]) {
			present++
		}
	}
	dst = appendLength(dst, present, maps)
	for i, f := range s.Fields {
		if !leftOut(f, fields[i]) {
			dst = appendValue(appendText(dst, f.Wire), f.Type, fields[i])
		}
	}
	return dst
}

// leftOut reports whether a field has no place in the encoding.
func leftOut(f model.Field, v any) bool {
	if f.Type.Class == model.ClassPointer {
		return v == nil
	}
	return f.Optional && isZero(f.Type, v)
}

// isZero reports whether a value is that of a variable that was never set.
func isZero(t *model.Type, v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case int64:
		return v == 0
	case uint64:
		return v == 0
	case float64:
		return v == 0
	case time.Time:
		return v.IsZero()
	case []byte:
		return len(v) == 0 || t.Class == model.ClassFixed && len(bytes.Trim(v, "\x00")) == 0
	case Raw:
		return len(v) == 0
	case Pairs:
		return len(v) == 0
	case List:
		set := func(item any) bool { return !isZero(t.Elem, item) }
		return len(v) == 0 || t.Class == model.ClassArray && !slices.ContainsFunc(v, set)
	case Fields:
		for i, f := range t.Struct.Fields {
			if f.Type.Class == model.ClassPointer && v[i] != nil || f.Type.Class != model.ClassPointer && !isZero(f.Type, v[i]) {
				return false
			}
		}
	}
	return true
}

// appendValue appends a value of a type.
func appendValue(dst []byte, t *model.Type, v any) []byte {
	if t.Class == model.ClassPointer {
		t = t.Elem
	}
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, 0xc3)
		}
		return append(dst, 0xc2)
	case string:
		return appendText(dst, v)
	case int64:
		return appendInt(dst, v)
	case uint64:
		return appendUint(dst, v)
	case float64:
		return appendFloat(dst, t.Basic, v)
	case time.Time:
		return appendTime(dst, v)
	case []byte:
		return append(appendLength(dst, len(v), bins), v...)
	case List:
		dst = appendLength(dst, len(v), arrays)
		for _, item := range v {
			dst = appendValue(dst, t.Elem, item)
		}
		return dst
	case Pairs:
		return appendPairs(dst, t, v)
	case Fields:
		return Append(dst, t.Struct, v)
	case Raw:
		return append(dst, v...)
	}
	panic("batpak: internal error: no value of a payload")
}

// appendPairs appends a map, in the order of its keys.
func appendPairs(dst []byte, t *model.Type, pairs Pairs) []byte {
	sorted := slices.SortedFunc(slices.Values(pairs), func(a, b Pair) int {
		switch a := a.Key.(type) {
		case string:
			return cmp.Compare(a, b.Key.(string))
		case int64:
			return cmp.Compare(a, b.Key.(int64))
		default:
			return cmp.Compare(a.(uint64), b.Key.(uint64))
		}
	})
	dst = appendLength(dst, len(sorted), maps)
	for _, p := range sorted {
		dst = appendValue(appendValue(dst, t.Key, p.Key), t.Elem, p.Value)
	}
	return dst
}

// headers are the lead bytes of a kind of value that has a length: one that holds
// lengths below small itself, and those before lengths of 1, 2 and 4 bytes. Zero
// is none.
type headers struct {
	fixed     byte
	small     int
	one       byte
	two, four byte
}

// The kinds of values that have a length.
var (
	texts  = headers{0xa0, 32, 0xd9, 0xda, 0xdb}
	bins   = headers{0, 0, 0xc4, 0xc5, 0xc6}
	arrays = headers{0x90, 16, 0, 0xdc, 0xdd}
	maps   = headers{0x80, 16, 0, 0xde, 0xdf}
)

// appendLength appends the shortest header for a length.
func appendLength(dst []byte, n int, h headers) []byte {
	switch {
	case n < h.small:
		return append(dst, h.fixed+byte(n))
	case h.one != 0 && n < 1<<8:
		return append(dst, h.one, byte(n))
	case n < 1<<16:
		return append(dst, h.two, byte(n>>8), byte(n))
	default:
		return append(dst, h.four, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

// appendText appends text.
func appendText(dst []byte, s string) []byte {
	return append(appendLength(dst, len(s), texts), s...)
}

// appendUint appends a number in as few bytes as hold it.
func appendUint(dst []byte, v uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], v)
	switch {
	case v < 1<<7:
		return append(dst, b[7])
	case v < 1<<8:
		return append(append(dst, 0xcc), b[7:]...)
	case v < 1<<16:
		return append(append(dst, 0xcd), b[6:]...)
	case v < 1<<32:
		return append(append(dst, 0xce), b[4:]...)
	default:
		return append(append(dst, 0xcf), b[:]...)
	}
}

// appendInt appends a number in as few bytes as hold it, which if it is not
// negative has no sign.
func appendInt(dst []byte, v int64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(v))
	switch {
	case v >= 0:
		return appendUint(dst, uint64(v))
	case v >= -32:
		return append(dst, b[7])
	case v >= math.MinInt8:
		return append(append(dst, 0xd0), b[7:]...)
	case v >= math.MinInt16:
		return append(append(dst, 0xd1), b[6:]...)
	case v >= math.MinInt32:
		return append(append(dst, 0xd2), b[4:]...)
	default:
		return append(append(dst, 0xd3), b[:]...)
	}
}

// appendFloat appends a number in the precision of its type. There is one that is
// not a number, and no negative zero.
func appendFloat(dst []byte, basic model.Basic, v float64) []byte {
	switch {
	case v == 0:
		v = 0
	case math.IsNaN(v) && basic == "float32":
		return append(dst, 0xca, 0x7f, 0xc0, 0, 0)
	case math.IsNaN(v):
		return append(dst, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)
	}
	if basic == "float32" {
		return binary.BigEndian.AppendUint32(append(dst, 0xca), math.Float32bits(float32(v)))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(v))
}

// appendTime appends the timestamp extension in the shortest of its three forms.
func appendTime(dst []byte, at time.Time) []byte {
	const timestamp = 0xff
	seconds, nanoseconds := at.Unix(), at.Nanosecond()
	switch {
	case seconds < 0 || seconds >= 1<<34:
		dst = append(dst, 0xc7, 12, timestamp)
		dst = binary.BigEndian.AppendUint32(dst, uint32(nanoseconds))
		return binary.BigEndian.AppendUint64(dst, uint64(seconds))
	case nanoseconds != 0 || seconds >= 1<<32:
		dst = append(dst, 0xd7, timestamp)
		return binary.BigEndian.AppendUint64(dst, uint64(nanoseconds)<<34|uint64(seconds))
	default:
		return binary.BigEndian.AppendUint32(append(dst, 0xd6, timestamp), uint32(seconds))
	}
}
