package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/describe"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/explain"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/generate"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/scaffold"
)

func main() {
	// The first signal ends the run before or after it writes, the next one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// commands are the subcommands by name. What is none of them is for the one
// without a name.
func commands() map[string]command.Func {
	return map[string]command.Func{
		"describe": describe.Run,
		"explain":  explain.Run,
		"init":     scaffold.Run,
		"lock":     generate.Lock,
		"release":  generate.Release,
	}
}

// run is the command: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	to := command.Streams{Out: stdout, Err: stderr}
	if len(args) > 0 {
		if do := commands()[args[0]]; do != nil {
			return command.Exit(do(ctx, args[1:], to), to)
		}
	}
	return command.Exit(generate.Run(ctx, args, to), to)
}
