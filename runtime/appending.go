package batpak

import (
	"runtime"
	"slices"
	"sync"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
)

// appending is one way through the writer: what is asked for, what it becomes on
// the way, and what comes of it. Once it is over its memory serves another one,
// unless it failed: then the writer may still hold it.
type appending struct {
	drafts     []draft
	conditions []index.Query
	items      []commit.Item
	tails      [][]byte // of the items, one behind the other, as many as encode them
	request    commit.Request
	receipts   []Receipt

	// The memory of drafts and receipts if there is one event.
	draft   [1]draft
	receipt [1]Receipt

	spare   []draft        // room for those of a batch
	holders map[string]int // of keys in a batch, by item
	key     []byte         // that is looked for
}

// largeAppending is the length of the tails in bytes from which on memory is not
// kept for another append.
const largeAppending = 1 << 20

// appending returns memory.
func (s *Store) appending() *appending {
	if a, ok := s.appendings.Get().(*appending); ok {
		return a
	}
	return &appending{holders: map[string]int{}}
}

// one is the append of one event.
func (s *Store) one(d draft) *appending {
	a := s.appending()
	a.draft[0] = d
	a.drafts, a.receipts = a.draft[:], a.receipt[:]
	return a
}

// done takes back the memory of an append that the writer is done with. It keeps
// nothing of the caller's.
func (s *Store) done(a *appending) {
	for _, tails := range a.tails {
		if cap(tails) > largeAppending {
			return
		}
	}
	clear(a.drafts)
	if len(a.drafts) > 1 {
		a.spare = a.drafts[:0]
	}
	clear(a.receipt[:])
	clear(a.holders)
	a.drafts, a.receipts, a.conditions = nil, nil, nil
	a.request.Renew(nil, nil, 0)
	s.appendings.Put(a)
}

// manyEvents is how many events of a batch a processor takes on at least.
const manyEvents = 128

// processors is how many take on a batch of n events.
func processors(n int) int { return max(1, min(n/manyEvents, runtime.GOMAXPROCS(0))) }

// encode encodes the drafts and digests their payloads, those of a large batch on
// all processors.
func (a *appending) encode() {
	n := len(a.drafts)
	a.items = slices.Grow(a.items[:0], n)[:n]
	parts := processors(n)
	for len(a.tails) < parts {
		a.tails = append(a.tails, nil)
	}
	if parts == 1 {
		a.encodePart(0, 0, n) // which takes no memory
		return
	}
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() { a.encodePart(i, i*n/parts, (i+1)*n/parts) })
	}
	all.Wait()
}

func (a *appending) encodePart(part, from, to int) {
	tails := a.tails[part][:0]
	for i := from; i < to; i++ {
		tails = a.drafts[i].encode(tails, &a.items[i])
	}
	a.tails[part] = tails
}

// encode appends the tail of the draft to tails and makes the item for the writer.
// Where tails have to move, those before stay behind for their items.
func (d *draft) encode(tails []byte, it *commit.Item) []byte {
	var room [128]byte // for names of common lengths, on the stack
	names := append(append(append(room[:0], d.Entity...), d.Scope...), d.key...)
	entity, names := names[:len(d.Entity)], names[len(d.Entity):]
	scope, key := names[:len(d.Scope)], names[len(d.Scope):]
	t := format.Tail{
		Kind: uint16(d.Kind), PayloadVersion: d.PayloadVersion,
		Correlation: d.correlation, Causation: d.causation,
		Entity: entity, Scope: scope, Key: key,
		Payload: d.Payload,
	}
	if d.causeItem > 0 {
		t.Causation = [16]byte{1} // holds the place of an id that the writer makes
	}
	if d.decision != nil {
		t.Extensions = d.decision.appendExtension(nil)
	}
	tails, it.Tail = format.AppendTail(slices.Grow(tails, t.Room()), &t)
	it.Digest = chain.Digest(it.Tail.Bytes[it.Tail.Payload:]) // of the copy: the caller may reuse its slice too early
	it.Cause, it.CauseItem = d.causation, d.causeItem-1
	it.Expects, it.Version = d.expect.set, d.expect.version
	return tails
}
