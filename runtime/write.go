package batpak

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Append stores one event and returns its receipt once it is durable (see
// [Durability]). Appends from many goroutines share their syncs.
//
// Errors match [ErrInvalid] or [ErrTooLarge] for a draft that can never be
// stored, [ErrConflict] and [ErrKeyReused] for the options' wishes,
// [ErrDiskFull], [ErrPoisoned] and [ErrClosed]. In all these cases nothing was
// stored. If ctx ends, or the disk fails, when the event may have been stored,
// the error is an [*OutcomeUnknownError]; cancelling ends the waiting, not the
// write.
func (s *Store) Append(ctx context.Context, d Draft, opts ...AppendOption) (Receipt, error) {
	one := s.one(draft{Draft: d})
	one.drafts[0].wish(opts)
	return s.appendOne(ctx, one)
}

func (s *Store) appendOne(ctx context.Context, one *appending) (Receipt, error) {
	if err := s.append(ctx, one); err != nil {
		if planted.Bug("memory of an append that failed is used again") {
			s.done(one)
		}
		return Receipt{}, err
	}
	r := one.receipts[0]
	s.done(one)
	return r, nil
}

func newDraft(d Draft, opts []AppendOption) draft {
	n := draft{Draft: d}
	n.wish(opts)
	return n
}

func (d *draft) wish(opts []AppendOption) {
	for _, o := range opts {
		if o != nil {
			o.applyAppend(d)
		}
	}
}

// Batch is a set of events, of any streams, that are stored together or not at
// all: after a crash and for every reader. It is made by [Store.NewBatch], is
// not safe for concurrent use, and is committed once.
type Batch struct {
	store      *Store
	memory     *appending // nil once it is committed
	drafts     []draft
	committed  int
	conditions []index.Query
	err        error
}

// NewBatch returns an empty batch.
func (s *Store) NewBatch() *Batch {
	a := s.appending()
	return &Batch{store: s, memory: a, drafts: a.spare}
}

// Add adds an event and returns its index, for [CausedByItem] and for its
// receipt. What is wrong with the event is told by [Batch.Commit].
func (b *Batch) Add(d Draft, opts ...AppendOption) int {
	b.drafts = append(b.drafts, draft{Draft: d})
	b.drafts[len(b.drafts)-1].wish(opts)
	return len(b.drafts) - 1
}

// ExpectNone makes the commit fail with a [*ConflictError] if an event matches q,
// which includes that it comes after q.After. Events that are being committed by
// others count as soon as they are durable, those that a compaction dropped do not.
func (b *Batch) ExpectNone(q Query) {
	q.Backward, q.Categories = false, slices.Clone(q.Categories) // a conflict names the first event; the slice is the caller's
	b.conditions = append(b.conditions, q.index())
	b.conditions[len(b.conditions)-1].Scoped = true
}

// Len is the number of events.
func (b *Batch) Len() int { return b.committed + len(b.drafts) }

// Commit stores the batch and returns a receipt for each event, in the order
// they were added. The errors are those of [Store.Append].
//
// A batch with an idempotency key on one or more of its events is retried as a
// whole: if the store has the events, in the same order, their receipts are
// returned.
func (b *Batch) Commit(ctx context.Context) ([]Receipt, error) {
	switch {
	case b.err != nil:
		return nil, b.err
	case len(b.drafts) == 0:
		return nil, &ArgumentError{What: "batch", Reason: "has no events"}
	case len(b.drafts) > MaxBatchEvents:
		return nil, &LimitError{What: "number of events in a batch", Size: len(b.drafts), Limit: MaxBatchEvents}
	}
	a := b.appending()
	if err := b.store.append(ctx, a); err != nil {
		return nil, err
	}
	receipts := a.receipts
	b.drafts, b.committed = nil, len(receipts)
	b.store.done(a)
	return receipts, nil
}

// appending is the way of the batch through the writer, which it goes once.
func (b *Batch) appending() *appending {
	b.err = &ArgumentError{What: "batch", Reason: "was committed before; make a new one"}
	a := b.memory
	a.drafts, a.conditions, a.receipts, b.memory = b.drafts, b.conditions, make([]Receipt, len(b.drafts)), nil
	return a
}

// Sync makes every event appended so far durable. In a Synced store they are.
func (s *Store) Sync(ctx context.Context) error {
	if s.pipeline == nil {
		return s.unwritable()
	}
	if err := s.alive(); err != nil || s.options.Durability == Synced {
		return err
	}
	return s.failure(s.pipeline.Submit(ctx, &commit.Request{Sync: true}), nil, nil)
}

// unwritable says why nothing is written to a store without a writer.
func (s *Store) unwritable() error { return cmp.Or(s.alive(), ErrReadOnly) }

// append is the one way into the log.
func (s *Store) append(ctx context.Context, a *appending) error {
	if s.pipeline == nil {
		return s.unwritable()
	}
	if err := s.encode(a); err != nil {
		return err
	}
	for {
		if done, err := s.prepare(a); done || err != nil {
			return err
		}
		err := s.pipeline.Submit(ctx, &a.request)
		if !errors.Is(err, commit.ErrLookAgain) {
			return s.finish(a, err)
		}
		sometimes.Reached("keys were looked up again")
	}
}

// prepare makes the request for the writer, unless the store has the events
// already and their receipts are filled in.
func (s *Store) prepare(a *appending) (done bool, err error) {
	if err := s.alive(); err != nil {
		return false, err
	}
	known := s.index.Next() - 1
	if done, err := s.replay(a); (done || err != nil) && !planted.Bug("keys are not looked up") {
		return done, s.gone(err)
	}
	if planted.Bug("length of the log is read after the keys are looked up") {
		s.point("keys are looked up")
		known = s.index.Next() - 1
	}
	for i := range a.conditions {
		if err := s.root(&a.conditions[i], math.MaxUint64); err != nil {
			return false, s.gone(err)
		}
	}
	a.request.Renew(a.items, a.conditions, known)
	return false, nil
}

// gone makes of damage to an event that was not durable yet, when a sync has
// failed, what it is: the disk has taken the bytes back.
func (s *Store) gone(err error) error {
	d, ok := errors.AsType[*CorruptError](err)
	if ok && s.pipeline != nil && d.FirstSequence > s.frontier.At(frontier.Durable) {
		if poison := s.pipeline.Err(); poison != nil {
			sometimes.Reached("failed sync took back what was written")
			return s.failure(poison, nil, nil)
		}
	}
	return err
}

// finish says what became of the request.
func (s *Store) finish(a *appending, err error) error {
	if err != nil {
		return s.failure(err, a.drafts, a.items)
	}
	s.fill(a)
	return nil
}

// encode checks the drafts and encodes them for the writer.
func (s *Store) encode(a *appending) error {
	for i := range a.drafts {
		if err := s.check(&a.drafts[i], i); err != nil {
			if len(a.drafts) > 1 {
				return fmt.Errorf("batch item %d: %w", i, err)
			}
			return err
		}
	}
	if err := s.checkBatch(a); err != nil {
		return err
	}
	a.encode()
	return nil
}

// checkBatch reports what makes drafts unacceptable together, each of which is
// acceptable by itself.
func (s *Store) checkBatch(a *appending) error {
	if len(a.drafts) == 1 {
		return nil
	}
	total := 0
	for i := range a.drafts {
		d := &a.drafts[i]
		if total += len(d.Entity) + len(d.Scope) + len(d.key) + len(d.Payload); total > s.options.MaxBatch {
			return &LimitError{What: "batch", Size: total, Limit: s.options.MaxBatch}
		}
		if !d.keyed {
			continue
		}
		if holder, ok := a.holders[d.key]; ok {
			return &ArgumentError{What: "idempotency key", Reason: fmt.Sprintf("is the same for items %d and %d of the batch", holder, i)}
		}
		a.holders[d.key] = i
	}
	return nil
}

// check reports what makes d unacceptable as item i of its batch.
func (s *Store) check(d *draft, i int) error {
	if d.Err != nil {
		return d.Err
	}
	if err := d.Validate(); err != nil {
		return err
	}
	switch {
	case d.Kind.Reserved() && !d.system:
		return &ArgumentError{What: fmt.Sprintf("kind %v", d.Kind), Reason: "categories 0x0 and 0xd are reserved for the store"}
	case d.PayloadVersion == 0:
		return &ArgumentError{What: "payload version", Reason: "is 0; versions start at 1"}
	case len(d.Payload) > s.options.MaxPayload:
		return &LimitError{What: "payload", Size: len(d.Payload), Limit: s.options.MaxPayload}
	case d.keyed && d.key == "":
		return &ArgumentError{What: "idempotency key", Reason: "is empty"}
	case len(d.key) > MaxName:
		return &LimitError{What: "idempotency key", Size: len(d.key), Limit: MaxName}
	case !utf8.ValidString(d.key):
		return &ArgumentError{What: "idempotency key", Reason: "is not valid UTF-8"}
	case d.causeItem > i || d.causeItem < 0:
		return &ArgumentError{What: "causing item", Reason: "is not an earlier item of the batch"}
	}
	return nil
}

// replay looks for the events of drafts by their idempotency keys. If the store
// has them all it fills in their receipts and returns true; it fails with a
// [*KeyReusedError] if a key belongs to something else.
func (s *Store) replay(a *appending) (done bool, err error) {
	for i := s.firstKey(a.drafts); i < len(a.drafts); i++ {
		key := a.drafts[i].key
		if !a.drafts[i].keyed {
			continue
		}
		a.key = append(a.key[:0], key...)
		var e Event
		err := s.byKey(&e, a.key, math.MaxUint64)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if e.Sequence <= uint64(i) {
			sometimes.Reached("key belonged to the middle of another batch")
			return false, &KeyReusedError{Key: key, Sequence: e.Sequence, Differs: "batch"}
		}
		return true, s.replayed(a, key, e.Sequence-uint64(i))
	}
	return false, nil
}

// firstKey is a draft before which no key is known. The keys of a large batch are looked
// for on all processors, but on a replaced directory, which sees its calls in one order.
func (s *Store) firstKey(drafts []draft) int {
	n, parts := len(drafts), processors(len(drafts))
	if parts == 1 || rtopts.FS(&s.options.Internal) != nil {
		return 0
	}
	first := make([]int, parts)
	var all sync.WaitGroup
	for part := range parts {
		all.Go(func() { first[part] = s.firstKeyIn(drafts, part*n/parts, (part+1)*n/parts) })
	}
	all.Wait()
	if planted.Bug("only the first keys of a large batch are looked up") {
		return first[0]
	}
	return slices.Min(first)
}

// firstKeyIn is the first of some drafts whose key may be known, or cannot be looked for.
// If there is none it is how many drafts there are.
func (s *Store) firstKeyIn(drafts []draft, from, to int) int {
	for from < to && !drafts[from].keyed {
		from++ // most often all of a batch have keys, or none
	}
	first, err := s.index.FirstKey(to-from, func(i int) string { return drafts[from+i].key })
	if from+first == to && err == nil {
		return len(drafts)
	}
	sometimes.Reached("key of a large batch was known")
	return from + first
}

// replayed compares drafts with the events from sequence first on.
func (s *Store) replayed(a *appending, key string, first uint64) error {
	c := s.segments.Cursor()
	for i := range a.drafts {
		sequence := first + uint64(i)
		ref, ok, err := s.index.At(sequence)
		if err != nil {
			return s.outward(err, sequence)
		}
		if !ok {
			sometimes.Reached("batch that is retried ends behind the log")
			return &KeyReusedError{Key: key, Sequence: first, Differs: "batch"}
		}
		r, ref, err := s.record(c, ref)
		if err != nil {
			return err
		}
		var e Event
		if err := s.event(&e, r, ref, r.Payload, nil); err != nil {
			return err
		}
		if field := a.drafts[i].differs(&e, r); field != "" {
			return &KeyReusedError{Key: key, Sequence: sequence, Differs: field}
		}
		if e.Fate == DropEvent {
			e.Scope = a.drafts[i].Scope // it was dropped as well, and is a part of the receipt
		}
		sometimes.Reached("retry got the receipt of a stored event")
		if a.receipts[i], err = s.receipt(&e.Meta); err != nil {
			return err
		}
	}
	return nil
}

// differs names the first field in which a stored event is not what d asks for. Of a
// tombstone the payload is compared by its digest, of an event that was dropped what
// there is.
func (d *draft) differs(e *Event, r *format.Record) string {
	payload, known := [32]byte{}, false
	if r.Tombstone {
		payload, known = chain.PayloadDigest(r)
	}
	switch {
	case d.Entity != e.Entity:
		return "entity"
	case d.Kind != e.Kind:
		return "kind"
	case d.PayloadVersion != e.PayloadVersion:
		return "payload version"
	case r.Dropped():
		return ""
	case d.Scope != e.Scope:
		return "scope"
	case d.key != e.Key:
		return "key"
	case known && chain.Digest(d.Payload) == payload || !r.Tombstone && bytes.Equal(d.Payload, e.Payload):
	case !planted.Bug("key is reused for another payload"):
		return "payload"
	}
	return ""
}

// fill fills in the receipts of what was committed.
func (s *Store) fill(a *appending) {
	durable := s.frontier.At(frontier.Durable)
	heads := a.request.Heads()
	for i := range heads {
		h, r := &heads[i], &a.receipts[i]
		r.store, r.incarnation, r.sequence, r.coordinate = s.id, uint64(s.incarnation), h.Sequence, a.drafts[i].Coordinate
		r.version, r.id, r.hash, r.durable, r.decision = h.Version, h.ID, h.Hash, h.Sequence <= durable, a.drafts[i].decision
		if r.durable {
			s.promise(r.sequence)
		}
	}
}

// receipt makes the receipt of a stored event again.
func (s *Store) receipt(m *Meta) (Receipt, error) {
	incarnation, err := s.index.Incarnation(m.Sequence)
	if err != nil {
		return Receipt{}, s.outward(err, m.Sequence)
	}
	r := Receipt{
		store: s.id, incarnation: uint64(incarnation), sequence: m.Sequence, coordinate: m.Coordinate,
		version: m.Version, id: m.ID, hash: m.Hash, durable: m.Sequence <= s.frontier.At(frontier.Durable), decision: m.Decision,
	}
	if r.durable {
		s.promise(r.sequence)
	}
	return r, nil
}

// failure turns an error of the pipeline into one of this package.
func (s *Store) failure(err error, drafts []draft, items []commit.Item) error {
	if err == nil {
		return nil
	}
	if c, ok := errors.AsType[*commit.Conflict](err); ok {
		if c.Item < 0 {
			return &ConflictError{Found: c.Found}
		}
		return &ConflictError{Entity: string(items[c.Item].Tail.Entity), Expected: c.Expected, Actual: c.Actual}
	}
	if u, ok := errors.AsType[*commit.UnknownError](err); ok {
		out := &OutcomeUnknownError{Cause: s.failure(u.Cause, nil, nil)}
		for _, h := range u.Heads {
			out.IDs = append(out.IDs, h.ID)
		}
		for i := range drafts {
			if out.Key == "" {
				out.Key = drafts[i].key
			}
		}
		return out
	}
	if p, ok := errors.AsType[*commit.PoisonedError](err); ok {
		return &PoisonedError{Cause: p.Cause}
	}
	if errors.Is(err, commit.ErrClosed) {
		return ErrClosed
	}
	if errors.Is(err, commit.ErrExhausted) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	if w, ok := errors.AsType[*segment.WriteError](err); ok {
		if w.Full {
			return fmt.Errorf("%w: %w", ErrDiskFull, err)
		}
		return fmt.Errorf("batpak: nothing was stored: %w", err)
	}
	if _, ok := errors.AsType[*segment.DamageError](err); ok {
		return fmt.Errorf("batpak: nothing was stored: %w", s.outward(err, 0))
	}
	return s.outward(err, 0)
}
