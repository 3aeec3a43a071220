package node

import (
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strconv"
)

// Decoder takes nodes apart. It keeps the first error, and what it returns after
// that is of no consequence.
type Decoder struct {
	Repeated bool // a key may come again, as a merge may leave it
	err      *Error
}

// Fail keeps the first error.
func (d *Decoder) Fail(at token.Position, format string, args ...any) {
	if d.err == nil {
		d.err = &Error{at, fmt.Sprintf(format, args...)}
	}
}

// Err returns the first error, or nil.
func (d *Decoder) Err() *Error { return d.err }

// Fields maps the names of an object's members to what takes their values.
type Fields map[string]func(Node)

// Object hands the members of an object to what takes them. Each member comes
// once, and all but those called optional have to.
func (d *Decoder) Object(n Node, takers Fields, optional ...string) {
	if n.Kind != Object {
		d.Fail(n.Pos, "want an object")
		return
	}
	seen := make(map[string]bool, len(n.Members))
	for _, m := range n.Members {
		take := takers[m.Name.Text]
		switch {
		case take == nil:
			d.Fail(m.Name.Pos, "unknown name %q", m.Name.Text)
			return
		case seen[m.Name.Text]:
			d.Fail(m.Name.Pos, "%q comes twice", m.Name.Text)
			return
		}
		seen[m.Name.Text] = true
		take(m.Value)
	}
	for _, name := range slices.Sorted(maps.Keys(takers)) {
		if !seen[name] && !slices.Contains(optional, name) {
			d.Fail(n.Pos, "%q is missing", name)
		}
	}
}

// Keyed hands the members of an object to one taker, each key once unless they may
// be repeated.
func (d *Decoder) Keyed(n Node, take func(key, value Node)) {
	if n.Kind != Object {
		d.Fail(n.Pos, "want an object")
		return
	}
	seen := make(map[string]bool, len(n.Members))
	for _, m := range n.Members {
		if seen[m.Name.Text] && !d.Repeated {
			d.Fail(m.Name.Pos, "%q comes twice", m.Name.Text)
			return
		}
		seen[m.Name.Text] = true
		take(m.Name, m.Value)
	}
}

// Into returns a taker of a text.
func (d *Decoder) Into(s *string) func(Node) {
	return func(n Node) { *s = d.Text(n) }
}

// Text reads a string.
func (d *Decoder) Text(n Node) string {
	if n.Kind != Text {
		d.Fail(n.Pos, "want a string")
	}
	return n.Text
}

// Texts reads an array of strings.
func (d *Decoder) Texts(n Node) []string {
	if n.Kind != Array {
		d.Fail(n.Pos, "want an array")
	}
	var list []string
	for _, item := range n.Items {
		list = append(list, d.Text(item))
	}
	return list
}

// Number reads a number that is not 0 and fits in some bits.
func (d *Decoder) Number(n Node, bits int) uint64 {
	v, err := strconv.ParseUint(n.Text, 10, bits)
	if err != nil || v == 0 {
		d.Fail(n.Pos, "want a number from 1 to %d", uint64(1)<<bits-1)
	}
	return v
}
