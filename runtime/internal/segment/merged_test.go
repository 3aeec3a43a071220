package segment_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

func TestSpanNames(t *testing.T) {
	for _, want := range []segment.Span{segment.Plain(1), segment.Plain(1<<64 - 1), {First: 1, Last: 1, Round: 1}, {First: 2, Last: 1<<64 - 1, Round: 1<<32 - 1}} {
		if got, ok := segment.ParseSpan(want.Name()); got != want || !ok || !vfs.ValidName(want.Name()+vfs.TempSuffix) {
			t.Errorf("ParseSpan(%q) = %+v, %v, want %+v", want.Name(), got, ok, want)
		}
	}
}

func FuzzParseSpan(f *testing.F) {
	for _, s := range []segment.Span{segment.Plain(7), {First: 1, Last: 4, Round: 2}} {
		f.Add(s.Name())
	}
	for _, name := range []string{"", ".seg", "1-2-3.seg", "0000000000000002-0000000000000001-00000001.seg", "0000000000000001-0000000000000002-00000000.seg", "0000000000000001-000000000000000A-00000001.seg"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s, ok := segment.ParseSpan(name)
		if ok && (s.Name() != name || s.First == 0 || s.Last < s.First || s.Round == 0 && s.First != s.Last) {
			t.Errorf("ParseSpan(%q) = %+v, whose name is %q", name, s, s.Name())
		}
		if number, plain := segment.ParseName(name); plain && (!ok || s != segment.Plain(number)) {
			t.Errorf("ParseSpan(%q) = %+v, %v, want segment %d", name, s, ok, number)
		}
	})
}

func TestResolve(t *testing.T) {
	plain := segment.Plain
	m := func(first, last uint64, round uint32) segment.Span {
		return segment.Span{First: first, Last: last, Round: round}
	}
	for _, c := range []struct {
		files, log, superseded []segment.Span
		conflict               uint64 // segment
	}{
		{files: []segment.Span{plain(2), plain(1)}, log: []segment.Span{plain(1), plain(2)}},
		{files: []segment.Span{m(1, 2, 1), plain(3), plain(2)}, log: []segment.Span{m(1, 2, 1), plain(3)}, superseded: []segment.Span{plain(2)}},
		{files: []segment.Span{m(1, 2, 1), m(1, 4, 2), plain(5), m(3, 4, 1)}, log: []segment.Span{m(1, 4, 2), plain(5)}, superseded: []segment.Span{m(1, 2, 1), m(3, 4, 1)}},
		{files: []segment.Span{m(1, 1, 1), m(1, 1, 2)}, log: []segment.Span{m(1, 1, 2)}, superseded: []segment.Span{m(1, 1, 1)}},
		{files: []segment.Span{m(1, 3, 1), m(2, 4, 1)}, conflict: 2},
		{files: []segment.Span{m(1, 3, 1), m(1, 2, 1)}, conflict: 1},
	} {
		log, superseded, err := segment.Resolve(c.files)
		damage, ok := errors.AsType[*segment.DamageError](err)
		if ok != (c.conflict > 0) || ok && damage.Segment != c.conflict || !cmp.Equal(log, c.log) || !slices.Equal(superseded, c.superseded) {
			t.Errorf("Resolve(%v) = %v, %v, %v", c.files, log, superseded, err)
		}
	}
}

// TestServe: a read that is under way goes on when the file is merged, which is closed
// behind it; a later one, and a scan, are told, and a new one reads the merged segment.
func TestServe(t *testing.T) {
	disk, dir := simfs.New(), &counting{}
	dir.FS = disk.FS()
	pos := fill(t, create(t, disk.FS(), 1), 1, 1, 20, 30)
	span := segment.Span{First: 1, Last: 1, Round: 1}
	h := format.MergedHeader{
		SegmentHeader: header(1), Last: 1, Round: 1, NextSequence: 1, LastLength: format.SegmentHeaderSize, Length: format.MergedHeaderSize,
	}
	if err := vfs.WriteFile(disk.FS(), span.Name(), format.AppendMergedHeader(nil, h)); err != nil {
		t.Fatal(err)
	}
	slow := &slowDir{FS: dir}
	reader := segment.NewReader(slow)
	old := reader.File(segment.Plain(1))
	s, err := reader.Scan(1)
	if err != nil {
		t.Fatal(err)
	}
	slow.meet = func() {
		slow.meet = nil
		reader.Serve(span)
		reader.Sweep()
	}
	var rec format.Record
	if err := reader.Record(&rec, pos[0], format.RecordSeed(storeID)); err != nil || rec.Sequence != 1 {
		t.Errorf("Record() while the segment is merged = event %d, %v", rec.Sequence, err)
	}
	if got := dir.open(); got != 0 {
		t.Errorf("%d files are open, want none", got)
	}
	if _, err := s.Head(); !errors.Is(err, segment.ErrMerged) {
		t.Errorf("scan of a file that was merged = %v, want ErrMerged", err)
	}
	if _, err := old.ReadAt(make([]byte, 1), 0); !errors.Is(err, segment.ErrMerged) {
		t.Errorf("read of a file that was merged = %v, want ErrMerged", err)
	}
	s, err = reader.Scan(1)
	if err == nil {
		_, err = s.Head()
	}
	if m, ok := s.Merged(); err != nil || !ok || m != h || s.Span() != span || reader.Span(1) != span {
		t.Errorf("scan of the merged segment = %+v, %v", m, err)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
}

// slowDir calls a function in the middle of a read, before anything is read, and one when
// that was.
type slowDir struct {
	vfs.FS
	meet, left func() // may be nil
}

func (d *slowDir) Open(name string, m vfs.Mode) (vfs.File, error) {
	f, err := d.FS.Open(name, m)
	return &slowFile{f, d}, err
}

type slowFile struct {
	vfs.File
	dir *slowDir
}

func (f *slowFile) ReadAt(p []byte, off int64) (int, error) {
	if meet := f.dir.meet; meet != nil {
		meet()
	}
	if left := f.dir.left; left != nil {
		defer left()
	}
	return f.File.ReadAt(p, off)
}

// listing is a directory in which a file gets another name while names are read: it is not
// seen under either.
type listing struct {
	vfs.FS
	disk     *simfs.Disk
	from, to string
}

func (l *listing) List() ([]vfs.Entry, error) {
	entries, err := l.FS.List()
	if l.disk.Bytes(l.from) != nil {
		l.disk.SetBytes(l.to, l.disk.Bytes(l.from))
		l.disk.Delete(l.from)
		entries = slices.DeleteFunc(entries, func(e vfs.Entry) bool { return e.Name == l.from })
	}
	return entries, err
}

// TestMissingAndMerged: a file that was merged is not called missing, though the one that it
// was made into is made into another one while it is looked for.
func TestMissingAndMerged(t *testing.T) {
	once, twice := segment.Span{First: 1, Last: 2, Round: 1}, segment.Span{First: 1, Last: 4, Round: 2}
	for _, merged := range []segment.Span{once, {First: 2, Last: 3, Round: 1}} {
		disk := simfs.New()
		disk.SetBytes(merged.Name(), []byte("merged"))
		r := newReader(&listing{disk.FS(), disk, once.Name(), twice.Name()})
		_, err := r.Size(segment.Plain(1))
		_, missing := errors.AsType[*segment.DamageError](err)
		if is := errors.Is(err, segment.ErrMerged); is != (merged == once) || missing == is {
			t.Errorf("Size() of segment 1 beside %s = %v", merged.Name(), err)
		}
	}
}

// gatheringDir has files that can be read in many places at once, and calls a function
// when one was opened, or is about to be read so.
type gatheringDir struct {
	vfs.FS
	opened, gathers func()
}

func (d *gatheringDir) Open(name string, m vfs.Mode) (vfs.File, error) {
	f, err := d.FS.Open(name, m)
	d.opened()
	return &gatheringFile{f, d}, err
}

type gatheringFile struct {
	vfs.File
	dir *gatheringDir
}

func (f *gatheringFile) Gather(p []byte, parts []vfs.Part) bool {
	f.dir.gathers()
	for _, part := range parts {
		if n, err := f.ReadAt(p[:part.Length], part.Offset); n < part.Length && err != nil {
			return false
		}
		p = p[part.Length:]
	}
	return true
}

// TestWindowOfAFileThatWasMerged: what a cursor has read at once of a file that was merged
// meanwhile is not taken for what lies in the same place of the merged one.
func TestWindowOfAFileThatWasMerged(t *testing.T) {
	for _, when := range []string{"opened", "gathers", "never"} {
		disk := simfs.New()
		pos := fill(t, create(t, disk.FS(), 1), 1, 1, 20, 20)
		b := disk.Bytes(segment.Name(1))
		second := b[pos[1].Offset:][:pos[1].Length]
		span := segment.Span{First: 1, Last: 1, Round: 1}
		disk.SetBytes(span.Name(), append(slices.Clone(b[:pos[0].Offset]), second...)) // it has lost the first record
		dir := &gatheringDir{FS: disk.FS(), opened: func() {}, gathers: func() {}}
		reader := segment.NewReader(dir)
		merge := sync.OnceFunc(func() { reader.Serve(span) })
		switch when {
		case "opened":
			dir.opened = merge
		case "gathers":
			dir.gathers = merge
		}
		c := reader.Cursor()
		c.Expect(len(pos), func(i int) format.Pos { return pos[i] })
		if _, err := c.Record(pos[0], format.RecordSeed(storeID)); err != nil {
			t.Fatalf("%s: Record() = %v", when, err)
		}
		merge()
		if rec, err := c.Record(pos[0], format.RecordSeed(storeID)); err != nil || rec.Sequence != 2 {
			t.Errorf("%s: Record() when the file is merged = event %d, %v, want event 2", when, rec.Sequence, err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
}
