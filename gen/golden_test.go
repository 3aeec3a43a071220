package gen_test

import (
	"bytes"
	"flag"
	"maps"
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

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/read"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A golden case is testdata/NAME.txtar: the files of package
// example.com/golden/NAME and packages below it, and under want/ those that are
// emitted for them.
type goldenCase struct {
	path    string
	archive *txtar.Archive
}

const wanted = "want/"

func goldenCases(t *testing.T) map[string]goldenCase {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("golden files: %v, %v, want some", paths, err)
	}
	cases := map[string]goldenCase{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases[strings.TrimSuffix(filepath.Base(path), ".txtar")] = goldenCase{path, archive}
	}
	return cases
}

// newModule writes a module example.com/golden that uses this one, with a
// directory for each case, and returns its directory.
func newModule(t *testing.T, cases map[string]goldenCase) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	const path = "github.com/batpak-go/batpak"
	mod = regexp.MustCompile(`(?m)^module .*$`).ReplaceAll(mod, []byte("module example.com/golden"))
	mod = append(mod, "\nrequire "+path+" v0.0.0\n\nreplace "+path+" => "+root+"\n"...)
	write(t, filepath.Join(dir, "go.mod"), mod)
	write(t, filepath.Join(dir, "go.sum"), sum)
	for name, c := range cases {
		for _, f := range c.archive.Files {
			if !strings.HasPrefix(f.Name, wanted) {
				write(t, filepath.Join(dir, name, f.Name), f.Data)
			}
		}
	}
	return dir
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// environment is that of the process without what would tie the go command to
// another module. Its processes end soon, and collect less garbage until then. What they
// compiled once is in the cache, wherever the module is.
func environment() []string {
	return append(os.Environ(), "GOFLAGS=-mod=mod -trimpath", "GOWORK=off", "GOPROXY=off", "GOGC=400")
}

// load reads and checks the packages of a module, which have to be right.
func load(t *testing.T, dir string, overlay map[string][]byte, patterns ...string) []*read.Result {
	t.Helper()
	results, err := read.Load(t.Context(), read.Config{
		Dir: dir, Patterns: patterns, Env: environment(), Overlay: overlay,
	})
	if err != nil {
		t.Fatal(err)
	}
	var models []*model.Package
	for _, r := range results {
		report(t, dir, r.Diagnostics)
		models = append(models, r.Package)
	}
	for _, ds := range check.Packages(models...) {
		report(t, dir, ds)
	}
	return results
}

// report fails the test for errors among diagnostics.
func report(t *testing.T, dir string, ds []diag.Diagnostic) {
	t.Helper()
	if diag.HasErrors(ds) {
		var b bytes.Buffer
		if err := diag.Print(&b, dir, ds); err != nil {
			t.Fatal(err)
		}
		t.Fatalf("schema has errors, want none:\n%s", &b)
	}
}

// sources are files by name.
func sources(files []gen.File) map[string][]byte {
	m := make(map[string][]byte, len(files))
	for _, f := range files {
		m[f.Name] = f.Source
	}
	return m
}

func TestGolden(t *testing.T) {
	cases := goldenCases(t)
	dir := newModule(t, cases)
	emitted := map[string]map[string]string{} // case -> file below want/ -> source
	for name := range cases {
		emitted[name] = map[string]string{}
	}
	for _, r := range load(t, dir, nil, "./...") {
		files := generate(t, r.Package)
		faults, _ := r.TypeCheck(sources(files))
		report(t, dir, faults)
		tests := generateTests(t, r.Package)
		repeated(t, r.Package, files, tests)
		files = append(files, tests...)
		name, below, _ := strings.Cut(strings.TrimPrefix(r.Package.Path, "example.com/golden/"), "/")
		for _, f := range files {
			emitted[name][path.Join(below, f.Name)] = string(f.Source)
		}
	}
	for name, c := range cases {
		if *update {
			c.rewrite(t, emitted[name])
			continue
		}
		want := map[string]string{}
		for _, f := range c.archive.Files {
			if rest, ok := strings.CutPrefix(f.Name, wanted); ok {
				want[rest] = string(f.Data)
			}
		}
		if d := cmp.Diff(want, emitted[name]); d != "" {
			t.Errorf("files emitted for %s differ (-want +got), rewrite with -update:\n%s", c.path, d)
		}
	}
}

// rewrite puts emitted files into the case's archive, in place of those there.
func (c goldenCase) rewrite(t *testing.T, emitted map[string]string) {
	t.Helper()
	c.archive.Files = slices.DeleteFunc(c.archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, wanted) })
	for _, name := range slices.Sorted(maps.Keys(emitted)) {
		c.archive.Files = append(c.archive.Files, txtar.File{Name: wanted + name, Data: []byte(emitted[name])})
	}
	write(t, c.path, txtar.Format(c.archive))
}

// The emitted codecs are run, by the tests that the cases bring along and by those
// that are emitted, also for the payloads which an interpreter of shapes encodes: it is a
// second implementation of the profile.
// skipped leaves out the law of an upcast that panics on purpose.
const skipped = "-skip=^TestBatpakUpcastsRated$"

func TestGoldenCodecsRun(t *testing.T) {
	cases := goldenCases(t)
	dir := newModule(t, cases)
	for _, r := range load(t, dir, nil, "./...") {
		for _, e := range r.Package.Events {
			freeze(t, r.Package.Dir, e)
		}
	}
	for name, c := range cases {
		for _, f := range c.archive.Files {
			if rest, ok := strings.CutPrefix(f.Name, wanted); ok {
				write(t, filepath.Join(dir, name, rest), f.Data)
			}
		}
	}
	// An upcast of package lifted panics, for its own test to see what a reader makes of
	// that. The emitted law finds it.
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=all", skipped, "./...")
	cmd.Dir, cmd.Env = dir, environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go test of the golden packages = %v, want nil:\n%s", err, out)
	}
}

// freeze writes payloads of each version of an event, as a release does.
func freeze(t *testing.T, dir string, e *model.Event) {
	t.Helper()
	frozenOf := func(version uint16, s *model.Struct) {
		write(t, filepath.Join(dir, filepath.FromSlash(frozen.Path(e.Kind(), version))), frozen.Grow(nil, e.Kind(), version, s))
	}
	for _, u := range e.Upcasts {
		frozenOf(u.From, u.Source)
	}
	frozenOf(e.Version, e.Payload)
}
