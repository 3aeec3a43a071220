package shape_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/shape"
)

var (
	seed = flag.Uint64("seed", 1, "where random shapes come from")
	runs = flag.Int("runs", 2000, "random shapes for each law")
)

// forRandom calls law with random structs until one fails it.
func forRandom(t *testing.T, law func(rng *rand.Rand, s *model.Struct) error) {
	t.Helper()
	for i := range *runs {
		rng := rand.New(rand.NewPCG(*seed, uint64(i)))
		if err := law(rng, randomStruct(rng, 3)); err != nil {
			t.Fatalf("-seed %d, run %d: %v", *seed, i, err)
		}
	}
}

func basicType(b model.Basic) *model.Type { return &model.Type{Class: model.ClassBasic, Basic: b} }

// randomStruct is a struct whose types nest up to a depth.
func randomStruct(rng *rand.Rand, depth int) *model.Struct {
	s := &model.Struct{Name: "Named"}
	for i := range rng.IntN(5) {
		f := model.Field{Name: fmt.Sprint("Field", i), Wire: fmt.Sprintf("%c%d_x", 'a'+rng.IntN(26), i), Type: randomType(rng, depth)}
		if f.Optional = rng.IntN(3) == 0; f.Optional && rng.IntN(2) == 0 {
			f.Type = &model.Type{Class: model.ClassPointer, Elem: f.Type}
		}
		if rng.IntN(4) == 0 {
			f.Max = 1 + rng.Int64N(1<<40)
		}
		s.Fields = append(s.Fields, f)
	}
	return s
}

func randomType(rng *rand.Rand, depth int) *model.Type {
	if depth == 0 {
		return randomBasic(rng)
	}
	switch rng.IntN(9) {
	case 0:
		return &model.Type{Class: model.ClassBytes}
	case 1:
		return &model.Type{Class: model.ClassFixed, Len: 1 + rng.Int64N(64)}
	case 2:
		return &model.Type{Class: model.ClassTime}
	case 3:
		return &model.Type{Class: model.ClassSlice, Elem: randomType(rng, depth-1)}
	case 4:
		return &model.Type{Class: model.ClassArray, Len: 1 + rng.Int64N(9), Elem: randomType(rng, depth-1)}
	case 5:
		key := []model.Basic{"string", "int8", "uint64"}[rng.IntN(3)]
		return &model.Type{Class: model.ClassMap, Key: basicType(key), Elem: randomType(rng, depth-1)}
	case 6:
		return &model.Type{Class: model.ClassForeign, Named: &model.NamedRef{Name: "Amount", Path: []string{"", "example.com/money.v2"}[rng.IntN(2)]}}
	case 7:
		return &model.Type{Class: model.ClassStruct, Struct: randomStruct(rng, depth-1)}
	default:
		return randomBasic(rng)
	}
}

func randomBasic(rng *rand.Rand) *model.Type {
	basics := []model.Basic{"bool", "string", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"}
	t := basicType(basics[rng.IntN(len(basics))])
	if rng.IntN(3) != 0 {
		return t
	}
	var literals []string
	switch {
	case t.Basic == "string":
		literals = []string{`"b"`, "`a`", `"\u00df"`, `"\""`, `"b"`, `""`, `"a b"`, `"1"`}
	case strings.HasPrefix(string(t.Basic), "int"):
		literals = []string{"9", "0x10", "-3", "-20", "0"}
	case strings.HasPrefix(string(t.Basic), "uint"):
		literals = []string{"10", "9", "0b11", "0"}
	default:
		return t
	}
	t.Enum = &model.Enum{Open: rng.IntN(4) == 0}
	rng.Shuffle(len(literals), func(i, j int) { literals[i], literals[j] = literals[j], literals[i] })
	for _, l := range literals[:1+rng.IntN(len(literals))] {
		t.Enum.Values = append(t.Enum.Values, model.EnumValue{Name: "Named", Literal: l})
	}
	return t
}

// What is written can be read, and is the same shape.
func TestTextParses(t *testing.T) {
	forRandom(t, func(_ *rand.Rand, s *model.Struct) error {
		text := shape.Text(s)
		parsed, err := shape.Parse(text)
		if err != nil {
			return fmt.Errorf("Parse(%s) = %w", text, err)
		}
		if again := shape.Text(parsed); again != text {
			return fmt.Errorf("Text(Parse(%s)) = %s", text, again)
		}
		if changes := shape.Diff(s, parsed); len(changes) > 0 {
			return fmt.Errorf("Diff(s, Parse(Text(s))) = %v, want none, for %s", changes, text)
		}
		return nil
	})
}

// Diff finds something exactly if the texts differ, in either direction.
func TestDiffIsCompleteAndSound(t *testing.T) {
	forRandom(t, func(rng *rand.Rand, s *model.Struct) error {
		other := randomStruct(rng, 3)
		if rng.IntN(4) > 0 {
			other = edited(rng, s)
		}
		same := shape.Text(s) == shape.Text(other)
		for _, pair := range [][2]*model.Struct{{s, other}, {other, s}} {
			changes := shape.Diff(pair[0], pair[1])
			if same != (len(changes) == 0) {
				return fmt.Errorf("Diff(%s, %s) = %v", shape.Text(pair[0]), shape.Text(pair[1]), changes)
			}
		}
		return nil
	})
}

// edited is s with one random edit somewhere in it.
func edited(rng *rand.Rand, s *model.Struct) *model.Struct {
	next := *s
	next.Fields = slices.Clone(s.Fields)
	if len(next.Fields) == 0 {
		next.Fields = randomStruct(rng, 1).Fields
		return &next
	}
	i := rng.IntN(len(next.Fields))
	f := &next.Fields[i]
	switch rng.IntN(6) {
	case 0:
		f.Optional = f.Type.Class == model.ClassPointer || !f.Optional
	case 1:
		f.Max = rng.Int64N(3)
	case 2:
		f.Wire += "y"
	case 3:
		next.Fields = slices.Delete(next.Fields, i, i+1)
	case 4:
		j := rng.IntN(len(next.Fields))
		next.Fields[i], next.Fields[j] = next.Fields[j], next.Fields[i]
	default:
		f.Type = editedType(rng, f.Type)
	}
	return &next
}

func editedType(rng *rand.Rand, t *model.Type) *model.Type {
	next := *t
	switch {
	case t.Struct != nil:
		next.Struct = edited(rng, t.Struct)
	case t.Elem != nil:
		next.Elem = editedType(rng, t.Elem)
	default:
		return randomType(rng, 1)
	}
	return &next
}

// A chain of additive changes is additive: a version may be revised again and
// again.
func TestAdditiveChangesAddUp(t *testing.T) {
	chains := 0
	forRandom(t, func(rng *rand.Rand, first *model.Struct) error {
		last := first
		for range 4 {
			next := edited(rng, last)
			if rng.IntN(2) == 0 {
				next = grown(rng, last)
			}
			if additive(shape.Diff(last, next)) {
				last = next
			}
		}
		if last != first {
			chains++
		}
		if changes := shape.Diff(first, last); !additive(changes) {
			return fmt.Errorf("Diff(%s, %s) = %v, want additive changes", shape.Text(first), shape.Text(last), changes)
		}
		return nil
	})
	if chains < *runs/4 {
		t.Errorf("%d chains of %d runs changed anything", chains, *runs)
	}
}

// grown is s with a new optional field.
func grown(rng *rand.Rand, s *model.Struct) *model.Struct {
	next := *s
	f := model.Field{Wire: fmt.Sprint("new", len(s.Fields), "_", rng.IntN(1000)), Optional: true, Type: randomBasic(rng)}
	next.Fields = slices.Insert(slices.Clone(s.Fields), rng.IntN(len(s.Fields)+1), f)
	return &next
}

func additive(changes []shape.Change) bool {
	return !slices.ContainsFunc(changes, func(c shape.Change) bool { return !c.Additive })
}

func TestDiffSaysWhatHappened(t *testing.T) {
	tests := []struct {
		before, after string
		want          []string // "+" before what is additive
	}{
		{"{a:int64}", "{a:int64}", nil},
		{"{a:int64}", "{a:int64;b?:string}", []string{"+b was added"}},
		{"{a:int64}", "{b?:*string;a:int64}", []string{"+b was added"}},
		{"{a:int64}", "{a:int64;b:string}", []string{"b was added and is not optional"}},
		{"{a:int64;b?:string}", "{a:int64}", []string{"b was removed"}},
		{"{a:int64;b:bool}", "{b:bool;a:int64}", []string{"b was moved before a"}},
		{"{a:int64}", "{a:int32}", []string{"a changed from int64 to int32"}},
		{"{a:int32}", "{a:int64}", []string{"a changed from int32 to int64"}},
		{"{a:string}", "{a:{kind:string}}", []string{"a changed from string to {kind:string}"}},
		{"{a?:string}", "{a?:*string}", []string{"a changed from string to *string"}},
		{"{a:bytes[16]}", "{a:bytes[32]}", []string{"a changed from bytes[16] to bytes[32]"}},
		{"{a?:bool}", "{a:bool}", []string{"a was optional"}},
		{"{a:bool}", "{a?:bool}", []string{"a was not optional"}},
		{"{a:string}", "{a:string<=9}", []string{"a was not bounded, now by 9"}},
		{"{a:string<=9}", "{a:string<=8}", []string{"a was bounded by 9, now by 8"}},
		{"{a:string<=9}", "{a:string<=10}", []string{"+a was bounded by 9, now by 10"}},
		{"{a:string<=9}", "{a:string}", []string{"+a was bounded by 9"}},
		{`{a:string(x|y)}`, `{a:string("y'"|y|z)}`, []string{`a lost the value x`, `+a got the value "y'"`, `+a got the value z`}},
		{"{a:uint8(1|2)}", "{a:uint8}", []string{"+a was a closed enumeration"}},
		{"{a:uint8}", "{a:uint8(1|2)}", []string{"a was no closed enumeration"}},
		{"{a:map[string]{b:bool}}", "{a:map[string]{b:bool;c?:bool}}", []string{"+a.c was added"}},
		{"{a:map[string]bool}", "{a:map[int8]bool}", []string{"a changed from map[string]bool to map[int8]bool"}},
		{"{a:[]{b:int8;c:time}}", "{a:[]{b:int8}}", []string{"a.c was removed"}},
		{"{a:[2]int8}", "{a:[3]int8}", []string{"a changed from [2]int8 to [3]int8"}},
		{"{a:codec(x.y/m.A)}", "{a:codec(x.y/m/v2.A)}", []string{"a changed from codec(x.y/m.A) to codec(x.y/m/v2.A)"}},
	}
	for _, tt := range tests {
		var got []string
		for _, c := range shape.Diff(parse(t, tt.before), parse(t, tt.after)) {
			text := c.Path + " " + c.What
			if c.Additive {
				text = "+" + text
			}
			got = append(got, text)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Diff(%s, %s) differs (-want +got):\n%s", tt.before, tt.after, d)
		}
	}
}

func parse(t *testing.T, text string) *model.Struct {
	t.Helper()
	s, err := shape.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s) = %v, want nil", text, err)
	}
	return s
}

func TestParseRefuses(t *testing.T) {
	deep := "{a:" + strings.Repeat("[]", 300) + "bool}"
	tests := []struct {
		text   string
		offset int
	}{
		{"", 0},
		{"{", 1},
		{"{}}", 2},
		{"{a}", 2},
		{"{a:}", 3},
		{"{A:bool}", 1},
		{"{a:bool b:bool}", 7},
		{"{a:bool;}", 8},
		{"{a:bool;a:bool}", 14},
		{"{a:int}", 3},
		{"{a:*bool}", 3},
		{"{a:bytes[0]}", 9},
		{"{a:[01]bool}", 4},
		{"{a:string<=}", 11},
		{"{a:string<=99999999999999999999}", 11},
		{"{a:string()}", 10},
		{`{a:string(b|a)}`, 12},
		{`{a:string(a|a)}`, 12},
		{`{a:string("a")}`, 10},
		{`{a:string(a,b)}`, 11},
		{`{a:string('!')}`, 10},
		{"{a:string(`a`)}", 10},
		{"{a:int8(128)}", 8},
		{"{a:int8(-0)}", 8},
		{"{a:int8(1|-1)}", 10},
		{"{a:uint8(-1)}", 9},
		{"{a:bool(1)}", 7},
		{"{a:map[bool]bool}", 7},
		{"{a:codec()}", 9},
		{"{a:codec(.A)}", 11},
		{"{a:codec(a.b/c)}", 14},
		{deep, 403},
	}
	for _, tt := range tests {
		_, err := shape.Parse(tt.text)
		e, ok := errors.AsType[*shape.SyntaxError](err)
		if !ok || e.Offset != tt.offset || e.Reason == "" {
			t.Errorf("Parse(%s) = %v, want a *SyntaxError at byte %d", tt.text, err, tt.offset)
		}
	}
}

// The fingerprints in lock files that are out there do not change.
func TestFingerprint(t *testing.T) {
	const text, want = "{currency:string;opened_at:time;owner:string}", "5dadb3d8a1a3c93c"
	if got := shape.Fingerprint(text); got != want {
		t.Errorf("Fingerprint(%s) = %s, want %s", text, got, want)
	}
}

// What parses is written as it was, and nothing makes Parse panic.
func FuzzParse(f *testing.F) {
	f.Add("{}")
	f.Add(`{a:int64;b?:*{kind:string("ß"|x);ref:string<=64};c:[][3]bytes[16];d:map[uint8(1|2)]time;e:codec(a.b/c.D)}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := shape.Parse(text)
		if err != nil {
			return
		}
		if again := shape.Text(s); again != text {
			t.Errorf("Text(Parse(%q)) = %q", text, again)
		}
	})
}
