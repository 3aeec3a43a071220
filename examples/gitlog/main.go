package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/examples/gitlog/history"
	"github.com/batpak-go/batpak/examples/gitlog/internal/git"
	"github.com/batpak-go/batpak/examples/gitlog/internal/record"
	"github.com/batpak-go/batpak/examples/gitlog/internal/report"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1 // also if the log is damaged
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, isTerminal(os.Stderr)))
}

// config is what the flags say.
type config struct {
	repo  string
	store string
	json  bool
}

// run is the program. Progress is shown on stderr if that is a terminal.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, terminal bool) int {
	var c config
	flags := flag.NewFlagSet("gitlog", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.repo, "repo", ".", "the repository is the one that directory `DIR` is in")
	flags.StringVar(&c.store, "store", "", "keep the log in directory `DIR` (default: below the user's cache directory)")
	flags.BoolVar(&c.json, "json", false, "print the report as one JSON object")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "gitlog: unexpected argument %q\n", flags.Arg(0))
		return exitUsage
	}
	p := &progress{to: stderr, shown: terminal}
	err := c.run(ctx, stdout, p)
	p.clear()
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "gitlog: interrupted; what was appended stays in the log, run again to go on\n")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "gitlog: %v\n", err)
	return exitFailed
}

// errDamaged is the outcome of a run whose report shows damage.
var errDamaged = errors.New("the log is damaged; see the report")

// run records the repository, opens the log anew, and reports.
func (c *config) run(ctx context.Context, stdout io.Writer, p *progress) error {
	start := time.Now()
	repo, err := git.Open(ctx, c.repo)
	if err != nil {
		return err
	}
	dir, err := storeDir(c.store, repo)
	if err != nil {
		return err
	}
	scope := history.ScopeOf(repo.Name())
	result, opened, err := c.record(ctx, dir, scope, repo, p)
	if err != nil {
		return err
	}
	p.say("reading the log")
	r, err := c.report(ctx, dir, scope, repo, p)
	if err != nil {
		return err
	}
	r.Repository, r.Store = repo.Dir(), dir
	r.Commits, r.Tags, r.Recorded, r.Appended = result.Commits, result.Tags, result.Recorded, result.Appended
	r.SetRecovery(opened)
	r.SetRates(result.Took, result.Reading)
	r.Seconds = time.Since(start).Seconds()
	p.clear()
	write := r.WriteText
	if c.json {
		write = r.WriteJSON
	}
	if err := write(stdout); err != nil {
		return err
	}
	if !r.Verified {
		return errDamaged
	}
	return nil
}

// record brings the log up to date, and says how it was found.
func (c *config) record(ctx context.Context, dir, scope string, repo *git.Repository, p *progress) (result record.Result, opened batpak.OpenReport, err error) {
	p.say("opening the log")
	j, err := open(dir)
	if err != nil {
		return record.Result{}, batpak.OpenReport{}, err
	}
	defer func() { err = errors.Join(err, j.Store().Close()) }()
	p.say("reading the repository")
	result, err = record.Run(ctx, j, scope, repo, p.record)
	return result, j.Store().Report(), err
}

// report opens the log again, which is timed, and reads it.
func (c *config) report(ctx context.Context, dir, scope string, repo *git.Repository, p *progress) (r *report.Report, err error) {
	head, err := repo.Head(ctx)
	if err != nil {
		return nil, err
	}
	j, err := open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Store().Close()) }()
	if r, err = report.Collect(ctx, j, scope, head, batpak.OnProgress(p.verify)); err != nil {
		return nil, err
	}
	r.Rates.ReopenSeconds = j.Store().Report().Took.Seconds()
	r.Rates.Bytes, err = size(dir)
	return r, err
}
