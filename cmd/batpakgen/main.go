package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/batpak-go/batpak/schema/diag"
)

// Exit codes.
const (
	exitOK       = 0
	exitFindings = 1 // diagnostics, or files that differ
	exitFailure  = 2 // wrong usage, packages that cannot be loaded, a fault of batpakgen
)

func main() {
	// The first signal ends the run before or after it writes, the next one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options is the command line.
type options struct {
	check, diff, json, verbose bool

	dir      string // absolute
	tags     string
	patterns []string
}

// parse reads the command line and tells stderr what is wrong with it.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("batpakgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: batpakgen [flags] [packages]")
		flags.PrintDefaults()
	}
	flags.BoolVar(&o.check, "check", false, "write nothing; report generated files that are stale, missing or left over")
	flags.BoolVar(&o.diff, "diff", false, "like -check, and print what would change")
	flags.BoolVar(&o.json, "json", false, "print the diagnostics as JSON on standard output")
	flags.BoolVar(&o.verbose, "v", false, "tell what is done and how long it takes")
	flags.StringVar(&o.dir, "C", ".", "work as if started in `dir`")
	flags.StringVar(&o.tags, "tags", "", "build tags, a `list` separated by commas")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if o.patterns = flags.Args(); len(o.patterns) == 0 {
		o.patterns = []string{"."}
	}
	dir, err := filepath.Abs(o.dir)
	if err == nil {
		_, err = os.Stat(dir) // or the go command would be blamed
	}
	if i := slices.IndexFunc(o.patterns, isFile); err == nil && i >= 0 {
		err = fmt.Errorf("%s is a file; a schema is all of a package, so name that", o.patterns[i])
	}
	if err != nil {
		fmt.Fprintln(stderr, "batpakgen:", err)
		return options{}, err
	}
	o.dir = dir
	return o, nil
}

// isFile reports whether the go command would take a pattern for a file.
func isFile(pattern string) bool { return strings.HasSuffix(pattern, ".go") }

// run is the command: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitFailure
	}
	if !o.verbose {
		return o.generate(ctx, stdout, stderr, io.Discard)
	}
	return o.generate(ctx, stdout, stderr, stderr)
}

// generate does what the options say. Progress goes to trace.
func (o *options) generate(ctx context.Context, stdout, stderr, trace io.Writer) int {
	s := session{options: o, trace: trace, findings: map[string][]diag.Diagnostic{}}
	err := s.run(ctx)
	if err == nil && o.diff {
		err = s.plan.Diff(stdout, o.dir)
	}
	if o.json {
		err = errors.Join(err, diag.JSON(stdout, o.dir, s.findings))
	} else {
		err = errors.Join(err, diag.Print(stderr, o.dir, s.all()))
	}
	if err == nil && s.schemas == 0 {
		fmt.Fprintln(stderr, "batpakgen: no schema in", strings.Join(o.patterns, " "))
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "batpakgen:", err)
		return exitFailure
	case diag.HasErrors(s.all()):
		return exitFindings
	}
	return exitOK
}
