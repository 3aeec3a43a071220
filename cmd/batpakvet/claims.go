package main

import (
	"fmt"
	"go/token"
	"iter"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// claims is a fact about a package: what no other schema of a program may have that its
// own has, and those of the packages that it imports, directly or not.
type claims struct{ Schemas []claimed } // sorted by path

// AFact makes it a fact.
func (*claims) AFact() {}

// String is what a fact says, for the tests of analyzers.
func (c *claims) String() string {
	paths := make([]string, len(c.Schemas))
	for i, s := range c.Schemas {
		paths[i] = s.Path
	}
	return "claims of " + strings.Join(paths, ", ")
}

// claimed is what one schema has. Facts are compared by their bytes, so there is no map
// in it.
type claimed struct {
	Path, Name                string
	Events, Retired, Prefixes []claim
}

// claim is a kind or a prefix that is taken.
type claim struct {
	Category uint8
	Type     uint16
	Prefix   string
	Name     string // of the variable, or of the payload that was retired
	Pos      token.Position
}

// meeting is what the packages that a package imports claim.
type meeting struct {
	each []*claims // of each direct import that claims something
	all  map[string]claimed
}

// imported collects the facts about the packages that a package imports.
func imported(pass *analysis.Pass) *meeting {
	m := &meeting{all: make(map[string]claimed)}
	for _, p := range pass.Pkg.Imports() {
		fact := new(claims)
		if !pass.ImportPackageFact(p, fact) {
			continue
		}
		m.each = append(m.each, fact)
		for _, s := range fact.Schemas {
			m.all[s.Path] = s
		}
	}
	return m
}

// export makes the fact about a package, whose own schema is nil if it has none.
func (m *meeting) export(pass *analysis.Pass, own *model.Package) {
	all := maps.Clone(m.all)
	if own != nil {
		all[own.Path] = claimsOf(own)
	}
	if len(all) > 0 {
		pass.ExportPackageFact(&claims{Schemas: sorted(all)})
	}
}

// packages are the schemas that meet, as far as they bear on each other, without that
// of one package.
func (m *meeting) packages(without string) []*model.Package {
	var list []*model.Package
	for _, s := range sorted(m.all) {
		if s.Path != without {
			list = append(list, s.model())
		}
	}
	return list
}

// report reports claims of imported packages that contradict each other, or those of
// the package's own schema, in the first package in which they meet: what a direct import
// knew was reported there. What is wrong with the own schema has been.
func (m *meeting) report(pass *analysis.Pass, own *model.Package) {
	known := make(map[token.Position]bool)
	for _, one := range m.each {
		for _, d := range contradictions(one.Schemas) {
			known[d.Pos] = true
		}
	}
	all := maps.Clone(m.all)
	if own != nil {
		delete(all, own.Path)
	}
	met := sorted(all)
	if own != nil {
		met = append(met, claimsOf(own))
	}
	for path, d := range contradictions(met) {
		if !known[d.Pos] && (own == nil || path != own.Path) {
			pass.Report(analysis.Diagnostic{
				Pos: pass.Files[0].Package, Category: d.Code,
				Message: fmt.Sprintf("schemas meet here that do not go together: %s: %s [%s]", path, d.Message, d.Code),
			})
		}
	}
}

// contradictions are what is wrong with schemas only because there are the others, by
// the path of the one that is wrong. Among those that have the same, it is not the first.
func contradictions(schemas []claimed) iter.Seq2[string, diag.Diagnostic] {
	pkgs := make([]*model.Package, len(schemas))
	for i, s := range schemas {
		pkgs[i] = s.model()
	}
	all := check.Packages(pkgs...)
	return func(yield func(string, diag.Diagnostic) bool) {
		for _, s := range schemas {
			alone := check.Packages(s.model())[s.Path]
			for _, d := range all[s.Path] {
				same := func(o diag.Diagnostic) bool { return o.Pos == d.Pos && o.Code == d.Code && o.Message == d.Message }
				if !slices.ContainsFunc(alone, same) && !yield(s.Path, d) {
					return
				}
			}
		}
	}
}

// claimsOf is what a schema claims.
func claimsOf(pkg *model.Package) claimed {
	s := claimed{Path: pkg.Path, Name: pkg.Name}
	for _, e := range pkg.Events {
		_, category := e.Given["Category"]
		_, typed := e.Given["Type"]
		if category && typed && !e.Broken {
			s.Events = append(s.Events, claim{Category: e.Category, Type: e.Type, Name: e.Var, Pos: e.Pos})
		}
	}
	for _, r := range pkg.Retired {
		s.Retired = append(s.Retired, claim{Category: r.Category, Type: r.Type, Name: r.Name, Pos: r.Pos})
	}
	for _, en := range pkg.Entities {
		s.Prefixes = append(s.Prefixes, claim{Prefix: en.Prefix, Name: en.Var, Pos: en.Pos})
	}
	return s
}

// model is a schema that has the claims, and nothing else.
func (s claimed) model() *model.Package {
	pkg := &model.Package{Path: s.Path, Name: s.Name}
	for _, c := range s.Events {
		given := map[string]token.Position{"Category": c.Pos, "Type": c.Pos}
		pkg.Events = append(pkg.Events, &model.Event{
			Decl: model.Decl{Var: c.Name, Pos: c.Pos, Given: given}, Category: c.Category, Type: c.Type, Payload: new(model.Struct),
		})
	}
	for _, c := range s.Retired {
		pkg.Retired = append(pkg.Retired, model.Retired{Category: c.Category, Type: c.Type, Name: c.Name, Pos: c.Pos})
	}
	for _, c := range s.Prefixes {
		pkg.Entities = append(pkg.Entities, &model.Entity{Decl: model.Decl{Var: c.Name, Pos: c.Pos}, Prefix: c.Prefix})
	}
	return pkg
}

// sorted lists schemas by path.
func sorted(all map[string]claimed) []claimed {
	return slices.SortedFunc(maps.Values(all), func(a, b claimed) int { return strings.Compare(a.Path, b.Path) })
}
