package segment

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// maxOpen is how many files a reader keeps open.
const maxOpen = 128

// Reader reads from the segments of one store. It opens files when it first
// reads from them and keeps the latest used open. It is safe for concurrent use.
type Reader struct {
	dir    vfs.FS        // not called with mu held
	served atomic.Uint64 // merged segments so far

	mu     sync.RWMutex // guards all below
	files  map[Span]*openFile
	merged map[uint64]Span // that are read from, by their first segment
	newest uint64          // the segment that is written to: it is not closed before the reader is
	others []vfs.File
	closed bool
	users  sync.WaitGroup // those who read; joined with mu held, at least for reading
}

// openFile is closed only while nobody uses it. Users come with the reader's
// lock held for reading, and are looked for with it held for writing.
type openFile struct {
	vfs.File
	span  Span
	users atomic.Int64
	gone  atomic.Bool // no user comes any more: the last to go closes it
	done  atomic.Bool // somebody does
}

// close closes the file, once.
func (f *openFile) close() {
	if f.done.CompareAndSwap(false, true) {
		_ = f.Close() // it was only read from
	}
}

// NewReader returns a reader of the segments in dir.
func NewReader(dir vfs.FS) *Reader {
	return &Reader{dir: dir, files: map[Span]*openFile{}, merged: map[uint64]Span{}}
}

// Add hands an open file to the reader, which closes it in time: not before
// [Reader.Close] as long as its number is the highest. It takes the place of a
// file that the reader had opened itself. It must not be called after Close.
func (r *Reader) Add(number uint64, f vfs.File) {
	r.mu.Lock()
	old := r.files[Plain(number)]
	r.files[Plain(number)] = &openFile{File: f, span: Plain(number)}
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

// Serve makes the reader read what a merged segment stands for from that, under the
// number of its first segment. Reads of the files it was made of that are under way
// go on; others fail. [Reader.Sweep] closes these files.
func (r *Reader) Serve(s Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for number := range r.merged {
		if s.First <= number && number <= s.Last {
			delete(r.merged, number)
		}
	}
	r.merged[s.First] = s
	r.served.Add(1)
}

// Sweep closes the files of which others were made, each when nobody reads from it any
// more.
func (r *Reader) Sweep() {
	r.mu.Lock()
	var old []*openFile
	for _, s := range inOrder(r.files) {
		if r.mergedLocked(s) {
			old = append(old, r.files[s])
			delete(r.files, s)
		}
	}
	r.mu.Unlock()
	for _, f := range old {
		f.gone.Store(true)
		if f.users.Load() == 0 || planted.Bug("file that was merged is closed under its readers") {
			f.close()
		} else {
			sometimes.Reached("file that was merged had a reader")
		}
	}
}

// mergedLocked reports whether another file is read from in place of this.
func (r *Reader) mergedLocked(s Span) bool {
	for _, m := range r.merged {
		if m.Covers(s) {
			return true
		}
	}
	return false
}

// Span is the file from which the segment of this number is read, if it is the first
// for which that file stands: the next one begins behind the span's last.
func (r *Reader) Span(number uint64) Span {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.spanLocked(number)
}

// Holding is the file from which the segment of this number is read, be it the first
// one in it or not.
func (r *Reader) Holding(number uint64) Span {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.merged {
		if s.First <= number && number <= s.Last {
			return s
		}
	}
	return Plain(number)
}

func (r *Reader) spanLocked(number uint64) Span {
	if s, ok := r.merged[number]; ok {
		return s
	}
	return Plain(number)
}

// Log lists the files of the log, as their names say now.
func (r *Reader) Log() ([]Span, error) {
	entries, err := r.dir.List()
	if err != nil {
		return nil, fmt.Errorf("list the directory: %w", err)
	}
	var files []Span
	for _, e := range entries {
		if s, ok := ParseSpan(e.Name); ok && e.Regular {
			files = append(files, s)
		}
	}
	log, _, err := Resolve(files)
	return log, err
}

// Has reports whether there is a file of a segment.
func (r *Reader) Has(number uint64) (bool, error) {
	f, err := r.open(r.Span(number))
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
	s := r.spanLocked(number)
	f := r.files[s]
	delete(r.files, s)
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
	for _, s := range inOrder(files) {
		err = errors.Join(err, files[s].Close())
	}
	return err
}

// inOrder lists files as they lie in the log, so that what is done to them, and what
// comes of it, does not depend on the map.
func inOrder(files map[Span]*openFile) []Span {
	return slices.SortedFunc(maps.Keys(files), func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Round, b.Round))
	})
}

// readAt reads into p, less than its length only at the end of the file.
func (r *Reader) readAt(number uint64, p []byte, off int64) (int, error) {
	f, err := r.pin(number)
	if err != nil {
		return 0, err
	}
	defer r.unpin(f)
	return f.readAt(p, off)
}

// readSpan is readAt of a file, as long as no other is read from in its place.
func (r *Reader) readSpan(s Span, p []byte, off int64) (int, error) {
	f, err := r.pinSpan(s)
	if err != nil {
		return 0, err
	}
	defer r.unpin(f)
	return f.readAt(p, off)
}

// File reads bytes of a file, whatever they are, as long as the reader is open and no
// other file is read from in its place.
func (r *Reader) File(s Span) io.ReaderAt { return fileOf{r, s} }

type fileOf struct {
	reader *Reader
	span   Span
}

func (f fileOf) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.reader.readSpan(f.span, p, off)
	if err == nil && n < len(p) {
		return n, io.EOF
	}
	return n, err
}

// Size is the size of a file in bytes.
func (r *Reader) Size(s Span) (int64, error) {
	f, err := r.pinSpan(s)
	if err != nil {
		return 0, err
	}
	defer r.unpin(f)
	return f.Size()
}

func (f *openFile) readAt(p []byte, off int64) (int, error) {
	n, err := f.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("read segment %d: %w", f.span.First, err)
	}
	return n, nil
}

// pin returns the segment's file, which stays open until it is unpinned.
func (r *Reader) pin(number uint64) (*openFile, error) {
	for {
		s := r.Span(number)
		f, err := r.pinSpan(s)
		if !errors.Is(err, ErrMerged) || r.Span(number) == s {
			return f, err // it is not the first one in its file any more, or nobody has said so
		}
	}
}

func (r *Reader) pinSpan(s Span) (*openFile, error) {
	f, err := r.open(s)
	if errors.Is(err, fs.ErrNotExist) {
		if r.mergedElsewhere(s) {
			sometimes.Reached("segment was merged by another process")
			return nil, fmt.Errorf("read segment %d: %w", s.First, ErrMerged)
		}
		sometimes.Reached("segment of an open store was missing")
		return nil, &DamageError{Segment: s.First, Reason: "the file is missing"}
	}
	return f, err
}

// mergedElsewhere reports whether a file that is not there has been made into another
// one. It looks more than once, as that may be made into yet another one while names are
// read, of which neither may be seen.
func (r *Reader) mergedElsewhere(s Span) bool {
	for range attempts {
		log, err := r.Log()
		if err == nil && slices.ContainsFunc(log, func(o Span) bool { return o.Covers(s) }) {
			return true
		}
		if planted.Bug("file that was merged twice is missing") {
			break
		}
	}
	return false
}

// open is pinSpan, with the disk's error if there is no file.
func (r *Reader) open(s Span) (*openFile, error) {
	f, err := r.find(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read segment %d: %w", s.First, err)
	case f != nil:
		return f, nil
	}
	opened, err := r.dir.Open(s.Name(), vfs.ReadOnly)
	switch {
	case r.MakeRoom(err):
		return r.open(s)
	case errors.Is(err, fs.ErrInvalid):
		return nil, &DamageError{Segment: s.First, Reason: "not a regular file"}
	case errors.Is(err, fs.ErrNotExist) && r.stale(s):
		return nil, fmt.Errorf("read segment %d: %w", s.First, ErrMerged)
	case err != nil:
		return nil, fmt.Errorf("open segment %d: %w", s.First, err)
	}
	if !r.keep(s, opened) {
		sometimes.Reached("two readers opened one segment")
		_ = opened.Close() // another was faster, or the reader is closed, or it was merged
	}
	return r.open(s)
}

func (r *Reader) stale(s Span) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.mergedLocked(s)
}

// find pins the file if it is open.
func (r *Reader) find(s Span) (*openFile, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return nil, fs.ErrClosed
	}
	f := r.files[s]
	if f == nil {
		if r.mergedLocked(s) {
			sometimes.Reached("segment was merged while it was read")
			return nil, ErrMerged
		}
		return nil, nil
	}
	f.users.Add(1)
	r.users.Add(1)
	return f, nil
}

func (r *Reader) unpin(f *openFile) {
	if f.users.Add(-1) == 0 && f.gone.Load() {
		f.close()
	}
	r.users.Done()
}

// keep takes in a file, closing another if there are too many. It reports false
// if the file is not wanted.
func (r *Reader) keep(s Span, f vfs.File) bool {
	r.mu.Lock()
	if r.closed || r.files[s] != nil || r.mergedLocked(s) {
		r.mu.Unlock()
		return false
	}
	var idle *openFile
	if len(r.files) >= maxOpen {
		idle = r.dropIdleLocked()
	}
	r.files[s] = &openFile{File: f, span: s}
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
	var lowest Span
	for _, s := range inOrder(r.files) {
		if s != Plain(r.newest) && r.files[s].users.Load() == 0 {
			lowest = s
			break
		}
	}
	if lowest.First == 0 {
		return nil
	}
	sometimes.Reached("idle segment was closed to open another")
	idle := r.files[lowest]
	delete(r.files, lowest)
	return idle
}
