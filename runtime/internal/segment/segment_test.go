package segment_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var storeID = [16]byte{1, 2, 3}

func header(number uint64) format.SegmentHeader {
	return format.SegmentHeader{Store: storeID, Segment: number, FirstSequence: 1}
}

func create(t *testing.T, dir vfs.FS, number uint64) *segment.Writer {
	t.Helper()
	w, err := segment.Create(dir, header(number))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// group makes a group at the writer's end that holds one record of this event
// with a payload of n bytes. The position is the record's.
func group(w *segment.Writer, number, sequence uint64, n int) ([]byte, format.Pos) {
	e := format.EncodeTail(&format.Tail{
		Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s"), Payload: bytes.Repeat([]byte{byte(sequence)}, n),
	})
	body := format.AppendRecord(nil, format.RecordSeed(storeID), &format.Head{Sequence: sequence, Version: 1, ID: [16]byte{1}}, &e)
	h := format.GroupHeader{
		Type: format.GroupEvents, FirstSequence: sequence, Count: 1, Durable: uint32(w.Durable()), Incarnation: 1,
	}
	pos := format.Pos{Segment: uint32(number), Offset: uint32(w.End()) + format.GroupHeaderSize, Length: uint32(len(body))}
	return format.AppendGroup(nil, h, format.Place{Store: storeID, Segment: number, Offset: w.End()}, body), pos
}

// fill writes and syncs groups of one event, from this sequence on, with
// payloads of these sizes.
func fill(t *testing.T, w *segment.Writer, number, sequence uint64, sizes ...int) (all []format.Pos) {
	t.Helper()
	for _, n := range sizes {
		g, pos := group(w, number, sequence, n)
		if err := w.Write(g); err != nil {
			t.Fatal(err)
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		all = append(all, pos)
		sequence++
	}
	return all
}

// scan reads the offsets of all groups.
func scan(t *testing.T, r *segment.Reader, number uint64) (offsets []int64, err error) {
	t.Helper()
	s, err := r.Scan(number)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Head(); err != nil {
		return nil, err
	}
	at := s.End()
	for {
		ok, err := s.Next()
		if !ok || err != nil {
			return offsets, err
		}
		if s.Offset() != at || s.End() != at+int64(len(s.Bytes())) || len(s.Body()) != int(s.Group().BodyLength) {
			t.Fatalf("group at %d with %d bytes ends at %d, the one before at %d", s.Offset(), len(s.Bytes()), s.End(), at)
		}
		at = s.End()
		offsets = append(offsets, s.Offset())
	}
}

func TestName(t *testing.T) {
	for number, want := range map[uint64]string{
		1: "0000000000000001.seg", 0xABCDEF: "0000000000abcdef.seg", 1<<64 - 1: "ffffffffffffffff.seg",
	} {
		if got := segment.Name(number); got != want || !vfs.ValidName(got) {
			t.Errorf("Name(%d) = %q, want %q", number, got, want)
		}
		if got, ok := segment.ParseName(want); got != number || !ok {
			t.Errorf("ParseName(%q) = %d, %v, want %d", want, got, ok, number)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, name := range []string{
		"", ".seg", "0000000000000001.seg", "0000000000000000.seg", "000000000000000A.seg", "1.seg", "0000000000000001.SEG",
		"+000000000000001.seg", "0x00000000000001.seg", "00_0000000000001.seg", "0000000000000001.seg.tmp", "10000000000000000.seg",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if number, ok := segment.ParseName(name); ok && segment.Name(number) != name {
			t.Errorf("ParseName(%q) = %d, whose name is %q", name, number, segment.Name(number))
		}
	})
}

// TestWriteReadScan: what is written is read back, one by one, through a cursor
// and by a scan, whatever the sizes, and the file is what the digest will see.
func TestWriteReadScan(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	sizes := []int{0, 1, 5000, 63 << 10, 64 << 10, 300 << 10, 0, 10, 600 << 10, 3}
	for range 200 {
		sizes = append(sizes, r.IntN(4000))
	}
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	all := fill(t, w, 1, 1, sizes...)

	reader := segment.NewReader(disk.FS())
	cursor := reader.Cursor()
	seed := format.RecordSeed(storeID)
	check := func(how string, i int, rec format.Record, err error) {
		t.Helper()
		if err != nil || rec.Sequence != uint64(i+1) || len(rec.Payload) != sizes[i] {
			t.Fatalf("%s of record %d = event %d with %d bytes, %v, want %d bytes", how, i+1, rec.Sequence, len(rec.Payload), err, sizes[i])
		}
	}
	var kept []format.Record
	for i, pos := range all {
		rec, err := reader.Record(pos, seed)
		check("read", i, rec, err)
		rec, err = cursor.Record(pos, seed)
		check("cursor", i, rec, err)
		kept = append(kept, rec)
	}
	for i, rec := range kept {
		if !bytes.Equal(rec.Payload, bytes.Repeat([]byte{byte(i + 1)}, sizes[i])) {
			t.Fatalf("record %d changed after the cursor went on", i+1)
		}
	}
	for range 300 { // in any order
		i := r.IntN(len(all))
		rec, err := cursor.Record(all[i], seed)
		check("cursor", i, rec, err)
	}
	for _, sealed := range []bool{false, true} {
		if sealed {
			if length, err := w.Seal(); err != nil || length != w.End() || int64(len(disk.Bytes(segment.Name(1)))) != length {
				t.Fatalf("Seal() = %d, %v, want %d, the size of the file", length, err, w.End())
			}
		}
		offsets, err := scan(t, reader, 1)
		if err != nil || len(offsets) != len(sizes) {
			t.Fatalf("scan found %d groups, %v, want %d", len(offsets), err, len(sizes))
		}
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Record(all[0], seed); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after Close = %v, want %v", err, fs.ErrClosed)
	}
}

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
		_, err := segment.Create(disk.FS(), header(1))
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
	if _, err := segment.Create(disk.FS(), header(1)); !errors.Is(err, fs.ErrExist) || len(disk.Names()) != 1 {
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
		f, err := image.FS().Open(segment.Name(1))
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

// TestMissingAndShort: a file that is gone, or ends early, is damage.
func TestMissingAndShort(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	pos := fill(t, w, 1, 1, 100)[0]
	seed := format.RecordSeed(storeID)
	whole := disk.Bytes(segment.Name(1))
	read := map[string]func(r *segment.Reader, seed uint32) error{
		"Reader": func(r *segment.Reader, seed uint32) error { _, err := r.Record(pos, seed); return err },
		"Cursor": func(r *segment.Reader, seed uint32) error { _, err := r.Cursor().Record(pos, seed); return err },
	}
	for who, record := range read {
		for what, damage := range map[string]func() (s uint32){
			"missing":   func() uint32 { disk.Delete(segment.Name(1)); return seed },
			"cut":       func() uint32 { disk.SetBytes(segment.Name(1), whole[:pos.Offset+pos.Length-1]); return seed },
			"zeroed":    func() uint32 { disk.SetBytes(segment.Name(1), make([]byte, len(whole))); return seed },
			"elsewhere": func() uint32 { return seed + 1 },
		} {
			disk.SetBytes(segment.Name(1), whole)
			err := record(segment.NewReader(disk.FS()), damage())
			if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Segment != 1 {
				t.Errorf("%s of a record that is %s = %v, want a DamageError of segment 1", who, what, err)
			}
		}
		disk.SetBytes(segment.Name(1), whole)
		disk.Fail(simfs.Fault{Op: simfs.OpRead})
		if err := record(segment.NewReader(disk.FS()), seed); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s on a disk that fails = %v, want EIO", who, err)
		}
	}
}

// TestCursorSeesNewGroups: a record that came after the cursor's window was read
// is read all the same.
func TestCursorSeesNewGroups(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	cursor := segment.NewReader(disk.FS()).Cursor()
	for i := range uint64(20) {
		pos := fill(t, w, 1, i+1, 50)[0]
		if r, err := cursor.Record(pos, format.RecordSeed(storeID)); err != nil || r.Sequence != i+1 {
			t.Fatalf("record of event %d = event %d, %v", i+1, r.Sequence, err)
		}
	}
}

// TestManySegments: a reader of more segments than it keeps open reads all of
// them, by many goroutines at once, and leaves no file open.
func TestManySegments(t *testing.T) {
	disk, dir := simfs.New(), &counting{}
	dir.FS = disk.FS()
	var all []format.Pos
	const segments = 300
	for number := uint64(1); number <= segments; number++ {
		w := create(t, disk.FS(), number)
		all = append(all, fill(t, w, number, number, 20)...)
	}
	reader := segment.NewReader(dir)
	newest, err := dir.Open(segment.Name(segments))
	if err != nil {
		t.Fatal(err)
	}
	reader.Add(segments, newest)
	var wg sync.WaitGroup
	for worker := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(worker, 1))
			for range 500 {
				pos := all[r.IntN(len(all))]
				if rec, err := reader.Record(pos, format.RecordSeed(storeID)); err != nil || rec.Sequence != uint64(pos.Segment) {
					t.Errorf("record in segment %d = event %d, %v", pos.Segment, rec.Sequence, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if _, err := newest.Size(); err != nil {
		t.Errorf("the newest segment's file after many others: %v, want it open", err)
	}
	if got := dir.open(); got > 128+8 {
		t.Errorf("%d files open, want at most 128 and those in use", got)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	if got := dir.open(); got != 0 {
		t.Errorf("%d files open after Close, want none", got)
	}
}

// counting counts the files that are open.
type counting struct {
	vfs.FS
	mu sync.Mutex
	n  int
}

func (c *counting) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
}

func (c *counting) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *counting) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	if err == nil {
		c.add(1)
		f = &countedFile{f, c}
	}
	return f, err
}

type countedFile struct {
	vfs.File
	c *counting
}

func (f *countedFile) Close() error {
	f.c.add(-1)
	return f.File.Close()
}

// TestScanStops: a scan says where and why it stops, and finds what lies behind.
func TestScanStops(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	all := fill(t, w, 1, 1, 100, 300<<10, 50, 20)
	whole := disk.Bytes(segment.Name(1))[:w.End()]
	at := func(i int) int64 { return int64(all[i].Offset) - format.GroupHeaderSize }
	for what, c := range map[string]struct {
		damage func(b []byte) []byte
		stop   int64   // offset of the damage; -1 = clean end
		behind []int64 // groups behind it
	}{
		"nothing":         {func(b []byte) []byte { return b }, -1, nil},
		"zeros":           {func(b []byte) []byte { return append(b, make([]byte, 300<<10)...) }, -1, nil},
		"zeros, one byte": {func(b []byte) []byte { return append(append(b, make([]byte, 300<<10)...), 1) }, w.End(), nil},
		"half a header":   {func(b []byte) []byte { return append(b, b[at(0):at(0)+20]...) }, w.End(), nil},
		"moved group":     {func(b []byte) []byte { return append(b, b[at(0):at(1)]...) }, w.End(), nil},
		"body of first":   {func(b []byte) []byte { b[at(1)-1] ^= 1; return b }, at(0), []int64{at(1), at(2), at(3)}},
		"body of second":  {func(b []byte) []byte { b[at(2)-1] ^= 1; return b }, at(1), []int64{at(2), at(3)}},
		"header":          {func(b []byte) []byte { b[at(1)] ^= 1; return b }, at(1), []int64{at(2), at(3)}},
		"two bodies":      {func(b []byte) []byte { b[at(1)-1] ^= 1; b[at(3)-1] ^= 1; return b }, at(0), []int64{at(1), at(2), at(3)}},
		"end":             {func(b []byte) []byte { return b[:len(b)-1] }, at(3), nil},
		"zeros inside":    {func(b []byte) []byte { clear(b[at(1):at(2)]); return b }, at(1), []int64{at(2), at(3)}},
	} {
		disk.SetBytes(segment.Name(1), c.damage(bytes.Clone(whole)))
		s, err := segment.NewReader(disk.FS()).Scan(1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Head(); err != nil {
			t.Fatal(err)
		}
		ok, err := s.Next()
		for ok {
			ok, err = s.Next()
		}
		stop := int64(-1)
		if d, damaged := errors.AsType[*segment.DamageError](err); damaged {
			stop = d.Offset
		} else if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		var behind []int64
		for stop >= 0 {
			if ok, err := s.Skip(); err != nil {
				t.Fatalf("%s: Skip: %v", what, err)
			} else if !ok {
				break
			}
			behind = append(behind, s.Offset())
		}
		if stop != c.stop || cmp.Diff(c.behind, behind) != "" {
			t.Errorf("%s: scan stops at %d, groups behind %v, want %d, %v", what, stop, behind, c.stop, c.behind)
		}
	}
}

// FuzzScan: a scan of any bytes ends, by the group or by skipping, within the
// file.
func FuzzScan(f *testing.F) {
	disk := simfs.New()
	w, err := segment.Create(disk.FS(), header(1))
	if err != nil {
		f.Fatal(err)
	}
	for i := range uint64(3) {
		g, _ := group(w, 1, i+1, 20)
		if err := w.Write(g); err != nil {
			f.Fatal(err)
		}
	}
	whole := disk.Bytes(segment.Name(1))
	f.Add(whole)
	f.Add(whole[:w.End()])
	f.Add(whole[:w.End()-1])
	f.Add(append(bytes.Clone(whole[:w.End()]), whole[96:w.End()]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		disk := simfs.New()
		disk.SetBytes(segment.Name(1), b)
		s, err := segment.NewReader(disk.FS()).Scan(1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Head(); err != nil {
			return
		}
		seen := bytes.Clone(s.Bytes())
		ok, err := s.Next()
		for ; ok; ok, err = s.Next() {
			seen = append(seen, s.Bytes()...)
		}
		if !bytes.HasPrefix(b, seen) || s.End() != int64(len(seen)) {
			t.Errorf("scan saw %d bytes up to %d that are not the file's", len(seen), s.End())
		}
		for at := s.End(); err != nil; at = s.Offset() {
			if ok, _ := s.Skip(); !ok {
				break
			}
			if s.Offset() <= at || s.Offset()+format.GroupHeaderSize > int64(len(b)) {
				t.Fatalf("Skip from %d found a group at %d of %d", at, s.Offset(), len(b))
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	disk := simfs.New()
	w, err := segment.Create(disk.FS(), header(1))
	if err != nil {
		b.Fatal(err)
	}
	for i := range uint64(4000) {
		g, _ := group(w, 1, i+1, 1000)
		if err := w.Write(g); err != nil {
			b.Fatal(err)
		}
	}
	r := segment.NewReader(disk.FS())
	b.SetBytes(w.End())
	for b.Loop() {
		s, err := r.Scan(1)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Head(); err != nil {
			b.Fatal(err)
		}
		ok, err := s.Next()
		for ok {
			ok, err = s.Next()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleName() {
	fmt.Println(segment.Name(26))
	// Output: 000000000000001a.seg
}
