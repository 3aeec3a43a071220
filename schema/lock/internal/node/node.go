package node

import (
	"encoding/json"
	"fmt"
	"go/token"
)

// The bounds of a file. No schema comes near.
const (
	maxBytes = 16 << 20
	maxDepth = 8
)

// Kind says what a value is.
type Kind byte

// The kinds, each the byte that a value of it begins with, or may begin with.
const (
	Object Kind = '{'
	Array  Kind = '['
	Text   Kind = '"'
	Number Kind = '0'
)

// Node is a value and its place.
type Node struct {
	Pos     token.Position
	Kind    Kind
	Text    string   // of a text, or the digits of a number
	Members []Member // of an object, in order
	Items   []Node   // of an array
}

// Member is a name and its value in an object.
type Member struct {
	Name  Node // a text
	Value Node
}

// An Error says why a file could not be read.
type Error struct {
	Pos    token.Position
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%v: %s", e.Pos, e.Reason) }

// reader reads one file. After its first error it reads nothing more.
type reader struct {
	name string
	data []byte
	off  int
	line int // of data[off], from 1
	from int // where that line begins
	err  *Error
}

// Read reads a whole file, which is called name in positions. The error is an
// [*Error].
func Read(name string, data []byte) (Node, error) {
	r := &reader{name: name, data: data, line: 1}
	if len(data) > maxBytes {
		r.fail("the file has more than %d bytes", maxBytes)
	}
	n := r.value(0)
	if r.peek() != 0 {
		r.fail("something follows the end")
	}
	if r.err != nil {
		return Node{}, r.err
	}
	return n, nil
}

// pos is where the reader is.
func (r *reader) pos() token.Position {
	return token.Position{Filename: r.name, Offset: r.off, Line: r.line, Column: 1 + r.off - r.from}
}

// fail keeps the first error.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &Error{r.pos(), fmt.Sprintf(format, args...)}
	}
}

// peek skips space and returns the next byte, or 0 at the end or after an error.
func (r *reader) peek() byte {
	for r.err == nil && r.off < len(r.data) {
		switch c := r.data[r.off]; c {
		case '\n':
			r.line, r.from = r.line+1, r.off+1
			r.off++
		case ' ', '\t', '\r':
			r.off++
		case 0:
			r.fail("want JSON, found a zero byte")
		default:
			return c
		}
	}
	return 0
}

// accept skips space, and the byte c if it comes next.
func (r *reader) accept(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.off++
	return true
}

// value reads a value.
func (r *reader) value(depth int) Node {
	c := r.peek()
	n := Node{Pos: r.pos(), Kind: Kind(c)}
	switch {
	case depth > maxDepth:
		r.fail("nested too deep")
	case c == '{':
		r.list('}', func() { n.Members = append(n.Members, r.member(depth+1)) })
	case c == '[':
		r.list(']', func() { n.Items = append(n.Items, r.value(depth+1)) })
	case c == '"':
		n.Text = r.text()
	case c >= '0' && c <= '9':
		n.Kind, n.Text = Number, r.digits()
	default:
		r.fail("want an object, an array, a string or a number")
	}
	return n
}

// list reads what stands between brackets, separated by commas.
func (r *reader) list(end byte, item func()) {
	r.off++
	for first := true; r.err == nil && !r.accept(end); first = false {
		if !first && !r.accept(',') {
			r.fail("want a comma or %q", end)
			return
		}
		item()
	}
}

// member reads a name and its value.
func (r *reader) member(depth int) Member {
	if r.peek() != '"' {
		r.fail("want a name in quotes")
		return Member{}
	}
	m := Member{Name: Node{Pos: r.pos(), Kind: Text}}
	m.Name.Text = r.text()
	if !r.accept(':') {
		r.fail("want a colon")
		return m
	}
	m.Value = r.value(depth)
	return m
}

// digits reads a number.
func (r *reader) digits() string {
	start := r.off
	for r.off < len(r.data) && r.data[r.off] >= '0' && r.data[r.off] <= '9' {
		r.off++
	}
	return string(r.data[start:r.off])
}

// text reads a string, which ends on its line.
func (r *reader) text() string {
	end := r.off + 1
	for end < len(r.data) && r.data[end] != '"' && r.data[end] != '\n' {
		if r.data[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(r.data) || r.data[end] != '"' {
		r.fail("the string does not end")
		return ""
	}
	var text string
	if err := json.Unmarshal(r.data[r.off:end+1], &text); err != nil {
		r.fail("%v", err)
		return ""
	}
	r.off = end + 1
	return text
}
