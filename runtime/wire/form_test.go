package wire_test

import (
	"bytes"
	"encoding/hex"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/wire"
)

// form is one value and the bytes that the MessagePack specification gives it
// in its shortest form.
type form struct {
	name  string
	want  string                   // hex, with spaces
	write func([]byte) []byte      // appends the value
	same  func(*wire.Decoder) bool // reads it, and reports whether it is the value
}

func uintForm(v uint64, want string) form {
	return form{
		"uint " + want, want,
		func(b []byte) []byte { return wire.AppendUint(b, v) },
		func(d *wire.Decoder) bool { return d.Uint64() == v },
	}
}

func intForm(v int64, want string) form {
	return form{
		"int " + want, want,
		func(b []byte) []byte { return wire.AppendInt(b, v) },
		func(d *wire.Decoder) bool { return d.Int64() == v },
	}
}

func stringForm(n int, header string) form {
	v := strings.Repeat("a", n)
	return form{
		"string " + header, header + hex.EncodeToString([]byte(v)),
		func(b []byte) []byte { return wire.AppendString(b, v) },
		func(d *wire.Decoder) bool { return d.String() == v },
	}
}

func bytesForm(n int, header string) form {
	v := bytes.Repeat([]byte{0xee}, n)
	return form{
		"bytes " + header, header + hex.EncodeToString(v),
		func(b []byte) []byte { return wire.AppendBytes(b, v) },
		func(d *wire.Decoder) bool { return bytes.Equal(d.Bytes(), v) },
	}
}

func arrayForm(n int, header string) form {
	return form{
		"array " + header, header + strings.Repeat("c0", n),
		func(b []byte) []byte {
			b = wire.AppendArray(b, n)
			for range n {
				b = wire.AppendNil(b)
			}
			return b
		},
		func(d *wire.Decoder) bool {
			nils := 0
			for a := d.Array(); a.Next(); {
				if d.Nil() {
					nils++
				}
			}
			return nils == n
		},
	}
}

// structForm is a struct of n unknown fields, all named "".
func structForm(n int, header string) form {
	return form{
		"struct " + header, header + strings.Repeat("a0c3", n),
		func(b []byte) []byte {
			b = wire.AppendStruct(b, n)
			for range n {
				b = wire.AppendBool(wire.AppendString(b, ""), true)
			}
			return b
		},
		func(d *wire.Decoder) bool {
			for s := d.Struct(wire.NewShape("T")); s.Next(); {
				return false
			}
			return d.Err() == nil
		},
	}
}

func timeForm(sec, nsec int64, want string) form {
	v := time.Unix(sec, nsec)
	return form{
		"time " + want, want,
		func(b []byte) []byte { return wire.AppendTime(b, v.In(time.FixedZone("", 3600))) },
		func(d *wire.Decoder) bool { return d.Time() == v.UTC() },
	}
}

func doubleForm(v float64, want string) form {
	return form{
		"double " + want, want,
		func(b []byte) []byte { return wire.AppendFloat64(b, v) },
		func(d *wire.Decoder) bool { return same(d.Float64(), v) },
	}
}

func singleForm(v float32, want string) form {
	return form{
		"single " + want, want,
		func(b []byte) []byte { return wire.AppendFloat32(b, v) },
		func(d *wire.Decoder) bool { return same(d.Float32(), v) },
	}
}

// same compares numbers, of which NaN is one.
func same[F float32 | float64](a, b F) bool { return a == b || a != a && b != b }

// mapForm is a Go map of the numbers from 0 to n, in both directions.
func mapForm(n int, header string) form {
	var pairs []byte
	all := make(map[uint32]int64, n)
	for i := range n {
		pairs = wire.AppendInt(wire.AppendUint(pairs, uint64(i)), int64(-i))
		all[uint32(i)] = int64(-i)
	}
	return form{
		"map " + header, header + hex.EncodeToString(pairs),
		func(b []byte) []byte {
			b = wire.AppendMap(b, len(all))
			for _, key := range wire.SortedKeys(nil, all) {
				b = wire.AppendInt(wire.AppendUint(b, uint64(key)), all[key])
			}
			return b
		},
		func(d *wire.Decoder) bool { return maps.Equal(readMap(d), all) },
	}
}

// readMap reads what mapForm writes.
func readMap(d *wire.Decoder) map[uint32]int64 {
	var got map[uint32]int64
	var key uint32
	a := wire.Map(d, &got, 2)
	for a.Next() {
		key = wire.Key(&a, key, d.Uint32())
		got[key] = d.Int64()
	}
	return got
}

func boolForm(v bool, want string) form {
	return form{
		"bool " + want, want,
		func(b []byte) []byte { return wire.AppendBool(b, v) },
		func(d *wire.Decoder) bool { return d.Bool() == v },
	}
}

// forms holds each boundary of each form.
func forms() []form {
	return []form{
		{"nil", "c0", wire.AppendNil, (*wire.Decoder).Nil},
		boolForm(false, "c2"), boolForm(true, "c3"),
		uintForm(0, "00"), uintForm(127, "7f"),
		uintForm(128, "cc 80"), uintForm(255, "cc ff"),
		uintForm(256, "cd 0100"), uintForm(65535, "cd ffff"),
		uintForm(65536, "ce 00010000"), uintForm(math.MaxUint32, "ce ffffffff"),
		uintForm(1<<32, "cf 0000000100000000"), uintForm(math.MaxUint64, "cf ffffffffffffffff"),
		intForm(0, "00"), intForm(127, "7f"), intForm(128, "cc 80"), intForm(300, "cd 012c"),
		intForm(1<<32, "cf 0000000100000000"), intForm(math.MaxInt64, "cf 7fffffffffffffff"),
		intForm(-1, "ff"), intForm(-32, "e0"),
		intForm(-33, "d0 df"), intForm(-128, "d0 80"),
		intForm(-129, "d1 ff7f"), intForm(-32768, "d1 8000"),
		intForm(-32769, "d2 ffff7fff"), intForm(math.MinInt32, "d2 80000000"),
		intForm(math.MinInt32-1, "d3 ffffffff7fffffff"), intForm(math.MinInt64, "d3 8000000000000000"),
		stringForm(0, "a0"), stringForm(31, "bf"), stringForm(32, "d9 20"), stringForm(255, "d9 ff"),
		stringForm(256, "da 0100"), stringForm(65535, "da ffff"), stringForm(65536, "db 00010000"),
		bytesForm(0, "c4 00"), bytesForm(255, "c4 ff"), bytesForm(256, "c5 0100"),
		bytesForm(65535, "c5 ffff"), bytesForm(65536, "c6 00010000"),
		arrayForm(0, "90"), arrayForm(15, "9f"), arrayForm(16, "dc 0010"),
		arrayForm(65535, "dc ffff"), arrayForm(65536, "dd 00010000"),
		structForm(0, "80"), structForm(15, "8f"), structForm(16, "de 0010"),
		structForm(65535, "de ffff"), structForm(65536, "df 00010000"),
		mapForm(0, "80"), mapForm(15, "8f"), mapForm(16, "de 0010"),
		mapForm(65535, "de ffff"), mapForm(65536, "df 00010000"),
		doubleForm(0, "cb 0000000000000000"), doubleForm(math.Copysign(0, -1), "cb 0000000000000000"),
		doubleForm(1.5, "cb 3ff8000000000000"), doubleForm(math.Inf(-1), "cb fff0000000000000"),
		doubleForm(math.SmallestNonzeroFloat64, "cb 0000000000000001"), doubleForm(-math.MaxFloat64, "cb ffefffffffffffff"),
		doubleForm(math.NaN(), "cb 7ff8000000000000"), doubleForm(math.Float64frombits(1<<64-1), "cb 7ff8000000000000"),
		singleForm(0, "ca 00000000"), singleForm(float32(math.Copysign(0, -1)), "ca 00000000"),
		singleForm(-2.25, "ca c0100000"), singleForm(float32(math.Inf(1)), "ca 7f800000"),
		singleForm(float32(math.NaN()), "ca 7fc00000"), singleForm(math.Float32frombits(0xff800001), "ca 7fc00000"),
		timeForm(0, 0, "d6 ff 00000000"), timeForm(math.MaxUint32, 0, "d6 ff ffffffff"),
		timeForm(0, 1, "d7 ff 00000004 00000000"), timeForm(1<<32, 0, "d7 ff 00000001 00000000"),
		timeForm(1<<34-1, 999999999, "d7 ff ee6b27ff ffffffff"),
		timeForm(1<<34, 0, "c7 0c ff 00000000 0000000400000000"),
		timeForm(-1, 999999999, "c7 0c ff 3b9ac9ff ffffffffffffffff"),
		timeForm(time.Time{}.Unix(), 0, "c7 0c ff 00000000 fffffff1886e0900"),
		timeForm(math.MaxInt64, 0, "c7 0c ff 00000000 7fffffffffffffff"),
		timeForm(math.MinInt64, 0, "c7 0c ff 00000000 8000000000000000"),
	}
}

func TestFormsAreThoseOfTheSpecification(t *testing.T) {
	for _, f := range forms() {
		want := unhex(t, f.want)
		if got := f.write([]byte("kept")); !bytes.Equal(got, append([]byte("kept"), want...)) {
			t.Errorf("%.40s: appended %.20x, want %.20x", f.name, got[4:], want)
		}
		d := wire.NewDecoder(want)
		if !f.same(d) {
			t.Errorf("%.40s: read another value", f.name)
		}
		if err := d.Finish(); err != nil {
			t.Errorf("%.40s: Finish() = %v, want nil", f.name, err)
		}
	}
}

func TestEveryPrefixIsTruncated(t *testing.T) {
	for _, f := range forms() {
		src := unhex(t, f.want)
		for n := range min(len(src), 40) {
			d := wire.NewDecoder(src[:n:n])
			if f.name == "nil" {
				d.Skip()
			} else {
				f.same(d)
			}
			checkErr(t, "prefix of "+f.name[:min(len(f.name), 40)], d.Finish(), wire.ErrTruncated)
		}
	}
}

func TestSkipTakesExactlyOneValue(t *testing.T) {
	for _, f := range forms() {
		d := wire.NewDecoder(append(unhex(t, f.want), 0x2a))
		d.Skip()
		if got := d.Uint8(); got != 42 || d.Finish() != nil {
			t.Errorf("%.40s: value after Skip = %d (%v), want 42", f.name, got, d.Err())
		}
	}
}

// readers are the typed reads, by the name of what they read.
var readers = map[string]func(*wire.Decoder){
	"bool":   func(d *wire.Decoder) { d.Bool() },
	"uint":   func(d *wire.Decoder) { d.Uint64() },
	"int":    func(d *wire.Decoder) { d.Int64() },
	"string": func(d *wire.Decoder) { _ = d.String() },
	"bytes":  func(d *wire.Decoder) { d.Bytes() },
	"time":   func(d *wire.Decoder) { d.Time() },
	"double": func(d *wire.Decoder) { d.Float64() },
	"single": func(d *wire.Decoder) { d.Float32() },
	"map":    func(d *wire.Decoder) { readMap(d) },
	"array": func(d *wire.Decoder) {
		for a := d.Array(); a.Next(); {
			d.Skip()
		}
	},
	"struct": func(d *wire.Decoder) {
		for s := d.Struct(wire.NewShape("")); s.Next(); {
			panic("a struct without fields has stopped at one")
		}
	},
}

func TestOtherFormsAreRefused(t *testing.T) {
	for _, tc := range []struct {
		read, src string
		want      error
	}{
		{"double", "cb 8000000000000000", wire.ErrNotCanonical},
		{"double", "cb 7ff8000000000001", wire.ErrNotCanonical},
		{"double", "cb fff8000000000000", wire.ErrNotCanonical},
		{"double", "cb 7ff0000000000001", wire.ErrNotCanonical},
		{"double", "ca 00000000", wire.ErrForm},
		{"double", "00", wire.ErrForm},
		{"single", "ca 80000000", wire.ErrNotCanonical},
		{"single", "ca 7fc00001", wire.ErrNotCanonical},
		{"single", "ca 7f800001", wire.ErrNotCanonical},
		{"single", "cb 0000000000000000", wire.ErrForm},
		{"map", "82 00 00 00 00", wire.ErrOrder},
		{"map", "82 01 00 00 00", wire.ErrOrder},
		{"map", "de 0001 00 00", wire.ErrNotCanonical},
		{"map", "81 00 c0", wire.ErrForm},
		{"map", "81 c0 00", wire.ErrForm},
		{"map", "92 00 00", wire.ErrForm},
		{"uint", "cc 7f", wire.ErrNotCanonical},
		{"uint", "cd 00ff", wire.ErrNotCanonical},
		{"uint", "ce 0000ffff", wire.ErrNotCanonical},
		{"uint", "cf 00000000ffffffff", wire.ErrNotCanonical},
		{"uint", "d0 01", wire.ErrNotCanonical},
		{"int", "d0 01", wire.ErrNotCanonical},
		{"int", "d0 e0", wire.ErrNotCanonical},
		{"int", "d1 012c", wire.ErrNotCanonical},
		{"int", "d1 ff80", wire.ErrNotCanonical},
		{"int", "d2 ffff8000", wire.ErrNotCanonical},
		{"int", "d3 ffffffff80000000", wire.ErrNotCanonical},
		{"int", "ca 3f800000", wire.ErrForm},
		{"int", "cb 3ff0000000000000", wire.ErrForm},
		{"int", "c1", wire.ErrForm},
		{"int", "c0", wire.ErrForm},
		{"uint", "ff", wire.ErrRange},
		{"int", "cf 8000000000000000", wire.ErrRange},
		{"bool", "01", wire.ErrForm},
		{"string", "d9 01 61", wire.ErrNotCanonical},
		{"string", "da 0001 61", wire.ErrNotCanonical},
		{"string", "db 00000001 61", wire.ErrNotCanonical},
		{"string", "c4 01 61", wire.ErrForm},
		{"string", "a2 c328", wire.ErrUTF8},
		{"string", "a3 eda080", wire.ErrUTF8},
		{"bytes", "c5 0001 61", wire.ErrNotCanonical},
		{"bytes", "c6 00000001 61", wire.ErrNotCanonical},
		{"bytes", "a1 61", wire.ErrForm},
		{"array", "dc 0001 c0", wire.ErrNotCanonical},
		{"array", "dd 00000001 c0", wire.ErrNotCanonical},
		{"array", "80", wire.ErrForm},
		{"struct", "de 0001 a0 c0", wire.ErrNotCanonical},
		{"struct", "df 00000001 a0 c0", wire.ErrNotCanonical},
		{"struct", "90", wire.ErrForm},
		{"struct", "81 01 c0", wire.ErrForm},
		{"struct", "81 d9 01 61 c0", wire.ErrNotCanonical},
		{"struct", "81 a1 ff c0", wire.ErrUTF8},
		{"time", "d7 ff 00000000 00000001", wire.ErrNotCanonical},
		{"time", "c7 0c ff 00000000 0000000000000001", wire.ErrNotCanonical},
		{"time", "c7 0c ff 00000001 0000000000000001", wire.ErrNotCanonical},
		{"time", "c7 04 ff 00000001", wire.ErrNotCanonical},
		{"time", "c8 000c ff 00000000 ffffffffffffffff", wire.ErrNotCanonical},
		{"time", "d7 ff ee6b2800 00000000", wire.ErrRange},
		{"time", "c7 0c ff 3b9aca00 ffffffffffffffff", wire.ErrRange},
		{"time", "d6 01 00000001", wire.ErrForm},
		{"time", "d5 ff 0001", wire.ErrForm},
		{"time", "00", wire.ErrForm},
	} {
		d := wire.NewDecoder(unhex(t, tc.src))
		readers[tc.read](d)
		checkErr(t, tc.read+" "+tc.src, d.Finish(), tc.want)
	}
}

func TestIntegersFitTheirType(t *testing.T) {
	signed := map[int]func(*wire.Decoder) int64{
		8:  func(d *wire.Decoder) int64 { return int64(d.Int8()) },
		16: func(d *wire.Decoder) int64 { return int64(d.Int16()) },
		32: func(d *wire.Decoder) int64 { return int64(d.Int32()) },
		64: (*wire.Decoder).Int64,
	}
	for bits, read := range signed {
		for _, v := range []int64{
			0, 1, -1, 127, 128, -128, -129, 32767, 32768, -32768, -32769,
			math.MaxInt32, math.MaxInt32 + 1, math.MinInt32, math.MinInt32 - 1, math.MaxInt64, math.MinInt64,
		} {
			d := wire.NewDecoder(wire.AppendInt(nil, v))
			got, low, high := read(d), int64(-1)<<(bits-1), int64(1)<<(bits-1)-1
			checkFit(t, "int", bits, v, got, v >= low && v <= high, d)
		}
	}
	unsigned := map[int]func(*wire.Decoder) uint64{
		8:  func(d *wire.Decoder) uint64 { return uint64(d.Uint8()) },
		16: func(d *wire.Decoder) uint64 { return uint64(d.Uint16()) },
		32: func(d *wire.Decoder) uint64 { return uint64(d.Uint32()) },
		64: (*wire.Decoder).Uint64,
	}
	for bits, read := range unsigned {
		for _, v := range []uint64{0, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxUint64} {
			d := wire.NewDecoder(wire.AppendUint(nil, v))
			checkFit(t, "uint", bits, v, read(d), v>>bits == 0, d)
		}
	}
}

func checkFit[T int64 | uint64](t *testing.T, typ string, bits int, v, got T, fits bool, d *wire.Decoder) {
	t.Helper()
	switch err := d.Finish(); {
	case fits && (got != v || err != nil):
		t.Errorf("%s%d of %d = %d, %v, want %d, nil", typ, bits, v, got, err, v)
	case !fits:
		checkErr(t, typ, err, wire.ErrRange)
		if got != 0 {
			t.Errorf("%s%d of %d = %d, want 0", typ, bits, v, got)
		}
	}
}

// The greatest length that the next shorter header holds is refused in each
// header, as the least one that needs it is accepted above.
func TestLengthsOfAShorterHeaderAreRefused(t *testing.T) {
	for _, tc := range []struct {
		read, header string
		body         string
		n            int
	}{
		{"string", "d9 1f", "61", 31},
		{"string", "da 00ff", "61", 255},
		{"string", "db 0000ffff", "61", 65535},
		{"bytes", "c5 00ff", "61", 255},
		{"bytes", "c6 0000ffff", "61", 65535},
		{"array", "dc 000f", "c0", 15},
		{"array", "dd 0000ffff", "c0", 65535},
		{"struct", "de 000f", "a0c0", 15},
		{"struct", "df 0000ffff", "a0c0", 65535},
	} {
		src := unhex(t, tc.header+strings.Repeat(tc.body, tc.n))
		d := wire.NewDecoder(src)
		readers[tc.read](d)
		checkErr(t, tc.header, d.Finish(), wire.ErrNotCanonical)

		d = wire.NewDecoder(src)
		d.Skip()
		if err := d.Finish(); err != nil {
			t.Errorf("%s: Skip says %v, want nil", tc.header, err)
		}
	}
}

func TestSkipKnowsForeignForms(t *testing.T) {
	for _, src := range []string{
		"ca 00000000", "cb 0000000000000000",
		"cc 00", "cd 0000", "ce 00000000", "cf 0000000000000000",
		"d0 00", "d1 0000", "d2 00000000", "d3 0000000000000000",
		"d4 07 00", "d5 07 0000", "d6 07 00000000", "d7 07 0000000000000000",
		"d8 07 00000000000000000000000000000000",
		"c7 00 07", "c7 02 07 0000", "c8 0001 07 00", "c9 00000001 07 00",
		"a2 c328", "82 01 02 01 03", "81 90 80", "93 91 c0 80 81 c2 c3",
	} {
		d := wire.NewDecoder(append(unhex(t, src), 0x2a))
		d.Skip()
		if got := d.Uint8(); got != 42 || d.Finish() != nil {
			t.Errorf("%s: value after Skip = %d (%v), want 42", src, got, d.Err())
		}
	}
}
