package segment

import (
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

const (
	// near is how many bytes can be read for the price of asking once more, even if
	// the system has all of it in memory.
	near = 8 << 10
	// maxWindow is how much is read at once, unless one record is larger.
	maxWindow = 64 << 10
	// maxChunk is how much memory payloads share: whoever keeps one keeps all.
	maxChunk = 16 << 10
)

// Cursor reads records with few reads of the disk, as far as it knows beforehand which
// ones: those that lie near each other are read at once. It is used by one goroutine
// at a time and needs no closing.
type Cursor struct {
	r       *Reader
	plan    []format.Pos // what is expected
	asked   int          // how much of the plan is over
	segment uint32
	served  uint64 // state of the reader when the window was read: after a merge it is of another file
	at      int64  // where the window begins in the segment
	window  []byte // what was read last
	buf     []byte // holds the window, unless that is larger than maxWindow
	record  format.Record
	chunk   []byte // of payloads

	// If from is less than to, the window holds that part of the plan instead, one record
	// behind the other; the first of them at off.
	from, to, off int
	parts         []vfs.Part
}

// Cursor returns a cursor that has read nothing yet.
func (r *Reader) Cursor() *Cursor { return &Cursor{r: r} }

// Expect tells the cursor which n records it will be asked for next, in order. Some
// may be left out.
func (c *Cursor) Expect(n int, record func(i int) format.Pos) {
	if c.from < c.to {
		c.from, c.to, c.window = 0, 0, nil
	}
	c.plan, c.asked = slices.Grow(c.plan[:0], n), 0
	for i := range n {
		c.plan = append(c.plan, record(i))
	}
}

// Record reads one record, as [Reader.Record] does. It is valid, and so are its
// slices, until the next call. A record that was not expected is read alone.
func (c *Cursor) Record(pos format.Pos, seed uint32) (*format.Record, error) {
	if i := slices.Index(c.plan[c.asked:], pos); i >= 0 {
		c.asked += i + 1
	}
	b := c.held(pos)
	for b == nil {
		if err := c.fill(pos); err != nil {
			return nil, err
		}
		b = c.held(pos)
	}
	if err := parse(&c.record, b, pos, seed); err != nil {
		return nil, err
	}
	return &c.record, nil
}

// Payload is that of the record that was read last, for the caller to keep. It may
// share memory with others.
func (c *Cursor) Payload() []byte {
	p := c.record.Payload
	if len(c.window) > maxWindow {
		return p
	}
	if len(p) > cap(c.chunk)-len(c.chunk) {
		c.chunk = make([]byte, 0, max(len(p), c.ahead()))
	}
	from := len(c.chunk)
	c.chunk = append(c.chunk, p...)
	return c.chunk[from:len(c.chunk):len(c.chunk)]
}

// ahead is the size of the payload that was read last with those that come next, as far as
// they may share memory, if there is as much beside them in their records.
func (c *Cursor) ahead() int {
	n := len(c.record.Payload)
	others := c.record.Length - n
	for _, p := range c.plan[c.asked:] {
		if n += max(0, int(p.Length)-others); n >= maxChunk {
			return maxChunk
		}
	}
	return n
}

// held is the record's part of the window, nil if it is not all there.
func (c *Cursor) held(pos format.Pos) []byte {
	if pos.Segment != c.segment || c.served != c.r.served.Load() {
		return nil
	}
	for i, off := c.from, c.off; i < c.to; i++ {
		end := off + int(c.plan[i].Length)
		if c.plan[i] == pos {
			c.from, c.off = i, off
			return c.window[off:end:end]
		}
		off = end
	}
	from := int64(pos.Offset) - c.at
	to := from + int64(pos.Length)
	if c.from < c.to || from < 0 || to > int64(len(c.window)) {
		return nil
	}
	return c.window[from:to:to]
}

// fill makes a window of the record, and of those that are expected next as far as
// each lies near the others, or wherever they lie if that is all the same.
func (c *Cursor) fill(pos format.Pos) error {
	if err := c.r.fits(pos); err != nil {
		return err
	}
	if c.gather(pos) {
		return nil
	}
	from, to := int64(pos.Offset), int64(pos.Offset)+int64(pos.Length)
	for _, p := range c.plan[c.asked:] {
		first, end := int64(p.Offset), int64(p.Offset)+int64(p.Length)
		lo, hi := min(from, first), max(to, end)
		if p.Segment != pos.Segment || first-to > near || from-end > near || hi-lo > maxWindow {
			break
		}
		from, to = lo, hi
	}
	if from < int64(pos.Offset) {
		sometimes.Reached("cursor read what lies before the record")
	}
	err := c.read(pos, from, to)
	if err != nil && to-from > int64(pos.Length) {
		sometimes.Reached("record was read without those that lie near it")
		return c.read(pos, int64(pos.Offset), int64(pos.Offset)+int64(pos.Length))
	}
	return err
}

// begin gives up the window for another one of the segment.
func (c *Cursor) begin(pos format.Pos) {
	c.segment, c.window, c.served = pos.Segment, nil, c.r.served.Load()
	c.from, c.to, c.off, c.parts = 0, 0, 0, c.parts[:0]
}

// gather makes a window of the record, if it was expected, and of those that are expected
// next. It reports whether the file can be read in many places for the price of one.
func (c *Cursor) gather(pos format.Pos) bool {
	first := c.asked - 1
	if first < 0 || c.plan[first] != pos || pos.Length > maxWindow {
		return false
	}
	c.begin(pos) // before the file is looked for: it may be another one a moment later
	f, err := c.r.pin(uint64(pos.Segment))
	if err != nil {
		return false // whoever reads it says so
	}
	defer c.r.unpin(f)
	gather := vfs.Gatherer(f.File)
	if gather == nil {
		return false
	}
	n, to, end := 0, first, int64(-1)
	for to < len(c.plan) && c.plan[to].Segment == pos.Segment && n+int(c.plan[to].Length) <= maxWindow {
		p := c.plan[to]
		if int64(p.Offset) != end {
			c.parts = append(c.parts, vfs.Part{Offset: int64(p.Offset)})
		}
		c.parts[len(c.parts)-1].Length += int(p.Length)
		n, to, end = n+int(p.Length), to+1, int64(p.Offset)+int64(p.Length)
	}
	c.buf = slices.Grow(c.buf[:0], n)[:n]
	if !gather(c.buf, c.parts) {
		return false
	}
	c.window, c.from, c.to = c.buf, first, to
	return true
}

// read makes a window of a part of the segment that holds the record.
func (c *Cursor) read(pos format.Pos, from, to int64) error {
	c.begin(pos)
	c.at = from
	var buf []byte
	if n := int(to - from); n > maxWindow {
		buf = make([]byte, n)
	} else {
		c.buf = slices.Grow(c.buf[:0], n)[:n]
		buf = c.buf
	}
	n, err := c.r.readAt(uint64(pos.Segment), buf, from)
	if err != nil {
		return err
	}
	if int64(n) < int64(pos.Offset)+int64(pos.Length)-from {
		return ended(pos)
	}
	c.window = buf[:n]
	return nil
}
