//go:build peers

package peer

import (
	"errors"
	"path/filepath"
	"sync"

	"github.com/hashicorp/go-hclog"
	hashicorp "github.com/hashicorp/raft"
	raftwal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"github.com/tidwall/wal"
	etcdwal "go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// The peers in this file are logs: they number records and know nothing of ids,
// entities or kinds.

var tidwallDriver = driver.Driver{
	Name:     "tidwall-wal",
	Settings: "tidwall/wal; a log; durable = default, relaxed = NoSync; segments of 20 MB, 64 of them cached, NoCopy",
	Open:     openTidwall,
}

type tidwallStore struct {
	log *wal.Log

	mu    sync.Mutex // guards all below
	seq   uint64
	buf   []byte
	batch wal.Batch
}

func openTidwall(dir string, mode driver.Mode) (driver.Store, error) {
	l, err := wal.Open(filepath.Join(dir, "log"), &wal.Options{NoSync: mode == driver.Relaxed, SegmentCacheSize: 64, NoCopy: true})
	if err != nil {
		return nil, err
	}
	s := &tidwallStore{log: l}
	if s.seq, err = l.LastIndex(); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return s, nil
}

func (s *tidwallStore) Append(events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range events {
		s.buf = event.AppendRecord(s.buf[:0], &events[i])
		s.batch.Write(s.seq+1+uint64(i), s.buf) // it copies
	}
	if err := s.log.WriteBatch(&s.batch); err != nil {
		s.batch.Clear()
		return err
	}
	s.seq += uint64(len(events))
	return nil
}

func (s *tidwallStore) Flush() error { return s.log.Sync() }

func (s *tidwallStore) Last() (uint64, error) { return s.log.LastIndex() }

func (s *tidwallStore) Close() error { return s.log.Close() }

func (s *tidwallStore) Ways() driver.Ways { return logWays(s.log.LastIndex, s.log.Read) }

// logWays are the ways of a log that reads records by their numbers.
func logWays(last func() (uint64, error), read func(seq uint64) ([]byte, error)) driver.Ways {
	parse := func(e *event.Event) error {
		record, err := read(e.Seq)
		if err != nil {
			return err
		}
		return event.ParseRecord(record, e)
	}
	return driver.Ways{
		BySeq: func(seq uint64, dst []byte) ([]byte, error) {
			e := event.Event{Seq: seq}
			err := parse(&e)
			return append(dst, e.Payload...), err
		},
		Scan: func(visit func(*event.Event)) error {
			end, err := last()
			if err != nil {
				return err
			}
			var e event.Event
			for e.Seq = 1; e.Seq <= end; e.Seq++ {
				if err := parse(&e); err != nil {
					return err
				}
				visit(&e)
			}
			return nil
		},
	}
}

var raft = driver.Driver{
	Name:     "raft-wal",
	Settings: "hashicorp/raft-wal; a log; always durable; segments of 64 MiB, allocated ahead, as by default",
	Open:     openRaft,
}

type raftStore struct {
	wal  *raftwal.WAL
	meta *metadb.BoltMetaDB

	mu   sync.Mutex // guards all below
	seq  uint64
	logs []*hashicorp.Log
}

func openRaft(dir string, mode driver.Mode) (driver.Store, error) {
	if mode == driver.Relaxed {
		return nil, driver.ErrUnsupported
	}
	// Its Close leaves the file of its metadata open and locked, so that no process
	// could open the log twice; this one is closed by us.
	meta := &metadb.BoltMetaDB{}
	w, err := raftwal.Open(dir, raftwal.WithLogger(hclog.NewNullLogger()), raftwal.WithMetaStore(meta))
	if err != nil {
		return nil, errors.Join(err, meta.Close())
	}
	s := &raftStore{wal: w, meta: meta}
	if s.seq, err = w.LastIndex(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *raftStore) Append(events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.logs) < len(events) {
		s.logs = append(s.logs, &hashicorp.Log{Term: 1})
	}
	for i := range events {
		l := s.logs[i]
		l.Index, l.Data = s.seq+1+uint64(i), event.AppendRecord(l.Data[:0], &events[i])
	}
	if err := s.wal.StoreLogs(s.logs[:len(events)]); err != nil {
		return err
	}
	s.seq += uint64(len(events))
	return nil
}

func (s *raftStore) Flush() error { return nil }

func (s *raftStore) Last() (uint64, error) { return s.wal.LastIndex() }

func (s *raftStore) Close() error { return errors.Join(s.wal.Close(), s.meta.Close()) }

func (s *raftStore) Ways() driver.Ways {
	return logWays(s.wal.LastIndex, func(seq uint64) ([]byte, error) {
		var l hashicorp.Log
		err := s.wal.GetLog(seq, &l)
		return l.Data, err
	})
}

var etcd = driver.Driver{
	Name: "etcd-wal",
	Settings: "go.etcd.io/etcd/server/v3/storage/wal; a log that is read as a whole, and when it is opened; durable = default, " +
		"relaxed = SetUnsafeNoFsync; segments of 64 MiB, allocated ahead, as by default",
	Open: openEtcd,
}

type etcdStore struct {
	dir string
	wal *etcdwal.WAL

	mu      sync.Mutex // guards all below
	seq     uint64
	entries []*raftpb.Entry
}

func openEtcd(dir string, mode driver.Mode) (_ driver.Store, err error) {
	s := &etcdStore{dir: filepath.Join(dir, "wal")}
	if !etcdwal.Exist(s.dir) {
		s.wal, err = etcdwal.Create(zap.NewNop(), s.dir, nil)
	} else if s.wal, err = etcdwal.Open(zap.NewNop(), s.dir, &walpb.Snapshot{}); err == nil {
		var entries []*raftpb.Entry
		if _, _, entries, err = s.wal.ReadAll(); len(entries) > 0 {
			s.seq = entries[len(entries)-1].GetIndex()
		}
	}
	if err != nil {
		return nil, err
	}
	if mode == driver.Relaxed {
		s.wal.SetUnsafeNoFsync()
	}
	return s, nil
}

func (s *etcdStore) Append(events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.entries) < len(events) {
		s.entries = append(s.entries, &raftpb.Entry{Term: new(uint64(1)), Index: new(uint64)})
	}
	for i := range events {
		e := s.entries[i]
		*e.Index, e.Data = s.seq+1+uint64(i), event.AppendRecord(e.Data[:0], &events[i])
	}
	if err := s.wal.Save(nil, s.entries[:len(events)]); err != nil {
		return err
	}
	s.seq += uint64(len(events))
	return nil
}

func (s *etcdStore) Flush() error { return s.wal.Sync() }

func (s *etcdStore) Last() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq, nil
}

func (s *etcdStore) Close() error { return errors.Join(s.wal.Sync(), s.wal.Close()) }

func (s *etcdStore) Ways() driver.Ways { return driver.Ways{Scan: s.scan} }

// scan opens the log a second time, which is the only way to read it.
func (s *etcdStore) scan(visit func(*event.Event)) error {
	w, err := etcdwal.OpenForRead(zap.NewNop(), s.dir, &walpb.Snapshot{})
	if err != nil {
		return err
	}
	defer w.Close() // fails, since it would sync what is open for reading alone
	_, _, entries, err := w.ReadAll()
	if err != nil {
		return err
	}
	for _, entry := range entries {
		e := event.Event{Seq: entry.GetIndex()}
		if err := event.ParseRecord(entry.Data, &e); err != nil {
			return err
		}
		visit(&e)
	}
	return nil
}
