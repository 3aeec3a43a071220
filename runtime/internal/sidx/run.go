package sidx

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"

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
func (v *view) sequenced(sequence uint64) (i uint32, w row, ok bool) {
	if sequence < v.r.First || sequence > v.r.Last {
		return 0, row{}, false
	}
	if i = v.bySequence(sequence); i < v.r.Count() {
		w = v.row(i)
		ok = v.err == nil && v.r.First+uint64(w.sequence) == sequence
	}
	return i, w, ok
}

// byID is the first row whose id is, in its upper half, at least id. Ids are times: where
// events came evenly, it lies as far behind its fence as its time does.
func (v *view) byID(id uint64) uint32 {
	idOf := func(s section, i uint32) uint64 { return binary.LittleEndian.Uint64(v.element(s, i)) }
	before := func(e []byte) bool { return binary.LittleEndian.Uint64(e) < id }
	page := v.search(fences, 0, v.count(fences), before)
	if page == 0 {
		return 0
	}
	within := v.fencedIn(page)
	first, next := idOf(fences, page-1), upper(v.r.MaxID)
	if page < v.count(fences) {
		next = idOf(fences, page)
	}
	at := within.to
	if first <= id && id < next {
		high, low := bits.Mul64(id-first, uint64(within.to-within.from))
		part, _ := bits.Div64(high, low, next-first)
		if at = within.from + uint32(part); idOf(rows, at) == id {
			return at
		}
	}
	within = v.around(rows, within, at, 1, before)
	return v.search(rows, within.from, within.to, before)
}

// fenced finds the first row for which before is false. A fence begins as its row
// does, so before reads both.
func (v *view) fenced(before func(e []byte) bool) uint32 {
	page := v.search(fences, 0, v.count(fences), before)
	if page == 0 {
		return 0
	}
	within := v.fencedIn(page)
	return v.search(rows, within.from, within.to, before)
}

// fencedIn are the rows between a fence and the one before it.
func (v *view) fencedIn(fence uint32) span {
	from := (fence - 1) * rows.perPage()
	return span{from, min(from+rows.perPage(), v.r.Count())}
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
	if i >= r.Count() || v.err != nil {
		return index.Ref{}, false, v.err
	}
	w := v.row(i)
	return v.refOf(&w), v.err == nil && w.id == want, v.err
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
	at, _ := bits.Mul64(value, uint64(n))
	near := v.around(s, span{0, n}, uint32(at), s.perPage(), func(e []byte) bool { return binary.LittleEndian.Uint64(e) < value })
	return near.from, near.to
}

// around narrows a span of a section down to one where before changes from true to false,
// if it does. It looks from at on, in steps that double.
func (v *view) around(s section, within span, at, step uint32, before func(e []byte) bool) span {
	near := span{at, at}
	for by := step; near.from > within.from; by *= 2 {
		if near.from -= min(near.from-within.from, by); v.err != nil || before(v.element(s, near.from)) {
			break
		}
	}
	for by := step; near.to < within.to; by *= 2 {
		if near.to += min(within.to-near.to, by); v.err != nil || near.to < within.to && !before(v.element(s, near.to)) {
			break
		}
	}
	return near
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

// Known is what a reader keeps of streams, as far as it has asked for them in the run that
// it asked last. It is used by one goroutine at a time; the zero Known is ready.
type Known[S any] struct {
	run     *Run
	streams []*S // nil = not asked for yet
}

// Entities appends what is kept of the stream of each event of a run. The reader says what
// that is by the name of the stream, or by "" where there is no such event.
func (k *Known[S]) Entities(r *Run, dst []*S, of []index.Ref, named func(entity string) *S) ([]*S, error) {
	v := r.view()
	if k.run != r {
		k.run, k.streams = r, make([]*S, v.count(streams))
	}
	for _, ref := range of {
		_, w, ok := v.sequenced(ref.Sequence)
		switch {
		case !ok:
			dst = append(dst, named(""))
		case int(w.stream) < len(k.streams) && k.streams[w.stream] != nil:
			dst = append(dst, k.streams[w.stream])
		default:
			name := v.name(v.element(streams, w.stream))
			if v.err == nil {
				k.streams[w.stream] = named(string(name))
				dst = append(dst, k.streams[w.stream])
			}
		}
		if v.err != nil {
			return dst, v.err
		}
	}
	return dst, nil
}

// MayHold reports whether the id lies within those of the run.
func (r *Run) MayHold(id [16]byte) bool {
	return upper(id) >= upper(r.MinID) && upper(id) <= upper(r.MaxID)
}
