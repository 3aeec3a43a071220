//go:build peers

package peer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	_ "modernc.org/sqlite"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

var sqlite = driver.Driver{
	Name: "sqlite",
	Settings: "modernc.org/sqlite (pure Go); journal_mode=WAL; durable = synchronous=FULL, relaxed = synchronous=NORMAL; cache 64 MiB, mmap 1 GiB, " +
		"a checkpoint every 8,000 pages; an INTEGER PRIMARY KEY, two unique indexes, one by kind and one by scope; prepared statements, 50 rows in each of a batch",
	Indexed: true,
	Open:    openSQLite,
}

const (
	sqliteRows   = 50 // in an INSERT
	sqliteInsert = "INSERT INTO events(id,entity,version,scope,kind,payload) VALUES "
	sqliteRow    = "(?,?,?,?,?,?)"
	sqliteSelect = "SELECT seq,id,entity,version,scope,kind,payload FROM events "
	sqliteSchema = `
CREATE TABLE IF NOT EXISTS events(
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  entity TEXT NOT NULL,
  version INTEGER NOT NULL,
  scope TEXT NOT NULL,
  kind INTEGER NOT NULL,
  payload BLOB NOT NULL,
  UNIQUE(entity, version));
CREATE INDEX IF NOT EXISTS kinds ON events(kind);
CREATE INDEX IF NOT EXISTS scopes ON events(scope);`
)

// sqliteStore has one connection to write and one to read, each with a lock.
type sqliteStore struct {
	db        *sql.DB
	writing   sync.Mutex
	w         *sql.Conn
	one, many *sql.Stmt
	args      []any
	reading   sync.Mutex
	r         *sql.Conn
	statement map[string]*sql.Stmt // by what follows the SELECT
}

func openSQLite(dir string, mode driver.Mode) (_ driver.Store, err error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "events.db"))
	if err != nil {
		return nil, err
	}
	s := &sqliteStore{db: db, statement: map[string]*sql.Stmt{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if s.w, err = connect(db, mode); err != nil {
		return nil, err
	}
	ctx := context.Background()
	if _, err := s.w.ExecContext(ctx, sqliteSchema); err != nil {
		return nil, err
	}
	if s.one, err = s.w.PrepareContext(ctx, sqliteInsert+sqliteRow); err != nil {
		return nil, err
	}
	if s.many, err = s.w.PrepareContext(ctx, sqliteInsert+strings.Repeat(sqliteRow+",", sqliteRows-1)+sqliteRow); err != nil {
		return nil, err
	}
	s.r, err = connect(db, mode)
	return s, err
}

func connect(db *sql.DB, mode driver.Mode) (*sql.Conn, error) {
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	synchronous := "FULL"
	if mode == driver.Relaxed {
		synchronous = "NORMAL"
	}
	for _, p := range []string{
		"busy_timeout=10000", "journal_mode=WAL", "synchronous=" + synchronous, "cache_size=-65536", "mmap_size=1073741824",
		"temp_store=MEMORY", "wal_autocheckpoint=8000",
	} {
		if _, err := c.ExecContext(ctx, "PRAGMA "+p); err != nil {
			return nil, fmt.Errorf("pragma %s: %w", p, err)
		}
	}
	return c, nil
}

func (s *sqliteStore) Append(events []event.Event) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if len(events) == 1 {
		return s.insert(s.one, events)
	}
	ctx := context.Background()
	if _, err := s.w.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for len(events) > 0 {
		statement, n := s.one, 1
		if len(events) >= sqliteRows {
			statement, n = s.many, sqliteRows
		}
		if err := s.insert(statement, events[:n]); err != nil {
			_, failed := s.w.ExecContext(ctx, "ROLLBACK")
			return errors.Join(err, failed)
		}
		events = events[n:]
	}
	_, err := s.w.ExecContext(ctx, "COMMIT")
	return err
}

func (s *sqliteStore) insert(statement *sql.Stmt, events []event.Event) error {
	s.args = s.args[:0]
	for i := range events {
		e := &events[i]
		s.args = append(s.args, e.ID[:], e.Entity, int64(e.Version), e.Scope, int64(e.Kind), e.Payload)
	}
	_, err := statement.Exec(s.args...)
	return err
}

// Flush moves the write-ahead log into the database, which syncs both.
func (s *sqliteStore) Flush() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.w.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
	return err
}

func (s *sqliteStore) Last() (seq uint64, err error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	err = s.r.QueryRowContext(context.Background(), "SELECT coalesce(max(seq),0) FROM events").Scan(&seq)
	return seq, err
}

func (s *sqliteStore) Close() error {
	err := errors.Join(s.one.Close(), s.many.Close())
	for _, p := range s.statement {
		err = errors.Join(err, p.Close())
	}
	return errors.Join(err, s.w.Close(), s.r.Close(), s.db.Close())
}

func (s *sqliteStore) Ways() driver.Ways {
	one := func(where string, key any, dst []byte) ([]byte, error) {
		found := false
		err := s.query(where, func(e *event.Event) { dst, found = append(dst, e.Payload...), true }, key)
		if err == nil && !found {
			err = errNotFound
		}
		return dst, err
	}
	return driver.Ways{
		ByID:  func(id [16]byte, dst []byte) ([]byte, error) { return one("WHERE id=?", id[:], dst) },
		BySeq: func(seq uint64, dst []byte) ([]byte, error) { return one("WHERE seq=?", int64(seq), dst) },
		Stream: func(entity string, visit func(*event.Event)) error {
			return s.query("WHERE entity=? ORDER BY version", visit, entity)
		},
		Scan: func(visit func(*event.Event)) error { return s.query("ORDER BY seq", visit) },
		Page: s.page,
	}
}

func (s *sqliteStore) page(f driver.Filter, limit int, visit func(*event.Event)) error {
	switch {
	case f.Prefix != "":
		return driver.ErrUnsupported // it would sort all of them
	case f.Entity != "":
		return s.query("WHERE entity=? AND version>? ORDER BY version LIMIT ?", visit, f.Entity, int64(f.AfterVersion), limit)
	case f.Scope != "":
		return s.query("WHERE scope=? AND seq>? ORDER BY seq LIMIT ?", visit, f.Scope, int64(f.After), limit)
	}
	return s.query("WHERE kind=? AND seq>? ORDER BY seq LIMIT ?", visit, int64(f.Kind), int64(f.After), limit)
}

// query visits the events that a statement selects.
func (s *sqliteStore) query(where string, visit func(*event.Event), args ...any) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	p, ok := s.statement[where]
	if !ok {
		var err error
		if p, err = s.r.PrepareContext(context.Background(), sqliteSelect+where); err != nil {
			return err
		}
		s.statement[where] = p
	}
	rows, err := p.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var (
		e                          event.Event
		id, entity, scope, payload sql.RawBytes
	)
	for rows.Next() {
		if err := rows.Scan(&e.Seq, &id, &entity, &e.Version, &scope, &e.Kind, &payload); err != nil {
			return err
		}
		copy(e.ID[:], id)
		e.Entity, e.Scope, e.Payload = event.View(entity), event.View(scope), payload
		visit(&e)
	}
	return rows.Err()
}
