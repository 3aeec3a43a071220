package recovery_test

import (
	"errors"
	"io"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// shortReads is a directory in which one read of a file ends early.
type shortReads struct {
	vfs.FS
	disk  *simfs.Disk
	name  string
	end   int64 // bytes of the file that the read finds
	nth   int   // which read, from 1
	cuts  bool  // the file is cut there beneath it, when its first group is read
	fired bool
	reads []int64 // where those so far were to end
}

// Peek lets whoever watches the log see what is there.
func (d *shortReads) Peek(name string) []byte { return d.disk.Bytes(name) }

func (d *shortReads) Open(name string, m vfs.Mode) (vfs.File, error) {
	f, err := d.FS.Open(name, m)
	if err != nil || name != d.name {
		return f, err
	}
	return &shortFile{f, d}, nil
}

type shortFile struct {
	vfs.File
	dir *shortReads
}

func (f *shortFile) ReadAt(p []byte, off int64) (int, error) {
	if f.dir.cuts && off != format.SegmentHeaderSize {
		return f.File.ReadAt(p, off)
	}
	f.dir.reads = append(f.dir.reads, off+int64(len(p)))
	if f.dir.nth--; f.dir.nth != 0 {
		return f.File.ReadAt(p, off)
	}
	f.dir.fired = true
	if f.dir.cuts {
		f.dir.disk.SetBytes(f.dir.name, f.dir.disk.Bytes(f.dir.name)[:f.dir.end])
	}
	n, err := f.File.ReadAt(p[:min(int64(len(p)), max(0, f.dir.end-off))], off)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// readsOf opens an image and returns where the reads of a file were to end. The first
// one that ends early is the first that differs.
func readsOf(t *testing.T, image *simfs.Disk, name string) []int64 {
	t.Helper()
	d := &shortReads{FS: image.FS(), disk: image, name: name}
	if _, err := open(d, 600); err != nil || len(d.reads) == 0 {
		t.Fatalf("open = %v, with %d reads of %s", err, len(d.reads), name)
	}
	return d.reads
}

// TestShortReadInRecovery: a read that finds a file ending early, where it does
// not end, takes nothing away: not from what this recovery shows, and not from the
// disk. The log is one that was closed and one that was not.
func TestShortReadInRecovery(t *testing.T) {
	for _, p := range []script{{seed: 1, groups: 3, segmentSize: 600, close: true}, {seed: 2, groups: 3, segmentSize: 600}} {
		disk, m := build(t, p)
		before, last := new(seen), uint64(len(disk.Names()))
		for number := uint64(1); number <= last; number++ {
			reads := readsOf(t, disk.Kill(), segment.Name(number))
			for end := range int64(len(disk.Bytes(segment.Name(number)))) {
				for i, upTo := range reads {
					if upTo <= end {
						continue // it is not cut short
					}
					nth, image := i+1, disk.Kill()
					d := &shortReads{FS: image.FS(), disk: image, name: segment.Name(number), end: end, nth: nth}
					s, err := open(d, 600)
					if !d.fired {
						t.Fatalf("%+v: there is no read %d of segment %d", p, nth, number)
					}
					if err == nil && len(m.events) != int(s.next)-1 {
						t.Fatalf("%+v: read %d of segment %d ends at %d: %d events, want %d", p, nth, number, end, s.next-1, len(m.events))
					}
					if _, damaged := errors.AsType[*segment.DamageError](err); err != nil && !damaged && !errors.Is(err, io.EOF) {
						t.Fatalf("%+v: read %d of segment %d ends at %d: %v, want damage or the end of a file", p, nth, number, end, err)
					}
					if err == nil {
						_ = s.log.Abandon()
					}
					if !before.first(m, image) {
						continue
					}
					if got, err := m.check(image); err != nil || got != len(m.events) {
						t.Fatalf("%+v: after read %d of segment %d ended at %d there are %d events, %v, want %d", p, nth, number, end, got, err, len(m.events))
					}
				}
			}
		}
	}
}

// TestCutUnderRecovery: a last segment that somebody cuts while recovery reads it is not
// taken for one that ends there. There are all events, or it is refused, and nothing more is
// cut.
func TestCutUnderRecovery(t *testing.T) {
	disk, m := build(t, script{seed: 2, groups: 3, segmentSize: 600})
	last, refused := segment.Name(uint64(len(disk.Names()))), 0
	for end := int64(format.SegmentHeaderSize); end < int64(len(disk.Bytes(last))); end++ {
		image := disk.Kill()
		d := &shortReads{FS: image.FS(), disk: image, name: last, end: end, nth: 1, cuts: true}
		res, err := recovery.Run(d, config())
		_, damaged := errors.AsType[*segment.DamageError](err)
		switch {
		case !d.fired:
			t.Fatalf("cut at %d: the groups were not read", end)
		case err == nil && len(m.events) != int(res.NextSequence)-1:
			t.Fatalf("cut at %d: %d events, want %d", end, res.NextSequence-1, len(m.events))
		case err != nil && (!damaged || int64(len(image.Bytes(last))) != end):
			t.Fatalf("cut at %d: %v, and there are %d bytes, want damage", end, err, len(image.Bytes(last)))
		case err != nil:
			refused++
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}
