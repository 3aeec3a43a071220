package static_test

import (
	"encoding/binary"
	"go/scanner"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/diag"
)

// script is a list of edits, 4 bytes each, that a fuzzer can make up.
type script []byte

// words are what edits put into a source.
var words = []string{
	"x", "account", "opened", "schema", "batpak", "Entity", "Event", "Projection", "Gate", "Command", "Fold", "On", "Step", "Chain", "Enum", "Retired", "Reactor",
	"[", "]", "{", "}", "(", ")", ",", ".", ":", "=", ":=", "*", "&", "...", ";", "\n", "<-", "func", "struct", "interface", "map", "chan", "type", "var", "const",
	"package", "import", "any", "string", "int", "int64", "float64", "nil", "iota", "_", "0", "1", "-1", "1 << 70", `""`, `"\x00"`, "`bat:\"a,b\"`", "'a'", "1.5", "true", "//", "/*", "*/",
	"[]byte", "[T any]", "[int]", "schema.Event[x]{}", "schema.Entity[string]{}", "//line x.go:1:1\n", "//go:build x\n",
}

// tokens splits a source into its tokens, each with what follows it.
func tokens(source string) []string {
	var s scanner.Scanner
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", -1, len(source)), []byte(source), nil, scanner.ScanComments)
	var list []string
	last := 0
	for {
		pos, tok, _ := s.Scan()
		at := fset.Position(pos).Offset
		if tok == token.EOF || at > len(source) {
			return append(list, source[last:])
		}
		if at > last {
			list = append(list, source[last:at])
			last = at
		}
	}
}

// apply edits a source: it drops, doubles, moves, exchanges, replaces and inserts
// tokens.
func (s script) apply(source string) string {
	list := tokens(source)
	for ; len(s) >= 4 && len(list) > 0; s = s[4:] {
		at := int(binary.LittleEndian.Uint16(s[1:])) % len(list)
		other := (at + 1 + int(s[3])) % len(list)
		word := words[int(s[3])%len(words)]
		switch s[0] % 6 {
		case 0:
			list = append(list[:at], list[at+1:]...)
		case 1:
			list = append(list[:at+1], list[at:]...)
		case 2:
			list[at], list[other] = list[other], list[at]
		case 3:
			list[at] = list[other]
		case 4:
			list[at] = word + " "
		case 5:
			list[at] += word + " "
		}
	}
	return strings.Join(list, "")
}

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
		edits := make(script, 8)
		for i := range edits {
			edits[i] = byte(rng.Uint32())
		}
		f.Add(uint16(which), []byte(edits))
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, which uint16, edits []byte) {
		readEdited(t, w, script(edits[:min(len(edits), 64)]).apply(list[int(which)%len(list)]))
	})
}
