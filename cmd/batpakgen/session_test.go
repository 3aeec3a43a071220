package main

import (
	"bytes"
	"context"
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

// An interrupted run fails and writes nothing.
func TestInterruptedRunWritesNothing(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/app\n\ngo 1.26.0\n",
		"app.go": "package app\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"-C", dir}, &stdout, &stderr); code != exitFailure {
		t.Errorf("run(canceled) = %d, want %d:\n%s", code, exitFailure, &stderr)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("files after run(canceled) = %v, %v, want the two of the module", left, err)
	}
}
