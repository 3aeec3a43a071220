//go:build peers

package peer

import (
	"encoding/binary"
	"errors"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

var bolt = driver.Driver{
	Name: "bbolt",
	Settings: "go.etcd.io/bbolt; durable = default, which syncs twice a commit, relaxed = NoSync; free list synced, as a map; " +
		"4 GiB mapped at first; buckets that are appended to are filled to 90 %",
	Indexed: true,
	Open:    openBolt,
}

type boltStore struct{ db *bbolt.DB }

// boltBuckets are the buckets of a transaction.
type boltBuckets struct{ events, ids, streams, kinds *bbolt.Bucket }

func buckets(tx *bbolt.Tx) boltBuckets {
	b := boltBuckets{tx.Bucket([]byte("events")), tx.Bucket([]byte("ids")), tx.Bucket([]byte("streams")), tx.Bucket([]byte("kinds"))}
	b.events.FillPercent, b.ids.FillPercent = 0.9, 0.9
	return b
}

func openBolt(dir string, mode driver.Mode) (driver.Store, error) {
	db, err := bbolt.Open(filepath.Join(dir, "events.bolt"), 0o666, &bbolt.Options{
		FreelistType: bbolt.FreelistMapType, InitialMmapSize: 4 << 30, NoSync: mode == driver.Relaxed,
	})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) (err error) {
		for _, name := range []string{"events", "ids", "streams", "kinds"} {
			_, failed := tx.CreateBucketIfNotExists([]byte(name))
			err = errors.Join(err, failed)
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &boltStore{db}, nil
}

func (s *boltStore) Append(events []event.Event) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := buckets(tx)
		for i := range events { // the transaction keeps what it is given
			e := &events[i]
			stream, id := event.AppendStreamKey(nil, e.Entity, e.Version), event.AppendIDKey(nil, e.ID)
			if b.streams.Get(stream) != nil || b.ids.Get(id) != nil {
				return errDuplicate
			}
			seq, err := b.events.NextSequence()
			if err != nil {
				return err
			}
			place := binary.BigEndian.AppendUint64(nil, seq)
			err = errors.Join(b.events.Put(place, event.AppendRecord(nil, e)), b.ids.Put(id, place),
				b.streams.Put(stream, place), b.kinds.Put(event.AppendKindKey(nil, e.Kind, seq), place))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *boltStore) Flush() error { return s.db.Sync() }

func (s *boltStore) Last() (seq uint64, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		seq = buckets(tx).events.Sequence()
		return nil
	})
	return seq, err
}

func (s *boltStore) Close() error { return s.db.Close() }

func (s *boltStore) Ways() driver.Ways {
	return driver.Ways{
		ByID: func(id [16]byte, dst []byte) (_ []byte, err error) {
			err = s.db.View(func(tx *bbolt.Tx) error {
				b := buckets(tx)
				return b.read(b.ids.Get(event.AppendIDKey(nil, id)), func(e *event.Event) { dst = append(dst, e.Payload...) })
			})
			return dst, err
		},
		BySeq: func(seq uint64, dst []byte) (_ []byte, err error) {
			err = s.db.View(func(tx *bbolt.Tx) error {
				var place [8]byte
				binary.BigEndian.PutUint64(place[:], seq)
				return buckets(tx).read(place[:], func(e *event.Event) { dst = append(dst, e.Payload...) })
			})
			return dst, err
		},
		Stream: func(entity string, visit func(*event.Event)) error {
			return s.page(driver.Filter{Entity: entity}, -1, visit)
		},
		Scan: func(visit func(*event.Event)) error {
			return s.db.View(func(tx *bbolt.Tx) error {
				return buckets(tx).events.ForEach(func(place, record []byte) error { return visitBolt(place, record, visit) })
			})
		},
		Page: s.page,
	}
}

// read reads the event at a place, which is nil if there is none.
func (b boltBuckets) read(place []byte, visit func(*event.Event)) error {
	if place == nil {
		return errNotFound
	}
	return visitBolt(place, b.events.Get(place), visit)
}

func visitBolt(place, record []byte, visit func(*event.Event)) error {
	e := event.Event{Seq: binary.BigEndian.Uint64(place)}
	err := event.ParseRecord(record, &e)
	if err == nil {
		visit(&e)
	}
	return err
}

func (s *boltStore) page(f driver.Filter, limit int, visit func(*event.Event)) error {
	if f.Prefix != "" || f.Scope != "" {
		return driver.ErrUnsupported
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		b := buckets(tx)
		from, in := event.AppendKindKey(nil, f.Kind, f.After+1), b.kinds
		if f.Entity != "" {
			from, in = event.AppendStreamKey(nil, f.Entity, f.AfterVersion+1), b.streams
		}
		own := string(from[:len(from)-8])
		c := in.Cursor()
		for key, place := c.Seek(from); key != nil && string(key[:len(key)-8]) == own && limit != 0; key, place = c.Next() {
			if err := b.read(place, visit); err != nil {
				return err
			}
			limit--
		}
		return nil
	})
}
