package recovery_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// twice is a log in which segments were merged twice: an image of the disk from before
// the note of the second merge was removed, and the names of the merged segments.
func twice(t *testing.T) (disk, noted *simfs.Disk, first, second string, m *model) {
	t.Helper()
	disk, m = simfs.New(), new(model)
	s, err := open(disk.FS(), 400)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		if err := s.append(r, m, 2, true); err != nil {
			t.Fatal(err)
		}
	}
	disk.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpRemove && name == compact.Note {
			noted = disk.Kill()
		}
	})
	for range 2 {
		files, err := s.Reader.Log()
		if err != nil {
			t.Fatal(err)
		}
		for len(files) > 0 && files[0].Round > 0 {
			files = files[1:]
		}
		keep := func(*format.Record) (compact.Verdict, error) { return compact.Keep, nil }
		merge, err := compact.Stage(s.dir, s.Reader, files[:2], keep, func(int) error { return nil })
		if err == nil {
			err = merge.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Reader.Serve(merge.Span())
		s.Reader.Sweep()
		if err := merge.Finish(); err != nil {
			t.Fatal(err)
		}
		first, second = second, merge.Span().Name()
	}
	if err := s.close(m); err != nil {
		t.Fatal(err)
	}
	disk.OnOp(nil)
	return disk, noted, first, second, m
}

// TestMergeForcesARebuild: while a merge is pending no footer is trusted, so that what
// one hides is found.
func TestMergeForcesARebuild(t *testing.T) {
	disk, noted, first, _, m := twice(t)
	if err := m.deepCheck(noted.Kill()); err != nil {
		t.Fatal(err)
	}
	s, err := open(noted.Kill().FS(), 400)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Report
	if why := fmt.Sprint(r.Unindexed); r.Indexed != 0 || len(r.Unindexed) != int(r.Segments)-1 || strings.Count(why, ": a merge was under way") != len(r.Unindexed) {
		t.Errorf("report is %+v, want that no index is trusted beside a merge", r)
	}
	if err := s.log.Abandon(); err != nil {
		t.Error(err)
	}
	for pending, image := range map[bool]*simfs.Disk{false: disk, true: noted} {
		b := slices.Clone(image.Bytes(first))
		b[format.MergedHeaderSize+60]++
		image.SetBytes(first, b)
		s, err := open(image.FS(), 400)
		if err == nil {
			_ = s.log.Abandon()
		}
		if _, damaged := errors.AsType[*segment.DamageError](err); damaged != pending {
			t.Errorf("open of a damaged segment with a sound footer = %v, want a damage: %v", err, pending)
		}
	}
}

// TestForgedMergedSegment: a merged segment whose checksums hold, but not its digest,
// is refused, and so is one that lies about what it stands for.
func TestForgedMergedSegment(t *testing.T) {
	disk, _, _, second, _ := twice(t)
	raw := disk.Bytes(second)
	h, err := format.ParseMergedHeader(raw)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(what string, image *simfs.Disk) {
		t.Helper()
		before := contents(image)
		if _, _, err := opened(t, image); err == nil {
			t.Errorf("%s: opened, want a refusal", what)
		} else if _, damaged := errors.AsType[*segment.DamageError](err); !damaged {
			t.Errorf("%s: open = %v, want a damage", what, err)
		}
		for name, b := range contents(image) {
			if before[name] != b {
				t.Errorf("%s: %s was touched", what, name)
			}
		}
	}
	at := format.Place{Store: h.Store, Segment: h.Segment, Offset: format.MergedHeaderSize, Last: h.Last, Round: h.Round}
	g, err := format.ParseGroupHeader(raw[at.Offset:], at)
	if err != nil {
		t.Fatal(err)
	}
	seed := format.RecordSeed(h.Store)
	r, rest, err := format.ParseRecord(raw[at.Offset+format.GroupHeaderSize:][:g.BodyLength], seed)
	if err != nil {
		t.Fatal(err)
	}
	r.Hash[0]++
	e := format.EncodeTail(&r.Tail)
	forged := format.AppendGroup(slices.Clone(raw[:at.Offset]), g, at, append(format.AppendRecord(nil, seed, &r.Head, &e), rest...))
	image := disk.Kill()
	image.SetBytes(second, append(forged, raw[len(forged):h.Length]...)) // without its footer
	refuse("another hash", image)

	for what, lie := range map[string]func(h *format.MergedHeader){
		"first sequence": func(h *format.MergedHeader) { h.FirstSequence++ },
		"next sequence":  func(h *format.MergedHeader) { h.NextSequence-- },
		"digest before":  func(h *format.MergedHeader) { h.PrevDigest[0]++ },
		"last digest":    func(h *format.MergedHeader) { h.LastDigest[0]++ },
		"last length":    func(h *format.MergedHeader) { h.LastLength++ },
		"digest":         func(h *format.MergedHeader) { h.Digest[0]++ },
		"length":         func(h *format.MergedHeader) { h.Length-- },
		"store":          func(h *format.MergedHeader) { h.Store[0]++ },
		"segment":        func(h *format.MergedHeader) { h.Segment++ },
		"last":           func(h *format.MergedHeader) { h.Last++ },
		"round":          func(h *format.MergedHeader) { h.Round++ },
	} {
		other := h
		lie(&other)
		image := disk.Kill()
		image.SetBytes(second, append(format.AppendMergedHeader(nil, other), raw[format.MergedHeaderSize:]...))
		refuse(what, image)
	}
	image = disk.Kill()
	image.SetBytes(strings.Replace(second, "-00000001", "-00000002", 1), raw)
	refuse("another name", image)
}

// TestTombstoneInAWrittenSegment: none can be there.
func TestTombstoneInAWrittenSegment(t *testing.T) {
	disk, _ := build(t, script{seed: 1, groups: 2, segmentSize: 4000})
	names := disk.Names()
	name := names[len(names)-1]
	number, _ := segment.ParseName(name)
	s, err := open(disk.Kill().FS(), 4000)
	if err != nil {
		t.Fatal(err)
	}
	tail := format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s"), Tombstone: true, Payload: make([]byte, 32)}
	group, _, _ := s.group([]format.Tail{tail})
	b := slices.Clone(disk.Bytes(name)[:s.Writer.End()])
	h := format.GroupHeader{Type: format.GroupEvents, FirstSequence: s.next, Count: 1, Incarnation: s.Incarnation}
	format.FinishGroup(group, h, format.Place{Store: s.Store, Segment: number, Offset: int64(len(b))})
	disk.SetBytes(name, append(b, group...))
	if _, _, err := opened(t, disk); err == nil || !strings.Contains(err.Error(), "tombstone") {
		t.Errorf("open = %v, want a damage because of a tombstone", err)
	}
}

// TestMissingBehindAMergedSegment: the last segments are never merged, so where a merged
// one is the last that is there, others are gone.
func TestMissingBehindAMergedSegment(t *testing.T) {
	disk, _, _, second, _ := twice(t)
	span, _ := segment.ParseSpan(second)
	for _, name := range disk.Names() {
		if number, ok := segment.ParseName(name); ok && number > span.Last {
			disk.Delete(name)
		}
	}
	_, _, err := opened(t, disk)
	if damage, ok := errors.AsType[*segment.DamageError](err); !ok || damage.Segment != span.Last+1 {
		t.Errorf("open = %v, want a damage of segment %d", err, span.Last+1)
	}
}

// TestMergeThatCannotBeSettled: an opening that fails to take away what is left of a merge
// may be tried again.
func TestMergeThatCannotBeSettled(t *testing.T) {
	_, noted, _, _, m := twice(t)
	for _, op := range []faultfs.Op{faultfs.OpRemove, faultfs.OpSyncDir} {
		image := noted.Kill()
		image.Fail(faultfs.Fault{Op: op})
		if _, err := open(image.FS(), 400); !errors.Is(err, syscall.EIO) {
			t.Errorf("open when %s fails = %v, want EIO", op, err)
		}
		image.Heal()
		if err := m.deepCheck(image); err != nil {
			t.Errorf("%s had failed: %v", op, err)
		}
	}
}
