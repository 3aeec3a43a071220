package segment

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// maxOpen is how many files a reader keeps open.
const maxOpen = 128

// Reader reads from the segments of one store. It opens files when it first
// reads from them and keeps the latest used open. It is safe for concurrent use.
type Reader struct {
	dir vfs.FS // not called with mu held

	mu     sync.RWMutex // guards all below
	files  map[uint64]*openFile
	newest uint64 // the segment that is written to: it is not closed before the reader is
	others []vfs.File
	closed bool
	users  sync.WaitGroup // those who read; joined with mu held, at least for reading
}

// openFile is closed only while nobody uses it. Users come with the reader's
// lock held for reading, and are looked for with it held for writing.
type openFile struct {
	vfs.File
	users atomic.Int64
}

// NewReader returns a reader of the segments in dir.
func NewReader(dir vfs.FS) *Reader { return &Reader{dir: dir, files: map[uint64]*openFile{}} }

// Add hands an open file to the reader, which closes it in time: not before
// [Reader.Close] as long as its number is the highest. It takes the place of a
// file that the reader had opened itself. It must not be called after Close.
func (r *Reader) Add(number uint64, f vfs.File) {
	r.mu.Lock()
	old := r.files[number]
	r.files[number] = &openFile{File: f}
	r.newest = max(r.newest, number)
	r.mu.Unlock()
	if old != nil {
		_ = old.Close() // it was only read from
	}
}

// Attach hands another open file to the reader, which closes it when it is closed
// itself, and returns what reads it until then.
func (r *Reader) Attach(f vfs.File) io.ReaderAt {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others = append(r.others, f)
	return attached{r, f}
}

type attached struct {
	reader *Reader
	file   vfs.File
}

func (a attached) ReadAt(p []byte, off int64) (int, error) {
	a.reader.mu.RLock()
	closed := a.reader.closed
	if !closed {
		a.reader.users.Add(1)
	}
	a.reader.mu.RUnlock()
	if closed {
		return 0, fs.ErrClosed
	}
	defer a.reader.users.Done()
	return a.file.ReadAt(p, off)
}

// Has reports whether there is a file of a segment.
func (r *Reader) Has(number uint64) (bool, error) {
	f, err := r.open(number)
	if f != nil {
		r.unpin(f)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Forget makes the reader open a segment's file again when it next reads from it.
func (r *Reader) Forget(number uint64) {
	r.mu.Lock()
	f := r.files[number]
	delete(r.files, number)
	r.mu.Unlock()
	if f != nil {
		_ = f.Close() // it was only read from
	}
}

// Close waits for the reads under way and closes all files. Later calls return
// nil, later reads fail with [fs.ErrClosed].
func (r *Reader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.users.Wait()

	r.mu.Lock()
	files, others := r.files, r.others
	r.files, r.others = nil, nil
	r.mu.Unlock()
	var err error
	for _, f := range others {
		err = errors.Join(err, f.Close())
	}
	for _, f := range files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// Record reads one record, whose slices are the caller's. The seed is the
// store's, from [format.RecordSeed]. A [*DamageError] says that there is no such
// record, be it that the file is gone.
func (r *Reader) Record(pos format.Pos, seed uint32) (format.Record, error) {
	var rec format.Record
	buf := make([]byte, pos.Length)
	if err := r.readFull(pos, buf); err != nil {
		return rec, err
	}
	return rec, parse(&rec, buf, pos, seed)
}

// readFull fills p with the bytes from pos on.
func (r *Reader) readFull(pos format.Pos, p []byte) error {
	n, err := r.readAt(uint64(pos.Segment), p, int64(pos.Offset))
	if err == nil && n < len(p) {
		sometimes.Reached("record lay behind the end of its segment")
		return &DamageError{Segment: uint64(pos.Segment), Offset: int64(pos.Offset), Reason: "the file ends before the record does"}
	}
	return err
}

// parse reads into rec the record that takes all of b.
func parse(rec *format.Record, b []byte, pos format.Pos, seed uint32) error {
	rest, err := rec.Parse(b, seed)
	if err == nil && len(rest) > 0 {
		err = &format.Error{Reason: "record of another length"}
	}
	if err != nil {
		return judge(err, uint64(pos.Segment), int64(pos.Offset))
	}
	return nil
}

// readAt reads into p, less than its length only at the end of the file.
func (r *Reader) readAt(number uint64, p []byte, off int64) (int, error) {
	f, err := r.pin(number)
	if err != nil {
		return 0, err
	}
	defer r.unpin(f)
	n, err := f.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read segment %d: %w", number, err)
	}
	return n, nil
}

// File reads bytes of a segment's file, whatever they are, as long as the reader is
// open.
func (r *Reader) File(number uint64) io.ReaderAt { return fileOf{r, number} }

type fileOf struct {
	reader *Reader
	number uint64
}

func (f fileOf) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.reader.readAt(f.number, p, off)
	if err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, err
}

// Size is the size of a segment's file in bytes.
func (r *Reader) Size(number uint64) (int64, error) {
	f, err := r.pin(number)
	if err != nil {
		return 0, err
	}
	defer r.unpin(f)
	return f.Size()
}

// pin returns the segment's file, which stays open until it is unpinned.
func (r *Reader) pin(number uint64) (*openFile, error) {
	f, err := r.open(number)
	if errors.Is(err, fs.ErrNotExist) {
		sometimes.Reached("segment of an open store was missing")
		return nil, &DamageError{Segment: number, Reason: "the file is missing"}
	}
	return f, err
}

// open is pin, with the disk's error if there is no file.
func (r *Reader) open(number uint64) (*openFile, error) {
	f, closed := r.find(number)
	switch {
	case closed:
		return nil, fmt.Errorf("read segment %d: %w", number, fs.ErrClosed)
	case f != nil:
		return f, nil
	}
	opened, err := r.dir.Open(Name(number), vfs.ReadOnly)
	switch {
	case r.MakeRoom(err):
		return r.open(number)
	case errors.Is(err, fs.ErrInvalid):
		return nil, &DamageError{Segment: number, Reason: "not a regular file"}
	case err != nil:
		return nil, fmt.Errorf("open segment %d: %w", number, err)
	}
	if !r.keep(number, opened) {
		sometimes.Reached("two readers opened one segment")
		_ = opened.Close() // another was faster, or the reader is closed
	}
	return r.open(number)
}

// find pins the file if it is open.
func (r *Reader) find(number uint64) (f *openFile, closed bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return nil, true
	}
	if f = r.files[number]; f != nil {
		f.users.Add(1)
		r.users.Add(1)
	}
	return f, false
}

func (r *Reader) unpin(f *openFile) {
	f.users.Add(-1)
	r.users.Done()
}

// keep takes in a file, closing another if there are too many. It reports false
// if the file is not wanted.
func (r *Reader) keep(number uint64, f vfs.File) bool {
	r.mu.Lock()
	if r.closed || r.files[number] != nil {
		r.mu.Unlock()
		return false
	}
	var idle *openFile
	if len(r.files) >= maxOpen {
		idle = r.dropIdleLocked()
	}
	r.files[number] = &openFile{File: f}
	r.mu.Unlock()
	if idle != nil {
		_ = idle.Close() // it was only read from since it was synced
	}
	return true
}

// MakeRoom closes half of the files that nobody uses if err says that the process,
// or the system, can have no more open files. It reports whether the call that
// failed may be tried again.
func (r *Reader) MakeRoom(err error) bool {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || planted.Bug("idle files are kept when there can be no more") {
		return false
	}
	r.mu.Lock()
	var idle []*openFile
	for n := len(r.files); 2*len(idle) < n; {
		f := r.dropIdleLocked()
		if f == nil {
			break
		}
		idle = append(idle, f)
	}
	r.mu.Unlock()
	for _, f := range idle {
		_ = f.Close() // it was only read from since it was synced
	}
	if len(idle) == 0 {
		sometimes.Reached("there was no idle segment to close for another")
	}
	return len(idle) > 0
}

// dropIdleLocked gives up the lowest segment's file that nobody uses, if there is
// one.
func (r *Reader) dropIdleLocked() *openFile {
	var lowest uint64
	for number, f := range r.files {
		if number != r.newest && f.users.Load() == 0 && (lowest == 0 || number < lowest) {
			lowest = number
		}
	}
	if lowest == 0 {
		return nil
	}
	sometimes.Reached("idle segment was closed to open another")
	idle := r.files[lowest]
	delete(r.files, lowest)
	return idle
}
