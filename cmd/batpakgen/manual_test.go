package main

import (
	"bytes"
	"go/doc/comment"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/internal/moduletest"
)

// The manual of the language is right: the code in the comment of package schema, put
// together, is a package that batpakgen finds nothing wrong with, that compiles
// with what is generated for it, and that is formatted as gofmt has it.
func TestManualIsRight(t *testing.T) {
	m := moduletest.New(t)
	head := `package manual

import (
	"strconv"
	"strings"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/schema"
)
`
	blocks := manualCode(t, filepath.Join(moduletest.Root(t), "schema", "doc.go"))
	for _, block := range blocks {
		formatted, err := format.Source([]byte(block))
		if err != nil || string(formatted) != block {
			t.Errorf("gofmt makes of the code in the manual, %v:\n%s\ninstead of\n%s", err, formatted, block)
		}
	}
	m.Write("manual/schema.go", head+"\n"+strings.Join(blocks, "\n"))
	var out bytes.Buffer
	if code := run(t.Context(), []string{"-C", m.Dir, "./manual"}, &out, &out); code != command.OK || out.Len() > 0 {
		t.Fatalf("batpakgen of the manual exits with %d and prints %q, want 0 and nothing", code, &out)
	}
	if out, err := m.Go("vet", "./manual"); err != nil {
		t.Errorf("go vet of the manual: %v\n%s", err, out)
	}
	text := strings.Join(blocks, "\n")
	for _, word := range []string{
		"schema.Entity[", "schema.Event[", "schema.Enum[", "schema.Chain{", "schema.Step(", "schema.Projection[", "schema.Fold[", "schema.On(",
		"schema.Gate[", "schema.Gates[", "schema.Codes{", "schema.Command[", "schema.Reactor[", "schema.Reactions[", "schema.React(", "schema.Retired{",
	} {
		if !strings.Contains(text, word) {
			t.Errorf("the manual has no example of %s", word)
		}
	}
}

// manualCode returns the blocks of Go code in the package comment of a file. Tables
// are set as code too; they hold no declaration.
func manualCode(t *testing.T, file string) []string {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	declaration := regexp.MustCompile(`(?m)^(const|func|type|var) `)
	var blocks []string
	for _, part := range new(comment.Parser).Parse(f.Doc.Text()).Content {
		if code, ok := part.(*comment.Code); ok && declaration.MatchString(code.Text) {
			blocks = append(blocks, code.Text)
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no code in its comment", file)
	}
	return blocks
}
