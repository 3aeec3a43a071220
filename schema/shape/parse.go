package shape

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/batpak-go/batpak/schema/model"
)

// maxDepth is how deep types may nest, which bounds the parser's stack. Payloads
// end far earlier.
const maxDepth = 200

// A SyntaxError says why a text is no shape.
type SyntaxError struct {
	Offset int // in the text
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("shape: byte %d: %s", e.Offset, e.Reason) }

// Parse reads a text that [Text] wrote. The struct has no names, in Go, and no
// positions. Texts that Text does not write are refused with a [*SyntaxError], so
// what parses is written again as it was.
func Parse(text string) (*model.Struct, error) {
	p := parser{text: text}
	s := p.structure(0)
	if p.err == nil && p.off < len(text) {
		p.fail("more after the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

// parser reads one text. After its first error it reads nothing more.
type parser struct {
	text string
	off  int
	err  *SyntaxError
}

// fail keeps the first error.
func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &SyntaxError{p.off, fmt.Sprintf(format, args...)}
	}
}

// rest is what has not been read.
func (p *parser) rest() string {
	if p.err != nil {
		return ""
	}
	return p.text[p.off:]
}

// accept consumes a word if it comes next.
func (p *parser) accept(word string) bool {
	if !strings.HasPrefix(p.rest(), word) {
		return false
	}
	p.off += len(word)
	return true
}

// expect consumes a word that has to come next.
func (p *parser) expect(word string) {
	if !p.accept(word) {
		p.fail("want %q", word)
	}
}

// span consumes the longest run of bytes that belong.
func (p *parser) span(belongs func(c byte) bool) string {
	rest := p.rest()
	n := 0
	for n < len(rest) && belongs(rest[n]) {
		n++
	}
	p.off += n
	return rest[:n]
}

// number consumes a positive number.
func (p *parser) number() int64 {
	at := p.off
	digits := p.span(isDigit)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n == 0 || digits[0] == '0' {
		p.off = at
		p.fail("want a positive number")
		return 0
	}
	return n
}

// structure consumes a shape.
func (p *parser) structure(depth int) *model.Struct {
	s := new(model.Struct)
	p.expect("{")
	names := make(map[string]bool)
	for p.err == nil && !p.accept("}") {
		if len(s.Fields) > 0 {
			p.expect(";")
		}
		f := p.field(depth)
		if names[f.Wire] {
			p.fail("field %s comes twice", f.Wire)
		}
		names[f.Wire] = true
		s.Fields = append(s.Fields, f)
	}
	return s
}

// field consumes a field of a shape.
func (p *parser) field(depth int) model.Field {
	f := model.Field{Wire: p.name()}
	f.Optional = p.accept("?")
	p.expect(":")
	if f.Optional && p.accept("*") {
		f.Type = &model.Type{Class: model.ClassPointer, Elem: p.typ(depth + 1)}
	} else {
		f.Type = p.typ(depth + 1)
	}
	if p.accept("<=") {
		f.Max = p.number()
	}
	return f
}

// name consumes a wire name.
func (p *parser) name() string {
	first := p.rest()
	if first == "" || first[0] < 'a' || first[0] > 'z' {
		p.fail("want a field")
		return ""
	}
	return p.span(func(c byte) bool { return c >= 'a' && c <= 'z' || c == '_' || isDigit(c) })
}

// typ consumes a type.
func (p *parser) typ(depth int) *model.Type {
	if depth > maxDepth {
		p.fail("nested too deep")
	}
	switch rest := p.rest(); {
	case strings.HasPrefix(rest, "{"):
		return &model.Type{Class: model.ClassStruct, Struct: p.structure(depth)}
	case p.accept("[]"):
		return &model.Type{Class: model.ClassSlice, Elem: p.typ(depth + 1)}
	case p.accept("["):
		t := &model.Type{Class: model.ClassArray, Len: p.number()}
		p.expect("]")
		t.Elem = p.typ(depth + 1)
		return t
	case p.accept("map["):
		t := &model.Type{Class: model.ClassMap, Key: p.basic(true)}
		p.expect("]")
		t.Elem = p.typ(depth + 1)
		return t
	case p.accept("bytes["):
		t := &model.Type{Class: model.ClassFixed, Len: p.number()}
		p.expect("]")
		return t
	case p.accept("bytes"):
		return &model.Type{Class: model.ClassBytes}
	case p.accept("time"):
		return &model.Type{Class: model.ClassTime}
	case p.accept("codec("):
		return p.foreign()
	}
	return p.basic(false)
}

// basic consumes a basic type and the values of its enumeration. A key is a
// string or an integer.
func (p *parser) basic(key bool) *model.Type {
	at := p.off
	t := &model.Type{
		Class: model.ClassBasic,
		Basic: model.Basic(p.span(func(c byte) bool { return c >= 'a' && c <= 'z' || isDigit(c) })),
	}
	if !slices.Contains(basics(), t.Basic) {
		p.off = at
		p.fail("want a type")
		return t
	}
	ordinal := t.Basic == "string" || strings.Contains(string(t.Basic), "int")
	if key && !ordinal {
		p.off = at
		p.fail("want a string or an integer")
	}
	if ordinal && p.accept("(") {
		t.Enum = new(model.Enum)
		p.value(t)
		for p.accept("|") {
			p.value(t)
		}
		p.expect(")")
	}
	return t
}

// basics are the basic types.
func basics() []model.Basic {
	return []model.Basic{
		"bool", "string", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
	}
}

// value consumes a value of an enumeration, which is greater than those before.
func (p *parser) value(t *model.Type) {
	at := p.off
	text, _ := strconv.QuotedPrefix(p.rest())
	p.off += len(text)
	literal := text
	if text == "" {
		text = p.span(func(c byte) bool { return !notPlain(rune(c)) })
		if literal = text; t.Basic == "string" {
			literal = strconv.Quote(text)
		}
	}
	list := t.Enum.Values
	ordered := len(list) == 0 || compareValues(t.Basic, value(t.Basic, list[len(list)-1].Literal), text) < 0
	if !isLiteral(t.Basic, literal) || value(t.Basic, literal) != text || !ordered {
		p.off = at
		p.fail("want a value of type %s, in order", t.Basic)
		return
	}
	t.Enum.Values = append(list, model.EnumValue{Literal: literal})
}

// isLiteral reports whether a text is a Go literal of a type.
func isLiteral(basic model.Basic, text string) bool {
	var err error
	switch {
	case basic == "string":
		_, err = strconv.Unquote(text)
	case strings.HasPrefix(string(basic), "uint"):
		_, err = strconv.ParseUint(text, 10, bits(basic))
	default:
		_, err = strconv.ParseInt(text, 10, bits(basic))
	}
	return err == nil
}

// foreign consumes the path of a type with a codec of its own.
func (p *parser) foreign() *model.Type {
	path := p.span(func(c byte) bool { return c > ' ' && c != ')' && c != '(' && c < 0x7f })
	ref := &model.NamedRef{Name: path}
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		ref = &model.NamedRef{Name: path[dot+1:], Path: path[:dot]}
		if ref.Path == "" {
			ref.Name = ""
		}
	}
	if ref.Name == "" || strings.Contains(ref.Name, "/") {
		p.fail("want the name of a type")
	}
	p.expect(")")
	return &model.Type{Class: model.ClassForeign, Named: ref}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
