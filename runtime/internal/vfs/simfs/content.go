package simfs

import "math/rand/v2"

// history is what each piece of a file may hold after a power cut.
type history struct {
	file  *inode
	times []int // by piece: how many of the pending changes are of it
	dirty int   // pieces with pending changes
	start int   // and of the files before this one
}

// newHistory counts the pending changes of the pieces of a file.
func newHistory(file *inode, start int) history {
	h := history{file: file, start: start}
	end := int64(len(file.durable.data))
	for _, c := range file.pending {
		lo, hi := c.pieces(end)
		if end = c.size; hi > len(h.times) {
			h.times = append(h.times, make([]int, hi-len(h.times))...)
		}
		for k := lo; k < hi; k++ {
			if h.times[k]++; h.times[k] == 1 {
				h.dirty++
			}
		}
	}
	return h
}

// pieces are those that the change is of, in a file that ended there: a truncation clears
// up to the old end.
func (c change) pieces(end int64) (lo, hi int) {
	if c.data != nil {
		end = c.off + int64(len(c.data))
	}
	return int(c.off / piece), int((end + piece - 1) / piece)
}

// version is what piece k holds after so many changes of it: what a page of the cache would
// have held, all changes so far, and zeros past the end.
func (h *history) version(k, times int) (page [piece]byte) {
	from, end := int64(k)*piece, int64(len(h.file.durable.data))
	copy(page[:], h.file.durable.data[min(from, end):])
	for _, c := range h.file.pending {
		lo, hi := c.pieces(end)
		end = c.size
		clear(page[min(max(end-from, 0), piece):])
		if k < lo || k >= hi {
			continue
		}
		copy(page[max(c.off-from, 0):], c.data[min(max(from-c.off, 0), int64(len(c.data))):])
		if times--; times == 0 {
			break
		}
	}
	return page
}

// census is what a power cut may leave of the files that keep their names.
type census struct {
	kept      names
	histories []history // of the files, each once, in the order of the names
	dirty     int       // pieces with pending changes, of all files
}

func takeCensus(kept names) *census {
	c := &census{kept: kept, histories: make([]history, 0, len(kept))}
	kept.each(once(func(file *inode) *inode {
		h := newHistory(file, c.dirty)
		c.dirty += h.dirty
		c.histories = append(c.histories, h)
		return file
	}))
	return c
}

// cutter makes the content of files after a power cut.
type cutter struct {
	plan
	rand      *rand.Rand
	elsewhere [][]byte // the files of the disk, to copy from
}

// content draws the content of one file.
func (c *cutter) content(h *history) *content {
	end := len(h.file.durable.data)
	size := int64(end)
	if n := c.size.count(c.rand, len(h.file.pending)); n > 0 {
		size = h.file.pending[n-1].size
	}
	if size == int64(end) && (h.dirty == 0 || c.pieces == none) {
		return h.file.durable.share()
	}
	out := make([]byte, size)
	copy(out, h.file.durable.data)
	if end < len(out) {
		c.fill(out, end)
	}
	number := h.start - 1
	for k, last := range h.times {
		if last == 0 {
			continue
		}
		if number++; !c.written(number) || k*piece >= len(out) {
			continue
		}
		at := out[k*piece : min((k+1)*piece, len(out))]
		if c.stale {
			last = 1 + c.rand.IntN(last)
			if c.rand.IntN(2) == 0 {
				page := h.version(k, 1)
				copy(at, page[:]) // for a tear to mix with
			}
		}
		page := h.version(k, last)
		c.write(at, page[:])
	}
	return &content{data: out}
}

// written draws whether a dirty piece, by its number on the disk, is written.
func (c *cutter) written(number int) bool {
	switch c.pieces {
	case all:
		return true
	case some:
		return c.rand.IntN(100) < c.share
	case allButOne:
		return number != c.target
	case one:
		return number == c.target
	}
	return false
}

// write puts a version of a piece in its place, whole or torn.
func (c *cutter) write(at, version []byte) {
	switch {
	case c.tear == whole || c.rand.IntN(4) > 0:
		copy(at, version)
	case c.tear == prefix:
		copy(at[:c.rand.IntN(len(at)+1)], version)
	default:
		for i := range at {
			if c.rand.IntN(2) == 0 {
				at[i] = version[i]
			}
		}
	}
}

// fill puts something into the hole that begins at byte from. A copy comes from
// the same place in another file or, which suits shorter ones, from anywhere.
func (c *cutter) fill(out []byte, from int) {
	gap := out[from:]
	switch c.hole {
	case noise:
		for i := range gap {
			gap[i] = byte(c.rand.Uint32())
		}
	case copied:
		source := c.elsewhere[c.rand.IntN(len(c.elsewhere))]
		if c.rand.IntN(2) == 0 && from < len(source) {
			copy(gap, source[from:])
		} else if len(source) > 0 {
			copy(gap, source[c.rand.IntN(len(source)):])
		}
	}
}
