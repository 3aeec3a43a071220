package checkfs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// twoSegments begins a log of two segments with an event each, of which the second
// is durable if synced says so.
func (r *rig) twoSegments(synced bool) {
	r.Helper()
	for number := range uint64(2) {
		f := r.begin(number + 1)
		r.write(f, group(number+1, headerSize, number+1, headerSize), headerSize)
		if number == 0 || synced {
			r.must(f.Sync())
			r.Promise(number + 1)
		}
		r.must(f.Close())
	}
}

// beside opens a directory beside that of the rig, for a snapshot.
func (r *rig) beside() *rig {
	into := &rig{T: r.T, disk: r.disk}
	into.FS = checkfs.New(r.disk.Dir("copy"), func(b *checkfs.Breach) { into.breach = b })
	return into
}

// guard makes the directory say that it holds an unfinished snapshot.
func (r *rig) guard() {
	r.Helper()
	r.must(r.create("unfinished").Close())
	r.must(r.SyncDir())
}

// copied makes a file of a snapshot that is durable but for its name.
func (r *rig) copied(number uint64) vfs.File {
	r.Helper()
	f := r.create(segment.Name(number))
	r.write(f, append(header(number), group(number, headerSize, number, headerSize)...), 0)
	r.must(f.Sync())
	return f
}

// TestSnapshotBreaches: each thing that is forbidden where a snapshot is made is
// reported when it happens, and not before.
func TestSnapshotBreaches(t *testing.T) {
	for name, tt := range map[string]struct {
		// prepare does what is allowed and returns what is not.
		prepare func(from, into *rig) func()
		want    string
	}{
		"link of the last segment": {func(from, into *rig) func() {
			from.twoSegments(true)
			into.guard()
			from.must(from.Link(segment.Name(1), into.FS))
			return func() { _ = from.Link(segment.Name(2), into.FS) }
		}, "may be written to: segment 2 is the last"},
		"link of the last segment that a merge found durable before it was told": {func(from, into *rig) func() {
			from.twoSegments(false)
			f := from.open(segment.Name(2))
			from.must(f.Sync())
			_, err := from.List()
			from.must(errors.Join(err, f.Close()))
			from.Promise(2)
			into.guard()
			from.must(from.Link(segment.Name(1), into.FS))
			return func() { _ = from.Link(segment.Name(2), into.FS) }
		}, "may be written to: segment 2 is the last"},
		"link before one without a durable group": {func(from, into *rig) func() {
			from.twoSegments(false)
			into.guard()
			return func() { _ = from.Link(segment.Name(1), into.FS) }
		}, "may be written to: segment 1 is the last"},
		"link without a guard": {func(from, into *rig) func() {
			from.twoSegments(true)
			return func() { _ = from.Link(segment.Name(1), into.FS) }
		}, "only a snapshot shares files"},
		"link before the guard is durable": {func(from, into *rig) func() {
			from.twoSegments(true)
			into.create("unfinished")
			return func() { _ = from.Link(segment.Name(1), into.FS) }
		}, "nothing durable says that the snapshot is unfinished"},
		"write to a file that is shared": {func(from, into *rig) func() {
			from.twoSegments(true)
			into.guard()
			from.must(from.Link(segment.Name(1), into.FS))
			f := into.open(segment.Name(1))
			return func() { _, _ = f.WriteAt([]byte("x"), 0) }
		}, "shared with another directory"},
		"cut of a file that is shared": {func(from, into *rig) func() {
			from.twoSegments(true)
			into.guard()
			from.must(from.Link(segment.Name(1), into.FS))
			f := from.open(segment.Name(1))
			return func() { _ = f.Truncate(0) }
		}, "shared with another directory"},
		"file before the guard is durable": {func(_, into *rig) func() {
			into.create("unfinished")
			return func() { into.create(segment.Name(1)) }
		}, "nothing durable says that the snapshot is unfinished"},
		"guard beside a file": {func(_, into *rig) func() {
			into.begin(1)
			return func() { into.create("unfinished") }
		}, "there is something in the directory"},
		"end before a file is durable": {func(_, into *rig) func() {
			into.guard()
			into.write(into.copied(1), []byte("x"), headerSize+groupSize)
			into.must(into.SyncDir())
			return func() { _ = into.Remove("unfinished") }
		}, "0000000000000001.seg is not durable"},
		"end before a name is durable": {func(_, into *rig) func() {
			into.guard()
			into.copied(1)
			return func() { _ = into.Remove("unfinished") }
		}, "the name 0000000000000001.seg is not durable"},
		"end before the name of a link is durable": {func(from, into *rig) func() {
			from.twoSegments(true)
			into.guard()
			from.must(from.Link(segment.Name(1), into.FS))
			return func() { _ = into.Remove("unfinished") }
		}, "the name 0000000000000001.seg is not durable"},
		"end after the directory could not be synced": {func(_, into *rig) func() {
			into.guard()
			into.disk.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
			_ = into.SyncDir()
			return func() { _ = into.Remove("unfinished") }
		}, "after a failed sync of the directory"},
		"end of half of it": {func(_, into *rig) func() {
			into.guard()
			into.copied(1)
			into.copied(2)
			into.must(into.Remove(segment.Name(2)))
			into.must(into.SyncDir())
			return func() { _ = into.Remove("unfinished") }
		}, "some of the files are there and others are not"},
		"end before what was taken away is gone": {func(_, into *rig) func() {
			into.guard()
			into.copied(1)
			into.must(into.Remove(segment.Name(1)))
			return func() { _ = into.Remove("unfinished") }
		}, "may come back"},
		"file after the end": {func(_, into *rig) func() {
			into.guard()
			into.must(into.Remove("unfinished"))
			return func() { into.create(segment.Name(1)) }
		}, "may be finished"},
		"file taken away after the end": {func(_, into *rig) func() {
			into.guard()
			into.copied(1)
			into.must(into.SyncDir())
			into.must(into.Remove("unfinished"))
			return func() { _ = into.Remove(segment.Name(1)) }
		}, "may be finished"},
	} {
		t.Run(name, func(t *testing.T) {
			from := newRig(t)
			into := from.beside()
			breach := tt.prepare(from, into)
			for _, r := range []*rig{from, into} {
				if r.breach != nil {
					t.Fatalf("too early: %v", r.breach)
				}
			}
			breach()
			found := from.breach
			if found == nil {
				found = into.breach
			}
			if found == nil || !strings.Contains(found.Reason, tt.want) {
				t.Errorf("breach = %v, want one because of %q", found, tt.want)
			}
		})
	}
}
