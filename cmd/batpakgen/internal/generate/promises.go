package generate

import (
	"context"
	"errors"
	"flag"
	"strings"
	"unicode/utf8"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
)

// Release generates the code of packages, and releases what their lock files have
// as drafts. It is a [command.Func].
func Release(ctx context.Context, args []string, to command.Streams) error {
	o := options{}
	o.Promises.Release = true
	if err := o.parse("batpakgen release [flags] [packages]", args, to, func(*flag.FlagSet) {}); err != nil {
		return err
	}
	return o.ifChanged(ctx, to)
}

// Lock generates the code of packages, and puts their lock files in order or takes
// a promise back. It is a [command.Func].
func Lock(ctx context.Context, args []string, to command.Streams) error {
	var o options
	p := &o.Promises
	err := o.parse("batpakgen lock -fix | -accept released -reason text [flags] [packages]", args, to, func(flags *flag.FlagSet) {
		flags.BoolVar(&p.Fix, "fix", false, "put in order what a merge has left: conflicts, other forms, missing payloads")
		flags.StringVar(&p.Accept, "accept", "", "make a draft of what was `released` again: 1:002@3 or MoneyDeposited@3 of a version, 1:002 of an event,"+
			" entity:account of all its events, projection:balance, command:withdraw")
		flags.StringVar(&p.Reason, "reason", "", "why nothing that depends on it lies in stores that matter; a `text` that is kept")
	})
	if err != nil {
		return err
	}
	switch {
	case !p.Fix && p.Accept == "":
		return errors.New("lock needs -fix or -accept")
	case p.Accept != "" && strings.TrimSpace(p.Reason) == "":
		return errors.New("-accept needs a -reason, which is kept in the lock file")
	case p.Accept == "" && p.Reason != "":
		return errors.New("-reason is for -accept")
	case !utf8.ValidString(p.Reason):
		return errors.New("-reason is not valid UTF-8")
	}
	return o.ifChanged(ctx, to)
}
