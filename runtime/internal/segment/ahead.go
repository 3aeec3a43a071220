package segment

import (
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

const (
	// Written ahead is as much again as the segment holds, within these bounds, so that
	// a small log stays small.
	minAhead = 16 << 10
	maxAhead = 4 << 20

	// largeGroup is the length from which on a group is not written ahead of: to write
	// so many bytes twice costs the disk more than it spares the group.
	largeGroup = 512 << 10

	// aheadBlock is how much of it is written at once: a file takes one write at a time,
	// and a group may wait for this one.
	aheadBlock = 16 << 10
)

// ahead is zeros that are being written behind the room of a writer, which goes on
// meanwhile. See the package comment for who may do what.
type ahead struct {
	file  vfs.File
	zeros []byte // aheadBlock of them
	to    int64
	delay int // steps of a writer that has nobody to help it

	turn  chan struct{} // holds one while a block is written, which guards all below
	at    int64         // zeros reach to here
	ended bool          // nothing more is written
	err   error         // of the block that failed
}

// run writes the zeros, until they are ended.
func (a *ahead) run() {
	for a.block() {
	}
}

// block writes a block, and reports whether there are more.
func (a *ahead) block() bool {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if a.ended {
		return false
	}
	n := min(a.to-a.at, aheadBlock)
	if _, a.err = a.file.WriteAt(a.zeros[:n], a.at); a.err == nil {
		a.at += n
	}
	a.ended = a.err != nil || a.at == a.to
	return !a.ended
}

// over reports whether nothing more is written, without waiting.
func (a *ahead) over() bool {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
		return a.ended
	default:
		return false
	}
}

// end ends them. It waits for the block that is being written, not for who is to write
// the next.
func (a *ahead) end() (at int64, err error) {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	if !a.ended {
		sometimes.Reached("zeros ahead were given up")
	}
	a.ended = true
	return a.at, a.err
}

// Help says that zeros are to be written ahead, up to an offset at most, and by whom:
// start calls what it is handed, on another goroutine. If start is nil the writer does it
// by itself, some steps after it might have begun: so on a disk that is to see its calls
// in one order they come between any two others.
func (w *Writer) Help(limit int64, start func(do func())) { w.limit, w.start = limit, start }

// Stop ends what is written beside the writer, as must be before its file is closed.
func (w *Writer) Stop() { w.halt() }

// order has zeros written behind a group of this length, if few are left.
func (w *Writer) order(group int64) {
	want := min(max(w.end, minAhead), maxAhead)
	to := min(w.end+want, w.limit)
	if w.ahead != nil || w.end < w.after || group >= largeGroup || w.size-w.end >= want/2 || to <= w.size {
		return
	}
	sometimes.Reached("zeros were written ahead")
	w.zeros = w.blanks(aheadBlock)
	w.ahead = &ahead{file: w.file, zeros: w.zeros, to: to, delay: w.delay(), turn: make(chan struct{}, 1), at: w.size}
	if w.start != nil {
		w.start(w.ahead.run)
	}
}

// delay is after how many steps a writer that has nobody to help it writes zeros. Each
// segment has its own, and so has each time.
func (w *Writer) delay() int {
	w.orders++
	return int(w.number+w.orders) % 4
}

// step lets the writer write zeros itself, if that is its part and it is time.
func (w *Writer) step() {
	if a := w.ahead; a != nil && w.start == nil && !a.over() {
		if a.delay--; a.delay < 0 {
			a.run()
		}
	}
}

// reach takes over the zeros that were written ahead, if all are, or if without them there
// are none up to an offset. It waits for the block that is being written.
func (w *Writer) reach(to int64) {
	switch {
	case w.ahead == nil:
	case w.ahead.over():
		w.halt()
	case to > w.size && !planted.Bug("writer does not wait for the zeros ahead"):
		sometimes.Reached("group came up with the zeros ahead")
		w.halt()
	}
}

// halt ends the writing of zeros and takes over what there is of them. If a write of them
// has failed, the file may have more, and it is tried again when as much was appended as
// there were to be.
func (w *Writer) halt() {
	a := w.ahead
	if a == nil {
		return
	}
	at, err := a.end()
	w.ahead, w.size = nil, at
	if err != nil {
		sometimes.Reached("zeros ahead could not be written")
		w.loose, w.after = true, w.end+a.to-at
		if planted.Bug("zeros that could not be written count as room") {
			w.size = a.to
		}
	}
}
