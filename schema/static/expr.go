package static

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/source"
)

// follow returns the expression that e stands for: without parentheses, and the
// initialiser where e names a list, number or handler of the schema.
func (r *reader) follow(e ast.Expr) ast.Expr {
	for range len(r.vars.List) + 1 {
		e = ast.Unparen(e)
		id, ok := e.(*ast.Ident)
		if !ok {
			return e
		}
		v := r.vars.Named(id)
		if v == nil || v.Init == nil {
			return e
		}
		e = v.Init
	}
	return e // variables that refer to each other, which the compiler reports
}

// values are those of the fields of a struct literal, which are few.
type values []value

type value struct {
	field string
	expr  ast.Expr
}

// of returns the value of a field, or nil.
func (vs values) of(field string) ast.Expr {
	for _, v := range vs {
		if v.field == field {
			return v.expr
		}
	}
	return nil
}

// fields returns the field values of the declaration's literal, and records them as
// given.
func (r *reader) fields(v *source.Variable, d *model.Decl) values {
	list := r.structure(v.Init, d)
	if list == nil {
		return nil
	}
	d.Given = make(map[string]token.Position, len(list))
	for _, given := range list {
		d.Given[given.field] = r.sink.Position(given.expr.Pos())
	}
	return list
}

// structure returns the field values of a struct literal, or nil if an expression is
// none, which it reports.
func (r *reader) structure(e ast.Expr, d *model.Decl) values {
	lit, ok := ast.Unparen(e).(*ast.CompositeLit)
	if !ok {
		d.Broken = true
		r.notStatic(e)
		return nil
	}
	st, ok := r.src.Info.Types[lit].Type.Underlying().(*types.Struct)
	if !ok {
		d.Broken = true
		return nil
	}
	list := make(values, 0, len(lit.Elts))
	for i, elt := range lit.Elts {
		v := value{expr: elt}
		if kv, ok := elt.(*ast.KeyValueExpr); ok {
			v.expr = kv.Value
			if id, ok := kv.Key.(*ast.Ident); ok {
				v.field = id.Name
			}
		} else if i < st.NumFields() {
			v.field = st.Field(i).Name()
		}
		if !r.isNil(v.expr) {
			list = append(list, v)
		}
	}
	return list
}

// isNil reports whether an expression is the predeclared nil.
func (r *reader) isNil(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && id.Name == "nil" && r.src.Info.Types[id].IsNil()
}

// number evaluates a non-negative integer constant; an absent value is 0.
func (r *reader) number(e ast.Expr, d *model.Decl) uint64 {
	val := r.constant(e, d)
	if val == nil || val.Kind() != constant.Int {
		return 0
	}
	n, _ := constant.Uint64Val(val) // the compiler has checked that it fits
	return n
}

// text evaluates a string constant; an absent value is empty.
func (r *reader) text(e ast.Expr, d *model.Decl) string {
	val := r.constant(e, d)
	if val == nil || val.Kind() != constant.String {
		return ""
	}
	return constant.StringVal(val)
}

// truth evaluates a bool constant; an absent value is false.
func (r *reader) truth(e ast.Expr, d *model.Decl) bool {
	val := r.constant(e, d)
	return val != nil && val.Kind() == constant.Bool && constant.BoolVal(val)
}

// constant evaluates a constant expression, or returns nil.
func (r *reader) constant(e ast.Expr, d *model.Decl) constant.Value {
	if e == nil {
		return nil
	}
	if val := r.src.Info.Types[r.follow(e)].Value; val != nil {
		return val
	}
	d.Broken = true
	r.notStatic(e)
	return nil
}

// list returns the elements of a slice literal; an absent value has none.
func (r *reader) list(e ast.Expr, d *model.Decl) []ast.Expr {
	if e == nil {
		return nil
	}
	lit, ok := r.follow(e).(*ast.CompositeLit)
	if !ok {
		d.Broken = true
		r.notStatic(e)
		return nil
	}
	for _, elt := range lit.Elts {
		if kv, ok := elt.(*ast.KeyValueExpr); ok {
			d.Broken = true
			r.sink.Add(kv, "BP003", "cannot evaluate a %s literal with indexes statically; list its elements in order", types.ExprString(lit.Type))
			r.sink.Suggest(kv, "BP003", "leave the indexes out", "", r.indexes(lit)...)
			return nil
		}
	}
	return lit.Elts
}

// indexes are those of a slice literal, if its elements are listed in order all the
// same.
func (r *reader) indexes(lit *ast.CompositeLit) []diag.Range {
	var list []diag.Range
	for i, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			continue // one more than the one before
		}
		if index := r.src.Info.Types[kv.Key].Value; index == nil || !constant.Compare(index, token.EQL, constant.MakeInt64(int64(i))) {
			return nil
		}
		list = append(list, diag.Span{From: kv.Pos(), To: kv.Value.Pos()})
	}
	return list
}

// declaration returns the declaration that an expression names, or nil, which it
// reports unless the declaration itself was.
func (r *reader) declaration(e ast.Expr, d *model.Decl) *source.Variable {
	if e == nil {
		return nil
	}
	if v := r.vars.Named(e); v != nil {
		v = v.Target()
		d.Broken = d.Broken || v.Failed
		return v
	}
	d.Broken = true
	if lit, ok := ast.Unparen(e).(*ast.CompositeLit); ok && r.vars.Declares(lit) != "" {
		return nil // a stray
	}
	r.notStatic(e)
	return nil
}

// call returns the call of a constructor of package schema that an expression
// is, instantiated or not, or nil, which it reports. All constructors take two
// arguments.
func (r *reader) call(e ast.Expr, constructor string, d *model.Decl) *ast.CallExpr {
	if call, ok := r.follow(e).(*ast.CallExpr); ok && len(call.Args) == 2 && r.isSchemaFunc(call.Fun, constructor) {
		return call
	}
	d.Broken = true
	r.notStatic(e)
	return nil
}

// isSchemaFunc reports whether an expression names a function of package schema.
func (r *reader) isSchemaFunc(fun ast.Expr, name string) bool {
	var id *ast.Ident
	switch x := uninstantiated(fun).(type) {
	case *ast.SelectorExpr:
		id = x.Sel
	case *ast.Ident: // imported with a dot
		id = x
	default:
		return false
	}
	fn, ok := r.src.Info.Uses[id].(*types.Func)
	return ok && fn.Pkg().Path() == source.SchemaPath && fn.Name() == name
}

// notStatic reports an expression that has no place in a schema.
func (r *reader) notStatic(e ast.Expr) {
	const long = 60
	text := types.ExprString(e)
	if len(text) > long {
		text = text[:long] + "..."
	}
	switch x := ast.Unparen(e).(type) {
	case *ast.FuncLit:
		r.sink.Add(e, "BP006", "give this function a name so that generated code can call it")
		return
	case *ast.SelectorExpr:
		obj := r.src.Info.Uses[x.Sel]
		if obj == nil || obj.Pkg() == nil || obj.Pkg() == r.src.Types {
			break
		}
		if _, variable := obj.(*types.Var); variable && source.IsDeclaration(obj.Type()) {
			r.sink.Add(e, "BP007", "%s is declared in package %s; a schema refers to declarations of its own package only", text, obj.Pkg().Path())
			return
		}
	}
	r.sink.Add(e, "BP002", "schema values are read from source, not executed: `%s` is not a constant, literal, function name, call of package schema or another schema declaration", text)
}

// function is a declared function, or a method as a method expression names it.
type function struct {
	recv string // name of the method's receiver type, without star; empty for functions
	star bool
	obj  *types.Func
	at   ast.Expr // where it is named
}

// function evaluates a declared function or method expression of this package.
func (r *reader) function(e ast.Expr, d *model.Decl) (function, bool) {
	if r.isGeneric(e) {
		d.Broken = true
		r.sink.Add(e, "BP006", "%s is generic; give its instance a name so that generated code can call it", types.ExprString(e))
		return function{}, false
	}
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
		if obj, ok := r.src.Info.Uses[x].(*types.Func); ok {
			return function{obj: obj, at: e}, true
		}
	case *ast.SelectorExpr:
		if f, ok := r.methodExpr(x); ok {
			f.at = e
			return f, true
		}
		if obj, ok := r.src.Info.Uses[x.Sel].(*types.Func); ok && r.src.Info.Selections[x] == nil {
			d.Broken = true
			r.sink.Add(e, "BP007", "%s is declared in package %s; wrap it in a function of this package, whose source is read", types.ExprString(x), obj.Pkg().Path())
			return function{}, false
		}
	}
	d.Broken = true
	r.notStatic(e)
	return function{}, false
}

// isGeneric reports whether an expression names a generic function, instantiated
// or not.
func (r *reader) isGeneric(e ast.Expr) bool {
	id, _ := uninstantiated(e).(*ast.Ident)
	fn, ok := r.src.Info.Uses[id].(*types.Func)
	return ok && fn.Signature().TypeParams().Len() > 0
}

// uninstantiated returns an expression without its type arguments.
func uninstantiated(e ast.Expr) ast.Expr {
	switch x := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		return ast.Unparen(x.X)
	case *ast.IndexListExpr:
		return ast.Unparen(x.X)
	default:
		return x
	}
}

// methodExpr evaluates a method expression.
func (r *reader) methodExpr(x *ast.SelectorExpr) (function, bool) {
	sel := r.src.Info.Selections[x]
	if sel == nil || sel.Kind() != types.MethodExpr || types.IsInterface(sel.Recv()) {
		return function{}, false
	}
	f := function{obj: sel.Obj().(*types.Func)}
	recv := types.Unalias(sel.Recv())
	if ptr, ok := recv.(*types.Pointer); ok {
		f.star = true
		recv = types.Unalias(ptr.Elem())
	}
	named, ok := recv.(*types.Named)
	if !ok {
		return function{}, false
	}
	f.recv = named.Obj().Name()
	return f, true
}

// name is how diagnostics and generated code write the function.
func (f function) name() string {
	switch {
	case f.recv == "":
		return f.obj.Name()
	case f.star:
		return "(*" + f.recv + ")." + f.obj.Name()
	}
	return f.recv + "." + f.obj.Name()
}
