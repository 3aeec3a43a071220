package recovery_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// opened opens a damaged disk. It fails the test if a refusal is not typed or
// touched the disk; otherwise it returns the events and the report.
func opened(t *testing.T, disk *simfs.Disk) (s *store, events []event, refused error) {
	t.Helper()
	before := contents(disk)
	s, err := open(disk.FS(), 600)
	if err != nil {
		_, damaged := errors.AsType[*segment.DamageError](err)
		_, newer := errors.AsType[*segment.NewerError](err)
		if !damaged && !newer {
			t.Fatalf("open a damaged log = %v, want a DamageError or NewerError", err)
		}
		if after := contents(disk); !maps.Equal(before, after) {
			t.Fatalf("refusal (%v) changed the directory: %s", err, cmp.Diff(before, after))
		}
		return nil, nil, err
	}
	events, err = s.events()
	if err != nil {
		t.Fatalf("read what recovery shows: %v", err)
	}
	if err := s.Reader.Close(); err != nil {
		t.Fatal(err)
	}
	return s, events, nil
}

// TestBitFlips: any bit flipped in a log is refused, or takes away nothing but
// what a crash could: in a closed log the close group, in another one the last
// group, and that with a report.
func TestBitFlips(t *testing.T) {
	for _, p := range []script{
		{seed: 1, groups: 4, segmentSize: 500, close: true},
		{seed: 2, groups: 4, segmentSize: 500},
		{seed: 3, groups: 3, segmentSize: 1 << 20},
	} {
		disk, m := build(t, p)
		least := len(m.events)
		if !p.close {
			least = m.ends[len(m.ends)-2]
		}
		refusals := 0
		for _, name := range disk.Names() {
			sound := disk.Bytes(name)
			for bit := range 8 * len(sound) {
				if !p.close && bit%8 != bit/8%8 {
					continue // one in each byte will do
				}
				image, bad := disk.Kill(), slices.Clone(sound)
				bad[bit/8] ^= 1 << (bit % 8)
				image.SetBytes(name, bad)
				s, got, err := opened(t, image)
				if err != nil {
					refusals++
					continue
				}
				if len(got) < least || !slices.Equal(got, m.events[:len(got)]) {
					t.Fatalf("%+v: bit %d of %s flipped: %d events, want %d", p, bit, name, len(got), len(m.events))
				}
				if s.Report.Cut == 0 || string(image.Bytes(s.Report.Lost)) != string(bad[len(bad)-len(image.Bytes(s.Report.Lost)):]) && p.close {
					t.Fatalf("%+v: bit %d of %s flipped: report %+v, want a tail that was cut and kept", p, bit, name, s.Report)
				}
			}
		}
		if refusals == 0 {
			t.Errorf("%+v: no flip was refused", p)
		}
	}
}

// TestTruncation: a segment cut short is refused if another follows it, or if it
// has lost its header; the last one shows a prefix of whole groups.
func TestTruncation(t *testing.T) {
	disk, m := build(t, script{seed: 1, groups: 6, segmentSize: 700, close: true})
	names := disk.Names()
	for i, name := range names {
		whole := disk.Bytes(name)
		for length := range whole {
			image := disk.Kill()
			image.SetBytes(name, whole[:length])
			_, got, err := opened(t, image)
			switch last := i == len(names)-1 && length >= format.SegmentHeaderSize; {
			case !last && err == nil:
				t.Fatalf("%s cut to %d bytes was opened, want a refusal", name, length)
			case last && err != nil:
				t.Fatalf("%s, the last, cut to %d bytes: %v, want a prefix", name, length, err)
			case last && (!slices.Equal(got, m.events[:len(got)]) || len(got) > 0 && !slices.Contains(m.ends, len(got))):
				t.Fatalf("%s cut to %d bytes: %d events, want whole groups %v", name, length, len(got), m.ends)
			}
		}
	}
}

// TestWhatIsBehindSealed: whatever follows the groups of a segment that another one
// follows is the room of its footer, and is no part of the log.
func TestWhatIsBehindSealed(t *testing.T) {
	disk, m := build(t, script{seed: 1, groups: 8, segmentSize: 600, close: true})
	whole := disk.Bytes(segment.Name(1))
	for what, behind := range map[string][]byte{"a zero": {0}, "junk": []byte("junk"), "its own groups": whole[format.SegmentHeaderSize:]} {
		disk.SetBytes(segment.Name(1), slices.Concat(whole, behind))
		if _, got, err := opened(t, disk.Kill()); err != nil || !slices.Equal(got, m.events) {
			t.Errorf("with %s behind a sealed segment: %d events, %v, want all %d", what, len(got), err, len(m.events))
		}
	}
}

// TestFileOperations: segments that are missing, swapped, repeated or renamed are
// refused.
func TestFileOperations(t *testing.T) {
	disk, _ := build(t, script{seed: 1, groups: 8, segmentSize: 600, close: true})
	names := disk.Names()
	if len(names) < 3 {
		t.Fatalf("built %d segments, want at least 3", len(names))
	}
	refuse := func(what string, change func(d *simfs.Disk)) {
		t.Helper()
		image := disk.Kill()
		change(image)
		if _, got, err := opened(t, image); err == nil {
			t.Errorf("%s: opened with %d events, want a refusal", what, len(got))
		}
	}
	for i, a := range names {
		if i < len(names)-1 {
			refuse("without "+a, func(d *simfs.Disk) { d.Delete(a) })
			refuse("empty "+a, func(d *simfs.Disk) { d.SetBytes(a, nil) })
		}
		refuse("again "+a, func(d *simfs.Disk) { d.SetBytes(segment.Name(uint64(len(names)+1)), d.Bytes(a)) })
		refuse("far away "+a, func(d *simfs.Disk) { d.SetBytes(segment.Name(1<<40), d.Bytes(a)) })
		for _, b := range names[:i] {
			refuse("swapped "+a+b, func(d *simfs.Disk) {
				x, y := d.Bytes(a), d.Bytes(b)
				d.SetBytes(a, y)
				d.SetBytes(b, x)
			})
			refuse("copied "+a+b, func(d *simfs.Disk) { d.SetBytes(a, d.Bytes(b)) })
		}
	}
	other, _ := build(t, script{seed: 9, groups: 16, segmentSize: 600, close: true})
	refuse("segment of another history", func(d *simfs.Disk) { d.SetBytes(names[1], other.Bytes(names[1])) })
	refuse("last segment of another history", func(d *simfs.Disk) {
		last := names[len(names)-1]
		d.SetBytes(last, other.Bytes(last))
	})
}

// TestFileOpsLeaveAKeptTail: a tail that was kept of a segment tells that the
// segment was there.
func TestFileOpsLeaveAKeptTail(t *testing.T) {
	disk, m := build(t, script{seed: 1, groups: 8, segmentSize: 600})
	names := disk.Names()
	last := names[len(names)-1]
	disk.SetBytes(last, append(bytes.TrimRight(disk.Bytes(last), "\x00"), "torn"...))
	if _, got, err := opened(t, disk); err != nil || len(got) != len(m.events) {
		t.Fatalf("open with a torn tail = %d events, %v, want %d", len(got), err, len(m.events))
	}
	kept := lostFiles(disk)
	for gone := len(names) - 1; gone >= 0; gone-- {
		disk.Delete(names[gone])
		_, got, err := opened(t, disk)
		if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Segment != uint64(gone+1) {
			t.Errorf("without the segments from %d on, with %q: open = %d events, %v, want a DamageError for %s", gone+1, kept, len(got), err, names[gone])
		}
	}
	for _, tail := range []string{kept[0], replay.LostName(1, 96)} {
		disk.Delete(kept[0])
		disk.SetBytes(tail, []byte("torn"))
		disk.SetBytes(names[0], []byte("half a header"))
		_, got, err := opened(t, disk)
		if d, ok := errors.AsType[*segment.DamageError](err); !ok || !strings.Contains(d.Reason, tail) {
			t.Errorf("with a torn header and %s: open = %d events, %v, want a DamageError that names it", tail, len(got), err)
		}
		disk.Delete(tail)
	}
	disk.Delete(names[0])
	if _, got, err := opened(t, disk); err != nil || len(got) > 0 {
		t.Errorf("open of an empty directory = %d events, %v, want an empty store", len(got), err)
	}
}

// TestNotARegularFile: something else under the name of a segment is refused.
func TestNotARegularFile(t *testing.T) {
	for _, name := range []string{segment.Name(1), segment.Name(2), segment.Name(1) + vfs.TempSuffix} {
		dir := irregular{simfs.New().FS(), name}
		if _, err := open(dir, 600); err == nil {
			t.Errorf("open with a %s that is not a regular file = nil, want a DamageError", name)
		} else if _, ok := errors.AsType[*segment.DamageError](err); !ok {
			t.Errorf("open with a %s that is not a regular file = %v, want a DamageError", name, err)
		}
	}
}

// irregular is a directory with one more entry, which is not a regular file.
type irregular struct {
	vfs.FS
	name string
}

func (d irregular) List() ([]vfs.Entry, error) {
	entries, err := d.FS.List()
	return append(entries, vfs.Entry{Name: d.name}), err
}

// TestForeignNames: what is not ours is reported and left alone.
func TestForeignNames(t *testing.T) {
	disk, m := build(t, script{seed: 1, groups: 4, segmentSize: 600})
	foreign := []string{
		"0000000000000000.seg", "000000000000000A.seg", "1.seg", "README", "lost+found", "lost-1-2",
		"lost-00000000000000010-0000001", "notes.tmp", "00000000000000001.seg",
	}
	for _, name := range foreign {
		disk.SetBytes(name, []byte(name))
	}
	s, got, err := opened(t, disk)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(m.events) {
		t.Errorf("%d events, want %d", len(got), len(m.events))
	}
	slices.Sort(foreign)
	if diff := cmp.Diff(foreign, s.Report.Foreign); diff != "" {
		t.Errorf("foreign names (-want +got):\n%s", diff)
	}
	for _, name := range foreign {
		if b := disk.Bytes(name); string(b) != name {
			t.Errorf("%s holds %q now, want it untouched", name, b)
		}
	}
}

// TestLostFiles: torn tails are kept as they were, the last 16 of them.
func TestLostFiles(t *testing.T) {
	disk, m := simfs.New(), new(model)
	r := rand.New(rand.NewPCG(1, 1))
	var want []string
	for i := range 20 {
		s, err := open(disk.FS(), 400)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.append(r, m, 1, true); err != nil {
			t.Fatal(err)
		}
		name, end := segment.Name(s.log.Header.Segment), s.log.Writer.End()
		garbage := bytes.Repeat([]byte{byte(i + 1)}, 10+i)
		disk.SetBytes(name, append(append(slices.Clone(disk.Bytes(name)[:end]), garbage...), make([]byte, 50)...))
		s, err = open(disk.FS(), 400)
		if err != nil {
			t.Fatal(err)
		}
		if got := disk.Bytes(s.Report.Lost); !bytes.Equal(got, garbage) || s.Report.Cut != int64(len(garbage)) {
			t.Fatalf("torn tail %x: report %+v, kept %x", garbage, s.Report, got)
		}
		want = append(want, s.Report.Lost)
	}
	got := slices.DeleteFunc(disk.Names(), func(name string) bool { return !strings.HasPrefix(name, "lost-") })
	if diff := cmp.Diff(want[4:], got); diff != "" {
		t.Errorf("lost files (-want +got):\n%s", diff)
	}
	if err := m.deepCheck(disk); err != nil {
		t.Error(err)
	}
}

// TestTornTailThatCannotBeKept: a torn tail that the disk fails to keep stays
// where it is, and the next opening keeps it. On a full disk as much of it is kept
// as there is room for.
func TestTornTailThatCannotBeKept(t *testing.T) {
	disk, m := build(t, script{seed: 1, groups: 3, segmentSize: 1 << 20})
	s, err := open(disk.Kill().FS(), 600)
	if err != nil {
		t.Fatal(err)
	}
	name, tail := segment.Name(1), []byte{1, 2, 3}
	torn := append(slices.Clone(disk.Bytes(name)[:s.log.Writer.End()]), tail...)
	for _, fault := range []faultfs.Fault{
		{Op: faultfs.OpCreate},
		{Op: faultfs.OpWrite},
		{Op: faultfs.OpSync},
		{Op: faultfs.OpSyncDir},
		{Op: faultfs.OpRemove},
		{Op: faultfs.OpOpen},
		{Op: faultfs.OpRead, Err: syscall.ENOSPC}, // whatever it says, it does not mean that there is no room to keep the tail
	} {
		for n := 1; ; n++ {
			image := disk.Kill()
			image.SetBytes(name, torn)
			fault.N = n
			image.Fail(fault)
			_, err := open(image.FS(), 600)
			image.Heal()
			kept := lostFiles(image)
			if err != nil && len(kept) == 0 && !bytes.Equal(image.Bytes(name), torn) {
				t.Errorf("%s %d fails: the tail is neither kept nor where it was", fault.Op, n)
			}
			if _, again := open(image.FS(), 600); again != nil {
				t.Errorf("%s %d fails: open again = %v", fault.Op, n, again)
			}
			if kept := lostFiles(image); len(kept) != 1 || !bytes.Equal(image.Bytes(kept[0]), tail) {
				t.Errorf("%s %d fails: kept %q, want one file with the tail", fault.Op, n, kept)
			}
			if err := m.deepCheck(image); err != nil {
				t.Errorf("%s %d fails: %v", fault.Op, n, err)
			}
			if err == nil {
				break
			}
		}
	}
	for free := range int64(len(tail) + 1) {
		image := disk.Kill()
		image.SetBytes(name, torn)
		image.SetFree(free)
		s, err := open(image.FS(), 600)
		if err != nil {
			t.Errorf("%d bytes free: open = %v", free, err)
			continue
		}
		if r := s.Report; r.Cut != 3 || r.Kept != free || !bytes.Equal(image.Bytes(r.Lost), tail[:free]) {
			t.Errorf("%d bytes free: report %+v, kept %x", free, r, image.Bytes(r.Lost))
		}
		image.SetFree(1 << 20)
		if err := m.deepCheck(image); err != nil {
			t.Errorf("%d bytes free: %v", free, err)
		}
	}
	image := disk.Kill()
	image.SetBytes(name, torn)
	image.Fail(faultfs.Fault{Op: faultfs.OpCreate, Err: syscall.ENOSPC})
	if s, err := open(image.FS(), 600); err != nil || s.Report.Cut != 3 || s.Report.Lost != "" || len(lostFiles(image)) > 0 {
		t.Errorf("no room for another file: open = %+v, %v, want the tail cut", s, err)
	}
}

func lostFiles(d *simfs.Disk) []string {
	return slices.DeleteFunc(d.Names(), func(name string) bool { return !strings.HasPrefix(name, "lost-") })
}

// TestNothingAcked: a directory that never acked anything opens.
func TestNothingAcked(t *testing.T) {
	header := format.AppendSegmentHeader(nil, format.SegmentHeader{Segment: 1, FirstSequence: 1})
	for what, files := range map[string]map[string][]byte{
		"empty":          {},
		"empty file":     {segment.Name(1): nil},
		"half a header":  {segment.Name(1): header[:40]},
		"zeros":          {segment.Name(1): make([]byte, format.SegmentHeaderSize)},
		"only a header":  {segment.Name(1): header},
		"temporary file": {segment.Name(1) + vfs.TempSuffix: header},
		"other's":        {segment.Name(2) + vfs.TempSuffix: header[:50]},
		"both":           {segment.Name(1) + vfs.TempSuffix: header[:50], segment.Name(1): header},
	} {
		disk := simfs.New()
		for name, b := range files {
			disk.SetBytes(name, b)
		}
		created := !bytes.Equal(files[segment.Name(1)], header)
		if s, _, err := opened(t, disk.Kill()); err != nil || s.Report.Created != created {
			t.Errorf("%s: open = %+v, %v, want created: %v", what, s, err, created)
		}
		if err := new(model).deepCheck(disk); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		for _, name := range disk.Names() {
			if strings.HasSuffix(name, vfs.TempSuffix) {
				t.Errorf("%s: %s is still there", what, name)
			}
		}
	}
}

// TestOverwriteWithZeros: a last segment that is zeros from its header on held
// groups, as nothing is written behind a header before that is durable. It is not
// taken for one that was being made.
func TestOverwriteWithZeros(t *testing.T) {
	for _, p := range []script{{seed: 1, groups: 3, segmentSize: 1 << 20}, {seed: 1, groups: 6, segmentSize: 700, close: true}} {
		disk, _ := build(t, p)
		names := disk.Names()
		last := names[len(names)-1]
		disk.SetBytes(last, make([]byte, len(disk.Bytes(last))))
		_, got, err := opened(t, disk)
		if d, ok := errors.AsType[*segment.DamageError](err); !ok || segment.Name(d.Segment) != last || d.Offset != 0 {
			t.Errorf("%+v: open = %d events, %v, want a DamageError at the beginning of %s", p, len(got), err, last)
		}
	}
}

// TestCleanOpen: a closed log opens without a write.
func TestCleanOpen(t *testing.T) {
	disk, _ := build(t, script{seed: 1, groups: 6, segmentSize: 600, close: true})
	var ops []faultfs.Op
	disk.OnOp(func(op faultfs.Op, name string) { ops = append(ops, op) })
	for range 2 {
		ops = nil
		s, _, err := opened(t, disk)
		if err != nil || !s.Report.Clean || !s.Closed || s.Report.Rewritten != 0 {
			t.Errorf("open of a closed log = %+v, %v, want it clean", s, err)
		}
		if i := slices.IndexFunc(ops[1:], mutates); ops[0] != faultfs.OpSyncDir || i >= 0 {
			t.Errorf("open of a closed log: %v, want a sync of the directory, then no write", ops)
		}
	}
}

// FuzzRecover: three files of any bytes are opened or refused. What is opened is
// opened again with the same events, what is refused is left alone.
func FuzzRecover(f *testing.F) {
	for seed := range uint64(4) {
		disk, m := simfs.New(), new(model)
		if err := (script{seed: seed, groups: 5, segmentSize: 500, relaxed: seed == 3, close: seed == 1}).run(disk, m); err != nil {
			f.Fatal(err)
		}
		f.Add(disk.Bytes(segment.Name(1)), disk.Bytes(segment.Name(2)), disk.Bytes(segment.Name(3)))
		f.Add(disk.Bytes(segment.Name(1)), []byte{}, []byte{})
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		disk := simfs.New()
		for i, data := range [][]byte{a, b, c} {
			if len(data) > 0 {
				disk.SetBytes(segment.Name(uint64(i+1)), data)
			}
		}
		_, first, err := opened(t, disk)
		if err != nil {
			return
		}
		before := contents(disk)
		s, second, err := opened(t, disk)
		if err != nil || !slices.Equal(first, second) || s.Report.Cut != 0 {
			t.Errorf("second open = %d events, %v, want the first %d: %s", len(second), err, len(first), fmt.Sprint(s))
		}
		if after := contents(disk); !maps.Equal(before, after) {
			t.Errorf("second open changed the directory: %s", cmp.Diff(before, after))
		}
	})
}
