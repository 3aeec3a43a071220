package shape

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"

	"github.com/batpak-go/batpak/schema/model"
)

// Text writes the shape of a struct.
func Text(s *model.Struct) string { return string(appendStruct(nil, s)) }

// Fingerprint is the first 8 bytes of the BLAKE3 hash of a shape's text, in
// hexadecimal digits.
func Fingerprint(text string) string {
	sum := blake3.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func appendStruct(dst []byte, s *model.Struct) []byte {
	dst = append(dst, '{')
	for i, f := range s.Fields {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, f.Wire...)
		if f.Optional {
			dst = append(dst, '?')
		}
		dst = appendType(append(dst, ':'), f.Type)
		if f.Max > 0 {
			dst = strconv.AppendInt(append(dst, "<="...), f.Max, 10)
		}
	}
	return append(dst, '}')
}

func appendType(dst []byte, t *model.Type) []byte {
	switch t.Class {
	case model.ClassBasic:
		dst = append(dst, t.Basic...)
		if t.Enum != nil && !t.Enum.Open {
			dst = appendValues(dst, t)
		}
		return dst
	case model.ClassBytes:
		return append(dst, "bytes"...)
	case model.ClassFixed:
		return append(strconv.AppendInt(append(dst, "bytes["...), t.Len, 10), ']')
	case model.ClassTime:
		return append(dst, "time"...)
	case model.ClassPointer:
		return appendType(append(dst, '*'), t.Elem)
	case model.ClassSlice:
		return appendType(append(dst, "[]"...), t.Elem)
	case model.ClassArray:
		return appendType(append(strconv.AppendInt(append(dst, '['), t.Len, 10), ']'), t.Elem)
	case model.ClassMap:
		return appendType(append(appendType(append(dst, "map["...), t.Key), ']'), t.Elem)
	case model.ClassForeign:
		dst = append(dst, "codec("...)
		if t.Named.Path != "" {
			dst = append(append(dst, t.Named.Path...), '.')
		}
		return append(append(dst, t.Named.Name...), ')')
	default:
		return appendStruct(dst, t.Struct)
	}
}

// appendValues writes the values of a closed enumeration.
func appendValues(dst []byte, t *model.Type) []byte {
	dst = append(dst, '(')
	dst = append(dst, strings.Join(values(t), "|")...)
	return append(dst, ')')
}

// values are the values of an enumeration as they are written, each once, in
// order.
func values(t *model.Type) []string {
	list := make([]string, 0, len(t.Enum.Values))
	for _, v := range t.Enum.Values {
		list = append(list, value(t.Basic, v.Literal))
	}
	slices.SortFunc(list, func(a, b string) int { return compareValues(t.Basic, a, b) })
	return slices.Compact(list)
}

// value writes the value that a Go literal of a basic type stands for: a number
// in decimal, a text without quotes if it is a plain word. What is no such
// literal is left as it is, and does not parse.
func value(basic model.Basic, literal string) string {
	switch {
	case basic == "string":
		if s, err := strconv.Unquote(literal); err == nil && strings.IndexFunc(s, notPlain) < 0 && s != "" {
			return s
		} else if err == nil {
			return strconv.Quote(s)
		}
	case strings.HasPrefix(string(basic), "uint"):
		if n, err := strconv.ParseUint(literal, 0, bits(basic)); err == nil {
			return strconv.FormatUint(n, 10)
		}
	default:
		if n, err := strconv.ParseInt(literal, 0, bits(basic)); err == nil {
			return strconv.FormatInt(n, 10)
		}
	}
	return literal
}

// notPlain tells what a text without quotes does not have.
func notPlain(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.'
}

// compareValues orders values of a type, as they are written.
func compareValues(basic model.Basic, a, b string) int {
	if basic == "string" {
		return strings.Compare(a, b)
	}
	negative := strings.HasPrefix(a, "-")
	if negative != strings.HasPrefix(b, "-") {
		if negative {
			return -1
		}
		return 1
	}
	// Without leading zeros the longer number is the greater one.
	order := cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	if negative {
		return -order
	}
	return order
}

// bits is the size of a sized integer.
func bits(basic model.Basic) int {
	n, _ := strconv.Atoi(strings.TrimLeft(string(basic), "uint"))
	return n
}
