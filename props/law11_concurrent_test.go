package props_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"

	"github.com/batpak-go/batpak/props"
)

// LAW11: appends of many goroutines take effect one after the other. Of those
// that expect the same version of a stream one succeeds; what was acknowledged
// before a call began is visible in it and comes before what it appends; and
// readers see events without a gap.
func TestLaw11AppendsTakeEffectInOneOrder(t *testing.T) {
	t.Parallel()
	onDisks(t, 40, 4, func(t *testing.T, cases int, fresh func(func(opener) error) error) {
		seed := props.Seed(t)
		for i := range props.Cases(t, cases) {
			err := fresh(func(open opener) error {
				s, err := open(&batpak.Options{SegmentSize: 4096})
				if err != nil {
					return err
				}
				defer s.Close()
				return compete(t.Context(), s, seed+int64(i))
			})
			if err != nil {
				t.Fatalf("run %d: %v", i, err)
			}
		}
	})
}

// rivals is how many goroutines compete for a few streams.
const rivals = 8

// contest is what rivals share.
type contest struct {
	store *batpak.Store
	acked atomic.Uint64 // the highest sequence of a receipt

	mu  sync.Mutex // guards won
	won map[string]map[uint64]uint64
}

// compete lets rivals append with expectations, while a reader reads.
func compete(ctx context.Context, s *batpak.Store, seed int64) error {
	c := contest{store: s, won: map[string]map[uint64]uint64{}}
	errs := make([]error, rivals+1)
	var writers, reader sync.WaitGroup
	done := make(chan struct{})
	for i := range rivals {
		writers.Go(func() { errs[i] = c.rival(ctx, rand.New(rand.NewPCG(uint64(seed), uint64(i)))) })
	}
	reader.Go(func() { errs[rivals] = c.read(done) })
	writers.Wait()
	close(done)
	reader.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return c.settled(ctx)
}

// rival appends to random streams at the version it sees.
func (c *contest) rival(ctx context.Context, r *rand.Rand) error {
	for range 12 {
		entity := entities[r.IntN(2)]
		before := c.acked.Load()
		if _, err := c.store.At(before); before > 0 && err != nil {
			return fmt.Errorf("event %d was acknowledged before, but At = %w", before, err)
		}
		version, err := c.store.Head(entity)
		if err != nil {
			return err
		}
		w := world{store: c.store}
		d := w.wish(op{size: uint8(r.IntN(100))}, 0).Draft
		d.Entity = entity
		receipt, err := c.store.Append(ctx, d, batpak.Expect(version))
		if conflict, ok := errors.AsType[*batpak.ConflictError](err); ok {
			if conflict.Expected != version || conflict.Actual <= version || conflict.Entity != entity {
				return fmt.Errorf("append at version %d of %s = %w, want a conflict with a later version", version, entity, err)
			}
			continue
		}
		if err != nil {
			return err
		}
		if receipt.Version() != version+1 || receipt.Sequence() <= before {
			return fmt.Errorf("append at version %d after event %d gave version %d, event %d", version, before, receipt.Version(), receipt.Sequence())
		}
		if err := c.wins(receipt); err != nil {
			return err
		}
	}
	return nil
}

// wins notes a receipt, whose version nobody else may have.
func (c *contest) wins(r batpak.Receipt) error {
	for {
		acked := c.acked.Load()
		if acked >= r.Sequence() || c.acked.CompareAndSwap(acked, r.Sequence()) {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	entity := r.Coordinate().Entity
	if c.won[entity] == nil {
		c.won[entity] = map[uint64]uint64{}
	}
	if other, taken := c.won[entity][r.Version()]; taken {
		return fmt.Errorf("version %d of %s was given to the events %d and %d", r.Version(), entity, other, r.Sequence())
	}
	c.won[entity][r.Version()] = r.Sequence()
	return nil
}

// read reads all events again and again: they have no gap, and only more follow.
func (c *contest) read(done <-chan struct{}) error {
	var seen []batpak.ID
	for {
		acked, n := c.acked.Load(), 0
		for e, err := range c.store.Events(batpak.Query{}) {
			if err != nil {
				return err
			}
			if n++; e.Sequence != uint64(n) {
				return fmt.Errorf("reader sees event %d in place of event %d", e.Sequence, n)
			}
			if n > len(seen) {
				seen = append(seen, e.ID)
			} else if seen[n-1] != e.ID {
				return fmt.Errorf("reader sees another event %d than before", n)
			}
		}
		if uint64(n) < acked || n < len(seen) {
			return fmt.Errorf("reader sees %d events, saw %d before, and %d were acknowledged", n, len(seen), acked)
		}
		select {
		case <-done:
			return nil
		default:
		}
	}
}

// settled compares the store with what the rivals won.
func (c *contest) settled(ctx context.Context) error {
	total := 0
	for entity, versions := range c.won {
		total += len(versions)
		if head, err := c.store.Head(entity); head != uint64(len(versions)) || err != nil {
			return fmt.Errorf("head of %s = %d, %w, but %d appends succeeded", entity, head, err, len(versions))
		}
		for e, err := range c.store.Events(batpak.Query{Entity: entity}) {
			if err != nil {
				return err
			}
			if versions[e.Version] != e.Sequence {
				return fmt.Errorf("version %d of %s is event %d, its receipt says %d", e.Version, entity, e.Sequence, versions[e.Version])
			}
		}
	}
	v, err := c.store.Verify(ctx)
	if err != nil || len(v.Damages) > 0 || v.Events != uint64(total) {
		return fmt.Errorf("verify = %+v, %v, want %d sound events", v, err, total)
	}
	return nil
}
