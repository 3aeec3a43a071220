package segment_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// FuzzRecordAt: the record that is said to be at a place in a file of any bytes is
// what lies there, or a DamageError or NewerError of that place, whether it is read
// alone or with its neighbours.
func FuzzRecordAt(f *testing.F) {
	disk := simfs.New()
	w, err := tryCreate(disk.FS(), header(1))
	if err != nil {
		f.Fatal(err)
	}
	for i := range uint64(3) {
		g, pos := group(w, 1, i+1, 20)
		if err := w.Write(g); err != nil {
			f.Fatal(err)
		}
		whole := bytes.Clone(disk.Bytes(segment.Name(1))[:w.End()])
		f.Add(whole, pos.Offset, pos.Length)
		f.Add(whole, pos.Offset, pos.Length+1)
		f.Add(whole, pos.Offset+1, pos.Length-1)
	}
	f.Add([]byte{}, uint32(1<<32-1), uint32(1<<16))
	seed := format.RecordSeed(storeID)
	f.Fuzz(func(t *testing.T, b []byte, offset, length uint32) {
		disk := simfs.New()
		disk.SetBytes(segment.Name(1), b)
		r := segment.NewReader(disk.FS())
		defer r.Close()
		pos := format.Pos{Segment: 1, Offset: offset, Length: length % (1 << 20)}
		c := r.Cursor()
		var alone, beside, again format.Record
		err := r.Record(&alone, pos, seed)
		first, cerr := c.Record(pos, seed)
		if cerr == nil {
			beside = first.Clone()
		}
		second, aerr := c.Record(pos, seed) // from the window
		if aerr == nil {
			again = second.Clone()
		}
		if (err == nil) != (cerr == nil) || (err == nil) != (aerr == nil) {
			t.Fatalf("Record(%+v) = %v alone, %v with a cursor, %v again", pos, err, cerr, aerr)
		}
		if err != nil {
			d, damaged := errors.AsType[*segment.DamageError](err)
			_, newer := errors.AsType[*segment.NewerError](err)
			if !newer && (!damaged || d.Segment != 1 || d.Offset != int64(offset)) {
				t.Errorf("Record(%+v) = %v, want a DamageError there", pos, err)
			}
			return
		}
		for _, rec := range []format.Record{alone, beside, again} {
			e := format.EncodeTail(&rec.Tail)
			if got := format.AppendRecord(nil, seed, &rec.Head, &e); !bytes.Equal(got, b[offset:offset+pos.Length]) {
				t.Errorf("Record(%+v) = %+v, which is not what lies there", pos, rec)
			}
		}
	})
}
