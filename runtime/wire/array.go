package wire

import (
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// AppendArray appends the header of an array of n elements, from 0 to 2^32-1.
// The caller appends the elements.
//
//	n < 2^4     90|n
//	n < 2^16    dc  n:2
//	n < 2^32    dd  n:4
func AppendArray(dst []byte, n int) []byte {
	if uint(n) < leadText-leadArray {
		return append(dst, leadArray|byte(n))
	}
	return appendLength(dst, n, leadArray, leadText-leadArray, 0, leadArr16)
}

// Array is a cursor over the elements of an array. It is used until Next
// returns false.
type Array struct {
	d     *Decoder
	index int // element Next stopped at
	left  int // elements still to read
}

// Array begins an array of any number of elements. It cannot have more than
// there are bytes left, so a slice that grows by append, one element for each
// Next, stays in proportion to the input.
func (d *Decoder) Array() Array {
	at := d.off
	n := d.count(kindArray, leadArray)
	if !d.enter(at, n) {
		return Array{d: d, index: -1}
	}
	return Array{d: d, index: -1, left: int(n)}
}

// Slice begins an array of any number of elements, for which it makes room in
// into; none if there is no element. least is how many bytes an element takes at
// least, which bounds the room by the input.
func Slice[S ~[]E, E any](d *Decoder, into *S, least int) Array {
	a := d.Array()
	if a.left > 0 {
		*into = make(S, 0, a.room(least))
	}
	return a
}

// room is how many elements there can be.
func (a *Array) room(least int) int {
	if planted.Bug("room is made for what a payload declares") {
		return a.left
	}
	return min(a.left, a.d.left()/least)
}

// FixedArray begins an array of exactly n elements and refuses any other with
// [ErrRange].
func (d *Decoder) FixedArray(n int) Array {
	at := d.off
	a := d.Array()
	if d.err == nil && a.left != n {
		d.failAt(at, fmt.Errorf("%w: %d elements, want %d", ErrRange, a.left, n))
		a.left = 0
	}
	return a
}

// Next moves to the next element and reports whether there is one. The caller
// must read it before it calls Next again.
func (a *Array) Next() bool {
	switch {
	case a.d.err != nil || a.left < 0:
		return false
	case a.left == 0:
		a.d.depth--
		a.left = -1
		return false
	}
	a.left--
	a.index++
	return true
}

// Index returns the position of the element that Next moved to.
func (a *Array) Index() int { return a.index }
