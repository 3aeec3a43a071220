package draw

import (
	"math"
	"math/rand"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/leanovate/gopter"
)

// integer is any type over an integer.
type integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Ints generates integers of every size that T has, and often those at which an
// encoding changes its form. They shrink towards 0.
func Ints[T integer]() gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult { return made(anyInt[T](p.Rng), smallerInts[T]) }
}

func anyInt[T integer](rng *rand.Rand) T {
	var v T
	switch rng.Intn(4) {
	case 0:
		v = T(uint64(1)<<rng.Intn(64)) + T(rng.Intn(3)) - 1 // around a power of two
	case 1:
		v = T(rng.Intn(20))
	default:
		v = T(rng.Uint64() >> rng.Intn(64))
	}
	if rng.Intn(2) == 0 {
		return -v
	}
	return v
}

// smallerInts goes to 0, then half the way, and so on.
func smallerInts[T integer](v T) gopter.Shrink {
	way := v
	return shrinks(func() (T, bool) {
		if way == 0 {
			return 0, false
		}
		smaller := v - way
		way /= 2
		return smaller, true
	})
}

// Floats generates numbers of every size and the infinities, but not NaN, which
// equals nothing. They shrink to whole numbers and towards 0.
func Floats[T ~float32 | ~float64]() gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		var v T
		switch p.Rng.Intn(4) {
		case 0:
			v = T(math.Float32frombits(p.Rng.Uint32()))
		case 1:
			v = T(math.Float64frombits(p.Rng.Uint64()))
		case 2:
			v = T(math.Inf(p.Rng.Intn(2)*2 - 1))
		default:
			v = T(anyInt[int16](p.Rng)) / 4
		}
		if math.IsNaN(float64(v)) {
			v = 0
		}
		return made(v, smallerFloats[T])
	}
}

func smallerFloats[T ~float32 | ~float64](v T) gopter.Shrink {
	var smaller []T
	whole := T(math.Trunc(float64(v)))
	for _, s := range []T{0, T(math.Trunc(float64(v / 2))), whole - 1, whole} {
		if s != v && math.Abs(float64(s)) <= math.Abs(float64(v)) {
			smaller = append(smaller, s)
		}
	}
	return first(smaller...)
}

// Const generates one value.
func Const[T any](v T) gopter.Gen {
	return func(*gopter.GenParameters) *gopter.GenResult {
		return made(v, func(T) gopter.Shrink { return gopter.NoShrink })
	}
}

// OneOf generates some values, which shrink to those before them.
func OneOf[T comparable](values ...T) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		return made(values[p.Rng.Intn(len(values))], func(v T) gopter.Shrink {
			for i, other := range values {
				if other == v {
					return first(values[:i]...)
				}
			}
			return first(values...)
		})
	}
}

// Either generates what any of the generators does, which all make values of one
// type.
func Either(gens ...gopter.Gen) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		r := gens[p.Rng.Intn(len(gens))](p)
		r.Shrinker = func(v any) gopter.Shrink {
			all := make([]gopter.Shrink, len(gens))
			for i, g := range gens {
				all[i] = shrinkerOf(g)(v)
			}
			return gopter.ConcatShrinks(all...)
		}
		return r
	}
}

// Optional generates the zero value now and then, to which the others shrink.
func Optional[T any](values gopter.Gen) gopter.Gen {
	var zero T
	return Either(func(*gopter.GenParameters) *gopter.GenResult {
		return made(zero, func(v T) gopter.Shrink {
			if reflect.ValueOf(&v).Elem().IsZero() {
				return gopter.NoShrink
			}
			return first(zero)
		})
	}, values, values)
}

// Times generates instants from year 1 to 9999, in UTC, to the nanosecond, among
// them the zero time and those at which an encoding changes its form. They shrink
// towards the beginning of 1970.
func Times() gopter.Gen {
	const first, last = -62135596800, 253402300799 // seconds since 1970
	edges := []int64{first, last, -1, 0, 1<<32 - 1, 1 << 32, 1<<34 - 1, 1 << 34}
	return func(p *gopter.GenParameters) *gopter.GenResult {
		seconds, nanos := first+p.Rng.Int63n(last-first+1), p.Rng.Int63n(1e9)
		if p.Rng.Intn(3) == 0 {
			seconds = edges[p.Rng.Intn(len(edges))]
		}
		if p.Rng.Intn(2) == 0 {
			nanos = 0
		}
		return made(time.Unix(seconds, nanos).UTC(), func(v time.Time) gopter.Shrink {
			seconds, nanos := v.Unix(), int64(v.Nanosecond())
			return gopter.ConcatShrinks(
				mapped(smallerInts(seconds), func(s int64) time.Time { return time.Unix(s, nanos).UTC() }),
				mapped(smallerInts(nanos), func(n int64) time.Time { return time.Unix(seconds, n).UTC() }))
		})
	}
}

// Texts generates valid UTF-8 of at most so many bytes, or of any number if that
// is 0: all sorts of characters, and what programs take apart, numbers and words with
// a separator. It shrinks to shorter text and to the letter a.
func Texts[T ~string](most int) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		b := anyText(p)
		for most > 0 && len(b) > most {
			_, size := utf8.DecodeLastRune(b)
			b = b[:len(b)-size]
		}
		return made(T(b), func(v T) gopter.Shrink {
			runes := []rune(string(v))
			plainer := func(r any) gopter.Shrink {
				if r == 'a' {
					return gopter.NoShrink
				}
				return first('a')
			}
			text := func(runes []rune) T { return T(runes) }
			return gopter.ConcatShrinks(mapped(fewer(runes), text), mapped(each(runes, plainer), text))
		})
	}
}

func anyText(p *gopter.GenParameters) []byte {
	special := []rune{0, '\n', '"', '\\', 'ß', '€', 0x1F4B6, utf8.RuneError, utf8.MaxRune}
	kind, separator := p.Rng.Intn(4), []rune{':', ',', '-', '/', ' '}[p.Rng.Intn(5)]
	if kind == 0 {
		return strconv.AppendInt(nil, anyInt[int64](p.Rng), 10)
	}
	var b []byte
	for range p.Rng.Intn(p.MaxSize + 1) {
		r := 'a' + rune(p.Rng.Intn(26))
		switch n := p.Rng.Intn(4); {
		case kind == 1 && n == 0:
			r = separator
		case kind > 1 && n == 0:
			r = special[p.Rng.Intn(len(special))]
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
