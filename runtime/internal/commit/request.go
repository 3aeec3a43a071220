package commit

import (
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

	before []uint64       // for each item, how many before it are of its stream
	found  []index.Head   // for each item, the head of its stream when it was checked
	alone  [1]index.Head  // the memory of found if there is one item
	heads  []format.Head  // results, one an item
	single [1]format.Head // the memory of heads if there is one item
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

// prepare makes room for what is found, and counts what the expectations, if there
// are any, need to know.
func (r *Request) prepare() {
	if r.found = r.alone[:]; len(r.Items) != 1 {
		r.found = make([]index.Head, len(r.Items))
	}
	if !slices.ContainsFunc(r.Items, func(it Item) bool { return it.Expects }) {
		return
	}
	r.before = make([]uint64, len(r.Items))
	counts := make(map[string]uint64, len(r.Items))
	for i := range r.Items {
		entity := string(r.Items[i].Tail.Entity)
		r.before[i] = counts[entity]
		counts[entity]++
	}
}

// sendBack makes the request one that was not looked at yet.
func (r *Request) sendBack() { r.group, r.heads, r.err = nil, nil, nil }

// Heads are what the writer decided for each item, once [Pipeline.Submit] has
// returned nil. Who drives the pipeline may look at them before: they are nil as
// long as the request has no place in a group.
func (r *Request) Heads() []format.Head { return r.heads }

// Conflict says which expectation or condition of a request did not hold.
type Conflict struct {
	Item     int    // -1 for a condition
	Expected uint64 // version
	Actual   uint64
	Found    uint64 // the sequence that matches a condition
}

func (c *Conflict) Error() string { return "conflict" }
