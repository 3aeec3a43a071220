package segment_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// walk reads all of a segment, and what lies behind the first thing that is not a group. It
// returns what it has met.
func walk(d *simfs.Disk) (met string, err error) {
	s, err := newReader(d.FS()).Scan(1)
	if err != nil {
		return met, err
	}
	h, err := s.Head()
	if err != nil {
		return met, err
	}
	met = fmt.Sprintln(h)
	for {
		ok, err := s.Next()
		if _, damaged := errors.AsType[*segment.DamageError](err); !damaged && err != nil {
			return met, err
		}
		if !ok {
			break
		}
		met += fmt.Sprintln(s.Group(), s.Offset())
	}
	last, err := s.LastByte(s.End())
	if err != nil {
		return met, err
	}
	met += fmt.Sprintln("up to", last)
	for {
		ok, err := s.Skip()
		if err != nil {
			return met, err
		}
		if !ok {
			return met, nil
		}
		met += fmt.Sprintln("behind it", s.Offset())
	}
}

// TestScanFails: whichever read of a scan fails is told; and where one finds the file ending
// where it does not end, it looks again; it tells if that goes on, or the header is damaged.
func TestScanFails(t *testing.T) {
	sound := simfs.New()
	w := create(t, sound.FS(), 1)
	all := fill(t, w, 1, 1, 100, 300<<10, 50, 20, 300<<10, 70)
	b := bytes.Clone(sound.Bytes(segment.Name(1))[:w.End()])
	b = append(append(b, make([]byte, 600<<10)...), 1)
	flipped := func(at int64) []byte { c := bytes.Clone(b); c[at] ^= 1; return c }
	for what, content := range map[string][]byte{
		"sound": b, "damaged": flipped(int64(all[2].Offset) + 60), "without a header": flipped(20),
	} {
		d := simfs.New()
		d.SetBytes(segment.Name(1), content)
		want, werr := walk(d)
		for _, fault := range []faultfs.Fault{
			{Op: faultfs.OpRead}, {Op: faultfs.OpRead, Err: io.EOF}, {Op: faultfs.OpRead, Err: io.EOF, Sticky: true},
		} {
			for fired := true; fired; {
				fault.N++
				reads := 0
				d.OnOp(func(op faultfs.Op, _ string) {
					if op == faultfs.OpRead {
						reads++
					}
				})
				d.Fail(fault)
				met, err := walk(d)
				d.Heal()
				_, damaged := errors.AsType[*segment.DamageError](err)
				switch fired = reads >= fault.N; {
				case !fired && (met != want || (err == nil) != (werr == nil)):
					t.Errorf("%s: the scan meets %s, %v, want %s, %v", what, met, err, want, werr)
				case fired && fault.Err == nil && !errors.Is(err, syscall.EIO):
					t.Errorf("%s: read %d fails: %v, want EIO", what, fault.N, err)
				case fired && fault.Err == io.EOF && !fault.Sticky && (met != want || (err == nil) != (werr == nil)):
					t.Errorf("%s: read %d finds the end: %v, and meets %s, want %s", what, fault.N, err, met, want)
				case fired && fault.Sticky && !damaged && !errors.Is(err, io.EOF):
					t.Errorf("%s: read %d and all after it find the end: %v, want EOF", what, fault.N, err)
				}
			}
			if fault.N < 2 {
				t.Errorf("%s: no read failed", what)
			}
		}
	}
}

// TestScanBesideASeal: whoever reads the groups of a segment reads all that were there,
// though its writer cuts off what was written ahead and puts a footer there meanwhile,
// shorter or longer than that.
func TestScanBesideASeal(t *testing.T) {
	written := simfs.New()
	w := create(t, written.FS(), 1)
	fill(t, w, 1, 1, 100, 300<<10, 50)
	cut := bytes.Clone(written.Bytes(segment.Name(1))[:w.End()])
	for _, foot := range []int{0, 1, 5000, 400 << 10} {
		for nth, fired := 1, true; fired; nth++ {
			disk, reads := simfs.New(), 0
			disk.SetBytes(segment.Name(1), append(bytes.Clone(cut), make([]byte, 6000)...))
			dir := &slowDir{FS: disk.FS()}
			dir.meet = func() {
				if reads++; reads == nth {
					disk.SetBytes(segment.Name(1), cut)
				}
			}
			dir.left = func() {
				if reads == nth {
					disk.SetBytes(segment.Name(1), append(bytes.Clone(cut), make([]byte, foot)...))
				}
			}
			s, err := segment.NewReader(dir).Scan(1)
			if err == nil {
				_, err = s.Head()
			}
			groups := 0
			for more := err == nil; more && err == nil; {
				if more, err = s.Next(); more {
					groups++
				}
			}
			if err != nil || groups != 3 {
				t.Errorf("sealed with %d bytes more at read %d: %d groups, %v, want 3", foot, nth, groups, err)
			}
			fired = reads >= nth
		}
	}
}

// TestFileOfAClosedReader: what was attached to a reader is not read when that is closed.
func TestFileOfAClosedReader(t *testing.T) {
	d := simfs.New()
	d.SetBytes("other", []byte("content"))
	f, err := d.FS().Open("other", vfs.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	r := segment.NewReader(d.FS())
	at, p := r.Attach(f), make([]byte, 7)
	if n, err := at.ReadAt(p, 0); n != 7 || string(p) != "content" {
		t.Errorf("ReadAt() = %q, %v", p[:n], err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := at.ReadAt(p, 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("ReadAt() when the reader is closed = %v, want ErrClosed", err)
	}
}

// TestGroupThatDoesNotFit: nothing is written of a group behind which the largest segment
// would end, and the writer goes on.
func TestGroupThatDoesNotFit(t *testing.T) {
	d := simfs.New()
	f, err := d.FS().Create(segment.Name(1))
	if err != nil {
		t.Fatal(err)
	}
	const end = format.MaxSegment - 100
	w := segment.Resume(f, 1, end, end, end)
	err = w.Write(make([]byte, 101))
	if e, ok := errors.AsType[*segment.WriteError](err); !ok || !e.Undone || e.Full || d.Ops() != 1 || w.End() != end {
		t.Errorf("Write() = %v after %d operations, want a WriteError that is undone, and no write", err, d.Ops())
	}
	if err := w.Sync(); err != nil {
		t.Errorf("Sync() = %v", err)
	}
}

// TestNewerErrorsSay: which file, and what it holds.
func TestNewerErrorsSay(t *testing.T) {
	for want, err := range map[string]error{
		"compaction has version 9, which this build does not know":                               &segment.NewerError{File: "compaction", Found: 9},
		"segment 3 has format version 9, known are versions up to " + fmt.Sprint(format.Version): &segment.NewerError{Segment: 3, Found: 9},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
