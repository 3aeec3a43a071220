package props_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/schema/model"
)

// docs are the comments of a model, of declarations and structs, by name.
func docs(p *model.Package) map[string]string {
	all := map[string]string{}
	add := func(name, text string) { all[name] = text }
	for _, d := range p.Entities {
		add(d.Var, d.Doc)
	}
	for _, d := range p.Events {
		add(d.Var, d.Doc)
	}
	for _, d := range p.Enums {
		add(d.Var, d.Doc)
	}
	for _, d := range p.Projections {
		add(d.Var, d.Doc)
	}
	for _, d := range p.Gates {
		add(d.Var, d.Doc)
	}
	for _, d := range p.Commands {
		add(d.Var, d.Doc)
	}
	for _, d := range p.Reactors {
		add(d.Var, d.Doc)
	}
	for _, s := range p.Structs {
		if s.Path == "" {
			add(s.Name, s.Doc)
		}
	}
	return all
}

// commentsAbove finds the same in the text: what ends in the line above that in which
// a name is declared, and stands there alone.
func commentsAbove(t *testing.T, p *model.Package) map[string]string {
	t.Helper()
	all := docs(p)
	for name := range all {
		all[name] = ""
	}
	files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(source), "\n")
		ending := map[int]*ast.CommentGroup{} // by line
		for _, c := range f.Comments {
			if at := fset.Position(c.Pos()); strings.TrimSpace(lines[at.Line-1][:at.Column-1]) == "" {
				ending[fset.Position(c.End()).Line] = c
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			var names []*ast.Ident
			switch n := n.(type) {
			case *ast.ValueSpec:
				names = n.Names
			case *ast.TypeSpec:
				names = []*ast.Ident{n.Name}
			case *ast.FuncDecl:
				return false
			}
			for _, name := range names {
				text := ending[fset.Position(name.Pos()).Line-1].Text()
				if _, known := all[name.Name]; known && text != "" {
					all[name.Name] = strings.TrimSuffix(text, "\n")
				}
			}
			return true
		})
	}
	return all
}
