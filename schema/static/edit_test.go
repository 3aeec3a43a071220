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
	list := []string{bank, removals}
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

// removals is a schema whose fold deletes from maps by functions, of which it is judged
// what they do, also when types are not what they should be.
const removals = `package bank

import (
	"maps"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/schema"
)

type ID string

var account = schema.Entity[ID]{Prefix: "account"}

var opened = schema.Event[Opened]{Category: 1, Type: 1, Version: 1, Entity: account}

type Opened struct{ Name string }

var counts = schema.Projection[Counts]{Name: "counts", Version: 1, Per: account, Fold: schema.Fold[Counts]{schema.On(opened, (*Counts).opened)}}

type Counts struct {
	By    map[string]Odd
	Least int64
}

type Odd struct {
	N   int64
	Odd [2]Part
}

type Part struct{ Names []string }

func (c *Counts) opened(e batpak.Stored[Opened]) {
	maps.DeleteFunc(c.By, func(name string, o Odd) bool {
		n := o.N
		for _, r := range name {
			if r > 'z' {
				n++
			}
		}
		return n < c.Least || strings.HasPrefix(name, e.Payload.Name) || few(o.N) || gone(o)
	})
	maps.DeleteFunc(c.By, unnamed)
	_ = maps.EqualFunc(c.By, c.By, func(a, b Odd) bool { return a.N == b.N && len(c.By) > 1 })
}

func few(n int64) bool { return n < 3 }

func gone(o Odd) bool { return len(o.Odd[0].Names) == 0 }

func unnamed(name string, _ Odd) bool { return name == "" }
`

// What cannot be is judged as well: types that hold themselves, and that are not there.
func TestRemovalsOfAnyType(t *testing.T) {
	w := newWorld(t)
	if ds := findings(w, removals); len(ds) != 1 || ds[0].Code != "BP304" || !strings.Contains(ds[0].Message, "calls maps.DeleteFunc") {
		t.Errorf("findings = %v, want one about what gone is given, which has a slice", ds)
	}
	for _, change := range []struct{ from, to string }{
		{"Odd [2]Part", "Odd Odd"},
		{"Odd [2]Part", "Odd [2]Odd"},
		{"map[string]Odd", "map[string]Nowhere"},
		{"map[string]Odd", "Nowhere"},
		{"range name", "range nowhere"},
		{"few(o.N)", "nowhere(o.N)"},
		{"few(o.N)", "few"},
		{"unnamed(name string, _ Odd) bool", "unnamed[T any](name T, _ Odd) bool"},
		{"unnamed)", "nowhere)"},
	} {
		readEdited(t, w, strings.Replace(removals, change.from, change.to, 1))
	}
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
