package command_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
)

func TestExit(t *testing.T) {
	tests := []struct {
		err  error
		want int
		text string
	}{
		{nil, command.OK, ""},
		{flag.ErrHelp, command.OK, ""},
		{command.ErrFindings, command.Findings, ""},
		{fmt.Errorf("check: %w", command.ErrFindings), command.Findings, ""},
		{errors.New("no such file"), command.Failure, "batpakgen: no such file\n"},
		{errors.Join(errors.New("disk full"), nil), command.Failure, "batpakgen: disk full\n"},
	}
	for _, tt := range tests {
		var stderr bytes.Buffer
		if got := command.Exit(tt.err, command.Streams{Out: io.Discard, Err: &stderr}); got != tt.want || stderr.String() != tt.text {
			t.Errorf("Exit(%v) = %d, printed %q, want %d, %q", tt.err, got, &stderr, tt.want, tt.text)
		}
	}
}

// Whatever is wrong with the flags is said once, with the usage, and exits with 2;
// help exits with 0.
func TestWrongFlagsAreToldOnce(t *testing.T) {
	for _, tt := range []struct {
		arg  string
		want int
	}{{"-nonsense", command.Failure}, {"-n=maybe", command.Failure}, {"-help", command.OK}, {"-n", command.OK}} {
		var stderr bytes.Buffer
		to := command.Streams{Out: io.Discard, Err: &stderr}
		flags := command.Flags("batpakgen explain [code]", to)
		flags.Bool("n", false, "do nothing")
		err := command.Parse(flags, []string{tt.arg})
		if got := command.Exit(err, to); got != tt.want {
			t.Errorf("Exit(Parse(%s)) = %d, want %d", tt.arg, got, tt.want)
		}
		usage := 1
		if tt.arg == "-n" {
			usage = 0
		}
		if got := strings.Count(stderr.String(), "usage: batpakgen explain [code]\n"); got != usage {
			t.Errorf("Parse(%s) printed the usage %d times, want %d:\n%s", tt.arg, got, usage, &stderr)
		}
		if tt.arg == "-nonsense" && strings.Count(stderr.String(), "nonsense") != 1 {
			t.Errorf("Parse(%s) printed the error not once:\n%s", tt.arg, &stderr)
		}
	}
}
