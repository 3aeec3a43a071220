package stickyfs

import (
	"fmt"
	"sync"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// New returns the directory of which no sync succeeds once one has failed.
func New(d vfs.FS) vfs.FS { return &directory{FS: d} }

type directory struct {
	vfs.FS

	mu  sync.Mutex // guards all below, and is held for the time of a sync
	err error      // of the sync that failed first
}

// SyncDir syncs the directory.
func (d *directory) SyncDir() error {
	if planted.Bug("sync of the directory succeeds after another has failed") {
		return d.FS.SyncDir()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		sometimes.Reached("directory was to be synced after a sync of it had failed")
		return fmt.Errorf("a sync of the directory has failed before: %w", d.err)
	}
	d.err = d.FS.SyncDir()
	return d.err
}

// Inside is [vfs.Inside] of the directory behind.
func (d *directory) Inside(path string) (bool, error) { return vfs.Inside(d.FS, path) }
