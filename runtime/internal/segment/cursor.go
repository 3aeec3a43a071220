package segment

import (
	"github.com/batpak-go/batpak/runtime/internal/format"

	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// A window of records that lie further apart than near costs more than to read each
// of them alone.
const (
	near      = 2 << 10
	minWindow = 4 << 10
	maxWindow = 64 << 10
)

// Cursor reads records that lie near each other with fewer reads of the disk.
// It is used by one goroutine at a time and needs no closing.
type Cursor struct {
	r       *Reader
	segment uint32
	at      int64  // where the window begins in the segment
	window  []byte // views of it are given away: it is never written to again
	ahead   int
}

// Cursor returns a cursor that has read nothing yet.
func (r *Reader) Cursor() *Cursor { return &Cursor{r: r} }

// Record reads one record, as [Reader.Record] does. The record's slices stay
// valid, and keep up to 64 KiB alive.
func (c *Cursor) Record(pos format.Pos, seed uint32) (format.Record, error) {
	if b := c.held(pos); b != nil {
		if r, err := parse(b, pos, seed); err == nil {
			return r, nil
		}
		// The window may be older than the record: look again.
		sometimes.Reached("window of a cursor was older than the record")
	}
	if err := c.fill(pos); err != nil {
		return format.Record{}, err
	}
	return parse(c.held(pos), pos, seed)
}

// held is the record's part of the window, nil if it is not all there.
func (c *Cursor) held(pos format.Pos) []byte {
	from := int64(pos.Offset) - c.at
	to := from + int64(pos.Length)
	if pos.Segment != c.segment || from < 0 || to > int64(len(c.window)) {
		return nil
	}
	return c.window[from:to:to]
}

// fill makes a new window that begins with the record, or ends with it if it lies
// before the last one. A record that lies apart has one of its own; windows grow while
// they follow each other closely.
func (c *Cursor) fill(pos format.Pos) error {
	from, to := int64(pos.Offset), int64(pos.Offset)+int64(pos.Length)
	back := pos.Segment == c.segment && from < c.at
	gap := from - c.at - int64(len(c.window))
	if back {
		gap = c.at - to
	}
	if pos.Segment == c.segment && gap <= near {
		sometimes.Reached("window of a cursor grew")
		c.ahead = min(max(2*c.ahead, minWindow), maxWindow)
	} else {
		c.ahead = 0
	}
	buf := make([]byte, max(c.ahead, int(pos.Length)))
	if back {
		sometimes.Reached("cursor went back")
		from = max(0, to-int64(len(buf)))
		buf = buf[:to-from]
	}
	c.segment, c.at, c.window = pos.Segment, from, nil
	n, err := c.r.readAt(uint64(pos.Segment), buf, from)
	if err != nil {
		return err
	}
	if int64(n) < to-from {
		return &DamageError{Segment: uint64(pos.Segment), Offset: int64(pos.Offset), Reason: "the file ends before the record does"}
	}
	c.window = buf[:n]
	return nil
}
