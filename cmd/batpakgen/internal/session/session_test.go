package session

import (
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// Output that does not compile is kept where it can be looked at.
func TestBrokenOutputIsKept(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	err := broken(
		&model.Package{Path: "example.com/p"},
		[]gen.File{{Name: "events.batpak.go", Source: []byte("package p\n\nvar x int = y\n")}},
		[]diag.Diagnostic{{
			Pos:     token.Position{Filename: "/src/p/events.batpak.go", Line: 3, Column: 13},
			Message: "undefined: y",
		}},
	)
	for _, want := range []string{"example.com/p", temp, "events.batpak.go:3:13: undefined: y [BP900]", "nothing in your tree was changed"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("broken() = %v, want it to mention %q", err, want)
		}
	}
	kept, err := filepath.Glob(filepath.Join(temp, "batpakgen-*", "events.batpak.go"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept files = %v, %v, want one", kept, err)
	}
	source, err := os.ReadFile(kept[0])
	if err != nil || !strings.Contains(string(source), "var x int = y") {
		t.Errorf("kept file = %q, %v, want the output", source, err)
	}
}
