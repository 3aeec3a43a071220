package checkpoint_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

const (
	name    = "checkpoint-a"
	mark    = 104 // bytes at the end of a checkpoint
	trailer = 256 // before it, which its checksum covers
)

// covered is a segment of three groups on a disk, with a checkpoint of all of them.
func covered(t *testing.T) (*simfs.Disk, format.SegmentHeader) {
	t.Helper()
	h := format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1}
	raw := format.AppendSegmentHeader(nil, h)
	made := clock.New(nil, func(b []byte) { clear(b) }, 0)
	for n := range uint64(3) {
		e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: fmt.Appendf(nil, "e%d", n), Scope: []byte("s")})
		body := format.AppendRecord(nil, format.RecordSeed(h.Store), &format.Head{Sequence: n + 1, Version: 1, ID: made.Next()}, &e)
		at := format.Place{Store: h.Store, Segment: 1, Offset: int64(len(raw))}
		raw = format.AppendGroup(raw, format.GroupHeader{Type: format.GroupEvents, FirstSequence: n + 1, Count: 1, Incarnation: 1}, at, body)
	}
	d := simfs.New()
	d.SetBytes(segment.Name(1), raw)
	r := segment.NewReader(d.FS())
	defer r.Close()
	if _, err := checkpoint.Write(d.FS(), r, name, 1, int64(len(raw)), nil); err != nil {
		t.Fatal(err)
	}
	return d, h
}

// use loads the checkpoint and holds it against the segment.
func use(t *testing.T, d *simfs.Disk, h format.SegmentHeader) (why string, err error) {
	t.Helper()
	r := segment.NewReader(d.FS())
	defer r.Close()
	sound, refused := checkpoint.Load(d.FS(), []string{name})
	if len(refused) > 0 {
		return refused[0], nil
	}
	defer sound[0].Close()
	run, s, why, err := sound[0].Use(r, h, sidx.NewCache(1<<20))
	if (run == nil || s == nil) != (why != "" || err != nil) {
		t.Errorf("Use() = %v, %v, %q, %v, want all it makes or a reason", run, s, why, err)
	}
	return why, err
}

// TestForgedMark: a checkpoint whose checksums hold is of no use, and no more than that,
// if its mark says what cannot be or what the segment is not.
func TestForgedMark(t *testing.T) {
	d, h := covered(t)
	if why, err := use(t, d, h); why != "" || err != nil {
		t.Fatalf("Use() of a sound checkpoint = %q, %v", why, err)
	}
	sound := d.Bytes(name)
	end := binary.LittleEndian.Uint64(sound[len(sound)-mark+48:])
	for what, c := range map[string]struct {
		field int // of 8 bytes within the mark
		value uint64
		why   string
	}{
		"later version":        {8, mark<<16 | 2, "another version"},
		"longer":               {8, (mark+8)<<16 | 1, "another version"},
		"other store":          {16, 8, "another store"},
		"no segment":           {32, 0, "impossible"},
		"next segment":         {32, 2, "of segment 2"},
		"group in the header":  {40, format.SegmentHeaderSize - 1, "impossible"},
		"group at the end":     {40, end, "impossible"},
		"group elsewhere":      {40, format.SegmentHeaderSize, "no group"},
		"end of no segment":    {48, format.MaxSegment + 1, "impossible"},
		"negative end":         {48, math.MaxUint64, "impossible"},
		"no event":             {56, 0, "impossible"},
		"one event less":       {56, 2, "contradicts"},
		"one event more":       {56, 4, "contradicts"},
		"seam of another past": {64, 0, "another history"},
	} {
		b := slices.Clone(sound)
		m := b[len(b)-mark:]
		binary.LittleEndian.PutUint64(m[c.field:], c.value)
		sum := crc32.Checksum(b[len(b)-mark-trailer:len(b)-4], crc32.MakeTable(crc32.Castagnoli))
		binary.LittleEndian.PutUint32(b[len(b)-4:], sum)
		d.SetBytes(name, b)
		if why, err := use(t, d, h); err != nil || !strings.Contains(why, c.why) {
			t.Errorf("%s: Use() = %q, %v, want a reason of %q", what, why, err, c.why)
		}
	}
}

// TestUseFails: a disk that does not read the checkpoint makes it useless, and one that
// does not read the segment is told.
func TestUseFails(t *testing.T) {
	d, h := covered(t)
	for _, op := range []faultfs.Op{faultfs.OpOpen, faultfs.OpRead} {
		told := map[bool]int{} // by file
		for n := 1; ; n++ {
			of, ops := "", 0
			d.OnOp(func(o faultfs.Op, name string) {
				if o == op {
					if ops++; ops == n {
						of = name
					}
				}
			})
			d.Fail(faultfs.Fault{Op: op, N: n})
			why, err := use(t, d, h)
			d.Heal()
			if of == "" {
				break
			}
			told[of == name]++
			if useless := of == name; useless != (why != "") || useless == errors.Is(err, syscall.EIO) {
				t.Errorf("%s %d fails, of %s: Use() = %q, %v", op, n, of, why, err)
			}
		}
		if told[true] == 0 || told[false] == 0 {
			t.Errorf("%s failed %v times, want both files'", op, told)
		}
	}
}

// forged adds a group with a sound header to the segment, and a header that says all that is
// right of it.
func forged(d *simfs.Disk, h format.SegmentHeader, body []byte) (end int64) {
	b := slices.Clone(d.Bytes(segment.Name(1)))
	at := format.Place{Store: h.Store, Segment: 1, Offset: int64(len(b))}
	b = format.AppendGroup(b, format.GroupHeader{Type: format.GroupEvents, FirstSequence: 4, Count: 1, Incarnation: 1}, at, body)
	d.SetBytes(segment.Name(1), b)
	digest := chain.NewSegment()
	digest.Write(b)
	next := format.SegmentHeader{Store: h.Store, Segment: 2, FirstSequence: 5, PrevLength: uint64(len(b)), PrevDigest: digest.Sum()}
	d.SetBytes(segment.Name(2), format.AppendSegmentHeader(nil, next))
	return int64(len(b))
}

// TestForgedRecordsGetNoIndex: neither a checkpoint nor a footer is written of a segment one of
// whose records cannot stand there, though all its checksums hold.
func TestForgedRecordsGetNoIndex(t *testing.T) {
	e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e9"), Scope: []byte("s")})
	for what, body := range map[string][]byte{
		"no record":     make([]byte, 200),
		"another event": format.AppendRecord(nil, format.RecordSeed([16]byte{7}), &format.Head{Sequence: 5, Version: 1, ID: [16]byte{1}}, &e),
	} {
		d, h := covered(t)
		at := int64(len(d.Bytes(segment.Name(1)))) + format.GroupHeaderSize
		end := forged(d, h, body)
		before := d.Bytes(segment.Name(1))
		r := segment.NewReader(d.FS())
		defer r.Close()
		_, cerr := checkpoint.Write(d.FS(), r, "checkpoint-b", 1, end, nil)
		_, ferr := footer.Write(d.FS(), r, 1, sidx.NewCache(0), nil)
		for _, err := range []error{cerr, ferr} {
			if got, ok := errors.AsType[*segment.DamageError](err); !ok || got.Segment != 1 || got.Offset != at || got.FirstSequence != 4 {
				t.Errorf("%s: an index is written: %v, want damage of segment 1 at %d, event 4", what, err, at)
			}
		}
		if !slices.Equal(d.Bytes(segment.Name(1)), before) || len(d.Names()) != 3 {
			t.Errorf("%s: files %q, want a segment as it was and no more of them", what, d.Names())
		}
	}
}

// blind is a disk that does not tell who else has a file.
type blind struct{ vfs.FS }

func (blind) Shared(string) (bool, error) { return false, syscall.EIO }

// TestFooterOfAFileThatMayBeShared: where nobody can tell if a file is shared it gets no
// footer.
func TestFooterOfAFileThatMayBeShared(t *testing.T) {
	d, h := covered(t)
	e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e9"), Scope: []byte("s")})
	forged(d, h, format.AppendRecord(nil, format.RecordSeed(h.Store), &format.Head{Sequence: 4, Version: 1, ID: [16]byte{1}}, &e))
	before := d.Bytes(segment.Name(1))
	r := segment.NewReader(d.FS())
	defer r.Close()
	if _, err := footer.Write(blind{d.FS()}, r, 1, sidx.NewCache(0), nil); !errors.Is(err, syscall.EIO) || !slices.Equal(d.Bytes(segment.Name(1)), before) {
		t.Errorf("Write() = %v, want EIO and a file as it was", err)
	}
	if _, err := footer.Write(d.FS(), r, 1, sidx.NewCache(0), nil); err != nil {
		t.Errorf("Write() = %v", err)
	}
}
