package wire_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/wire"
)

// recode reads one value of each basic kind and appends it again. It is the
// law of the package: what is accepted is the one encoding of its value.
func recode(pick uint8, src []byte) ([]byte, error) {
	d := wire.NewDecoder(src)
	var out []byte
	switch pick % 11 {
	case 0:
		out = wire.AppendBool(nil, d.Bool())
	case 1:
		out = wire.AppendUint(nil, d.Uint64())
	case 2:
		out = wire.AppendInt(nil, d.Int64())
	case 3:
		out = wire.AppendString(nil, d.String())
	case 4:
		out = wire.AppendBytes(nil, d.Bytes())
	case 5:
		out = wire.AppendTime(nil, d.Time())
	case 6:
		var all []int16
		for a := d.Array(); a.Next(); {
			all = append(all, d.Int16())
		}
		out = wire.AppendArray(nil, len(all))
		for _, v := range all {
			out = wire.AppendInt(out, int64(v))
		}
	case 7:
		if !d.Nil() {
			d.Fail(errors.New("not nil"))
		}
		out = wire.AppendNil(nil)
	case 8:
		out = wire.AppendFloat64(nil, d.Float64())
	case 9:
		out = wire.AppendFloat32(nil, d.Float32())
	case 10:
		m := readMap(d)
		out = wire.AppendMap(nil, len(m))
		for _, key := range wire.SortedKeys(nil, m) {
			out = wire.AppendInt(wire.AppendUint(out, uint64(key)), m[key])
		}
	}
	return out, d.Finish()
}

func FuzzAcceptedIsCanonical(f *testing.F) {
	for _, form := range forms() {
		if src := form.write(nil); len(src) < 512 {
			for pick := range uint8(11) {
				f.Add(pick, src)
			}
		}
	}
	f.Fuzz(func(t *testing.T, pick uint8, src []byte) {
		out, err := recode(pick, src)
		if err == nil && !bytes.Equal(out, src) {
			t.Errorf("kind %d: %x was accepted, but its value is %x", pick%11, src, out)
		}
		if err != nil {
			if _, ok := errors.AsType[*wire.Error](err); !ok {
				t.Errorf("err = %v, want a *wire.Error", err)
			}
		}
	})
}

// known says whether src has no field that the tables of MoneyDeposited do not
// have; only then its encoding is the one and only.
func known(src []byte, v *MoneyDeposited) bool {
	return len(appendMoneyDeposited(nil, v)) == len(src)
}

func FuzzCodec(f *testing.F) {
	memo := "rent"
	f.Add(appendMoneyDeposited(nil, &MoneyDeposited{}))
	f.Add(appendMoneyDeposited(nil, &MoneyDeposited{Amount: -5, Memo: &memo, Tags: []string{"a", "", "ü"}}))
	f.Add(append([]byte{0x85, 0xa1, 'x', 0x91, 0xc0}, appendMoneyDeposited(nil, &MoneyDeposited{})[1:]...))
	f.Fuzz(func(t *testing.T, src []byte) {
		v, err := parseMoneyDeposited(src)
		if err != nil {
			return
		}
		out := appendMoneyDeposited(nil, &v)
		if known(src, &v) && !bytes.Equal(out, src) {
			t.Errorf("%x was accepted, but its value is %x", src, out)
		}
		if _, err := parseMoneyDeposited(out); err != nil || len(out) > len(src) {
			t.Errorf("%x was accepted, its own encoding %x is not: %v", src, out, err)
		}
	})
}

// Whatever a typed read accepts, Skip accepts, and ends at the same byte.
func FuzzSkipAgrees(f *testing.F) {
	for _, form := range forms() {
		if src := form.write(nil); len(src) < 512 {
			f.Add(src)
		}
	}
	f.Add(appendMoneyDeposited(nil, &MoneyDeposited{}))
	f.Fuzz(func(t *testing.T, src []byte) {
		skip := wire.NewDecoder(src)
		skip.Skip()
		for name, read := range readers {
			d := wire.NewDecoder(src)
			read(d)
			if d.Finish() == nil && skip.Finish() != nil {
				t.Errorf("%x was read as %s, but Skip says %v", src, name, skip.Err())
			}
		}
	})
}

func TestRandomValuesSurvive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		u := r.Uint64() >> r.IntN(64)
		i := int64(r.Uint64()) >> r.IntN(64)
		s := strings.Repeat("ä", r.IntN(1+r.IntN(300)))
		b := make([]byte, r.IntN(1+r.IntN(600)))
		at := time.Unix(i, r.Int64N(int64(1+r.IntN(2)*999_999_999)))

		src := wire.AppendInt(wire.AppendUint(nil, u), i)
		src = wire.AppendBytes(wire.AppendString(src, s), b)
		src = wire.AppendTime(src, at)
		d := wire.NewDecoder(src)
		if got := d.Uint64(); got != u {
			t.Fatalf("Uint64() = %d, want %d", got, u)
		}
		if got := d.Int64(); got != i {
			t.Fatalf("Int64() = %d, want %d", got, i)
		}
		if got := d.String(); got != s {
			t.Fatalf("String() = %q, want %q", got, s)
		}
		if got := d.Bytes(); !bytes.Equal(got, b) {
			t.Fatalf("Bytes() = %x, want %x", got, b)
		}
		if got := d.Time(); got != at.UTC() {
			t.Fatalf("Time() = %v, want %v", got, at.UTC())
		}
		if err := d.Finish(); err != nil {
			t.Fatalf("Finish() = %v, want nil", err)
		}
	}
}

// One changed bit gives an error or another value, never the same one.
func TestNoBitIsIgnored(t *testing.T) {
	memo := "rent"
	v := MoneyDeposited{Amount: math.MaxInt32, Memo: &memo, Tags: []string{"a", "b"}, Source: Source{Kind: "cash"}}
	src := appendMoneyDeposited(nil, &v)
	for bit := range 8 * len(src) {
		bad := bytes.Clone(src)
		bad[bit/8] ^= 1 << (bit % 8)
		got, err := parseMoneyDeposited(bad)
		if err == nil && bytes.Equal(appendMoneyDeposited(nil, &got), src) {
			t.Errorf("bit %d flipped: decoded to the same value", bit)
		}
	}
}

func TestHostileBytesDoNotPanic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	good := appendMoneyDeposited(nil, &MoneyDeposited{Tags: []string{"a", "b"}})
	for range 50_000 {
		src := bytes.Clone(good[:1+r.IntN(len(good))])
		for range 1 + r.IntN(4) {
			src[r.IntN(len(src))] = byte(r.Uint32())
		}
		_, _ = parseMoneyDeposited(src)
		wire.NewDecoder(src).Skip()
	}
}
