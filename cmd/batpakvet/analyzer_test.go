package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/cmd/internal/moduletest"
)

// build builds the command and returns where it is.
func build(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "batpakvet")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", tool, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return tool
}

// Through go vet, each package that compiles gets the diagnostics that batpakgen
// gives it, code, position and text. The cases are those of the reader.
func TestVetFindsWhatBatpakgenFinds(t *testing.T) {
	tool := build(t)
	m := moduletest.New(t)
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
// two packages is left out, since go vet shows one at a time.
func expect(want map[string][]string, root, printed string) {
	lines := strings.Split(printed, "\n")
	for i, line := range lines {
		parts := finding.FindStringSubmatch(line)
		if parts == nil || strings.HasPrefix(parts[4], "BP6") { // those of the lock file
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(parts[1]))
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t") {
			other, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), ":")
			if filepath.ToSlash(filepath.Dir(other)) != dir {
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

// doNotCompile lists the packages that do not.
func doNotCompile(t *testing.T, m *moduletest.Module) []string {
	t.Helper()
	out, err := m.Go("build", "-gcflags=-e", "./...")
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
				found[pkg] = append(found[pkg], place+": "+d.Category+" "+text)
			}
		}
	}
	return found
}

// A package with tests is checked without them, names that are to be generated
// are checked as well, and the exit code and text are those of go vet.
func TestVetOfOnePackage(t *testing.T) {
	tool := build(t)
	m := moduletest.New(t)
	m.Write("shop/schema.go", `package shop

import "github.com/batpak-go/batpak/schema"

var order = schema.Entity[OrderID]{Prefix: "order", Scope: "shop"}

var placed = schema.Event[OrderPlaced]{Category: 1, Type: 1, Version: 1, Entity: order}

type OrderID string

type OrderPlaced struct{ Item string }
`)
	m.Write("shop/schema_test.go", `package shop

import "github.com/batpak-go/batpak/schema"

func Bind() {}

var other = schema.Event[OrderPlaced]{}
`)
	m.Write("shop/outside_test.go", "package shop_test\n")
	vet := func() (string, error) { return m.Go("vet", "-vettool="+tool, "./...") }
	if out, err := vet(); err != nil {
		t.Errorf("go vet of a sound schema = %v\n%s", err, out)
	}
	m.Write("shop/more.go", "package shop\n\nconst KindOrderPlaced = 1\n")
	out, err := vet()
	if want := filepath.FromSlash("shop/schema.go:7:5: generated KindOrderPlaced collides with your own"); err == nil || !strings.Contains(out, want) || !strings.Contains(out, "[BP701]") {
		t.Errorf("go vet = %v, want %q and BP701:\n%s", err, want, out)
	}
	m.Write("shop/more.go", "package shop\n\n//line order.tmpl:7\nvar bad = order.Missing\n")
	if out, err := vet(); err == nil || !strings.Contains(out, "Missing") {
		t.Errorf("go vet of a package that does not compile = %v, want the compiler's error:\n%s", err, out)
	}
	m.Write("shop/more.go", "package shop\n\n//line order.tmpl:7\nfunc change() { order.Prefix = \"x\" }\n")
	if out, err := vet(); err == nil || !strings.Contains(out, "order.tmpl:7: order is assigned here") {
		t.Errorf("go vet of an assignment = %v, want its position in order.tmpl:\n%s", err, out)
	}
}
