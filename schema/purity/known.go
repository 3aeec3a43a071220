package purity

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// runtimePath is the package whose values folds and gates are given.
const runtimePath = "github.com/batpak-go/batpak/runtime"

// refused returns why a function of another package may not be used, or "".
func refused(fn *types.Func) string {
	path, name := fn.Pkg().Path(), fn.Name()
	if recv := fn.Signature().Recv(); recv != nil {
		return refusedMethod(path, receiverName(recv.Type()), name)
	}
	switch path {
	case "strings", "strconv", "math", "math/bits", "math/big", "math/cmplx", "slices", "sort", "bytes", "unicode", "unicode/utf8",
		"unicode/utf16", "errors", "cmp", "iter", "path", "encoding/hex", "encoding/base64", "crypto/sha256", "crypto/sha512",
		runtimePath + "/wire":
		return ""
	case "fmt":
		return refuseUnless(strings.HasPrefix(name, "Sprint") || strings.HasPrefix(name, "Append") || name == "Errorf", "it reads or writes")
	case "maps":
		if name == "DeleteFunc" || name == "EqualFunc" {
			return "it calls its argument in random order, so give it one that plainly changes nothing, or range over the sorted keys"
		}
		return refuseUnless(orderless(name), "the order of its result is random, so give it to slices.Sorted at once")
	case "time":
		return refusedTime(name)
	case runtimePath:
		return refuseUnless(name == "Deny" || name == "Denyf" || name == "KindOf" || name == "ParseID" || name == "Decoded", "only values of the runtime may be used")
	}
	return unknown(path)
}

// unknown returns why nothing of a package may be used.
func unknown(path string) string {
	switch path {
	case "math/rand", "math/rand/v2", "crypto/rand":
		return "its result is random"
	case "sync", "sync/atomic":
		return "it shares memory with other goroutines"
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "package " + path + " is not on the list of pure packages"
	}
	return "its body is not read, as it is in package " + path
}

// refusedMethod returns why a method may not be used, or "".
func refusedMethod(path, recv, name string) string {
	switch {
	case path == "time" && recv == "Time":
		return refuseUnless(name != "Local", "the local time zone differs between machines")
	case path == "time":
		return refuseUnless(recv != "Timer" && recv != "Ticker", "it waits for the clock")
	case path == runtimePath:
		return refuseUnless(recv != "Store" && recv != "Batch", "only values of the runtime may be used")
	case path == "strings", path == "bytes", path == "math/big", path == "fmt", path == "errors", path == "sort",
		path == "encoding/hex", path == "encoding/base64", path == "strconv", path == "unicode":
		return ""
	}
	return unknown(path)
}

// refusedTime returns why a function of package time may not be used, or "".
func refusedTime(name string) string {
	switch name {
	case "Date", "Parse", "ParseDuration", "FixedZone":
		return ""
	case "Unix", "UnixMilli", "UnixMicro":
		return "its result is in the local time zone, which differs between machines, so call its UTC at once"
	case "Now", "Since", "Until":
		return "it reads the clock, so take the time from the arguments"
	case "LoadLocation", "LoadLocationFromTZData", "ParseInLocation":
		return "time zones differ between machines"
	}
	return "it waits for the clock"
}

func refuseUnless(pure bool, why string) string {
	if pure {
		return ""
	}
	return why
}

// orderless reports whether a function of package maps gives the same for every
// order of the map's keys.
func orderless(name string) bool {
	switch name {
	case "Clone", "Copy", "Equal", "Collect", "Insert":
		return true
	}
	return false
}

// unordered finds iterators over maps whose order the call that takes them
// removes.
func (w *walker) unordered(n *ast.CallExpr) {
	outer := w.called(n.Fun)
	if outer == nil || outer.Pkg() == nil {
		return
	}
	switch outer.Pkg().Path() + "." + outer.Name() {
	case "slices.Sorted", "maps.Collect", "maps.Insert":
	default:
		return
	}
	for _, arg := range n.Args {
		inner, ok := ast.Unparen(arg).(*ast.CallExpr)
		if !ok {
			continue
		}
		if fn := w.called(inner.Fun); fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "maps" {
			continue
		}
		if sel, ok := ast.Unparen(inner.Fun).(*ast.SelectorExpr); ok {
			w.settle(sel.Sel)
		}
	}
}

// called returns the declared function that an expression names, or nil.
func (w *walker) called(fun ast.Expr) *types.Func {
	switch x := ast.Unparen(fun).(type) {
	case *ast.IndexExpr:
		return w.called(x.X)
	case *ast.IndexListExpr:
		return w.called(x.X)
	case *ast.SelectorExpr:
		fn, _ := w.c.info.Uses[x.Sel].(*types.Func)
		return fn
	case *ast.Ident:
		fn, _ := w.c.info.Uses[x].(*types.Func)
		return fn
	}
	return nil
}

// receiverName is the name of a method's receiver type.
func receiverName(t types.Type) string {
	if ptr, ok := types.Unalias(t).(*types.Pointer); ok {
		t = ptr.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// fixed reports whether a variable of another package is one in name only.
func fixed(v *types.Var) bool {
	if v.Pkg().Path() == "time" {
		return v.Name() == "UTC"
	}
	return isError(v.Type()) && (strings.HasPrefix(v.Name(), "Err") || v.Name() == "EOF")
}

// isError reports whether a type is error.
func isError(t types.Type) bool {
	return t != nil && types.Identical(t, types.Universe.Lookup("error").Type())
}

// sentinels returns the package-level variables that hold an error from their
// initialiser on: none is assigned or has its address taken.
func sentinels(files []*ast.File, info *types.Info) map[*types.Var]bool {
	errs := make(map[*types.Var]bool)
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, name := range s.(*ast.ValueSpec).Names {
					if v, ok := info.Defs[name].(*types.Var); ok && isError(v.Type()) {
						errs[v] = true
					}
				}
			}
		}
	}
	if len(errs) == 0 {
		return errs
	}
	drop := func(e ast.Expr) {
		if id, ok := ast.Unparen(e).(*ast.Ident); ok {
			if v, ok := info.Uses[id].(*types.Var); ok {
				delete(errs, v)
			}
		}
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					drop(e)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					drop(n.X)
				}
			case *ast.RangeStmt:
				drop(n.Key)
				drop(n.Value)
			}
			return true
		})
	}
	return errs
}
