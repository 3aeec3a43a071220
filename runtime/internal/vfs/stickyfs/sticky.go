package stickyfs

import (
	"cmp"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// New returns the directory of which no sync succeeds once one has failed. Unless point is
// nil it is called by who had to wait for the sync of another, when its own turn has come.
func New(d vfs.FS, point func(name string)) vfs.FS {
	if point == nil {
		point = func(string) {}
	}
	return &directory{FS: d, turn: make(chan struct{}, 1), point: point}
}

type directory struct {
	vfs.FS
	point func(name string)

	turn chan struct{} // holds one for the time of a sync, which guards all below
	err  error         // of the sync that failed first
}

// SyncDir syncs the directory.
func (d *directory) SyncDir() error {
	if planted.Bug("sync of the directory succeeds after another has failed") {
		return d.FS.SyncDir()
	}
	select {
	case d.turn <- struct{}{}:
	default:
		if planted.Bug("syncs of the directory go beside each other") {
			return cmp.Or(d.err, d.FS.SyncDir())
		}
		d.turn <- struct{}{}
		sometimes.Reached("directory was to be synced while another synced it")
		d.point("turn to sync names")
	}
	defer func() { <-d.turn }()
	if d.err != nil {
		sometimes.Reached("directory was to be synced after a sync of it had failed")
		return fmt.Errorf("a sync of the directory has failed before: %w", d.err)
	}
	d.err = d.FS.SyncDir()
	return d.err
}

// Inside is [vfs.Inside] of the directory behind.
func (d *directory) Inside(path string) (bool, error) { return vfs.Inside(d.FS, path) }
