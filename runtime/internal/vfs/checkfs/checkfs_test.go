package checkfs_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestProtocolIsAllowed: the whole way of a log, with a torn tail, a write that
// fails and a rotation, breaks nothing, on each kind of disk.
func TestProtocolIsAllowed(t *testing.T) {
	for kind, disk := range map[string]func(t *testing.T) vfs.FS{
		"simulated": func(*testing.T) vfs.FS { return simfs.New().FS() },
		"real": func(t *testing.T) vfs.FS {
			fs, err := vfs.OpenDir(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			return fs
		},
	} {
		t.Run(kind, func(t *testing.T) {
			inner := disk(t)
			f, err := inner.Create(segment.Name(1))
			if err != nil {
				t.Fatal(err)
			}
			old := bytes.Join([][]byte{
				header(1), group(1, headerSize, 1, headerSize), group(1, headerSize+groupSize, 2, headerSize+groupSize), []byte("torn"),
			}, nil)
			if _, err := f.WriteAt(old, 0); err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
			r := &rig{T: t}
			r.FS = checkfs.New(inner, func(b *checkfs.Breach) { t.Error(b) })
			r.live()
		})
	}
}

// live goes on with a log of two groups and a torn tail.
func (r *rig) live() {
	lock, err := r.Lock(vfs.Exclusive)
	r.must(err)
	r.must(r.SyncDir())
	_, err = r.List()
	r.must(err)
	f := r.open(segment.Name(1))
	r.Promise(1)

	lost := r.create("lost-0000000000000001-00000240")
	r.write(lost, []byte("torn"), 0)
	r.must(lost.Sync())
	r.must(lost.Close())
	r.must(r.SyncDir())
	r.write(f, group(1, headerSize+groupSize, 2, headerSize+groupSize), headerSize+groupSize)
	r.must(f.Truncate(foundEnd))
	r.must(f.Sync())
	r.Promise(2)

	end := int64(foundEnd)
	r.write(f, make([]byte, 1000), end)
	r.write(f, group(1, end, 3, end), end)
	r.must(f.Sync())
	r.Promise(3)
	end += groupSize
	r.write(f, closing(1, end, 4), end)
	r.must(f.Truncate(end + 40))
	r.must(f.Sync())

	next := r.begin(2)
	r.write(next, group(2, headerSize, 4, headerSize), headerSize)
	r.must(next.Sync())
	r.Promise(4)
	r.must(next.Close())
	r.must(f.Close())
	r.must(lock.Close())
	r.must(r.Close())
}

// TestUndoneWriteIsAllowed: after a write that failed was cut off, and the cut
// synced, the log goes on; and so does one that failed to write found bytes again.
func TestUndoneWriteIsAllowed(t *testing.T) {
	r := newRig(t)
	f := r.find("")
	again := group(1, headerSize+groupSize, 2, headerSize+groupSize)
	next := group(1, foundEnd, 3, headerSize)
	for _, tt := range []struct {
		b   []byte
		off int64
	}{{again, headerSize + groupSize}, {next, foundEnd}} {
		r.disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
		if _, err := f.WriteAt(tt.b, tt.off); err == nil {
			t.Fatal("write = nil, want an error")
		}
		r.must(f.Truncate(foundEnd))
		r.must(f.Sync())
		r.write(f, tt.b, tt.off)
	}
	r.must(f.Sync())
	r.Promise(3)
	if r.breach != nil {
		t.Error(r.breach)
	}
}

// TestMergeThatEndsIsAllowed: a merge ends with the sync that makes the removal of its note
// durable. It need not have heard that the log has failed, nor the log that this sync has.
func TestMergeThatEndsIsAllowed(t *testing.T) {
	for what, goesOn := range map[string]func(r *rig, f vfs.File){
		"the log has failed": func(r *rig, f vfs.File) {
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
			if f.Sync() == nil {
				r.Fatal("sync = nil, want an error")
			}
			r.must(r.SyncDir())
		},
		"the merge has failed": func(r *rig, f vfs.File) {
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
			if r.SyncDir() == nil {
				r.Fatal("sync of the directory = nil, want an error")
			}
			r.must(f.Sync())
		},
	} {
		t.Run(strings.ReplaceAll(what, " ", "_"), func(t *testing.T) {
			r := newRig(t)
			r.must(r.SyncDir())
			f := r.begin(1)
			n := r.create("compaction")
			r.must(n.Sync())
			r.must(n.Close())
			r.must(r.SyncDir())
			r.must(r.Remove("compaction"))
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			goesOn(r, f)
			if r.breach != nil {
				t.Fatal(r.breach)
			}
			if _ = r.SyncDir(); r.breach == nil {
				t.Error("a sync of the directory after that is allowed")
			}
		})
	}
}

// TestMendedWriteIsAllowed: what a failed write left may also be written over with
// zeros, piece by piece. Zeros that could not be written leave nothing.
func TestMendedWriteIsAllowed(t *testing.T) {
	r := newRig(t)
	f := r.begin(1)
	r.write(f, make([]byte, groupSize+40), headerSize)
	next := group(1, headerSize, 1, headerSize)
	r.disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
	if _, err := f.WriteAt(next, headerSize); err == nil {
		t.Fatal("write = nil, want an error")
	}
	r.write(f, make([]byte, 100), headerSize)
	r.write(f, make([]byte, groupSize-100), headerSize+100)
	r.disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
	if _, err := f.WriteAt(make([]byte, 500), headerSize+groupSize+40); err == nil {
		t.Fatal("write of zeros = nil, want an error")
	}
	r.write(f, next, headerSize)
	r.must(f.Sync())
	r.Promise(1)
	if r.breach != nil {
		t.Error(r.breach)
	}
}

// TestRenewedNameIsAllowed: a name that was found becomes durable by being taken
// away and given again; a tail goes without being kept if there is no space for it.
func TestRenewedNameIsAllowed(t *testing.T) {
	r := newRig(t)
	r.disk.SetBytes(segment.Name(1), append(header(1), "torn"...))
	r.must(r.SyncDir())
	f := r.open(segment.Name(1))
	r.must(vfs.Renew(r, segment.Name(1)))
	r.disk.Fail(faultfs.Fault{Op: faultfs.OpCreate, Err: syscall.ENOSPC})
	if _, err := r.Create("lost-0000000000000001-00000060"); err == nil {
		t.Fatal("create = nil, want an error")
	}
	r.write(f, header(1), 0)
	r.must(f.Truncate(headerSize))
	r.must(f.Sync())
	r.write(f, group(1, headerSize, 1, headerSize), headerSize)
	r.must(f.Sync())
	r.Promise(1)
	if r.breach != nil {
		t.Error(r.breach)
	}
}

// TestDiscardIsAllowed: whichever call fails while a segment is made, it may be
// taken away again.
func TestDiscardIsAllowed(t *testing.T) {
	for _, f := range []faultfs.Fault{
		{Op: faultfs.OpCreate},
		{Op: faultfs.OpWrite},
		{Op: faultfs.OpWrite, N: 3},
		{Op: faultfs.OpSync, N: 2},
		{Op: faultfs.OpRename},
		{Op: faultfs.OpSyncDir},
		{Op: faultfs.OpOpen, N: 2},
	} {
		for _, kept := range []bool{false, true} {
			r := newRig(t)
			w := r.begin(1)
			f.Kept = kept
			r.disk.Fail(f)
			spare, err := segment.Prepare(r, 2)
			if err == nil {
				r.write(w, group(1, headerSize, 1, headerSize), headerSize)
				r.must(w.Sync())
				err = spare.Fill(format.SegmentHeader{Store: [16]byte{1}, Segment: 2, FirstSequence: 2, PrevLength: headerSize + groupSize})
			}
			if err == nil {
				_, err = spare.Publish()
			}
			if err == nil {
				t.Fatalf("a new segment with %+v = nil, want an error", f)
			}
			if names := r.disk.Names(); len(names) != 1 {
				t.Errorf("%+v: files %q, want one", f, names)
			}
			r.must(errors.Join(w.Close(), r.Close()))
			if r.breach != nil {
				t.Errorf("%+v: %v", f, r.breach)
			}
		}
	}
}

// TestReadsLeaveJunk: what a read did not fill is no zeros.
func TestReadsLeaveJunk(t *testing.T) {
	r := newRig(t)
	f := r.begin(1)
	b := make([]byte, 2*headerSize)
	n, err := f.ReadAt(b, 0)
	if n != headerSize || !errors.Is(err, io.EOF) {
		t.Fatalf("ReadAt = %d, %v, want %d and EOF", n, err, headerSize)
	}
	if !bytes.Equal(b[:n], header(1)) || bytes.ContainsAny(b[n:], "\x00") {
		t.Errorf("read %x, want the header and then junk", b)
	}
}

// keeper is a directory whose files keep the slices they are lent, and change
// those that they are shown.
type keeper struct {
	vfs.FS
	kept    []byte
	meddles []byte // is changed during the next write
}

func (k *keeper) Create(name string) (vfs.File, error) {
	f, err := k.FS.Create(name)
	return &keeperFile{f, k}, err
}

type keeperFile struct {
	vfs.File
	*keeper
}

func (f *keeperFile) WriteAt(b []byte, off int64) (int, error) {
	f.kept = b
	if f.meddles != nil {
		f.meddles[0]++
	}
	return f.File.WriteAt(b, off)
}

// TestLentSlices: the disk cannot live on the bytes that it was lent, and the
// store must leave alone what it lends.
func TestLentSlices(t *testing.T) {
	k := &keeper{FS: simfs.New().FS()}
	r := &rig{T: t}
	r.FS = checkfs.New(k, func(b *checkfs.Breach) { r.breach = b })
	b := []byte("some bytes")
	f := r.create("lost-0000000000000001-00000000")
	r.write(f, b, 0)
	if string(b) != "some bytes" || bytes.Contains(k.kept, []byte("b")) {
		t.Errorf("after the write the caller has %q and the disk %q, want the bytes and junk", b, k.kept)
	}
	if r.breach != nil {
		t.Fatal(r.breach)
	}
	k.meddles = b
	r.write(f, b, 0)
	if r.breach == nil || !strings.Contains(r.breach.Reason, "changed while they were written") {
		t.Errorf("breach = %v, want one because the bytes changed", r.breach)
	}
}

// TestBreachTellsWhatLedToIt: the first breach is reported, with the calls before
// it, and none of those that follow from it.
func TestBreachTellsWhatLedToIt(t *testing.T) {
	r := newRig(t)
	f := r.begin(1)
	for range 50 {
		_, _ = f.ReadAt(make([]byte, 4), 0)
	}
	r.must(f.Truncate(headerSize))
	r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
	_ = f.Sync()
	r.write(f, group(1, headerSize, 1, headerSize), headerSize)
	first := r.breach
	r.Promise(1)
	if r.breach != first || first == nil {
		t.Fatalf("breaches %v, %v, want one", first, r.breach)
	}
	var want []string
	for range 17 {
		want = append(want, "read 0000000000000001.seg, 4 bytes at 0")
	}
	want = append(want, "truncate 0000000000000001.seg to 96 bytes",
		"sync 0000000000000001.seg: sync 0000000000000001.seg: input/output error")
	if diff := cmp.Diff(want, first.History); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if text := first.Error(); !strings.HasPrefix(text, "write 0000000000000001.seg, 240 bytes at 96: ") || !strings.Contains(text, "\n\tsync ") {
		t.Errorf("Error() = %q, want the call, the reason and the history", text)
	}
}

// TestMust: where nobody is told, a breach panics.
func TestMust(t *testing.T) {
	defer func() {
		if b, ok := recover().(*checkfs.Breach); !ok || !strings.Contains(b.Reason, "no name of the store's") {
			t.Errorf("panic with %v, want a breach", b)
		}
	}()
	_, _ = checkfs.Must(simfs.New().FS()).Create("foreign")
}
