package segment

import (
	"errors"
	"fmt"

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

	// closeRoom is how many zeros are always kept behind the last group, so that a
	// full disk has room for the close group.
	closeRoom = format.GroupHeaderSize
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
	zeros   []byte // as many as were needed at once
	err     error  // of the sync that failed
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
// When it fails the error is a [*WriteError]: the writer has taken back what it
// wrote, and if that worked it may be used again. It keeps nothing of group.
func (w *Writer) Write(group []byte) error { return w.put(group, closeRoom) }

// WriteLast is Write for the close group, which goes to the room that was kept
// for it.
func (w *Writer) WriteLast(group []byte) error { return w.put(group, 0) }

// put writes a group and leaves some room behind it.
func (w *Writer) put(group []byte, room int64) error {
	if w.err != nil {
		sometimes.Reached("write after a sync that failed was refused")
		return &WriteError{Err: w.err}
	}
	if int64(len(group)) > format.MaxSegment-room-w.end {
		return &WriteError{Undone: true, Err: fmt.Errorf("a group of %d bytes does not fit", len(group))}
	}
	size := w.size
	if err := w.write(group, room); err != nil {
		return w.undo(err, size, int64(len(group)))
	}
	w.end += int64(len(group))
	if planted.Bug("what is written counts as durable") {
		w.durable = w.end
	}
	return nil
}

// Sync makes all groups durable. After an error, which is the disk's, nothing is
// known of the groups behind [Writer.Durable], and the writer is of no more use;
// but if it is a [*WriteError] that says so, nothing has happened. It can be that
// only before the first Write.
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
	if planted.Bug("zeros stay at the end of a segment that is over") {
		return w.end, w.Sync()
	}
	if w.err == nil && (w.durable != w.end || w.size != w.end) {
		err = w.settle(w.end)
	}
	return w.end, errors.Join(w.err, err)
}

// Trim makes all groups durable and cuts off what is written ahead, but for the
// room of a close group. If that is all there is behind them it syncs all the same, as a
// disk may tell the next sync alone what an earlier one has lost. An error is like one of
// [Writer.Sync].
func (w *Writer) Trim() error {
	if w.err == nil && (w.durable != w.end || w.size != w.end) {
		return w.settle(min(w.size, w.end+closeRoom))
	}
	return w.err
}

// settle gives the file a size and makes all of it durable.
func (w *Writer) settle(size int64) (err error) {
	if err := w.rewrite(); err != nil && !planted.Bug("failure to write found bytes again poisons") {
		sometimes.Reached("unproven bytes could not be written again")
		return &WriteError{Undone: true, Full: vfs.Full(err), Err: err}
	} else if err != nil {
		w.err = err
		return err
	}
	if size != w.size {
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

func (w *Writer) write(group []byte, room int64) error {
	if err := w.rewrite(); err != nil {
		return err
	}
	next := w.end + int64(len(group))
	if room > 0 && next+room > w.size && !planted.Bug("no room is kept for the close group") {
		if err := w.extend(next, room); err != nil {
			return err
		}
	}
	if _, err := w.file.WriteAt(group, w.end); err != nil {
		return err
	}
	w.size = max(w.size, next)
	return nil
}

// extend writes zeros behind a group that will end at next: the room and, for a
// small group and if there is space, some more.
func (w *Writer) extend(next, room int64) error {
	if next-w.end >= smallGroup {
		return w.zero(max(w.size, next), next+room)
	}
	sometimes.Reached("zeros were written ahead")
	err := w.zero(w.size, min(next+min(max(w.end, minAhead), maxAhead), format.MaxSegment))
	if !vfs.Full(err) {
		return err
	}
	// The disk may still have room for the group. What there is of the zeros is no
	// harm.
	if w.size, err = w.file.Size(); err != nil {
		return err
	}
	if w.size < next+room {
		sometimes.Reached("less was written ahead on a full disk")
		return w.zero(w.size, next+room)
	}
	return nil
}

// zero writes zeros at the end of the file. When it fails, the size of the file
// is that of the writer, or more.
func (w *Writer) zero(from, to int64) error {
	for from < to {
		n, err := w.blank(from, to)
		if err != nil {
			return err
		}
		from += n
		w.size = from
	}
	return nil
}

// blank writes zeros between two offsets, as many as go at once.
func (w *Writer) blank(from, to int64) (n int64, err error) {
	n = min(to-from, blockSize)
	if int64(len(w.zeros)) < n {
		w.zeros = make([]byte, n)
	}
	_, err = w.file.WriteAt(w.zeros[:n], from)
	return n, err
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

// undo makes the file what it was before the write of a group that failed: of
// this size, with zeros behind the last group.
func (w *Writer) undo(cause error, size, group int64) error {
	e := &WriteError{Full: vfs.Full(cause), Err: cause}
	err := planted.Skip("failed write is not cut off", func() error { return w.cutBack(size, group) })
	if err == nil {
		err = planted.Skip("cut after a failed write is not synced", w.file.Sync)
	}
	if err != nil {
		sometimes.Reached("failed write could not be cut off")
		w.err = errors.Join(cause, err)
		e.Err = w.err
		return e
	}
	sometimes.Reached("failed write was cut off")
	if w.again == 0 {
		w.durable = w.end
	}
	e.Undone = true
	return e
}

// cutBack takes away what was written of a group. Zeros that were there before
// are written again, as they may be the last that the disk had to give; if it
// will not take them, the room is given up.
func (w *Writer) cutBack(size, group int64) error {
	for at := w.end; at < min(size, w.end+group); {
		n, err := w.blank(at, min(size, w.end+group))
		if err != nil {
			sometimes.Reached("room was given up to take back a write")
			size = w.end
		}
		at += n
	}
	w.size = size
	return w.file.Truncate(size)
}
