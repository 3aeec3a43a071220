package payload

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
)

// syntax holds what go/types forgets of the files, by the position of a name.
type syntax struct {
	docs   map[token.Pos]string // of types
	types  map[token.Pos]*ast.TypeSpec
	fields map[token.Pos]*ast.Field
}

func newSyntax(files []*ast.File) syntax {
	s := syntax{
		docs:   make(map[token.Pos]string),
		types:  make(map[token.Pos]*ast.TypeSpec),
		fields: make(map[token.Pos]*ast.Field),
	}
	for _, f := range files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				s.group(g)
			}
		}
	}
	return s
}

// group records the type declarations of a group.
func (s syntax) group(g *ast.GenDecl) {
	for _, spec := range g.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		doc := t.Doc
		if doc == nil && !g.Lparen.IsValid() {
			doc = g.Doc
		}
		s.types[t.Name.Pos()] = t
		s.docs[t.Name.Pos()] = strings.TrimSuffix(doc.Text(), "\n")
		ast.Inspect(t.Type, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok {
				for _, name := range f.Names {
					s.fields[name.Pos()] = f
				}
			}
			return true
		})
	}
}

// tag is where the tag of a field is written, or the field's name if it has none.
func (s syntax) tag(v *types.Var) diag.Range {
	if f := s.fields[v.Pos()]; f != nil && f.Tag != nil {
		return f.Tag
	}
	return nameOf(v)
}

// written returns the source of a field's type and, if it is a named type of the
// package, of its declaration.
func (s syntax) written(field token.Pos, named *types.Named) []diag.Range {
	var parts []diag.Range
	if f := s.fields[field]; f != nil {
		parts = append(parts, f.Type)
	}
	if named != nil {
		if t := s.types[named.Obj().Pos()]; t != nil {
			parts = append(parts, t)
		}
	}
	return parts
}

// nameOf is where the name of an object is declared.
func nameOf(o types.Object) diag.Range {
	return diag.Span{From: o.Pos(), To: o.Pos() + token.Pos(len(o.Name()))}
}
