package read_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/evolution"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/read"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// TestCases loads the packages of all archives in testdata at once and compares
// the diagnostics of each with its section "want". Loaded again, they are the same, and
// so are those that can be loaded in the quick way.
func TestCases(t *testing.T) {
	cases := readCases(t)
	m := newModule(t)
	for name, a := range cases {
		for _, f := range a.Files {
			if f.Name != "want" {
				m.write(filepath.Join(name, f.Name), f.Data)
			}
		}
	}
	quick := writeQuick(m)
	results := m.load("./...")
	seen, ran := make(map[string]bool), 0
	for name, a := range cases {
		t.Run(name, func(t *testing.T) {
			ran++
			dir := filepath.Join(m.dir, name)
			ds := diagnose(t, results, func(p *model.Package) bool {
				return p.Dir == dir || strings.HasPrefix(p.Dir, dir+string(filepath.Separator))
			})
			var got bytes.Buffer
			if err := diag.Print(&got, dir, ds); err != nil {
				t.Fatal(err)
			}
			for _, d := range ds {
				seen[d.Code] = true
				if d.Pos.Line == 0 || d.Pos.Column == 0 || d.Pos.Filename == "" {
					t.Errorf("%s [%s]: got position %v, want file, line and column", d.Message, d.Code, d.Pos)
				}
			}
			compareWant(t, name, a, got.Bytes())
		})
	}
	if ran == len(cases) { // not those alone that -run names
		everyCodeIsPinned(t, seen)
	}
	t.Run("again", func(t *testing.T) { areTheSame(t, results, m.load("./...")) })
	t.Run("uncompiled", func(t *testing.T) { readUncompiled(t, m, cases, quick, results) })
}

// differ says in what a value differs from the one that is wanted, which most do not:
// package cmp takes its time to find that.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// areTheSame compares the models and the diagnostics of two loads.
func areTheSame(t *testing.T, one, other []*read.Result) {
	t.Helper()
	type outcome struct {
		Schema      *model.Package
		Diagnostics []diag.Diagnostic
	}
	outcomes := func(results []*read.Result) []outcome {
		var list []outcome
		for _, r := range results {
			ds := slices.Concat(r.Diagnostics, check.Packages(r.Package)[r.Package.Path])
			list = append(list, outcome{r.Package, ds})
		}
		return list
	}
	if d := differ(outcomes(one), outcomes(other)); d != "" {
		t.Errorf("two loads differ:\n%s", d)
	}
}

// diagnose returns the diagnostics of the packages of a case.
func diagnose(t *testing.T, results []*read.Result, of func(*model.Package) bool) []diag.Diagnostic {
	t.Helper()
	var ds []diag.Diagnostic
	var models []*model.Package
	for _, r := range results {
		if of(r.Package) {
			ds = append(ds, r.Diagnostics...)
			models = append(models, r.Package)
		}
	}
	for _, more := range check.Packages(models...) {
		ds = append(ds, more...)
	}
	if !diag.HasErrors(ds) {
		for _, p := range models {
			ds = append(ds, evolve(t, p)...)
		}
	}
	diag.Sort(ds)
	return ds
}

// evolve returns the diagnostics about what was promised of a package.
func evolve(t *testing.T, p *model.Package) []diag.Diagnostic {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.Dir, "testdata", "batpak", "*"))
	if err != nil {
		t.Fatal(err)
	}
	payloads := make(map[string][]byte)
	for _, file := range files {
		if payloads["testdata/batpak/"+filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(p.Dir, lock.Name)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return evolution.MissingBP610(p.Dir, payloads, evolution.Interrupted(p, new(lock.File), payloads))
	}
	if err != nil {
		t.Fatal(err)
	}
	was, ds := evolution.Read(name, data)
	if was == nil {
		return ds
	}
	next, ds := evolution.Judge(p, was)
	ds = append(ds, evolution.FrozenBP611(p.Dir, was, payloads)...)
	if _, err := os.Stat(filepath.Join(p.Dir, "no-drafts")); err == nil {
		ds = append(ds, evolution.DraftsBP612(p, next)...)
	}
	return ds
}

// compareWant compares what was printed with what the archive wants.
func compareWant(t *testing.T, name string, a *txtar.Archive, got []byte) {
	t.Helper()
	i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "want" })
	if i < 0 {
		t.Fatal("archive has no section want")
	}
	if *update {
		a.Files[i].Data = got
		if err := os.WriteFile(filepath.Join("testdata", name+".txtar"), txtar.Format(a), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(string(a.Files[i].Data), string(got)); d != "" {
		t.Errorf("diagnostics differ (-want +got):\n%s", d)
	}
	if want := strings.ToUpper(name); regexp.MustCompile(`^BP\d+$`).MatchString(want) && !bytes.Contains(got, []byte("["+want+"]")) {
		t.Errorf("got no diagnostic with code %s", want)
	}
}

// everyCodeIsPinned compares the codes that the cases give with the table. The last
// four belong to the emitters and the command, whose scripts show them: diagnostics,
// foreign, check and skew.
func everyCodeIsPinned(t *testing.T, seen map[string]bool) {
	t.Helper()
	for _, code := range diag.Codes() {
		elsewhere := slices.Contains([]string{"BP701", "BP702", "BP703", "BP900"}, code)
		if !seen[code] && !elsewhere {
			t.Errorf("code %s: no case gives it", code)
		}
		delete(seen, code)
	}
	delete(seen, "")
	for code := range seen {
		t.Errorf("code %s: not in the table of package diag", code)
	}
}

// readCases reads the archives.
func readCases(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob(testdata) = %v, %v, want archives", files, err)
	}
	cases := make(map[string]*txtar.Archive, len(files))
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases[strings.TrimSuffix(filepath.Base(file), ".txtar")] = a
	}
	return cases
}
