package segment_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

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
		s, err := newReader(disk.FS()).Scan(1)
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
	w, err := tryCreate(checkfs.Must(disk.FS()), header(1))
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
		s, err := newReader(disk.FS()).Scan(1)
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
	w, err := tryCreate(checkfs.Must(disk.FS()), header(1))
	if err != nil {
		b.Fatal(err)
	}
	for i := range uint64(4000) {
		g, _ := group(w, 1, i+1, 1000)
		if err := w.Write(g); err != nil {
			b.Fatal(err)
		}
	}
	r := newReader(disk.FS())
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
