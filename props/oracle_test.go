package props_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/batpak-go/batpak/runtime/wire"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/model"
)

// oracle writes a test of a package: values of each payload, as Go writes them,
// and what an interpreter of shapes encodes them to. It shares nothing with the
// emitted codec but the profile.
func oracle(pkg *model.Package, values int, rng *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n\t\"encoding/hex\"\n\t\"math\"\n\t\"testing\"\n\t\"time\"\n\n\t\"example.com/random/parts\"\n)\n", pkg.Name)
	b.WriteString(`
var _ parts.Word

type payload interface{ AppendBatpak(dst []byte) []byte }

func TestOracle(t *testing.T) {
	var _, _ = time.Time{}, math.Pi
	for _, tt := range []struct {
		value payload
		want  string
		again func([]byte) (payload, error)
	}{
`)
	for _, e := range pkg.Events {
		for range values {
			v := randomFields(rng, e.Payload, 0)
			fmt.Fprintf(&b, "\t\t{%s, %q, again%s},\n", literal(&model.Type{Class: model.ClassStruct, Struct: e.Payload}, v),
				hex.EncodeToString(frozen.Append(nil, e.Payload, v)), e.Payload.Name)
		}
	}
	b.WriteString(`	} {
		if got := hex.EncodeToString(tt.value.AppendBatpak(nil)); got != tt.want {
			t.Errorf("%+v\nis encoded as  %s,\ninterpreted as %s", tt.value, got, tt.want)
		}
		src, err := hex.DecodeString(tt.want)
		if err != nil {
			t.Fatal(err)
		}
		v, err := tt.again(src)
		if err != nil {
			t.Errorf("%s of %+v: %v", tt.want, tt.value, err)
		} else if got := hex.EncodeToString(v.AppendBatpak(nil)); got != tt.want {
			t.Errorf("%s is encoded again as %s", tt.want, got)
		}
	}
}
`)
	for _, e := range pkg.Events {
		name := e.Payload.Name
		fmt.Fprintf(&b, "\nfunc again%s(src []byte) (payload, error) {\n\tvar v %s\n\terr := v.DecodeBatpak(src)\n\treturn v, err\n}\n", name, name)
	}
	return b.String()
}

// randomFields makes values for the fields of a struct.
func randomFields(rng *rand.Rand, s *model.Struct, depth int) frozen.Fields {
	fields := make(frozen.Fields, len(s.Fields))
	for i, f := range s.Fields {
		fields[i] = randomValue(rng, f.Type, f.Max, f.Optional, depth)
	}
	return fields
}

// randomValue makes a value of a type. One that may be zero is so more often than
// by chance.
func randomValue(rng *rand.Rand, t *model.Type, limit int64, optional bool, depth int) any {
	zero := rng.IntN(4) == 0
	switch t.Class {
	case model.ClassPointer:
		if zero {
			return nil
		}
		return randomValue(rng, t.Elem, limit, false, depth)
	case model.ClassStruct:
		fields := randomFields(rng, t.Struct, depth)
		if optional && zero {
			fields = zeroFields(t.Struct)
		}
		return fields
	case model.ClassBytes:
		return randomBytes(rng, randomLength(rng, limit, 300, zero))
	case model.ClassFixed:
		if zero {
			return make([]byte, t.Len)
		}
		return randomBytes(rng, int(t.Len))
	case model.ClassTime:
		return randomTime(rng, zero)
	case model.ClassArray:
		return randomList(rng, t.Elem, int(t.Len), depth)
	case model.ClassSlice:
		return randomList(rng, t.Elem, randomLength(rng, limit, 20>>(2*depth), zero), depth+1)
	case model.ClassMap:
		return randomPairs(rng, t, randomLength(rng, limit, 20>>(2*depth), zero), depth+1)
	case model.ClassForeign: // which here is Sum, or Money if it checks
		if zero && optional {
			return frozen.Raw(nil)
		}
		cents := int64(rng.Uint64())>>rng.IntN(64) | 1
		if t.Checks {
			cents &= math.MaxInt64
		}
		return sumOf(cents)
	default:
		return randomBasic(rng, t, limit, zero)
	}
}

func randomLength(rng *rand.Rand, limit int64, most int, zero bool) int {
	if zero {
		return 0
	}
	n := rng.IntN(most + 1)
	if limit > 0 {
		n = int(min(int64(n), limit))
	}
	return n
}

func randomList(rng *rand.Rand, t *model.Type, n, depth int) frozen.List {
	list := make(frozen.List, n)
	for i := range list {
		list[i] = randomValue(rng, t, 0, false, depth)
	}
	return list
}

func randomPairs(rng *rand.Rand, t *model.Type, n, depth int) frozen.Pairs {
	seen := map[any]bool{}
	var pairs frozen.Pairs
	for range n {
		if key := randomValue(rng, t.Key, 0, false, depth); !seen[key] {
			seen[key] = true
			pairs = append(pairs, frozen.Pair{Key: key, Value: randomValue(rng, t.Elem, 0, false, depth)})
		}
	}
	return pairs
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// randomTime is any instant, mostly near where its encoding changes.
func randomTime(rng *rand.Rand, zero bool) time.Time {
	if zero {
		return time.Time{}
	}
	near := []int64{0, 1 << 32, 1 << 34, -62135596800}[rng.IntN(4)]
	return time.Unix(near+rng.Int64N(5)-2, rng.Int64N(2)*rng.Int64N(1e9)).UTC()
}

// randomBasic is a value of a basic type, and of its enumeration if that is closed.
func randomBasic(rng *rand.Rand, t *model.Type, limit int64, zero bool) any {
	if t.Enum != nil && !t.Enum.Open {
		return constant(t.Basic, t.Enum.Values[rng.IntN(len(t.Enum.Values))].Literal)
	}
	bits, _ := strconv.Atoi(strings.TrimLeft(string(t.Basic), "uintfloa"))
	switch {
	case t.Basic == "bool":
		return !zero
	case t.Basic == "string":
		return randomText(rng, randomLength(rng, limit, 300, zero))
	case strings.HasPrefix(string(t.Basic), "uint"):
		if zero {
			return uint64(0)
		}
		return rng.Uint64() >> (64 - bits) >> rng.IntN(bits)
	case strings.HasPrefix(string(t.Basic), "int"):
		if zero {
			return int64(0)
		}
		return int64(rng.Uint64()) >> (64 - bits) >> rng.IntN(bits)
	case zero:
		return []float64{0, math.Copysign(0, -1)}[rng.IntN(2)]
	case t.Basic == "float32":
		return float64(math.Float32frombits(rng.Uint32()))
	default:
		return math.Float64frombits(rng.Uint64() | []uint64{0, 0x7ff << 52}[rng.IntN(2)])
	}
}

// randomText is valid UTF-8 of at most n bytes.
func randomText(rng *rand.Rand, n int) string {
	runes := []rune{'a', '"', '\\', 0, '\n', 'ß', '€', 0x1F4B6, utf8.RuneError}
	var b strings.Builder
	for {
		r := runes[rng.IntN(len(runes))]
		if b.Len()+utf8.RuneLen(r) > n {
			return b.String()
		}
		b.WriteRune(r)
	}
}

// constant is the value of a Go literal.
func constant(basic model.Basic, text string) any {
	var v any
	var err error
	switch {
	case basic == "string":
		v, err = strconv.Unquote(text)
	case strings.HasPrefix(string(basic), "uint"):
		v, err = strconv.ParseUint(text, 0, 64)
	default:
		v, err = strconv.ParseInt(text, 0, 64)
	}
	if err != nil {
		panic(err)
	}
	return v
}

// zeroFields is a struct that was never set.
func zeroFields(s *model.Struct) frozen.Fields {
	fields := make(frozen.Fields, len(s.Fields))
	for i, f := range s.Fields {
		fields[i] = zeroValue(f.Type)
	}
	return fields
}

func zeroValue(t *model.Type) any {
	switch t.Class {
	case model.ClassPointer:
		return nil
	case model.ClassStruct:
		return zeroFields(t.Struct)
	case model.ClassBytes:
		return []byte(nil)
	case model.ClassFixed:
		return make([]byte, t.Len)
	case model.ClassTime:
		return time.Time{}
	case model.ClassSlice:
		return frozen.List(nil)
	case model.ClassArray:
		list := make(frozen.List, t.Len)
		for i := range list {
			list[i] = zeroValue(t.Elem)
		}
		return list
	case model.ClassMap:
		return frozen.Pairs(nil)
	case model.ClassForeign:
		return frozen.Raw(nil)
	}
	switch {
	case t.Basic == "bool":
		return false
	case t.Basic == "string":
		return ""
	case strings.HasPrefix(string(t.Basic), "uint"):
		return uint64(0)
	case strings.HasPrefix(string(t.Basic), "int"):
		return int64(0)
	default:
		return 0.0
	}
}

// literal writes a value as Go source.
func literal(t *model.Type, v any) string {
	if t.Class == model.ClassPointer && v != nil {
		return "new(" + literal(t.Elem, v) + ")"
	}
	name := typeText(t)
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return fmt.Sprintf("%s(%t)", name, v)
	case string:
		return fmt.Sprintf("%s(%q)", name, v)
	case int64, uint64:
		return fmt.Sprintf("%s(%d)", name, v)
	case float64:
		if basic := t.Basic; basic == "float32" {
			return fmt.Sprintf("%s(math.Float32frombits(%#x))", name, math.Float32bits(float32(v)))
		}
		return fmt.Sprintf("%s(math.Float64frombits(%#x))", name, math.Float64bits(v))
	case time.Time:
		if v.IsZero() {
			return "time.Time{}"
		}
		return fmt.Sprintf("time.Unix(%d, %d)", v.Unix(), v.Nanosecond())
	case []byte:
		if t.Class == model.ClassBytes {
			return fmt.Sprintf("%s(%q)", name, v)
		}
		return name + "{" + strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", v), "[]byte{"), "}") + "}"
	case frozen.Raw:
		if t.Checks {
			return fmt.Sprintf("%s(%d)", name, wire.NewDecoder(v).Int64())
		}
		return fmt.Sprintf("%s{%d}", name, wire.NewDecoder(v).Int64())
	case frozen.List:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = literal(t.Elem, item)
		}
		return name + "{" + strings.Join(items, ", ") + "}"
	case frozen.Pairs:
		items := make([]string, len(v))
		for i, p := range v {
			items[i] = literal(t.Key, p.Key) + ": " + literal(t.Elem, p.Value)
		}
		return name + "{" + strings.Join(items, ", ") + "}"
	}
	fields := v.(frozen.Fields)
	items := make([]string, len(fields))
	for i, f := range t.Struct.Fields {
		items[i] = f.Name + ": " + literal(f.Type, fields[i])
	}
	return name + "{" + strings.Join(items, ", ") + "}"
}

// typeText writes a type as Go source.
func typeText(t *model.Type) string {
	if t.Named != nil && t.Named.Path != "" {
		return t.Named.PkgName + "." + t.Named.Name
	}
	if t.Named != nil {
		return t.Named.Name
	}
	switch t.Class {
	case model.ClassBytes:
		return "[]byte"
	case model.ClassFixed:
		return fmt.Sprintf("[%d]byte", t.Len)
	case model.ClassTime:
		return "time.Time"
	case model.ClassSlice:
		return "[]" + typeText(t.Elem)
	case model.ClassArray:
		return fmt.Sprintf("[%d]%s", t.Len, typeText(t.Elem))
	case model.ClassMap:
		return fmt.Sprintf("map[%s]%s", typeText(t.Key), typeText(t.Elem))
	case model.ClassStruct:
		return t.Struct.Name
	case model.ClassPointer:
		return "*" + typeText(t.Elem)
	default:
		return string(t.Basic)
	}
}
