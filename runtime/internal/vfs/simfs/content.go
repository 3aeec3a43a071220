package simfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// history is what each piece of a file may hold after a power cut.
type history struct {
	file     *inode
	versions map[int][][]byte // by piece: what it held after each change of it
	start    int              // how many dirty pieces the files before this one have
	image    *inode           // the file after the cut, once it is made
}

// newHistory replays the pending changes of a file. A version is what a page of
// the cache would have held: all changes so far, and zeros past the end.
func newHistory(file *inode, start int) *history {
	h := &history{file: file, start: start}
	if len(file.pending) == 0 {
		return h
	}
	h.versions = map[int][][]byte{}
	page := slices.Clone(file.durable.data)
	for _, c := range file.pending {
		lo, hi := c.off, c.off+int64(len(c.data))
		if c.data == nil {
			hi = int64(len(page)) // a truncation clears up to the old end
		}
		page = c.apply(page)
		for k := int(lo / piece); int64(k)*piece < hi; k++ {
			version := make([]byte, piece)
			copy(version, page[min(k*piece, len(page)):])
			h.versions[k] = append(h.versions[k], version)
		}
	}
	return h
}

// census is what a power cut may leave of the files that keep their names.
type census struct {
	names     []string   // in order
	files     []*history // of the names
	histories []*history // each once
	dirty     int        // pieces with pending changes, of all files
}

func takeCensus(kept names) *census {
	c := &census{names: kept.sorted()}
	known := make(map[*inode]*history, len(kept))
	for _, name := range c.names {
		file := kept[name]
		h := known[file]
		if h == nil {
			h = newHistory(file, c.dirty)
			c.dirty += len(h.versions)
			known[file], c.histories = h, append(c.histories, h)
		}
		c.files = append(c.files, h)
	}
	return c
}

// cutter makes the content of files after a power cut.
type cutter struct {
	plan
	rand      *rand.Rand
	elsewhere [][]byte // the files of the disk, to copy from
}

// content draws the content of one file.
func (c *cutter) content(h *history) content {
	end := len(h.file.durable.data)
	size := int64(end)
	if n := c.size.count(c.rand, len(h.file.pending)); n > 0 {
		size = h.file.pending[n-1].size
	}
	if size == int64(end) && (len(h.versions) == 0 || c.pieces == none) {
		return h.file.durable.share()
	}
	out := make([]byte, size)
	copy(out, h.file.durable.data)
	if end < len(out) {
		c.fill(out, end)
	}
	for i, k := range slices.Sorted(maps.Keys(h.versions)) {
		versions := h.versions[k]
		if !c.written(h.start+i) || k*piece >= len(out) {
			continue
		}
		at := out[k*piece : min((k+1)*piece, len(out))]
		if c.stale {
			versions = versions[:1+c.rand.IntN(len(versions))]
			if c.rand.IntN(2) == 0 {
				copy(at, versions[0]) // for a tear to mix with
			}
		}
		c.write(at, versions[len(versions)-1])
	}
	return content{data: out}
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
