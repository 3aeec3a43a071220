package output_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/cmd/internal/output"
	"github.com/batpak-go/batpak/gen"
)

// ours is a generated file with the given rest.
func ours(rest string) string { return gen.Header + "\n\npackage p\n" + rest }

// tree writes files into a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read returns the files of a directory.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

func emitted(name, text string) []gen.File {
	return []gen.File{{Name: name, Source: []byte(text)}}
}

func plan(t *testing.T, dir string, files []gen.File) *output.Plan {
	t.Helper()
	var p output.Plan
	if err := p.Compare("example.com/p", dir, files); err != nil {
		t.Fatalf("Compare() = %v, want nil", err)
	}
	return &p
}

func TestCompareNamesWhatDiffers(t *testing.T) {
	conflicted := "<<<<<<< HEAD\n" + ours("var a int\n=======\nvar b int\n>>>>>>> theirs\n")
	tests := []struct {
		name  string
		there map[string]string
		emit  []gen.File
		want  map[string]output.State
	}{
		{"nothing there", nil, emitted("events.batpak.go", ours("")), map[string]output.State{"events.batpak.go": output.Missing}},
		{"the same", map[string]string{"events.batpak.go": ours("")}, emitted("events.batpak.go", ours("")), map[string]output.State{}},
		{"other bytes", map[string]string{"events.batpak.go": ours("var x int\n")}, emitted("events.batpak.go", ours("")), map[string]output.State{"events.batpak.go": output.Stale}},
		{"merge conflict", map[string]string{"events.batpak.go": conflicted}, emitted("events.batpak.go", ours("")), map[string]output.State{"events.batpak.go": output.Stale}},
		{"written by hand", map[string]string{"events.batpak.go": "package p\n" + gen.Header + "\n"}, emitted("events.batpak.go", ours("")), map[string]output.State{"events.batpak.go": output.Foreign}},
		{"left over", map[string]string{"views.batpak.go": ours("")}, nil, map[string]output.State{"views.batpak.go": output.Orphan}},
		{"left over test", map[string]string{"frozen_gen_test.go": ours("")}, nil, map[string]output.State{"frozen_gen_test.go": output.Orphan}},
		{"left over but not ours", map[string]string{"views.batpak.go": "package p\n"}, nil, map[string]output.State{}},
		{"ours under another name", map[string]string{"copy.go": ours("")}, nil, map[string]output.State{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]output.State{}
			for _, c := range plan(t, tree(t, tt.there), tt.emit).Changes() {
				got[filepath.Base(c.Path)] = c.State
				if c.Package != "example.com/p" {
					t.Errorf("change of %s has package %q, want example.com/p", c.Path, c.Package)
				}
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("Compare(%s) differs (-want +got):\n%s", tt.name, d)
			}
		})
	}
}

func TestApplyMakesTheTreeWhatWasEmitted(t *testing.T) {
	dir := tree(t, map[string]string{
		"schema.go":          "package p\n",
		"events.batpak.go":   ours("var old int\n"),
		"commands.batpak.go": ours(""),
	})
	files := append(emitted("events.batpak.go", ours("var new int\n")), emitted("views.batpak.go", ours(""))...)
	if err := plan(t, dir, files).Apply(); err != nil {
		t.Fatalf("Apply() = %v, want nil", err)
	}
	want := map[string]string{
		"schema.go":        "package p\n",
		"events.batpak.go": ours("var new int\n"),
		"views.batpak.go":  ours(""),
	}
	if d := cmp.Diff(want, read(t, dir)); d != "" {
		t.Errorf("files after Apply differ (-want +got):\n%s", d)
	}
	if got := plan(t, dir, files).Changes(); len(got) > 0 {
		t.Errorf("changes after Apply = %v, want none", got)
	}
}

func TestApplyKeepsPermissions(t *testing.T) {
	dir := tree(t, map[string]string{"events.batpak.go": ours("var old int\n")})
	path := filepath.Join(dir, "events.batpak.go")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := plan(t, dir, emitted("events.batpak.go", ours(""))).Apply(); err != nil {
		t.Fatalf("Apply() = %v, want nil", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("permissions after Apply = %o, want 600", got)
	}
}

// A plan in which any file is another's changes nothing at all.
func TestApplyRefusesForeignFiles(t *testing.T) {
	there := map[string]string{"events.batpak.go": "package p\n", "commands.batpak.go": ours("")}
	dir := tree(t, there)
	files := append(emitted("events.batpak.go", ours("")), emitted("views.batpak.go", ours(""))...)
	if err := plan(t, dir, files).Apply(); err == nil {
		t.Error("Apply() = nil, want an error")
	}
	if d := cmp.Diff(there, read(t, dir)); d != "" {
		t.Errorf("files after a refused Apply differ (-want +got):\n%s", d)
	}
}

// A file that cannot be staged leaves the tree as it was, without leftovers.
func TestApplyFailsBeforeItChanges(t *testing.T) {
	dir := tree(t, map[string]string{"events.batpak.go": ours("var old int\n")})
	var p output.Plan
	if err := p.Compare("example.com/p", dir, emitted("events.batpak.go", ours(""))); err != nil {
		t.Fatal(err)
	}
	gone := tree(t, nil)
	if err := p.Compare("example.com/gone", gone, emitted("events.batpak.go", ours(""))); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(); err == nil {
		t.Error("Apply() = nil, want an error")
	}
	if d := cmp.Diff(map[string]string{"events.batpak.go": ours("var old int\n")}, read(t, dir)); d != "" {
		t.Errorf("files after a failed Apply differ (-want +got):\n%s", d)
	}
}

// Data have no header and may lie in a directory of their own, which is made.
func TestCompareData(t *testing.T) {
	dir := tree(t, map[string]string{"lock.json": "old", "same.json": "same", "void.hex": "void"})
	data := []output.Data{
		{Name: "testdata/batpak/a.hex", Bytes: []byte("a")},
		{Name: "void.hex"},
		{Name: "never.hex"},
		{Name: "same.json", Bytes: []byte("same")},
		{Name: "lock.json", Bytes: []byte("new")},
	}
	var p output.Plan
	if err := p.CompareData("example.com/p", dir, data); err != nil {
		t.Fatalf("CompareData() = %v, want nil", err)
	}
	var got []string
	for _, c := range p.Changes() {
		got = append(got, fmt.Sprint(c.Package, " ", filepath.Base(c.Path), " ", c.State))
	}
	want := []string{"example.com/p a.hex is missing", "example.com/p void.hex is no longer produced", "example.com/p lock.json is out of date"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("changes differ (-want +got):\n%s", d)
	}
	if err := p.Apply(); err != nil {
		t.Fatalf("Apply() = %v, want nil", err)
	}
	if d := cmp.Diff(map[string]string{"a.hex": "a"}, read(t, filepath.Join(dir, "testdata", "batpak"))); d != "" {
		t.Errorf("files below differ (-want +got):\n%s", d)
	}
	var again output.Plan
	if err := again.CompareData("example.com/p", dir, data); err != nil || len(again.Changes()) > 0 {
		t.Errorf("changes after Apply = %v, %v, want none", again.Changes(), err)
	}
}

// What somebody else wrote since the comparison is not overwritten: a release that
// was made meanwhile, for example.
func TestApplyNoticesChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"written": func(path string) error { return os.WriteFile(path, []byte("released"), 0o644) },
		"removed": os.Remove,
	} {
		dir := tree(t, map[string]string{"lock.json": "draft"})
		var p output.Plan
		if err := p.CompareData("example.com/p", dir, []output.Data{{Name: "a.hex", Bytes: []byte("a")}, {Name: "lock.json", Bytes: []byte("next")}}); err != nil {
			t.Fatal(err)
		}
		if err := change(filepath.Join(dir, "lock.json")); err != nil {
			t.Fatal(err)
		}
		want := read(t, dir)
		if err := p.Apply(); err == nil {
			t.Errorf("%s: Apply() = nil, want an error", name)
		}
		if d := cmp.Diff(want, read(t, dir)); d != "" {
			t.Errorf("%s: files after Apply differ (-want +got):\n%s", name, d)
		}
		if err := os.WriteFile(filepath.Join(dir, "lock.json"), []byte("next"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := p.Apply(); err != nil {
			t.Errorf("%s: Apply() over what it would write = %v, want nil", name, err)
		}
	}
}

func TestCompareRefusesSymlinks(t *testing.T) {
	dir := tree(t, map[string]string{"elsewhere": ours("")})
	if err := os.Symlink("elsewhere", filepath.Join(dir, "events.batpak.go")); err != nil {
		t.Skip(err)
	}
	changes := plan(t, dir, emitted("events.batpak.go", ours(""))).Changes()
	if len(changes) != 1 || changes[0].State != output.Foreign {
		t.Errorf("changes for a symbolic link = %v, want one foreign file", changes)
	}
}

func TestDiff(t *testing.T) {
	dir := tree(t, map[string]string{"events.batpak.go": ours("var old int\n"), "views.batpak.go": ours("")})
	files := append(emitted("events.batpak.go", ours("var new int\n")), emitted("commands.batpak.go", "package p\n")...)
	var got bytes.Buffer
	if err := plan(t, dir, files).Diff(&got, filepath.Dir(dir)); err != nil {
		t.Fatalf("Diff() = %v, want nil", err)
	}
	base := filepath.Base(dir)
	for _, line := range []string{
		"--- /dev/null\n+++ " + base + "/commands.batpak.go\n",
		"--- " + base + "/events.batpak.go\n+++ " + base + "/events.batpak.go\n",
		"\n-var old int\n+var new int\n",
		"--- " + base + "/views.batpak.go\n+++ /dev/null\n",
	} {
		if !bytes.Contains(got.Bytes(), []byte(line)) {
			t.Errorf("Diff() lacks %q:\n%s", line, got.Bytes())
		}
	}
}

func TestList(t *testing.T) {
	dir := tree(t, map[string]string{"events.batpak.go": ours("var old int\n"), "views.batpak.go": ours("")})
	files := append(emitted("events.batpak.go", ours("var new int\n")), emitted("commands.batpak.go", "package p\n")...)
	var got bytes.Buffer
	if err := plan(t, dir, files).List(&got, filepath.Dir(dir)); err != nil {
		t.Fatalf("List() = %v, want nil", err)
	}
	base := filepath.Base(dir)
	want := "write " + base + "/commands.batpak.go\nwrite " + base + "/events.batpak.go\nremove " + base + "/views.batpak.go\n"
	if got.String() != want {
		t.Errorf("List() wrote %q, want %q", &got, want)
	}
}

func TestDumpKeepsWhatIsNotFit(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := output.Dump("", emitted("events.batpak.go", "package"))
	if err != nil {
		t.Fatalf("Dump() = %v, want nil", err)
	}
	if d := cmp.Diff(map[string]string{"events.batpak.go": "package"}, read(t, dir)); d != "" {
		t.Errorf("dumped files differ (-want +got):\n%s", d)
	}
}
