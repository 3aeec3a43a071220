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
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
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
				size := func() int64 { return int64(len(disk.Bytes(segment.Name(1)))) }
				before := size()
				disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, N: nth + 1, Kept: kept, Err: syscall.ENOSPC})
				var failed *segment.WriteError
				for failed == nil && w.End() < end+(300<<10) {
					before = size()
					g, _ := group(w, 1, 3, n)
					errors.As(w.Write(g), &failed)
				}
				if failed == nil || !failed.Undone || !failed.Full || !errors.Is(failed, syscall.ENOSPC) {
					t.Fatalf("Write on a full disk = %+v, want it undone", failed)
				}
				if rest := disk.Bytes(segment.Name(1))[w.End():]; size() != before || len(bytes.TrimRight(rest, "\x00")) > 0 {
					t.Errorf("after a write that was undone the file has %d bytes and ends in %x, want %d and zeros", size(), rest, before)
				}
				if got := int64(len(disk.CutHard().Bytes(segment.Name(1)))); w.Durable() > got {
					t.Errorf("Durable() = %d, but a power cut leaves %d bytes", w.Durable(), got)
				}
				fill(t, w, 1, 4, n, 10)
			}
		}
	}
}

// TestRoomIsGivenUp: on a disk that takes no write at all, not even over what is
// there, a group is taken back by cutting the file.
func TestRoomIsGivenUp(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	fill(t, w, 1, 1, 10)
	disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Sticky: true, Err: syscall.ENOSPC})
	g, _ := group(w, 1, 2, 10)
	failed, ok := errors.AsType[*segment.WriteError](w.Write(g))
	if !ok || !failed.Undone || !failed.Full {
		t.Fatalf("Write = %+v, want it undone", failed)
	}
	if got := int64(len(disk.Bytes(segment.Name(1)))); got != w.End() {
		t.Errorf("the segment has %d bytes, want %d", got, w.End())
	}
	disk.Heal()
	fill(t, w, 1, 2, 10, 20)
	soundTo(t, disk, w)
}

// TestUndoFails: after a truncation or sync that failed the writer does nothing
// any more.
func TestUndoFails(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.OpTruncate, faultfs.OpSync} {
		disk := simfs.New()
		w := create(t, disk.FS(), 1)
		fill(t, w, 1, 1, 10)
		disk.Fail(faultfs.Fault{Op: faultfs.OpWrite})
		disk.Fail(faultfs.Fault{Op: op})
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
		"Trim": (*segment.Writer).Trim,
	} {
		disk := simfs.New()
		w := create(t, disk.FS(), 1)
		fill(t, w, 1, 1, 10)
		durable := w.Durable()
		g, _ := group(w, 1, 2, 10)
		if err := w.Write(g); err != nil {
			t.Fatal(err)
		}
		disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
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
	if err := w.Trim(); err == nil {
		t.Error("Trim after a failure = nil, want an error")
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
	for _, f := range []faultfs.Fault{
		{Op: faultfs.OpCreate},
		{Op: faultfs.OpCreate, Kept: true},
		{Op: faultfs.OpCreate, Err: syscall.ENOSPC},
		{Op: faultfs.OpWrite, Err: syscall.ENOSPC},
		{Op: faultfs.OpWrite, N: 2},
		{Op: faultfs.OpSync},
		{Op: faultfs.OpRename},
		{Op: faultfs.OpRename, Kept: true},
		{Op: faultfs.OpSyncDir},
		{Op: faultfs.OpOpen, Err: syscall.EMFILE},
		{Op: faultfs.OpOpen, N: 2, Err: syscall.EMFILE},
	} {
		disk := simfs.New()
		disk.Fail(f)
		_, err := tryCreate(checkfs.Must(disk.FS()), header(1))
		failed, ok := errors.AsType[*segment.WriteError](err)
		undone, noSpace := f.Op != faultfs.OpSync && f.Op != faultfs.OpSyncDir, errors.Is(f.Err, syscall.ENOSPC)
		if !ok || failed.Undone != undone || failed.Full != noSpace {
			t.Errorf("%+v: a new segment = %+v, want Undone %v, Full %v", f, err, undone, noSpace)
		}
		if names := disk.Names(); len(names) > 0 {
			t.Errorf("%+v: the attempt left %v", f, names)
		}
		if undone {
			create(t, disk.FS(), 1)
		}
	}
	disk := simfs.New()
	create(t, disk.FS(), 1)
	if _, err := segment.Prepare(checkfs.Must(disk.FS()), 1); !errors.Is(err, fs.ErrExist) || len(disk.Names()) != 1 {
		t.Errorf("Prepare of a segment that exists = %v, want %v and the file untouched", err, fs.ErrExist)
	}
}

// TestCreateIsDurable: what Publish returned is there after a power cut.
func TestCreateIsDurable(t *testing.T) {
	disk := simfs.New()
	create(t, disk.FS(), 7)
	got, want := disk.CutHard().Bytes(segment.Name(7)), format.AppendSegmentHeader(nil, header(7))
	if !bytes.Equal(bytes.TrimRight(got, "\x00"), bytes.TrimRight(want, "\x00")) {
		t.Errorf("after a power cut the segment holds %x, want %x", got, want)
	}
}

// TestSpareTakesItsSpaceFirst: once a segment is prepared it can be published on
// a full disk, and a close group be put there.
func TestSpareTakesItsSpaceFirst(t *testing.T) {
	disk := simfs.New()
	spare, err := segment.Prepare(disk.FS(), 1)
	if err != nil {
		t.Fatal(err)
	}
	disk.SetFree(0)
	if err := spare.Fill(header(1)); err != nil {
		t.Fatalf("Fill on a full disk = %v", err)
	}
	w, err := spare.Publish()
	if err != nil {
		t.Fatalf("Publish on a full disk = %v", err)
	}
	if err := w.WriteLast(closeGroup(w, 1, 1)); err != nil {
		t.Errorf("WriteLast on a full disk = %v", err)
	}
	disk.SetFree(1 << 20)
	spare, err = segment.Prepare(disk.FS(), 2)
	if err != nil {
		t.Fatal(err)
	}
	spare.Discard()
	if names := disk.Names(); len(names) != 1 {
		t.Errorf("Discard left %v", names)
	}
}

// closeGroup makes a close group at the writer's end.
func closeGroup(w *segment.Writer, number, sequence uint64) []byte {
	return format.AppendGroup(nil, format.GroupHeader{
		Type: format.GroupClose, FirstSequence: sequence, Durable: uint32(w.Durable()), Incarnation: 1,
	}, format.Place{Store: header(number).Store, Segment: number, Offset: w.End()}, nil)
}

// TestFullDisk: however much space there is, a disk that fills refuses a group and
// nothing else. What was written stays as it was, there is room for a close group,
// and the writer goes on when there is space again.
func TestFullDisk(t *testing.T) {
	for _, n := range []int{10, 300, smallGroup} { // with and without zeros ahead
		for free := int64(0); free < 9000; free += 37 {
			disk := simfs.New()
			w := create(t, disk.FS(), 1)
			disk.SetFree(free + int64(n)/8*8)
			sequence, failed := uint64(1), (*segment.WriteError)(nil)
			for failed == nil {
				g, _ := group(w, 1, sequence, n)
				err := w.Write(g)
				if err == nil {
					err = w.Sync()
					sequence++
				}
				if err != nil && !errors.As(err, &failed) {
					t.Fatalf("%d bytes free, groups of %d: %v", free, n, err)
				}
			}
			if !failed.Undone || !failed.Full {
				t.Fatalf("%d bytes free, groups of %d: %+v, want it undone and full", free, n, failed)
			}
			soundTo(t, disk, w)
			image := disk.Kill()
			f, err := image.FS().Open(segment.Name(1), vfs.ReadWrite)
			if err != nil {
				t.Fatal(err)
			}
			image.SetFree(0)
			closer := segment.Resume(f, 1, w.Durable(), w.End(), int64(len(image.Bytes(segment.Name(1)))))
			if err := closer.WriteLast(closeGroup(closer, 1, sequence)); err != nil {
				t.Fatalf("%d bytes free, groups of %d: close group on a full disk = %v", free, n, err)
			}
			if _, err := closer.Seal(); err != nil {
				t.Fatal(err)
			}
			disk.SetFree(1 << 20)
			fill(t, w, 1, sequence, n, 10)
			soundTo(t, disk, w)
		}
	}
}

// smallGroup makes a group that is not written ahead of.
const smallGroup = 64 << 10

// soundTo checks that the groups of a segment are sound and end where the writer
// does, and that zeros follow, with room for a close group.
func soundTo(t *testing.T, disk *simfs.Disk, w *segment.Writer) {
	t.Helper()
	r := segment.NewReader(disk.FS())
	defer r.Close()
	s, err := r.Scan(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Head(); err != nil {
		t.Fatal(err)
	}
	for ok := true; ok; {
		if ok, err = s.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if s.End() != w.End() || s.Size() < s.End()+format.GroupHeaderSize {
		t.Fatalf("groups end at %d of %d bytes, want %d and room for a close group", s.End(), s.Size(), w.End())
	}
}

// TestTrim: Trim leaves the groups, and the room of a close group if it was there.
func TestTrim(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	fill(t, w, 1, 1, 10, 20)
	for range 2 {
		if err := w.Trim(); err != nil {
			t.Fatal(err)
		}
		if got, want := int64(len(disk.CutHard().Bytes(segment.Name(1)))), w.End()+format.GroupHeaderSize; got != want {
			t.Errorf("the segment has %d bytes, want %d", got, want)
		}
	}
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := w.Trim(); err != nil || int64(len(disk.Bytes(segment.Name(1)))) != w.End() {
		t.Errorf("Trim of a sealed segment = %v, and it has %d bytes, want %d", err, len(disk.Bytes(segment.Name(1))), w.End())
	}
}

// TestTrimSyncs: where nothing but room lies behind a log that is durable, Trim asks the disk
// all the same, which may tell only now what it has lost.
func TestTrimSyncs(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	fill(t, w, 1, 1, 10)
	if err := w.Trim(); err != nil {
		t.Fatal(err)
	}
	disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
	again := segment.Resume(w.File(), 1, w.End(), w.End(), int64(len(disk.Bytes(segment.Name(1)))))
	if err := again.Trim(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Trim = %v, want EIO", err)
	}
	dead(t, disk, again)
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
		disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
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
