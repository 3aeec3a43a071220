package static_test

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/internal/edited"
)

// sources are what edits begin with: the bank and the cases of the reader.
func sources(t testing.TB) []string {
	t.Helper()
	list := []string{bank}
	archives, err := filepath.Glob("../read/testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("Glob = %v, %v, want archives", archives, err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, ".go") {
				list = append(list, string(file.Data))
			}
		}
	}
	return list
}

// readEdited requires of an edited source what holds of each: reading it does not
// panic, every diagnostic has a position in it and a known code, and what has none can
// be generated.
func readEdited(t *testing.T, w world, source string) {
	t.Helper()
	pkg, ds := readSource(w, source)
	areWithin(t, source, ds)
	if pkg == nil || diag.HasErrors(ds) {
		return
	}
	if _, _, err := gen.Generate(pkg); err != nil {
		t.Errorf("Generate = %v, want nil, as the schema has no errors:\n%s", err, source)
	}
}

// FuzzReadEdited edits sources token by token, so that more of them parse than of
// those that are changed byte by byte.
func FuzzReadEdited(f *testing.F) {
	list := sources(f)
	rng := rand.New(rand.NewPCG(1, 2))
	for which := range list {
		edits := make([]byte, 8)
		for i := range edits {
			edits[i] = byte(rng.Uint32())
		}
		f.Add(uint16(which), edits)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, which uint16, edits []byte) {
		readEdited(t, w, edited.Script(edits).Apply(list[int(which)%len(list)]))
	})
}
