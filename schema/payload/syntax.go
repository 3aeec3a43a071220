package payload

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
)

// syntax holds what go/types forgets of the types of the files, by the position of
// a type's name.
type syntax map[token.Pos]typeDecl

// typeDecl is a type as it is written.
type typeDecl struct {
	spec *ast.TypeSpec
	doc  *ast.CommentGroup
}

func newSyntax(files []*ast.File) syntax {
	s := make(syntax)
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
		s[t.Name.Pos()] = typeDecl{t, doc}
	}
}

// doc is the comment of the type whose name is at a position.
func (s syntax) doc(name token.Pos) string { return strings.TrimSuffix(s[name].doc.Text(), "\n") }

// field finds the field whose name is at a position. It is asked for when
// something is wrong, which is seldom.
func (s syntax) field(name token.Pos) *ast.Field {
	var found *ast.Field
	for _, t := range s {
		if name < t.spec.Pos() || t.spec.End() <= name {
			continue
		}
		ast.Inspect(t.spec.Type, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && slices.ContainsFunc(f.Names, func(id *ast.Ident) bool { return id.Pos() == name }) {
				found = f
			}
			return true
		})
	}
	return found
}

// tag is where the tag of a field is written, or the field's name if it has none.
func (s syntax) tag(v *types.Var) diag.Range {
	if f := s.field(v.Pos()); f != nil && f.Tag != nil {
		return f.Tag
	}
	return nameOf(v)
}

// written returns the source of a field's type and, if it is a named type of the
// package, of its declaration.
func (s syntax) written(field token.Pos, named *types.Named) []diag.Range {
	var parts []diag.Range
	if f := s.field(field); f != nil {
		parts = append(parts, f.Type)
	}
	if named != nil {
		if t, ok := s[named.Obj().Pos()]; ok {
			parts = append(parts, t.spec)
		}
	}
	return parts
}

// nameOf is where the name of an object is declared.
func nameOf(o types.Object) diag.Range {
	return diag.Span{From: o.Pos(), To: o.Pos() + token.Pos(len(o.Name()))}
}

// idents are where the type of the field whose name is at a position says a name.
func (s syntax) idents(field token.Pos, name string) []diag.Range {
	f := s.field(field)
	if f == nil {
		return nil
	}
	var list []diag.Range
	ast.Inspect(f.Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == name {
			list = append(list, id)
		}
		return true
	})
	return list
}

// untagged is the place for the tag of a field whose name is at a position, if it has
// none yet and is alone in its declaration.
func (s syntax) untagged(field token.Pos) []diag.Range {
	f := s.field(field)
	if f == nil || f.Tag != nil || len(f.Names) != 1 {
		return nil
	}
	return []diag.Range{diag.Span{From: f.Type.End(), To: f.Type.End()}}
}
