package wire

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Shape is how a struct lies on disk: the fields that are known of it, in order.
// It is made by [NewShape] and never changes.
type Shape struct {
	typ    string
	fields []field
}

type field struct {
	name     string
	key      string // the name as it is encoded
	optional bool   // may be absent; the Go field then keeps its zero value
}

// NewShape returns the shape of a struct, which is called typ in errors. The name
// of an optional field ends in "?", which is no part of it.
func NewShape(typ string, fields ...string) *Shape {
	s := &Shape{typ: typ, fields: make([]field, len(fields))}
	for i, f := range fields {
		name, optional := strings.CutSuffix(f, "?")
		s.fields[i] = field{name: name, key: string(AppendString(nil, name)), optional: optional}
	}
	return s
}

// AppendStruct appends the header of a struct of the given number of fields,
// from 0 to 2^32-1. The caller appends, for each field in schema order, its
// name with [AppendString] and its value.
//
//	fields < 2^4     80|fields
//	fields < 2^16    de  fields:2
//	fields < 2^32    df  fields:4
func AppendStruct(dst []byte, fields int) []byte {
	if uint(fields) < leadArray-leadMap {
		return append(dst, leadMap|byte(fields))
	}
	return appendLength(dst, fields, leadMap, leadArray-leadMap, 0, leadMap16)
}

// Struct is a cursor over the fields of a struct. Any number of them may be
// alive on one Decoder, one within the other; each is used until Next returns
// false.
type Struct struct {
	d     *Decoder
	shape *Shape
	next  int // first field that may still come
	index int // field Next stopped at, or -1
	left  int // pairs still to read; -1 before the start and after the end
}

// Struct begins a struct of the given shape.
func (d *Decoder) Struct(shape *Shape) Struct {
	if d.depth == 0 {
		d.typ = shape.typ
	}
	at := d.off
	pairs := d.count(kindMap, leadMap)
	if !d.enter(at, 2*pairs) {
		return Struct{d: d, shape: shape, index: -1, left: -1}
	}
	return Struct{d: d, shape: shape, index: -1, left: int(pairs)}
}

// Next moves to the next known field and reports whether there is one. The
// caller must read the field's value before it calls Next again.
//
// Fields that the shape does not have are skipped. A known field that is
// repeated or out of order is refused with [ErrOrder], a required one that is
// not at its place with [ErrMissing].
func (s *Struct) Next() bool {
	i, d := s.next, s.d
	switch {
	case s.left > 0 && i < len(s.shape.fields) && d.expect(s.shape.fields[i].key):
		s.index, s.next = i, i+1
		s.left--
		return true
	case s.left == 0 && i == len(s.shape.fields) && d.err == nil:
		s.left = -1
		d.depth--
		return false
	}
	return s.search()
}

// expect consumes a value if that is the next one, and reports whether it was.
func (d *Decoder) expect(encoded string) bool {
	end := d.off + len(encoded)
	if end > len(d.src) || string(d.src[d.off:end]) != encoded {
		return false
	}
	d.off = end
	return true
}

// search moves to the next known field, or to the end, where that is not what is
// expected.
func (s *Struct) search() bool {
	d := s.d
	if s.left < 0 {
		return false
	}
	for d.err == nil {
		s.index = -1
		at := d.off
		if s.left == 0 {
			if s.moveTo(at, len(s.shape.fields)) {
				s.left = -1
				d.depth--
				return false
			}
			break
		}
		s.left--
		name := d.view(kindText)
		if i := s.find(name); i >= 0 && d.err == nil {
			if s.moveTo(at, i) {
				return true
			}
			break
		}
		if !utf8.Valid(name) {
			d.failAt(at, ErrUTF8)
		}
		d.Skip()
	}
	s.blame()
	return false
}

// Index returns the position in the shape of the field that Next moved to.
func (s *Struct) Index() int { return s.index }

// find returns the position of name in the shape, or -1.
func (s *Struct) find(name []byte) int {
	return slices.IndexFunc(s.shape.fields, func(f field) bool { return f.name == string(name) })
}

// moveTo makes i, whose name is at offset at, the current field. All fields
// before it that have not come are absent then. On failure the current field
// is the one at fault.
func (s *Struct) moveTo(at, i int) bool {
	if s.index = i; i < s.next {
		s.d.failAt(at, ErrOrder)
		return false
	}
	for ; s.next < i; s.next++ {
		if !s.shape.fields[s.next].optional {
			s.index = s.next
			s.d.failAt(at, ErrMissing)
			return false
		}
	}
	s.next++
	return true
}

// blame names the current field in an error that names none. The innermost
// struct is the first to come by.
func (s *Struct) blame() {
	err := s.d.err
	if err.Type != "" {
		return
	}
	err.Type = s.shape.typ
	if s.index >= 0 {
		err.Field = s.shape.fields[s.index].name
	}
}
