package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/wire"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkErr checks that err is a *wire.Error for the reason want.
func checkErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if _, ok := errors.AsType[*wire.Error](err); !ok || !errors.Is(err, want) {
		t.Errorf("%s: err = %v, want a *wire.Error with %v", what, err, want)
	}
}

var abc = wire.NewShape("ABC", "a", "b?", "c")

// readABC returns the fields it stopped at with their values.
func readABC(d *wire.Decoder) (got [3]uint8) {
	for s := d.Struct(abc); s.Next(); {
		got[s.Index()] = d.Uint8()
	}
	return got
}

func TestStructFields(t *testing.T) {
	for _, tc := range []struct {
		name, src string
		want      [3]uint8
		err       error
		text      string
	}{
		{name: "all", src: "83 a161 01 a162 02 a163 03", want: [3]uint8{1, 2, 3}},
		{name: "optional absent", src: "82 a161 01 a163 03", want: [3]uint8{1, 0, 3}},
		{name: "unknown first", src: "83 a178 c1", err: wire.ErrTruncated, text: "decode ABC at byte 0: input ends inside a value"},
		{name: "unknown between", src: "83 a161 01 a178 ca00000000 a163 03", want: [3]uint8{1, 0, 3}},
		{name: "unknown last", src: "83 a161 01 a163 03 a178 81c090", want: [3]uint8{1, 0, 3}},
		{
			name: "repeated", src: "83 a161 01 a161 01 a163 03", err: wire.ErrOrder,
			text: "decode ABC.a at byte 4: field is repeated or out of order",
		},
		{
			name: "out of order", src: "83 a161 01 a163 03 a162 02", err: wire.ErrOrder,
			text: "decode ABC.b at byte 7: field is repeated or out of order",
		},
		{
			name: "first missing", src: "82 a162 01 a163 03", err: wire.ErrMissing,
			text: "decode ABC.a at byte 1: required field is missing",
		},
		{
			name: "last missing", src: "82 a161 01 a162 02", err: wire.ErrMissing,
			text: "decode ABC.c at byte 7: required field is missing",
		},
		{name: "none", src: "80", err: wire.ErrMissing, text: "decode ABC.a at byte 1: required field is missing"},
		{
			name: "bad value", src: "82 a161 c3 a163 03", err: wire.ErrForm,
			text: "decode ABC.a at byte 3: unexpected form: want integer, got bool",
		},
		{name: "bad unknown value", src: "82 a178 c1 a163 03", err: wire.ErrForm, text: "decode ABC at byte 3: unexpected form"},
		{
			name: "not a struct", src: "93 01 02 03", err: wire.ErrForm,
			text: "decode ABC at byte 0: unexpected form: want map, got array",
		},
		{
			name: "trailing", src: "82 a161 01 a163 03 00", err: wire.ErrTrailing,
			text: "decode ABC at byte 7: bytes after the last value",
		},
	} {
		d := wire.NewDecoder(unhex(t, tc.src))
		got := readABC(d)
		err := d.Finish()
		if tc.err != nil {
			checkErr(t, tc.name, err, tc.err)
			if err != nil && err.Error() != tc.text {
				t.Errorf("%s: Error() = %q, want %q", tc.name, err, tc.text)
			}
			continue
		}
		if err != nil || got != tc.want {
			t.Errorf("%s: got %v, %v, want %v, nil", tc.name, got, err, tc.want)
		}
	}
}

func TestErrorNamesTheInnermostStruct(t *testing.T) {
	outer := wire.NewShape("Outer", "inner", "after")
	read := func(src string) error {
		d := wire.NewDecoder(unhex(t, src))
		for s := d.Struct(outer); s.Next(); {
			if s.Index() == 0 {
				readABC(d)
			} else {
				d.Bool()
			}
		}
		return d.Finish()
	}
	const inner, after = "a5696e6e6572", "a56166746572"
	for _, tc := range []struct{ src, want string }{
		{"82" + inner + "82a16101a16303" + after + "c3", ""},
		{"82" + inner + "82a161c0a16303" + after + "c3", "decode ABC.a at byte 10: unexpected form: want integer, got nil"},
		{"82" + inner + "90", "decode Outer.inner at byte 7: unexpected form: want map, got array"},
		{"82" + inner + "82a16101a16303" + after + "00", "decode Outer.after at byte 20: unexpected form: want bool, got integer"},
		{"81" + inner + "82a16101a16303", "decode Outer.after at byte 14: required field is missing"},
	} {
		var got string
		if err := read(tc.src); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.src, got, tc.want)
		}
	}
}

func TestFirstErrorStays(t *testing.T) {
	mine := errors.New("not a currency")
	d := wire.NewDecoder([]byte{1, 0xc1, 2, 3})
	d.Fail(nil)
	d.Uint8()
	d.Fail(mine)
	d.Fail(errors.New("later"))
	if d.Bool() || d.Nil() || d.Int64() != 0 || d.Uint64() != 0 || d.String() != "" || d.Bytes() != nil || !d.Time().IsZero() {
		t.Error("a read after the error returned a value, want zero values")
	}
	for a := d.FixedArray(2); a.Next(); {
		t.Error("Array.Next() = true after the error, want false")
	}
	for s := d.Struct(abc); s.Next(); {
		t.Error("Struct.Next() = true after the error, want false")
	}
	d.Skip()
	fixed := []byte{9}
	d.FixedBytes(fixed)
	if fixed[0] != 9 {
		t.Error("FixedBytes wrote after the error")
	}
	checkErr(t, "Finish", d.Finish(), mine)
	if got, want := d.Err().Error(), "decode at byte 1: not a currency"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestErrorCodes(t *testing.T) {
	for reason, want := range map[error]string{
		wire.ErrTruncated: "wire.truncated", wire.ErrForm: "wire.form", wire.ErrNotCanonical: "wire.not-canonical",
		wire.ErrRange: "wire.range", wire.ErrUTF8: "wire.utf8", wire.ErrOrder: "wire.order", wire.ErrMissing: "wire.missing",
		wire.ErrDepth: "wire.depth", wire.ErrTrailing: "wire.trailing", wire.ErrBound: "wire.bound", wire.ErrUnknown: "wire.unknown",
		errors.New("mine"): "wire.refused",
	} {
		if got := (&wire.Error{Err: reason}).Code(); got != want {
			t.Errorf("Code() for %q = %q, want %q", reason, got, want)
		}
	}
}

func TestFixedLengthsAreExact(t *testing.T) {
	for n := range 4 {
		var got [2]byte
		d := wire.NewDecoder(wire.AppendBytes(nil, []byte{7, 8, 9}[:n]))
		d.FixedBytes(got[:])
		if n == len(got) {
			if d.Finish() != nil || got != [2]byte{7, 8} {
				t.Errorf("FixedBytes of 2 = %v, %v, want [7 8], nil", got, d.Err())
			}
		} else {
			checkErr(t, "FixedBytes", d.Finish(), wire.ErrRange)
		}

		src := append(wire.AppendArray(nil, n), make([]byte, n)...)
		d = wire.NewDecoder(src)
		var steps []byte
		for a := d.FixedArray(2); a.Next(); {
			steps = append(steps, byte(a.Index()), d.Uint8())
		}
		if n == 2 {
			if d.Finish() != nil || !bytes.Equal(steps, []byte{0, 0, 1, 0}) {
				t.Errorf("FixedArray of 2 went through %v, %v, want [0 0 1 0], nil", steps, d.Err())
			}
		} else {
			checkErr(t, "FixedArray", d.Finish(), wire.ErrRange)
		}
	}
}

func TestResultsAreCopies(t *testing.T) {
	src := wire.AppendBytes(wire.AppendString(nil, "text"), []byte("data"))
	d := wire.NewDecoder(src)
	s, b := d.String(), d.Bytes()
	clear(src)
	if s != "text" || string(b) != "data" {
		t.Errorf("after the input changed: %q, %q, want text, data", s, b)
	}
}

func TestNilAndEmptyBytesAreOne(t *testing.T) {
	if a, b := wire.AppendBytes(nil, nil), wire.AppendBytes(nil, []byte{}); !bytes.Equal(a, b) {
		t.Errorf("nil is %x, empty is %x, want the same", a, b)
	}
	if got := wire.NewDecoder([]byte{0xc4, 0}).Bytes(); got != nil {
		t.Errorf("empty decodes to %v, want nil", got)
	}
}

func TestFinish(t *testing.T) {
	got := 5
	d := wire.NewDecoder([]byte{1, 2})
	if err := wire.Finish(d, &got, int(d.Uint8())); !errors.Is(err, wire.ErrTrailing) || got != 5 {
		t.Errorf("Finish(with a byte left) = %v and %d, want %v and 5", err, got, wire.ErrTrailing)
	}
	d = wire.NewDecoder([]byte{1})
	if err := wire.Finish(d, &got, int(d.Uint8())); err != nil || got != 1 {
		t.Errorf("Finish() = %v and %d, want nil and 1", err, got)
	}
}

func TestWhatIsReadIsJudged(t *testing.T) {
	odd := func(v uint8) bool { return v%2 == 1 }
	for _, tc := range []struct {
		name string
		read func(*wire.Decoder)
		want error
	}{
		{"within its bound", func(d *wire.Decoder) { d.Bound(len(d.String()), 2) }, nil},
		{"beyond its bound", func(d *wire.Decoder) { d.Bound(len(d.String()), 1) }, wire.ErrBound},
		{"set", func(d *wire.Decoder) { d.NotZero(d.String() != "") }, nil},
		{"zero", func(d *wire.Decoder) { d.NotZero(d.String() == "") }, wire.ErrNotCanonical},
		{"known", func(d *wire.Decoder) { wire.Known(d, uint8(len(d.String()))+1, odd) }, nil},
		{"unknown", func(d *wire.Decoder) { wire.Known(d, uint8(len(d.String())), odd) }, wire.ErrUnknown},
	} {
		d := wire.NewDecoder(wire.AppendString(nil, "ab"))
		tc.read(d)
		if err := d.Finish(); tc.want != nil {
			checkErr(t, tc.name, err, tc.want)
		} else if err != nil {
			t.Errorf("%s: Finish() = %v, want nil", tc.name, err)
		}
	}
}

func TestChecks(t *testing.T) {
	mine := errors.New("mine")
	for _, tc := range []struct {
		got    error
		reason error
		text   string
	}{
		{wire.CheckString("T", "f", "grün"), nil, ""},
		{wire.CheckMax("T", "f", 3, 3), nil, ""},
		{wire.CheckMax("T", "f", 4, 3), wire.ErrBound, "encode T.f: longer than its bound: 4, at most 3"},
		{wire.CheckKnown("T", "f", true), nil, ""},
		{wire.CheckKnown("T", "f", false), wire.ErrUnknown, "encode T.f: no value of its enumeration"},
		{wire.Check("T", "f", nil), nil, ""},
		{wire.Check("T", "f", mine), mine, "encode T.f: mine"},
	} {
		if tc.reason == nil {
			if tc.got != nil {
				t.Errorf("check = %v, want nil", tc.got)
			}
			continue
		}
		checkErr(t, tc.text, tc.got, tc.reason)
		if tc.got.Error() != tc.text {
			t.Errorf("Error() = %q, want %q", tc.got, tc.text)
		}
	}
	if got := wire.Present(true, false, true); got != 2 || wire.Present() != 0 {
		t.Errorf("Present(true, false, true) = %d, want 2", got)
	}
}

func TestCheckString(t *testing.T) {
	if err := wire.CheckString("T", "f", "grün"); err != nil {
		t.Errorf("CheckString = %v, want nil", err)
	}
	err := wire.CheckString("T", "f", "\xff")
	checkErr(t, "CheckString", err, wire.ErrUTF8)
	if got, want := err.Error(), "encode T.f: text is not valid UTF-8"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
