package batpak_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// Two records that change places under an open store, all checksums as they must
// be: neither is served for the other, and Verify finds both.
func TestExchangedRecordsAreNotServed(t *testing.T) {
	d, s := tamperedStore(t)
	sound, exchanged := parseForgery(t, d), 0
	for i := range sound.records() {
		f := parseForgery(t, d)
		all := f.records()
		j := slices.IndexFunc(all, func(r *format.Record) bool { return r.Length == all[i].Length })
		if j == i {
			continue
		}
		exchanged++
		*all[i], *all[j] = *all[j], *all[i]
		f.put(d)
		for _, at := range []int{i, j} {
			if e, err := s.At(uint64(at) + 1); !errors.Is(err, batpak.ErrCorrupt) {
				t.Errorf("At(%d) with event %d in its place = %+v, %v, want ErrCorrupt", at+1, i+j-at+1, e, err)
			}
		}
		v, err := s.Verify(t.Context())
		if err != nil || !slices.ContainsFunc(v.Damages, func(d batpak.Damage) bool { return d.Sequence == uint64(j)+1 }) {
			t.Errorf("Verify() with events %d and %d exchanged = %+v, %v, want damage at the first", j+1, i+1, v, err)
		}
		sound.put(d)
	}
	if exchanged == 0 {
		t.Error("no two records have the same length")
	}
}

// Verify holds each segment against its name and against the one before, and
// names the file where they differ.
func TestVerifyHoldsSegmentsAgainstEachOther(t *testing.T) {
	reheaded := func(change func(h *format.SegmentHeader)) func(t *testing.T, b []byte) []byte {
		return func(t *testing.T, b []byte) []byte {
			h, err := format.ParseSegmentHeader(b)
			if err != nil {
				t.Fatal(err)
			}
			change(&h)
			return append(format.AppendSegmentHeader(nil, h), b[format.SegmentHeaderSize:]...)
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, b []byte) []byte
		reason string
	}{
		"digest": {reheaded(func(h *format.SegmentHeader) { h.PrevDigest[0]++ }), "another digest"},
		"length": {reheaded(func(h *format.SegmentHeader) { h.PrevLength++ }), "another digest"},
		"number": {reheaded(func(h *format.SegmentHeader) { h.Segment++ }), "another segment or store"},
		"store":  {reheaded(func(h *format.SegmentHeader) { h.Store[0]++ }), "another segment or store"},
	} {
		d, s := tamperedStore(t)
		file := segment.Name(2)
		d.SetBytes(file, c.change(t, slices.Clone(d.Bytes(file))))
		v, err := s.Verify(t.Context())
		if err != nil || len(v.Damages) == 0 || v.Damages[0].File != file || v.Damages[0].Entity != "" || !strings.Contains(v.Damages[0].Reason, c.reason) {
			t.Errorf("%s: Verify() = %+v, %v, want damage to %s: %s", name, v.Damages, err, file, c.reason)
		}
	}
}

// A file of a later version, wherever in the log, is refused, untouched, with an
// error that names the file and both versions.
func TestNewerFormatIsRefusedUntouched(t *testing.T) {
	d, s := tamperedStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{d.Names()[0], d.Names()[len(d.Names())-1]} {
		image := d.CutHard()
		image.SetBytes(name, newer(image.Bytes(name)))
		before := contents(image)
		_, err := batpak.Open("simulated", simOptions(image, nil))
		f, ok := errors.AsType[*batpak.FormatError](err)
		if !ok || *f != (batpak.FormatError{File: name, Found: format.Version + 1, Supported: format.Version}) || !errors.Is(err, batpak.ErrNewerFormat) || errors.Is(err, batpak.ErrCorrupt) {
			t.Errorf("Open() with a newer %s = %v, want a FormatError for it", name, err)
		}
		if after := contents(image); !slices.Equal(before, after) {
			t.Errorf("Open() with a newer %s changed the directory", name)
		}
	}
}

// newer is a segment whose header says that a later version wrote it.
func newer(b []byte) []byte {
	b = slices.Clone(b)
	const sum = format.SegmentHeaderSize - 4
	binary.LittleEndian.PutUint16(b[8:], format.Version+1)
	binary.LittleEndian.PutUint32(b[sum:], crc32.Checksum(b[:sum], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// contents lists the names and bytes on a disk.
func contents(d *simfs.Disk) (all []string) {
	for _, name := range d.Names() {
		all = append(all, name, string(d.Bytes(name)))
	}
	return all
}
