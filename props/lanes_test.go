package props_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// laneFlags are the flags of the tests beside the runtime, each with its default if it
// is a constant.
func laneFlags(t *testing.T) map[string]string {
	t.Helper()
	flags := map[string]string{}
	for _, f := range mustSources(t) {
		if f.dir() != "runtime" || !f.test() {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if to, ok := call.Fun.(*ast.SelectorExpr); !ok || types.ExprString(to.X) != "flag" || len(call.Args) < 2 {
				return true
			}
			name, err := strconv.Unquote(types.ExprString(call.Args[0]))
			if err != nil {
				return true
			}
			value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(call.Args[1]))
			if flags[name] = ""; err == nil && value.Value != nil {
				flags[name] = value.Value.ExactString()
			}
			return true
		})
	}
	return flags
}

// laneTests are the names of the tests beside the runtime.
func laneTests(t *testing.T) (names []string) {
	t.Helper()
	for _, f := range mustSources(t) {
		for _, d := range f.ast.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && f.dir() == "runtime" && f.test() && strings.HasPrefix(d.Name.Name, "Test") {
				names = append(names, d.Name.Name)
			}
		}
	}
	return names
}

// doc.go names every flag of the lanes and no other, with the size that it has by
// default, and commands that run something.
func TestLanesAreDescribed(t *testing.T) {
	var doc string
	for _, f := range mustSources(t) {
		if f.path == "props/doc.go" {
			doc = f.text
		}
	}
	flags, tests := laneFlags(t), laneTests(t)
	if len(flags) < 30 || len(tests) < 100 {
		t.Fatalf("there are %d flags and %d tests, so not all were found", len(flags), len(tests))
	}
	named := map[string]bool{"check": strings.Contains(doc, "-check=")}
	for _, m := range regexp.MustCompile(`-([a-z]+\.[a-z]+)\b`).FindAllStringSubmatch(doc, -1) {
		if named[m[1]] = true; !has(flags, m[1]) {
			t.Errorf("doc.go has a flag -%s that no test has", m[1])
		}
	}
	sized := map[string]bool{}
	row := regexp.MustCompile(`(?m)^//\t-(\S+) +(\d+) +(\d+) +(\d+)  (\S+)`)
	for _, m := range row.FindAllStringSubmatch(doc, -1) {
		sized[m[1]] = true
		if m[2] != flags[m[1]] {
			t.Errorf("doc.go says that -%s is %s by default, it is %s", m[1], m[2], flags[m[1]])
		}
		run, found := regexp.MustCompile(m[5]), 0
		for _, name := range tests {
			if run.MatchString(name) {
				found++
			}
		}
		if found == 0 {
			t.Errorf("doc.go says that -%s is for tests %s, and there is none", m[1], m[5])
		}
	}
	size := regexp.MustCompile(`\.(n|size|names|reads|kills|step|depth)$`)
	for name := range flags {
		if !named[name] {
			t.Errorf("doc.go does not name the flag -%s", name)
		}
		if size.MatchString(name) && !sized[name] {
			t.Errorf("doc.go does not say how large -%s is to be", name)
		}
	}
}

func has(flags map[string]string, name string) bool {
	_, ok := flags[name]
	return ok
}
