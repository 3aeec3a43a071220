package wire

import (
	"strings"
	"unicode/utf8"
)

// Field is one entry of the table by which a struct is decoded.
type Field struct {
	Name     string
	Optional bool // may be absent; the Go field then keeps its zero value
}

// AppendStruct appends the header of a struct of the given number of fields,
// from 0 to 2^32-1. The caller appends, for each field in schema order, its
// name with [AppendString] and its value.
//
//	fields < 2^4     80|fields
//	fields < 2^16    de  fields:2
//	fields < 2^32    df  fields:4
func AppendStruct(dst []byte, fields int) []byte {
	return appendLength(dst, fields, leadMap, leadArray-leadMap, 0, leadMap16)
}

// Struct is a cursor over the fields of a struct. Any number of them may be
// alive on one Decoder, one within the other; each is used until Next returns
// false.
type Struct struct {
	d      *Decoder
	typ    string
	fields []Field
	next   int // first field that may still come
	index  int // field Next stopped at, or -1
	left   int // pairs still to read; -1 before the start and after the end
}

// Struct begins a struct named typ in errors. Its known fields are those of
// the table fields, in that order; the table is only read.
func (d *Decoder) Struct(typ string, fields []Field) Struct {
	if d.depth == 0 {
		d.typ = typ
	}
	s := Struct{d: d, typ: typ, fields: fields, index: -1, left: -1}
	at := d.off
	pairs := d.read(kindMap).arg
	if d.enter(at, 2*pairs) {
		s.left = int(pairs)
	}
	return s
}

// Next moves to the next known field and reports whether there is one. The
// caller must read the field's value before it calls Next again.
//
// Fields that the table does not have are skipped. A known field that is
// repeated or out of order is refused with [ErrOrder], a required one that is
// not at its place with [ErrMissing].
func (s *Struct) Next() bool {
	d := s.d
	if s.left < 0 {
		return false
	}
	for d.err == nil {
		s.index = -1
		at := d.off
		if s.left == 0 {
			if s.moveTo(at, len(s.fields)) {
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

// Index returns the position in the table of the field that Next moved to.
func (s *Struct) Index() int { return s.index }

// find returns the position of name in the table, or -1. The field that is
// expected next is tried first, so reading what we wrote never searches.
func (s *Struct) find(name []byte) int {
	if s.next < len(s.fields) && s.fields[s.next].Name == string(name) {
		return s.next
	}
	for i := range s.fields {
		if s.fields[i].Name == string(name) {
			return i
		}
	}
	return -1
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
		if !s.fields[s.next].Optional {
			s.index = s.next
			s.d.failAt(at, ErrMissing)
			return false
		}
	}
	s.next++
	return true
}

// blame names the current field in an error that names none. The innermost
// struct is the first to come by. The copy keeps the compiler from concluding
// that s, and with it the Decoder, must live on the heap.
func (s *Struct) blame() {
	err := s.d.err
	if err.Type != "" {
		return
	}
	err.Type = strings.Clone(s.typ)
	if s.index >= 0 {
		err.Field = strings.Clone(s.fields[s.index].Name)
	}
}
