package read_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/internal/edited"
	"github.com/batpak-go/batpak/schema/read"
)

// answer names the file with what the program answers when it is run as a driver of
// package packages, instead of the tests.
const answer = "READ_TEST_ANSWER"

// TestMain stands in for the go command, which would take most of the time of a fuzzer:
// it says what a universe has prepared.
func TestMain(m *testing.M) {
	name := os.Getenv(answer)
	if name == "" {
		os.Exit(m.Run())
	}
	data, err := os.ReadFile(name)
	if err == nil {
		_, err = os.Stdout.Write(data)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// universe is what packages of one file may import, listed and compiled once.
type universe struct {
	dir    string
	driver string
	files  map[string]string // export data by import path
	known  []json.RawMessage // what the go command says of each
}

// edit is the import path of the package that is read.
const edit = "example.com/cases/edit"

// newUniverse asks the go command about all that some sources import.
func newUniverse(t testing.TB, sources []string) *universe {
	t.Helper()
	m := newModule(t)
	var imports []string
	for _, source := range sources {
		for path := range importsOf(source) {
			if !strings.Contains(path, "example.com") {
				imports = append(imports, path)
			}
		}
	}
	slices.Sort(imports)
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedExportFile,
		Dir:  m.dir, Env: m.env(),
	}, slices.Compact(imports)...)
	if err != nil {
		t.Fatal(err)
	}
	u := &universe{dir: m.dir, files: make(map[string]string)}
	if u.driver, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	packages.Visit(pkgs, nil, func(p *packages.Package) {
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		u.files[p.PkgPath], u.known = p.ExportFile, append(u.known, data)
	})
	return u
}

// importsOf are the import paths of a source, mapped to themselves, or nil if it has
// none that can be read.
func importsOf(source string) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
	if err != nil {
		return nil
	}
	imports := make(map[string]string)
	for _, spec := range f.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			imports[path] = path
		}
	}
	return imports
}

// answer writes what a driver answers about a package of one file, and returns the
// environment in which it does.
func (u *universe) answer(t *testing.T, name, file string, imports map[string]string) []string {
	t.Helper()
	response, err := json.Marshal(map[string]any{
		"Compiler": "gc", "Arch": runtime.GOARCH, "Roots": []string{edit},
		"Packages": append(slices.Clip(u.known), mustMarshal(t, map[string]any{
			"ID": edit, "Name": name, "PkgPath": edit, "GoFiles": []string{file}, "CompiledGoFiles": []string{file}, "Imports": imports,
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(u.dir, "answer.json")
	if err := os.WriteFile(path, response, 0o600); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "GOPACKAGESDRIVER="+u.driver, answer+"="+path)
}

func mustMarshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// readsTheSame requires that a source is read in the quick way, if at all, as in the
// other. It reports whether it was.
func (u *universe) readsTheSame(t *testing.T, source string) bool {
	t.Helper()
	clause, err := parser.ParseFile(token.NewFileSet(), "", source, parser.PackageClauseOnly)
	imports := importsOf(source)
	if err != nil || slices.ContainsFunc(slices.Collect(maps.Keys(imports)), func(path string) bool { return u.files[path] == "" }) {
		return false // for the go command to say
	}
	file := filepath.Join(u.dir, "edit", "schema.go")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	quick, err := read.ReadUncompiled(edit, clause.Name.Name, file, u.files)
	if err != nil || quick == nil {
		return false
	}
	results, err := read.LoadCompiled(t.Context(), read.Config{
		Dir: u.dir, Patterns: []string{edit}, Env: u.answer(t, clause.Name.Name, file, imports),
	})
	if err != nil || len(results) != 1 {
		t.Fatalf("loaded in the quick way, but not in the other: %d results, %v:\n%s", len(results), err, source)
	}
	want := results[0]
	if d := differ(want.Package, quick.Package); d != "" {
		t.Errorf("schema differs (-compiled +uncompiled):\n%s\n%s", d, source)
	}
	if d := differ(want.Diagnostics, quick.Diagnostics); d != "" {
		t.Errorf("diagnostics differ (-compiled +uncompiled):\n%s\n%s", d, source)
	}
	emitted := map[string][]byte{"events.batpak.go": []byte("package " + clause.Name.Name + "\n\nimport \"go/types\"\n\nvar x, order int = types.Nil{}\n")}
	if d := differ(checked(want, emitted), checked(quick, emitted)); d != "" {
		t.Errorf("a type check differs (-compiled +uncompiled):\n%s\n%s", d, source)
	}
	return true
}

// editable are the sources of the cases that edits begin with.
func editable(t testing.TB) []string {
	t.Helper()
	list := []string{shop, generated}
	archives := readCases(t)
	for _, name := range slices.Sorted(maps.Keys(archives)) {
		for _, f := range archives[name].Files {
			if strings.HasSuffix(f.Name, ".go") && !bytes.Contains(f.Data, []byte("example.com")) {
				list = append(list, string(f.Data))
			}
		}
	}
	return list
}

// FuzzUncompiledReadsTheSame: however a schema is edited, it reads in the quick way as
// in the other, which leaves it to package packages to parse and to check types. The go
// command's part is played by what it once said of the imports.
func FuzzUncompiledReadsTheSame(f *testing.F) {
	list := editable(f)
	rng := rand.New(rand.NewPCG(3, 4))
	for which := 0; which < len(list); which += 5 {
		edits := make([]byte, 4*(which%3))
		for i := range edits {
			edits[i] = byte(rng.Uint32())
		}
		f.Add(uint16(which), edits)
	}
	u := newUniverse(f, list)
	f.Fuzz(func(t *testing.T, which uint16, edits []byte) {
		u.readsTheSame(t, edited.Script(edits).Apply(list[int(which)%len(list)]))
	})
}

// The law is not empty: most sources of cases are read in both ways.
func TestUniverseKnowsTheCases(t *testing.T) {
	list := editable(t)
	u := newUniverse(t, list)
	same := 0
	for which := 0; which < len(list); which += 16 {
		if u.readsTheSame(t, list[which]) {
			same++
		}
	}
	if 16*same < len(list)/2 {
		t.Errorf("%d of %d sources are read in both ways, want half of them at least", same, len(list)/16)
	}
}

// checked is all that a type check says.
func checked(r *read.Result, files map[string][]byte) [2][]diag.Diagnostic {
	faults, users := r.TypeCheck(files)
	return [2][]diag.Diagnostic{faults, users}
}
