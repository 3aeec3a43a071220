package props_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/evolution"
	"github.com/batpak-go/batpak/schema/lock"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/read"

	"github.com/batpak-go/batpak/props"
)

// LAW10: what is generated for a valid schema compiles, passes vet, encodes and
// decodes as a second implementation of the profile does, and is the same each time.
// When the schema has evolved, payloads of every version are lifted to what an
// interpreter of the steps makes of them.
func TestLaw10GeneratedCodeWorks(t *testing.T) {
	t.Parallel()
	dir := newModule(t)
	var r reader
	schemas := 0
	props.Check(t, 2, plans(), func(p plan) error {
		schemas++
		name := fmt.Sprintf("schema%d", schemas)
		return r.works(t.Context(), filepath.Join(dir, name), name, p)
	})
	t.Logf("%d schemas", schemas)
}

// works generates the code of a planned schema into a new directory and tests it, as
// a schema that was released earlier, and has evolved and was released again.
func (r *reader) works(ctx context.Context, dir, name string, p plan) error {
	if err := os.MkdirAll(filepath.Join(dir, "testdata", "batpak"), 0o777); err != nil {
		return err
	}
	write := func(name, text string) error {
		return os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o666)
	}
	before, was, err := r.released(ctx, dir, p.before().source(name), nil)
	if err != nil {
		return fmt.Errorf("at first: %w", err)
	}
	pkg, is, err := r.released(ctx, dir, p.source(name), was)
	if err != nil {
		return fmt.Errorf("evolved: %w", err)
	}
	if err := promised(was, is); err != nil {
		return err
	}
	for name, text := range is.frozen {
		err = errors.Join(err, write(name, string(text)))
	}
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(p.source(name))) // a hash does not fail
	rng := rand.New(rand.NewPCG(seed.Sum64(), 0))
	cases, lerr := p.lifts(before, pkg, is, rng)
	err = errors.Join(err, lerr, write("testdata/lifts", cases), write("codec_test.go", p.test(name)),
		write("oracle_test.go", oracle(pkg, 40, rng)), write("lifts_test.go", p.liftTest(name)))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-vet=all", ".")
	cmd.Dir, cmd.Env = dir, environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go test: %w\n%s", err, out)
	}
	return nil
}

// release is what was promised of a schema.
type release struct {
	lock   *lock.File
	frozen map[string][]byte // payloads, by path
}

// released writes a schema and what is generated for it, and releases it after what
// was released before, if anything was.
func (r *reader) released(ctx context.Context, dir, source string, was *release) (*model.Package, *release, error) {
	if err := os.WriteFile(filepath.Join(dir, "schema.go"), []byte(source), 0o666); err != nil {
		return nil, nil, err
	}
	pkg, files, err := r.generate(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	tests, err := repeated(pkg, gen.Tests)
	if err != nil {
		return nil, nil, err
	}
	orphans, err := filepath.Glob(filepath.Join(dir, "*"+gen.Suffix))
	for _, name := range orphans { // a schema without commands has no file of them, as the earlier one may have had
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return nil, nil, err
	}
	for _, f := range slices.Concat(files, tests) {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Source, 0o666); err != nil {
			return nil, nil, err
		}
	}
	_, again, err := r.generate(ctx, dir)
	if err = errors.Join(err, sameFiles(again, files)); err != nil {
		return nil, nil, fmt.Errorf("beside its output: %w", err)
	}
	var before *lock.File
	next := &release{frozen: map[string][]byte{}}
	if was != nil {
		before, next.frozen = was.lock, maps.Clone(was.frozen)
	}
	for range 2 { // the second time, nothing is new
		var ds []diag.Diagnostic
		next.lock, ds = evolution.Judge(pkg, before)
		evolution.Release(next.lock, next.frozen)
		text := lock.Print(next.lock)
		read, more := evolution.Read(lock.Name, text)
		ds = slices.Concat(ds, more, evolution.FrozenBP611(dir, next.lock, next.frozen), evolution.DraftsBP612(pkg, next.lock))
		if err := sound(slices.DeleteFunc(ds, func(d diag.Diagnostic) bool { return d.Severity == diag.Warning })); err != nil {
			return nil, nil, err
		}
		if before = read; !bytes.Equal(lock.Print(before), text) {
			return nil, nil, fmt.Errorf("%s is not read as it was written:\n%s", lock.Name, text)
		}
	}
	return pkg, next, nil
}

// promised holds that a later release keeps what an earlier one froze.
func promised(was, is *release) error {
	for name, text := range was.frozen {
		if !bytes.HasPrefix(is.frozen[name], text) {
			return fmt.Errorf("%s was\n%sand is\n%s", name, text, is.frozen[name])
		}
	}
	return nil
}

// newModule makes a module that uses this one from its directory, and has a package
// without a schema.
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
		os.Mkdir(filepath.Join(dir, "parts"), 0o777),
		os.WriteFile(filepath.Join(dir, "parts", "parts.go"), []byte(partsSource), 0o666),
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
	return append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=mod -trimpath", props.EnvEffort+"=")
}

// reader reads schemas of a module in which nothing changes but these, so that it need
// ask only once where the export data is that they import.
type reader struct{ exports map[string]string }

func (r *reader) recall(_, imports []string) map[string]string {
	for _, path := range imports {
		if r.exports[path] == "" {
			return nil
		}
	}
	return r.exports
}

func (r *reader) keep(_ []string, files map[string]string) { r.exports = files }

// generate reads, checks, emits and type-checks the schema in a directory.
func (r *reader) generate(ctx context.Context, dir string) (*model.Package, []gen.File, error) {
	results, err := read.Load(ctx, read.Config{Dir: dir, Env: environment(), Recall: r.recall, Keep: r.keep})
	if err != nil {
		return nil, nil, err
	}
	if len(results) != 1 {
		return nil, nil, fmt.Errorf("%d packages with a schema, want 1", len(results))
	}
	result := results[0]
	pkg := result.Package
	if err := sound(append(result.Diagnostics, check.Packages(pkg)[pkg.Path]...)); err != nil {
		return nil, nil, fmt.Errorf("read the schema: %w", err)
	}
	files, err := repeated(pkg, gen.Generate)
	if err != nil {
		return nil, nil, err
	}
	sources := map[string][]byte{}
	for _, f := range files {
		sources[f.Name] = f.Source
	}
	faults, users := result.TypeCheck(sources)
	if err := sound(slices.Concat(faults, users)); err != nil {
		return nil, nil, fmt.Errorf("type-check what was emitted: %w", err)
	}
	if len(files) == 0 {
		return nil, nil, errors.New("nothing was emitted")
	}
	return pkg, files, nil
}

// repeated emits some times, each time the same.
func repeated(pkg *model.Package, emit func(*model.Package) ([]gen.File, []diag.Diagnostic, error)) ([]gen.File, error) {
	var files []gen.File
	for i := range 5 {
		again, ds, err := emit(pkg)
		if err = errors.Join(err, sound(ds)); err == nil && i > 0 {
			err = sameFiles(again, files)
		}
		if err != nil {
			return nil, err
		}
		files = again
	}
	return files, nil
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
