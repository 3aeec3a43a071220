package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// compact merges what there is to merge, beside all else. It changes files and nothing
// that can be read, so that all other calls are judged as if it were not there.
func (c *client) compact() {
	k := &call{what: "Compact"}
	var opts []batpak.CompactOption
	if c.random.IntN(3) == 0 { // which reads every file, and writes none anew
		opts = append(opts, batpak.Retention(func(batpak.Meta) batpak.Fate { return batpak.KeepEvent }))
	}
	c.call(k, func(ctx context.Context) {
		var r batpak.CompactReport
		r, k.err = c.store.Compact(ctx, opts...)
		c.hold(&parked{number: c.number, point: "compacted"})
		if r.Tombstoned > 0 || r.Dropped > 0 || k.err == nil && r.Merges > r.Segments {
			c.fail(fmt.Errorf("%v: %+v", k, r))
		}
		c.merged += r.Merges
	})
}

// snapshot makes a snapshot in a directory that nobody else has. What is durable when it
// begins is in it.
func (c *client) snapshot() {
	k := &call{what: "Snapshot", dir: c.name("snapshot ")}
	c.call(k, func(ctx context.Context) {
		durable := c.store.Frontier().Durable
		var r batpak.SnapshotReport
		r, k.err = c.store.Snapshot(ctx, k.dir)
		c.hold(&parked{number: c.number, point: "copied"})
		if k.number = r.Position; k.err == nil && r.Position < durable {
			c.fail(fmt.Errorf("%v, and %d events were durable before", k, durable))
		}
	})
}

// setDir has snapshots made on a disk, and held to their protocol.
func (t *trial) setDir(o *batpak.Options, d *simfs.Disk) {
	rtopts.SetDir(&o.Internal, func(path string) (vfs.FS, error) {
		if !*checks {
			return d.Dir(path), nil
		}
		return checkfs.New(d.Dir(path), func(b *checkfs.Breach) { t.fail(b) }), nil
	})
}

// checkSnapshots opens the snapshots on a disk. One that was made is there with all its
// events; one that was not is no store, or it is there as a whole, too.
func (t *trial) checkSnapshots(d *simfs.Disk, events []batpak.Event) error {
	for _, k := range t.calls {
		if k.what != "Snapshot" {
			continue
		}
		got, err := t.readSnapshot(d.Only(k.dir))
		made := k.ended != 0 && !k.lost && k.err == nil
		switch {
		case err != nil && (made || errors.Is(err, batpak.ErrCorrupt)):
			return fmt.Errorf("%v: %w; there is %v", k, err, d.Only(k.dir).Names())
		case err != nil:
			continue
		case made && uint64(len(got)) != k.number, len(got) > len(events), !slices.EqualFunc(got, events[:len(got)], sameEvent):
			return fmt.Errorf("%v holds %d events, want the first %d of %d", k, len(got), k.number, len(events))
		}
		t.copies++
	}
	return nil
}

func (t *trial) readSnapshot(d *simfs.Disk) ([]batpak.Event, error) {
	s, err := openReader(d, nil)
	if err != nil {
		return nil, err
	}
	all, err := everything(s)
	return all, errors.Join(err, s.Close())
}
