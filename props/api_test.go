package props_test

import (
	"cmp"
	"fmt"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/tools/go/packages"
)

// faces are the packages that others may import.
var faces = []string{"runtime", "runtime/batpaktest", "runtime/wire", "schema"}

// A change of what others may use shows as a change of testdata/api.txt.
func TestAPI(t *testing.T) {
	var lines []string
	for _, p := range mustTyped(t) {
		if slices.Contains(faces, room(p.PkgPath)) {
			lines = append(lines, listing(p)...)
		}
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	golden := filepath.Join("testdata", "api.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("the exported API differs from %s (-want +got); go test ./props -run TestAPI -update accepts it:\n%s", golden, diff)
	}
}

// listing describes each exported name of a package, field and method in one
// line.
func listing(p *packages.Package) (lines []string) {
	scope := p.Types.Scope()
	add := func(format string, args ...any) {
		lines = append(lines, "package "+room(p.PkgPath)+", "+fmt.Sprintf(format, args...))
	}
	for _, name := range exported(scope) {
		switch o := scope.Lookup(name).(type) {
		case *types.Const:
			add("const %s %s = %s", name, show(p, o.Type()), o.Val().ExactString())
		case *types.Var:
			add("var %s %s", name, show(p, o.Type()))
		case *types.Func:
			add("func %s", signature(p, name, o))
		case *types.TypeName:
			addType(p, o, add)
		}
	}
	return lines
}

// addType adds the lines of a type.
func addType(p *packages.Package, tn *types.TypeName, add func(format string, args ...any)) {
	head := "type " + tn.Name()
	if tn.IsAlias() {
		add("%s = %s", head, show(p, types.Unalias(tn.Type())))
		return
	}
	named := tn.Type().(*types.Named)
	head += parameters(p, named.TypeParams())
	switch u := named.Underlying().(type) {
	case *types.Struct:
		add("%s struct", head)
		for f := range u.Fields() {
			if f.Exported() {
				add("%s struct, %s %s", head, f.Name(), show(p, f.Type()))
			}
		}
	case *types.Interface:
		add("%s %s", head, show(p, u))
	default:
		add("%s %s", head, show(p, u))
	}
	for m := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		if f := m.Obj().(*types.Func); f.Exported() && !types.IsInterface(named) {
			add("method (%s) %s", show(p, f.Signature().Recv().Type()), signature(p, f.Name(), f))
		}
	}
}

// signature is a function's name with the types of its parameters and results,
// whose names are no part of the API.
func signature(p *packages.Package, name string, f *types.Func) string {
	s := f.Signature()
	bare := types.NewSignatureType(nil, nil, nil, unnamed(s.Params()), unnamed(s.Results()), s.Variadic())
	return name + parameters(p, s.TypeParams()) + strings.TrimPrefix(show(p, bare), "func")
}

func unnamed(t *types.Tuple) *types.Tuple {
	var vars []*types.Var
	for v := range t.Variables() {
		vars = append(vars, types.NewParam(token.NoPos, nil, "", v.Type()))
	}
	return types.NewTuple(vars...)
}

// parameters shows a list of type parameters, brackets included.
func parameters(p *packages.Package, list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	var all []string
	for t := range list.TypeParams() {
		all = append(all, t.Obj().Name()+" "+show(p, t.Constraint()))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// show writes a type as code of its own package would.
func show(p *packages.Package, t types.Type) string {
	return types.TypeString(t, func(other *types.Package) string {
		if other == p.Types {
			return ""
		}
		return cmp.Or(other.Name(), other.Path())
	})
}
