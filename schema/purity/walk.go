package purity

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/batpak-go/batpak/schema/diag"
)

// walker walks the body of one function.
type walker struct {
	c     *Checker
	found *findings
	// settled are mentions that are harmless where they are: of maps.Keys and the like
	// whose result is sorted or made into a map at once, and of time.Unix and the like
	// whose result is put into a time zone at once.
	settled map[*ast.Ident]bool
	unknown map[*types.Var]bool // that may hold a function of unknown origin
	// cased are where type switches declare a variable, of which each clause has one of
	// its own that nothing else tells of.
	cased map[token.Pos]bool
}

func (w *walker) add(at diag.Range, text, why string) {
	w.found.offences = append(w.found.offences, offence{at: at, text: text, why: why})
}

// walk inspects the body and all function literals in it.
func (w *walker) walk(body *ast.BlockStmt) {
	w.origins(body)
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			w.add(n, "starts a goroutine", "the outcome may depend on scheduling")
		case *ast.SelectStmt:
			w.add(n, "selects on channels", "the outcome depends on other goroutines")
		case *ast.SendStmt:
			w.add(n, "sends on a channel", "the outcome depends on other goroutines")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				w.add(n, "receives from a channel", "the outcome depends on other goroutines")
			}
		case *ast.RangeStmt:
			w.ranges(n)
		case *ast.CallExpr:
			w.call(n)
		case *ast.ReturnStmt:
			w.passedOn(n.Results, "returns")
		case *ast.Ident:
			w.mention(n)
		}
		return true
	})
}

// ranges judges what a range statement iterates over.
func (w *walker) ranges(n *ast.RangeStmt) {
	t := w.c.info.TypeOf(n.X)
	if t == nil {
		return
	}
	switch core(t).(type) {
	case *types.Map:
		at := diag.Span{From: n.For, To: n.X.End()}
		w.add(at, "ranges over a map", "the result would depend on iteration order, so range over its sorted keys")
	case *types.Chan:
		w.add(n.X, "receives from a channel", "the outcome depends on other goroutines")
	case *types.Signature:
		w.value(n.X)
	}
}

// core returns the underlying type, which for a type parameter is that of the
// terms of its constraint: a statement that ranges over one needs them to agree.
func core(t types.Type) types.Type {
	constraint, ok := t.Underlying().(*types.Interface)
	if _, param := types.Unalias(t).(*types.TypeParam); !ok || !param {
		return t.Underlying()
	}
	return term(constraint)
}

// term returns the underlying type of a term of a constraint, or the constraint
// if it has none.
func term(constraint *types.Interface) types.Type {
	for e := range constraint.EmbeddedTypes() {
		if union, ok := types.Unalias(e).(*types.Union); ok {
			e = union.Term(0).Type()
		}
		under := e.Underlying()
		if inner, ok := under.(*types.Interface); ok {
			under = term(inner)
		}
		if !types.IsInterface(under) {
			return under
		}
	}
	return constraint
}

// call judges what is called, unless it is a mention of a function, which is
// judged by itself.
func (w *walker) call(n *ast.CallExpr) {
	tv, ok := w.c.info.Types[n.Fun]
	switch {
	case !ok || tv.IsType():
	case tv.IsBuiltin():
		w.builtin(n)
	default:
		w.unordered(n)
		w.zoneless(n)
		w.predicates(n)
		w.addresses(n)
		w.inward(n)
		w.value(n.Fun)
		w.passedOn(n.Args, "gives on")
	}
}

// builtin judges a call of a predeclared function.
func (w *walker) builtin(n *ast.CallExpr) {
	id, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok {
		return // of package unsafe, whose mention is judged
	}
	switch id.Name {
	case "print", "println":
		w.add(n.Fun, "calls "+id.Name, "it writes to standard error")
	case "close":
		w.add(n.Fun, "closes a channel", "the outcome depends on other goroutines")
	case "make":
		if t := w.c.info.TypeOf(n); t != nil {
			if _, ok := core(t).(*types.Chan); ok {
				w.add(n.Fun, "makes a channel", "the outcome depends on other goroutines")
			}
		}
	}
}

// value judges the call of an expression that is no mention of a function.
func (w *walker) value(e ast.Expr) {
	if !w.known(e) {
		w.add(e, "calls a function value of unknown origin", "what it does cannot be seen")
	}
}

// settle marks a mention as harmless.
func (w *walker) settle(id *ast.Ident) {
	if w.settled == nil {
		w.settled = make(map[*ast.Ident]bool)
	}
	w.settled[id] = true
}

// isMention reports whether an expression names a declared function.
func (w *walker) isMention(e ast.Expr) bool {
	switch x := ast.Unparen(e).(type) {
	case *ast.Ident:
		_, ok := w.c.info.Uses[x].(*types.Func)
		return ok
	case *ast.SelectorExpr:
		return w.isMention(x.Sel)
	case *ast.IndexExpr:
		return w.isMention(x.X)
	case *ast.IndexListExpr:
		return w.isMention(x.X)
	}
	return false
}

// mention judges what an identifier stands for.
func (w *walker) mention(id *ast.Ident) {
	switch obj := w.c.info.Uses[id].(type) {
	case *types.Func:
		w.function(id, obj)
	case *types.Var:
		w.variable(id, obj)
	case *types.Builtin, *types.TypeName:
		if obj.Pkg() == types.Unsafe {
			w.add(id, "uses unsafe."+id.Name, "memory is not a value")
		}
	}
}

// function judges the mention of a function or method.
func (w *walker) function(id *ast.Ident, fn *types.Func) {
	fn = fn.Origin()
	if recv := fn.Signature().Recv(); recv != nil && types.IsInterface(recv.Type()) {
		if fn.Pkg() != nil || fn.Name() != "Error" {
			w.add(id, "calls "+display(fn, w.c.own)+" through an interface", "which method that is cannot be seen")
		}
		return
	}
	if fn.Pkg() == w.c.own {
		w.found.mentions = append(w.found.mentions, fn)
		return
	}
	if fn.Pkg() == nil || w.settled[id] {
		return
	}
	if why := refused(fn); why != "" {
		w.add(id, "calls "+display(fn, w.c.own), why)
	}
}

// variable judges the mention of a package-level variable.
func (w *walker) variable(id *ast.Ident, v *types.Var) {
	if v.IsField() || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() || w.c.errs[v] {
		return
	}
	name := id.Name
	if v.Pkg() != w.c.own {
		if fixed(v) {
			return
		}
		name = v.Pkg().Name() + "." + name
	}
	w.add(id, "uses the package variable "+name, "it may hold another value next time, so use a constant or a function")
}
