package main

import (
	"context"
	"fmt"
	"go/token"
	"io"
	"path/filepath"
	"time"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/output"
	"github.com/batpak-go/batpak/gen"
	"github.com/batpak-go/batpak/schema/check"
	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
	"github.com/batpak-go/batpak/schema/read"
)

// session is one run over some packages.
type session struct {
	*options
	trace    io.Writer
	schemas  int                          // packages read
	findings map[string][]diag.Diagnostic // by import path
	plan     output.Plan
}

// run reads, checks and emits all packages, compares what was emitted with the
// files on disk, and writes what differs if nothing is wrong. What is wrong with
// the packages is in s.findings afterwards; the error is about anything else.
func (s *session) run(ctx context.Context) error {
	start := time.Now()
	results, err := read.Load(ctx, read.Config{
		Dir: s.dir, Patterns: s.patterns, Tags: s.tags, Roots: gen.Imports(),
	})
	if err != nil {
		return err
	}
	s.schemas = len(results)
	s.check(results)
	s.tell(start, "packages read and checked: %d", len(results))

	start = time.Now()
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
	if s.onlyCheck() || diag.HasErrors(s.all()) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	for _, c := range s.plan.Changes() {
		s.tell(start, "%s %v", c.Path, c.State)
	}
	return s.plan.Apply()
}

// onlyCheck reports whether nothing is to be written.
func (s *session) onlyCheck() bool { return s.options.check || s.diff }

// check collects what the reader and the rules have to say.
func (s *session) check(results []*read.Result) {
	models := make([]*model.Package, 0, len(results))
	for _, r := range results {
		models = append(models, r.Package)
		s.find(r.Package.Path, r.Diagnostics...)
	}
	for path, ds := range check.Packages(models...) {
		s.find(path, ds...)
	}
}

// emit emits one package, makes sure that the result compiles, and adds to the
// plan what differs from the files on disk.
func (s *session) emit(r *read.Result) error {
	files, ds, err := gen.Generate(r.Package)
	if err != nil {
		return err
	}
	if len(ds) > 0 {
		s.find(r.Package.Path, ds...)
		return nil
	}
	sources := make(map[string][]byte, len(files))
	for _, f := range files {
		sources[f.Name] = f.Source
	}
	if ds := r.TypeCheck(sources); len(ds) > 0 {
		return broken(r.Package, files, ds)
	}
	return s.plan.Compare(r.Package.Path, r.Package.Dir, files)
}

// broken is the error for emitted code that does not compile.
func broken(pkg *model.Package, files []gen.File, ds []diag.Diagnostic) error {
	dir, err := output.Dump(files)
	if err != nil {
		return err
	}
	first := ds[0].Pos
	first.Filename = filepath.Join(dir, filepath.Base(first.Filename))
	return fmt.Errorf("internal error: generated code of package %s does not compile; it is in %s, and nothing in your tree was changed: %v: %s [BP900]",
		pkg.Path, dir, first, ds[0].Message)
}

// compare turns what differs on disk into findings: files of somebody else
// always, all others if nothing is to be written.
func (s *session) compare() {
	for _, c := range s.plan.Changes() {
		pos, name := token.Position{Filename: c.Path, Line: 1, Column: 1}, filepath.Base(c.Path)
		switch {
		case c.State == output.Foreign:
			s.find(c.Package, diag.Diagnostic{
				Pos: pos, Code: "BP702",
				Message: fmt.Sprintf("%s %v; move it away or give it another name", name, c.State),
			})
		case s.onlyCheck():
			s.find(c.Package, diag.Diagnostic{
				Pos: pos, Code: "BP703",
				Message: fmt.Sprintf("%s %v; run go generate", name, c.State),
			})
		}
	}
}

// find adds findings about a package.
func (s *session) find(path string, ds ...diag.Diagnostic) {
	s.findings[path] = append(s.findings[path], ds...)
	diag.Sort(s.findings[path])
}

// all returns the findings about all packages, sorted.
func (s *session) all() []diag.Diagnostic {
	var all []diag.Diagnostic
	for _, ds := range s.findings {
		all = append(all, ds...)
	}
	diag.Sort(all)
	return all
}

// tell writes a line of progress, with the time since start.
func (s *session) tell(start time.Time, format string, args ...any) {
	fmt.Fprintf(s.trace, "batpakgen: %s (%v)\n", fmt.Sprintf(format, args...), time.Since(start).Round(time.Millisecond))
}
