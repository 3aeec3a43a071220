package commit

import (
	"bytes"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// group is what one write and one sync make durable.
type group struct {
	load
	sync bool
	led  bool
	done chan struct{} // closed when every request has its outcome

	// Of the one that drives the group, once it is sealed.
	stage   stage
	end     uint64 // the last sequence written with it
	durable uint64 // the last sequence that is durable with it
}

// stage is how far a group has come.
type stage int

const (
	open stage = iota
	sealed
	written
	synced
	published
)

// landed reports whether every request has its outcome.
func (g *group) landed() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// load is what a group carries. The next group but one uses its memory again.
type load struct {
	buf      []byte // room for the header, then the body
	requests []*Request
	entries  []index.Entry
	heads    table // the last entries of the streams this group moves
	keys     table // the entries with keys
}

// newGroup returns an empty group in the memory of a load that is done with, or
// in new memory for the zero load.
func newGroup(memory load) *group {
	g := &group{load: memory, done: make(chan struct{})}
	clear(g.requests)
	g.requests = g.requests[:0]
	if g.buf == nil {
		g.buf = make([]byte, format.GroupHeaderSize)
	}
	g.reset()
	return g
}

// reset empties the group, keeping its waiters.
func (g *group) reset() {
	g.buf = g.buf[:format.GroupHeaderSize]
	clear(g.entries) // which refer to the names of events
	g.entries = g.entries[:0]
	g.heads.reset()
	g.keys.reset()
	g.sync = false
}

// head is the last event in the group of a stream, whose name has this hash.
func (g *group) head(entity []byte, hash uint64) (h index.Head, ok bool) {
	i, ok := g.heads.find(hash, g.isOf(entity))
	if !ok {
		return h, false
	}
	e := &g.entries[i]
	return index.Head{Version: e.Version, Sequence: e.Sequence, Hash: e.Hash}, true
}

func (g *group) isOf(entity []byte) func(entry int) bool {
	return func(entry int) bool { return bytes.Equal(g.entries[entry].Entity, entity) }
}

// holdsKey reports whether an event of the group has the key, which has this hash.
func (g *group) holdsKey(key []byte, hash uint64) bool {
	_, ok := g.keys.find(hash, g.isKeyOf(key))
	return ok
}

func (g *group) isKeyOf(key []byte) func(entry int) bool {
	return func(entry int) bool { return bytes.Equal(g.entries[entry].Key, key) }
}

// matches reports whether q selects an event of the group. It copies none: where it lies may
// be written down meanwhile.
func (g *group) matches(q *index.Query) bool {
	for i := range g.entries {
		if q.Matches(&g.entries[i]) {
			return true
		}
	}
	return false
}

// checkLocked holds a request's keys, conditions and expectations against the
// published events and the groups under way. Where a published state already
// refuses, the request is ordered before the groups under way and gets the error.
// Where only a state that is not published yet refuses, nothing can be said
// before that group is done: it is returned, to be waited for. Where memory alone
// cannot say, the error is errLook or [ErrLookAgain].
func (p *Pipeline) checkLocked(r *Request) (wait *group, err error) {
	p.memory = p.index.Memory()
	wait, err = p.judgeLocked(r)
	p.memory = catalog.Memory{}
	return wait, err
}

func (p *Pipeline) judgeLocked(r *Request) (wait *group, err error) {
	if wait, err := p.checkRoomLocked(uint64(len(r.Items))); wait != nil || err != nil {
		return wait, err
	}
	for i := range r.Items {
		if wait, err := p.checkKeyLocked(r, i); wait != nil || err != nil {
			return wait, err
		}
	}
	if len(r.Conditions) > 0 && p.memory.First() > r.looked {
		sometimes.Reached("condition had to be looked up outside of the lock")
		return nil, errLook
	}
	for _, q := range r.Conditions {
		if err := p.checkStoryLocked(&q, r.Known+1); err != nil {
			return nil, err
		}
		if found, ok := p.memory.Match(q, r.looked); ok {
			sometimes.Reached("published event refused a condition")
			return nil, &Conflict{Item: -1, Found: found}
		}
		if g := p.underWayLocked(func(g *group) bool { return g.matches(&q) }); g != nil && !planted.Bug("condition does not look at groups under way") {
			return g, nil
		}
	}
	for i := range r.Items {
		if wait, err := p.checkVersionLocked(r, i); wait != nil || err != nil {
			return wait, err
		}
	}
	return nil, nil
}

// checkRoomLocked finds out whether there are sequences and ids for n more events.
func (p *Pipeline) checkRoomLocked(n uint64) (wait *group, err error) {
	switch {
	case !p.clock.Has(n) && !planted.Bug("ids run over"):
		sometimes.Reached("ids were exhausted")
		return nil, ErrExhausted
	case p.next+n-1 <= MaxSequence:
		return nil, nil
	case p.frontier.At(frontier.Written)+n > MaxSequence:
		sometimes.Reached("sequences were exhausted")
		return nil, ErrExhausted
	}
	return p.underWayLocked(func(g *group) bool { return len(g.entries) > 0 }), nil
}

// checkKeyLocked finds out whether an event that the caller has not seen yet may have
// the key of item i.
func (p *Pipeline) checkKeyLocked(r *Request, i int) (wait *group, err error) {
	key := r.Items[i].Tail.Key
	if len(key) == 0 || planted.Bug("writer does not look at keys") {
		return nil, nil
	}
	if from := r.Known + 1; p.memory.First() > from || p.memory.HoldsKey(key, from) {
		sometimes.Reached("key came in while it was looked up")
		return nil, ErrLookAgain
	}
	return p.underWayLocked(func(g *group) bool {
		return g.holdsKey(key, r.places[i].key) && !(g == p.flying && planted.Bug("keys of the flying group are not looked at"))
	}), nil
}

// checkStoryLocked finds out whether an event that the caller has not seen yet, from
// sequence from on, may be the one whose id is the correlation of a condition.
func (p *Pipeline) checkStoryLocked(q *index.Query, from uint64) error {
	if q.Correlation == [16]byte{} || planted.Bug("event that began a story in between is overlooked") {
		return nil
	}
	if p.memory.First() > from || p.memory.HoldsID(q.Correlation, from) {
		sometimes.Reached("event came in whose id may be the correlation of a condition")
		return ErrLookAgain
	}
	return nil
}

// checkVersionLocked finds out whether the stream of item i is known, and where it
// is expected to be.
func (p *Pipeline) checkVersionLocked(r *Request, i int) (wait *group, err error) {
	it, w := &r.Items[i], &r.places[i]
	if known := w.earlier != NoItem; known {
		w.found = r.places[w.earlier].found
	} else if w.found, known = p.headLocked(r, i); !known { // what memory knows may become less before the request joins
		sometimes.Reached("head of a stream had to be looked up outside of the lock")
		return nil, errLook
	}
	before := uint64(w.before)
	if !it.Expects || w.found.Version+before == it.Version {
		return nil, nil
	}
	published, ok := p.publishedLocked(r, it.Tail.Entity)
	if planted.Bug("verdict is given from what is not published") {
		published = w.found
	}
	switch {
	case !ok:
		return nil, errLook
	case published.Version+before != it.Version:
		sometimes.Reached("published version refused an append")
		return nil, &Conflict{Item: i, Expected: it.Version, Actual: published.Version + before}
	}
	return p.underWayLocked(func(g *group) bool {
		_, ok := g.head(it.Tail.Entity, w.entity)
		return ok
	}), nil
}

// underWayLocked returns the first group under way for which holds is true, or
// nil.
func (p *Pipeline) underWayLocked(holds func(*group) bool) *group {
	switch {
	case p.flying != nil && holds(p.flying):
		sometimes.Reached("verdict depended on the flying group")
		return p.flying
	case holds(p.open):
		sometimes.Reached("verdict depended on the open group")
		return p.open
	}
	return nil
}

// joinLocked adds a request that was accepted to the open group. One that joins
// again keeps its ids, which its caller may know: those of the open group rise
// from request to request whichever of them stay.
func (p *Pipeline) joinLocked(r *Request) {
	g := p.open
	g.requests = append(g.requests, r)
	g.sync = g.sync || r.Sync
	r.group = g
	if !r.placed {
		r.placed, r.heads = true, slices.Grow(r.heads[:0], len(r.Items))[:len(r.Items)]
		p.clock.NextN(len(r.Items), func(i int, id [16]byte) { r.heads[i].ID = id })
	}
	for i := range r.Items {
		it, w := &r.Items[i], &r.places[i]
		if it.CauseItem != NoItem {
			it.Cause = r.heads[it.CauseItem].ID
			copy(it.Tail.Bytes[it.Tail.Causation:], it.Cause[:])
		}
		h := format.Head{Sequence: p.next, Version: w.found.Version + uint64(w.before) + 1, ID: r.heads[i].ID}
		prev := w.found.Hash
		if w.earlier != NoItem {
			prev = r.heads[w.earlier].Hash
		}
		h.Hash = p.linker.Link(prev, &h, it.Tail.Kind, it.Tail.Flags, it.Tail.Linked(), it.Digest)
		p.next++

		at := len(g.buf)
		g.buf = format.AppendRecord(g.buf, p.seed, &h, &it.Tail)
		g.entries = append(g.entries, index.Entry{
			Sequence: h.Sequence, Version: h.Version, ID: h.ID, Hash: h.Hash,
			Causation: it.Cause, Correlation: it.Tail.Correlation, Kind: it.Tail.Kind, Entity: it.Tail.Entity, Scope: it.Tail.Scope, Key: it.Tail.Key,
			Pos: format.Pos{Offset: uint32(at), Length: uint32(len(g.buf) - at)}, // from the group's start, until it is placed
		})
		r.heads[i] = h
		if w.last {
			g.heads.put(w.entity, len(g.entries)-1, g.isOf(it.Tail.Entity))
		}
		if len(it.Tail.Key) > 0 {
			g.keys.put(w.key, len(g.entries)-1, g.isKeyOf(it.Tail.Key))
		}
	}
}
