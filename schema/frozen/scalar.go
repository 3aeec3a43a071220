package frozen

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/batpak-go/batpak/schema/model"
)

// zero is the value of a variable that was never set.
func zero(t *model.Type) any {
	switch t.Class {
	case model.ClassPointer:
		return nil
	case model.ClassStruct:
		fields := make(Fields, len(t.Struct.Fields))
		for i, f := range t.Struct.Fields {
			fields[i] = zero(f.Type)
		}
		return fields
	case model.ClassArray:
		list := make(List, t.Len)
		for i := range list {
			list[i] = zero(t.Elem)
		}
		return list
	case model.ClassSlice:
		return List(nil)
	case model.ClassMap:
		return Pairs(nil)
	case model.ClassForeign:
		return Raw(nil)
	default:
		return scalars(&model.Type{Class: t.Class, Basic: t.Basic, Len: t.Len}, 0)[0]
	}
}

// scalars lists values of a type that has no parts: zero or the first of an
// enumeration, a typical one, the least, those around which the encoding changes
// its form, and the greatest.
func scalars(t *model.Type, limit int64) []any {
	switch {
	case t.Class == model.ClassTime:
		return times()
	case t.Class == model.ClassFixed:
		return []any{
			make([]byte, t.Len), counting(int(t.Len)), make([]byte, t.Len), slices.Repeat([]byte{0xff}, int(t.Len)),
		}
	case t.Class == model.ClassBytes:
		var all []any
		for _, n := range []int{0, 3, 0, 1, 255, 256, 300} {
			all = append(all, counting(bounded(n, limit)))
		}
		return all
	case t.Enum != nil && !t.Enum.Open:
		return constants(t)
	case t.Basic == "bool":
		return []any{false, true, false, true}
	case t.Basic == "string":
		return words(limit)
	case strings.HasPrefix(string(t.Basic), "uint"):
		return unsigned(t.Basic)
	case strings.HasPrefix(string(t.Basic), "int"):
		return signed(t.Basic)
	case t.Basic == "float32":
		return floats(math.MaxFloat32, math.SmallestNonzeroFloat32)
	default:
		return floats(math.MaxFloat64, math.SmallestNonzeroFloat64)
	}
}

// bounded is n, or limit if that is less and not 0.
func bounded(n int, limit int64) int {
	if limit > 0 {
		return int(min(int64(n), limit))
	}
	return n
}

// counting is n bytes that count up.
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return b
}

// words lists texts. The typical one is a number, and some others have forms that
// texts often have, so that upcasts find something to make other types of.
func words(limit int64) []any {
	all := []any{"", "42", ""}
	for _, text := range []string{
		"a:b", "1.50", "true", "2001-02-03T04:05:06Z", " ", "x\x00\"\\", strings.Repeat("y", 31), strings.Repeat("z", 32), strings.Repeat("0", 255), strings.Repeat("1", 256),
		strings.Repeat("aß€\U0001F4B6", 30),
	} {
		text = text[:bounded(len(text), limit)]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
		all = append(all, text)
	}
	return all
}

// constants lists the values of a closed enumeration, zero first if that is one.
func constants(t *model.Type) []any {
	var all []any
	for _, v := range t.Enum.Values {
		var value any
		switch {
		case t.Basic == "string":
			value, _ = strconv.Unquote(v.Literal)
		case strings.HasPrefix(string(t.Basic), "uint"):
			value, _ = strconv.ParseUint(v.Literal, 0, 64)
		default:
			value, _ = strconv.ParseInt(v.Literal, 0, 64)
		}
		if isZero(t, value) {
			all = slices.Insert(all, 0, value)
		} else {
			all = append(all, value)
		}
	}
	return all
}

// size is how many bits an integer has.
func size(b model.Basic) int {
	n, _ := strconv.Atoi(strings.TrimLeft(string(b), "uint"))
	return n
}

// unsigned lists integers without a sign.
func unsigned(b model.Basic) []any {
	last := uint64(math.MaxUint64) >> (64 - size(b))
	all := []any{uint64(0), uint64(42), uint64(0)}
	for _, v := range []uint64{1<<7 - 1, 1 << 7, 1<<8 - 1, 1 << 8, 1<<16 - 1, 1 << 16, 1<<32 - 1, 1 << 32} {
		if v < last {
			all = append(all, v)
		}
	}
	return append(all, last)
}

// signed lists integers with a sign.
func signed(b model.Basic) []any {
	last := int64(math.MaxInt64) >> (64 - size(b))
	all := []any{int64(0), int64(42), -last - 1}
	for _, v := range []int64{
		-1, -1 << 5, -1<<5 - 1, -1 << 7, -1<<7 - 1, -1 << 15, -1<<15 - 1, -1 << 31, -1<<31 - 1,
		1<<7 - 1, 1 << 7, 1<<8 - 1, 1 << 8, 1<<16 - 1, 1 << 16, 1<<32 - 1, 1 << 32,
	} {
		if -last <= v && v < last {
			all = append(all, v)
		}
	}
	return append(all, last)
}

// floats lists numbers of a precision.
func floats(largest, smallest float64) []any {
	return []any{0.0, 1.5, -largest, -1.0, smallest, math.NaN(), math.Inf(-1), math.Inf(1), largest}
}

// times lists instants.
func times() []any {
	at := func(seconds, nanoseconds int64) any { return time.Unix(seconds, nanoseconds).UTC() }
	return []any{
		time.Time{},
		at(981173106, 789000000), at(-62167219200, 0), // year 0
		at(-1, 999999999), at(0, 0), at(0, 1), at(1<<32-1, 0), at(1<<32, 0), at(1<<34-1, 999999999), at(1<<34, 0),
		at(253402300799, 999999999), // year 9999
	}
}
