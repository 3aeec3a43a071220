package draw

import (
	"math/rand"
	"slices"

	"github.com/leanovate/gopter"
)

// made is the result of a generator, with the way to shrink any value of it.
func made[T any](v T, shrink func(T) gopter.Shrink) *gopter.GenResult {
	return gopter.NewGenResult(v, func(v any) gopter.Shrink { return shrink(v.(T)) })
}

// shrinks makes gopter's form of a sequence.
func shrinks[T any](next func() (T, bool)) gopter.Shrink {
	return func() (any, bool) { return next() }
}

// first shrinks to the values in their order.
func first[T any](values ...T) gopter.Shrink {
	return shrinks(func() (v T, ok bool) {
		if len(values) == 0 {
			return v, false
		}
		v, values = values[0], values[1:]
		return v, true
	})
}

// mapped shrinks to what f makes of the values.
func mapped[A, B any](s gopter.Shrink, f func(A) B) gopter.Shrink {
	return shrinks(func() (b B, ok bool) {
		a, ok := s()
		if !ok {
			return b, false
		}
		return f(a.(A)), true
	})
}

// fewer shrinks a list to those that lack some of it: all, then halves, and so on.
func fewer[E any](list []E) gopter.Shrink {
	size, at := len(list), 0
	return shrinks(func() ([]E, bool) {
		if at >= len(list) {
			size, at = size/2, 0
		}
		if size == 0 {
			return nil, false
		}
		shorter := slices.Delete(slices.Clone(list), at, min(at+size, len(list)))
		at += size
		return shorter, true
	})
}

// each shrinks a list to those that have one element smaller.
func each[E any](list []E, smaller gopter.Shrinker) gopter.Shrink {
	i, next := -1, gopter.NoShrink
	return shrinks(func() ([]E, bool) {
		for {
			if e, ok := next(); ok {
				changed := slices.Clone(list)
				changed[i] = e.(E)
				return changed, true
			}
			if i++; i >= len(list) {
				return nil, false
			}
			next = smaller(list[i])
		}
	})
}

// shrinkerOf is how values of a generator shrink, all of them.
func shrinkerOf(g gopter.Gen) gopter.Shrinker {
	return g(&gopter.GenParameters{MaxSize: 1, Rng: rand.New(rand.NewSource(1))}).Shrinker
}
