package props_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/imports"
	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/props"
)

var lint = flag.Bool("lint", false, "lint emitted code with the tools that .ci/tools.mod pins, which are downloaded if need be")

// Emitted code is such as its readers would write: gofumpt, goimports and all checks of
// staticcheck have nothing to say about the golden files, the bank, and what is emitted
// for generated schemas. Its header, because of which linters would look away, is taken
// off. (Vet, which does not look away, is run by the tests that run emitted code.)
func TestEmittedCodeIsClean(t *testing.T) {
	if !*lint {
		t.Skip("the linters are run with -lint")
	}
	dir := newModule(t)
	err := errors.Join(goldens(dir), os.CopyFS(filepath.Join(dir, "bank"), os.DirFS("../examples/bank")))
	if err != nil {
		t.Fatal(err)
	}
	schemas := 0
	props.Check(t, 2, plans(), func(p plan) error {
		schemas++
		name := fmt.Sprintf("schema%d", schemas)
		return emit(t, filepath.Join(dir, name), name, p)
	})
	emitted, err := bare(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(emitted) < 60 {
		t.Fatalf("%d emitted files, want 60 at least", len(emitted))
	}
	for _, name := range emitted {
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := imports.Process(name, source, &imports.Options{
			FormatOnly: true, Comments: true, TabIndent: true, TabWidth: 8, // compiling proves that none is missing
		})
		if err != nil || !bytes.Equal(formatted, source) {
			t.Errorf("goimports changes %s, error %v:\n%s", name, err, formatted)
		}
	}
	complaints(t, dir, emitted, linter(t, "gofumpt"), append([]string{"-d"}, emitted...)...)
	complaints(t, dir, emitted, linter(t, "staticcheck"), "-checks=all", "./...")
}

// goldens writes the golden files of the emitters, each as a package.
func goldens(dir string) error {
	archives, err := filepath.Glob("../gen/testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		return fmt.Errorf("golden files: %v, %w, want some", archives, err)
	}
	for _, archive := range archives {
		a, err := txtar.ParseFile(archive)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(archive), ".txtar")
		for _, f := range a.Files {
			path := filepath.Join(dir, name, strings.TrimPrefix(f.Name, "want/"))
			source := bytes.ReplaceAll(f.Data, []byte("example.com/golden/"), []byte("example.com/random/"))
			err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, source, 0o666))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// emit writes a planned schema and all that is emitted for it to a new directory.
func emit(t *testing.T, dir, name string, p plan) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	_, _, err := new(reader).released(t.Context(), dir, p.source(name), nil)
	return err
}

// bare takes the header off the emitted files of a module, and lists them, sorted. Each
// package gets the comment that its author would have written.
func bare(dir string) ([]string, error) {
	var emitted []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rest, ours := bytes.CutPrefix(source, []byte(gen.Header+"\n"))
		if !ours {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		emitted = append(emitted, name)
		clause := regexp.MustCompile(`(?m)^package (\w+)$`).FindSubmatch(source)
		comment := fmt.Sprintf("// Package %s has a schema.\npackage %[1]s\n", clause[1])
		return errors.Join(
			os.WriteFile(path, rest, 0o666),
			os.WriteFile(filepath.Join(filepath.Dir(path), "commented.go"), []byte(comment), 0o666))
	})
	slices.Sort(emitted)
	return emitted, err
}

// linter builds a tool of .ci/tools.mod and returns where it is.
func linter(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../.ci/tools.mod", "-n", name)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool -n %s = %v, want the linter", name, err)
	}
	return strings.TrimSpace(string(out))
}

// fileOfLine is where a linter's line begins, or the head of a diff.
var fileOfLine = regexp.MustCompile(`^(?:vet: |diff )?(?:\./)?([^\s:]+\.go)\b`)

// complaints fails the test for what a linter says of emitted files.
func complaints(t *testing.T, dir string, emitted []string, linter string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), linter, args...)
	cmd.Dir, cmd.Env = dir, environment()
	out, err := cmd.CombinedOutput()
	ran, about := false, false
	for line := range strings.Lines(string(out)) {
		if at := fileOfLine.FindStringSubmatch(line); at != nil {
			ran, about = true, slices.Contains(emitted, filepath.FromSlash(at[1]))
		}
		if about {
			t.Errorf("%s: %s", filepath.Base(linter), strings.TrimSuffix(line, "\n"))
		}
	}
	if err != nil && !ran {
		t.Fatalf("%s %v = %v, want it to run:\n%s", linter, args, err, out)
	}
}
