package props_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/go/packages"
)

// Each package has a doc.go whose comment begins with what the package is.
func TestRoomsSayWhatTheyAre(t *testing.T) {
	said := synopses(t)
	for _, p := range mustTyped(t) {
		dir, want := room(p.PkgPath), "Package "+p.Name+" "
		if p.Name == "main" {
			want = strings.ToUpper(path.Base(dir)[:1]) + path.Base(dir)[1:] + " "
		}
		if !strings.HasPrefix(said[dir], want) {
			t.Errorf("%s/doc.go begins with %q, want it to begin with %q", dir, said[dir], want)
		}
	}
}

// synopses maps directories to the first sentence of their doc.go.
func synopses(t *testing.T) map[string]string {
	t.Helper()
	said := map[string]string{}
	for _, f := range mustSources(t) {
		if path.Base(f.path) == "doc.go" {
			said[f.dir()] = new(doc.Package).Synopsis(f.ast.Doc.Text())
		}
	}
	return said
}

// A drawer is a room or a file whose name does not say what is in it.
func TestNoDrawers(t *testing.T) {
	drawers := []string{"base", "common", "helper", "helpers", "misc", "types", "util", "utils"}
	inside := []string{"schema/payload/types.go"} // Go's types are their subject
	for _, f := range mustSources(t) {
		name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test")
		if slices.Contains(drawers, name) && !slices.Contains(inside, f.path) {
			t.Errorf("%s: the file is called after nothing that is in it", f.path)
		}
		if slices.Contains(drawers, f.ast.Name.Name) {
			t.Errorf("%s: the package %s is called after nothing that is in it", f.path, f.ast.Name.Name)
		}
	}
}

// Nothing happens because a package is imported.
func TestNoInitFunctions(t *testing.T) {
	for _, f := range mustSources(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%v: function init", f.fset.Position(fn.Pos()))
			}
		}
	}
}

// No package has state: a package-level variable is not assigned to, nor is
// anything in it, and its address is not taken. The address of an element may be:
// that is how large tables are read.
func TestNoPackageState(t *testing.T) {
	for _, p := range mustTyped(t) {
		for _, f := range p.Syntax {
			for _, change := range changes(p, f) {
				t.Errorf("%s: package-level variable %s may change here", position(p, change), change.Name)
			}
		}
	}
}

// position is where a node is, from the top of the repository.
func position(p *packages.Package, n ast.Node) string {
	at := p.Fset.Position(n.Pos())
	return fmt.Sprintf("%s/%s:%d", room(p.PkgPath), filepath.Base(at.Filename), at.Line)
}

// changes finds the package-level variables that code in f may change.
func changes(p *packages.Package, f *ast.File) (found []*ast.Ident) {
	check := func(e ast.Expr) {
		if v := root(p.TypesInfo, e); v != nil {
			found = append(found, v)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				check(e)
			}
		case *ast.IncDecStmt:
			check(n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				check(n.Key)
				check(n.Value)
			}
		case *ast.UnaryExpr:
			if _, element := n.X.(*ast.IndexExpr); n.Op == token.AND && !element {
				check(n.X)
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && p.TypesInfo.Types[id].IsBuiltin() &&
				slices.Contains([]string{"clear", "copy", "delete"}, id.Name) {
				check(n.Args[0])
			}
		case *ast.SelectorExpr:
			// A method with a pointer receiver, called on a variable that is none,
			// takes its address.
			s := p.TypesInfo.Selections[n]
			if s == nil || s.Kind() != types.MethodVal || pointer(s.Recv()) {
				break
			}
			if recv := s.Obj().(*types.Func).Signature().Recv(); pointer(recv.Type()) {
				check(n.X)
			}
		}
		return true
	})
	return found
}

func pointer(t types.Type) bool {
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// root is the package-level variable that e is, or is a part of, or nil.
func root(info *types.Info, e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v := variable(info, x.Sel); v != nil { // of another package
				return v
			}
			e = x.X
		case *ast.Ident:
			return variable(info, x)
		default:
			return nil
		}
	}
}

func variable(info *types.Info, id *ast.Ident) *ast.Ident {
	v, ok := info.Uses[id].(*types.Var)
	if !ok || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return id
}

// A linter is silenced for a reason that is written down.
func TestSuppressionsHaveReasons(t *testing.T) {
	all := regexp.MustCompile(`//(lint:\S+|nolint\b).*`)
	reasoned := regexp.MustCompile(`//(lint:(file-)?ignore \S+ \S+ |nolint:\S+ // \S+ ).*`)
	for _, f := range mustSources(t) {
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if all.MatchString(c.Text) && !reasoned.MatchString(c.Text) {
					t.Errorf("%v: %s gives no reason", f.fset.Position(c.Pos()), c.Text)
				}
			}
		}
	}
}

// The text of the repository speaks of the project, not of the machine it was
// written on, and puts nothing off. A class of one letter in each word keeps
// this file from matching itself. Files with none of the words are not searched any
// further: expressions that look around them take their time.
func TestTextSpeaksOfTheProject(t *testing.T) {
	places := []string{"/[w]ork/", "/[r]oot/", "/[h]ome/", "/[U]sers/"}
	delays := []string{"[T]ODO", "[F]IXME", "[X]XX"}
	hosts := []string{`127\.0\.0\.1`, "[l]ocalhost"}
	names := []string{"[c]laude", "[a]nthropic", "[c]hatgpt", "[o]penai"}
	banned := regexp.MustCompile(`(?m)(^|[^\w./~-])(` + strings.Join(places, "|") + `)\w|\b(` + strings.Join(delays, "|") + `)\b|` +
		`\b(` + strings.Join(hosts, "|") + `):\d+|(?i:\b(` + strings.Join(names, "|") + `)\b)`)
	var words [][]byte
	for _, word := range slices.Concat(places, delays, hosts, names) {
		words = append(words, []byte(strings.ToLower(strings.NewReplacer("[", "", "]", "", `\`, "").Replace(word))))
	}
	err := walk(func(name string) error {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !utf8.Valid(text) {
			return err
		}
		lower := bytes.ToLower(text)
		if !slices.ContainsFunc(words, func(word []byte) bool { return bytes.Contains(lower, word) }) {
			return nil
		}
		for _, at := range banned.FindAllIndex(text, -1) {
			line := 1 + strings.Count(string(text[:at[0]]), "\n")
			t.Errorf("%s:%d: %q", name, line, text[at[0]:at[1]])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
