package sidx

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/bits"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/batpak-go/batpak/runtime/internal/chunk"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
)

// row is an event, as it stands in a footer.
type row struct {
	id       uint64 // upper half; ids rise strictly in it
	sequence uint32 // less the first one of the segment
	offset   uint32
	length   uint32
	stream   uint32
	scope    uint32
	kind     uint16
}

func (r *row) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, r.id)
	dst = binary.LittleEndian.AppendUint32(dst, r.sequence)
	dst = binary.LittleEndian.AppendUint32(dst, r.offset)
	dst = binary.LittleEndian.AppendUint32(dst, r.length)
	dst = binary.LittleEndian.AppendUint32(dst, r.stream)
	dst = binary.LittleEndian.AppendUint32(dst, r.scope)
	dst = binary.LittleEndian.AppendUint16(dst, r.kind)
	return binary.LittleEndian.AppendUint16(dst, 0)
}

func parseRow(b []byte) row {
	return row{
		id:       binary.LittleEndian.Uint64(b),
		sequence: binary.LittleEndian.Uint32(b[8:]),
		offset:   binary.LittleEndian.Uint32(b[12:]),
		length:   binary.LittleEndian.Uint32(b[16:]),
		stream:   binary.LittleEndian.Uint32(b[20:]),
		scope:    binary.LittleEndian.Uint32(b[24:]),
		kind:     binary.LittleEndian.Uint16(b[28:]),
	}
}

// pair leads from something of an event to its row.
type pair struct {
	value uint64
	row   uint32
}

func comparePairs(a, b pair) int {
	return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.row, b.row))
}

// sortPairs sorts pairs. Fingerprints are spread evenly, so it deals them out by their
// first bits, a few to a hand, and sorts each hand.
func sortPairs(pairs *chunk.List[pair]) []pair {
	shift := 64 - min(16, max(0, bits.Len(uint(pairs.Len()))-2))
	ends := make([]uint32, 1<<(64-shift))
	for _, p := range pairs.All() {
		ends[p.value>>shift]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	sorted := make([]pair, pairs.Len())
	for _, p := range pairs.All() {
		end := &ends[p.value>>shift]
		*end--
		sorted[*end] = *p
	}
	// Now the ends are where the hands begin.
	for i, from := range ends {
		to := uint32(len(sorted))
		if i+1 < len(ends) {
			to = ends[i+1]
		}
		slices.SortFunc(sorted[from:to], comparePairs)
	}
	return sorted
}

// named is a stream or scope while its rows are counted.
type named struct {
	name  string
	rows  uint32
	first uint64 // version, of a stream
	last  index.Head
}

// Builder gathers the records of a segment for its footer. It needs memory for
// about 60 bytes an event until the footer is written, and is used by one
// goroutine.
type Builder struct {
	trailer Trailer
	rows    chunk.List[row]
	streams table
	scopes  table
	kinds   [256]*[256]uint32   // rows of each, by the two bytes of a kind; nil = none that begin so
	pairs   [3]chunk.List[pair] // keys, causes, correlations
	opened  []opening
}

// opening says that the events from a sequence on are of an incarnation.
type opening struct {
	first  uint64
	number uint32
}

// table numbers names in the order in which they come up.
type table struct {
	of   map[string]uint32
	all  []named
	last uint32 // that was numbered
}

func (t *table) number(name []byte) uint32 {
	if i := t.last; int(i) < len(t.all) && t.all[i].name == string(name) {
		t.all[i].rows++
		return i
	}
	i, ok := t.of[string(name)]
	if !ok {
		i = uint32(len(t.all))
		s := string(name)
		t.of[s] = i
		t.all = append(t.all, named{name: s})
	}
	t.all[i].rows++
	t.last = i
	return i
}

// sorted returns the numbers of the names in order, and the place of each number
// in that order.
func (t *table) sorted() (order, place []uint32) {
	order, place = make([]uint32, len(t.all)), make([]uint32, len(t.all))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(t.all[a].name, t.all[b].name) })
	for i, n := range order {
		place[n] = uint32(i)
	}
	return order, place
}

// NewBuilder returns a builder for the footer of the segment at this place.
func NewBuilder(at Place) *Builder {
	return &Builder{
		trailer: Trailer{Place: at, version: Version},
		streams: table{of: map[string]uint32{}},
		scopes:  table{of: map[string]uint32{}},
	}
}

// Began says that the events added from now on are of this incarnation.
func (b *Builder) Began(number uint32, first uint64) {
	if n := len(b.opened); n == 0 || b.opened[n-1].number != number {
		b.opened = append(b.opened, opening{first: first, number: number})
		b.trailer.Newest = number
	}
}

// Add adds the record that lies at offset, which comes after those before in
// sequence and id. It keeps none of the record's slices.
func (b *Builder) Add(r *format.Record, offset uint32) {
	if b.Len() == 0 {
		b.trailer.First, b.trailer.MinID = r.Sequence, r.ID
	}
	b.trailer.Last, b.trailer.MaxID = r.Sequence, r.ID
	at := uint32(b.Len())
	stream := b.streams.number(r.Entity)
	s := &b.streams.all[stream]
	if s.rows == 1 {
		s.first = r.Version
	}
	s.last = index.Head{Version: r.Version, Sequence: r.Sequence, Hash: r.Hash}
	if b.kinds[r.Kind>>8] == nil {
		b.kinds[r.Kind>>8] = new([256]uint32)
	}
	b.kinds[r.Kind>>8][r.Kind&0xff]++
	b.rows.Add(row{
		id: upper(r.ID), sequence: uint32(r.Sequence - b.trailer.First), offset: offset, length: uint32(r.Length),
		stream: stream, scope: b.scopes.number(r.Scope), kind: r.Kind,
	})
	if len(r.Key) > 0 {
		b.pairs[0].Add(pair{Fingerprint(b.trailer.Store, r.Key), at})
	}
	if r.Causation != [16]byte{} {
		b.pairs[1].Add(pair{upper(r.Causation), at})
	}
	if r.Correlation != [16]byte{} && r.Correlation != r.ID {
		b.pairs[2].Add(pair{Fingerprint(b.trailer.Store, r.Correlation[:]), at})
	}
}

// Len is the number of records so far.
func (b *Builder) Len() int { return b.rows.Len() }

// Fingerprint is what the index of a store knows of an idempotency key, or of a
// correlation:
//
//	the first 8 bytes of BLAKE3( "batpak key 1" 0x00, store 16, key )
//
// Part of the disk format; do not change.
func Fingerprint(store [16]byte, key []byte) uint64 {
	return fingerprint("batpak key 1\x00", store, key)
}

// NameFingerprint is what the filter of a run knows of a stream's name:
//
//	the first 8 bytes of BLAKE3( "batpak name 1" 0x00, store 16, name )
//
// Part of the disk format; do not change.
func NameFingerprint[T string | []byte](store [16]byte, name T) uint64 {
	return fingerprint("batpak name 1\x00", store, name)
}

func fingerprint[T string | []byte](domain string, store [16]byte, text T) uint64 {
	var room [128]byte
	b := append(append(append(room[:0], domain...), store[:]...), text...)
	sum := blake3.Sum256(b)
	return binary.LittleEndian.Uint64(sum[:])
}

// Write writes the footer of a segment whose groups end at length and have this
// digest. There must be a record.
func (b *Builder) Write(w io.Writer, length uint64, digest [32]byte) error {
	return b.write(w, b.trailer, length, digest)
}

// WritePrefix is Write for the index of what the segment begins with, up to length. More
// records may be added afterwards.
func (b *Builder) WritePrefix(w io.Writer, length uint64, digest [32]byte) error {
	t := b.trailer
	t.Prefix = length
	return b.write(w, t, length, digest)
}

func (b *Builder) write(w io.Writer, t Trailer, length uint64, digest [32]byte) error {
	t.Length, t.Digest = length, digest
	streamOrder, streamPlace := b.streams.sorted()
	scopeOrder, scopePlace := b.scopes.sorted()
	kindOrder, kindStarts := b.kindsInOrder()

	p := pager{w: w, trailer: &t}
	for _, at := range b.rows.All() {
		r := *at
		r.stream, r.scope = streamPlace[r.stream], scopePlace[r.scope]
		p.add(rows, r.append(p.room()))
	}
	for i := uint32(0); i < uint32(b.Len()); i += rows.perPage() {
		e := binary.LittleEndian.AppendUint64(p.room(), b.rows.At(i).id)
		p.add(fences, binary.LittleEndian.AppendUint32(e, b.rows.At(i).sequence))
	}
	for _, n := range streamOrder {
		p.addAll(names, b.streams.all[n].name)
	}
	for _, n := range scopeOrder {
		p.addAll(names, b.scopes.all[n].name)
	}
	b.writeDirectories(&p, streamOrder, scopeOrder, kindOrder, kindStarts)
	b.writePostings(&p, streamPostings, b.starts(streamOrder, &b.streams), func(r *row) uint32 { return streamPlace[r.stream] })
	b.writePostings(&p, scopePostings, b.starts(scopeOrder, &b.scopes), func(r *row) uint32 { return scopePlace[r.scope] })
	b.writePostings(&p, kindPostings, kindStarts, func(r *row) uint32 {
		i, _ := slices.BinarySearch(kindOrder, r.kind)
		return uint32(i)
	})
	for i := range b.pairs {
		for _, x := range sortPairs(&b.pairs[i]) {
			e := binary.LittleEndian.AppendUint64(p.room(), x.value)
			p.add(keys+section(i), binary.LittleEndian.AppendUint32(e, x.row))
		}
	}
	for _, o := range b.opened {
		e := binary.LittleEndian.AppendUint64(p.room(), o.first)
		p.add(incarnations, binary.LittleEndian.AppendUint32(e, o.number))
	}
	b.writeFilter(&p)
	return p.finish()
}

// kindsInOrder are the kinds that there are, and where the postings of each begin.
func (b *Builder) kindsInOrder() (order []uint16, starts []uint32) {
	next := uint32(0)
	for high, counts := range b.kinds {
		if counts == nil {
			continue
		}
		for low, n := range counts {
			if n > 0 {
				order, starts = append(order, uint16(high<<8|low)), append(starts, next)
				next += n
			}
		}
	}
	return order, starts
}

// writeFilter writes the filter of what is in the other sections.
func (b *Builder) writeFilter(p *pager) {
	p.enter(filter)
	p.trailer.table[filter].count = p.trailer.blocks()
	all := make([]byte, p.trailer.blocks()*blockWidth)
	for _, x := range b.pairs[0].All() {
		addTo(all, x.value)
	}
	for i := range b.streams.all {
		addTo(all, NameFingerprint(b.trailer.Store, b.streams.all[i].name))
	}
	p.write(all)
}

// writeDirectories writes the streams, scopes and kinds, each with where its
// postings begin.
func (b *Builder) writeDirectories(p *pager, streamOrder, scopeOrder []uint32, kindOrder []uint16, kindStarts []uint32) {
	name, posting := uint32(0), uint32(0)
	for _, n := range streamOrder {
		s := &b.streams.all[n]
		e := binary.LittleEndian.AppendUint32(p.room(), name)
		e = binary.LittleEndian.AppendUint16(e, uint16(len(s.name)))
		e = binary.LittleEndian.AppendUint16(e, 0)
		e = binary.LittleEndian.AppendUint32(e, posting)
		e = binary.LittleEndian.AppendUint32(e, uint32(s.last.Sequence-b.trailer.First))
		e = binary.LittleEndian.AppendUint64(e, s.first)
		e = binary.LittleEndian.AppendUint64(e, s.last.Version)
		p.add(streams, append(e, s.last.Hash[:]...))
		name, posting = name+uint32(len(s.name)), posting+s.rows
	}
	posting = 0
	for _, n := range scopeOrder {
		s := &b.scopes.all[n]
		e := binary.LittleEndian.AppendUint32(p.room(), name)
		e = binary.LittleEndian.AppendUint16(e, uint16(len(s.name)))
		e = binary.LittleEndian.AppendUint16(e, 0)
		p.add(scopes, binary.LittleEndian.AppendUint32(e, posting))
		name, posting = name+uint32(len(s.name)), posting+s.rows
	}
	for i, k := range kindOrder {
		e := binary.LittleEndian.AppendUint16(p.room(), k)
		e = binary.LittleEndian.AppendUint16(e, 0)
		p.add(kinds, binary.LittleEndian.AppendUint32(e, kindStarts[i]))
	}
}

// starts says where the postings of each name begin.
func (b *Builder) starts(order []uint32, t *table) []uint32 {
	starts := make([]uint32, len(order))
	next := uint32(0)
	for i, n := range order {
		starts[i] = next
		next += t.all[n].rows
	}
	return starts
}

// writePostings sorts the rows by what of gives for them, and writes them.
func (b *Builder) writePostings(p *pager, s section, next []uint32, of func(*row) uint32) {
	sorted := make([]uint32, b.Len())
	for i, r := range b.rows.All() {
		k := of(r)
		sorted[next[k]] = uint32(i)
		next[k]++
	}
	p.enter(s)
	p.trailer.table[s].count += uint32(len(sorted))
	for _, r := range sorted {
		if len(p.page)+postingWidth < payload {
			p.page, p.size = binary.LittleEndian.AppendUint32(p.page, r), p.size+postingWidth
		} else {
			p.write(binary.LittleEndian.AppendUint32(p.room(), r))
		}
	}
}

// pager writes elements one behind the other, in pages.
type pager struct {
	w       io.Writer
	trailer *Trailer
	section section
	size    int64  // of all elements
	page    []byte // so far
	number  uint32 // of page
	element [streamWidth]byte
	out     []byte
	err     error
}

// room is where an element is made.
func (p *pager) room() []byte { return p.element[:0] }

// add adds an element, whose section is the last one or comes after it.
func (p *pager) add(s section, element []byte) {
	p.enter(s)
	p.trailer.table[s].count++
	p.write(element)
}

// addAll adds bytes, each of which is an element.
func (p *pager) addAll(s section, text string) {
	p.enter(s)
	p.trailer.table[s].count += uint32(len(text))
	p.write([]byte(text))
}

// enter begins the sections up to s.
func (p *pager) enter(s section) {
	for p.section < s {
		p.section++
		p.trailer.table[p.section].start = uint32(p.size)
	}
}

func (p *pager) write(b []byte) {
	p.size += int64(len(b))
	for len(b) > 0 {
		n := min(len(b), payload-len(p.page))
		p.page, b = append(p.page, b[:n]...), b[n:]
		if len(p.page) == payload {
			p.flush()
		}
	}
}

// flush ends the page.
func (p *pager) flush() {
	if len(p.page) == 0 {
		return
	}
	p.page = append(p.page, 0, 0, 0, 0)
	p.trailer.seal(p.page, p.number)
	p.out = append(p.out, p.page...)
	p.page, p.number = p.page[:0], p.number+1
	if len(p.out) >= 64<<10 {
		p.drain()
	}
}

func (p *pager) drain() {
	if p.err == nil {
		_, p.err = p.w.Write(p.out)
	}
	p.out = p.out[:0]
}

// finish ends the last section and writes the trailer.
func (p *pager) finish() error {
	p.enter(sections - 1)
	p.flush()
	if p.size > math.MaxUint32 {
		return errors.New("segment has too many events for a footer")
	}
	p.out = p.trailer.append(p.out)
	p.drain()
	return p.err
}

func upper(id [16]byte) uint64 { return binary.BigEndian.Uint64(id[:]) }
