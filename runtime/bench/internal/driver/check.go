package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

const (
	checkEvents   = 1200
	checkEntities = 20
	checkPayload  = 64
)

// Check holds a driver to the contract, in the empty directory dir: events that
// were appended durably, one by one and in batches, and then in the relaxed mode,
// are there after the store was opened again, each whole and in its place, by
// each of the ways that the store has. A roof has nothing to check.
func Check(ctx context.Context, d Driver, dir string) error {
	if d.Role == Roof {
		return nil
	}
	c := check{source: event.NewSource(checkEntities, checkPayload)}
	s, err := d.Open(dir, Durable)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err := errors.Join(c.fill(s, 1, checkEvents/12), c.fill(s, 50, checkEvents*5/12), s.Close()); err != nil {
		return fmt.Errorf("durable: %w", err)
	}
	s, err = d.Open(dir, Relaxed)
	if errors.Is(err, ErrUnsupported) {
		s, err = d.Open(dir, Durable)
	}
	if err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	if err := errors.Join(c.fill(s, 1, checkEvents/12), c.fill(s, 50, checkEvents*5/12), s.Flush(), s.Close()); err != nil {
		return fmt.Errorf("relaxed: %w", err)
	}
	s, err = d.Open(dir, Durable)
	if err != nil {
		return fmt.Errorf("open a third time: %w", err)
	}
	err = errors.Join(c.gets(s.Ways()), c.walks(s.Ways()), c.pages(s.Ways()), c.proofs(ctx, s), c.twice(d, s))
	return errors.Join(err, s.Close())
}

// check is the state of one Check: the events up to next are in the store.
type check struct {
	source *event.Source
	next   uint64
}

// fill appends n events in batches of size.
func (c *check) fill(s Store, size, n int) error {
	b := event.NewBatch(size)
	for end := c.next + uint64(n); c.next < end; c.next += uint64(size) {
		if err := s.Append(b.Fill(c.source, c.next)); err != nil {
			return fmt.Errorf("append event %d: %w", c.next, err)
		}
	}
	last, err := s.Last()
	if err == nil && last != c.next {
		err = fmt.Errorf("the last position is %d, want %d", last, c.next)
	}
	return err
}

func (c *check) gets(w Ways) error {
	var e event.Event
	for i := uint64(0); i < c.next; i += 7 {
		want := c.source.Event(i, &e, nil)
		var err error
		same := func(got []byte, failed error) {
			if failed != nil || !bytes.Equal(got, want) {
				err = errors.Join(err, fmt.Errorf("event %d: %q, %v, want %q", i, got, failed, want))
			}
		}
		if w.ByID != nil {
			same(w.ByID(e.ID, nil))
		}
		if w.BySeq != nil {
			same(w.BySeq(i+1, nil))
		}
		if w.ByOwnID != nil {
			id, failed := w.OwnID(i + 1)
			if failed != nil {
				return failed
			}
			same(w.ByOwnID(id, nil))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seen compares an event with the one that its payload says it is.
func (c *check) seen(e *event.Event) error {
	i, err := event.NumberOf(e.Payload)
	if err != nil {
		return err
	}
	var want event.Event
	c.source.Event(i, &want, nil)
	if e.Seq != i+1 || e.ID != want.ID || e.Entity != want.Entity || e.Version != want.Version ||
		e.Scope != want.Scope || e.Kind != want.Kind || !bytes.Equal(e.Payload, want.Payload) {
		return fmt.Errorf("event %+v, want event %d as position %d", *e, i, i+1)
	}
	return nil
}

// collect runs a walk and returns the positions it visited, which must rise.
func (c *check) collect(walk func(visit func(*event.Event)) error) ([]uint64, error) {
	var seqs []uint64
	var bad error
	err := walk(func(e *event.Event) {
		if len(seqs) > 0 && e.Seq <= seqs[len(seqs)-1] {
			bad = errors.Join(bad, fmt.Errorf("position %d after %d", e.Seq, seqs[len(seqs)-1]))
		}
		bad = errors.Join(bad, c.seen(e))
		seqs = append(seqs, e.Seq)
	})
	return seqs, errors.Join(err, bad)
}

func (c *check) walks(w Ways) error {
	if w.Scan != nil {
		if seqs, err := c.collect(w.Scan); err != nil || len(seqs) != int(c.next) {
			return fmt.Errorf("scan: %d events, %v, want %d", len(seqs), err, c.next)
		}
	}
	if w.Stream != nil {
		for k := range checkEntities {
			name := c.source.Entity(k)
			seqs, err := c.collect(func(visit func(*event.Event)) error { return w.Stream(name, visit) })
			if err != nil || len(seqs) != checkEvents/checkEntities || int(seqs[0]) > checkEntities {
				return fmt.Errorf("stream %s: %d events, %v, want %d", name, len(seqs), err, checkEvents/checkEntities)
			}
		}
	}
	return nil
}

// pages compares pages with what a search of all events finds.
func (c *check) pages(w Ways) error {
	if w.Page == nil {
		return nil
	}
	for _, f := range []Filter{
		{Entity: c.source.Entity(3)}, {Prefix: c.source.Prefix(13)}, {Scope: c.source.Scope(5)}, {Kind: event.KindOf(11)},
	} {
		for _, after := range []uint64{0, 1, c.next / 2, c.next - 30, c.next} {
			f.After, f.AfterVersion = after, after/checkEntities
			if f.Entity != "" { // the place is one between two rounds of the entities
				f.After = f.AfterVersion * checkEntities
			}
			var want []uint64
			for i := f.After; i < c.next && len(want) < 25; i++ {
				e := event.Event{Seq: i + 1}
				if c.source.Event(i, &e, nil); f.Matches(&e) {
					want = append(want, e.Seq)
				}
			}
			got, err := c.collect(func(visit func(*event.Event)) error { return w.Page(f, 25, visit) })
			if errors.Is(err, ErrUnsupported) {
				continue
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Errorf("page %+v: %v, %v, want %v", f, got, err, want)
			}
		}
	}
	return nil
}

// proofs checks the chain, what the store does to its files, and the projection,
// which appends events of its own.
func (c *check) proofs(ctx context.Context, s Store) error {
	w := s.Ways()
	if w.Verify != nil {
		if n, err := w.Verify(ctx); err != nil || n != c.next {
			return fmt.Errorf("verify: %d events, %v, want %d", n, err, c.next)
		}
	}
	for _, rewrite := range []func(context.Context) error{w.Settle, w.Compact} {
		if rewrite == nil {
			continue
		}
		if err := errors.Join(rewrite(ctx), c.gets(w), c.walks(w)); err != nil {
			return fmt.Errorf("after settling or compaction: %w", err)
		}
	}
	if w.Account == nil {
		return nil
	}
	a, err := w.Account(ctx, 30)
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	sum, state, err := a.Project(nil)
	if err != nil || sum != 30 {
		return fmt.Errorf("project 30 deposits: %d, %v", sum, err)
	}
	if err := a.Deposit(5); err != nil {
		return fmt.Errorf("deposit: %w", err)
	}
	if sum, _, err = a.Project(state); err != nil || sum != 35 {
		return fmt.Errorf("project 5 more: %d, %v", sum, err)
	}
	return nil
}

// twice appends what the store has already, if it says that it refuses that.
func (c *check) twice(d Driver, s Store) error {
	if !d.Indexed {
		return nil
	}
	again := event.NewBatch(1)
	id := again.Fill(c.source, c.next)
	id[0].ID = c.source.ID(5)
	if s.Append(id) == nil {
		return errors.New("an id was accepted twice")
	}
	version := again.Fill(c.source, c.next)
	version[0].Version = 1
	if s.Append(version) == nil {
		return errors.New("a version of an entity was accepted twice")
	}
	return nil
}
