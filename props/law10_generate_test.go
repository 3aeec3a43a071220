package props_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/frozen"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/read"

	"github.com/batpak-go/batpak/props"
)

// LAW10: what is generated for a valid schema compiles, passes vet, encodes and
// decodes as a second implementation of the profile does, and is the same each time.
func TestLaw10GeneratedCodeWorks(t *testing.T) {
	t.Parallel()
	dir := newModule(t)
	schemas := 0
	props.Check(t, 3, plans(), func(p plan) error {
		schemas++
		name := fmt.Sprintf("schema%d", schemas)
		return works(t.Context(), filepath.Join(dir, name), name, p)
	})
}

// works generates the code of a planned schema into a new directory and tests it.
func works(ctx context.Context, dir, name string, p plan) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "schema.go"), []byte(p.source(name)), 0o666); err != nil {
		return err
	}
	pkg, files, err := generate(ctx, dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Source, 0o666); err != nil {
			return err
		}
	}
	_, again, err := generate(ctx, dir)
	if err != nil {
		return fmt.Errorf("beside its output: %w", err)
	}
	if err := sameFiles(again, files); err != nil {
		return fmt.Errorf("beside its output: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "codec_test.go"), []byte(p.test(name)), 0o666); err != nil {
		return err
	}
	if err := freeze(dir, pkg); err != nil {
		return err
	}
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(p.source(name))) // a hash does not fail
	values := oracle(pkg, 40, rand.New(rand.NewPCG(seed.Sum64(), 0)))
	if err := os.WriteFile(filepath.Join(dir, "oracle_test.go"), []byte(values), 0o666); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-vet=all", ".")
	cmd.Dir, cmd.Env = dir, environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go test: %w\n%s", err, out)
	}
	return nil
}

// freeze writes the payloads of a release, and the tests that are emitted for them.
func freeze(dir string, pkg *model.Package) error {
	tests, ds, err := gen.Tests(pkg)
	if err = errors.Join(err, sound(ds)); err != nil {
		return err
	}
	for _, f := range tests {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, f.Name), f.Source, 0o666))
	}
	err = errors.Join(err, os.MkdirAll(filepath.Join(dir, "testdata", "batpak"), 0o777))
	for _, e := range pkg.Events {
		if file := frozen.Grow(nil, e.Kind(), e.Version, e.Payload); len(file) > 0 {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, filepath.FromSlash(frozen.Path(e.Kind(), e.Version))), file, 0o666))
		}
	}
	return err
}

// newModule makes a module that uses this one from its directory.
func newModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	const path = "github.com/batpak-go/batpak"
	mod = regexp.MustCompile(`(?m)^(module|tool) .*$`).ReplaceAll(mod, nil)
	mod = fmt.Appendf(mod, "\nmodule example.com/random\n\nrequire %s v0.0.0\n\nreplace %s => %s\n", path, path, root)
	dir := t.TempDir()
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), mod, 0o666),
		os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o666))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// environment keeps the go command off the network and out of workspaces.
func environment() []string {
	// more effort is for more schemas here, not for more cases in the tests of each
	return append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=mod", props.EnvEffort+"=")
}

// generate reads, checks, emits and type-checks the schema in a directory.
func generate(ctx context.Context, dir string) (*model.Package, []gen.File, error) {
	results, err := read.Load(ctx, read.Config{Dir: dir, Env: environment()})
	if err != nil {
		return nil, nil, err
	}
	if len(results) != 1 {
		return nil, nil, fmt.Errorf("%d packages with a schema, want 1", len(results))
	}
	r := results[0]
	if err := sound(append(r.Diagnostics, check.Packages(r.Package)[r.Package.Path]...)); err != nil {
		return nil, nil, fmt.Errorf("read the schema: %w", err)
	}
	var files []gen.File
	for i := range 5 {
		before := files
		var ds []diag.Diagnostic
		if files, ds, err = gen.Generate(r.Package); err != nil {
			return nil, nil, err
		}
		if err := sound(ds); err != nil {
			return nil, nil, err
		}
		if err := sameFiles(files, before); i > 0 && err != nil {
			return nil, nil, err
		}
	}
	sources := map[string][]byte{}
	for _, f := range files {
		sources[f.Name] = f.Source
	}
	if err := sound(r.TypeCheck(sources)); err != nil {
		return nil, nil, fmt.Errorf("type-check what was emitted: %w", err)
	}
	if len(files) == 0 {
		return nil, nil, errors.New("nothing was emitted")
	}
	return r.Package, files, nil
}

// sound reports diagnostics as an error.
func sound(ds []diag.Diagnostic) error {
	var errs []error
	for _, d := range ds {
		errs = append(errs, fmt.Errorf("%v: %s [%s]", d.Pos, d.Message, d.Code))
	}
	return errors.Join(errs...)
}

func sameFiles(got, want []gen.File) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d files, the first time %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Name != want[i].Name || !bytes.Equal(got[i].Source, want[i].Source) {
			return fmt.Errorf("%s is not what it was the first time:\n%s\nwas\n%s", got[i].Name, got[i].Source, want[i].Source)
		}
	}
	return nil
}
