package segment_test

import (
	"bytes"
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestWriteAhead: syncs of small groups rarely find a file that has grown, and
// what is written ahead is bounded by what is there and by 256 KiB.
func TestWriteAhead(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	size, grown := 0, 0
	for i := range uint64(3000) {
		fill(t, w, 1, i+1, 400)
		if now := len(disk.Bytes(segment.Name(1))); now != size {
			size, grown = now, grown+1
			if ahead := int64(now) - w.End(); ahead > max(4<<10, min(w.End(), 256<<10)) {
				t.Fatalf("%d bytes written ahead at %d", ahead, w.End())
			}
		}
	}
	if grown > 20 {
		t.Errorf("the file grew %d times in 3000 groups, want at most 20", grown)
	}
}

// TestWriteFails: a write that fails leaves the log as it was, durably, and the
// writer goes on; or it says that it does not.
func TestWriteFails(t *testing.T) {
	for _, n := range []int{10, 100 << 10} { // with and without writing ahead
		for _, kept := range []bool{false, true} {
			for nth := range 3 {
				disk := simfs.New()
				w := create(t, disk.FS(), 1)
				fill(t, w, 1, 1, 10)
				unsynced, _ := group(w, 1, 2, 10)
				if err := w.Write(unsynced); err != nil {
					t.Fatal(err)
				}
				end := w.End()
				disk.Fail(simfs.Fault{Op: simfs.OpWrite, N: nth + 1, Kept: kept, Err: syscall.ENOSPC})
				var failed *segment.WriteError
				for failed == nil && w.End() < end+(300<<10) {
					g, _ := group(w, 1, 3, n)
					errors.As(w.Write(g), &failed)
				}
				if failed == nil || !failed.Undone || !failed.Full || !errors.Is(failed, syscall.ENOSPC) {
					t.Fatalf("Write on a full disk = %+v, want it undone", failed)
				}
				if got := int64(len(disk.Bytes(segment.Name(1)))); got != w.End() {
					t.Errorf("after a write that was undone the file has %d bytes, want %d", got, w.End())
				}
				if got := int64(len(disk.CutHard().Bytes(segment.Name(1)))); w.Durable() > got {
					t.Errorf("Durable() = %d, but a power cut leaves %d bytes", w.Durable(), got)
				}
				fill(t, w, 1, 4, n, 10)
			}
		}
	}
}

// TestUndoFails: after a truncation or sync that failed the writer does nothing
// any more.
func TestUndoFails(t *testing.T) {
	for _, op := range []simfs.Op{simfs.OpTruncate, simfs.OpSync} {
		disk := simfs.New()
		w := create(t, disk.FS(), 1)
		fill(t, w, 1, 1, 10)
		disk.Fail(simfs.Fault{Op: simfs.OpWrite})
		disk.Fail(simfs.Fault{Op: op})
		g, _ := group(w, 1, 2, 100<<10)
		err := w.Write(g)
		if failed, ok := errors.AsType[*segment.WriteError](err); !ok || failed.Undone {
			t.Errorf("%s of the undoing fails: Write = %v, want it not undone", op, err)
		}
		dead(t, disk, w)
	}
}

// TestSyncFails: a sync is not tried again, and proves nothing.
func TestSyncFails(t *testing.T) {
	for what, sync := range map[string]func(w *segment.Writer) error{
		"Sync": (*segment.Writer).Sync,
		"Seal": func(w *segment.Writer) error { _, err := w.Seal(); return err },
	} {
		disk := simfs.New()
		w := create(t, disk.FS(), 1)
		fill(t, w, 1, 1, 10)
		durable := w.Durable()
		g, _ := group(w, 1, 2, 10)
		if err := w.Write(g); err != nil {
			t.Fatal(err)
		}
		disk.Fail(simfs.Fault{Op: simfs.OpSync})
		if err := sync(w); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s = %v, want EIO", what, err)
		}
		if w.Durable() != durable {
			t.Errorf("Durable() after %s failed = %d, want %d", what, w.Durable(), durable)
		}
		dead(t, disk, w)
	}
}

// dead checks that a writer refuses everything and touches nothing.
func dead(t *testing.T, disk *simfs.Disk, w *segment.Writer) {
	t.Helper()
	before := disk.Ops()
	g, _ := group(w, 1, 9, 10)
	if failed, ok := errors.AsType[*segment.WriteError](w.Write(g)); !ok || failed.Undone {
		t.Errorf("Write after a failure = %v, want it refused", failed)
	}
	if err := w.Sync(); err == nil {
		t.Error("Sync after a failure = nil, want an error")
	}
	if _, err := w.Seal(); err == nil {
		t.Error("Seal after a failure = nil, want an error")
	}
	if disk.Ops() != before {
		t.Errorf("%d operations after a failure, want none", disk.Ops()-before)
	}
}

// TestCreateFails: a segment that could not be made leaves no file, and only a
// sync that failed forbids to try again.
func TestCreateFails(t *testing.T) {
	for _, f := range []simfs.Fault{
		{Op: simfs.OpCreate}, {Op: simfs.OpCreate, Kept: true}, {Op: simfs.OpWrite, Err: syscall.ENOSPC}, {Op: simfs.OpSync}, {Op: simfs.OpSyncDir},
	} {
		disk := simfs.New()
		disk.Fail(f)
		_, err := segment.Create(checkfs.Must(disk.FS()), header(1))
		failed, ok := errors.AsType[*segment.WriteError](err)
		undone, noSpace := f.Op == simfs.OpCreate || f.Op == simfs.OpWrite, f.Err != nil
		if !ok || failed.Undone != undone || failed.Full != noSpace {
			t.Errorf("%+v: Create = %+v, want Undone %v, Full %v", f, err, undone, noSpace)
		}
		if names := disk.Names(); len(names) > 0 {
			t.Errorf("%+v: Create left %v", f, names)
		}
		if undone {
			create(t, disk.FS(), 1)
		}
	}
	disk := simfs.New()
	create(t, disk.FS(), 1)
	if _, err := segment.Create(checkfs.Must(disk.FS()), header(1)); !errors.Is(err, fs.ErrExist) || len(disk.Names()) != 1 {
		t.Errorf("Create of a segment that exists = %v, want %v and the file untouched", err, fs.ErrExist)
	}
}

// TestCreateIsDurable: what Create returned is there after a power cut.
func TestCreateIsDurable(t *testing.T) {
	disk := simfs.New()
	create(t, disk.FS(), 7)
	if got, want := disk.CutHard().Bytes(segment.Name(7)), format.AppendSegmentHeader(nil, header(7)); !bytes.Equal(got, want) {
		t.Errorf("after a power cut the segment holds %x, want %x", got, want)
	}
}

// TestResume: what a writer is not told to be durable is written again before
// anything else, be it seen in the file.
func TestResume(t *testing.T) {
	for what, first := range map[string]func(w *segment.Writer) error{
		"Write and Sync": func(w *segment.Writer) error {
			g, _ := group(w, 1, 3, 10)
			return errors.Join(w.Write(g), w.Sync())
		},
		"Sync": (*segment.Writer).Sync,
		"Seal": func(w *segment.Writer) error { _, err := w.Seal(); return err },
	} {
		disk := simfs.New()
		w := create(t, disk.FS(), 1)
		fill(t, w, 1, 1, 10)
		durable := w.Durable()
		g, _ := group(w, 1, 2, 200<<10)
		if err := w.Write(g); err != nil {
			t.Fatal(err)
		}
		disk.Fail(simfs.Fault{Op: simfs.OpSync})
		if err := w.Sync(); err == nil {
			t.Fatal("Sync = nil, want an error")
		}
		image := disk.Kill()
		f, err := checkfs.Must(image.FS()).Open(segment.Name(1), vfs.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		size, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		again := segment.Resume(f, 1, durable, w.End(), size)
		if err := first(again); err != nil {
			t.Fatal(err)
		}
		seen, kept := image.Bytes(segment.Name(1)), image.CutHard().Bytes(segment.Name(1))
		if end := again.End(); again.Durable() != end || !bytes.Equal(seen[:end], kept[:min(end, int64(len(kept)))]) {
			t.Errorf("%s after Resume: durable to %d of %d, and a power cut changes the bytes", what, again.Durable(), end)
		}
	}
}
