package check

import (
	"fmt"
	"go/token"
	"regexp"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// Packages checks the schemas of the packages of one run, each by itself and
// against each other. It returns the diagnostics of each package by import path,
// sorted by position; packages without any are left out.
func Packages(pkgs ...*model.Package) map[string][]diag.Diagnostic {
	all := make(map[string][]diag.Diagnostic)
	for _, pkg := range pkgs {
		c := &checker{pkg: pkg, all: pkgs}
		for _, rule := range rules() {
			rule(c)
		}
		if len(c.list) > 0 {
			diag.Sort(c.list)
			all[pkg.Path] = c.list
		}
	}
	return all
}

// rules lists the rules. Each reports one code, which its name ends in.
func rules() []func(*checker) {
	return []func(*checker){
		structBP103, fieldBP116, enumBP117,
		eventBP110, eventBP111, eventBP112, eventBP113, eventBP114, retiredBP115, eventBP120, eventBP121, eventBP122,
		eventBP123, eventBP124,
		entityBP201, entityBP202,
		projectionBP301, projectionBP302, projectionBP303, projectionBP305, projectionBP307, projectionBP308,
		gateBP402, commandBP402, gateBP403, commandBP405, commandBP406, gateBP407, commandBP407, gateBP408,
		reactorBP501, reactorBP502,
	}
}

// checker applies the rules to one package.
type checker struct {
	pkg  *model.Package
	all  []*model.Package // of the run, pkg included
	list []diag.Diagnostic
}

// add reports an error.
func (c *checker) add(at token.Position, code, format string, args ...any) {
	c.list = append(c.list, diag.Diagnostic{Pos: at, Code: code, Message: fmt.Sprintf(format, args...)})
}

// addRelated reports an error that another declaration has a part in.
func (c *checker) addRelated(at token.Position, related diag.Related, code, format string, args ...any) {
	c.list = append(c.list, diag.Diagnostic{
		Pos: at, Code: code, Message: fmt.Sprintf(format, args...), Related: []diag.Related{related},
	})
}

// warn reports a warning.
func (c *checker) warn(at token.Position, code, format string, args ...any) {
	c.list = append(c.list, diag.Diagnostic{Pos: at, Code: code, Severity: diag.Warning, Message: fmt.Sprintf(format, args...)})
}

// given is where the value of a declaration's field is written, or the
// declaration's name if it is not.
func given(d model.Decl, field string) token.Position {
	if at, ok := d.Given[field]; ok {
		return at
	}
	return d.Pos
}

// has reports whether a declaration gives a value for a field.
func has(d model.Decl, field string) bool {
	_, ok := d.Given[field]
	return ok
}

// lacks reports whether a declaration could be read and gives no value for a
// field.
func lacks(d model.Decl, field string) bool { return d.Given != nil && !has(d, field) }

// unread reports whether a field may have its zero value only because what is
// written could not be read, which has been reported.
func unread(d model.Decl, field string) bool { return d.Broken && !lacks(d, field) }

// namePattern is what names of projections, gates and commands look like.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// unique remembers names and who had them first.
type unique[K comparable] map[K]holder

// holder is who has a name.
type holder struct {
	name string // of the variable
	pos  token.Position
}

// take returns who has the name already, if anyone; otherwise h has it now.
func (u unique[K]) take(name K, h holder) (holder, bool) {
	first, taken := u[name]
	if !taken {
		u[name] = h
	}
	return first, taken
}

// related says where the holder of a name is declared.
func (h holder) related() diag.Related {
	return diag.Related{Pos: h.pos, Message: "first declared here"}
}
