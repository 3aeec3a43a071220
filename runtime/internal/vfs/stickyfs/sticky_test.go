package stickyfs_test

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/stickyfs"
)

// TestSyncAfterAFailure: syncs succeed until one fails, and none does from then on, not
// even one that was called before that and waits, at no lock, for its turn; another
// opening of the directory begins anew.
func TestSyncAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := simfs.New()
		waited, calls := 0, 0
		dir := stickyfs.New(disk.FS(), func(string) { waited++ })
		if err := dir.SyncDir(); err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 2)
		disk.OnOp(func(op faultfs.Op, _ string) {
			if calls++; calls > 1 {
				return
			}
			go func() { errs <- dir.SyncDir() }()
			synctest.Wait() // until it waits
		})
		disk.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
		errs <- dir.SyncDir()
		for range 2 {
			if err := <-errs; !errors.Is(err, syscall.EIO) {
				t.Errorf("SyncDir() = %v, want the failure", err)
			}
		}
		if err := dir.SyncDir(); !errors.Is(err, syscall.EIO) || calls != 1 || waited != 1 {
			t.Errorf("SyncDir() after it = %v, and the disk was asked %d times, with %d waits", err, calls, waited)
		}
		if err := stickyfs.New(disk.FS(), nil).SyncDir(); err != nil {
			t.Errorf("SyncDir() of another opening = %v", err)
		}
	})
}
