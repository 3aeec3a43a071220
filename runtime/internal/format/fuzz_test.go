package format_test

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
)

// The fuzz targets share one law: parsing does not panic, its refusals are
// typed, and what it accepts is appended again as the same bytes. Each input is
// tried as it is, and once more with its checksums made right, so that the
// search gets behind them. The checksums are computed here on their own, from
// the words of FORMAT.md.

func FuzzSegmentHeader(f *testing.F) { fuzzHeader(f, "segment") }

func FuzzMergedHeader(f *testing.F) { fuzzHeader(f, "merged") }

func fuzzHeader(f *testing.F, kind string) {
	for _, v := range vectors(f, kind) {
		f.Add(v.body)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		checkLaw(t, kind, src, format.Place{})
		if len(src) < 12 {
			return
		}
		sealed := append([]byte(nil), src...)
		if n := int(binary.LittleEndian.Uint16(sealed[10:])); n >= 4 && n <= len(sealed) {
			binary.LittleEndian.PutUint32(sealed[n-4:], castagnoli(sealed[:n-4]))
		}
		checkLaw(t, kind, sealed, format.Place{})
	})
}

func FuzzGroup(f *testing.F) {
	for _, v := range vectors(f, "group") {
		f.Add(v.body, v.at.Segment, uint32(v.at.Offset))
	}
	f.Fuzz(func(t *testing.T, src []byte, segment uint64, offset uint32) {
		// Every third place is one in a merged segment.
		at := format.Place{Store: store, Segment: segment, Offset: int64(offset)}
		if segment%3 == 0 {
			at.Last, at.Round = segment+uint64(offset%5), 1+offset%7
		}
		checkLaw(t, "group", src, at)
		if len(src) < format.GroupHeaderSize {
			return
		}
		sealed := append([]byte(nil), src...)
		rest := sealed[format.GroupHeaderSize:]
		body := rest[:min(uint64(len(rest)), uint64(binary.LittleEndian.Uint32(sealed[20:])))]
		binary.LittleEndian.PutUint32(sealed[32:], castagnoli(body))
		identity := append([]byte(nil), at.Store[:]...)
		identity = binary.LittleEndian.AppendUint64(identity, at.Segment)
		identity = binary.LittleEndian.AppendUint64(identity, uint64(at.Offset))
		if at.Round > 0 {
			identity = binary.LittleEndian.AppendUint64(identity, at.Last)
			identity = binary.LittleEndian.AppendUint32(identity, at.Round)
		}
		binary.LittleEndian.PutUint32(sealed[36:], castagnoli(append(identity, sealed[:36]...)))
		checkLaw(t, "group", sealed, at)
	})
}

func FuzzRecord(f *testing.F) {
	for _, v := range vectors(f, "record") {
		f.Add(v.body)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		at := format.Place{Store: store}
		checkLaw(t, "record", src, at)
		if len(src) < 8 {
			return
		}
		sealed := append([]byte(nil), src...)
		n := binary.LittleEndian.Uint32(sealed[4:])
		if n < 8 || uint64(n) > uint64(len(sealed)) {
			n = uint32(len(sealed))
			binary.LittleEndian.PutUint32(sealed[4:], n)
		}
		binary.LittleEndian.PutUint32(sealed, castagnoli(append(store[:len(store):len(store)], sealed[4:n]...)))
		checkLaw(t, "record", sealed, at)
	})
}

func FuzzCompaction(f *testing.F) {
	for _, v := range vectors(f, "compaction") {
		f.Add(v.body)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		checkLaw(t, "compaction", src, format.Place{})
		if len(src) < 4 {
			return
		}
		sealed := append([]byte(nil), src...)
		n := len(sealed) - 4
		binary.LittleEndian.PutUint32(sealed[n:], castagnoli(sealed[:n]))
		checkLaw(t, "compaction", sealed, format.Place{})
	})
}

func checkLaw(t *testing.T, kind string, src []byte, at format.Place) {
	t.Helper()
	again, err := reencode(kind, src, at)
	switch got := verdict(err); {
	case got == "ok" && (len(again) > len(src) || string(again) != string(src[:len(again)])):
		t.Errorf("append(parse(%x)) = %x", src, again)
	case got != "ok" && got != "damaged" && got != "newer":
		t.Errorf("parse(%x) = %s", src, got)
	}
}

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
