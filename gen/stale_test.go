package gen_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// mutants are packages whose sources were changed after their code was generated.
type mutants struct {
	dir  string
	made map[string]string // package -> what was done
}

// add makes a mutant of a golden case: in the file of that name, what lies between
// the offsets is replaced.
func (m *mutants) add(t *testing.T, what string, c goldenCase, file string, from, to int, text string) {
	t.Helper()
	pkg := fmt.Sprintf("mutant%d", len(m.made))
	m.made[pkg] = what
	m.write(t, pkg, c, file, from, to, text)
}

func (m *mutants) write(t *testing.T, pkg string, c goldenCase, file string, from, to int, text string) {
	t.Helper()
	for _, f := range c.archive.Files {
		switch rest, emitted := strings.CutPrefix(f.Name, wanted); {
		case f.Name == file:
			write(t, filepath.Join(m.dir, pkg, f.Name), []byte(string(f.Data[:from])+text+string(f.Data[to:])))
		case emitted && !strings.Contains(rest, "/") || isSource(f.Name):
			write(t, filepath.Join(m.dir, pkg, rest), f.Data)
		}
	}
}

// isSource tells the files of the package itself.
func isSource(name string) bool {
	return strings.HasSuffix(name, ".go") && !strings.Contains(name, "/") && !strings.HasSuffix(name, "_test.go")
}

// Output stops compiling when what it was generated from has changed, until it is
// generated again: each field of each struct that is stored, history and saved
// states included, and what the output calls by name.
func TestStaleOutputDoesNotCompile(t *testing.T) {
	cases := goldenCases(t)
	m := &mutants{newModule(t, cases), map[string]string{}}
	for name, c := range cases {
		// Elsewhere a field is changed in one way, each in turn, to save time.
		m.changeFields(t, name, c, name == "lifted")
		m.write(t, "mutantless"+name, c, "", 0, 0, "")
	}
	for what, change := range map[string][2]string{
		"type unnamed":                           {"Took  time.Duration", "Took  int64"},
		"skipped field replaced":                 {"Skipped map[string]sync.Mutex `bat:\"-\"`", "_ [0]sync.Mutex `bat:\"-\"`"},
		"gate context":                           {"Limit   Cents", "Ceiling Cents"},
		"gate without a result":                  {"func denyStranger(l Leaving) *batpak.Denial {", "func denyStranger(l Leaving) error {"},
		"gate gone":                              {"func denyStranger(", "func refuseStranger("},
		"handler gone":                           {"func (b *Balance) deposited(", "func (b *Balance) paidIn("},
		"handler of all streams gone":            {"func countRetired(", "func countLeft("},
		"handler of all streams takes another":   {"func (h *Headcount) assigned(batpak.Stored[Assigned])", "func (h *Headcount) assigned(batpak.Stored[Alerted])"},
		"reaction gone":                          {"func (w *Watch) assigned(", "func (w *Watch) given("},
		"reaction cannot fail":                   {"b *batpak.Batch) error {\n\tw.Journal.AddHired(b, \"008\", Hired{Name: \"spare\"})\n\treturn nil\n}", "b *batpak.Batch) {\n\tw.Journal.AddHired(b, \"008\", Hired{Name: \"spare\"})\n}"},
		"reactor gone":                           {"type Watch struct {", "type Watcher struct {"},
		"list of retired kinds renamed":          {"var former = ", "var formerly = "},
		"command that may be bypassed renamed":   {"var retire = ", "var leave = "},
		"gate with codes renamed":                {"var hiredFirst = ", "var isHired = "},
		"state that is saved is another type":    {"type Sold struct{ Pieces int64 }", "type Sold int64"},
		"state that is saved has another number": {"type Sold struct{ Pieces int64 }", "type Sold struct{ Pieces uint64 }"},
	} {
		found := false
		for name, c := range cases {
			for _, f := range c.archive.Files {
				if at := strings.Index(string(f.Data), change[0]); at >= 0 && isSource(f.Name) {
					m.add(t, name+": "+what, c, f.Name, at, at+len(change[0]), change[1])
					found = true
				}
			}
		}
		if !found {
			t.Errorf("%s: no golden case contains %q", what, change[0])
		}
	}
	m.mustNotCompile(t)
}

// changeFields makes mutants of each field that is in a shape of the case.
func (m *mutants) changeFields(t *testing.T, name string, c goldenCase, thorough bool) {
	t.Helper()
	shapes := map[string]bool{}
	for _, f := range c.archive.Files {
		if strings.HasPrefix(f.Name, wanted) {
			for _, name := range regexp.MustCompile(`wire\.NewShape\(\s*"(\w+)"`).FindAllSubmatch(f.Data, -1) {
				shapes[string(name[1])] = true
			}
		}
	}
	fields := 0
	for _, f := range c.archive.Files {
		if !isSource(f.Name) {
			continue
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, f.Name, f.Data, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		offset := func(p token.Pos) int { return fset.Position(p).Offset }
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok || !shapes[spec.Name.Name] {
				return true
			}
			for _, field := range st.Fields.List {
				if len(field.Names) != 1 || !field.Names[0].IsExported() {
					continue
				}
				from, to := offset(field.Pos()), offset(field.End())
				called, typ := field.Names[0].Name, string(f.Data[offset(field.Type.Pos()):offset(field.Type.End())])
				for i, change := range [][2]string{
					{"renamed", called + "X " + typ},
					{"of another type", called + " [7]" + typ},
					{"removed", ""},
					{"added to", called + "X bool; " + called + " " + typ},
				} {
					if thorough || i == fields%4 {
						m.add(t, fmt.Sprintf("%s: field %s.%s %s", name, spec.Name.Name, called, change[0]), c, f.Name, from, to, change[1])
					}
				}
				fields++
			}
			return true
		})
	}
	if fields == 0 {
		t.Errorf("%s: no field was changed", name)
	}
}

// mustNotCompile type-checks the mutants, each of which has to fail in what was emitted. The
// checker of package go/types is made from the compiler's own, which would be started a
// hundred times. What was not changed is compiled, and has no faults for either.
func (m *mutants) mustNotCompile(t *testing.T) {
	t.Helper()
	if len(m.made) < 100 {
		t.Fatalf("made %d mutants, want 100 at least", len(m.made))
	}
	out, err := goCommand(t, m.dir, "list", "-deps", "-export", "-f={{.ImportPath}} {{.Export}}", "./mutantless...")
	if err != nil {
		t.Fatalf("what was not changed does not compile: %v\n%s", err, out)
	}
	exports := map[string]string{}
	for line := range strings.Lines(out) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	fset := token.NewFileSet()
	conf := types.Config{
		Importer: importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }),
		Sizes:    types.SizesFor("gc", runtime.GOARCH),
	}
	for pkg, what := range m.made {
		if said := faults(t, fset, conf, filepath.Join(m.dir, pkg)); !strings.Contains(said, ".batpak.go:") {
			t.Errorf("%s: output compiles, want an error in it; got:\n%s", what, said)
		}
	}
	for name := range goldenCases(t) {
		if said := faults(t, fset, conf, filepath.Join(m.dir, "mutantless"+name)); said != "" {
			t.Errorf("what was not changed of %s is at fault:\n%s", name, said)
		}
	}
}

// faults type-checks the package in a directory and returns what is wrong with it.
func faults(t *testing.T, fset *token.FileSet, conf types.Config, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	conf.Error = func(err error) { fmt.Fprintln(&said, err) }
	var files []*ast.File
	for _, name := range names {
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			files = append(files, f)
		}
	}
	_, _ = conf.Check(dir, fset, files, nil) // all errors have been given to conf.Error
	return said.String()
}
