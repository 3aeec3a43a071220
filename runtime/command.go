package batpak

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// MaxAttempts is how often [Decide] proposes before it gives up because other
// writers got in between each time.
const MaxAttempts = 32

// maxDecision is how many bytes the names in a decision may take, which is stored
// with the event and counts towards no other limit.
const maxDecision = 32 << 10

// Permit allows one event of payload T to be appended, to the stream and at the
// version that the gates looked at. It is made by [Propose] alone; the zero
// Permit allows nothing. A permit whose event was appended allows nothing more,
// since its stream has moved.
type Permit[T any] struct {
	reading Reading
	draft   Draft
	record  *Decision
}

// Version is the version of the stream that the gates looked at.
func (p Permit[T]) Version() uint64 { return p.reading.version }

// Verdicts is what the gates said: all of them let the event pass.
func (p Permit[T]) Verdicts() []Verdict {
	if p.record == nil {
		return nil
	}
	return slices.Clone(p.record.Verdicts)
}

// Propose evaluates a command's gates, in order, over context c, which was read
// at reading. If all pass, it returns a permit for d; if one denies, a
// [*DeniedError]. Generated code calls it.
func Propose[T, C any](s *Store, command string, gates []Gate[C], reading Reading, c C, d Draft) (Permit[T], error) {
	if d.Err != nil {
		return Permit[T]{}, d.Err
	}
	if reading.store != s || reading.entity != d.Entity {
		return Permit[T]{}, &ArgumentError{What: "reading", Reason: "is of another store or stream than the proposed event"}
	}
	verdicts, denial := Evaluate(gates, c)
	if denial != nil {
		return Permit[T]{}, &DeniedError{
			Command: command, Gate: verdicts[len(verdicts)-1].Gate, Denial: *denial, Verdicts: verdicts,
		}
	}
	names := len(command)
	for _, v := range verdicts {
		names += len(v.Gate)
	}
	if names > maxDecision {
		return Permit[T]{}, &LimitError{What: "names of command and gates", Size: names, Limit: maxDecision}
	}
	return Permit[T]{
		reading: reading, draft: d,
		record: &Decision{Command: command, Version: reading.version, Verdicts: verdicts},
	}, nil
}

// Commit appends what the permit allows, together with the gates' verdicts. It
// fails with a [*ConflictError] if the stream has moved since the gates looked at
// it, and otherwise as [Store.Append] does. Generated code calls it.
func Commit[T any](ctx context.Context, s *Store, p Permit[T], opts ...AppendOption) (Receipt, error) {
	d, err := p.redeem(s, opts)
	if err != nil {
		return Receipt{}, err
	}
	return s.appendOne(ctx, s.one(d))
}

// AddPermit adds what the permit allows to a batch and returns its index.
// Generated code calls it.
func AddPermit[T any](b *Batch, p Permit[T], opts ...AppendOption) int {
	d, err := p.redeem(b.store, opts)
	d.Err = cmp.Or(err, d.Err)
	b.drafts = append(b.drafts, d)
	return len(b.drafts) - 1
}

// redeem turns a permit into a draft that is guarded by what the gates read.
func (p Permit[T]) redeem(s *Store, opts []AppendOption) (draft, error) {
	if p.record == nil {
		return draft{}, &ArgumentError{What: "permit", Reason: "was not issued by an evaluation of gates"}
	}
	if p.reading.store != s {
		return draft{}, &ArgumentError{What: "permit", Reason: "was issued for another store"}
	}
	d := newDraft(p.draft, opts)
	if d.expect.set && d.expect.version != p.reading.version {
		return draft{}, &ConflictError{Entity: d.Entity, Expected: d.expect.version, Actual: p.reading.version}
	}
	d.expect = expectation{set: true, version: p.reading.version}
	d.decision = p.record
	return d, nil
}

// Bypass appends the event of a command without asking its gates, for repairs by
// hand. The reason, which must say something, is stored with the event and shown by
// its [Decision] and its receipt. Generated code calls it, for commands whose schema
// allows it.
func Bypass(ctx context.Context, s *Store, command, reason string, d Draft, opts ...AppendOption) (Receipt, error) {
	switch {
	case strings.TrimSpace(reason) == "" && !planted.Bug("bypass needs no reason"):
		return Receipt{}, &ArgumentError{What: "reason", Reason: "is empty: say why the gates of command " + command + " are bypassed"}
	case len(command)+len(reason) > maxDecision:
		return Receipt{}, &LimitError{What: "name of command and reason", Size: len(command) + len(reason), Limit: maxDecision}
	}
	one := s.one(newDraft(d, opts))
	if !planted.Bug("bypass is not recorded") {
		one.drafts[0].decision = &Decision{Command: command, Bypassed: strings.ToValidUTF8(reason, "\uFFFD")}
	}
	return s.appendOne(ctx, one)
}

// Decide proposes and commits d, and does both again when another writer moved
// the stream in between, at most [MaxAttempts] times; then it fails with the
// last [*ConflictError]. From the first conflict on, the commands of one stream
// take turns until none is left; one that keeps its turn for ten seconds loses it.
// An idempotency key among opts is looked up first, so that a retry returns the
// receipt of the event it made rather than the gates' opinion of a second one. An
// expectation among opts must hold at the first attempt. Generated code calls it.
func Decide[T any](ctx context.Context, s *Store, d Draft, propose func(context.Context) (Permit[T], error), opts ...AppendOption) (Receipt, error) {
	wish := newDraft(d, opts)
	attempts := MaxAttempts
	if wish.expect.set || !s.turns.Taken(d.Entity) || planted.Bug("command jumps the queue") {
		receipt, err := attempt(ctx, s, &wish, propose, opts)
		if wish.expect.set || !errors.Is(err, ErrConflict) {
			return receipt, err
		}
		attempts--
	}
	giveBack, err := s.turns.Take(ctx, d.Entity)
	if err != nil {
		return Receipt{}, cmp.Or(s.alive(), err)
	}
	defer giveBack()
	s.point("turn")
	sometimes.Reached("command was decided in its turn")
	var receipt Receipt
	for range attempts {
		if receipt, err = attempt(ctx, s, &wish, propose, opts); !errors.Is(err, ErrConflict) {
			break
		}
	}
	return receipt, err
}

// attempt is one round of [Decide].
func attempt[T any](ctx context.Context, s *Store, wish *draft, propose func(context.Context) (Permit[T], error), opts []AppendOption) (Receipt, error) {
	if err := cmp.Or(wish.Err, s.alive()); err != nil {
		return Receipt{}, err
	}
	again := s.one(*wish)
	if done, err := s.replay(again); done || err != nil {
		sometimes.Reached("command was done already")
		return again.receipts[0], s.gone(err)
	}
	permit, err := propose(ctx)
	if errors.Is(err, ErrDenied) && !planted.Bug("denied command is not looked for again") {
		// It may have been done in between, and be what the gates refuse a second of.
		if done, err := s.replay(again); done || err != nil {
			sometimes.Reached("command was done while its gates looked")
			return again.receipts[0], s.gone(err)
		}
	}
	if err != nil {
		return Receipt{}, s.denied(ctx, wish, err)
	}
	return Commit(ctx, s, permit, opts...)
}
