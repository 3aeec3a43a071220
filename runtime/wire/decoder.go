package wire

import (
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// MaxDepth is how many structs, arrays and skipped containers may be open, one
// within the other, at any point of the input.
const MaxDepth = 64

// Decoder reads canonical values from a byte slice, one after the other. After
// the first error it reads nothing more: each method returns a zero value, and
// [Decoder.Finish] reports that error. Its results share no memory with the
// input. It is not safe for concurrent use.
type Decoder struct {
	src   []byte // emptied by the first error
	off   int
	depth int    // containers open at off
	typ   string // outermost struct, for errors
	err   *Error
}

// NewDecoder returns a Decoder at the start of src, which must not change
// while it is read.
func NewDecoder(src []byte) *Decoder { return &Decoder{src: src} }

// Err returns the first error, always an [*Error], or nil. Its Type and Field
// are known when the cursor that was open has returned false.
func (d *Decoder) Err() error {
	if d.err == nil {
		return nil
	}
	return d.err
}

// Fail records err, with the place the Decoder is at, unless there is an error
// already. Codecs use it to refuse a value that is well-formed but not theirs.
// A nil err does nothing.
func (d *Decoder) Fail(err error) {
	if err != nil {
		d.failAt(d.off, err)
	}
}

// Finish ends decoding. It returns the first error, or one with [ErrTrailing]
// if bytes are left.
func (d *Decoder) Finish() error {
	if d.left() > 0 {
		d.failAt(d.off, ErrTrailing)
	}
	return d.Err()
}

// Finish ends decoding as [Decoder.Finish] does, and sets what into points to if
// there is no error. Generated codecs pass the value that they have read with d.
func Finish[T any](d *Decoder, into *T, value T) error {
	if err := d.Finish(); err != nil {
		return err
	}
	*into = value
	return nil
}

// failAt records the first error and empties the input, so that all reading
// after it stops at the end of input. Within a struct it leaves the names to
// the cursor, so that a field costs nothing while all is well.
func (d *Decoder) failAt(off int, err error) {
	if d.err == nil {
		d.err = &Error{Offset: off, Err: err}
		d.src, d.off = nil, 0
		if d.depth == 0 {
			d.err.Type = d.typ
		}
	}
}

// left returns the number of unread bytes.
func (d *Decoder) left() int { return len(d.src) - d.off }

// take reads n bytes, as a part of the input. On failure it returns nil.
func (d *Decoder) take(n uint64) []byte {
	if n > uint64(d.left()) {
		d.failAt(d.off, ErrTruncated)
		return nil
	}
	start := d.off
	d.off += int(n)
	return d.src[start:d.off]
}

// read reads the head of a value of kind k in its shortest form. Asked for
// kindInt it takes integers of either sign. On failure it returns the zero
// head, whose argument is 0.
func (d *Decoder) read(k kind) head {
	at := d.off
	h := d.head()
	switch {
	case d.err != nil:
	case h.kind != k && (k != kindInt || h.kind != kindUint):
		d.failAt(at, fmt.Errorf("%w: want %s, got %s", ErrForm, k, h.kind))
	case h.long:
		d.failAt(at, ErrNotCanonical)
	default:
		return h
	}
	return head{}
}

// count reads the head of a container, whose short form begins at fix. On failure
// it returns 0.
func (d *Decoder) count(k kind, fix byte) uint64 {
	if d.off < len(d.src) && d.src[d.off]&0xf0 == fix {
		d.off++
		return uint64(d.src[d.off-1] & 0x0f)
	}
	return d.read(k).arg
}

// enter opens a container whose head is at offset at, and counts it towards
// the depth until the caller closes it. It refuses one that holds more values
// than there are bytes left.
func (d *Decoder) enter(at int, values uint64) bool {
	switch {
	case d.err != nil:
	case values > uint64(d.left()):
		d.failAt(at, ErrTruncated)
	case d.depth == MaxDepth && !planted.Bug("depth of a payload is not bounded"):
		d.failAt(at, ErrDepth)
	default:
		d.depth++
		return true
	}
	return false
}
