package props_test

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// The budgets, in lines and in names. Tests and generated files have none.
const (
	maxFuncLines  = 100
	maxFileLines  = 500
	maxRoomLines  = 900
	maxNames      = 12 // exported by a room below a directory called internal
	maxFaceNames  = 70 // exported by package batpak
	maxInterfaces = 11 // with methods, in the whole module
)

// excused lists what may exceed its budget, how far, and why: a room, a file or a
// function (in the form "file:function"), with what is counted.
var excused = map[string]excuse{
	"runtime: lines":            {6510, "the one public face; what could be a room of its own is one already; an event is made in its caller's place, a verification knows streams by their place in the index"},
	"runtime: names":            {142, "errors with fields for each outcome, and what generated code calls"},
	"runtime/wire: lines":       {1400, "both directions of every kind of value, and what generated codecs share"},
	"gen: lines":                {1900, "one emitter for each part of the generated surface, tests among them"},
	"schema/static: lines":      {1160, "an evaluator for each sort of declaration and of expression"},
	"props: lines":              {1660, "a law for each promise, what generated tests call, and the size of each lane"},
	"schema/payload: lines":     {950, "a rule for each class of type, with what puts it right"},
	"schema/lock: lines":        {1040, "the text of each sort of entry, both ways, and how two sides of a merge are joined"},
	"schema/purity: lines":      {1070, "a judgement for each way to depend on more than the arguments, each with what is still pure"},
	"schema/read: lines":        {950, "two ways to load packages, one of which copes with everything"},
	"schema/evolution: lines":   {1040, "a rule for each promise, each way to take one back, and a release that stopped halfway"},
	"gen/internal/codec: lines": {1000, "an emitter for each class of type, in either direction"},

	"runtime/internal/commit: lines":  {1450, "one protocol under one lock, driven by leaders or step by step"},
	"runtime/internal/sidx: lines":    {1980, "what writes an index and what reads it share what a page and a section are; an id is looked for where its time would have it"},
	"runtime/internal/replay: lines":  {1770, "the log as its writer and as those beside it read it, one file after the other or many at once"},
	"runtime/internal/index: lines":   {1170, "every way to find an event, each by a list of its own"},
	"runtime/internal/compact: lines": {950, "a merge, and how the next opening settles one at each step of it"},
	"runtime/internal/segment: lines": {1720, "what reads a segment and what writes it share what a segment is"},

	"runtime/internal/format: names":      {42, "a struct and a pair of functions for each shape of bytes"},
	"runtime/internal/commit: names":      {16, "errors that the caller has to tell apart"},
	"runtime/internal/rtopts: names":      {19, "to set and to get each thing that a test may replace"},
	"runtime/internal/sidx: names":        {13, "what a reader keeps of streams, beside what writes an index and what reads it"},
	"runtime/internal/segment: names":     {20, "two ways to read, one to write, names of files, and an error for each outcome"},
	"runtime/internal/compact: names":     {17, "a constant for each fate of an event, and for each outcome of an opening"},
	"runtime/internal/vfs: names":         {21, "the modes of files and of locks, two each, and what a wrapper may be asked for beside"},
	"runtime/internal/vfs/faultfs: names": {21, "a constant for each operation that can fail, and for each way to lose"},
	"runtime/internal/vfs: lines":         {996, "each promise of the interface beside the calls that keep it"},
	"runtime/internal/vfs/simfs: lines":   {1500, "all that a disk may do, in one place"},

	"runtime/internal/vfs/checkfs: lines": {1710, "the whole protocol in one place"},

	"gen/internal/vocab: names": {17, "a word for each package and each idiom of emitted code"},
}

type excuse struct {
	limit int
	why   string
}

// audit compares counts with budgets and remembers which excuses were needed.
type audit struct {
	*testing.T
	needed map[string]bool
}

func newAudit(t *testing.T) audit { return audit{t, map[string]bool{}} }

// check reports what exceeds its limit, or the limit of its excuse.
func (a audit) check(what, unit string, got, limit int) {
	if got <= limit {
		return
	}
	if e, ok := excused[what+": "+unit]; ok {
		a.needed[what+": "+unit] = true
		limit = e.limit
	}
	if got > limit {
		a.Errorf("%s: %d %s, the limit is %d", what, got, unit, limit)
	}
}

// done reports the excuses for what is counted in unit that nothing needed.
func (a audit) done(unit string) {
	for what, e := range excused {
		if strings.HasSuffix(what, ": "+unit) && !a.needed[what] {
			a.Errorf("%s: excused (%s), but within its budget", what, e.why)
		}
	}
}

func TestRoomsStaySmall(t *testing.T) {
	a, total := newAudit(t), map[string]int{}
	for _, f := range mustSources(t) {
		if f.test() || f.generated() {
			continue
		}
		lines := strings.Count(f.text, "\n")
		total[f.dir()] += lines
		a.check(f.path, "lines", lines, maxFileLines)
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
				a.check(f.path+":"+fn.Name.Name, "lines", lines, maxFuncLines)
			}
		}
	}
	for dir, lines := range total {
		a.check(dir, "lines", lines, maxRoomLines)
	}
	a.done("lines")
}

// Few names lead into a room: constants, variables, functions and types at the
// top level of its package.
func TestRoomsHaveFewNames(t *testing.T) {
	a := newAudit(t)
	for _, p := range mustTyped(t) {
		names := len(exported(p.Types.Scope()))
		switch dir := room(p.PkgPath); {
		case dir == "runtime":
			a.check(dir, "names", names, maxFaceNames)
		case slices.Contains(strings.Split(dir, "/"), "internal"):
			a.check(dir, "names", names, maxNames)
		}
	}
	a.done("names")
}

// exported lists the exported names of a scope in order.
func exported(s *types.Scope) []string {
	return slices.DeleteFunc(s.Names(), func(name string) bool { return !ast.IsExported(name) })
}

// Behaviour is abstracted where there are two of a kind, and hardly anywhere
// else.
func TestInterfacesAreFew(t *testing.T) {
	var found []string
	for _, p := range mustTyped(t) {
		scope := p.Types.Scope()
		for _, name := range scope.Names() {
			tn, ok := scope.Lookup(name).(*types.TypeName)
			if !ok || tn.IsAlias() {
				continue
			}
			if i, ok := tn.Type().Underlying().(*types.Interface); ok && i.IsMethodSet() && i.NumMethods() > 0 {
				found = append(found, room(p.PkgPath)+"."+name)
			}
		}
	}
	if len(found) > maxInterfaces {
		t.Errorf("the module declares %d interfaces, the limit is %d: %s", len(found), maxInterfaces, strings.Join(found, " "))
	}
}
