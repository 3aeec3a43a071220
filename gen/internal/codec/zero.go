package codec

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/gen/internal/vocab"
	"github.com/batpak-go/batpak/schema/model"
)

// isSet emits the condition under which an optional value is stored. Of a
// struct only the stored fields count, so that a value that is left out and one
// that was stored decode to the same.
//
//	v.Memo != ""
//	v.Source.Kind != "" || v.Source.Ref != ""
func isSet(x func() *jen.Statement, t *model.Type) *jen.Statement {
	return compared(x, t, comparison{equal: "!=", more: ">", not: "", join: "||"})
}

// isZero emits the opposite of isSet.
func isZero(x func() *jen.Statement, t *model.Type) *jen.Statement {
	return compared(x, t, comparison{equal: "==", more: "==", not: "!", join: "&&"})
}

// comparison is the operators of a test against zero.
type comparison struct{ equal, more, not, join string }

func compared(x func() *jen.Statement, t *model.Type, op comparison) *jen.Statement {
	switch t.Class {
	case model.ClassBasic:
		switch t.Basic {
		case "bool":
			return negated(op.not, x())
		case "string":
			return x().Op(op.equal).Lit("")
		default:
			return x().Op(op.equal).Lit(0)
		}
	case model.ClassBytes, model.ClassSlice, model.ClassMap:
		return jen.Len(x()).Op(op.more).Lit(0)
	case model.ClassTime, model.ClassForeign:
		return negated(opposite(op.not), x().Dot("IsZero").Call())
	case model.ClassPointer:
		return x().Op(op.equal).Nil()
	case model.ClassStruct:
		all := jen.Null()
		for i, f := range t.Struct.Fields {
			if i > 0 {
				all.Op(op.join)
			}
			all.Add(compared(func() *jen.Statement { return x().Dot(f.Name) }, f.Type, op))
		}
		return all
	default:
		return x().Op(op.equal).Parens(vocab.TypeOf(t).Values())
	}
}

// negated is the condition after "!" or after nothing.
func negated(not string, cond *jen.Statement) *jen.Statement {
	if not == "" {
		return cond
	}
	return jen.Op(not).Add(cond)
}

// opposite turns "!" into nothing and back.
func opposite(not string) string {
	if not == "" {
		return "!"
	}
	return ""
}

// checkOptional reports the optional fields of s whose zero value cannot be
// told by the comparisons above.
func (e *Emitter) checkOptional(s *model.Struct) {
	for _, f := range s.Fields {
		if !f.Optional {
			continue
		}
		if reason := noZero(f.Type); reason != "" {
			e.Report(f.Pos, "BP109", fmt.Sprintf("%s.%s: option optional cannot be used here, because %s; use a pointer",
				s.Name, f.Name, reason))
		}
	}
}

// noZero says why a type has no zero value that an encoder can test for, or "".
func noZero(t *model.Type) string {
	switch t.Class {
	case model.ClassForeign:
		if !t.Zeroes {
			return fmt.Sprintf("%s has no method IsZero() bool", t.Named.Name)
		}
	case model.ClassStruct:
		if len(t.Struct.Fields) == 0 {
			return fmt.Sprintf("%s stores no field", t.Struct.Name)
		}
		for _, f := range t.Struct.Fields {
			if reason := noZero(f.Type); reason != "" {
				return reason
			}
		}
	case model.ClassArray:
		elem := t.Elem
		for elem.Class == model.ClassArray {
			elem = elem.Elem
		}
		if elem.Class != model.ClassBasic && elem.Class != model.ClassFixed && elem.Class != model.ClassPointer {
			return "the elements of an array are compared with ==, which does not fit theirs"
		}
	}
	return ""
}
