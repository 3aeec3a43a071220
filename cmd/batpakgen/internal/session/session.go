package session

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/batpak-go/batpak/cmd/internal/output"
	"github.com/batpak-go/batpak/cmd/internal/promise"
	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/read"
)

// Options say what a run reads and how it tells of it.
type Options struct {
	Dir      string   // absolute; patterns and printed paths are relative to it
	Patterns []string // of packages, as the go command takes them
	Tags     string   // build tags, separated by commas
	NoTests  bool     // no tests are emitted
	Compare  bool     // nothing is to be written: what differs from the disk is a finding
	Debug    string   // takes generated code that is broken, if that is; "" = a new directory
	Promises promise.Act

	// Settings are what the go command says of itself in Dir, if it has just been asked; see
	// [read.Config].
	Settings map[string]string

	// Recall and Keep remember where export data is; see [read.Config]. They may be nil.
	Recall func(dirs, imports []string) map[string]string
	Keep   func(dirs []string, files map[string]string)

	Trace io.Writer // takes what is done and how long it took; not nil
}

// Flags defines the flags that say what to read.
func (o *Options) Flags(flags *flag.FlagSet) {
	flags.StringVar(&o.Dir, "C", ".", "work as if started in `dir`")
	flags.StringVar(&o.Tags, "tags", "", "build tags, a `list` separated by commas")
}

// Packages takes the patterns that stand after the flags; none means the package
// in the current directory.
func (o *Options) Packages(patterns []string) error {
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	dir, err := filepath.Abs(o.Dir)
	if err == nil {
		_, err = os.Stat(dir) // or the go command would be blamed
	}
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(patterns, isFile); i >= 0 {
		return fmt.Errorf("%s is a file; a schema is all of a package, so name that", patterns[i])
	}
	o.Dir, o.Patterns = dir, patterns
	return nil
}

// isFile reports whether the go command would take a pattern for a file.
func isFile(pattern string) bool { return strings.HasSuffix(pattern, ".go") }

// Session is one run over some packages.
type Session struct {
	opts     Options
	findings map[string][]diag.Diagnostic // by import path
	plan     output.Plan
}

// New returns a session that has done nothing yet.
func New(o Options) *Session {
	return &Session{opts: o, findings: map[string][]diag.Diagnostic{}}
}

// Load reads the schemas of the packages.
func (s *Session) Load(ctx context.Context) ([]*read.Result, error) {
	start := time.Now()
	results, err := read.Load(ctx, read.Config{
		Dir: s.opts.Dir, Patterns: s.opts.Patterns, Tags: s.opts.Tags,
		Settings: s.opts.Settings, Recall: s.opts.Recall, Keep: s.opts.Keep,
	})
	s.tell(start, "packages read: %d", len(results))
	return results, err
}

// Judge checks packages that were loaded, emits those that are right, and plans
// what has to change on disk.
func (s *Session) Judge(results []*read.Result) error {
	s.Check(results)
	if name := s.opts.Promises.Accept; name != "" && len(results) != 1 {
		return fmt.Errorf("%s is of one package; found %d with a schema", name, len(results))
	}
	start := time.Now()
	for _, r := range results {
		if diag.HasErrors(s.findings[r.Package.Path]) {
			continue
		}
		if err := s.emit(r); err != nil {
			return err
		}
	}
	s.tell(start, "code emitted")
	s.compare()
	return nil
}

// Apply makes the planned changes on disk, unless there are findings that are
// errors or the session only compares.
func (s *Session) Apply(ctx context.Context) error {
	if s.opts.Compare || diag.HasErrors(s.All()) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	start := time.Now()
	err := s.plan.Apply()
	for _, c := range s.plan.Changes() {
		s.tell(start, "%s %v", c.Path, c.State)
	}
	return err
}

// Findings returns what is wrong with each package, by import path.
func (s *Session) Findings() map[string][]diag.Diagnostic { return s.findings }

// Plan returns what differs on disk from what was emitted.
func (s *Session) Plan() *output.Plan { return &s.plan }

// Check collects what the reader and the rules have to say.
func (s *Session) Check(results []*read.Result) {
	start := time.Now()
	models := make([]*model.Package, 0, len(results))
	for _, r := range results {
		models = append(models, r.Package)
		s.find(r.Package.Path, r.Diagnostics...)
	}
	for path, ds := range check.Packages(models...) {
		s.find(path, ds...)
	}
	s.tell(start, "packages checked: %d", len(results))
}

// emit emits one package, makes sure that the result compiles, and adds to the
// plan what differs from the files on disk.
func (s *Session) emit(r *read.Result) error {
	files, ds, err := gen.Generate(r.Package)
	if err != nil {
		return s.unformatted(err)
	}
	if len(ds) > 0 {
		s.find(r.Package.Path, ds...)
		return nil
	}
	sources := make(map[string][]byte, len(files))
	for _, f := range files {
		sources[f.Name] = f.Source
	}
	faults, users := r.TypeCheck(sources)
	if len(faults) > 0 {
		return s.broken(r.Package, files, faults)
	}
	if err := s.passOver(users); err != nil {
		return err
	}
	if !s.opts.NoTests {
		tests, ds, err := gen.Tests(r.Package)
		if err != nil {
			return s.unformatted(err)
		}
		s.find(r.Package.Path, ds...)
		files = append(files, tests...) // not checked: their imports need not be at hand
	}
	if err := s.plan.Compare(r.Package.Path, r.Package.Dir, files); err != nil {
		return err
	}
	return s.keep(r.Package)
}

// passOver tells of what keeps the user's files from compiling, though there is all that
// is generated.
func (s *Session) passOver(errs []diag.Diagnostic) error {
	if len(errs) > 0 {
		fmt.Fprintf(s.opts.Trace, "batpakgen: type errors passed over: %d\n", len(errs))
	}
	return diag.Print(s.opts.Trace, s.opts.Dir, errs)
}

// keep judges a package by what was promised of its events, and adds to the plan
// what differs in the files that keep it.
func (s *Session) keep(pkg *model.Package) error {
	files, ds, err := s.opts.Promises.Keep(pkg)
	if err != nil {
		return fmt.Errorf("package %s: %w", pkg.Path, err)
	}
	s.find(pkg.Path, ds...)
	return s.plan.CompareData(pkg.Path, pkg.Dir, files)
}

// unformatted is the error for emitted code that is no Go source, if it is that.
func (s *Session) unformatted(err error) error {
	e, ok := errors.AsType[*gen.BrokenError](err)
	if !ok {
		return err
	}
	dir, kept := output.Dump(s.opts.Debug, []gen.File{e.File})
	if kept != nil {
		return errors.Join(err, kept)
	}
	return fmt.Errorf("internal error: %w; it is in %s, and nothing in your tree was changed [BP900]", err, dir)
}

// broken is the error for emitted code that does not compile.
func (s *Session) broken(pkg *model.Package, files []gen.File, ds []diag.Diagnostic) error {
	dir, err := output.Dump(s.opts.Debug, files)
	if err != nil {
		return err
	}
	first := ds[0].Pos
	first.Filename = filepath.Join(dir, filepath.Base(first.Filename))
	return fmt.Errorf("internal error: generated code of package %s does not compile; it is in %s, and nothing in your tree was changed: %v: %s [BP900]",
		pkg.Path, dir, first, ds[0].Message)
}

// compare turns what differs on disk into findings: files of somebody else
// always, all others if the session only compares.
func (s *Session) compare() {
	for _, c := range s.plan.Changes() {
		if c.State == output.Foreign || s.opts.Compare {
			s.find(c.Package, c.Diagnostic())
		}
	}
}

// find adds findings about a package.
func (s *Session) find(path string, ds ...diag.Diagnostic) {
	s.findings[path] = append(s.findings[path], ds...)
	diag.Sort(s.findings[path])
}

// All returns the findings about all packages, sorted.
func (s *Session) All() []diag.Diagnostic {
	var all []diag.Diagnostic
	for _, ds := range s.findings {
		all = append(all, ds...)
	}
	diag.Sort(all)
	return all
}

// tell writes a line of progress, with the time since start.
func (s *Session) tell(start time.Time, format string, args ...any) {
	fmt.Fprintf(s.opts.Trace, "batpakgen: %s (%v)\n", fmt.Sprintf(format, args...), time.Since(start).Round(time.Millisecond))
}
