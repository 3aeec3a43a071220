package session

import (
	"errors"
	"fmt"
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
	err := new(Session).broken(
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

// So is output that is no Go source, and -debug says where.
func TestBrokenOutputIsKeptWhereDebugSays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "debug")
	s := New(Options{Debug: dir})
	files := []gen.File{{Name: "events.batpak.go", Source: []byte("package p\n\nvar x int = y\n")}}
	ds := []diag.Diagnostic{{Pos: token.Position{Filename: "events.batpak.go", Line: 3, Column: 13}, Message: "undefined: y"}}
	unformatted := &gen.BrokenError{File: gen.File{Name: "views.batpak.go", Source: []byte("package ?")}, Err: errors.New("expected a name")}
	for name, err := range map[string]error{
		"events.batpak.go": s.broken(&model.Package{Path: "example.com/p"}, files, ds),
		"views.batpak.go":  s.unformatted(fmt.Errorf("emit: %w", unformatted)),
	} {
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.HasSuffix(err.Error(), "[BP900]") {
			t.Errorf("%s: got error %v, want BP900 and %s", name, err, dir)
		}
		if source, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.HasPrefix(string(source), "package ") {
			t.Errorf("kept %s = %q, %v, want the output", name, source, err)
		}
	}
	if other := errors.New("read"); s.unformatted(other) != other {
		t.Error("another error is taken for one of broken output")
	}
}
