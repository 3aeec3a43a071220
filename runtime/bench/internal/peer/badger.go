//go:build peers

package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

var badgerDriver = driver.Driver{
	Name: "badger",
	Settings: "dgraph-io/badger v4; durable = SyncWrites, relaxed = without; memtable 64 MiB, block cache 256 MiB, Snappy, " +
		"values in the tree, conflict detection, all of them defaults",
	Indexed: true,
	Open:    openBadger,
}

type badgerStore struct {
	db  *badger.DB
	seq atomic.Uint64
}

func openBadger(dir string, mode driver.Mode) (driver.Store, error) {
	db, err := badger.Open(badger.DefaultOptions(filepath.Join(dir, "badger")).
		WithSyncWrites(mode == driver.Durable).WithLogger(nil).WithMetricsEnabled(false))
	if err != nil {
		return nil, err
	}
	s := &badgerStore{db: db}
	err = db.View(func(tx *badger.Txn) error {
		it := tx.NewIterator(badger.IteratorOptions{Reverse: true, Prefix: []byte{'e'}})
		defer it.Close()
		if it.Seek(event.AppendSeqKey(nil, 1<<63)); it.Valid() {
			s.seq.Store(binary.BigEndian.Uint64(it.Item().Key()[1:]))
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *badgerStore) Append(events []event.Event) error {
	return s.db.Update(func(tx *badger.Txn) error {
		seq := s.seq.Add(uint64(len(events))) - uint64(len(events))
		for i := range events { // the transaction keeps what it is given
			e := &events[i]
			seq++
			place := event.AppendSeqKey(nil, seq)
			for _, key := range [][]byte{event.AppendStreamKey(nil, e.Entity, e.Version), event.AppendIDKey(nil, e.ID)} {
				if _, err := tx.Get(key); err == nil {
					return errDuplicate
				} else if !errors.Is(err, badger.ErrKeyNotFound) {
					return err
				}
				if err := tx.Set(key, place[1:]); err != nil {
					return err
				}
			}
			if err := tx.Set(event.AppendKindKey(nil, e.Kind, seq), nil); err != nil {
				return err
			}
			if err := tx.Set(place, event.AppendRecord(nil, e)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *badgerStore) Flush() error { return s.db.Sync() }

func (s *badgerStore) Last() (uint64, error) { return s.seq.Load(), nil }

func (s *badgerStore) Close() error { return s.db.Close() }

func (s *badgerStore) Ways() driver.Ways {
	merge := func(context.Context) error { return s.db.Flatten(2) }
	return driver.Ways{
		ByID: s.byID, BySeq: s.bySeq, Page: s.page, Settle: merge, Compact: merge,
		Stream: func(entity string, visit func(*event.Event)) error {
			return s.page(driver.Filter{Entity: entity}, -1, visit)
		},
		Scan: s.scan,
	}
}

func (s *badgerStore) byID(id [16]byte, dst []byte) (_ []byte, err error) {
	err = s.db.View(func(tx *badger.Txn) error {
		it, err := tx.Get(event.AppendIDKey(nil, id))
		if err != nil {
			return err
		}
		key := []byte{'e'}
		if key, err = appendValue(it, key); err != nil {
			return err
		}
		return readBadger(tx, key, func(e *event.Event) { dst = append(dst, e.Payload...) })
	})
	return dst, err
}

func (s *badgerStore) bySeq(seq uint64, dst []byte) (_ []byte, err error) {
	err = s.db.View(func(tx *badger.Txn) error {
		return readBadger(tx, event.AppendSeqKey(nil, seq), func(e *event.Event) { dst = append(dst, e.Payload...) })
	})
	return dst, err
}

func appendValue(it *badger.Item, dst []byte) (_ []byte, err error) {
	err = it.Value(func(v []byte) error {
		dst = append(dst, v...)
		return nil
	})
	return dst, err
}

// readBadger reads the event under a key, which ends in its position.
func readBadger(tx *badger.Txn, key []byte, visit func(*event.Event)) error {
	it, err := tx.Get(key)
	if err != nil {
		return err
	}
	return visitBadger(it, visit)
}

func visitBadger(it *badger.Item, visit func(*event.Event)) error {
	return it.Value(func(record []byte) error {
		e := event.Event{Seq: binary.BigEndian.Uint64(it.Key()[1:])}
		err := event.ParseRecord(record, &e)
		if err == nil {
			visit(&e)
		}
		return err
	})
}

// page finds events by entity or kind, the ways to which end in the place of the
// event, or have it as their value.
func (s *badgerStore) page(f driver.Filter, limit int, visit func(*event.Event)) error {
	var from []byte
	switch {
	case f.Prefix != "" || f.Scope != "":
		return driver.ErrUnsupported
	case f.Entity != "":
		from = event.AppendStreamKey(nil, f.Entity, f.AfterVersion+1)
	default:
		from = event.AppendKindKey(nil, f.Kind, f.After+1)
	}
	return s.db.View(func(tx *badger.Txn) error {
		options := badger.IteratorOptions{Prefix: from[:len(from)-8], PrefetchValues: f.Entity != "", PrefetchSize: 100}
		it := tx.NewIterator(options)
		defer it.Close()
		key := []byte{'e'}
		for it.Seek(from); it.Valid() && limit != 0; it.Next() {
			name := it.Item().Key()
			key = append(key[:1], name[len(name)-8:]...)
			if f.Entity != "" {
				var err error
				if key, err = appendValue(it.Item(), key[:1]); err != nil {
					return err
				}
			}
			if err := readBadger(tx, key, visit); err != nil {
				return err
			}
			limit--
		}
		return nil
	})
}

func (s *badgerStore) scan(visit func(*event.Event)) error {
	return s.db.View(func(tx *badger.Txn) error {
		it := tx.NewIterator(badger.IteratorOptions{Prefix: []byte{'e'}, PrefetchValues: true, PrefetchSize: 100})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := visitBadger(it.Item(), visit); err != nil {
				return err
			}
		}
		return nil
	})
}
