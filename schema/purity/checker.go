package purity

import (
	"go/ast"
	"go/types"

	"github.com/batpak-go/batpak/schema/diag"
)

// Role is what a function is used as.
type Role int

// The roles.
const (
	Fold   Role = iota // reported as BP304
	Gate               // reported as BP404
	Upcast             // reported as BP125
)

// code is the diagnostic code of the role.
func (r Role) code() string {
	switch r {
	case Gate:
		return "BP404"
	case Upcast:
		return "BP125"
	default:
		return "BP304"
	}
}

// rule is the end of every message of the role.
func (r Role) rule() string {
	switch r {
	case Gate:
		return "gates are pure predicates over their context"
	case Upcast:
		return "an upcast depends on the stored value alone"
	default:
		return "a fold depends on its state and its event alone"
	}
}

// Checker judges the functions of one package. It is not safe for concurrent
// use.
type Checker struct {
	own   *types.Package
	info  *types.Info
	sink  *diag.Sink
	decls map[*types.Func]*ast.FuncDecl
	errs  map[*types.Var]bool // package variables that hold an error and are never assigned
	seen  map[*types.Func]*findings
}

// findings is what a function does itself, and which others it mentions.
type findings struct {
	offences []offence
	mentions []*types.Func
}

// offence is one thing that a pure function does not do.
type offence struct {
	at   diag.Range
	text string // "calls time.Now"
	why  string
}

// NewChecker returns a checker of package own, whose files, generated ones
// included, are given. Diagnostics go to the sink.
func NewChecker(own *types.Package, files []*ast.File, info *types.Info, sink *diag.Sink) *Checker {
	decls := 0
	for _, f := range files {
		decls += len(f.Decls)
	}
	c := &Checker{
		own: own, info: info, sink: sink,
		decls: make(map[*types.Func]*ast.FuncDecl, decls/2), // or so
		seen:  make(map[*types.Func]*findings, decls/2),
	}
	for _, f := range files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				if obj, ok := info.Defs[fn.Name].(*types.Func); ok {
					c.decls[obj] = fn
				}
			}
		}
	}
	c.errs = sentinels(files, info)
	return c
}

// Check reports everything impure that function fn, known to the user by the
// given name, does itself or through functions of its package. The schema uses
// it in the role at the given place.
func (c *Checker) Check(fn *types.Func, name string, role Role, used diag.Range) {
	for _, callee := range c.reached(fn) {
		as := name
		if callee != fn.Origin() {
			as = display(callee, c.own)
		}
		for _, o := range c.judge(callee).offences {
			c.report(o, as, name, role, used)
		}
	}
}

// Reached returns the declarations of a function and of those of its package that
// it mentions, themselves or through others.
func (c *Checker) Reached(fn *types.Func) []*ast.FuncDecl {
	var decls []*ast.FuncDecl
	for _, callee := range c.reached(fn) {
		if d := c.decls[callee]; d != nil {
			decls = append(decls, d)
		}
	}
	return decls
}

// reached returns a function and those of its package that it mentions.
func (c *Checker) reached(fn *types.Func) []*types.Func {
	list := []*types.Func{fn.Origin()}
	if len(c.judge(list[0]).mentions) == 0 { // as of most
		return list
	}
	seen := map[*types.Func]bool{fn.Origin(): true}
	for i := 0; i < len(list); i++ {
		for _, m := range c.judge(list[i]).mentions {
			if m = m.Origin(); !seen[m] {
				seen[m] = true
				list = append(list, m)
			}
		}
	}
	return list
}

// report adds the diagnostic of one offence in function callee, which is name
// itself or used by it.
func (c *Checker) report(o offence, callee, name string, role Role, used diag.Range) {
	if callee == name {
		c.sink.AddRelated(o.at, nil, role.code(), "%s %s: %s; %s", name, o.text, o.why, role.rule())
		return
	}
	related := []diag.Related{{Pos: c.sink.Position(used.Pos()), Message: name + " is used here"}}
	c.sink.AddRelated(o.at, related, role.code(), "%s, which %s uses, %s: %s; %s", callee, name, o.text, o.why, role.rule())
}

// judge walks a function once.
func (c *Checker) judge(fn *types.Func) *findings {
	if found := c.seen[fn]; found != nil {
		return found
	}
	w := &walker{c: c, found: &findings{}}
	c.seen[fn] = w.found
	if d := c.decls[fn]; d != nil && d.Body != nil {
		w.walk(d.Body)
	} else if d != nil {
		w.add(d.Name, "has no body in Go", "what it does cannot be seen")
	}
	return w.found
}

// display is how a message names a function.
func display(fn *types.Func, own *types.Package) string {
	recv := fn.Signature().Recv()
	if recv == nil {
		if fn.Pkg() == nil || fn.Pkg() == own {
			return fn.Name()
		}
		return fn.Pkg().Name() + "." + fn.Name()
	}
	text := types.TypeString(recv.Type(), func(p *types.Package) string {
		if p == own {
			return ""
		}
		return p.Name()
	})
	if _, ok := recv.Type().(*types.Pointer); ok {
		text = "(" + text + ")"
	}
	return text + "." + fn.Name()
}
