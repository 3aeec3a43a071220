package read_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/schema/read"
	"github.com/batpak-go/batpak/schema/source"
)

// named is the schema of shop for a package of another name.
func named(name string) []byte {
	return []byte(strings.Replace(shop, "package shop", "package "+name, 1))
}

// writeQuick writes packages with generated code in any state that the go command has
// nothing against, and returns the patterns for them.
func writeQuick(m *module) []string {
	m.t.Helper()
	m.write("quick/plain/plain.go", []byte("package plain\n"))
	m.write("quick/missing/schema.go", named("missing"))
	m.write("quick/current/schema.go", named("current"))
	m.write("quick/current/events.batpak.go", []byte(strings.Replace(generated, "package shop", "package current", 1)))
	m.write("quick/stale/schema.go", named("stale"))
	m.write("quick/stale/events.batpak.go", []byte(header+"\npackage stale\n\nvar placed int\n\ntype Journal struct{ Gone }\n"))
	m.write("quick/left/left.go", []byte("package left\n"))
	m.write("quick/left/events.batpak.go", []byte(header+"\npackage left\n"))
	return []string{"./quick/plain", "./quick/missing", "./quick/current", "./quick/stale", "./quick/left"}
}

// readUncompiled requires that packages which are loaded in the quick way read as they
// do in the other, in which all of the module were loaded: those of all cases that are one
// package, sound or wrong, and others.
func readUncompiled(t *testing.T, m *module, cases map[string]*txtar.Archive, patterns []string, all []*read.Result) {
	t.Helper()
	if _, err := read.LoadUncompiled(t.Context(), read.Config{Dir: m.dir, Patterns: []string{"./..."}, Env: m.env()}); err == nil {
		t.Fatal("all packages are loaded in the quick way, want that it is not sure of some")
	}
	for name, a := range cases {
		if isOnePackage(a) {
			patterns = append(patterns, "./"+name)
		}
	}
	quick, err := read.LoadUncompiled(t.Context(), read.Config{Dir: m.dir, Patterns: patterns, Env: m.env()})
	if err != nil {
		t.Fatal(err)
	}
	if len(quick) < len(patterns)-1 || len(quick) < 50 { // one has no schema
		t.Fatalf("%d packages are loaded in the quick way, want all of %d but one, and 50 at least", len(quick), len(patterns))
	}
	other := make(map[string]*read.Result)
	for _, r := range all {
		other[r.Package.Path] = r
	}
	for _, got := range quick {
		want := other[got.Package.Path]
		if want == nil {
			t.Errorf("%s is loaded in the quick way only", got.Package.Path)
			continue
		}
		if d := differ(want.Package, got.Package); d != "" {
			t.Errorf("schema of %s differs (-compiled +uncompiled):\n%s", want.Package.Path, d)
		}
		if d := differ(want.Diagnostics, got.Diagnostics); d != "" {
			t.Errorf("diagnostics of %s differ (-compiled +uncompiled):\n%s", want.Package.Path, d)
		}
		emitted := map[string][]byte{"events.batpak.go": []byte("package " + want.Package.Name + "\n\nimport \"go/types\"\n\nvar x, order int = types.Nil{}\n")}
		if d := differ(checked(want, emitted), checked(got, emitted)); d != "" {
			t.Errorf("a type check in %s differs (-compiled +uncompiled):\n%s", want.Package.Path, d)
		}
	}
}

// What is remembered of export data is used if it is there and sound, and asked for anew
// if it is not.
func TestExportDataIsRemembered(t *testing.T) {
	m := newModule(t)
	m.write("shop/schema.go", []byte(shop))
	m.write("broken", []byte("no export data"))
	kept := map[string]string{}
	broken := func(file string) map[string]string {
		files := maps.Clone(kept)
		files["context"] = file
		return files
	}
	for _, step := range []struct {
		name   string
		recall func() map[string]string
		asks   bool // the go command
	}{
		{"nothing", func() map[string]string { return nil }, true},
		{"all", func() map[string]string { return kept }, false},
		{"a file that is gone", func() map[string]string { return broken(filepath.Join(m.dir, "gone")) }, true},
		{"a file with something else", func() map[string]string { return broken(filepath.Join(m.dir, "broken")) }, false},
	} {
		asked := false
		results, err := read.Load(t.Context(), read.Config{
			Dir: m.dir, Patterns: []string{"./shop"}, Env: m.env(),
			Recall: func(dirs, imports []string) map[string]string {
				if len(dirs) != 1 || dirs[0] != filepath.Join(m.dir, "shop") || !slices.Equal(imports, []string{"context", source.SchemaPath}) {
					t.Errorf("asked for imports %v of %v, want those of shop", imports, dirs)
				}
				return step.recall()
			},
			Keep: func(_ []string, files map[string]string) { asked, kept = true, files },
		})
		if err != nil || len(results) != 1 || len(results[0].Diagnostics) > 0 || asked != step.asks {
			t.Fatalf("%s: Load = %d results, %v, and asked = %v, want one, nil, %v", step.name, len(results), err, asked, step.asks)
		}
		if ds, _ := results[0].TypeCheck(map[string][]byte{"events.batpak.go": []byte(generated)}); len(ds) > 0 {
			t.Errorf("%s: TypeCheck(sound file) = %v, want nothing", step.name, ds)
		}
	}
}

// isOnePackage reports whether all files of a case are in one directory.
func isOnePackage(a *txtar.Archive) bool {
	for _, f := range a.Files {
		if strings.HasSuffix(f.Name, ".go") && strings.Contains(f.Name, "/") {
			return false
		}
	}
	return true
}

// What the go command would treat in a way of its own, or find fault with, is not
// loaded in the quick way.
func TestUncompiledIsSure(t *testing.T) {
	m := newModule(t)
	m.write("lib/lib.go", []byte("package lib\n"))
	m.write("lib/internal/inner/inner.go", []byte("package inner\n"))
	m.write("broken/broken.go", []byte("package broken\n\nvar X int = \"\"\n"))
	m.write("program/main.go", []byte("package main\n\nfunc main() {}\n"))
	m.write("above/schema.go", named("above"))
	m.write("above/events.batpak.go", []byte(strings.Replace(generated, "package shop", "package above", 1)))
	m.write("between/between.go", []byte("package between\n\nimport _ \"example.com/cases/above\"\n"))
	add := func(name, file, text string) {
		m.write(name+"/schema.go", named(name))
		m.write(name+"/"+file, []byte(text))
	}
	imports := func(name, path string) { add(name, "more.go", "package "+name+"\n\nimport _ \""+path+"\"\n") }
	add("sound", "more_test.go", "package sound\n\nfunc {\n") // tests take no part
	add("excluded", "more.go", "//go:build never\n\npackage other\n\nfunc {\n")
	add("untyped", "more.go", "package untyped\n\nvar x int = \"\"\n")
	add("usescgo", "more.go", "package usescgo\n\nimport \"C\"\n")
	add("assembly", "more.s", "\n")
	add("embeds", "more.go", "package embeds\n\nimport _ \"embed\"\n\n//go:embed schema.go\nvar text string\n")
	add("mixed", "more.go", "package other\n")
	add("unparsed", "more.go", "package unparsed\n\nfunc {\n")
	add("torn", "events.batpak.go", "<<<<<<<\n"+header+"\npackage torn\n")
	imports("library", "example.com/cases/lib")
	imports("nowhere", "example.com/cases/nowhere")
	imports("elsewhere", "example.com/nowhere")
	imports("command", "example.com/cases/program")
	imports("fault", "example.com/cases/broken")
	imports("hidden", "example.com/cases/lib/internal/inner")
	imports("relative", "./lib")
	imports("everything", "all")
	imports("direct", "example.com/cases/above")
	imports("indirect", "example.com/cases/between")
	for _, c := range []struct {
		patterns string
		env      []string
		settings map[string]string
		sure     bool
	}{
		{patterns: "./sound ./excluded ./untyped ./library ./indirect", sure: true},
		{patterns: "./above ./sound", sure: true},
		{patterns: "./direct ./above"},
		{patterns: "./indirect ./above"},
		{patterns: "./excluded", env: []string{"GOFLAGS=-mod=mod -trimpath -tags=never"}},
		{patterns: "./usescgo", env: []string{"CGO_ENABLED=1"}},
		{patterns: "./assembly"},
		{patterns: "./embeds"},
		{patterns: "./mixed"},
		{patterns: "./unparsed"},
		{patterns: "./torn"},
		{patterns: "./nowhere"},
		{patterns: "./elsewhere"},
		{patterns: "./command"},
		{patterns: "./fault"},
		{patterns: "./hidden"},
		{patterns: "./relative"},
		{patterns: "./everything"},
		{patterns: "./missing"},
		{patterns: "./sound", env: []string{"GOFLAGS=-mod=mod -overlay=x.json"}},
		{patterns: "./sound", env: []string{"GOFLAGS=-mod=mod -compiler=gc"}},
		{patterns: "./sound", env: []string{"GOFLAGS=-mod=mod -compiler=gc"}, settings: map[string]string{}},
		{patterns: "./sound", settings: map[string]string{"GOARCH": "386", "GOFLAGS": "-compiler=gc"}},
		{patterns: "./sound", settings: map[string]string{"GOARCH": "unknown", "GOFLAGS": ""}},
		{patterns: "./sound", settings: map[string]string{"GOARCH": "386", "GOFLAGS": ""}, sure: true},
		{patterns: "./sound", env: []string{"GOPACKAGESDRIVER=x"}},
		{patterns: "./sound", env: []string{"GO111MODULE=off"}},
	} {
		_, err := read.LoadUncompiled(t.Context(), read.Config{
			Dir: m.dir, Patterns: strings.Fields(c.patterns), Env: m.env(c.env...), Settings: c.settings,
		})
		if (err == nil) != c.sure {
			t.Errorf("%s %v, settings %v: loaded in the quick way with error %v, want one = %v", c.patterns, c.env, c.settings, err, !c.sure)
		}
	}
	overlay := map[string][]byte{filepath.Join(m.dir, "sound", "schema.go"): named("sound")}
	if _, err := read.LoadUncompiled(t.Context(), read.Config{Dir: m.dir, Patterns: []string{"./sound"}, Env: m.env(), Overlay: overlay}); err == nil {
		t.Error("packages with an overlay are loaded in the quick way")
	}
}
