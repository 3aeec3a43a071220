package batpak

import (
	"errors"

	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
)

// Pending is what a store was asked for by a goroutine that drives its writer
// itself, with [Store.Step], so that many requests may be under way.
type Pending struct {
	store   *Store
	whole   *appending // nil for a sync
	request *commit.Request
}

// Begin is [Batch.Commit] without the waiting. The batch has an event at least.
func (b *Batch) Begin() (*Pending, error) {
	p := &Pending{store: b.store, whole: b.appending()}
	return p, b.store.encode(p.whole)
}

// BeginSync is [Store.Sync] of a relaxed store without the waiting.
func (s *Store) BeginSync() *Pending {
	return &Pending{store: s, request: &commit.Request{Sync: true}}
}

// Poll goes on with what was begun as far as it goes without a step, and reports
// whether it is over.
func (p *Pending) Poll() (over bool, receipts []Receipt, err error) {
	if p.whole == nil {
		over, err = p.store.pipeline.Join(p.request)
		return over, nil, p.store.failure(err, nil, nil)
	}
	for {
		if p.request == nil {
			done, err := p.store.prepare(p.whole)
			if err != nil {
				return true, nil, err
			}
			if done {
				return true, p.whole.receipts, nil
			}
			p.request = &p.whole.request
		}
		switch over, err = p.store.pipeline.Join(p.request); {
		case !over:
			return false, nil, nil
		case errors.Is(err, commit.ErrLookAgain):
			p.request = nil
		case err != nil:
			return true, nil, p.store.finish(p.whole, err)
		default:
			return true, p.whole.receipts, p.store.finish(p.whole, nil)
		}
	}
}

// Place is what the writer gave the events of the request when it gave them a
// place in a group, or nil if it has not done so.
func (p *Pending) Place() []format.Head {
	if p.request == nil {
		return nil
	}
	return p.request.Heads()
}

// Step takes the writer one stage further and reports whether there was anything
// to do.
func (s *Store) Step() bool { return s.pipeline.Step() }

// ParseExtensions reads the extensions of a record.
func ParseExtensions(src []byte) (*Decision, error) { return parseExtensions(src) }

// AppendExtension appends extensions that are this decision.
func (d *Decision) AppendExtension(dst []byte) []byte { return d.appendExtension(dst) }

// Decided makes the event carry a decision, as a command's would.
func Decided(d *Decision) AppendOption {
	return appendFunc(func(n *draft) { n.decision = d })
}

// Rest is how long a merge rests.
var Rest = rest
