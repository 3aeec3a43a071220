//go:build peers

package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

var pebbleDriver = driver.Driver{
	Name: "pebble",
	Settings: "cockroachdb/pebble v2; durable = pebble.Sync with its own group commit, relaxed = pebble.NoSync; memtable 64 MiB, cache 256 MiB, " +
		"bloom filters of 10 bits a key, Snappy, newest format; a lock around the check for duplicates and ApplyNoSyncWait, SyncWait outside of it",
	Indexed: true,
	Open:    openPebble,
}

type pebbleStore struct {
	db   *pebble.DB
	mode driver.Mode

	mu     sync.Mutex // orders the check for duplicates and what is applied
	seq    uint64
	key    []byte
	record []byte
}

func openPebble(dir string, mode driver.Mode) (driver.Store, error) {
	cache := pebble.NewCache(256 << 20)
	defer cache.Unref()
	options := &pebble.Options{
		Cache: cache, MemTableSize: 64 << 20, FormatMajorVersion: pebble.FormatNewest, Logger: quiet{},
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(filepath.Join(dir, "pebble"), options)
	if err != nil {
		return nil, err
	}
	s := &pebbleStore{db: db, mode: mode}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{'e'}, UpperBound: []byte{'f'}})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if it.Last() {
		s.seq = binary.BigEndian.Uint64(it.Key()[1:])
	}
	if err := it.Close(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *pebbleStore) Append(events []event.Event) error {
	b := s.db.NewBatch()
	defer b.Close()
	if err := s.apply(b, events); err != nil {
		return err
	}
	if s.mode == driver.Durable {
		return b.SyncWait()
	}
	return nil
}

func (s *pebbleStore) apply(b *pebble.Batch, events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq := s.seq
	var place [8]byte
	for i := range events {
		e := &events[i]
		seq++
		binary.BigEndian.PutUint64(place[:], seq)
		s.key = event.AppendStreamKey(s.key[:0], e.Entity, e.Version)
		if err := s.setNew(b, place[:]); err != nil {
			return err
		}
		s.key = event.AppendIDKey(s.key[:0], e.ID)
		if err := s.setNew(b, place[:]); err != nil {
			return err
		}
		s.key = event.AppendKindKey(s.key[:0], e.Kind, seq)
		if err := b.Set(s.key, nil, nil); err != nil {
			return err
		}
		s.key, s.record = event.AppendSeqKey(s.key[:0], seq), event.AppendRecord(s.record[:0], e)
		if err := b.Set(s.key, s.record, nil); err != nil {
			return err
		}
	}
	apply, how := s.db.Apply, pebble.NoSync
	if s.mode == driver.Durable {
		apply, how = s.db.ApplyNoSyncWait, pebble.Sync
	}
	if err := apply(b, how); err != nil {
		return err
	}
	s.seq = seq
	return nil
}

// setNew sets the key that is at hand, which must not be there.
func (s *pebbleStore) setNew(b *pebble.Batch, value []byte) error {
	_, c, err := s.db.Get(s.key)
	if errors.Is(err, pebble.ErrNotFound) {
		return b.Set(s.key, value, nil)
	}
	if err == nil {
		err = errors.Join(errDuplicate, c.Close())
	}
	return err
}

func (s *pebbleStore) Flush() error { return s.db.LogData(nil, pebble.Sync) }

func (s *pebbleStore) Last() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq, nil
}

func (s *pebbleStore) Close() error { return s.db.Close() }

func (s *pebbleStore) Ways() driver.Ways {
	merge := func(ctx context.Context) error { return s.db.Compact(ctx, []byte{0}, []byte{0xff}, true) }
	return driver.Ways{
		ByID: s.byID, BySeq: s.bySeq, Page: s.page, Settle: merge, Compact: merge,
		Stream: func(entity string, visit func(*event.Event)) error {
			return s.page(driver.Filter{Entity: entity}, -1, visit)
		},
		Scan: s.scan,
	}
}

func (s *pebbleStore) byID(id [16]byte, dst []byte) ([]byte, error) {
	var key [17]byte
	place, c, err := s.db.Get(event.AppendIDKey(key[:0], id))
	if err != nil {
		return dst, err
	}
	seq := binary.BigEndian.Uint64(place)
	if err := c.Close(); err != nil {
		return dst, err
	}
	return s.bySeq(seq, dst)
}

func (s *pebbleStore) bySeq(seq uint64, dst []byte) ([]byte, error) {
	err := s.read(seq, func(e *event.Event) { dst = append(dst, e.Payload...) })
	return dst, err
}

func (s *pebbleStore) read(seq uint64, visit func(*event.Event)) error {
	var key [9]byte
	record, c, err := s.db.Get(event.AppendSeqKey(key[:0], seq))
	if err != nil {
		return err
	}
	e := event.Event{Seq: seq}
	if err = event.ParseRecord(record, &e); err == nil {
		visit(&e)
	}
	return errors.Join(err, c.Close())
}

// page finds events by entity or kind, the ways to which end in the place of the
// event, or have it as their value.
func (s *pebbleStore) page(f driver.Filter, limit int, visit func(*event.Event)) error {
	var from, to []byte
	switch {
	case f.Prefix != "" || f.Scope != "":
		return driver.ErrUnsupported
	case f.Entity != "":
		from, to = event.AppendStreamKey(nil, f.Entity, f.AfterVersion+1), event.AppendStreamKey(nil, f.Entity, 1<<63)
	default:
		from, to = event.AppendKindKey(nil, f.Kind, f.After+1), event.AppendKindKey(nil, f.Kind, 1<<63)
	}
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	for ok := it.First(); ok && limit != 0 && err == nil; ok, limit = it.Next(), limit-1 {
		place := it.Value()
		if f.Entity == "" {
			place = it.Key()[len(it.Key())-8:]
		}
		err = s.read(binary.BigEndian.Uint64(place), visit)
	}
	return errors.Join(err, it.Close())
}

func (s *pebbleStore) scan(visit func(*event.Event)) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'e'}, UpperBound: []byte{'f'}})
	if err != nil {
		return err
	}
	var e event.Event
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		e.Seq = binary.BigEndian.Uint64(it.Key()[1:])
		if err = event.ParseRecord(it.Value(), &e); err == nil {
			visit(&e)
		}
	}
	return errors.Join(err, it.Close())
}
