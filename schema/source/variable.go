package source

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
)

// Variable is a package-level variable of a type of package schema. Those of the
// types Entity, Event, Enum, Projection, Gate, Command, Reactor and Retired are the
// declarations; lists and numbers may have names too.
type Variable struct {
	Name   *ast.Ident
	Doc    string          // without the final newline
	Kind   string          // name of its type in package schema; empty if that is unknown
	Args   *types.TypeList // of its type
	Init   ast.Expr        // nil if it failed
	Failed bool            // reported already; nothing can be read from it

	alias *Variable // set if Init only names another variable
}

// Target is the variable that v is another name for, or v.
func (v *Variable) Target() *Variable {
	seen := map[*Variable]bool{}
	for v.alias != nil && !seen[v] {
		seen[v] = true
		v = v.alias
	}
	return v
}

// Argument is where the i-th type argument of a declaration is written.
func (v *Variable) Argument(i int) diag.Range {
	lit, ok := ast.Unparen(v.Init).(*ast.CompositeLit)
	if !ok {
		return v.Name
	}
	switch t := lit.Type.(type) {
	case *ast.IndexExpr:
		return t.Index
	case *ast.IndexListExpr:
		if i < len(t.Indices) {
			return t.Indices[i]
		}
	}
	return v.Name
}

// Variables are the schema variables of a package, in source order.
type Variables struct {
	List []*Variable

	pkg    *Package
	sink   *diag.Sink
	byName map[types.Object]*Variable
}

// Find finds the schema variables of a package. It reports those that nothing
// can be read from, declarations in other places, and whatever could change a
// variable.
func Find(pkg *Package, sink *diag.Sink) *Variables {
	vs := &Variables{pkg: pkg, sink: sink, byName: make(map[types.Object]*Variable)}
	vs.collect()
	vs.misuses()
	return vs
}

// Named returns the schema variable of the package that an expression names, or
// nil.
func (vs *Variables) Named(e ast.Expr) *Variable {
	if id, ok := ast.Unparen(e).(*ast.Ident); ok {
		return vs.byName[vs.pkg.Info.Uses[id]]
	}
	return nil
}

// collect finds the variables in the user's files.
func (vs *Variables) collect() {
	for _, f := range vs.pkg.Files {
		found := false
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				found = vs.group(g) || found
			}
		}
		if found {
			vs.pkg.constraint(f, vs.sink)
		}
	}
	for _, v := range vs.List {
		v.alias = vs.Named(v.Init)
	}
}

// group collects the variables of one declaration group and reports whether it
// has any.
func (vs *Variables) group(g *ast.GenDecl) bool {
	found := false
	for _, spec := range g.Specs {
		s := spec.(*ast.ValueSpec)
		for i := range s.Names {
			v := vs.variable(s, i)
			if v == nil {
				continue
			}
			found = true
			doc := s.Doc
			if doc == nil && !g.Lparen.IsValid() {
				doc = g.Doc
			}
			v.Doc = strings.TrimSuffix(doc.Text(), "\n")
			vs.List = append(vs.List, v)
			if obj := vs.pkg.Info.Defs[v.Name]; obj != nil {
				vs.byName[obj] = v
			}
		}
	}
	return found
}

// variable returns the i-th variable of a specification, or nil if it has
// nothing to do with schemas.
func (vs *Variables) variable(s *ast.ValueSpec, i int) *Variable {
	v := &Variable{Name: s.Names[i]}
	var named *types.Named
	if obj := vs.pkg.Info.Defs[v.Name]; obj != nil {
		named = schemaType(obj.Type())
	}
	switch {
	case named != nil:
		v.Kind, v.Args = named.Obj().Name(), named.TypeArgs()
	case vs.typed(v.Name) || !vs.mentionsSchema(s):
		return nil
	}
	if vs.pkg.PassErrors(s, vs.sink) {
		v.Failed = true
		return v
	}
	switch {
	case named == nil || v.Args.Len() != arguments(v.Kind):
		vs.sink.Add(v.Name, "BP005", "%s does not compile", v.Name.Name)
	case types.IsInterface(named):
		vs.sink.Add(v.Name, "BP001", "%s hides its declaration in a schema.%s; leave the type out", v.Name.Name, v.Kind)
	case v.Name.Name == "_":
		vs.sink.Add(v.Name, "BP001", "a schema declaration needs a name")
	case len(s.Values) != len(s.Names):
		vs.sink.Add(v.Name, "BP001", "schema declaration %s needs its own initialiser", v.Name.Name)
	case vs.usesGenerated(s):
	default:
		v.Init = s.Values[i]
		return v
	}
	v.Failed = true
	return v
}

// arguments is how many type arguments a type of package schema has.
func arguments(kind string) int {
	switch kind {
	case "Category", "TypeID", "AnyEntity", "AnyEvent", "Events", "Chain", "Upcast", "Retired", "RetiredEvent", "Codes":
		return 0
	case "Command":
		return 2
	}
	return 1
}

// typed reports whether the type checker knows a variable's type.
func (vs *Variables) typed(name *ast.Ident) bool {
	obj := vs.pkg.Info.Defs[name]
	return obj != nil && obj.Type() != nil && obj.Type() != types.Typ[types.Invalid]
}

// mentionsSchema reports whether a specification names package schema.
func (vs *Variables) mentionsSchema(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return !found
		}
		switch obj := vs.pkg.Info.Uses[id].(type) {
		case *types.PkgName:
			found = found || obj.Imported().Path() == SchemaPath
		case *types.TypeName: // imported with a dot
			found = found || obj.Pkg() != nil && obj.Pkg().Path() == SchemaPath
		}
		return !found
	})
	return found
}

// usesGenerated reports the identifiers of generated files in a specification,
// and whether there are any.
func (vs *Variables) usesGenerated(s *ast.ValueSpec) bool {
	if len(vs.pkg.Generated) == 0 {
		return false
	}
	found := false
	ast.Inspect(s, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		obj := vs.pkg.Info.Uses[id]
		if obj == nil || obj.Pkg() != vs.pkg.Types {
			return true
		}
		for _, f := range vs.pkg.Generated {
			if f.FileStart <= obj.Pos() && obj.Pos() < f.FileEnd {
				file := vs.pkg.FileName(f.FileStart)
				vs.sink.Add(id, "BP004", "schema refers to %s, which batpakgen generates in %s; declare it yourself", id.Name, file)
				found = true
			}
		}
		return true
	})
	return found
}
