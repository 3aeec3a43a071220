package purity

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// predicates settles the mentions of functions that call their argument for the entries
// of a map, in random order, where it is seen that the order makes no difference: the
// argument changes nothing, and does not look at the map, from which entries go meanwhile.
func (w *walker) predicates(n *ast.CallExpr) {
	fn := w.called(n.Fun)
	sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
	if !ok || fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "maps" || !slices.Contains([]string{"DeleteFunc", "EqualFunc"}, fn.Name()) || len(n.Args) == 0 {
		return
	}
	p := predicate{w: w}
	if fn.Name() == "DeleteFunc" {
		p.shrinks = w.c.info.TypeOf(n.Args[0])
	}
	switch x := ast.Unparen(n.Args[len(n.Args)-1]).(type) {
	case *ast.FuncLit:
		p.node, p.body = x, x.Body
	default:
		if own := w.called(x); own != nil && w.c.decls[own.Origin()] != nil {
			p.node, p.body = w.c.decls[own.Origin()], w.c.decls[own.Origin()].Body
		}
	}
	if p.body != nil && p.holds() {
		w.settle(sel.Sel)
	}
}

// predicate is a function that is called for the entries of a map.
type predicate struct {
	w       *walker
	node    ast.Node
	body    *ast.BlockStmt
	shrinks types.Type // of the map, if entries of it go meanwhile
}

// holds reports whether it is seen that the function changes nothing but variables of
// its own, nor looks at a map that may be the one which shrinks. What else it may not
// do is judged elsewhere.
func (p predicate) holds() bool {
	holds := true
	ast.Inspect(p.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			holds = holds && (n.Tok == token.DEFINE || p.owns(n.Lhs...))
		case *ast.IncDecStmt:
			holds = holds && p.owns(n.X)
		case *ast.RangeStmt:
			holds = holds && (n.Tok != token.ASSIGN || p.owns(n.Key, n.Value)) && !p.isFunction(n.X)
		case *ast.UnaryExpr:
			holds = holds && n.Op != token.AND
		case *ast.FuncLit, *ast.DeferStmt:
			holds = false
		case *ast.CallExpr:
			holds = holds && p.calls(n)
		}
		if e, ok := n.(ast.Expr); ok && holds && p.shrinks != nil {
			if t := p.w.c.info.TypeOf(e); t != nil {
				holds = !mayBe(t, p.shrinks)
			}
		}
		return holds
	})
	return holds
}

// owns reports whether expressions are variables that each call of the function has anew.
func (p predicate) owns(list ...ast.Expr) bool {
	for _, e := range list {
		id, ok := e.(*ast.Ident)
		if e == nil || ok && id.Name == "_" {
			continue
		}
		if !ok {
			return false
		}
		obj := p.w.c.info.Uses[id]
		if obj == nil || obj.Pos() < p.node.Pos() || p.node.End() <= obj.Pos() {
			return false
		}
	}
	return true
}

// calls reports whether a call changes nothing: what it is given has no way to memory
// that others see, or it is of a function that only reads.
func (p predicate) calls(n *ast.CallExpr) bool {
	info := p.w.c.info
	if tv := info.Types[n.Fun]; tv.IsType() {
		return true
	} else if tv.IsBuiltin() {
		id, ok := ast.Unparen(n.Fun).(*ast.Ident)
		return ok && slices.Contains([]string{"len", "cap", "min", "max"}, id.Name)
	}
	fn := p.w.called(n.Fun)
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	switch path := fn.Pkg().Path(); {
	case path == "bytes" && fn.Signature().Recv() == nil:
		return !slices.ContainsFunc(n.Args, p.isFunction)
	case path == "slices":
		return slices.Contains([]string{"Contains", "Index", "BinarySearch", "Equal", "Compare", "Max", "Min"}, fn.Name())
	}
	if recv := fn.Signature().Recv(); recv != nil && !plain(recv.Type()) {
		return false
	}
	for _, arg := range n.Args {
		if t := info.TypeOf(arg); t == nil || !plain(t) {
			return false
		}
	}
	return true
}

// isFunction reports whether an expression can be called, or is of no known type.
func (p predicate) isFunction(e ast.Expr) bool {
	t := p.w.c.info.TypeOf(e)
	return t == nil || isFunction(t)
}

// plain reports whether values of a type have no way to memory that others see.
func plain(t types.Type) bool {
	if named, ok := types.Unalias(t).(*types.Named); ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "time" && named.Obj().Name() == "Time" {
		return true
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() != types.UnsafePointer
	case *types.Array:
		return plain(u.Elem())
	case *types.Struct:
		for f := range u.Fields() {
			if !plain(f.Type()) {
				return false
			}
		}
		return true
	}
	return false
}

// mayBe reports whether a value of type t may be a map of the type m: of the same type,
// or, where there are type parameters, of any.
func mayBe(t, m types.Type) bool {
	if _, ok := core(t).(*types.Map); !ok {
		return false
	}
	return types.Identical(core(t), core(m)) || !closed(core(m))
}

// closed reports whether no type parameter is seen in a type.
func closed(t types.Type) bool {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return true
	case *types.Named:
		return t.TypeArgs().Len() == 0
	case *types.Map:
		return closed(t.Key()) && closed(t.Elem())
	case *types.Slice:
		return closed(t.Elem())
	case *types.Pointer:
		return closed(t.Elem())
	}
	return false
}
