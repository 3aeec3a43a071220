package vfs_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// WriteFile cut off anywhere leaves the old content or the new one, and having
// returned leaves the new one; and the next WriteFile works.
func TestCrashOfWriteFile(t *testing.T) {
	const before, after = "the old content", "the new content, which is longer"
	d := simfs.New()
	if err := vfs.WriteFile(d.FS(), "a", []byte(before)); err != nil {
		t.Fatal(err)
	}
	seeds := uint64(300)
	d.OnOp(func(op faultfs.Op, _ string) {
		images := []*simfs.Disk{d.Kill(), d.CutHard()}
		for seed := range seeds {
			images = append(images, d.Cut(seed), d.Kill().Cut(seed))
		}
		for i, image := range images {
			if got := string(image.Bytes("a")); got != before && got != after {
				t.Fatalf("image %d before %s holds %q, want old or new", i, op, got)
			}
			if err := vfs.WriteFile(image.FS(), "a", []byte("again")); err != nil {
				t.Fatalf("image %d before %s: %v", i, op, err)
			}
			if got := string(image.CutHard().Bytes("a")); got != "again" {
				t.Fatalf("image %d before %s holds %q after the next WriteFile, want again", i, op, got)
			}
		}
	})
	if err := vfs.WriteFile(d.FS(), "a", []byte(after)); err != nil {
		t.Fatal(err)
	}
	for seed := range seeds {
		if got := string(d.Cut(seed).Bytes("a")); got != after {
			t.Fatalf("Cut(%d) after WriteFile holds %q, want the new content", seed, got)
		}
	}
}

// WriteFile failing at any operation keeps the promise, too, and returns the
// error; only the sync of the directory may leave the new content.
func TestKthFaultOfWriteFile(t *testing.T) {
	for _, kept := range []bool{false, true} {
		for _, reason := range []error{syscall.EIO, syscall.ENOSPC} {
			for n := 1; n <= 6; n++ {
				d := simfs.New()
				if err := vfs.WriteFile(d.FS(), "a", []byte("old")); err != nil {
					t.Fatal(err)
				}
				var ops []faultfs.Op
				d.OnOp(func(op faultfs.Op, _ string) { ops = append(ops, op) })
				d.Fail(faultfs.Fault{Op: faultfs.OpAny, N: n, Kept: kept, Err: reason})
				err := vfs.WriteFile(d.FS(), "a", []byte("new"))
				if kept && ops[n-1] == faultfs.OpRemove {
					continue // there was no leftover, so this says fs.ErrNotExist and all is well
				}
				if !errors.Is(err, reason) {
					t.Errorf("WriteFile with operation %d (%s) failing = %v, want %v", n, ops[n-1], err, reason)
				}
				want := []string{"old", "new"}
				if failed := ops[n-1]; failed != faultfs.OpSyncDir && (failed != faultfs.OpRename || !kept) {
					want = want[:1]
				}
				for seed := range uint64(50) {
					if got := string(d.Cut(seed).Bytes("a")); !slices.Contains(want, got) {
						t.Errorf("operation %d (%s) failing, Cut(%d) holds %q, want one of %q", n, ops[n-1], seed, got, want)
					}
				}
				d.Heal()
				if err := vfs.WriteFile(d.FS(), "a", []byte("again")); err != nil {
					t.Errorf("WriteFile after operation %d failed = %v, want nil", n, err)
				}
			}
		}
	}
}
