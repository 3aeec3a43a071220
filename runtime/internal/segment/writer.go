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
	size    int64  // of the file, but for what is written ahead just now; zeros from end on
	loose   bool   // the file may be longer, by zeros
	zeros   []byte // as many as were needed at once; never written to
	err     error  // of the sync that failed

	ahead  *ahead // zeros that are being written from size on; nil = none
	limit  int64  // of what is written ahead
	start  func(do func())
	orders uint64 // so far
	after  int64  // nothing is written ahead before the groups end here
}

// Resume returns the writer of a segment whose last group ends at end, in a file
// that holds size bytes, zeros from end on. Only what lies before durable is
// known to be durable: the writer writes the rest again before anything else,
// because after a sync that failed the file may show bytes which no later sync
// would write.
func Resume(file vfs.File, number uint64, durable, end, size int64) *Writer {
	return &Writer{file: file, number: number, durable: durable, end: end, again: end - durable, size: size, limit: format.MaxSegment}
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
	length := int64(len(group))
	w.reach(w.end + length + room)
	size := w.size
	if err := w.write(group, room); err != nil {
		if w.ahead != nil {
			sometimes.Reached("write failed beside the zeros ahead")
			w.halt()
			size = w.size
		}
		return w.undo(err, size, length)
	}
	w.end += length
	if planted.Bug("what is written counts as durable") {
		w.durable = w.end
	}
	if room > 0 {
		w.order(length)
		w.step()
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
	w.step()
	err := w.settle(w.size, false)
	if err == nil {
		w.step()
	}
	return err
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
	if a := w.ahead; a != nil && !a.over() && planted.Bug("segment is cut beside the zeros ahead") {
		if w.ahead = nil; w.start == nil {
			defer a.run()
		}
	}
	w.halt()
	if w.err == nil && (w.durable != w.end || w.size != w.end || w.loose) {
		err = w.settle(w.end, true)
	}
	return w.end, errors.Join(w.err, err)
}

// Trim makes all groups durable and cuts off what is written ahead, but for the
// room of a close group. If that is all there is behind them it syncs all the same, as a
// disk may tell the next sync alone what an earlier one has lost. An error is like one of
// [Writer.Sync].
func (w *Writer) Trim() error {
	w.halt()
	if w.err == nil && (w.durable != w.end || w.size != w.end || w.loose) {
		return w.settle(min(w.size, w.end+closeRoom), true)
	}
	return w.err
}

// settle makes all of the file durable. If it is to be cut, it gives it a size before.
func (w *Writer) settle(size int64, cut bool) (err error) {
	if err := w.rewrite(); err != nil && !planted.Bug("failure to write found bytes again poisons") {
		sometimes.Reached("unproven bytes could not be written again")
		return &WriteError{Undone: true, Full: vfs.Full(err), Err: err}
	} else if err != nil {
		w.err = err
		return err
	}
	if cut && (size != w.size || w.loose && !planted.Bug("zeros that could not be written are not cut off")) {
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
		w.halt()
		return err
	}
	w.durable, w.size, w.loose = w.end, size, w.loose && !cut
	return nil
}

func (w *Writer) write(group []byte, room int64) error {
	if err := w.rewrite(); err != nil {
		return err
	}
	next := w.end + int64(len(group))
	if room > 0 && next+room > w.size && !planted.Bug("no room is kept for the close group") {
		if err := w.zero(max(w.size, next), next+room); err != nil {
			return err
		}
	}
	if _, err := w.file.WriteAt(group, w.end); err != nil {
		return err
	}
	w.size = max(w.size, next)
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
	w.zeros = w.blanks(n)
	_, err = w.file.WriteAt(w.zeros[:n], from)
	return n, err
}

// blanks is at least so many zeros.
func (w *Writer) blanks(n int64) []byte {
	if int64(len(w.zeros)) < n {
		return make([]byte, n)
	}
	return w.zeros
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
	err := w.file.Truncate(size)
	w.loose = w.loose && err != nil
	return err
}
