package generate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/inputs"
)

// pause is how long a watching run waits before it looks again.
const pause = 300 * time.Millisecond

// repeat does a run, and another one whenever a file has changed, until it is
// interrupted. What a run writes is a change as well, so that the last run before a
// pause is one that had nothing to do, or has said why it could not do it.
func (o *options) repeat(ctx context.Context, to command.Streams) error {
	set, err := inputs.Find(ctx, o.Dir)
	if err != nil {
		return err
	}
	for {
		seen, stampErr := set.Stamp() // what comes after this is another change
		// The run asks for the settings anew: those of the set may have changed before the stamp.
		out, err := o.once(ctx, to)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, command.ErrFindings):
			fmt.Fprintln(to.Err, "batpakgen:", err) // it may be put right
		case err == nil && out.changes == 0:
			fmt.Fprintln(to.Err, "batpakgen: up to date; waiting for changes")
		}
		if stampErr == nil && !changed(ctx, set, seen) {
			return nil
		}
		if now, err := inputs.Find(ctx, o.Dir); err == nil { // go.mod may name other modules
			set = now
		}
	}
}

// changed waits until files are others than were seen, and then until they stay as
// they are for a moment: an editor that writes many files, or a checkout, is one
// change. It reports whether that was so before the context ended.
func changed(ctx context.Context, set *inputs.Set, seen inputs.Digest) bool {
	earlier := seen
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		now, err := set.Stamp()
		if err != nil {
			continue // a directory went while it was walked
		}
		if now != seen && now == earlier {
			return true
		}
		earlier = now
	}
}
