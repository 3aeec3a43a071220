package purity

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"github.com/batpak-go/batpak/schema/purity/internal/address"
)

// origins finds the variables of a function that may hold a function value of unknown
// origin: one that comes from a field, an element, an interface or a channel. All
// others hold what was mentioned or made somewhere in the functions walked.
func (w *walker) origins(body *ast.BlockStmt) {
	for grew := true; grew; { // one may be given to another further up
		grew = false
		ast.Inspect(body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, lhs := range n.Lhs {
					if id, ok := ast.Unparen(lhs).(*ast.Ident); ok {
						grew = w.assigned(id, source(n.Rhs, len(n.Lhs), i)) || grew
					}
				}
			case *ast.ValueSpec:
				for i, id := range n.Names {
					if len(n.Values) > 0 {
						grew = w.assigned(id, source(n.Values, len(n.Names), i)) || grew
					}
				}
			case *ast.TypeSwitchStmt:
				if decl, ok := n.Assign.(*ast.AssignStmt); ok {
					if w.cased == nil {
						w.cased = make(map[token.Pos]bool)
					}
					w.cased[decl.Lhs[0].Pos()] = true
				}
			case *ast.RangeStmt:
				if _, ok := ast.Unparen(n.X).(*ast.CompositeLit); ok {
					break // its elements are mentioned there
				}
				for _, e := range []ast.Expr{n.Key, n.Value} {
					if id, ok := e.(*ast.Ident); ok {
						grew = w.assigned(id, n.X) || grew
					}
				}
			}
			return true
		})
	}
}

// source is what the i-th of n variables is assigned.
func source(values []ast.Expr, n, i int) ast.Expr {
	if len(values) == n {
		return values[i]
	}
	return values[0] // several at once
}

// assigned notes that a variable is assigned a value, and reports whether it was not
// known to be of unknown origin before, and is now.
func (w *walker) assigned(id *ast.Ident, value ast.Expr) bool {
	v, ok := w.c.info.ObjectOf(id).(*types.Var)
	if !ok || w.unknown[v] || !isFunction(v.Type()) || w.known(value) {
		return false
	}
	if w.unknown == nil {
		w.unknown = make(map[*types.Var]bool)
	}
	w.unknown[v] = true
	return true
}

// known reports whether an expression that holds a function was mentioned or made in the
// functions walked.
func (w *walker) known(e ast.Expr) bool {
	switch x := ast.Unparen(e).(type) {
	case *ast.FuncLit:
		return true
	case *ast.Ident:
		v, ok := w.c.info.Uses[x].(*types.Var)
		return !ok || !w.unknown[v] && !w.cased[v.Pos()]
	case *ast.SelectorExpr:
		_, ok := w.c.info.Uses[x.Sel].(*types.Func)
		return ok || w.c.info.Uses[x.Sel] == nil
	case *ast.CallExpr:
		if tv, ok := w.c.info.Types[x.Fun]; ok && tv.IsType() && len(x.Args) == 1 {
			return w.known(x.Args[0])
		}
		return w.isMention(x.Fun) // made by a function that is judged
	case *ast.IndexExpr:
		return w.isMention(x.X)
	case *ast.IndexListExpr:
		return w.isMention(x.X)
	}
	return false
}

// passedOn judges function values that leave a function: as arguments, or as results.
func (w *walker) passedOn(values []ast.Expr, does string) {
	for _, e := range values {
		if t := w.c.info.TypeOf(e); t != nil && isFunction(t) && !w.known(e) {
			w.add(e, does+" a function value of unknown origin", "what it does cannot be seen")
		}
	}
}

// isFunction reports whether values of a type can be called.
func isFunction(t types.Type) bool {
	_, ok := core(t).(*types.Signature)
	return ok
}

// inward mentions the methods of the package's own types that a function of another
// package calls, because values are given to it as interfaces.
func (w *walker) inward(n *ast.CallExpr) {
	fn := w.called(n.Fun)
	if fn == nil || fn.Pkg() == nil || fn.Pkg() == w.c.own {
		return
	}
	params, variadic := fn.Signature().Params(), fn.Signature().Variadic()
	for i, arg := range n.Args {
		if params.Len() == 0 {
			return
		}
		to := params.At(min(i, params.Len()-1)).Type()
		if s, ok := to.Underlying().(*types.Slice); ok && variadic && i >= params.Len()-1 && !n.Ellipsis.IsValid() {
			to = s.Elem()
		}
		iface, ok := to.Underlying().(*types.Interface)
		given := w.c.info.TypeOf(arg)
		if !ok || given == nil {
			continue
		}
		if formats(fn) {
			w.formatted(given, make(map[types.Type]bool))
			continue
		}
		for m := range iface.Methods() {
			w.method(given, m.Name())
		}
	}
}

// formats reports whether what a function is given as an interface is formatted.
func formats(fn *types.Func) bool {
	return fn.Pkg() != nil && (fn.Pkg().Path() == "fmt" || fn.Pkg().Path() == runtimePath)
}

// formatted mentions what package fmt calls of a value, and of the values in it.
func (w *walker) formatted(t types.Type, seen map[types.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	for _, name := range []string{"Format", "GoString", "Error", "String"} {
		w.method(t, name)
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		w.formatted(u.Elem(), seen)
	case *types.Slice:
		w.formatted(u.Elem(), seen)
	case *types.Array:
		w.formatted(u.Elem(), seen)
	case *types.Map:
		w.formatted(u.Key(), seen)
		w.formatted(u.Elem(), seen)
	case *types.Struct:
		for f := range u.Fields() {
			w.formatted(f.Type(), seen)
		}
	}
}

// method mentions a method of a type, or of a pointer to it, if the package declares it.
func (w *walker) method(t types.Type, name string) {
	if types.IsInterface(t) {
		return // which type that is cannot be seen
	}
	obj, _, _ := types.LookupFieldOrMethod(t, true, w.c.own, name)
	if fn, ok := obj.(*types.Func); ok && fn.Pkg() == w.c.own {
		w.found.mentions = append(w.found.mentions, fn.Origin())
	}
}

// addresses judges what a call of package fmt writes.
func (w *walker) addresses(n *ast.CallExpr) {
	fn := w.called(n.Fun)
	if fn == nil || !formats(fn) || !fn.Signature().Variadic() {
		return
	}
	first, format := fn.Signature().Params().Len()-1, ""
	if len(n.Args) < first {
		return
	}
	if at := first - 1; at >= 0 && strings.HasSuffix(fn.Name(), "f") {
		if v := w.c.info.Types[n.Args[at]].Value; v != nil && v.Kind() == constant.String {
			format = constant.StringVal(v)
		}
	}
	count := len(n.Args) - first
	if n.Ellipsis.IsValid() {
		count = len(format) // of arguments in one, at most
	}
	for i, verbs := range address.Verbs(format, count) {
		arg := n.Args[min(first+i, len(n.Args)-1)]
		for _, verb := range verbs {
			if verb.Letter == 'p' {
				w.add(n.Args[first-1], "formats with %p", "where a value lies in memory differs between runs")
			} else if path, written := address.Written(w.c.info.TypeOf(arg), verb); written {
				w.add(arg, "formats the address that "+types.ExprString(arg)+path+" may hold", "where a value lies in memory differs between runs")
			}
		}
	}
}

// zoneless marks the mentions of functions whose result is in the local time zone, where
// the method that is called of it at once does not depend on that.
func (w *walker) zoneless(n *ast.CallExpr) {
	outer, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok {
		return
	}
	inner, ok := ast.Unparen(outer.X).(*ast.CallExpr)
	if !ok {
		return
	}
	switch outer.Sel.Name {
	case "UTC", "In", "Unix", "UnixMilli", "UnixMicro", "UnixNano", "Equal", "Before", "After", "Compare", "Sub", "IsZero":
		if sel, ok := ast.Unparen(inner.Fun).(*ast.SelectorExpr); ok && inZone(w.called(sel)) {
			w.settle(sel.Sel)
		}
	}
}

// inZone reports whether a function makes a time in the local time zone of a number.
func inZone(fn *types.Func) bool {
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "time" || fn.Signature().Recv() != nil {
		return false
	}
	switch fn.Name() {
	case "Unix", "UnixMilli", "UnixMicro":
		return true
	}
	return false
}
