package segment_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mapfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestMissingAndShort: a file that is gone, or ends early, is damage.
func TestMissingAndShort(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	pos := fill(t, w, 1, 1, 100)[0]
	seed := format.RecordSeed(storeID)
	whole := disk.Bytes(segment.Name(1))
	read := map[string]func(r *segment.Reader, seed uint32) error{
		"Reader": func(r *segment.Reader, seed uint32) error { return r.Record(new(format.Record), pos, seed) },
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
			err := record(newReader(disk.FS()), damage())
			if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Segment != 1 {
				t.Errorf("%s of a record that is %s = %v, want a DamageError of segment 1", who, what, err)
			}
		}
		disk.SetBytes(segment.Name(1), whole)
		disk.Fail(faultfs.Fault{Op: faultfs.OpRead})
		if err := record(newReader(disk.FS()), seed); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s on a disk that fails = %v, want EIO", who, err)
		}
	}
}

// TestCursorSeesNewGroups: a record that came after the cursor's window was read
// is read all the same.
func TestCursorSeesNewGroups(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	cursor := newReader(disk.FS()).Cursor()
	for i := range uint64(20) {
		pos := fill(t, w, 1, i+1, 50)[0]
		if r, err := cursor.Record(pos, format.RecordSeed(storeID)); err != nil || r.Sequence != i+1 {
			t.Fatalf("record of event %d = event %d, %v", i+1, r.Sequence, err)
		}
	}
}

// TestCursorReadsAhead: records that lie beside each other take few reads of the disk,
// whichever way the cursor goes.
func TestCursorReadsAhead(t *testing.T) {
	disk := simfs.New()
	all := fill(t, create(t, disk.FS(), 1), 1, 1, make([]int, 1000)...)
	read := func(c *segment.Cursor, i int) {
		t.Helper()
		if r, err := c.Record(all[i], format.RecordSeed(storeID)); err != nil || r.Sequence != uint64(i+1) {
			t.Fatalf("record %d = event %d, %v", i+1, r.Sequence, err)
		}
	}
	for way, number := range map[string]func(i int) int{
		"forward":  func(i int) int { return i },
		"backward": func(i int) int { return len(all) - 1 - i },
	} {
		before := disk.Ops()
		cursor := newReader(disk.FS()).Cursor()
		cursor.Expect(len(all), func(i int) format.Pos { return all[number(i)] })
		for i := range all {
			read(cursor, number(i))
		}
		if ops := disk.Ops() - before; ops > len(all)/20 {
			t.Errorf("%s: %d operations of the disk for %d records", way, ops, len(all))
		}
	}
}

// TestNoMemoryForWhatIsNotThere: a record of a length that its file has not takes no
// memory before it is refused.
func TestNoMemoryForWhatIsNotThere(t *testing.T) {
	disk := simfs.New()
	fill(t, create(t, disk.FS(), 1), 1, 1, 100)
	r := newReader(disk.FS())
	pos, seed := format.Pos{Segment: 1, Offset: 96, Length: 1 << 31}, format.RecordSeed(storeID)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := r.Record(new(format.Record), pos, seed)
	_, cerr := r.Cursor().Record(pos, seed)
	runtime.ReadMemStats(&after)
	for _, err := range []error{err, cerr} {
		if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Offset != 96 {
			t.Errorf("Record() of 2 GiB = %v, want a DamageError there", err)
		}
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("two records of 2 GiB that are not there took %d bytes of memory", took)
	}
}

// TestCursorPassesOver: records that were expected may be left out, others may be asked
// for, and a read that fails fails alone those records that it was for.
func TestCursorPassesOver(t *testing.T) {
	disk := simfs.New()
	t.Run("read", func(t *testing.T) {
		passOver(t, disk.FS(), newReader(disk.FS()), func() { disk.Fail(faultfs.Fault{Op: faultfs.OpRead}) })
	})
	t.Run("mapped", func(t *testing.T) {
		dir, err := vfs.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { dir.Close() })
		reader := segment.NewReader(mapfs.New(dir))
		t.Cleanup(func() { reader.Close() })
		passOver(t, dir, reader, func() {})
	})
}

func passOver(t *testing.T, dir vfs.FS, reader *segment.Reader, fail func()) {
	t.Helper()
	all := fill(t, create(t, dir, 1), 1, 1, make([]int, 200)...)
	random := rand.New(rand.NewPCG(3, 1))
	cursor, seed := reader.Cursor(), format.RecordSeed(storeID)
	for range 200 {
		first := random.IntN(len(all))
		planned := all[first:min(len(all), first+random.IntN(60))]
		cursor.Expect(len(planned), func(i int) format.Pos { return planned[i] })
		for i := range planned {
			switch random.IntN(8) {
			case 0:
				continue
			case 1:
				i = random.IntN(len(all)) - first
			case 2:
				fail()
			}
			r, err := cursor.Record(all[first+i], seed)
			if errors.Is(err, syscall.EIO) {
				r, err = cursor.Record(all[first+i], seed)
			}
			if err != nil || r.Sequence != uint64(first+i+1) {
				t.Fatalf("record %d = %+v, %v", first+i+1, r, err)
			}
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
	reader := newReader(dir)
	newest, err := dir.Open(segment.Name(segments), vfs.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	reader.Add(segments, newest)
	var wg sync.WaitGroup
	for worker := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(worker, 1))
			var rec format.Record
			for range 500 {
				pos := all[r.IntN(len(all))]
				if err := reader.Record(&rec, pos, format.RecordSeed(storeID)); err != nil || rec.Sequence != uint64(pos.Segment) {
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

// TestReadersMeet: of two readers that open one segment at once, both read, and one
// file stays open.
func TestReadersMeet(t *testing.T) {
	disk, dir := simfs.New(), &counting{}
	dir.FS = disk.FS()
	pos := fill(t, create(t, disk.FS(), 1), 1, 1, 20)[0]
	reader := newReader(dir)
	read := func() {
		var rec format.Record
		if err := reader.Record(&rec, pos, format.RecordSeed(storeID)); err != nil || rec.Sequence != 1 {
			t.Errorf("Record() = event %d, %v", rec.Sequence, err)
		}
	}
	dir.meet = func() { dir.meet = nil; read() }
	read()
	if got := dir.open(); got != 1 {
		t.Errorf("%d files are open, want 1", got)
	}
}

// counting counts the files that are open.
type counting struct {
	vfs.FS
	meet func() // called before a file is opened, if set
	mu   sync.Mutex
	n    int
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

func (c *counting) Open(name string, m vfs.Mode) (vfs.File, error) {
	if c.meet != nil {
		c.meet()
	}
	f, err := c.FS.Open(name, m)
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
