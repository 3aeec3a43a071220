package stickyfs_test

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/stickyfs"
)

// TestSyncAfterAFailure: syncs succeed until one fails, and none does from then on, not
// even one that was called before that; another opening of the directory begins anew.
func TestSyncAfterAFailure(t *testing.T) {
	disk := simfs.New()
	dir := stickyfs.New(disk.FS())
	if err := dir.SyncDir(); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	errs, called := make(chan error, 2), make(chan struct{})
	disk.OnOp(func(op simfs.Op, _ string) {
		if op != simfs.OpSyncDir || calls.Add(1) > 1 {
			return
		}
		go func() {
			close(called)
			errs <- dir.SyncDir()
		}()
		<-called
	})
	disk.Fail(simfs.Fault{Op: simfs.OpSyncDir})
	errs <- dir.SyncDir()
	for range 2 {
		if err := <-errs; !errors.Is(err, syscall.EIO) {
			t.Errorf("SyncDir() = %v, want the failure", err)
		}
	}
	if err := dir.SyncDir(); !errors.Is(err, syscall.EIO) || calls.Load() != 1 {
		t.Errorf("SyncDir() after it = %v, and the disk was asked %d times", err, calls.Load())
	}
	if err := stickyfs.New(disk.FS()).SyncDir(); err != nil {
		t.Errorf("SyncDir() of another opening = %v", err)
	}
}
