package source

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// misuses reports every place that could change a declaration, and what strays
// finds, in one walk.
func (vs *Variables) misuses() {
	own := make(map[ast.Expr]bool, len(vs.List))
	for _, v := range vs.List {
		own[ast.Unparen(v.Init)] = true
	}
	for _, f := range vs.pkg.Files {
		passed := token.NoPos // no strays before this
		ast.Inspect(f, func(n ast.Node) bool {
			switch n.(type) {
			case nil, *ast.Ident, *ast.BasicLit, *ast.CommentGroup:
				return false // most nodes, with nothing in them
			}
			vs.assignment(n)
			if n.Pos() >= passed && !vs.stray(n, own) {
				passed = n.End()
			}
			return true
		})
	}
}

// assignment reports a node that could change a declaration.
func (vs *Variables) assignment(n ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			vs.assigned(n.Lhs...)
		}
	case *ast.IncDecStmt:
		vs.assigned(n.X)
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			vs.assigned(n.Key, n.Value)
		}
	case *ast.UnaryExpr:
		if v := vs.root(n.X); n.Op == token.AND && v != nil {
			vs.sink.Add(n, "BP008", "the address of %s is taken here; schema declarations are read from their initialiser only", v.Name.Name)
		}
	}
}

// assigned reports the operands that are declarations or parts of them.
func (vs *Variables) assigned(operands ...ast.Expr) {
	for _, e := range operands {
		if v := vs.root(e); v != nil {
			vs.sink.Add(e, "BP008", "%s is assigned here; schema declarations are read from their initialiser only", v.Name.Name)
		}
	}
}

// root returns the schema variable that an operand is part of, or nil.
func (vs *Variables) root(e ast.Expr) *Variable {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return vs.byName[vs.pkg.Info.Uses[x]]
		case *ast.ParenExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// stray reports a declaration that is not a variable of the package, but inside
// another declaration, a list or a function, and a type that gives rise to others.
// It reports whether there may be more within the node. The initialisers of
// variables are in own.
func (vs *Variables) stray(n ast.Node, own map[ast.Expr]bool) bool {
	switch n := n.(type) {
	case *ast.ValueSpec:
		return !vs.reported(n)
	case *ast.TypeSpec:
		vs.derived(n)
	case *ast.AssignStmt:
		return !slices.ContainsFunc(n.Lhs, func(e ast.Expr) bool { return vs.root(e) != nil })
	case *ast.CompositeLit:
		if kind := vs.Declares(n); kind != "" && !own[n] {
			vs.sink.Add(n, "BP001", "this schema.%s needs a package-level variable of its own", kind)
		}
	}
	return true
}

// derived reports a type defined over one of declarations, whose variables would
// look like declarations and be none.
func (vs *Variables) derived(spec *ast.TypeSpec) {
	tv := vs.pkg.Info.Types[spec.Type]
	if !spec.Assign.IsValid() && tv.IsType() && IsDeclaration(tv.Type) {
		vs.sink.Add(spec.Type, "BP001", "variables of type %s are not read as declarations; use schema.%s itself",
			spec.Name.Name, schemaType(tv.Type).Obj().Name())
	}
}

// reported reports whether a specification holds a variable that failed.
func (vs *Variables) reported(spec *ast.ValueSpec) bool {
	for _, name := range spec.Names {
		if v := vs.byName[vs.pkg.Info.Defs[name]]; v != nil && v.Failed {
			return true
		}
	}
	return false
}

// Declares names the type of package schema that a literal declares, if any.
func (vs *Variables) Declares(lit *ast.CompositeLit) string {
	tv, ok := vs.pkg.Info.Types[lit]
	if !ok || !IsDeclaration(tv.Type) {
		return ""
	}
	return schemaType(tv.Type).Obj().Name()
}

// IsDeclaration reports whether a variable of the type is a declaration.
func IsDeclaration(t types.Type) bool {
	named := schemaType(t)
	if named == nil {
		return false
	}
	switch named.Obj().Name() {
	case "Entity", "Event", "Enum", "Projection", "Gate", "Command", "Reactor", "Retired":
		return true
	}
	return false
}
