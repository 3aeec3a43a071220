package props_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/props"
)

// LAW05: a request with keys takes effect once, however often it is repeated and
// whatever happens in between, and gives the same receipts each time. The key is
// looked up before the expectation is checked.
func TestLaw05RetryGivesTheSameReceipt(t *testing.T) {
	t.Parallel()
	histories := histories(appendOne, appendBatch, appendIfNone, syncAll)
	for name, durability := range map[string]batpak.Durability{"synced": batpak.Synced, "relaxed": batpak.Relaxed} {
		t.Run(name, func(t *testing.T) {
			onPlaces(t, 5, 2, func(t *testing.T, cases int, sample func([]image) []image, in place) {
				props.Check(t, cases, histories, func(ops []op) error {
					w, images, err := crash(t.Context(), durability, keyed(ops))
					if err != nil {
						return err
					}
					for _, i := range sample(distinct(images)) {
						err := in(i, func(open opener) error { return w.retryAll(t.Context(), i, open) })
						if err != nil {
							return fmt.Errorf("%s: %w", i.how, err)
						}
					}
					return nil
				})
			})
		})
	}
}

// retryAll repeats all requests on an image, twice. Those that survived must give
// the receipts they gave before the crash, the others are decided anew.
func (w *world) retryAll(ctx context.Context, i image, open opener) error {
	s, m, err := w.prefix(ctx, i, open)
	if err != nil {
		return err
	}
	defer s.Close()
	survived := m.Len()
	for range 2 {
		for _, r := range w.stored {
			receipts, err := m.Submit(ctx, s, &r.request)
			if err != nil {
				return err
			}
			for n, got := range receipts {
				want := r.receipts[n]
				if want.Sequence() <= uint64(survived) && (got.Incarnation() != want.Incarnation() || got.StoreID() != want.StoreID()) {
					return fmt.Errorf("receipt of event %d names incarnation %d of store %v, before the crash %d of %v",
						got.Sequence(), got.Incarnation(), got.StoreID(), want.Incarnation(), want.StoreID())
				}
			}
		}
	}
	return m.Compare(ctx, s)
}

// A wrong expectation does not keep a retry from its receipt, a right one does
// not make another event of it, and other content is refused.
func TestLaw05KeyComesBeforeExpectation(t *testing.T) {
	t.Parallel()
	onDisks(t, 1, 1, func(t *testing.T, _ int, fresh func(func(opener) error) error) {
		err := fresh(func(open opener) error {
			s, err := open(nil)
			if err != nil {
				return err
			}
			defer s.Close()
			w := world{store: s}
			first := w.wish(op{how: howKey}, 0)
			d, key := first.Draft, batpak.Key(first.Key)
			want, err := s.Append(t.Context(), d, key, batpak.ExpectNew())
			if err != nil {
				return err
			}
			for _, version := range []uint64{0, 1, 7} {
				got, err := s.Append(t.Context(), d, key, batpak.Expect(version))
				if err != nil || got.ID() != want.ID() || got.Hash() != want.Hash() || got.Sequence() != 1 {
					return fmt.Errorf("retry that expects version %d = event %d, %w, want event 1", version, got.Sequence(), err)
				}
			}
			d.Payload = []byte("other")
			for _, version := range []uint64{0, 1} {
				if _, err := s.Append(t.Context(), d, key, batpak.Expect(version)); !errors.Is(err, batpak.ErrKeyReused) {
					return fmt.Errorf("other event with the key that expects version %d = %w, want ErrKeyReused", version, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// An append whose outcome its caller did not learn is resolved by repeating it:
// there is one event, and if it was there already, with the id that was named.
func TestLaw05RetryResolvesUnknownOutcome(t *testing.T) {
	t.Parallel()
	histories := histories(appendOne, appendBatch)
	for _, fault := range []batpaktest.Fault{
		{Op: batpaktest.OpSync}, {Op: batpaktest.OpSync, Kept: true}, {Op: batpaktest.OpWrite}, {Op: batpaktest.OpWrite, Kept: true},
	} {
		t.Run(fmt.Sprintf("%s kept %v", fault.Op, fault.Kept), func(t *testing.T) {
			props.Check(t, 40, histories, func(ops []op) error {
				return failAfter(t.Context(), keyed(ops), fault)
			})
		})
	}
}

// failAfter takes the steps of a history, then appends on a disk with a fault,
// repeats that on what a kill leaves, and cuts the power.
func failAfter(ctx context.Context, ops []op, fault batpaktest.Fault) error {
	disk := batpaktest.NewDisk()
	w := world{open: disk.Open}
	if err := w.run(ctx, ops); err != nil {
		return err
	}
	defer func() { w.store.Close() }()
	w.step++
	r := props.Request{Wishes: []props.Wish{w.wish(op{how: howKey}, 0), w.wish(op{who: 1, how: howKey}, 1)}}
	disk.Fail(fault)
	_, failed := r.Batch(w.store).Commit(ctx)
	unknown, _ := errors.AsType[*batpak.OutcomeUnknownError](failed)
	if failed == nil {
		return fmt.Errorf("append on a disk whose %s fails = nil, want an error", fault.Op)
	}
	killed := disk.Kill()
	s, err := killed.Open(nil)
	if err != nil {
		return err
	}
	defer s.Close()
	stored := s.Report().Events > uint64(w.model.Len())
	if stored && unknown == nil {
		return fmt.Errorf("append = %w, but the events are there", failed)
	}
	receipts, err := w.model.Submit(ctx, s, &r) // the model does not have them yet
	if err != nil {
		return fmt.Errorf("retry after %q: %w", failed, err)
	}
	for i := range receipts {
		if stored && receipts[i].ID() != unknown.IDs[i] {
			return fmt.Errorf("retry gave event %v, but event %v was there", receipts[i].ID(), unknown.IDs[i])
		}
	}
	if err := w.model.Compare(ctx, s); err != nil {
		return err
	}
	// What a failed sync left in memory only must be on the disk by now.
	last, err := killed.CutHard().Open(nil)
	if err != nil {
		return fmt.Errorf("power cut after the retry: %w", err)
	}
	defer last.Close()
	if err := w.model.Compare(ctx, last); err != nil {
		return fmt.Errorf("power cut after the retry: %w", err)
	}
	return nil
}

// keyed gives every step an idempotency key.
func keyed(ops []op) []op {
	ops = slices.Clone(ops)
	for i := range ops {
		ops[i].how |= howKey
	}
	return ops
}
