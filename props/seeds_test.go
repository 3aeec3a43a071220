package props_test

import (
	"bytes"
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each fuzz target has inputs that are committed, beside those in its code: what a
// search once found of interest is tried ever after. Those that are generated begin
// with generated payloads, and what a release froze.
func TestFuzzTargetsHaveSeeds(t *testing.T) {
	targets := 0
	for _, f := range mustSources(t) {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !f.test() || f.generated() || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			targets++
			inputs, err := filepath.Glob(filepath.Join("..", f.dir(), "testdata", "fuzz", fn.Name.Name, "*"))
			if err != nil || len(inputs) == 0 {
				t.Errorf("%s: %s has no input in testdata/fuzz, %v", f.path, fn.Name.Name, err)
			}
			for _, name := range inputs {
				if b, err := os.ReadFile(name); err != nil || !bytes.HasPrefix(b, []byte("go test fuzz v1\n")) {
					t.Errorf("%s is no input of a fuzz target, %v", name, err)
				}
			}
		}
	}
	if targets < 20 {
		t.Errorf("there are %d fuzz targets, want 20 at least", targets)
	}
}

// Each directory of inputs has its target.
func TestSeedsHaveFuzzTargets(t *testing.T) {
	targets := map[string]bool{}
	for _, f := range mustSources(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test() {
				targets[f.dir()+"/testdata/fuzz/"+fn.Name.Name] = true
			}
		}
	}
	err := walk(func(name string) error {
		if dir := filepath.ToSlash(filepath.Dir(name)); strings.Contains(dir, "/testdata/fuzz/") && !targets[dir] {
			t.Errorf("%s: there is no such fuzz target", dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
