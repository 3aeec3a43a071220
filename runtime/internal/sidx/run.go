package sidx

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"runtime"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
)

// Run is the index of one sealed segment, or of what one began with. It is safe for
// concurrent use.
//
// Its methods fail with a [*DamageError] where a page is not what was written, and
// with the disk's errors. After damage the footer is of no more use.
type Run struct {
	Trailer
	file  io.ReaderAt
	cache *Cache
	aside *Cache // for the pages that cache does not have; nil = they go into it
}

// Open reads the trailer of the segment at this place, whose file has size bytes.
// A [*DamageError] says that there is no footer that can be trusted.
func Open(file io.ReaderAt, size int64, at Place, cache *Cache) (*Run, error) {
	if size < trailerSize {
		return nil, &DamageError{Segment: at.Segment, Page: trailerNumber, Reason: "there is no trailer"}
	}
	b := make([]byte, trailerSize)
	if err := readFull(file, b, size-trailerSize); err != nil {
		return nil, err
	}
	r := &Run{file: file, cache: cache}
	if err := r.parse(b, at, size); err != nil {
		return nil, err
	}
	return r, nil
}

// readFull fills p. A file that is shorter gives zeros, which no page is.
func readFull(file io.ReaderAt, p []byte, off int64) error {
	n, err := file.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		clear(p[n:])
		return nil
	}
	return err
}

func (r *Run) damage(page uint32, reason string) error {
	return &DamageError{Segment: r.Segment, Page: page, Reason: reason}
}

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
		if b := v.bytes(s, t.start+i*uint32(width), width); v.err == nil {
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

// touch has elements of a section brought near, as far as they are in the cache.
// Faults are left for who reads them.
func (v *view) touch(s section, elements []uint32) {
	near := byte(0)
	for _, i := range elements {
		off := v.r.table[s].start + i*uint32(s.width())
		if p := v.r.cache.get(v.r.key(off / payload)); p != nil {
			near |= p[off%payload]
		}
	}
	runtime.KeepAlive(near)
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
// is false, hi if there is none. While more than about one page is left it looks
// only at one element of each page, so that few pages are read.
func (v *view) search(s section, lo, hi uint32, before func(e []byte) bool) uint32 {
	per := s.perPage()
	for lo < hi {
		mid := lo + (hi-lo)/2
		if lo/per != (hi-1)/per {
			if mid -= mid % per; mid <= lo {
				mid = (lo/per + 1) * per
			}
		}
		if e := v.element(s, mid); v.err == nil && before(e) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// count is the number of elements of a section.
func (v *view) count(s section) uint32 { return v.r.table[s].count }

// bySequence is the first row whose sequence is at least sequence.
func (v *view) bySequence(sequence uint64) uint32 {
	n := v.r.Count()
	switch {
	case sequence <= v.r.First:
		return 0
	case sequence > v.r.Last:
		return n
	case v.r.Last-v.r.First+1 == uint64(n):
		return uint32(sequence - v.r.First)
	}
	want := uint32(sequence - v.r.First)
	return v.fenced(func(e []byte) bool { return binary.LittleEndian.Uint32(e[8:]) < want })
}

// sequenced is the row of a sequence, if there is one.
func (v *view) sequenced(sequence uint64) span {
	if sequence < v.r.First || sequence > v.r.Last {
		return span{}
	}
	i := v.bySequence(sequence)
	if i >= v.r.Count() || v.r.First+uint64(v.row(i).sequence) != sequence {
		return span{}
	}
	return span{i, i + 1}
}

// byID is the first row whose id is, in its upper half, at least id.
func (v *view) byID(id uint64) uint32 {
	return v.fenced(func(e []byte) bool { return binary.LittleEndian.Uint64(e) < id })
}

// fenced finds the first row for which before is false. A fence begins as its row
// does, so before reads both.
func (v *view) fenced(before func(e []byte) bool) uint32 {
	page := v.search(fences, 0, v.count(fences), before)
	if page == 0 {
		return 0
	}
	lo := (page - 1) * rows.perPage()
	return v.search(rows, lo, min(lo+rows.perPage(), v.r.Count()), before)
}

// At finds an event by its sequence.
func (r *Run) At(sequence uint64) (index.Ref, bool, error) {
	if sequence < r.First || sequence > r.Last {
		return index.Ref{}, false, nil
	}
	v := r.view()
	i := v.bySequence(sequence)
	if i >= r.Count() || v.err != nil {
		return index.Ref{}, false, v.err
	}
	ref := v.ref(i)
	return ref, v.err == nil && ref.Sequence == sequence, v.err
}

// ByID finds the event that may have this id: its upper half is compared, the
// caller compares the rest.
func (r *Run) ByID(id [16]byte) (index.Ref, bool, error) {
	want := upper(id)
	if want < upper(r.MinID) || want > upper(r.MaxID) {
		return index.Ref{}, false, nil
	}
	v := r.view()
	i := v.byID(want)
	if i >= r.Count() || v.err != nil || v.row(i).id != want {
		return index.Ref{}, false, v.err
	}
	ref := v.ref(i)
	return ref, v.err == nil, v.err
}

// ByKey appends the events that may have the key with this fingerprint, nearly
// always one or none.
func (r *Run) ByKey(dst []index.Ref, fingerprint uint64) ([]index.Ref, error) {
	return r.paired(dst, keys, fingerprint)
}

// Effects appends the events that may name this id as their causation, in order.
func (r *Run) Effects(dst []index.Ref, cause [16]byte) ([]index.Ref, error) {
	return r.paired(dst, causes, upper(cause))
}

// paired appends the events of a section of pairs that have a value.
func (r *Run) paired(dst []index.Ref, s section, value uint64) ([]index.Ref, error) {
	v := r.view()
	for p := v.valued(s, value); p.from < p.to && v.err == nil; p.from++ {
		if ref := v.ref(v.pair(s, p.from).row); v.err == nil {
			dst = append(dst, ref)
		}
	}
	return dst, v.err
}

// valued is where the pairs of a section that have a value lie.
func (v *view) valued(s section, value uint64) span {
	lo, hi := uint32(0), v.count(s)
	if s != causes {
		lo, hi = v.near(s, value)
	}
	from := v.search(s, lo, hi, func(e []byte) bool { return binary.LittleEndian.Uint64(e) < value })
	return span{from, v.alike(s, from, value)}
}

// near narrows down where the pairs with a fingerprint begin. Fingerprints are spread
// evenly, so they stand where their size says, give or take a page.
func (v *view) near(s section, value uint64) (lo, hi uint32) {
	n := v.count(s)
	before := func(i uint32) bool { return binary.LittleEndian.Uint64(v.element(s, i)) < value }
	at, _ := bits.Mul64(value, uint64(n))
	lo, hi = uint32(at), uint32(at)
	for step := s.perPage(); lo > 0; step *= 2 {
		if lo -= min(lo, step); v.err != nil || before(lo) {
			break
		}
	}
	for step := s.perPage(); hi < n; step *= 2 {
		if hi += min(n-hi, step); v.err != nil || hi < n && !before(hi) {
			break
		}
	}
	return lo, hi
}

// alike is behind the last of the pairs from one on that have the value. There are
// few of them, mostly.
func (v *view) alike(s section, from uint32, value uint64) uint32 {
	has := func(e []byte) bool { return binary.LittleEndian.Uint64(e) == value }
	n, next := v.count(s), from
	for step := uint32(1); next < n && v.err == nil && has(v.element(s, next)); step *= 2 {
		from = next + 1
		next += min(n-next, step)
	}
	return v.search(s, from, next, has)
}

// Incarnation is the opening of the store in which the event was written, 0 if
// the run does not say.
func (r *Run) Incarnation(sequence uint64) (uint32, error) {
	v := r.view()
	i := v.search(incarnations, 0, v.count(incarnations), func(e []byte) bool {
		return binary.LittleEndian.Uint64(e) <= sequence
	})
	if i == 0 || v.err != nil {
		return 0, v.err
	}
	return binary.LittleEndian.Uint32(v.element(incarnations, i-1)[8:]), v.err
}

// span is a range of a section.
type span struct{ from, to uint32 }

// postings is where the postings of element i of a directory lie.
func (v *view) postings(directory, list section, at int, i uint32) span {
	p := span{from: binary.LittleEndian.Uint32(v.element(directory, i)[at:]), to: v.count(list)}
	if i+1 < v.count(directory) {
		p.to = binary.LittleEndian.Uint32(v.element(directory, i+1)[at:])
	}
	if p.from > p.to || p.to > v.count(list) {
		v.fail(v.r.damage(v.r.table[directory].start/payload, "postings that do not follow each other"))
		return span{}
	}
	return p
}

// named finds a name in a directory whose elements begin with where it lies. It
// returns where it stands or would stand.
func (v *view) named(directory section, name string) (i uint32, found bool) {
	n := v.count(directory)
	i = v.search(directory, 0, n, func(e []byte) bool { return string(v.name(e)) < name })
	return i, i < n && v.err == nil && string(v.name(v.element(directory, i))) == name && v.err == nil
}

func (v *view) name(e []byte) []byte {
	return v.text(binary.LittleEndian.Uint32(e), int(binary.LittleEndian.Uint16(e[4:])))
}

// Stream finds what the segment holds of an entity: its last event there, and the
// version of its first one. The version is 0 if there is none.
func (r *Run) Stream(entity string) (first uint64, last index.Head, err error) {
	v := r.view()
	i, found := v.named(streams, entity)
	if !found || v.err != nil {
		return 0, index.Head{}, v.err
	}
	first, last = v.stream(i)
	return first, last, v.err
}

func (v *view) stream(i uint32) (first uint64, last index.Head) {
	e := v.element(streams, i)
	return binary.LittleEndian.Uint64(e[16:]), index.Head{
		Version:  binary.LittleEndian.Uint64(e[24:]),
		Sequence: v.r.First + uint64(binary.LittleEndian.Uint32(e[12:])),
		Hash:     [32]byte(e[32:64]),
	}
}

// Streams calls yield for each entity, in the order of their names, until it
// returns false. The name is valid until yield returns.
func (r *Run) Streams(yield func(name []byte, last index.Head) bool) error {
	v := r.view()
	for i := range v.count(streams) {
		_, last := v.stream(i)
		name := v.name(v.element(streams, i))
		if v.err != nil || !yield(name, last) {
			break
		}
	}
	return v.err
}

// Before is the version that an entity's stream had after the event at sequence,
// 0 if the segment has none of its events up to there.
func (r *Run) Before(entity string, sequence uint64) (uint64, error) {
	v := r.view()
	i, found := v.named(streams, entity)
	if !found || v.err != nil {
		return 0, v.err
	}
	first, _ := v.stream(i)
	p := v.postings(streams, streamPostings, 8, i)
	row := v.bySequence(sequence + 1)
	at := v.search(streamPostings, p.from, p.to, func(e []byte) bool { return binary.LittleEndian.Uint32(e) < row })
	if at == p.from || v.err != nil {
		return 0, v.err
	}
	return first + uint64(at-p.from) - 1, v.err
}

// Entities appends the name of the stream of each event, "" where there is no such
// event, made into a string by name, once for each stream.
func (r *Run) Entities(dst []string, of []index.Ref, name func(b []byte) string) ([]string, error) {
	v := r.view()
	known := map[uint32]string{}
	for _, ref := range of {
		s := ""
		if at := v.sequenced(ref.Sequence); at.from < at.to && v.err == nil {
			stream, ok := v.row(at.from).stream, false
			if s, ok = known[stream]; !ok && v.err == nil {
				s = name(v.name(v.element(streams, stream)))
				known[stream] = s
			}
		}
		if v.err != nil {
			return dst, v.err
		}
		dst = append(dst, s)
	}
	return dst, nil
}

// MayHold reports whether the id lies within those of the run.
func (r *Run) MayHold(id [16]byte) bool {
	return upper(id) >= upper(r.MinID) && upper(id) <= upper(r.MaxID)
}
