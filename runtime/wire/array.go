package wire

import "fmt"

// AppendArray appends the header of an array of n elements, from 0 to 2^32-1.
// The caller appends the elements.
//
//	n < 2^4     90|n
//	n < 2^16    dc  n:2
//	n < 2^32    dd  n:4
func AppendArray(dst []byte, n int) []byte {
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
	n := d.read(kindArray).arg
	a := Array{d: d, index: -1}
	if d.enter(at, n) {
		a.left = int(n)
	}
	return a
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
