package checkfs_test

import (
	"bytes"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

const headerSize = format.SegmentHeaderSize

// rig is a checked disk, and calls that do not fail.
type rig struct {
	*testing.T
	*checkfs.FS
	disk   *simfs.Disk
	breach *checkfs.Breach
}

func newRig(t *testing.T) *rig {
	r := &rig{T: t, disk: simfs.New()}
	r.FS = checkfs.New(r.disk.FS(), func(b *checkfs.Breach) { r.breach = b })
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) create(name string) vfs.File {
	r.Helper()
	f, err := r.Create(name)
	r.must(err)
	return f
}

func (r *rig) open(name string) vfs.File {
	r.Helper()
	f, err := r.Open(name, vfs.ReadWrite)
	r.must(err)
	return f
}

func (r *rig) write(f vfs.File, b []byte, off int64) {
	r.Helper()
	_, err := f.WriteAt(b, off)
	r.must(err)
}

// begin makes a segment durable with its name.
func (r *rig) begin(number uint64) vfs.File {
	r.Helper()
	f := r.create(segment.Name(number))
	r.write(f, header(number), 0)
	r.must(f.Sync())
	r.must(r.SyncDir())
	return f
}

// temp makes a segment durable under its temporary name.
func (r *rig) temp(number uint64) {
	r.Helper()
	f := r.create(segment.Name(number) + vfs.TempSuffix)
	r.write(f, make([]byte, headerSize+40), 0)
	r.write(f, header(number), 0)
	r.must(f.Sync())
	r.must(f.Close())
}

func header(number uint64) []byte {
	h := format.SegmentHeader{Store: [16]byte{1}, Segment: number, FirstSequence: number}
	if number > 1 {
		h.PrevLength = headerSize
	}
	return format.AppendSegmentHeader(nil, h)
}

// groupSize is the length of a group.
const groupSize = format.GroupHeaderSize + 200

// group is one with one event.
func group(number uint64, off int64, sequence uint64, durable int64) []byte {
	return format.AppendGroup(nil, format.GroupHeader{
		Type: format.GroupEvents, FirstSequence: sequence, Count: 1, Durable: uint32(durable), Incarnation: 1,
	}, format.Place{Store: [16]byte{1}, Segment: number, Offset: off}, bytes.Repeat([]byte{byte(sequence)}, 200))
}

func closing(number uint64, off int64, sequence uint64) []byte {
	return format.AppendGroup(nil, format.GroupHeader{
		Type: format.GroupClose, FirstSequence: sequence, Durable: uint32(off), Incarnation: 1,
	}, format.Place{Store: [16]byte{1}, Segment: number, Offset: off}, nil)
}

// find opens a segment that was there before, with two groups, of which the first
// is proved durable, and behind them some bytes.
func (r *rig) find(tail string) vfs.File {
	r.Helper()
	r.disk.SetBytes(segment.Name(1), bytes.Join([][]byte{
		header(1), group(1, headerSize, 1, headerSize), group(1, headerSize+groupSize, 2, headerSize+groupSize), []byte(tail),
	}, nil))
	r.must(r.SyncDir())
	_, err := r.List()
	r.must(err)
	return r.open(segment.Name(1))
}

const foundEnd = headerSize + 2*groupSize

// TestBreaches: each thing that the protocol forbids is reported when it happens,
// and not before.
func TestBreaches(t *testing.T) {
	for name, tt := range map[string]struct {
		// prepare does what is allowed and returns what is not.
		prepare func(r *rig) func()
		want    string
	}{
		"promise before the write": {func(r *rig) func() {
			r.begin(1)
			return func() { r.Promise(1) }
		}, "the last event that was written is 0"},
		"promise before the sync": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			return func() { r.Promise(1) }
		}, "bytes 96 to 336 of 0000000000000001.seg, are not durable"},
		"promise of the second before its sync": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			r.must(f.Sync())
			r.Promise(1)
			r.write(f, group(1, headerSize+groupSize, 2, headerSize+groupSize), headerSize+groupSize)
			r.Promise(1)
			return func() { r.Promise(2) }
		}, "events 2 to 2"},
		"promise after a failed sync": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
			_ = f.Sync()
			return func() { r.Promise(1) }
		}, "are not durable"},
		"promise of what was found": {func(r *rig) func() {
			r.find("")
			r.Promise(1)
			return func() { r.Promise(2) }
		}, "events 2 to 2"},
		"promise of what was found and synced": {func(r *rig) func() {
			f := r.find("")
			r.must(f.Sync())
			return func() { r.Promise(2) }
		}, "events 2 to 2"},
		"promise of what was written again": {func(r *rig) func() {
			f := r.find("")
			r.write(f, group(1, headerSize+groupSize, 2, headerSize+groupSize), headerSize+groupSize)
			return func() { r.Promise(2) }
		}, "events 2 to 2"},

		"group before the name": {func(r *rig) func() {
			f := r.create(segment.Name(1))
			r.write(f, header(1), 0)
			r.must(f.Sync())
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "name is not durable"},
		"group before the header": {func(r *rig) func() {
			f := r.create(segment.Name(1))
			r.write(f, header(1), 0)
			r.must(r.SyncDir())
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "header is not durable"},
		"group under a name that was found": {func(r *rig) func() {
			r.disk.SetBytes(segment.Name(1), header(1))
			r.must(r.SyncDir())
			f := r.open(segment.Name(1))
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "name is not durable"},
		"group with a mark ahead": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			at := int64(headerSize + groupSize)
			return func() { r.write(f, group(1, at, 2, at), at) }
		}, "durable up to 336, which it is not"},
		"close group before the sync": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			at := int64(headerSize + groupSize)
			b := closing(1, at, 2)
			return func() { r.write(f, b, at) }
		}, "durable up to 336, which it is not"},
		"group in another place": {func(r *rig) func() {
			f := r.begin(1)
			return func() { r.write(f, group(2, headerSize, 1, headerSize), headerSize) }
		}, "neither a group in its place nor zeros"},
		"gap": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, make([]byte, 1000), headerSize)
			return func() { r.write(f, group(1, headerSize+8, 1, headerSize), headerSize+8) }
		}, "a gap"},
		"no header": {func(r *rig) func() {
			f := r.create(segment.Name(1))
			return func() { r.write(f, header(2), 0) }
		}, "begins with its header"},
		"group in a temporary file": {func(r *rig) func() {
			f := r.create(segment.Name(1) + vfs.TempSuffix)
			r.write(f, header(1), 0)
			r.must(f.Sync())
			r.must(r.SyncDir())
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "not a segment"},
		"group over a group": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "would be written again"},
		"proven bytes again": {func(r *rig) func() {
			f := r.find("")
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "would be written again"},
		"other bytes again": {func(r *rig) func() {
			f := r.find("")
			return func() { r.write(f, group(1, headerSize+groupSize, 3, headerSize), headerSize+groupSize) }
		}, "differ from those that were found"},

		"next segment before the sync": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			return func() { r.create(segment.Name(2)) }
		}, "segment 1 is not durable"},
		"next segment before the cut": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, make([]byte, 100), headerSize)
			r.must(f.Sync())
			return func() { r.create(segment.Name(2)) }
		}, "has 196 bytes, its groups end at 96"},
		"next segment before the cut is synced": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, make([]byte, 100), headerSize)
			r.must(f.Sync())
			r.must(f.Truncate(headerSize))
			return func() { r.create(segment.Name(2)) }
		}, "segment 1 is not durable"},
		"next segment before what was found is proved": {func(r *rig) func() {
			r.find("")
			return func() { r.create(segment.Name(2)) }
		}, "segment 1 is not durable"},
		"name of the next segment before the sync": {func(r *rig) func() {
			f := r.begin(1)
			r.temp(2)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			return func() { r.must(r.Rename(segment.Name(2)+vfs.TempSuffix, segment.Name(2))) }
		}, "segment 1 is not durable"},
		"name of the next segment before the cut": {func(r *rig) func() {
			f := r.begin(1)
			r.temp(2)
			r.write(f, make([]byte, 100), headerSize)
			r.must(f.Sync())
			return func() { r.must(r.Rename(segment.Name(2)+vfs.TempSuffix, segment.Name(2))) }
		}, "has 196 bytes, its groups end at 96"},
		"write to a segment after the next could not get its name": {func(r *rig) func() {
			f := r.begin(1)
			r.temp(2)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpRename})
			_ = r.Rename(segment.Name(2)+vfs.TempSuffix, segment.Name(2))
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "the segment after it was begun"},
		"write to a sealed segment": {func(r *rig) func() {
			f := r.begin(1)
			r.begin(2)
			return func() { r.write(f, header(1), 0) }
		}, "the segment after it was begun"},
		"footer before the name of the next segment": {func(r *rig) func() {
			f := r.begin(1)
			r.temp(2)
			r.must(r.Rename(segment.Name(2)+".tmp", segment.Name(2)))
			return func() { r.write(f, []byte("footer"), headerSize) }
		}, "its name is not durable"},
		"write to a segment after the next could not be made": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpCreate})
			_, _ = r.Create(segment.Name(2))
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "the segment after it was begun"},
		"cut of a sealed segment": {func(r *rig) func() {
			f := r.begin(1)
			r.begin(2)
			return func() { r.must(f.Truncate(headerSize - 1)) }
		}, "the segment after it was begun"},
		"write to a segment that was found sealed": {func(r *rig) func() {
			r.disk.SetBytes(segment.Name(1), header(1))
			r.disk.SetBytes(segment.Name(2), header(2))
			r.must(r.SyncDir())
			_, err := r.List()
			r.must(err)
			f := r.open(segment.Name(1))
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "the segment after it was begun"},

		"write over what a failed one left": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
			_, _ = f.WriteAt(group(1, headerSize, 1, headerSize), headerSize)
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "what a failed write left at 96 was neither cut off nor written over"},
		"write over what a failed one left, in part zeros": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, make([]byte, 1000), headerSize)
			r.must(f.Sync())
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
			_, _ = f.WriteAt(group(1, headerSize, 1, headerSize), headerSize)
			r.write(f, make([]byte, groupSize-1), headerSize)
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "neither cut off nor written over"},
		"write after a cut that was not synced": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
			_, _ = f.WriteAt(group(1, headerSize, 1, headerSize), headerSize)
			r.must(f.Truncate(headerSize))
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "the cut before it was not synced"},
		"cut of a group": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			return func() { r.must(f.Truncate(headerSize)) }
		}, "cut off a group"},
		"cut of a tail that is not kept": {func(r *rig) func() {
			f := r.find("torn")
			return func() { r.must(f.Truncate(foundEnd)) }
		}, "in no lost file"},
		"cut of a tail before it is kept durably": {func(r *rig) func() {
			f := r.find("torn")
			r.write(r.create("lost-0000000000000001-00000240"), []byte("torn"), 0)
			r.must(r.SyncDir())
			return func() { r.must(f.Truncate(foundEnd)) }
		}, "lost-0000000000000001-00000240 is not durable"},
		"cut of a tail before the name of what keeps it": {func(r *rig) func() {
			f := r.find("torn")
			lost := r.create("lost-0000000000000001-00000240")
			r.write(lost, []byte("torn"), 0)
			r.must(lost.Sync())
			return func() { r.must(f.Truncate(foundEnd)) }
		}, "the name lost-0000000000000001-00000240 is not durable"},

		"write after a failed sync": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
			_ = f.Sync()
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "after a failed sync of segment 1"},
		"sync after a failed sync": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
			_ = f.Sync()
			return func() { r.must(f.Sync()) }
		}, "a sync proves nothing after one that has failed"},
		"next segment after a failed sync": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
			_ = f.Sync()
			return func() { r.create(segment.Name(2)) }
		}, "after a failed sync of segment 1"},
		"write after a failed cut": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpTruncate})
			_ = f.Truncate(headerSize)
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "after a failed cut of segment 1"},
		"write after a failed sync of another file": {func(r *rig) func() {
			f := r.create("lost-0000000000000001-00000000")
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
			_ = f.Sync()
			return func() { r.write(f, []byte("x"), 0) }
		}, "a sync or cut of the file has failed"},
		"write after a failed sync of the directory": {func(r *rig) func() {
			f := r.begin(1)
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
			_ = r.SyncDir()
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "after a failed sync of the directory"},
		"sync of the directory after a failed one": {func(r *rig) func() {
			r.disk.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
			_ = r.SyncDir()
			return func() { r.must(r.SyncDir()) }
		}, "proves nothing after a failed sync of the directory"},

		"rename of dirty bytes": {func(r *rig) func() {
			r.write(r.create(segment.Name(1)+vfs.TempSuffix), header(1), 0)
			return func() { r.must(r.Rename(segment.Name(1)+vfs.TempSuffix, segment.Name(1))) }
		}, "the file is not durable"},
		"rename of a file that was never synced": {func(r *rig) func() {
			r.create(segment.Name(1) + vfs.TempSuffix)
			return func() { r.must(r.Rename(segment.Name(1)+vfs.TempSuffix, segment.Name(1))) }
		}, "the file is not durable"},
		"rename over events": {func(r *rig) func() {
			r.find("")
			f := r.create(segment.Name(1) + vfs.TempSuffix)
			r.write(f, header(1), 0)
			r.must(f.Sync())
			return func() { r.must(r.Rename(segment.Name(1)+vfs.TempSuffix, segment.Name(1))) }
		}, "a segment with events"},
		"group after a rename that is not durable": {func(r *rig) func() {
			f := r.create(segment.Name(1) + vfs.TempSuffix)
			r.write(f, header(1), 0)
			r.must(f.Sync())
			r.must(r.SyncDir())
			r.must(r.Rename(segment.Name(1)+vfs.TempSuffix, segment.Name(1)))
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "name is not durable"},
		"name taken from events": {func(r *rig) func() {
			r.find("")
			return func() { r.must(r.Rename(segment.Name(1), segment.Name(1)+vfs.TempSuffix)) }
		}, "take its name from a segment with events"},
		"removal of events": {func(r *rig) func() {
			f := r.begin(1)
			r.write(f, group(1, headerSize, 1, headerSize), headerSize)
			return func() { r.must(r.Remove(segment.Name(1))) }
		}, "a segment with events"},
		"removal before an output is durable": {func(r *rig) func() {
			r.disk.SetBytes("lost-0000000000000001-00000000", []byte("input"))
			r.write(r.create("lost-0000000000000001-00000001"), []byte("output"), 0)
			return func() { r.must(r.Remove("lost-0000000000000001-00000000")) }
		}, "lost-0000000000000001-00000001 is not durable"},
		"removal before an output's name is durable": {func(r *rig) func() {
			r.disk.SetBytes("lost-0000000000000001-00000000", []byte("input"))
			r.open("lost-0000000000000001-00000000")
			f := r.create("lost-0000000000000001-00000001")
			r.write(f, []byte("output"), 0)
			r.must(f.Sync())
			return func() { r.must(r.Remove("lost-0000000000000001-00000000")) }
		}, "the name lost-0000000000000001-00000001 is not durable"},

		"foreign name": {func(r *rig) func() {
			return func() { r.create("notes.txt") }
		}, "no name of the store's"},
		"foreign name by renaming": {func(r *rig) func() {
			f := r.create("lost-0000000000000001-00000000")
			r.must(f.Sync())
			return func() { r.must(r.Rename("lost-0000000000000001-00000000", "kept")) }
		}, "no name of the store's"},
		"removal of a foreign file": {func(r *rig) func() {
			r.disk.SetBytes("notes.txt", nil)
			return func() { r.must(r.Remove("notes.txt")) }
		}, "no name of the store's"},
		"names that a power cut may take": {func(r *rig) func() {
			_, err := r.List()
			r.must(err)
			return func() { r.create(segment.Name(1)) }
		}, "listed before it was synced"},
		"removal on such names": {func(r *rig) func() {
			r.disk.SetBytes(segment.Name(1)+vfs.TempSuffix, nil)
			_, err := r.List()
			r.must(err)
			return func() { r.must(r.Remove(segment.Name(1) + vfs.TempSuffix)) }
		}, "listed before it was synced"},
		"change without the lock": {func(r *rig) func() {
			lock, err := r.Lock(vfs.Exclusive)
			r.must(err)
			f := r.begin(1)
			r.must(lock.Close())
			return func() { r.write(f, group(1, headerSize, 1, headerSize), headerSize) }
		}, "exclusive lock is not held"},
		"change under a shared lock": {func(r *rig) func() {
			_, err := r.Lock(vfs.Shared)
			r.must(err)
			return func() { r.must(r.SyncDir()) }
		}, "exclusive lock is not held"},

		"file left open": {func(r *rig) func() {
			r.begin(1)
			return func() { r.must(r.FS.Close()) }
		}, "1 files are left open"},
		"lock left behind": {func(r *rig) func() {
			_, err := r.Lock(vfs.Exclusive)
			r.must(err)
			return func() { r.must(r.FS.Close()) }
		}, "the lock is left behind"},
		"file closed twice": {func(r *rig) func() {
			f := r.begin(1)
			r.must(f.Close())
			return func() { _ = f.Close() }
		}, "the file was closed before"},
		"call under a lock": {func(r *rig) func() {
			var mu sync.RWMutex
			r.NotUnder(&mu, mu.TryLock)
			r.SetPatience(time.Millisecond)
			f := r.begin(1)
			return func() {
				mu.Lock()
				defer mu.Unlock()
				r.must(f.Close())
			}
		}, "a lock is held"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			r := newRig(t)
			forbidden := tt.prepare(r)
			if r.breach != nil {
				t.Fatalf("breach before anything forbidden was done: %v", r.breach)
			}
			forbidden()
			if r.breach == nil || !strings.Contains(r.breach.Reason, tt.want) {
				t.Errorf("breach = %v, want one because %q", r.breach, tt.want)
			}
		})
	}
}
