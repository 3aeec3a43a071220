package ours

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/batpak-go/batpak/examples/bank"
	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// Driver drives package batpak.
var Driver = driver.Driver{
	Name:     "batpak",
	Settings: "this repository; all defaults, relaxed = Options.Durability Relaxed; idempotency key and expected version in every append",
	Role:     driver.Ours,
	Indexed:  true,

	DropSnapshot: dropCheckpoints,
	DropIndex:    dropFooters,
	Open: func(dir string, mode driver.Mode) (driver.Store, error) {
		return open(dir, mode, batpak.Options{})
	},
	OpenSplit: func(dir string) (driver.Store, error) {
		return open(dir, driver.Durable, batpak.Options{SegmentSize: 1 << 20})
	},
	OpenMerging: func(dir string) (driver.Store, error) {
		return open(dir, driver.Durable, batpak.Options{SegmentSize: 1 << 20, Compaction: &batpak.Compaction{}})
	},
}

// Unmapped drives package batpak without mappings of files.
var Unmapped = driver.Driver{
	Name:     "batpak-unmapped",
	Settings: "as batpak, with Options.Unmapped",
	Role:     driver.Ours,
	Indexed:  true,

	DropSnapshot: dropCheckpoints,
	DropIndex:    dropFooters,
	Open: func(dir string, mode driver.Mode) (driver.Store, error) {
		return open(dir, mode, batpak.Options{Unmapped: true})
	},
	OpenSplit: func(dir string) (driver.Store, error) {
		return open(dir, driver.Durable, batpak.Options{SegmentSize: 1 << 20, Unmapped: true})
	},
	OpenMerging: func(dir string) (driver.Store, error) {
		return open(dir, driver.Durable, batpak.Options{SegmentSize: 1 << 20, Unmapped: true, Compaction: &batpak.Compaction{}})
	},
}

func open(dir string, mode driver.Mode, options batpak.Options) (driver.Store, error) {
	if mode == driver.Relaxed {
		options.Durability = batpak.Relaxed
	}
	s, err := batpak.Open(dir, &options)
	if err != nil {
		return nil, err
	}
	return &store{s}, nil
}

type store struct{ s *batpak.Store }

var errRepeated = errors.New("the key is in the store already")

func (s *store) Append(events []event.Event) error {
	if len(events) == 1 {
		before := s.s.Frontier().Written
		d, key, expect := draft(&events[0])
		r, err := s.s.Append(context.Background(), d, key, expect)
		if err == nil && r.Sequence() <= before {
			err = errRepeated // the store gave the receipt of the first append
		}
		return err
	}
	b := s.s.NewBatch()
	for i := range events {
		d, key, expect := draft(&events[i])
		b.Add(d, key, expect)
	}
	_, err := b.Commit(context.Background())
	return err
}

func draft(e *event.Event) (d batpak.Draft, key, expect batpak.AppendOption) {
	d = batpak.Draft{
		Coordinate: batpak.Coordinate{Entity: e.Entity, Scope: e.Scope},
		Kind:       batpak.Kind(e.Kind), PayloadVersion: 1, Payload: e.Payload,
	}
	return d, batpak.Key(string(e.ID[:])), batpak.Expect(e.Version - 1)
}

func (s *store) Flush() error { return s.s.Sync(context.Background()) }

func (s *store) Last() (uint64, error) { return s.s.Frontier().Written, nil }

func (s *store) Close() error { return s.s.Close() }

func (s *store) Ways() driver.Ways {
	return driver.Ways{
		ByID: func(id [16]byte, dst []byte) ([]byte, error) {
			e, err := s.s.ByKey(event.View(id[:]))
			return append(dst, e.Payload...), err
		},
		BySeq: func(seq uint64, dst []byte) ([]byte, error) {
			e, err := s.s.At(seq)
			return append(dst, e.Payload...), err
		},
		OwnID: func(seq uint64) ([16]byte, error) {
			e, err := s.s.At(seq)
			return e.ID, err
		},
		ByOwnID: func(id [16]byte, dst []byte) ([]byte, error) {
			e, err := s.s.Get(id)
			return append(dst, e.Payload...), err
		},
		Stream: func(entity string, visit func(*event.Event)) error {
			return s.walk(batpak.Query{Entity: entity}, -1, visit)
		},
		Scan:    func(visit func(*event.Event)) error { return s.walk(batpak.Query{}, -1, visit) },
		Page:    s.page,
		Verify:  s.verify,
		Compact: s.compact,
		Account: s.account,
	}
}

// walk visits the events that q selects, at most limit if that is not negative.
func (s *store) walk(q batpak.Query, limit int, visit func(*event.Event)) error {
	var seen event.Event
	for e, err := range s.s.Events(q) {
		if err != nil {
			return err
		}
		seen = event.Event{
			Seq: e.Sequence, Entity: e.Entity, Version: e.Version, Scope: e.Scope, Kind: uint16(e.Kind), Payload: e.Payload,
		}
		copy(seen.ID[:], e.Key)
		visit(&seen)
		if limit--; limit == 0 {
			return nil
		}
	}
	return nil
}

func (s *store) page(f driver.Filter, limit int, visit func(*event.Event)) error {
	q := batpak.Query{Entity: f.Entity, Prefix: f.Prefix, Scope: f.Scope, After: f.After}
	if f.Entity == "" && f.Prefix == "" && f.Scope == "" {
		q.Kinds = []batpak.Kind{batpak.Kind(f.Kind)}
	}
	return s.walk(q, limit, visit)
}

// compact merges what there is to merge. If there is nothing it waits a little, as it
// may be called again at once.
func (s *store) compact(ctx context.Context) error {
	r, err := s.s.Compact(ctx)
	switch {
	case errors.Is(err, context.Canceled):
		return nil // it was told to stop
	case err == nil && r.Merges == 0:
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return err
}

func (s *store) verify(ctx context.Context) (uint64, error) {
	r, err := s.s.Verify(ctx)
	if err == nil && len(r.Damages) > 0 {
		err = fmt.Errorf("%d damages, the first is %v", len(r.Damages), r.Damages[0])
	}
	return r.Events, err
}

func (s *store) account(ctx context.Context, deposits int) (driver.Account, error) {
	journal, err := bank.Bind(s.s)
	if err != nil {
		return driver.Account{}, err
	}
	id := bank.AccountID(fmt.Sprint(s.s.Frontier().Written))
	a := driver.Account{
		Deposit: func(n int) error {
			for ; n > 0; n -= 1000 {
				b := s.s.NewBatch()
				for range min(n, 1000) {
					journal.AddMoneyDeposited(b, id, bank.MoneyDeposited{Amount: 1, Source: bank.Source{Kind: "cash", Ref: "0123456789"}})
				}
				if _, err := b.Commit(ctx); err != nil {
					return err
				}
			}
			return s.s.Sync(ctx)
		},
		Project: func(saved []byte) (int64, []byte, error) {
			folded, state, err := journal.BalanceFrom(ctx, id, saved)
			return int64(folded.State.Available), state, err
		},
	}
	return a, a.Deposit(deposits)
}
