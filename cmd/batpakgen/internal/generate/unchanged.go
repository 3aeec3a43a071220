package generate

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/cache"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/inputs"
)

// ifChanged does a run unless it would find what an earlier one found: everything
// as it should be. Only a run that printed nothing and wrote nothing is left out,
// and only if nothing that it depends on changed while it was made. Runs that are
// asked to compare, or to look for drafts, are always made.
func (o *options) ifChanged(ctx context.Context, to command.Streams) error {
	if o.Compare || o.dry || o.json || o.force || o.Promises.NoDrafts {
		_, err := o.once(ctx, to)
		return err
	}
	start := time.Now()
	runs, err := cache.Open()
	before, unsure := inputs.Digest{}, err
	if err == nil {
		before, unsure = o.digest(ctx)
	}
	switch {
	case unsure != nil:
		fmt.Fprintln(o.Trace, "batpakgen: no run is left out:", unsure)
	case runs.Has(before):
		fmt.Fprintf(o.Trace, "batpakgen: nothing has changed since a run that had nothing to do (%v)\n", time.Since(start).Round(time.Millisecond))
		return nil
	}
	out, err := o.once(ctx, to)
	if err != nil || unsure != nil || !out.quiet() {
		return err
	}
	after, err := o.digest(ctx)
	if err == nil && after == before {
		err = runs.Add(before)
	}
	if err != nil {
		fmt.Fprintln(o.Trace, "batpakgen: the run is not remembered:", err)
	}
	return nil
}

// digest is the digest of all that the run depends on.
func (o *options) digest(ctx context.Context) (inputs.Digest, error) {
	set, err := inputs.Find(ctx, o.Dir)
	if err != nil {
		return inputs.Digest{}, err
	}
	return set.Digest(append([]string{o.Dir, o.Tags, strconv.FormatBool(o.NoTests)}, o.Patterns...)...)
}
