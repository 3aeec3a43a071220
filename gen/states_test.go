package gen_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/read"
)

// Whatever a saved state depends on is in the fingerprint of its codec, and what it
// does not depend on is not.
func TestStatesOfAnotherShapeHaveAnotherFingerprint(t *testing.T) {
	mutations := map[string]struct {
		from, to string
		changed  []string // projections
	}{
		"nothing":                    {"package kept", "package kept", nil},
		"doc":                        {"// Sold is what lies", "// Sold is all that lies", nil},
		"version of a projection":    {`"contents", Version: 3`, `"contents", Version: 4`, []string{"contents"}},
		"name of a projection":       {`"best-sellers"`, `"best-buys"`, []string{"best-buys"}},
		"field of a state":           {"type Sold struct{ Pieces int64 }", "type Sold struct{ Pieces int64; More bool }", []string{"best-sellers"}},
		"field within a state":       {"type Line struct {", "type Line struct {\n\tColor string", []string{"contents"}},
		"wire name within a state":   {"Noted  time.Time", "Noted  time.Time `bat:\"at\"`", []string{"contents"}},
		"field of an event":          {"Article string\n\tPieces  int64\n}\n\ntype Note", "Article string\n\tPieces  int64\n\tMore string `bat:\",optional\"`\n}\n\ntype Note", []string{"best-sellers", "contents"}},
		"bound of a state and event": {"max=20", "max=21", []string{"contents", "latest"}},
		"kind of an event":           {"Type: 2", "Type: 3", []string{"contents", "latest"}},
		"what is ignored":            {"Ignore: schema.Events{note},\n}", "Ignore: schema.Events{note, gone},\n}\n\nvar gone = schema.Event[Gone]{Category: 7, Type: 9, Version: 1, Entity: basket}\n\ntype Gone struct{}", nil},
	}
	kept := goldenCases(t)["kept"]
	cases := map[string]goldenCase{}
	for name, m := range mutations {
		mutant := &txtar.Archive{}
		found := false
		for _, f := range kept.archive.Files {
			text := string(f.Data)
			if !strings.HasSuffix(f.Name, ".go") || strings.HasSuffix(f.Name, "_test.go") || strings.HasPrefix(f.Name, wanted) {
				continue
			}
			found = found || strings.Contains(text, m.from)
			text = strings.Replace(text, m.from, m.to, 1)
			if name == "what is ignored" {
				text = strings.NewReplacer("Ignore: schema.Events{added}", "Ignore: schema.Events{added, gone}",
					"(*Contents).noted)},", "(*Contents).noted)}, Ignore: schema.Events{gone},").Replace(text)
			}
			mutant.Files = append(mutant.Files, txtar.File{Name: f.Name, Data: []byte(text)})
		}
		if !found {
			t.Errorf("%s: nothing to change", name)
		}
		cases[strings.ReplaceAll(name, " ", "-")] = goldenCase{"", mutant}
	}
	dir := newModule(t, cases)
	shapes := map[string]map[string]string{} // mutation -> projection -> fingerprint
	pattern := regexp.MustCompile(`Projection: "([a-z-]+)",\n\tShape: +(0x[0-9a-f]{16}),`)
	results, err := read.Load(t.Context(), read.Config{Dir: dir, Patterns: []string{"./..."}, Env: environment()})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		report(t, dir, append(r.Diagnostics, check.Packages(r.Package)[r.Package.Path]...))
		name := strings.ReplaceAll(strings.TrimPrefix(r.Package.Path, "example.com/golden/"), "-", " ")
		shapes[name] = map[string]string{}
		for _, m := range pattern.FindAllSubmatch(sources(generate(t, r.Package))["views.batpak.go"], -1) {
			shapes[name][string(m[1])] = string(m[2])
		}
	}
	seen := map[string]bool{}
	for name, m := range mutations {
		var changed []string
		for _, p := range slices.Sorted(maps.Keys(shapes[name])) {
			fingerprint := shapes[name][p]
			if fingerprint == shapes["nothing"][p] {
				continue
			}
			changed = append(changed, p)
			if seen[fingerprint] {
				t.Errorf("%s: %s has a fingerprint that another change gives", name, p)
			}
			seen[fingerprint] = true
		}
		if name == "nothing" {
			changed = nil // compared with itself
		}
		if len(shapes[name]) != 3 || !slices.Equal(changed, m.changed) {
			t.Errorf("%s changes the fingerprints of %v among %v, want %v", name, changed, shapes[name], m.changed)
		}
	}
}
