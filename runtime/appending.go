package batpak

import (
	"slices"

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
	tails      []byte // of the items, one behind the other
	request    commit.Request
	receipts   []Receipt

	// The memory of drafts and receipts if there is one event.
	draft   [1]draft
	receipt [1]Receipt
}

// largeAppending is the length of the tails in bytes from which on memory is not
// kept for another append.
const largeAppending = 1 << 20

// appending returns memory.
func (s *Store) appending() *appending {
	if a, ok := s.appendings.Get().(*appending); ok {
		return a
	}
	return new(appending)
}

// one is the append of one event.
func (s *Store) one(d draft) *appending {
	a := s.appending()
	a.draft[0] = d
	a.drafts, a.receipts = a.draft[:], a.receipt[:]
	return a
}

// several is the append of the events of a batch. Its receipts are not used again.
func (s *Store) several(drafts []draft, conditions []index.Query) *appending {
	a := s.appending()
	a.drafts, a.conditions, a.receipts = drafts, conditions, make([]Receipt, len(drafts))
	return a
}

// done takes back the memory of an append that the writer is done with.
func (s *Store) done(a *appending) {
	if cap(a.tails) > largeAppending {
		return
	}
	// It keeps nothing of its caller's.
	clear(a.draft[:])
	clear(a.receipt[:])
	a.drafts, a.receipts, a.conditions = nil, nil, nil
	a.request.Renew(nil, nil, 0)
	s.appendings.Put(a)
}

// encode encodes the drafts and digests their payloads.
func (a *appending) encode() {
	a.tails = a.tails[:0]
	a.items = slices.Grow(a.items[:0], len(a.drafts))[:len(a.drafts)]
	for i := range a.drafts {
		a.tails = a.drafts[i].encode(a.tails, &a.items[i])
	}
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
