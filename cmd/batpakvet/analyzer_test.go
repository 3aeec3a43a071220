package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/cmd/internal/moduletest"
)

// asTool says to the program of the tests that go vet runs it as its tool.
const asTool = "BATPAKVET_AS_TOOL"

// TestMain makes the tests the command as well, which is linked once less for each test.
func TestMain(m *testing.M) {
	if os.Getenv(asTool) != "" {
		main()
	}
	os.Exit(m.Run())
}

// newModule makes a module to vet, and returns the tool to do it with.
func newModule(t *testing.T) (m *moduletest.Module, tool string) {
	t.Helper()
	m = moduletest.New(t)
	t.Setenv("GOFLAGS", "-mod=mod") // with -trimpath, what go vet remembers is where another module was
	t.Setenv(asTool, "true")
	tool, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return m, tool
}

// build builds a tool of this module and returns where it is. Unlike other programs, tools
// stay in the go command's cache when they are linked.
func build(t *testing.T, name string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-n", name)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool -n %s: %v\n%s", name, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// Through go vet, each package that compiles gets the diagnostics that batpakgen
// gives it, code, position and text. The cases are those of the reader.
func TestVetFindsWhatBatpakgenFinds(t *testing.T) {
	m, tool := newModule(t)
	m.Write("go.mod", strings.Replace(m.Read("go.mod"), "module example.com/app", "module example.com/cases", 1))
	files, err := filepath.Glob("../../schema/read/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("cases of the reader = %v, %v, want archives", files, err)
	}
	want := map[string][]string{} // by package
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for _, f := range a.Files {
			if f.Name == "want" {
				expect(want, "example.com/cases/"+name, string(f.Data))
			} else {
				m.Write(name+"/"+f.Name, string(f.Data))
			}
		}
	}
	broken := doNotCompile(t, m)
	got := vet(t, m, tool)
	compared := 0
	for pkg := range want {
		if slices.Contains(broken, pkg) {
			delete(want, pkg)
			continue
		}
		compared++
		if d := cmp.Diff(want[pkg], got[pkg]); d != "" {
			t.Errorf("go vet of %s differs from batpakgen (-want +got):\n%s", pkg, d)
		}
	}
	for pkg := range got {
		if want[pkg] == nil {
			t.Errorf("go vet of %s found %v, want nothing", pkg, got[pkg])
		}
	}
	if compared < 30 {
		t.Errorf("compared %d packages, want 30 at least; these do not compile: %v", compared, broken)
	}
}

// finding is a line that batpakgen prints.
var finding = regexp.MustCompile(`^(.+):(\d+:\d+): (.*) \[(BP\d+)\]$`)

// expect collects what batpakgen printed of the packages of a case. What is about
// two packages is left out, since those of a case do not meet in a program, and what is
// asked for with a flag.
func expect(want map[string][]string, root, printed string) {
	lines := strings.Split(printed, "\n")
	for i, line := range lines {
		parts := finding.FindStringSubmatch(line)
		if parts == nil || parts[4] == "BP612" {
			continue
		}
		dir := packageOf(parts[1])
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t") {
			other, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), ":")
			if packageOf(other) != dir {
				continue
			}
		}
		pkg := root
		if dir != "." {
			pkg += "/" + dir
		}
		want[pkg] = append(want[pkg], filepath.Base(parts[1])+":"+parts[2]+": "+parts[4]+" "+parts[3])
	}
}

// packageOf is the directory of the package that a file belongs to.
func packageOf(file string) string {
	dir := filepath.ToSlash(filepath.Dir(file))
	return path.Join(".", strings.TrimSuffix(dir, "testdata/batpak"))
}

// doNotCompile lists the packages that do not.
func doNotCompile(t *testing.T, m *moduletest.Module) []string {
	t.Helper()
	out, err := m.Go("build", "-trimpath", "-gcflags=-e", "./...") // what compiles is in the cache, the next time
	var pkgs []string
	for _, found := range regexp.MustCompile(`(?m)^# (\S+)$`).FindAllStringSubmatch(out, -1) {
		pkgs = append(pkgs, found[1])
	}
	if (err == nil) != (len(pkgs) == 0) {
		t.Fatalf("go build = %v, and %d packages do not compile:\n%s", err, len(pkgs), out)
	}
	return pkgs
}

// vet runs go vet with the tool on a module and returns what it found in each
// package, in order.
func vet(t *testing.T, m *moduletest.Module, tool string) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "vet", "-json", "-vettool="+tool, "./...")
	cmd.Dir = m.Dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // it fails if a package does not compile
	found := map[string][]string{}
	for dec := json.NewDecoder(&stdout); dec.More(); {
		var packages map[string]map[string][]struct{ Category, Posn, Message string }
		if err := dec.Decode(&packages); err != nil {
			t.Fatalf("go vet -json: %v\n%s", err, &stderr)
		}
		for pkg, analyzers := range packages {
			for _, d := range analyzers["batpak"] {
				place := filepath.Base(d.Posn)
				text, ok := strings.CutSuffix(d.Message, " ["+d.Category+"]")
				if !ok {
					t.Errorf("%s: message %q does not end in its category %q", d.Posn, d.Message, d.Category)
				}
				if d.Category != "BP703" { // nothing was generated for the cases
					found[pkg] = append(found[pkg], place+": "+d.Category+" "+text)
				}
			}
		}
	}
	return found
}

// shop is a schema whose entity and event are of a package of that name.
func shop(name string, kind int) string {
	return fmt.Sprintf(`package %s

import "github.com/batpak-go/batpak/schema"

var order = schema.Entity[OrderID]{Prefix: "%[1]s", Scope: "shop"}

var placed = schema.Event[OrderPlaced]{Category: 1, Type: %d, Version: 1, Entity: order}

type OrderID string

type OrderPlaced struct{ Item string }
`, name, kind)
}

// What a package is to agree with beyond its own source is looked at as well.
func TestVetLooksAround(t *testing.T) {
	generator := build(t, "batpakgen")
	for name, test := range map[string]func(*testing.T, around){"beside": testBeside, "across": testAcross} {
		t.Run(name, func(t *testing.T) {
			m, tool := newModule(t)
			test(t, around{m, tool, generator})
		})
	}
}

// around is a module, and where the commands are that are run in it.
type around struct {
	*moduletest.Module
	tool, generator string
}

// generate runs batpakgen.
func (a around) generate(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), a.generator, args...)
	cmd.Dir = a.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("batpakgen %v = %v\n%s", args, err, out)
	}
}

// vet vets the module and compares what is found with some texts.
func (a around) vet(t *testing.T, what string, flags []string, wants ...string) {
	t.Helper()
	out, err := a.Go(append(append([]string{"vet", "-vettool=" + a.tool}, flags...), "./...")...)
	if (err != nil) != (len(wants) > 0) || strings.Count(out, " [BP") != len(wants) {
		t.Errorf("%s: go vet = %v, want %d findings:\n%s", what, err, len(wants), out)
	}
	for _, want := range wants {
		if !strings.Contains(out, filepath.FromSlash(want)) {
			t.Errorf("%s: go vet lacks %q:\n%s", what, want, out)
		}
	}
}

// remove removes files of the module.
func (a around) remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(a.Dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
}

// What lies beside a package is compared as batpakgen -check does, at its place: code and
// tests that are generated, the lock file, and frozen payloads.
func testBeside(t *testing.T, a around) {
	a.Write("bare/schema.go", shop("bare", 1))
	a.generate(t, "-no-tests", "./bare")
	a.vet(t, "generated without tests", nil)
	a.vet(t, "drafts", []string{"-batpak.no-drafts", "-batpak.again=1"}, "bare/schema.go:7:71: version 1 of event placed is a draft: run batpakgen release [BP612]")

	released := []string{"edited", "foreign", "changed", "altered", "lost"}
	for i, name := range released {
		a.Write(name+"/schema.go", shop(name, 2+i))
	}
	a.generate(t, "release", "./...")
	var wants []string
	for _, spoil := range []func(*testing.T, around) []string{spoilNothing, spoilCode, spoilForeign, spoilShape, spoilPayloads, spoilLock} {
		wants = append(wants, spoil(t, a)...)
	}
	a.vet(t, "spoilt in ways of their own", nil, wants...)

	a.Write("fixed/schema.go", strings.Replace(shop("fixed", 9), "Item string", "Item int", 1))
	if out, err := a.Go("vet", "-vettool="+a.tool, "-fix", "./fixed"); err != nil || !strings.Contains(a.Read("fixed/schema.go"), "struct{ Item int64 }") {
		t.Errorf("go vet -fix = %v, want a field that is made an int64:\n%s\n%s", err, out, a.Read("fixed/schema.go"))
	}
}

// Each of these spoils a package of its own, and returns what is to be found.

func spoilNothing(_ *testing.T, a around) []string {
	a.Write("fresh/schema.go", shop("fresh", 8))
	return []string{
		"fresh/events.batpak.go:1:1: events.batpak.go is missing; run go generate [BP703]",
		"fresh/batpak.lock.json:1:1: batpak.lock.json is missing; run go generate [BP703]",
	}
}

func spoilCode(_ *testing.T, a around) []string {
	events := a.Read("edited/events.batpak.go")
	a.Write("edited/events.batpak.go", strings.Replace(events, "DO NOT EDIT.\n", "DO NOT EDIT.\n// edited\n", 1))
	a.Write("edited/old.batpak.go", strings.SplitAfter(events, "\n")[0]+"\npackage edited\n")
	a.Write("edited/laws_gen_test.go", a.Read("edited/laws_gen_test.go")+"\n// edited\n")
	return []string{
		"edited/events.batpak.go:1:1: events.batpak.go is out of date",
		"edited/laws_gen_test.go:1:1: laws_gen_test.go is out of date",
		"edited/old.batpak.go:1:1: old.batpak.go is no longer produced",
	}
}

func spoilForeign(t *testing.T, a around) []string {
	t.Helper()
	a.remove(t, "foreign/laws_gen_test.go", "foreign/frozen_gen_test.go", "foreign/generators_gen_test.go")
	a.Write("foreign/events.batpak.go", "package foreign\n\nfunc use() { _, _ = order, placed }\n")
	return []string{
		"foreign/events.batpak.go:1:1: events.batpak.go exists and was not generated by batpakgen; move it away or give it another name [BP702]",
	}
}

func spoilShape(_ *testing.T, a around) []string {
	a.Write("changed/schema.go", strings.Replace(a.Read("changed/schema.go"), "Item string", "Item string `bat:\",optional\"`", 1))
	return []string{
		"changed/events.batpak.go:1:1: events.batpak.go is out of date",
		"changed/schema.go:11:26: OrderPlaced is the released shape of version 1, but item was not optional: set Version: 2 and add schema.Step(1, ...) [BP601]",
	}
}

func spoilPayloads(_ *testing.T, a around) []string {
	a.Write("altered/testdata/batpak/1_005__v1.hex", "# altered\n")
	return []string{"altered/testdata/batpak/1_005__v1.hex:1:1: the frozen payloads of version 1 of 1:005 were altered"}
}

func spoilLock(t *testing.T, a around) []string {
	t.Helper()
	a.remove(t, "lost/batpak.lock.json")
	return []string{"lost/batpak.lock.json:1:1: the lock file is missing, but there are frozen payloads"}
}

// Kinds and prefixes that two packages have are found where one imports the other, and
// otherwise in the first package in which they meet, and nowhere else.
func testAcross(t *testing.T, a around) {
	a.Write("shop/schema.go", shop("shop", 2))
	a.Write("cafe/schema.go", shop("cafe", 2))
	a.Write("tea/schema.go", strings.Replace(shop("tea", 3), `"tea"`, `"cafe"`, 1))
	for _, pkg := range []string{"shop", "cafe", "tea"} { // one at a time, or batpakgen would find it
		a.generate(t, "-no-tests", "./"+pkg)
	}
	a.Write("between/between.go", "package between\n\nimport _ \"example.com/app/cafe\"\n")
	a.Write("main.go", "package main\n\nimport (\n\t_ \"example.com/app/between\"\n\t_ \"example.com/app/shop\"\n)\n\nfunc main() {}\n")
	a.Write("more/more.go", "package more\n\nimport (\n\t_ \"example.com/app/tea\"\n\t_ \"example.com/app/cafe\"\n)\n")
	a.Write("most/most.go", "package most\n\nimport _ \"example.com/app/more\"\n")
	a.vet(t, "two that a third imports", nil,
		"main.go:1:1: schemas meet here that do not go together: example.com/app/shop: kind 0x1/0x002 of placed is already taken by cafe.placed [BP113]",
		`more/more.go:1:1: schemas meet here that do not go together: example.com/app/tea: prefix "cafe" is already used by cafe.order [BP201]`)
	a.Write("tea/also.go", "package tea\n\nimport _ \"example.com/app/between\"\n")
	a.vet(t, "one imports the other", nil, "main.go:1:1: ", `tea/schema.go:5:44: prefix "cafe" is already used by cafe.order [BP201]`)
	a.Write("shop/schema.go", shop("shop", 4))
	a.Write("tea/schema.go", shop("tea", 3)+"\nvar gone = schema.Retired{{Category: 1, Type: 2, Name: \"Gone\"}}\n")
	for _, pkg := range []string{"shop", "tea"} {
		a.generate(t, "-no-tests", "./"+pkg)
	}
	a.vet(t, "retired by one that imports it", nil,
		"tea/also.go:1:1: schemas meet here that do not go together: example.com/app/cafe: kind 0x1/0x002 of placed was retired (Gone); kinds are never given again [BP115]")
}

// A package with tests is checked without them, names that are to be generated
// are checked as well, and the exit code and text are those of go vet.
func TestVetOfOnePackage(t *testing.T) {
	m, tool := newModule(t)
	for name, more := range map[string]string{
		"sound":    "",
		"taken":    "const KindOrderPlaced = 1\n",
		"broken":   "//line order.tmpl:7\nvar bad = order.Missing\n",
		"assigned": "//line order.tmpl:7\nfunc change() { order.Prefix = \"x\" }\n",
	} {
		m.Write(name+"/schema.go", strings.Replace(shop(name, 1), `"shop"`, `"`+name+`"`, 1))
		m.Write(name+"/schema_test.go", "package "+name+`

import "github.com/batpak-go/batpak/schema"

func Bind() {}

var other = schema.Event[OrderPlaced]{}
`)
		m.Write(name+"/outside_test.go", "package "+name+"_test\n")
		m.Write(name+"/more.go", "package "+name+"\n\n"+more)
	}
	out, err := m.Go("vet", "-vettool="+tool, "./...")
	if err == nil {
		t.Error("go vet = nil, want an error")
	}
	found := map[string][]string{} // codes by package
	for _, match := range regexp.MustCompile(`(?m)^(\w+)[/\\].* \[(BP\d+)\]$`).FindAllStringSubmatch(out, -1) {
		found[match[1]] = append(found[match[1]], match[2])
	}
	if sound := found["sound"]; len(sound) == 0 || strings.Count(strings.Join(sound, ""), "BP703") != len(sound) {
		t.Errorf("go vet of a sound schema finds %v, want nothing but that it is to be generated", sound)
	}
	for what, want := range map[string]string{
		"a name that is taken":            filepath.FromSlash("taken/schema.go:7:5: generated KindOrderPlaced collides with your own"),
		"its code":                        "[BP701]",
		"a package that does not compile": "Missing",
		"an assignment":                   "order.tmpl:7: order is assigned here",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("go vet of %s lacks %q:\n%s", what, want, out)
		}
	}
}
