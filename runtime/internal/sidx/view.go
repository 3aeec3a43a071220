package sidx

import (
	"encoding/binary"
	"runtime"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
)

// view reads elements for one question, and remembers the page of each section
// that it read last. The first fault stays; after it elements are zero.
type view struct {
	r     *Run
	held  [sections][]byte // pages without their checksums
	which [sections]uint32
	apart []byte // an element that lies in two pages; not in the view, which so needs no heap
	err   error
}

func (r *Run) view() *view { return &view{r: r} }

// element returns element i of a section, which must have it or be damaged. It is
// valid until the next element of any section.
func (v *view) element(s section, i uint32) []byte {
	t, width := v.r.table[s], s.width()
	if i >= t.count {
		v.fail(v.r.damage(t.start/payload, "leads outside a section"))
	}
	if v.err == nil {
		if b := v.bytes(s, v.offset(s, i), width); v.err == nil {
			return b
		}
	}
	return make([]byte, width)
}

// bytes returns n of the bytes of a section, no more than a page holds.
func (v *view) bytes(s section, off uint32, n int) []byte {
	from := int(off % payload)
	first := v.hold(s, off/payload)
	if v.err != nil {
		return nil
	}
	if from+n <= len(first) {
		return first[from : from+n]
	}
	if v.apart == nil {
		v.apart = make([]byte, 0, streamWidth)
	}
	b := append(v.apart, first[min(from, len(first)):]...)
	rest := v.hold(s, off/payload+1)
	if v.err == nil && len(b)+len(rest) < n {
		v.fail(v.r.damage(off/payload, "ends too early"))
	}
	if v.err != nil {
		return nil
	}
	return append(b, rest[:n-len(b)]...)
}

// hold makes a page the one that is remembered for a section.
func (v *view) hold(s section, number uint32) []byte {
	if v.held[s] == nil || v.which[s] != number {
		p, err := v.r.page(number)
		if err != nil {
			v.fail(err)
			return nil
		}
		v.held[s], v.which[s] = p, number
	}
	return v.held[s]
}

// touch has elements of a section brought near, as far as they are in the cache, and
// notes in whose pages they begin: the processor waits for the memory of many at once,
// and for all the more the less else it has to do, so that is done before. Faults are left
// for who reads them.
func (v *view) touch(s section, elements []uint32, pages []*page) {
	for n, i := range elements {
		pages[n] = v.r.cache.get(v.r.key(v.offset(s, i) / payload))
	}
	near := byte(0)
	for n, i := range elements {
		if p := pages[n]; p != nil {
			near |= p[v.offset(s, i)%payload]
		}
	}
	runtime.KeepAlive(near)
}

// offset is where an element begins in the footer without the checksums of pages.
func (v *view) offset(s section, i uint32) uint32 { return v.r.table[s].start + i*uint32(s.width()) }

// remember makes a page the one that is remembered for a section, as it has element i,
// if there is one.
func (v *view) remember(s section, i uint32, p *page) {
	if p == nil { // asked here, or to slice the page would read it once more, far from the element
		return
	}
	number := v.offset(s, i) / payload
	_, length := v.r.Trailer.page(number)
	v.held[s], v.which[s] = p[:length-crcSize], number
}

func (v *view) fail(err error) {
	if v.err == nil {
		v.err = err
	}
}

func (v *view) row(i uint32) row { return parseRow(v.element(rows, i)) }

func (v *view) ref(i uint32) index.Ref {
	w := v.row(i)
	return v.refOf(&w)
}

func (v *view) refOf(w *row) index.Ref {
	return index.Ref{
		Sequence: v.r.First + uint64(w.sequence),
		HighID:   w.id,
		Pos:      format.Pos{Segment: uint32(v.r.Segment), Offset: w.offset, Length: w.length},
	}
}

func (v *view) pair(s section, i uint32) pair {
	e := v.element(s, i)
	return pair{binary.LittleEndian.Uint64(e), binary.LittleEndian.Uint32(e[8:])}
}

// text returns n of the bytes of names from off on.
func (v *view) text(off uint32, n int) []byte {
	t := v.r.table[names]
	if uint64(off)+uint64(n) > uint64(t.count) {
		v.fail(v.r.damage(t.start/payload, "leads outside the names"))
	}
	if v.err != nil {
		return nil
	}
	off += t.start
	from := int(off % payload)
	if b := v.hold(names, off/payload); v.err != nil || from+n <= len(b) {
		return b[min(from, len(b)):min(from+n, len(b))]
	}
	out := make([]byte, 0, n)
	for v.err == nil && len(out) < n {
		b := v.hold(names, off/payload)
		piece := b[min(from, len(b)):min(from+n-len(out), len(b))]
		out, off, from = append(out, piece...), off+uint32(len(piece)), 0
		if len(piece) == 0 {
			v.fail(v.r.damage(off/payload, "ends too early"))
		}
	}
	return out
}

// search finds the first of the elements lo to hi-1 of a section for which before
// is false, hi if there is none. While more than one page is left it looks at the first
// element that begins in the page in the middle, so that few pages are read.
func (v *view) search(s section, lo, hi uint32, before func(e []byte) bool) uint32 {
	for lo < hi {
		first, last := v.offset(s, lo)/payload, v.offset(s, hi-1)/payload
		if first == last {
			return v.searchPage(s, lo, hi, before)
		}
		middle := first + (last-first+1)/2
		width := uint32(s.width())
		mid := (middle*payload - v.r.table[s].start + width - 1) / width
		if e := v.element(s, mid); v.err == nil && before(e) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// searchPage is search among elements that begin in one page.
func (v *view) searchPage(s section, lo, hi uint32, before func(e []byte) bool) uint32 {
	first, off, width := lo, v.offset(s, lo)%payload, uint32(s.width())
	b := v.hold(s, v.offset(s, lo)/payload)
	for lo < hi && v.err == nil {
		mid := lo + (hi-lo)/2
		from := off + (mid-first)*width
		e := b[min(from, uint32(len(b))):]
		if len(e) < int(width) {
			e = v.element(s, mid)
		}
		if v.err == nil && before(e[:width]) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// count is the number of elements of a section.
func (v *view) count(s section) uint32 { return v.r.table[s].count }
