package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

// Exit codes.
const (
	OK       = 0
	Findings = 1 // diagnostics, incompatible changes, or files that differ
	Failure  = 2 // wrong usage, packages that cannot be loaded, a fault of batpakgen
)

// ErrFindings is the error of a subcommand that has printed what it found.
var ErrFindings = errors.New("there are findings")

// Streams are what a subcommand prints to: data to Out, all else to Err.
type Streams struct{ Out, Err io.Writer }

// Func is a subcommand. It takes what stands after its name.
type Func func(ctx context.Context, args []string, to Streams) error

// told is an error that the flag package has printed.
type told struct{ error }

// Flags returns the flag set of a subcommand. The usage line is its name and
// what it takes: "batpakgen describe [flags] [packages]".
func Flags(usage string, to Streams) *flag.FlagSet {
	flags := flag.NewFlagSet("batpakgen", flag.ContinueOnError)
	flags.SetOutput(to.Err)
	flags.Usage = func() {
		fmt.Fprintln(to.Err, "usage:", usage)
		flags.PrintDefaults()
	}
	return flags
}

// Parse parses the flags of a subcommand. The error is for the subcommand to
// return.
func Parse(flags *flag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return told{err}
}

// Exit is the exit code for what a subcommand returned. It prints the error if
// that has not been done.
func Exit(err error, to Streams) int {
	if _, ok := errors.AsType[told](err); ok {
		return Failure
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return OK
	case errors.Is(err, ErrFindings):
		return Findings
	}
	fmt.Fprintln(to.Err, "batpakgen:", err)
	return Failure
}
