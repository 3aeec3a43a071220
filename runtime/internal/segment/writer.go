package segment

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

const (
	// smallGroup is the length from which on a group is not written ahead of:
	// its own sync costs more than a change of size.
	smallGroup = 64 << 10

	// Written ahead is as much again as the segment holds, within these bounds,
	// so that a small log stays small.
	minAhead = 4 << 10
	maxAhead = 256 << 10

	blockSize = 64 << 10
)

// Writer puts groups at the end of one segment. It is owned by one goroutine.
//
// The file is shared with whoever reads; the writer does not close it.
type Writer struct {
	file    vfs.File
	number  uint64
	end     int64  // of the last group
	durable int64  // everything before it is durable
	again   int64  // bytes before end, from durable on, to be written again
	size    int64  // of the file; zeros from end on
	zeros   []byte // made when first needed
	err     error  // of the sync that failed
}

// Create makes the file of a segment, durably with its name, and returns its
// writer. When it fails it removes the file if it can; the error is a
// [*WriteError], Undone unless a sync failed.
//
//	openat     <number>.seg   O_CREAT|O_EXCL
//	pwrite     <number>.seg   header
//	fdatasync  <number>.seg
//	fsync      .              before the first group: a log without its file is lost
func Create(dir vfs.FS, h format.SegmentHeader) (*Writer, error) {
	name := Name(h.Segment)
	f, err := dir.Create(name)
	if errors.Is(err, fs.ErrExist) {
		sometimes.Reached("name of a new segment was taken")
		return nil, &WriteError{Undone: true, Err: err}
	}
	if err != nil {
		sometimes.Reached("new segment could not be created")
		_ = dir.Remove(name) // an attempt that failed may have left one
		return nil, &WriteError{Undone: true, Full: full(err), Err: err}
	}
	discard := func(undone bool, cause error) error {
		e := &WriteError{Full: full(cause), Err: errors.Join(cause, f.Close())}
		err := dir.Remove(name)
		e.Undone = undone && err == nil
		sometimes.Reached("half a new segment was taken back")
		e.Err = errors.Join(e.Err, err)
		return e
	}
	if _, err := f.WriteAt(format.AppendSegmentHeader(nil, h), 0); err != nil {
		return nil, discard(true, err)
	}
	if err := planted.Skip("header of a new segment is not synced", f.Sync); err != nil {
		return nil, discard(false, err)
	}
	if err := planted.Skip("name of a new segment is not synced", dir.SyncDir); err != nil {
		return nil, discard(false, err)
	}
	return Resume(f, h.Segment, format.SegmentHeaderSize, format.SegmentHeaderSize, format.SegmentHeaderSize), nil
}

// Resume returns the writer of a segment whose last group ends at end, in a file
// that holds size bytes, zeros from end on. Only what lies before durable is
// known to be durable: the writer writes the rest again before anything else,
// because after a sync that failed the file may show bytes which no later sync
// would write.
func Resume(file vfs.File, number uint64, durable, end, size int64) *Writer {
	return &Writer{file: file, number: number, durable: durable, end: end, again: end - durable, size: size}
}

// File is the segment's file.
func (w *Writer) File() vfs.File { return w.file }

// End is where the next group will begin, in bytes from the start of the file.
func (w *Writer) End() int64 { return w.end }

// Durable is the end of what is known to be durable, in bytes from the start of
// the file.
func (w *Writer) Durable() int64 { return w.durable }

// Write puts a group at [Writer.End]. Its bytes are durable after [Writer.Sync].
// When it fails the error is a [*WriteError]: the writer has cut the file back to
// its end, and if that worked it may be used again. It keeps nothing of group.
func (w *Writer) Write(group []byte) error {
	if w.err != nil {
		sometimes.Reached("write after a sync that failed was refused")
		return &WriteError{Err: w.err}
	}
	if int64(len(group)) > format.MaxSegment-w.end {
		return &WriteError{Undone: true, Err: fmt.Errorf("a group of %d bytes does not fit", len(group))}
	}
	if err := w.write(group); err != nil {
		return w.undo(err)
	}
	w.end += int64(len(group))
	if planted.Bug("what is written counts as durable") {
		w.durable = w.end
	}
	return nil
}

// Sync makes all groups durable. After an error, which is the disk's, nothing is
// known of the groups behind [Writer.Durable], and the writer is of no more use.
func (w *Writer) Sync() error {
	if w.err != nil || w.durable == w.end || planted.Bug("acknowledged before the sync") {
		return w.err
	}
	return w.settle(w.size)
}

// Seal makes all groups durable and cuts off what is written ahead. It returns
// the length of the file. An error is like one of [Writer.Sync].
func (w *Writer) Seal() (length int64, err error) {
	if planted.Bug("old segment is not synced at rotation") {
		return w.end, w.file.Truncate(w.end)
	}
	if w.err == nil && (w.durable != w.end || w.size != w.end) {
		err = w.settle(w.end)
	}
	return w.end, errors.Join(w.err, err)
}

// settle gives the file a size and makes all of it durable.
func (w *Writer) settle(size int64) error {
	err := w.rewrite()
	if err == nil && size != w.size {
		err = w.file.Truncate(size)
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil && planted.Bug("sync that failed is tried again") {
		err = w.file.Sync()
	}
	if err != nil {
		sometimes.Reached("segment could not be made durable")
		w.err = err
		return err
	}
	w.durable, w.size = w.end, size
	return nil
}

func (w *Writer) write(group []byte) error {
	if err := w.rewrite(); err != nil {
		return err
	}
	next := w.end + int64(len(group))
	if len(group) < smallGroup && next > w.size {
		sometimes.Reached("zeros were written ahead")
		if err := w.writeAhead(next); err != nil {
			return err
		}
	}
	if _, err := w.file.WriteAt(group, w.end); err != nil {
		return err
	}
	w.size = max(w.size, next)
	return nil
}

// writeAhead writes zeros from the end of the file to some way behind next.
func (w *Writer) writeAhead(next int64) error {
	if w.zeros == nil {
		w.zeros = make([]byte, blockSize)
	}
	ahead := min(next+min(max(w.end, minAhead), maxAhead), format.MaxSegment)
	for w.size < ahead {
		n := min(ahead-w.size, blockSize)
		if _, err := w.file.WriteAt(w.zeros[:n], w.size); err != nil {
			return err
		}
		w.size += n
	}
	return nil
}

// rewrite writes again what is to be written again. It changes nothing that the
// file shows, so a part of it does no harm.
func (w *Writer) rewrite() error {
	if w.again == 0 || planted.Bug("unproven tail is synced but not written again") {
		return nil
	}
	sometimes.Reached("unproven bytes were written again by the writer")
	buf := make([]byte, min(w.again, blockSize))
	for at := w.end - w.again; at < w.end; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), w.end-at)]
		if _, err := w.file.ReadAt(buf, at); err != nil {
			return err
		}
		if _, err := w.file.WriteAt(buf, at); err != nil {
			return err
		}
	}
	w.again = 0
	return nil
}

// undo cuts the file back to the last group after a write that failed.
func (w *Writer) undo(cause error) error {
	e := &WriteError{Full: full(cause), Err: cause}
	err := planted.Skip("failed write is not cut off", func() error { return w.file.Truncate(w.end) })
	if err == nil {
		err = planted.Skip("cut after a failed write is not synced", w.file.Sync)
	}
	if err != nil {
		sometimes.Reached("failed write could not be cut off")
		w.err = errors.Join(cause, err)
		e.Err = w.err
		return e
	}
	w.size = w.end
	sometimes.Reached("failed write was cut off")
	if w.again == 0 {
		w.durable = w.end
	}
	e.Undone = true
	return e
}
