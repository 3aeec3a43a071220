package index

import (
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"github.com/batpak-go/batpak/runtime/internal/chunk"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index/keys"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Entry is what the index is told of a record. It keeps none of the slices.
type Entry struct {
	Sequence    uint64
	Version     uint64 // of the stream
	Pos         format.Pos
	ID          [16]byte
	Causation   [16]byte // zero: none
	Correlation [16]byte // zero: its own id
	Hash        [32]byte
	Kind        uint16
	Entity      []byte
	Scope       []byte
	Key         []byte
}

// EntryOf is the entry of the record that lies at pos, of whose slices it is a
// view.
func EntryOf(r *format.Record, pos format.Pos) Entry {
	return Entry{
		Sequence: r.Sequence, Version: r.Version, Pos: pos, ID: r.ID, Causation: r.Causation, Correlation: r.Correlation,
		Hash: r.Hash, Kind: r.Kind, Entity: r.Entity, Scope: r.Scope, Key: r.Key,
	}
}

// Ref says where an event's record lies.
type Ref struct {
	Sequence uint64
	HighID   uint64 // the upper half of the event's id
	Pos      format.Pos
}

// Holds reports whether a record that was read from there is the event's. It need
// not be: a record proves which store it is of, not in which place or history.
func (r Ref) Holds(rec *format.Record) bool {
	return rec.Sequence == r.Sequence && (upper(rec.ID) == r.HighID || planted.Bug("event of another history is taken for the one looked for"))
}

// Head is the last event of a stream.
type Head struct {
	Version  uint64 // 0 = no event
	Sequence uint64
	Hash     [32]byte
}

// row is one event. Ordinals count the events from 0.
type row struct {
	id     uint64 // upper half; ids rise strictly in it
	pos    format.Pos
	stream uint32
	scope  uint32
	kind   uint16
}

// stream is one entity.
type stream struct {
	name   string
	base   uint64 // version before that of its first event here
	scope  uint32 // of the event that was added last, as most have the same
	head   Head
	events postings
}

// scope is one scope.
type scope struct {
	name   string
	events postings
}

// kind is one kind.
type kind struct {
	number uint16
	events *postings // nil = there is none here
}

// incarnation says who wrote the events from a sequence on.
type incarnation struct {
	first  uint64
	number uint32
}

// Index is described in the package comment. Use [New].
type Index struct {
	seed  maphash.Seed
	first uint64 // sequence

	mu           sync.RWMutex // guards all below
	rows         chunk.List[row]
	count        uint32
	streams      []stream
	streamOf     map[string]uint32
	names        names // of streams, the newest perhaps missing
	scopes       []scope
	scopeOf      map[string]uint32
	scope        uint32 // that was added to last
	kinds        map[uint16]*postings
	lately       [16]kind // that were added to, by the lower bits of their numbers
	keys         keys.Table
	causes       relations
	stories      relations // by correlation
	incarnations []incarnation
	sequences    gaps             // by ordinal, counted from that of the first event
	versions     map[uint32]*gaps // by stream, counted from its base; of those that have gaps
}

// New returns an empty index for the events from sequence first on.
func New(first uint64) *Index {
	return &Index{
		seed:     maphash.MakeSeed(),
		first:    first,
		streamOf: map[string]uint32{},
		scopeOf:  map[string]uint32{},
		kinds:    map[uint16]*postings{},
	}
}

// Add appends events whose sequences, and versions in their streams, are higher
// than those in the index. Those that are left out in between are known to be
// missing. Readers see all of the events or none.
func (x *Index) Add(entries []Entry) { x.AddAnd(entries, func() {}) }

// AddAnd is [Index.Add], and calls do before any reader can find the events: what
// it changes elsewhere changes at the same moment. It must not use the index.
func (x *Index) AddAnd(entries []Entry, do func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range entries {
		x.addLocked(&entries[i], x.streamLocked(entries[i].Entity))
	}
	do()
}

func (x *Index) addLocked(e *Entry, to uint32) {
	ordinal := x.count
	x.count++
	s := &x.streams[to]
	s.scope = x.scopeLocked(s.scope, e.Scope)
	r := row{id: upper(e.ID), pos: e.Pos, kind: e.Kind, stream: to, scope: s.scope}
	x.rows.Add(r)

	x.sequences.add(ordinal, e.Sequence-x.first+1)
	if s.events.len() == 0 {
		s.base = e.Version - 1
	} else if e.Version != s.head.Version+1 || x.versions[r.stream] != nil {
		x.versionLocked(r.stream, e.Version)
	}
	s.head = Head{Version: e.Version, Sequence: e.Sequence, Hash: e.Hash}
	s.events.add(ordinal)
	x.scopes[r.scope].events.add(ordinal)
	x.kindLocked(e.Kind).add(ordinal)
	if len(e.Key) > 0 && !planted.Bug("keys are not indexed") {
		x.keys.Add(x.fingerprint(e.Key), ordinal)
	}
	if e.Causation != [16]byte{} && !(planted.Bug("cause forgets its later effects") && len(x.effectsLocked(e.Causation)) > 0) {
		x.causes.add(x.hash(e.Causation[:]), ordinal)
	}
	if e.Correlation != [16]byte{} && e.Correlation != e.ID {
		x.stories.add(x.hash(e.Correlation[:]), ordinal)
	}
}

// Stream finds an entity's stream for the adder: the number by which [Index.AddTo] takes
// events of it, and the version of its last event here, 0 if there is none. It takes no
// lock, as nobody else changes what it looks at.
func (x *Index) Stream(entity []byte) (number uint32, version uint64) {
	if i, ok := x.streamOf[string(entity)]; ok {
		return i, x.streams[i].head.Version
	}
	return uint32(len(x.streams)), 0
}

// Bases are the streams, each with its version before its first event here. They are for
// the adder alone.
func (x *Index) Bases() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for i := range x.streams {
			if s := &x.streams[i]; !yield(s.name, s.base) {
				return
			}
		}
	}
}

// AddTo is [Index.Add] of one event, to the stream that was found under this number
// since the last event was added.
func (x *Index) AddTo(number uint32, e *Entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if int(number) == len(x.streams) {
		number = x.streamLocked(e.Entity)
	}
	x.addLocked(e, number)
}

// Expect says that about so many events may be added, so that what grows with them need not
// grow often. It costs no memory before there are events.
func (x *Index) Expect(events int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.keys.Expect(events)
}

// Began records that the events from sequence first on are written in this
// incarnation.
func (x *Index) Began(first uint64, number uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.incarnations); n == 0 || x.incarnations[n-1].number != number {
		x.incarnations = append(x.incarnations, incarnation{first: first, number: number})
	}
}

// Incarnation is the one in which the event was written.
func (x *Index) Incarnation(sequence uint64) uint32 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	i, found := slices.BinarySearchFunc(x.incarnations, sequence, func(in incarnation, s uint64) int {
		return cmp.Compare(in.first, s)
	})
	if !found {
		i--
	}
	if i < 0 {
		return 0
	}
	return x.incarnations[i].number
}

// First is the sequence of the first event that is, or will be, in the index.
func (x *Index) First() uint64 { return x.first }

// Next is the sequence after the last event.
func (x *Index) Next() uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.count == 0 {
		return x.first
	}
	return x.sequenceLocked(x.count-1) + 1
}

// Len is the number of events.
func (x *Index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int(x.count)
}

// Head is the last event of an entity's stream; its Version is 0 if there is
// none.
func (x *Index) Head(entity []byte) Head {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if i, ok := x.streamOf[string(entity)]; ok {
		return x.streams[i].head
	}
	return Head{}
}

// At finds an event by its sequence.
func (x *Index) At(sequence uint64) (Ref, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ordinal, ok := x.findLocked(sequence)
	if !ok {
		return Ref{}, false
	}
	return x.refLocked(ordinal), true
}

// ByID finds the event that may have this id: its upper half is compared, the
// caller compares the rest.
func (x *Index) ByID(id [16]byte) (Ref, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ordinal, ok := x.ordinalLocked(id)
	if !ok {
		return Ref{}, false
	}
	return x.refLocked(ordinal), true
}

// Effects finds the events that may name this id as their causation, in order;
// the caller compares it.
func (x *Index) Effects(cause [16]byte) []Ref {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.effectsLocked(cause)
}

func (x *Index) effectsLocked(cause [16]byte) []Ref {
	found := x.causes.find(x.hash(cause[:]))
	refs := make([]Ref, found.len())
	for i := range refs {
		refs[i] = x.refLocked(found.at(uint64(i)))
	}
	return refs
}

func (x *Index) streamLocked(name []byte) uint32 {
	if i, ok := x.streamOf[string(name)]; ok {
		return i
	}
	i := uint32(len(x.streams))
	s := string(name)
	x.streams = append(x.streams, stream{name: s, scope: x.scope})
	x.streamOf[s] = i
	return i
}

// scopeLocked is the number of a scope, which is likely to be this one.
func (x *Index) scopeLocked(likely uint32, name []byte) uint32 {
	if int(likely) < len(x.scopes) && x.scopes[likely].name == string(name) {
		return likely
	}
	i, ok := x.scopeOf[string(name)]
	if !ok {
		i = uint32(len(x.scopes))
		s := string(name)
		x.scopes = append(x.scopes, scope{name: s})
		x.scopeOf[s] = i
	}
	x.scope = i
	return i
}

func (x *Index) kindLocked(number uint16) *postings {
	k := &x.lately[int(number)%len(x.lately)]
	if k.events != nil && k.number == number {
		return k.events
	}
	events := x.kinds[number]
	if events == nil {
		events = new(postings)
		x.kinds[number] = events
	}
	*k = kind{number, events}
	return events
}

// ordinalLocked finds an id by binary search: ids rise with the sequence.
func (x *Index) ordinalLocked(id [16]byte) (uint32, bool) {
	o := x.atLeastLocked(upper(id))
	return o, o < x.count && x.rowLocked(o).id == upper(id)
}

// atLeastLocked is the first ordinal whose id is, in its upper half, at least id.
func (x *Index) atLeastLocked(id uint64) uint32 {
	lo, hi := uint32(0), x.count
	for lo < hi {
		mid := lo + (hi-lo)/2
		if x.rowLocked(mid).id < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (x *Index) rowLocked(ordinal uint32) *row { return x.rows.At(ordinal) }

func (x *Index) refLocked(ordinal uint32) Ref {
	r := x.rowLocked(ordinal)
	return Ref{Sequence: x.sequenceLocked(ordinal), HighID: r.id, Pos: r.pos}
}

func (x *Index) sequenceLocked(ordinal uint32) uint64 {
	return x.first - 1 + x.sequences.number(ordinal)
}

// findLocked finds the ordinal of a sequence.
func (x *Index) findLocked(sequence uint64) (ordinal uint32, ok bool) {
	n, ok := x.upToLocked(sequence)
	return n - 1, ok
}

// upToLocked counts the events up to a sequence, inclusive, and reports whether
// that one is among them.
func (x *Index) upToLocked(sequence uint64) (n uint32, there bool) {
	if sequence < x.first {
		return 0, false
	}
	return x.sequences.upTo(sequence-x.first+1, x.count)
}

// versionLocked notes that a stream's next event has this version.
func (x *Index) versionLocked(stream uint32, version uint64) {
	if x.versions == nil {
		x.versions = map[uint32]*gaps{}
	}
	if x.versions[stream] == nil {
		x.versions[stream] = new(gaps)
	}
	x.versions[stream].add(x.streams[stream].events.len(), version-x.streams[stream].base)
}

// gapsLocked are those of a stream's versions.
func (x *Index) gapsLocked(stream uint32) gaps {
	if g := x.versions[stream]; g != nil {
		return *g
	}
	return nil
}

func (x *Index) hash(b []byte) uint64 { return maphash.Bytes(x.seed, b) }

func upper(id [16]byte) (v uint64) {
	for _, b := range id[:8] {
		v = v<<8 | uint64(b)
	}
	return v
}

// Before is the version of the last event in an entity's stream up to a sequence,
// inclusive, as far as the index knows: 0 if it has no event of the stream up to
// there.
func (x *Index) Before(entity []byte, sequence uint64) uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	i, ok := x.streamOf[string(entity)]
	if !ok {
		return 0
	}
	ordinal, _ := x.upToLocked(sequence)
	n := x.streams[i].events.before(ordinal)
	if n == 0 {
		return 0
	}
	return x.streams[i].base + x.gapsLocked(i).number(uint32(n-1))
}

// Entity is the name of the stream that the event at sequence belongs to, or ""
// if there is no such event.
func (x *Index) Entity(sequence uint64) string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ordinal, ok := x.findLocked(sequence)
	if !ok {
		return ""
	}
	return x.streams[x.rowLocked(ordinal).stream].name
}
