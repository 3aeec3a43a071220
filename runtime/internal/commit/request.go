package commit

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
)

// Item is one event to append, encoded.
type Item struct {
	Tail    format.Encoded
	Digest  [32]byte
	Expects bool
	Version uint64 // expected version of the stream, if Expects
	Cause   [16]byte
	// CauseItem is the index of the item of the same request that causes this
	// one, or [NoItem].
	CauseItem int
}

// NoItem is the CauseItem of an item that no other item causes.
const NoItem = -1

// Request is a set of items that are appended together or not at all. The
// pipeline owns it from [Pipeline.Submit] or [Pipeline.Join] on.
type Request struct {
	Items []Item
	// Conditions are queries that no event may match.
	Conditions []index.Query
	// Known is the last sequence of the index when the caller last looked for the
	// keys of its items.
	Known uint64
	// Sync asks for everything so far to be made durable in relaxed mode. A
	// request without items may have it alone.
	Sync bool

	places []place       // of the items
	heads  []format.Head // results, one an item, if it has a place in a group
	placed bool
	err    error
	group  *group

	// What was looked up outside of the lock: up to which sequence, exclusive, no
	// event matches the conditions, and the heads of streams that memory does not
	// know, which hold for one generation of the index.
	looked     uint64
	cold       map[string]index.Head
	generation uint64

	awaited *group // by [Pipeline.Join]; nil = it was not called yet
}

// place is what the pipeline knows of an item.
type place struct {
	entity, key uint64     // their hashes
	found       index.Head // of the stream when it was checked, without items of the request

	// Of the items of the request that are of the same stream.
	before  int  // how many are before this one
	earlier int  // the last of them, or NoItem
	last    bool // there is none behind it
}

// Renew makes r another request, in the memory of the one it was, which is over.
func (r *Request) Renew(items []Item, conditions []index.Query, known uint64) {
	*r = Request{Items: items, Conditions: conditions, Known: known, places: r.places[:0], heads: r.heads[:0]}
}

// prepare makes places for the items, as far as that can be done without the lock.
func (p *Pipeline) prepare(r *Request) {
	r.places = slices.Grow(r.places[:0], len(r.Items))[:len(r.Items)]
	var streams table
	for i := range r.Items {
		t, w := &r.Items[i].Tail, &r.places[i]
		*w = place{entity: p.hash(t.Entity), key: p.hash(t.Key), earlier: NoItem, last: true}
		if len(r.Items) == 1 {
			break
		}
		same := func(j int) bool { return bytes.Equal(r.Items[j].Tail.Entity, t.Entity) }
		if j, ok := streams.find(w.entity, same); ok {
			w.earlier, w.before = j, r.places[j].before+1
			r.places[j].last = false
		}
		streams.put(w.entity, i, same)
	}
}

func (p *Pipeline) hash(name []byte) uint64 { return maphash.Bytes(p.hashes, name) }

// sendBack makes the request one that was not looked at yet.
func (r *Request) sendBack() { r.group, r.placed, r.err = nil, false, nil }

// Heads are what the writer decided for each item, once [Pipeline.Submit] has
// returned nil. Who drives the pipeline may look at them before: they are nil as
// long as the request has no place in a group.
func (r *Request) Heads() []format.Head {
	if !r.placed {
		return nil
	}
	return r.heads
}

// Conflict says which expectation or condition of a request did not hold.
type Conflict struct {
	Item     int    // -1 for a condition
	Expected uint64 // version
	Actual   uint64
	Found    uint64 // the sequence that matches a condition
}

func (c *Conflict) Error() string { return "conflict" }
