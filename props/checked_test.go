package props_test

import (
	"go/ast"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"
)

// unchecked lists the test code that opens a store which package checkfs does not hold to
// its protocol, each with why: a function (in the form "file:function"), or all of a file.
var unchecked = map[string]string{
	"runtime/proportion_test.go:openMetered":   "it is checked; reads are counted above the checks, which read for themselves",
	"runtime/memoryflip_test.go:open":          "it is checked; bits are flipped above the checks, which say nothing any more once one was",
	"runtime/hostile_linux_test.go:openSparse": "it is opened checked, and again to measure memory, as the checks read whole files",
	"runtime/coldstart_memory_test.go":         "it is opened checked, and again to measure memory, as the checks keep what they know",

	"runtime/ratio_bench_test.go":             "time is measured",
	"runtime/read_bench_test.go":              "time is measured",
	"runtime/internal/footer/bench_test.go":   "time is measured",
	"runtime/internal/recovery/bench_test.go": "time is measured",

	"examples/bank/example_test.go":    "readers see what they are to write",
	"runtime/salvage_example_test.go":  "readers see what they are to write",
	"runtime/snapshot_example_test.go": "readers see what they are to write",
}

// checking are the functions whose options have a store checked.
var checking = []string{"simOptions", "checked", "reported", "overseen", "disk.Options"}

// Every store that a test opens is held to its protocol, call by call, but for those that
// are listed.
func TestStoresAreChecked(t *testing.T) {
	needed := map[string]bool{}
	for _, f := range mustSources(t) {
		if !f.test() || f.path == "runtime/check_test.go" {
			continue
		}
		for _, d := range f.ast.Decls {
			what := f.path
			if fn, ok := d.(*ast.FuncDecl); ok && !has(unchecked, f.path) {
				what += ":" + fn.Name.Name
			}
			for _, n := range openings(f, d) {
				if needed[what] = true; !has(unchecked, what) {
					t.Errorf("%v: %s opens a store that is not checked", f.fset.Position(n.Pos()), what)
				}
			}
		}
	}
	if len(needed) == 0 {
		t.Error("no store is opened unchecked, so none was found")
	}
	for what, why := range unchecked {
		if !needed[what] {
			t.Errorf("%s: listed (%s), but it opens no store that is not checked", what, why)
		}
	}
}

// openings are the places in a declaration where a store is opened unchecked, or may be:
// where it is opened with options that no function of checking made, and where something
// is named that opens a store, or has one opened on a disk as it is.
func openings(f *sourceFile, d ast.Decl) (found []ast.Node) {
	face := faceOf(f)
	made := checkedNames(d)
	safe := map[ast.Node]bool{} // the names of functions that are called with such options
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if fun, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 0 {
				last := n.Args[len(n.Args)-1]
				safe[fun] = checks(last) || slices.Contains(made, types.ExprString(last))
			}
		case *ast.SelectorExpr:
			switch types.ExprString(n) {
			case face + ".Open", face + ".OpenReadOnly", face + ".Restore", "rtopts.SetFS":
				if !safe[n] {
					found = append(found, n)
				}
			}
		}
		return true
	})
	return found
}

// faceOf is the name by which a file knows the package of the store.
func faceOf(f *sourceFile) string {
	for _, i := range f.ast.Imports {
		if strings.Trim(i.Path.Value, `"`) == path.Join(module, "runtime") && i.Name != nil {
			return i.Name.Name
		}
	}
	return "batpak"
}

// checks reports whether an expression makes options with which a store is checked. Who
// takes such options and gives them back leaves them so.
func checks(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && (slices.Contains(checking, types.ExprString(call.Fun)) || slices.ContainsFunc(call.Args, checks))
}

// checkedNames are the variables in a declaration to which such options, and nothing else,
// are assigned.
func checkedNames(d ast.Decl) (names []string) {
	var others []string
	ast.Inspect(d, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || len(a.Lhs) != len(a.Rhs) {
			return true
		}
		for i, to := range a.Lhs {
			if name := types.ExprString(to); checks(a.Rhs[i]) {
				names = append(names, name)
			} else {
				others = append(others, name)
			}
		}
		return true
	})
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(others, name) })
}
