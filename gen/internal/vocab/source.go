package vocab

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/batpak-go/batpak/schema/model"
)

// Ref names something of a package; an empty path is the schema's own.
func Ref(path, name string) *jen.Statement {
	if path == "" {
		return jen.Id(name)
	}
	return jen.Qual(path, name)
}

// TypeOf spells the Go type of a field.
func TypeOf(t *model.Type) *jen.Statement {
	if t.Named != nil {
		return Ref(t.Named.Path, t.Named.Name)
	}
	switch t.Class {
	case model.ClassBytes:
		return jen.Index().Byte()
	case model.ClassFixed:
		return jen.Index(jen.Lit(int(t.Len))).Byte()
	case model.ClassTime:
		return jen.Qual("time", "Time")
	case model.ClassSlice:
		return jen.Index().Add(TypeOf(t.Elem))
	case model.ClassArray:
		return jen.Index(jen.Lit(int(t.Len))).Add(TypeOf(t.Elem))
	case model.ClassPointer:
		return jen.Op("*").Add(TypeOf(t.Elem))
	case model.ClassMap:
		return jen.Map(TypeOf(t.Key)).Add(TypeOf(t.Elem))
	case model.ClassStruct:
		return Ref(t.Struct.Path, t.Struct.Name)
	default:
		return jen.Id(string(t.Basic))
	}
}

// Source spells a type that the model holds as Go source, with the package
// names replaced by those that the emitted file uses.
func (n *Vocab) Source(text string, imports []model.Import) *jen.Statement {
	expr, err := parser.ParseExpr(text)
	if err != nil {
		n.err = errors.Join(n.err, fmt.Errorf("parse type %q: %w", text, err))
		return jen.Null()
	}
	s := jen.Null()
	done := 0 // bytes of text that are in s
	ast.Inspect(expr, func(node ast.Node) bool {
		sel, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		i := slices.IndexFunc(imports, func(imp model.Import) bool { return imp.Name == pkg.Name })
		if i < 0 {
			return true
		}
		s.Op(text[done:offset(sel.Pos())]).Add(Ref(imports[i].Path, sel.Sel.Name))
		done = offset(sel.End())
		return false
	})
	return s.Op(text[done:])
}

// offset is where a position of a parsed expression is in its text.
func offset(pos token.Pos) int { return int(pos) - 1 }
