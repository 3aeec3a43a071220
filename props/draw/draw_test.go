package draw_test

import (
	"fmt"
	"math"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/prop"

	"github.com/batpak-go/batpak/props"
	"github.com/batpak-go/batpak/props/draw"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/wire"
)

// Types of users.
type (
	cents int64
	small uint8
	level uint8
	label string
	tags  []label
	rates map[label]cents
	pair  [2]cents
)

// money has a codec of its own, and no zero value that can be stored.
type money struct {
	cents    int64
	currency string
}

func (m money) AppendWire(dst []byte) []byte {
	return wire.AppendString(wire.AppendInt(wire.AppendArray(dst, 2), m.cents), m.currency)
}

func (m *money) DecodeWire(d *wire.Decoder) {
	for a := d.FixedArray(2); a.Next(); {
		if a.Index() == 0 {
			m.cents = d.Int64()
		} else {
			m.currency = d.String()
		}
	}
}

func (m money) CheckWire() error {
	if m.currency == "" {
		return fmt.Errorf("no currency")
	}
	return nil
}

// smallest is what a value shrinks to that does not hold.
func smallest[T any](t *testing.T, g gopter.Gen, holds func(T) bool) T {
	t.Helper()
	p := props.Parameters(t, 2000)
	r := prop.ForAll(holds, g).Check(p)
	if r.Passed() {
		t.Fatalf("nothing was generated that does not hold")
	}
	return r.Args[0].Arg.(T)
}

// What breaks a law shrinks to the least that does, and stays of its type.
func TestValuesShrink(t *testing.T) {
	if got := smallest(t, draw.Ints[cents](), func(v cents) bool { return v < 77 }); got != 77 {
		t.Errorf("what is 77 at least shrinks to %d", got)
	}
	if got := smallest(t, draw.Ints[cents](), func(v cents) bool { return v > -1<<40 }); got != -1<<40 {
		t.Errorf("what is at most -1<<40 shrinks to %d", got)
	}
	if got := smallest(t, draw.Ints[small](), func(v small) bool { return v != math.MaxUint8 }); got != math.MaxUint8 {
		t.Errorf("what is 255 shrinks to %d", got)
	}
	if got := smallest(t, draw.Floats[float32](), func(v float32) bool { return v < 1 }); got < 1 || got > 2 {
		t.Errorf("what is 1 at least shrinks to %v", got)
	}
	if got := smallest(t, draw.Texts[label](0), func(v label) bool { return len(v) < 3 }); len([]rune(got)) > 3 || strings.Trim(string(got), "aß€\U0001F4B6") != "" && len(got) > 3 {
		t.Errorf("text of 3 bytes at least shrinks to %q", got)
	}
	if got := smallest(t, draw.Texts[label](0), func(v label) bool { return !strings.ContainsRune(string(v), '€') }); got != "€" {
		t.Errorf("text with € shrinks to %q", got)
	}
	if got := smallest(t, draw.Times(), func(v time.Time) bool { return v.Year() < 2000 }); !got.Equal(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("what is in 2000 or later shrinks to %v", got)
	}
	if got := smallest(t, draw.OneOf[level](1, 5, 9), func(v level) bool { return v < 5 }); got != 5 {
		t.Errorf("what of 1, 5, 9 is 5 at least shrinks to %d", got)
	}
	if got := smallest(t, draw.Lists[tags](draw.Texts[label](0), 0), func(v tags) bool { return len(v) < 2 }); !reflect.DeepEqual(got, tags{"", ""}) {
		t.Errorf("a list of two elements at least shrinks to %q", got)
	}
	deep := draw.Lists[[][]cents](draw.Lists[[]cents](draw.Ints[cents](), 0), 0)
	sum := func(v [][]cents) (n cents) {
		for _, row := range v {
			for _, c := range row {
				n = max(n, c)
			}
		}
		return n
	}
	if got := smallest(t, deep, func(v [][]cents) bool { return sum(v) < 9 }); !reflect.DeepEqual(got, [][]cents{{9}}) {
		t.Errorf("a list in which is 9 shrinks to %d", got)
	}
	if got := smallest(t, draw.Maps[rates](draw.Texts[label](0), draw.Ints[cents](), 0), func(v rates) bool {
		for _, c := range v {
			if c >= 5 {
				return false
			}
		}
		return true
	}); len(got) != 1 {
		t.Errorf("a map in which is 5 shrinks to %v", got)
	}
	if got := smallest(t, draw.Arrays[pair](draw.Ints[cents]()), func(v pair) bool { return v[1] <= 3 }); got != (pair{0, 4}) {
		t.Errorf("an array whose second element is above 3 shrinks to %v", got)
	}
	if got := smallest(t, draw.Pointers[cents](draw.Ints[cents]()), func(v *cents) bool { return v == nil || *v > -6 }); *got != -6 {
		t.Errorf("a pointer to at most -6 shrinks to one to %d", *got)
	}
	if got := smallest(t, draw.Optional[money](draw.Foreign[money]()), func(v money) bool { return v.cents < 0 }); got != (money{}) {
		t.Errorf("what need not be there shrinks to %+v", got)
	}
}

// Nothing is generated that cannot be stored, or that its bounds forbid.
func TestValuesAreWithinBounds(t *testing.T) {
	p := &gopter.GenParameters{MaxSize: 30, Rng: rand.New(rand.NewSource(props.Seed(t)))}
	kinds := map[bool]int{}
	for range 2000 {
		if v := draw.Texts[label](7)(p).Result.(label); len(v) > 7 || !utf8.ValidString(string(v)) {
			t.Errorf("text of 7 bytes at most: %q", v)
		}
		if v := draw.Lists[tags](draw.Texts[label](0), 2)(p).Result.(tags); len(v) > 2 || v != nil && len(v) == 0 {
			t.Errorf("list of 2 elements at most: %q", v)
		}
		if v := draw.Maps[rates](draw.Texts[label](0), draw.Ints[cents](), 2)(p).Result.(rates); len(v) > 2 || v != nil && len(v) == 0 {
			t.Errorf("map of 2 entries at most: %v", v)
		}
		if v := draw.Times()(p).Result.(time.Time); v.Location() != time.UTC || v.Year() < 1 || v.Year() > 9999 {
			t.Errorf("instant: %v", v)
		}
		if v := draw.Floats[float64]()(p).Result.(float64); math.IsNaN(v) {
			t.Error("a number that is none")
		}
		v := draw.Foreign[money]()(p).Result.(money)
		kinds[v.CheckWire() == nil]++
	}
	if kinds[false] > 20 {
		t.Errorf("values of a type with a codec that can be stored: %d of %d", kinds[true], kinds[true]+kinds[false])
	}
}

// Any fills whatever can be filled; Clone shares no memory.
func TestAnyAndClone(t *testing.T) {
	type part struct {
		List []cents
		Of   map[string]*cents
		At   time.Time
	}
	type all struct {
		B   bool
		F   float64
		U   uint16
		P   *part
		Arr [3]label
		Fun func()
	}
	p := &gopter.GenParameters{MaxSize: 30, Rng: rand.New(rand.NewSource(props.Seed(t)))}
	filled := map[string]bool{}
	for range 200 {
		v := draw.Any[all]()(p).Result.(all)
		r := reflect.ValueOf(v)
		for i := range r.NumField() {
			filled[r.Type().Field(i).Name] = filled[r.Type().Field(i).Name] || !r.Field(i).IsZero()
		}
		c := draw.Clone(v)
		if !reflect.DeepEqual(c, v) {
			t.Errorf("Clone = %+v, want %+v", c, v)
		}
		if v.P != nil && len(v.P.List) > 0 && (c.P == v.P || &c.P.List[0] == &v.P.List[0]) {
			t.Error("Clone shares memory")
		}
	}
	for name, want := range map[string]bool{"B": true, "F": true, "U": true, "P": true, "Arr": true, "Fun": false} {
		if filled[name] != want {
			t.Errorf("field %s was filled: %t, want %t", name, filled[name], want)
		}
	}
}

// Show is short and tells what matters.
func TestShow(t *testing.T) {
	type source struct{ Kind, Ref string }
	type deposit struct {
		Amount cents
		Source source
		Memo   *label
		At     time.Time
		Bytes  []byte
		Of     map[label]cents
		List   []source
	}
	memo := label("m")
	for want, v := range map[string]any{
		"deposit{}": deposit{},
		`deposit{Amount: 7, Source: source{Ref: "r"}, Memo: &"m"}`: deposit{Amount: 7, Source: source{Ref: "r"}, Memo: &memo},
		`deposit{At: 2026-01-02T00:00:00Z, Bytes: 0x0102}`:         deposit{At: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Bytes: []byte{1, 2}},
		`deposit{Of: {"a": 1, "b": 2}, List: {source{}}}`:          deposit{Of: map[label]cents{"b": 2, "a": 1}, List: []source{{}}},
		"cents(5)": cents(5),
		"nil":      nil,
	} {
		if got := draw.Show(v); got != want {
			t.Errorf("Show(%#v) = %s, want %s", v, got, want)
		}
	}
}

// A history shrinks to the one event that matters, made as small as it can be.
func TestHistoriesShrink(t *testing.T) {
	type deposited struct{ Amount cents }
	of := func(kind batpak.Kind) gopter.Gen {
		values := gopter.DeriveGen(func(a cents) deposited { return deposited{a} }, func(d deposited) cents { return d.Amount }, draw.Ints[cents]())
		return draw.Facts("account:1", kind, 1, values, func(d deposited, dst []byte) []byte { return wire.AppendInt(dst, int64(d.Amount)) })
	}
	got := smallest(t, draw.Histories(of(0x1001), of(0x1002)), func(facts []draw.Fact) bool {
		for _, e := range draw.Events(facts) {
			if d := wire.NewDecoder(e.Payload); e.Kind == 0x1002 && d.Int64() > 1000 {
				return false
			}
		}
		return true
	})
	if text := fmt.Sprint(got); text != "[deposited{Amount: 1001}]" {
		t.Errorf("a history with a deposit of more than 1000 of kind 0x1002 shrinks to %s", text)
	}
	for i, e := range draw.Events(got) {
		if e.Sequence != uint64(i)+1 || e.Version != uint64(i)+1 || e.Kind != 0x1002 || e.Entity != "account:1" {
			t.Errorf("event %d = %+v", i, e.Meta)
		}
	}
}
