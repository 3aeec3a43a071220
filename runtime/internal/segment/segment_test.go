package segment_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var storeID = [16]byte{1, 2, 3}

func header(number uint64) format.SegmentHeader {
	h := format.SegmentHeader{Store: storeID, Segment: number, FirstSequence: 1}
	if number > 1 {
		h.PrevLength = format.SegmentHeaderSize
	}
	return h
}

// create creates a segment on a disk that is held to the protocol.
func create(t *testing.T, dir vfs.FS, number uint64) *segment.Writer {
	t.Helper()
	w, err := tryCreate(checkfs.Must(dir), header(number))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// newReader returns a reader that must not hold its lock when it calls the disk.
func newReader(dir vfs.FS) *segment.Reader {
	check := checkfs.Must(dir)
	r := segment.NewReader(check)
	check.NotUnder(r, r.TryLock)
	return r
}

// tryCreate takes the three steps to a new segment.
func tryCreate(dir vfs.FS, h format.SegmentHeader) (*segment.Writer, error) {
	spare, err := segment.Prepare(dir, h.Segment)
	if err == nil {
		err = spare.Fill(h)
	}
	if err != nil {
		return nil, err
	}
	return spare.Publish()
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
		"000000000000000/.seg", "000000000000000:.seg", "000000000000000`.seg", "000000000000000g.seg", // beside the digits
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

	reader := newReader(disk.FS())
	cursor := reader.Cursor()
	seed := format.RecordSeed(storeID)
	check := func(how string, i int, rec *format.Record, err error) {
		t.Helper()
		if err != nil || rec.Sequence != uint64(i+1) || len(rec.Payload) != sizes[i] {
			t.Fatalf("%s of record %d = event %d with %d bytes, %v, want %d bytes", how, i+1, rec.Sequence, len(rec.Payload), err, sizes[i])
		}
	}
	var kept [][]byte
	cursor.Expect(len(all), func(i int) format.Pos { return all[i] })
	for i, pos := range all {
		var alone format.Record
		err := reader.Record(&alone, pos, seed)
		check("read", i, &alone, err)
		rec, err := cursor.Record(pos, seed)
		check("cursor", i, rec, err)
		kept = append(kept, cursor.Payload())
	}
	for i, payload := range kept {
		if !bytes.Equal(payload, bytes.Repeat([]byte{byte(i + 1)}, sizes[i])) {
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
	if err := reader.Record(new(format.Record), all[0], seed); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("read after Close = %v, want %v", err, fs.ErrClosed)
	}
}

func ExampleName() {
	fmt.Println(segment.Name(26))
	// Output: 000000000000001a.seg
}
