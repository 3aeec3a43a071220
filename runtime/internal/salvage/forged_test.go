package salvage_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/salvage"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestReadOfForgedGroups: a group whose checksums hold is left out as a whole if its
// records are not those that can stand there. What follows is taken in, and where that
// is numbered higher than it should be, the events between are lost in no place at all.
func TestReadOfForgedGroups(t *testing.T) {
	for what, c := range map[string]struct {
		forge  func(s *script)
		reason string
	}{
		"no record":      {func(s *script) { s.append(2, 1, make([]byte, 200)) }, "a record at"},
		"other sequence": {func(s *script) { s.append(2, 1, s.record("b", 3, 1, [32]byte{})) }, "in place of event 2"},
		"more than it is": {func(s *script) {
			s.append(2, 1, append(s.record("b", 2, 1, [32]byte{}), s.record("c", 3, 1, [32]byte{})...))
		}, "more bytes"},
		"ids that fall": {func(s *script) {
			late := s.record("c", 3, 1, [32]byte{})
			s.append(2, 2, append(s.record("b", 2, 1, [32]byte{}), late...))
		}, "id"},
	} {
		s := newScript()
		s.group("a")
		before := s.heads["a"]
		at := int64(len(s.bytes))
		c.forge(s)
		end := int64(len(s.bytes))
		s.heads = map[string]index.Head{"a": before}
		s.next = 4
		s.group("a")
		log := s.want(t, []uint64{1, 4}, salvage.Gap{Segment: 1, Offset: at, End: end, FirstSequence: 2, LastSequence: 3})
		if !strings.Contains(log.Gaps[0].Reason, c.reason) {
			t.Errorf("%s: reason %q, want %q", what, log.Gaps[0].Reason, c.reason)
		}
	}
	s := newScript()
	s.group("a")
	at := s.add("b", 5, 1, [32]byte{})
	s.want(t, []uint64{1, 5}, salvage.Gap{Segment: 1, Offset: at, End: at, FirstSequence: 2, LastSequence: 4})
}

// merged merges segments of an image, and returns the file that they become.
func (s *script) merged(t *testing.T, first, last uint64) (name string, b []byte) {
	t.Helper()
	image := s.disk.Kill()
	r := segment.NewReader(image.FS())
	defer r.Close()
	var sources []segment.Span
	for n := first; n <= last; n++ {
		sources = append(sources, segment.Plain(n))
	}
	m, err := compact.Stage(image.FS(), r, sources,
		func(*format.Record) (compact.Verdict, error) { return compact.Keep, nil }, func(int) error { return nil })
	if err == nil {
		err = m.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
	name = m.Span().Name()
	return name, image.Bytes(name)
}

// TestReadOfMergedSegments: of two merged segments that have one in common the later is
// left out. One whose index is damaged, too, ends where its header says.
func TestReadOfMergedSegments(t *testing.T) {
	s := newScript()
	for range 4 {
		s.group("a")
		s.rotate()
	}
	s.group("a")
	early, one := s.merged(t, 1, 2)
	late, two := s.merged(t, 2, 3)
	for n := range uint64(3) {
		s.disk.Delete(segment.Name(n + 1))
	}
	s.disk.SetBytes(early, one)
	s.disk.SetBytes(late, two)
	s.want(t, []uint64{1, 2, 4, 5}, salvage.Gap{Segment: 3, FirstSequence: 3, LastSequence: 3, Streams: []string{"a"}})

	s.disk.Delete(late)
	h, err := format.ParseMergedHeader(one)
	if err != nil {
		t.Fatal(err)
	}
	one = slices.Clone(one)
	one[h.Length-1] ^= 8
	one[len(one)-1] ^= 8
	s.disk.SetBytes(early, one)
	s.want(t, []uint64{4, 5},
		salvage.Gap{Segment: 1, Offset: format.MergedHeaderSize, End: int64(h.Length), FirstSequence: 1, LastSequence: 3, Streams: []string{"a"}},
		salvage.Gap{Segment: 3, FirstSequence: 1, LastSequence: 3, Streams: []string{"a"}},
	)
}

// TestReadOfZeros: zeros behind the groups of a segment are a gap if another one follows
// that does not say where it ends.
func TestReadOfZeros(t *testing.T) {
	s := newScript()
	s.group("a")
	first := s.bytes
	end := int64(len(first))
	s.rotate()
	s.group("b")
	s.disk.SetBytes(segment.Name(1), append(slices.Clone(first), make([]byte, 50)...))
	s.flip(2, 20)
	s.want(t, []uint64{1, 2},
		salvage.Gap{Segment: 1, Offset: end, End: end + 50, FirstSequence: 2, LastSequence: 1},
		salvage.Gap{Segment: 2, End: format.SegmentHeaderSize, FirstSequence: 2, LastSequence: 1},
	)
}

// special is a directory in which one file is none.
type special struct {
	vfs.FS
	name string
}

func (d special) Open(name string, mode vfs.Mode) (vfs.File, error) {
	if name == d.name {
		return nil, fs.ErrInvalid
	}
	return d.FS.Open(name, mode)
}

// TestReadOfWhatIsNoFile: what has the name of a segment and cannot be read is a gap, and
// a copy that was not finished is no store.
func TestReadOfWhatIsNoFile(t *testing.T) {
	s := newScript()
	for range 2 {
		s.group("a")
		s.rotate()
	}
	s.group("a")
	dir := special{s.disk.FS(), segment.Name(2)}
	r := segment.NewReader(dir)
	defer r.Close()
	log, err := salvage.Read(dir, r, index.New(1))
	if err != nil || len(log.Gaps) != 1 || log.Gaps[0].Segment != 2 || log.Gaps[0].FirstSequence != 2 || log.Gaps[0].LastSequence != 2 {
		t.Errorf("Read() = %+v, %v, want event 2 lost", log, err)
	}
	if log.Last != 3 || log.Breaks["a"] != 3 {
		t.Errorf("Read() = %+v, want event 3, unproven", log)
	}
	image := simfs.New()
	image.SetBytes(replay.Unfinished, nil)
	image.SetBytes(segment.Name(1), s.disk.Bytes(segment.Name(1)))
	if _, err := salvage.Read(image.FS(), segment.NewReader(image.FS()), index.New(1)); !errors.Is(err, replay.ErrUnfinished) {
		t.Errorf("Read of an unfinished copy = %v, want ErrUnfinished", err)
	}
}
