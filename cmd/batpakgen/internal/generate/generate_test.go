package generate_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/generate"
	"github.com/batpak-go/batpak/cmd/internal/moduletest"
	"github.com/batpak-go/batpak/schema/lock"
)

// shop is a package with a schema.
const shop = `package shop

import "github.com/batpak-go/batpak/schema"

var order = schema.Entity[OrderID]{Prefix: "order", Scope: "shop"}

var placed = schema.Event[OrderPlaced]{Category: 1, Type: 1, Version: 1, Entity: order}

type OrderID string
`

// newShop is a module with one.
func newShop(t *testing.T) *moduletest.Module {
	m := moduletest.New(t)
	m.Write("shop/schema.go", shop)
	m.Write("shop/events.go", "package shop\n\ntype OrderPlaced struct{ Item string }\n")
	return m
}

// run runs the command in a module and returns the exit code and all that it
// printed.
func run(ctx context.Context, m *moduletest.Module, args ...string) (code int, printed string) {
	var out lines
	to := command.Streams{Out: &out, Err: &out}
	code = command.Exit(generate.Run(ctx, append([]string{"-C", m.Dir}, args...), to), to)
	return code, out.String()
}

// lines is what was printed so far.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const leftOut = "nothing has changed since a run that had nothing to do"

// A run is left out after one that had nothing to do, and not before. None asks the go
// command the same question twice, but at its end whether its settings are still the same.
func TestRunIsLeftOut(t *testing.T) {
	m := newShop(t)
	asked := recordGo(t)
	for i, want := range []struct {
		leftOut bool
		asked   string
	}{
		{false, "env list list env"},
		{false, "env list env"}, // where the export data lies is remembered
		{true, "env"},
		{true, "env"},
	} {
		code, printed := run(t.Context(), m, "-v", "./...")
		if code != command.OK || strings.Contains(printed, leftOut) != want.leftOut {
			t.Fatalf("run %d exits with %d, want 0, and is left out = %v, want %v:\n%s", i+1, code, !want.leftOut, want.leftOut, printed)
		}
		if got, recorded := asked(); recorded && got != want.asked {
			t.Errorf("run %d starts the go command for %s, want %s", i+1, got, want.asked)
		}
	}
	for _, args := range [][]string{{"-v", "-check", "./..."}, {"-v", "-force", "./..."}, {"-v", "-n", "./..."}, {"-v", "-json", "./..."}, {"-v", "-no-drafts", "./..."}, {"-v", "./shop"}, {"-v", "-tags", "x", "./..."}} {
		if _, printed := run(t.Context(), m, args...); strings.Contains(printed, leftOut) {
			t.Errorf("run %v is left out", args)
		}
	}
}

// recordGo puts a program before the go command that notes which subcommand is started. It
// returns a function which says those that were since it was last called, or that they
// cannot be recorded on this system.
func recordGo(t *testing.T) func() (subcommands string, recorded bool) {
	t.Helper()
	shell, noShell := exec.LookPath("sh")
	command, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	if noShell != nil || runtime.GOOS == "windows" {
		return func() (string, bool) { return "", false }
	}
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes")
	script := fmt.Sprintf("#!%s\necho \"$1\" >>'%s'\nexec '%s' \"$@\"\n", shell, notes, command)
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() (string, bool) {
		text, err := os.ReadFile(notes)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(notes); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " "), true
	}
}

const remembered = "nothing has changed but packages with a schema"

// Export data is remembered as long as nothing changes but packages with a schema, and they
// import nothing that was not behind any of their imports.
func TestExportDataIsRemembered(t *testing.T) {
	m := newShop(t)
	m.Write("parts/parts.go", "package parts\n\ntype Size struct{ Width int64 }\n")
	payload := func(fields string) func() {
		return func() {
			m.Write("shop/events.go", "package shop\n\nimport \"example.com/app/parts\"\n\ntype OrderPlaced struct{ "+fields+"; Size parts.Size }\n")
		}
	}
	for _, step := range []struct {
		name   string
		change func()
		want   bool
	}{
		{"nothing yet", func() {}, false},
		{"what is generated", func() {}, true},
		{"an import of the module", payload("Item string"), false},
		{"a payload", payload("Item, Memo string"), true},
		{"a wrong payload", payload("Item int"), true},
		{"a type that is imported", func() { m.Write("parts/parts.go", "package parts\n\ntype Size struct{ Width, Height int64 }\n") }, false},
		{"a payload, put right", payload("Item int64"), true},
		{"an import of what is imported", func() { m.Write("shop/more.go", "package shop\n\nimport \"reflect\"\n\nvar _ = reflect.TypeOf\n") }, true},
		{"another import", func() { m.Write("shop/more.go", "package shop\n\nimport \"container/ring\"\n\nvar _ = ring.New\n") }, false},
		{"that import gone", func() { m.Write("shop/more.go", "package shop\n") }, true},
		{"go.mod", func() { m.Write("go.mod", m.Read("go.mod")+"\n// changed\n") }, false},
		{"another payload", payload("Item uint64"), true},
		{"another package with a schema", func() {
			m.Write("bar/schema.go", strings.NewReplacer("shop", "bar", `"order"`, `"bar"`, "Type: 1", "Type: 2").Replace(shop)+"\ntype OrderPlaced struct{}\n")
		}, false},
		{"both", func() { m.Write("bar/more.go", "package bar\n"); payload("Item uint32")() }, true},
		{"an import of one another", func() { m.Write("bar/more.go", "package bar\n\nimport _ \"example.com/app/shop\"\n") }, false},
	} {
		step.change()
		code, printed := run(t.Context(), m, "-v", "./...")
		if got := strings.Contains(printed, remembered); got != step.want || (code != command.OK) != (step.name == "a wrong payload" || step.name == "a type that is imported") {
			t.Fatalf("%s: run exits with %d, export data is remembered = %v, want %v:\n%s", step.name, code, got, step.want, printed)
		}
	}
	m.Write("bar/more.go", "package bar\n")
	for _, force := range []bool{false, true} {
		run(t.Context(), m, "./...") // learns
		code, printed := run(t.Context(), m, "-v", "-check", fmt.Sprint("-force=", force), "./...")
		if code != command.OK || strings.Contains(printed, remembered) == force {
			t.Errorf("-check with -force=%t exits with %d, want 0, and makes use of what is remembered unless it is forced:\n%s", force, code, printed)
		}
	}
}

// Whatever is changed, a run finds what one that is never left out would find.
func TestRunIsNotLeftOutWrongly(t *testing.T) {
	m := newShop(t)
	m.Write("parts/parts.go", "package parts\n\ntype Size struct{ Width int64 }\n")
	mod := m.Read("go.mod")
	var generated string
	for _, step := range []struct {
		name   string
		change func()
		want   int // exit code
	}{
		{"nothing", func() {}, command.OK},
		{"a payload", func() { m.Write("shop/events.go", "package shop\n\ntype OrderPlaced struct{ Item, Memo string }\n") }, command.OK},
		{"generated code", func() {
			generated = m.Read("shop/events.batpak.go")
			m.Write("shop/events.batpak.go", generated+"\n// more\n")
		}, command.OK},
		{"no generated code", func() { remove(t, m, "shop/events.batpak.go") }, command.OK},
		{"left over", func() { m.Write("shop/old.batpak.go", strings.SplitAfter(generated, "\n")[0]+"\npackage shop\n") }, command.OK},
		{"another package", func() {
			m.Write("bar/schema.go", strings.ReplaceAll(strings.ReplaceAll(shop, "shop", "bar"), `"order"`, `"bar"`)+"\ntype OrderPlaced struct{}\n")
		}, command.Findings}, // the kind is taken
		{"its kind", func() { m.Write("bar/schema.go", strings.Replace(m.Read("bar/schema.go"), "Type: 1", "Type: 2", 1)) }, command.OK},
		{"a type of another package", func() {
			m.Write("shop/events.go", "package shop\n\nimport \"example.com/app/parts\"\n\ntype OrderPlaced struct{ Size parts.Size }\n")
		}, command.OK},
		{"a field of that type", func() { m.Write("parts/parts.go", "package parts\n\ntype Size struct{ Width, Height int64 }\n") }, command.OK},
		{"one that cannot be stored", func() { m.Write("parts/parts.go", "package parts\n\ntype Size struct{ Width int }\n") }, command.Findings},
		{"that put right", func() { m.Write("parts/parts.go", "package parts\n\ntype Size struct{ Width int64 }\n") }, command.OK},
		{"a test", func() { m.Write("shop/shop_test.go", "package shop\n") }, command.OK},
		{"a name that is taken", func() { m.Write("shop/more.go", "package shop\n\nfunc Bind() {}\n") }, command.Findings},
		{"a constraint", func() { m.Write("shop/more.go", "//go:build never\n\npackage shop\n\nfunc Bind() {}\n") }, command.OK},
		{"a build tag", func() { t.Setenv("GOFLAGS", "-mod=mod -trimpath -tags=never") }, command.Findings},
		{"no build tag", func() { t.Setenv("GOFLAGS", "-mod=mod -trimpath") }, command.OK},
		{"go.mod", func() { m.Write("go.mod", mod+"\n// changed\n") }, command.OK},
		{"no schema", func() { remove(t, m, "shop/schema.go"); remove(t, m, "shop/events.go"); remove(t, m, "bar/schema.go") }, command.OK},
	} {
		step.change()
		for range 2 { // the second one may be left out from now on
			if code, printed := run(t.Context(), m, "-v", "./..."); code != step.want {
				t.Fatalf("%s: run exits with %d, want %d:\n%s", step.name, code, step.want, printed)
			}
		}
		if strings.HasSuffix(step.name, "generated code") {
			if code, printed := run(t.Context(), m, "-check", "-force", "./..."); code != step.want {
				t.Fatalf("%s: -check after the run exits with %d, want %d:\n%s", step.name, code, step.want, printed)
			}
		}
	}
}

func remove(t *testing.T, m *moduletest.Module, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(m.Dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

// Runs at the same time do not disturb each other.
func TestRunsBesideEachOther(t *testing.T) {
	m := newShop(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				if code, printed := run(t.Context(), m, "./..."); code != command.OK {
					t.Errorf("run exits with %d, want 0:\n%s", code, printed)
				}
			}
		})
	}
	all.Wait()
	if code, printed := run(t.Context(), m, "-check", "-force", "./..."); code != command.OK {
		t.Errorf("-check exits with %d, want 0:\n%s", code, printed)
	}
	names, err := filepath.Glob(filepath.Join(m.Dir, "shop", "*"))
	if err != nil || len(names) != 7 {
		t.Errorf("files = %v, %v, want the two written by hand, the four generated ones and the lock file", names, err)
	}
}

// With -watch, a change is followed by a run, and an interrupt ends it well.
func TestWatch(t *testing.T) {
	m := newShop(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out lines
	to := command.Streams{Out: &out, Err: &out}
	done := make(chan int)
	go func() { done <- command.Exit(generate.Run(ctx, []string{"-C", m.Dir, "-watch", "./..."}, to), to) }()

	await(t, &out, "up to date")
	first := m.Read("shop/events.batpak.go")
	m.Write("shop/events.go", "package shop\n\ntype OrderPlaced struct{ Item int }\n")
	await(t, &out, "BP104")
	m.Write("shop/events.go", "package shop\n\ntype OrderPlaced struct{ Item int64 }\n")
	await(t, &out, "up to date")
	if m.Read("shop/events.batpak.go") == first {
		t.Error("the generated code is the same for another payload")
	}
	interrupt()
	if code := <-done; code != command.OK {
		t.Errorf("the interrupted command exits with %d, want 0:\n%s", code, out.String())
	}
}

// await waits until a text is printed after what was printed before.
func await(t *testing.T, out *lines, text string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		out.mu.Lock()
		_, after, ok := strings.Cut(out.text.String(), text)
		if ok {
			out.text.Reset()
			out.text.WriteString(after)
		}
		out.mu.Unlock()
		if ok {
			return
		}
	}
	t.Fatalf("%q was not printed within five minutes; got:\n%s", text, out)
}

// With -no-tests there are none, and those that were there go, also if an earlier
// run had nothing to do.
func TestNoTests(t *testing.T) {
	m := newShop(t)
	for _, flags := range [][]string{{"./..."}, {"./..."}, {"-no-tests", "./..."}, {"-no-tests", "-check", "./..."}} {
		if code, printed := run(t.Context(), m, flags...); code != command.OK {
			t.Errorf("%v exits with %d, want 0:\n%s", flags, code, printed)
		}
		names, err := filepath.Glob(filepath.Join(m.Dir, "shop", "*_gen_test.go"))
		if err != nil || (len(names) == 0) != (flags[0] == "-no-tests") {
			t.Errorf("after %v the tests are %v, %v", flags, names, err)
		}
	}
}

// -n names what a run would do, and does nothing.
func TestDryRunNamesFiles(t *testing.T) {
	m := newShop(t)
	if code, printed := run(t.Context(), m, "-n", "./..."); code != command.OK || printed != "write shop/events.batpak.go\nwrite shop/frozen_gen_test.go\nwrite shop/generators_gen_test.go\nwrite shop/laws_gen_test.go\nwrite shop/batpak.lock.json\n" {
		t.Errorf("-n exits with %d and prints %q, want 0 and the files", code, printed)
	}
	if _, err := os.Stat(filepath.Join(m.Dir, "shop", "events.batpak.go")); err == nil {
		t.Error("-n wrote the file")
	}
	if code, _ := run(t.Context(), m, "./..."); code != command.OK {
		t.Fatal("run failed")
	}
	if code, printed := run(t.Context(), m, "-n", "./..."); code != command.OK || printed != "" {
		t.Errorf("-n exits with %d and prints %q, want 0 and nothing", code, printed)
	}
	m.Write("shop/events.go", "package shop\n\ntype OrderPlaced struct{ Item int }\n")
	if code, printed := run(t.Context(), m, "-n", "./..."); code != command.Findings || strings.Contains(printed, "write") {
		t.Errorf("-n of a wrong schema exits with %d and prints %q, want 1 and no file", code, printed)
	}
}

// What is generated and frozen depends neither on where the module is nor on where the
// command runs nor on which packages it is given.
func TestOutputDoesNotDependOnThePlace(t *testing.T) {
	examples := map[string]string{"bank": "examples/bank", "history": "examples/gitlog/history"}
	root := moduletest.Root(t)
	make := func() *moduletest.Module {
		m := moduletest.New(t)
		for name, dir := range examples {
			files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				if base := filepath.Base(file); !strings.HasSuffix(base, "_test.go") && !strings.HasSuffix(base, ".batpak.go") {
					source, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					m.Write("deep/er/"+name+"/"+base, string(source))
				}
			}
		}
		return m
	}
	one, two := make(), make()
	release := func(args ...string) {
		t.Helper()
		var out lines
		to := command.Streams{Out: &out, Err: &out}
		if code := command.Exit(generate.Release(t.Context(), args, to), to); code != command.OK {
			t.Fatalf("release %v exits with %d:\n%s", args, code, &out)
		}
	}
	release("-C", one.Dir, "./...")
	for name := range examples {
		release("-C", filepath.Join(two.Dir, "deep", "er", name))
		there, here := generated(t, one, "deep/er/"+name), generated(t, two, "deep/er/"+name)
		if len(there) < 8 || len(there) != len(here) || there[lock.Name] == "" {
			t.Errorf("%d and %d files are generated for %s, want as many, and eight at least, with a lock file", len(there), len(here), name)
		}
		for file, text := range there {
			if here[file] != text {
				t.Errorf("%s of %s is generated in two ways", file, name)
			}
		}
	}
}

// generated returns what is generated in a directory of a module: code, the lock
// file, and frozen payloads.
func generated(t *testing.T, m *moduletest.Module, dir string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	root := filepath.Join(m.Dir, filepath.FromSlash(dir))
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name := strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/")
		if strings.HasPrefix(string(text), "// Code generated by batpakgen.") || name == lock.Name || strings.HasSuffix(name, ".hex") {
			texts[name] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
