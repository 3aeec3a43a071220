package draw

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/leanovate/gopter"
)

// length chooses how long a list is, at most so long if that is not 0.
func length(p *gopter.GenParameters, most int) int {
	size := p.MaxSize
	if most > 0 {
		size = min(size, most)
	}
	return p.Rng.Intn(size + 1)
}

// inside is for the elements of a list, which are smaller the deeper they lie.
func inside(p *gopter.GenParameters) *gopter.GenParameters { return p.WithSize(p.MaxSize / 3) }

// Lists generates lists of at most so many elements, or of any number if that is 0.
// An empty one is nil. They shrink to fewer elements and to smaller ones.
func Lists[L ~[]E, E any](elements gopter.Gen, most int) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		var list L
		for range length(p, most) {
			list = append(list, elements(inside(p)).Result.(E))
		}
		return made(list, func(v L) gopter.Shrink {
			own := func(shrunk []E) L {
				if len(shrunk) == 0 {
					return nil
				}
				return shrunk
			}
			return gopter.ConcatShrinks(mapped(fewer(v), own), mapped(each(v, shrinkerOf(elements)), own))
		})
	}
}

// Arrays generates arrays, which shrink element by element.
func Arrays[A any](elements gopter.Gen) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		var array A
		v := reflect.ValueOf(&array).Elem()
		for i := range v.Len() {
			v.Index(i).Set(reflect.ValueOf(elements(inside(p)).Result))
		}
		return made(array, func(a A) gopter.Shrink {
			list := make([]any, v.Len())
			for i := range list {
				list[i] = reflect.ValueOf(a).Index(i).Interface()
			}
			return mapped(each(list, shrinkerOf(elements)), func(list []any) A {
				var smaller A
				for i, e := range list {
					reflect.ValueOf(&smaller).Elem().Index(i).Set(reflect.ValueOf(e))
				}
				return smaller
			})
		})
	}
}

// Maps generates maps of at most so many entries, or of any number if that is 0. An
// empty one is nil. They shrink to fewer entries and to smaller values.
func Maps[M ~map[K]V, K cmp.Ordered, V any](keys, values gopter.Gen, most int) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		var m M
		if n := length(p, most); n > 0 {
			m = M{}
			for range n {
				m[keys(inside(p)).Result.(K)] = values(inside(p)).Result.(V)
			}
		}
		return made(m, func(m M) gopter.Shrink {
			sorted := slices.Sorted(maps.Keys(m))
			list := make([]V, len(sorted))
			for i, k := range sorted {
				list[i] = m[k]
			}
			fewerEntries := func(kept []K) M {
				var smaller M
				for _, k := range kept {
					if smaller == nil {
						smaller = M{}
					}
					smaller[k] = m[k]
				}
				return smaller
			}
			smallerValues := func(list []V) M {
				smaller := M{}
				for i, k := range sorted {
					smaller[k] = list[i]
				}
				return smaller
			}
			return gopter.ConcatShrinks(mapped(fewer(sorted), fewerEntries), mapped(each(list, shrinkerOf(values)), smallerValues))
		})
	}
}

// Pointers generates nil, to which they shrink, and pointers to values, which
// shrink as these do.
func Pointers[T any](values gopter.Gen) gopter.Gen {
	return func(p *gopter.GenParameters) *gopter.GenResult {
		var pointer *T
		if p.Rng.Intn(3) > 0 {
			pointer = new(values(p).Result.(T))
		}
		return made(pointer, func(v *T) gopter.Shrink {
			if v == nil {
				return gopter.NoShrink
			}
			return gopter.ConcatShrinks(first[*T](nil),
				mapped(shrinkerOf(values)(*v), func(smaller T) *T { return &smaller }))
		})
	}
}
