package vfs

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

// TestSyncAsksTheSystem: no crash of a test's process shows whether a sync was one. The
// system has none for a pipe, and says so if it is asked.
func TestSyncAsksTheSystem(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for what, sync := range map[string]func() error{
		"file":      file{w}.Sync,
		"directory": (&dir{self: w}).SyncDir,
	} {
		if err := sync(); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("sync of a %s = %v, want EINVAL", what, err)
		}
	}
}
