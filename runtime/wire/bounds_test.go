package wire_test

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/batpak-go/batpak/runtime/wire"
)

func TestDeclaredLengthsAllocateNothing(t *testing.T) {
	for _, tc := range []struct{ read, src string }{
		{"string", "db ffffffff 61"},
		{"bytes", "c6 ffffffff 61"},
		{"array", "dd ffffffff c0"},
		{"map", "df ffffffff 00 00"},
		{"struct", "df ffffffff a0 c0"},
		{"struct", "81 a0 dd ffffffff"},
		{"struct", "81 a0 c9 ffffffff ff"},
		{"time", "c9 ffffffff ff"},
	} {
		src := unhex(t, tc.src)
		got := allocated(func() {
			d := wire.NewDecoder(src)
			readers[tc.read](d)
			checkErr(t, tc.src, d.Finish(), wire.ErrTruncated)
		})
		if limit := uint64(4096); got > limit {
			t.Errorf("%s: allocated %d bytes, want at most %d", tc.src, got, limit)
		}
	}
}

// The room that is made for elements is bounded by the input that is left, not by
// the count that it declares.
func TestRoomIsBoundedByTheInput(t *testing.T) {
	type wide [64]byte
	for _, tc := range []struct{ declared, left, least, want int }{
		{0, 10, 1, 0}, {3, 10, 1, 3}, {10, 10, 1, 10}, {10, 10, 3, 3}, {3, 10, 9, 1}, {5, 8, 9, 0},
	} {
		src := append(wire.AppendArray(nil, tc.declared), make([]byte, tc.left)...)
		var got []wide
		d := wire.NewDecoder(src)
		a := wire.Slice(d, &got, tc.least)
		if cap(got) != tc.want || (got == nil) != (tc.declared == 0) {
			t.Errorf("Slice of %d in %d bytes, each at least %d: room for %d, want %d", tc.declared, tc.left, tc.least, cap(got), tc.want)
		}
		for a.Next() {
			d.Uint8()
		}
	}
}

// allocated is how many bytes f allocates: the least of some runs, since what others
// allocate beside it counts too.
func allocated(f func()) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// nest decodes arrays in arrays as deep as they go, then skips what is there.
func nest(d *wire.Decoder, typed int) {
	if typed == 0 {
		d.Skip()
		return
	}
	for a := d.Array(); a.Next(); {
		nest(d, typed-1)
	}
}

func TestDepthIsBounded(t *testing.T) {
	for _, typed := range []int{0, 1, 30, wire.MaxDepth} {
		for depth, want := range map[int]error{wire.MaxDepth: nil, wire.MaxDepth + 1: wire.ErrDepth, 1 << 20: wire.ErrDepth} {
			src := append(bytes.Repeat([]byte{0x91}, depth), 0xc0)
			d := wire.NewDecoder(src)
			nest(d, typed)
			switch err := d.Finish(); {
			case want != nil:
				checkErr(t, "deep", err, want)
			case err != nil:
				t.Errorf("%d arrays, %d of them typed: %v, want nil", depth, typed, err)
			}
		}
	}
}

// A container that has ended no longer counts, whatever it was.
func TestDepthIsGivenBack(t *testing.T) {
	d := wire.NewDecoder(bytes.Repeat(unhex(t, "91 91 c0  81 a0 81 c0 c0  91 c0"), 2*wire.MaxDepth))
	for range 2 * wire.MaxDepth {
		nest(d, 2)
		for s := d.Struct(wire.NewShape("T")); s.Next(); {
			t.Fatal("a struct without fields has stopped at one")
		}
		a := d.FixedArray(1)
		for a.Next() {
			d.Nil()
		}
		a.Next()
	}
	if err := d.Finish(); err != nil {
		t.Errorf("Finish() = %v, want nil", err)
	}
}

// Sorting the keys of a map needs no memory where there is room.
func TestSortedKeys(t *testing.T) {
	type name string
	m := map[name]int{"b": 1, "": 2, "a": 3, "ab": 4, "\xff": 5, "Z": 6}
	want := []name{"", "Z", "a", "ab", "b", "\xff"}
	if got := wire.SortedKeys(nil, m); !slices.Equal(got, want) {
		t.Errorf("SortedKeys() = %q, want %q", got, want)
	}
	if n := testing.AllocsPerRun(100, func() {
		for i, key := range wire.SortedKeys(make([]name, 0, 8), m) {
			if key != want[i] {
				t.Errorf("key %d = %q, want %q", i, key, want[i])
			}
		}
	}); n != 0 {
		t.Errorf("sorting keys allocates %v times, want 0", n)
	}
}

func TestCodecAllocatesOnlyItsResults(t *testing.T) {
	v := MoneyDeposited{Amount: 1 << 40, Source: Source{Kind: "", Marks: [2]uint8{200, 3}}, Proof: [4]byte{1, 2, 3, 4}}
	buf := appendMoneyDeposited(make([]byte, 0, 256), &v)
	if n := testing.AllocsPerRun(100, func() { buf = appendMoneyDeposited(buf[:0], &v) }); n != 0 {
		t.Errorf("encoding allocates %v times, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = parseMoneyDeposited(buf) }); n != 0 {
		t.Errorf("decoding allocates %v times, want 0", n)
	}
}
