package plain

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// Driver drives the plain store.
var Driver = driver.Driver{
	Name:     "plain",
	Settings: "for tests: a file of records, and all of them in memory; nothing is synced",
	Role:     driver.Reference,
	Indexed:  true,
	Open:     open,
}

var (
	errDuplicate = errors.New("duplicate id, or not the entity's next version")
	errNotFound  = errors.New("not found")
)

type store struct {
	mu     sync.Mutex // guards all below
	file   *os.File
	events []event.Event
	ids    map[[16]byte]int
	heads  map[string]uint64
}

func open(dir string, _ driver.Mode) (driver.Store, error) {
	f, err := os.OpenFile(filepath.Join(dir, "records"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	s := &store{file: f, ids: map[[16]byte]int{}, heads: map[string]uint64{}}
	for r := bufio.NewReader(f); ; {
		var size uint32
		if binary.Read(r, binary.LittleEndian, &size) != nil {
			return s, nil
		}
		record := make([]byte, size)
		if _, err := io.ReadFull(r, record); err != nil {
			return s, nil
		}
		var e event.Event
		if err := event.ParseRecord(record, &e); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		s.add(e)
	}
}

func (s *store) add(e event.Event) {
	e.Seq = uint64(len(s.events)) + 1
	s.ids[e.ID], s.heads[e.Entity] = len(s.events), e.Version
	s.events = append(s.events, e)
}

func (s *store) Append(events []event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []byte
	for i := range events {
		e := &events[i]
		if _, ok := s.ids[e.ID]; ok || e.Version != s.heads[e.Entity]+1 {
			return errDuplicate
		}
		record := event.AppendRecord(nil, e)
		out = append(binary.LittleEndian.AppendUint32(out, uint32(len(record))), record...)
		var kept event.Event
		if err := event.ParseRecord(record, &kept); err != nil {
			return err
		}
		s.add(kept)
	}
	_, err := s.file.Write(out)
	return err
}

func (s *store) Flush() error { return nil }

func (s *store) Last() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.events)), nil
}

func (s *store) Close() error { return s.file.Close() }

func (s *store) Ways() driver.Ways {
	at := func(seq uint64, dst []byte) ([]byte, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if seq == 0 || seq > uint64(len(s.events)) {
			return dst, errNotFound
		}
		return append(dst, s.events[seq-1].Payload...), nil
	}
	own := func(seq uint64) (id [16]byte, err error) {
		binary.BigEndian.PutUint64(id[:], seq)
		return id, nil
	}
	return driver.Ways{
		ByID: func(id [16]byte, dst []byte) ([]byte, error) {
			s.mu.Lock()
			n, ok := s.ids[id]
			s.mu.Unlock()
			if !ok {
				return dst, errNotFound
			}
			return at(uint64(n)+1, dst)
		},
		BySeq:   at,
		OwnID:   own,
		ByOwnID: func(id [16]byte, dst []byte) ([]byte, error) { return at(binary.BigEndian.Uint64(id[:]), dst) },
		Stream: func(entity string, visit func(*event.Event)) error {
			return s.page(driver.Filter{Entity: entity}, -1, visit)
		},
		Scan: func(visit func(*event.Event)) error {
			for _, e := range s.all() {
				visit(&e)
			}
			return nil
		},
		Page:    s.page,
		Verify:  func(context.Context) (uint64, error) { return uint64(len(s.all())), nil },
		Account: s.account,
		Settle:  func(context.Context) error { return nil },
		Compact: func(context.Context) error { return nil },
	}
}

func (s *store) all() []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

func (s *store) page(f driver.Filter, limit int, visit func(*event.Event)) error {
	for _, e := range s.all() {
		if limit != 0 && f.Matches(&e) {
			visit(&e)
			limit--
		}
	}
	return nil
}

// account counts deposits; their state is where it counted to.
func (s *store) account(_ context.Context, deposits int) (driver.Account, error) {
	entity := fmt.Sprintf("account:%d", len(s.all()))
	made := uint64(0)
	a := driver.Account{
		Deposit: func(n int) error {
			events := make([]event.Event, n)
			for i := range events {
				made++
				events[i] = event.Event{Entity: entity, Version: made}
				copy(events[i].ID[:], fmt.Sprintf("%s%d", entity[len("account:"):], made))
			}
			return s.Append(events)
		},
		Project: func(saved []byte) (int64, []byte, error) {
			var sum, from int64
			if saved != nil {
				sum = int64(binary.BigEndian.Uint64(saved))
				from = int64(binary.BigEndian.Uint64(saved[8:]))
			}
			all := s.all()
			for _, e := range all[from:] {
				if e.Entity == entity {
					sum++
				}
			}
			state := binary.BigEndian.AppendUint64(nil, uint64(sum))
			return sum, binary.BigEndian.AppendUint64(state, uint64(len(all))), nil
		},
	}
	return a, a.Deposit(deposits)
}
