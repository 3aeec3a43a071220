package static

import (
	"go/ast"
	"go/constant"
	"go/types"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// runtimePath is the package whose denials gates return.
const runtimePath = "github.com/batpak-go/batpak/runtime"

// codes evaluates the codes that a gate declares, and reports the denials of its
// function, and of those of the package that it mentions, whose code is none of
// these. A code that is no constant cannot be seen.
func (r *reader) codes(g *model.Gate, list ast.Expr, eval function) {
	for _, e := range r.list(list, &g.Decl) {
		if value := r.constant(e, &g.Decl); value != nil && value.Kind() == constant.String {
			g.Codes = append(g.Codes, model.Code{Value: constant.StringVal(value), Pos: r.sink.Position(e.Pos())})
		}
	}
	if len(g.Codes) == 0 || g.Broken {
		return
	}
	var known []string
	for _, c := range g.Codes {
		known = append(known, c.Value)
	}
	for _, d := range r.pure.Reached(eval.obj) {
		ast.Inspect(d, func(n ast.Node) bool {
			for _, e := range r.denied(n) {
				value := r.src.Info.Types[e].Value
				if value == nil || value.Kind() != constant.String || slices.Contains(known, constant.StringVal(value)) {
					continue
				}
				r.sink.AddRelated(e, []diag.Related{{Pos: g.Given["Codes"], Message: "declared here"}}, "BP408",
					"gate %s denies with code %q, which is none of its Codes: %s", g.Var, constant.StringVal(value), strings.Join(known, ", "))
			}
			return true
		})
	}
}

// denied returns the expressions of the codes if a node makes a denial, or changes one.
func (r *reader) denied(n ast.Node) (codes []ast.Expr) {
	switch n := n.(type) {
	case *ast.CallExpr:
		var id *ast.Ident
		switch fun := ast.Unparen(n.Fun).(type) {
		case *ast.SelectorExpr:
			id = fun.Sel
		case *ast.Ident: // imported with a dot
			id = fun
		}
		fn, ok := r.src.Info.Uses[id].(*types.Func)
		if ok && fn.Pkg() != nil && fn.Pkg().Path() == runtimePath && (fn.Name() == "Deny" || fn.Name() == "Denyf") && len(n.Args) > 0 {
			return n.Args[:1]
		}
	case *ast.CompositeLit:
		if !isDenial(r.src.Info.TypeOf(n)) {
			return nil
		}
		for _, elt := range n.Elts {
			kv, keyed := elt.(*ast.KeyValueExpr)
			if !keyed {
				return []ast.Expr{elt} // the first field is the code
			}
			if id, ok := kv.Key.(*ast.Ident); ok && id.Name == "Code" {
				return []ast.Expr{kv.Value}
			}
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			sel, ok := ast.Unparen(to).(*ast.SelectorExpr)
			if ok && len(n.Lhs) == len(n.Rhs) && sel.Sel.Name == "Code" && isDenial(r.src.Info.TypeOf(sel.X)) {
				codes = append(codes, n.Rhs[i])
			}
		}
	}
	return codes
}

// isDenial reports whether a type is that of denials, or of pointers to them.
func isDenial(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == runtimePath && named.Obj().Name() == "Denial"
}
