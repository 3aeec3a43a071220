package frozen_test

import (
	"bytes"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/wire"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

var (
	update = flag.Bool("update", false, "rewrite the golden file")
	seed   = flag.Uint64("seed", 1, "where random values come from")
)

// kitchen is a shape with a field of each kind.
const kitchen = "{bool:bool;text:string;short:string<=5;i8:int8;i16:int16;i32:int32;i64:int64;u8:uint8;u16:uint16;u32:uint32;u64:uint64;" +
	"f32:float32;f64:float64;bytes:bytes;few:bytes<=2;fixed:bytes[4];time:time;word:string(\"a b\"|x|y);number:int8(-1|0|7);" +
	"list:[]string;three:[]int8<=3;pair:[2]{a:bool;b?:time};deep:[][]{a:uint8};map:map[string]int64;by_number:map[int16]{a:string};" +
	"by_word:map[string(x|y)]bool;opt?:int64;opt_word?:string(x|y);opt_list?:[]bool;opt_fixed?:bytes[3];opt_part?:{a:bool;b:string};" +
	"opt_pair?:[2]int8;p_text?:*string;p_part?:*{a:bool};p_word?:*uint8(3|4);money?:codec(example.com/money.Amount);" +
	"some:[]codec(Own);prices:map[string]codec(Own);wallet?:{owner:string;money:codec(Own)}}"

func parse(t *testing.T, text string) *model.Struct {
	t.Helper()
	s, err := shape.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The payloads of a shape do not change: they are compared with those that were
// made when the shape was first seen.
func TestGolden(t *testing.T) {
	got := frozen.Grow(nil, 0x1ABC, 3, parse(t, kitchen))
	golden := filepath.Join("testdata", "kitchen.hex")
	if *update {
		if err := os.WriteFile(golden, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("payloads differ (-want +got):\n%s", d)
	}
}

// Samples are well-formed, small and different, and each field has many values.
func TestSamples(t *testing.T) {
	s := parse(t, kitchen)
	samples := frozen.Samples(s)
	names := map[string]bool{}
	for _, sample := range samples {
		names[sample.Name] = true
		d := wire.NewDecoder(sample.Payload)
		d.Skip()
		if err := d.Finish(); err != nil || len(sample.Payload) > 64<<10 {
			t.Errorf("sample %s of %d bytes: %v", sample.Name, len(sample.Payload), err)
		}
		for _, other := range samples {
			if other.Name != sample.Name && bytes.Equal(other.Payload, sample.Payload) {
				t.Errorf("samples %s and %s are equal", sample.Name, other.Name)
			}
		}
	}
	for _, want := range []string{"zero", "typical", "bare", "least", "most"} {
		if !names[want] {
			t.Errorf("there is no sample %s", want)
		}
	}
	for i, f := range s.Fields {
		seen := map[string]bool{}
		for _, sample := range samples {
			seen[string(frozen.Append(nil, &model.Struct{Fields: s.Fields[i : i+1]}, sample.Fields[i:i+1]))] = true
		}
		absent, present := seen["\x80"], len(seen) > 1
		empty := slices.Contains([]string{"money", "some", "prices", "wallet"}, f.Wire)
		if f.Optional != absent || present == empty {
			t.Errorf("field %s has %d values, left out: %t", f.Wire, len(seen), absent)
		}
	}
}

// Shapes whose payloads cannot be made have none.
func TestNoSamples(t *testing.T) {
	for _, text := range []string{
		"{a:codec(Own)}", "{a:{b:codec(Own)}}", "{a:[2]codec(Own)}", "{a:[9000][9]bool}", "{a:[70000]{b:bool}}", "{a:[300]{b:[300]{c:bool}}}",
	} {
		if samples := frozen.Samples(parse(t, text)); len(samples) > 0 {
			t.Errorf("Samples(%s) = %d samples, want none", text, len(samples))
		}
		want := "x\n# " + shape.Fingerprint(text) + " no payload\n"
		if file := frozen.Grow([]byte("x\n"), 1, 1, parse(t, text)); string(file) != want {
			t.Errorf("Grow(x, %s) = %q, want %q", text, file, want)
		}
	}
}

// A struct without fields has one payload.
func TestEmptyStruct(t *testing.T) {
	if samples := frozen.Samples(new(model.Struct)); len(samples) != 1 || string(samples[0].Payload) != "\x80" {
		t.Errorf("Samples({}) = %v, want one", samples)
	}
}

// A file is added to, and what was in it stays.
func TestGrow(t *testing.T) {
	first := frozen.Grow(nil, 0x1002, 3, parse(t, "{amount:int64}"))
	kept := bytes.Clone(first)
	second := frozen.Grow(first, 0x1002, 3, parse(t, "{amount:int64;memo?:string}"))
	if !bytes.HasPrefix(second, kept) || len(second) == len(kept) || !bytes.Equal(first, kept) {
		t.Errorf("Grow(%q) = %q, want it to add lines", kept, second)
	}
	lines := strings.Split(string(second), "\n")
	if !strings.HasPrefix(lines[0], "# Payloads of kind 1:002, version 3,") {
		t.Errorf("first line = %q", lines[0])
	}
	for _, line := range lines[1 : len(lines)-1] {
		fingerprint, rest, _ := strings.Cut(line, " ")
		if _, payload, ok := strings.Cut(rest, " "); len(fingerprint) != 16 || !ok || payload == "" {
			t.Errorf("line = %q, want a fingerprint, a name and a payload", line)
		}
	}
	if got, want := frozen.Path(0xE00A, 12), "testdata/batpak/e_00a__v12.hex"; got != want {
		t.Errorf("Path() = %s, want %s", got, want)
	}
}

// The interpreter and the primitives of emitted code are two implementations of
// one profile: they agree about every value.
func TestAgreesWithWire(t *testing.T) {
	rng := rand.New(rand.NewPCG(*seed, 0))
	one := func(basic model.Basic, class model.Class, v any) []byte {
		s := &model.Struct{Fields: []model.Field{{Wire: "f", Type: &model.Type{Class: class, Basic: basic, Elem: &model.Type{Class: model.ClassBasic, Basic: "bool"}}}}}
		return bytes.TrimPrefix(frozen.Append(nil, s, frozen.Fields{v}), []byte("\x81\xa1f"))
	}
	check := func(what any, got, want []byte) {
		t.Helper()
		if !bytes.Equal(got, want) {
			t.Fatalf("-seed %d: %#v is %.40x, in runtime/wire %.40x", *seed, what, got, want)
		}
	}
	for range 20000 {
		n := rng.Uint64() >> rng.IntN(64)
		i := int64(n)
		if rng.IntN(2) == 0 {
			i = -i
		}
		check(n, one("uint64", model.ClassBasic, n), wire.AppendUint(nil, n))
		check(i, one("int64", model.ClassBasic, i), wire.AppendInt(nil, i))
		at := time.Unix(i>>rng.IntN(20), rng.Int64N(2)*rng.Int64N(1e9)).UTC()
		check(at, one("", model.ClassTime, at), wire.AppendTime(nil, at))
	}
	for _, n := range []int{0, 1, 15, 16, 31, 32, 33, 127, 128, 255, 256, 257, 1<<16 - 1, 1 << 16} {
		text := strings.Repeat("x", n)
		check(n, one("string", model.ClassBasic, text), wire.AppendString(nil, text))
		check(n, one("", model.ClassBytes, []byte(text)), wire.AppendBytes(nil, []byte(text)))
		list, want := make(frozen.List, n), wire.AppendArray(nil, n)
		fields, names := make([]model.Field, n), wire.AppendStruct(nil, n)
		values := make(frozen.Fields, n)
		for i := range n {
			list[i], want = true, wire.AppendBool(want, true)
			fields[i], values[i] = model.Field{Wire: "f", Type: &model.Type{Class: model.ClassBasic, Basic: "bool"}}, false
			names = wire.AppendBool(wire.AppendString(names, "f"), false)
		}
		check(n, one("", model.ClassSlice, list), want)
		check(n, frozen.Append(nil, &model.Struct{Fields: fields}, values), names)
	}
	for _, at := range []time.Time{{}, time.Unix(math.MinInt64, 0), time.Unix(math.MaxInt64, 999999999)} {
		check(at, one("", model.ClassTime, at), wire.AppendTime(nil, at))
	}
}

// A path names one version, and no other path does.
func TestPathsNameVersions(t *testing.T) {
	for kind := range 1 << 16 {
		version := uint16(kind * 40503)
		path := frozen.Path(uint16(kind), version)
		if k, v, ok := frozen.ParsePath(path); k != uint16(kind) || v != version || !ok {
			t.Fatalf("ParsePath(%q) = %#x, %d, %t, want %#x, %d, true", path, k, v, ok, kind, version)
		}
	}
	for _, path := range []string{
		"", "1_002__v3.hex", "testdata/batpak/1_002__v3", "testdata/batpak/1_2__v3.hex", "testdata/batpak/1_002__v03.hex", "testdata/batpak/1_002__v3.hex.hex",
		"testdata/batpak/1_00A__v3.hex", "testdata/batpak/1_002__v65536.hex", "testdata/batpak/10_002__v3.hex", "testdata/batpak/1_1002__v3.hex", "testdata/batpak/+1_002__v3.hex",
	} {
		if k, v, ok := frozen.ParsePath(path); ok {
			t.Errorf("ParsePath(%q) = %#x, %d, want none", path, k, v)
		}
	}
}
