package vfs_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// TestSyncAsksForNoTimes: neither a sync nor a look at the size makes the next write within
// the same tick of the clock take a time of its own, by which the kernel would have to write
// the inode. A sync may take longer than a tick, and what others do with their files may give
// finer times to ours, so one such write among many proves it.
func TestSyncAsksForNoTimes(t *testing.T) {
	path := t.TempDir()
	dir, err := vfs.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	f, err := dir.Create("file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tick := func() (now unix.Timespec) {
		if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil {
			t.Skip("there is no such clock:", err)
		}
		return now
	}
	seen, err := os.Open(filepath.Join(path, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Close()
	write := func() {
		if _, err := f.WriteAt([]byte{1}, 0); err != nil {
			t.Fatal(err)
		}
	}
	tries := 0
	for range 500 {
		for last := tick(); tick() == last; {
		}
		first := tick()
		write() // which takes the time of the new tick
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		if size, err := f.Size(); err != nil || size != 1 {
			t.Fatal(size, err)
		}
		write()
		var file unix.Stat_t
		if err := unix.Fstat(int(seen.Fd()), &file); err != nil {
			t.Fatal(err)
		}
		switch {
		case file.Mtim == first:
			return
		case tick() == first:
			if tries++; tries == 20 {
				t.Fatal("each of many writes has a time between the ticks of the clock: somebody has asked for the one before")
			}
		}
	}
	t.Skip("no sync was done within a tick of the clock")
}
