package generate

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/session"
	"github.com/batpak-go/batpak/schema/diag"
)

// options is the command line.
type options struct {
	session.Options
	diff, json, dry, force, watch bool
}

// parse reads the command line. More defines the flags that are the subcommand's
// own.
func (o *options) parse(usage string, args []string, to command.Streams, more func(*flag.FlagSet)) error {
	var check, verbose bool
	flags := command.Flags(usage, to)
	o.Flags(flags)
	flags.BoolVar(&check, "check", false, "write nothing; report files that are stale, missing or left over")
	flags.BoolVar(&o.diff, "diff", false, "like -check, and print what would change")
	flags.BoolVar(&o.dry, "n", false, "write nothing; name the files that would be written or removed")
	flags.BoolVar(&o.json, "json", false, "print the diagnostics as JSON on standard output")
	flags.BoolVar(&o.NoTests, "no-tests", false, "generate no tests, and remove those that were")
	flags.StringVar(&o.Debug, "debug", "", "keep generated code that does not compile, which is a fault of batpakgen, in `dir`")
	flags.BoolVar(&verbose, "v", false, "tell what is done and how long it takes")
	more(flags)
	if err := command.Parse(flags, args); err != nil {
		return err
	}
	o.Compare = check || o.diff
	o.Trace = io.Discard
	if verbose {
		o.Trace = to.Err
	}
	return o.Packages(flags.Args())
}

// Run generates the code of packages. It is a [command.Func].
func Run(ctx context.Context, args []string, to command.Streams) error {
	var o options
	err := o.parse("batpakgen [flags] [packages]", args, to, func(flags *flag.FlagSet) {
		flags.BoolVar(&o.force, "force", false, "run as if there had been no run before")
		flags.BoolVar(&o.watch, "watch", false, "run again whenever a file changes, until interrupted")
		flags.BoolVar(&o.Promises.NoDrafts, "no-drafts", false, "report what is not released")
	})
	switch {
	case err != nil:
		return err
	case o.watch:
		return o.repeat(ctx, to)
	}
	return o.ifChanged(ctx, to)
}

// outcome is what a run came to.
type outcome struct {
	schemas  int // packages read
	findings int
	changes  int // files that differ, or differed
}

// quiet reports whether a run read schemas and found them, and what is generated
// from them, to be as they should be.
func (o outcome) quiet() bool { return o.schemas > 0 && o.findings == 0 && o.changes == 0 }

// once does one run and prints what came of it.
func (o *options) once(ctx context.Context, to command.Streams) (outcome, error) {
	s := session.New(o.Options)
	schemas, err := o.run(ctx, s, to)
	if o.json {
		if jsonErr := diag.JSON(to.Out, o.Dir, s.Findings()); err == nil {
			err = jsonErr
		}
	} else if printErr := diag.Print(to.Err, o.Dir, s.All()); err == nil {
		err = printErr
	}
	out := outcome{schemas: schemas, findings: len(s.All()), changes: len(s.Plan().Changes())}
	if err != nil {
		return out, err
	}
	if schemas == 0 {
		fmt.Fprintln(to.Err, "batpakgen: no schema in", strings.Join(o.Patterns, " "))
	}
	if diag.HasErrors(s.All()) {
		return out, command.ErrFindings
	}
	return out, nil
}

// run takes a session through its steps, and returns how many schemas it read.
func (o *options) run(ctx context.Context, s *session.Session, to command.Streams) (schemas int, err error) {
	results, err := s.Load(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.Judge(results); err != nil {
		return len(results), err
	}
	switch {
	case o.diff:
		err = s.Plan().Diff(to.Out, o.Dir)
	case o.dry && !diag.HasErrors(s.All()):
		err = s.Plan().List(to.Out, o.Dir)
	case !o.dry:
		err = s.Apply(ctx)
	}
	return len(results), err
}
