package wire

import (
	"cmp"
	"slices"
)

// AppendMap appends the header of a Go map of n pairs, from 0 to 2^32-1. The
// caller appends the pairs, key before value, in the ascending order of
// [SortedKeys]. Nil and empty have the same encoding.
func AppendMap(dst []byte, n int) []byte { return AppendStruct(dst, n) }

// SortedKeys appends the keys of m to room, in ascending order: of text the order
// of its bytes. It allocates nothing if there is room.
func SortedKeys[M ~map[K]V, K cmp.Ordered, V any](room []K, m M) []K {
	for key := range m {
		room = append(room, key)
	}
	slices.Sort(room)
	return room
}

// Map begins a map, for which it makes room in into; none if there is no pair.
// least is how many bytes a pair takes at least. The cursor goes over the pairs: the
// caller reads a key, passes it to [Key], and reads the value.
func Map[M ~map[K]V, K cmp.Ordered, V any](d *Decoder, into *M, least int) Array {
	at := d.off
	n := d.count(kindMap, leadMap)
	if !d.enter(at, 2*n) {
		return Array{d: d, index: -1}
	}
	a := Array{d: d, index: -1, left: int(n)}
	if n > 0 {
		*into = make(M, a.room(least))
	}
	return a
}

// Key returns a key that was read, and refuses with [ErrOrder] one that does not
// come after the last.
func Key[K cmp.Ordered](a *Array, last, key K) K {
	if a.index > 0 && key <= last {
		a.d.Fail(ErrOrder)
	}
	return key
}
