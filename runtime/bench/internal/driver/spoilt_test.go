package driver_test

import (
	"context"
	"errors"
	"testing"

	"github.com/batpak-go/batpak/runtime/bench/internal/driver"
	"github.com/batpak-go/batpak/runtime/bench/internal/event"
	"github.com/batpak-go/batpak/runtime/bench/internal/plain"
)

// spoilt is a store of which one thing is not as it should be.
type spoilt struct {
	driver.Store
	append func(s driver.Store, events []event.Event) error
	ways   func(w *driver.Ways)
}

func (s spoilt) Append(events []event.Event) error {
	if s.append != nil {
		return s.append(s.Store, events)
	}
	return s.Store.Append(events)
}

func (s spoilt) Ways() driver.Ways {
	w := s.Store.Ways()
	if s.ways != nil {
		s.ways(&w)
	}
	return w
}

// The contract is kept by a store that is sound and by none that is not.
func TestContractIsBrokenBy(t *testing.T) {
	if err := driver.Check(t.Context(), plain.Driver, t.TempDir()); err != nil {
		t.Fatalf("a sound store: %v", err)
	}
	for name, s := range map[string]spoilt{
		"losing an event": {append: func(s driver.Store, events []event.Event) error {
			if len(events) > 1 && events[0].Version == 8 {
				events = events[1:]
			}
			return s.Append(events)
		}},
		"changing a payload": {append: func(s driver.Store, events []event.Event) error {
			if events[0].Version == 11 {
				events[0].Payload = append([]byte{'!'}, events[0].Payload[1:]...)
			}
			return s.Append(events)
		}},
		"taking the same event twice": {append: func(s driver.Store, events []event.Event) error {
			if err := s.Append(events); err != nil && len(events) > 1 {
				return err
			}
			return nil
		}},
		"finding nothing by id": {ways: func(w *driver.Ways) {
			w.ByID = func([16]byte, []byte) ([]byte, error) { return nil, errors.New("not found") }
		}},
		"finding another event by position": {ways: func(w *driver.Ways) {
			at := w.BySeq
			w.BySeq = func(seq uint64, dst []byte) ([]byte, error) { return at(seq+1, dst) }
		}},
		"finding another event by its own id": {ways: func(w *driver.Ways) {
			own := w.OwnID
			w.OwnID = func(seq uint64) ([16]byte, error) { return own(seq + 1) }
		}},
		"an empty scan":   {ways: func(w *driver.Ways) { w.Scan = func(func(*event.Event)) error { return nil } }},
		"an empty stream": {ways: func(w *driver.Ways) { w.Stream = func(string, func(*event.Event)) error { return nil } }},
		"a scan out of order": {ways: func(w *driver.Ways) {
			scan := w.Scan
			w.Scan = func(visit func(*event.Event)) error {
				var all []event.Event
				err := scan(func(e *event.Event) { all = append(all, *e) })
				for i := range all {
					visit(&all[len(all)-1-i])
				}
				return err
			}
		}},
		"a page that is too long": {ways: func(w *driver.Ways) {
			page := w.Page
			w.Page = func(f driver.Filter, limit int, visit func(*event.Event)) error { return page(f, limit+1, visit) }
		}},
		"a page from the start": {ways: func(w *driver.Ways) {
			page := w.Page
			w.Page = func(f driver.Filter, limit int, visit func(*event.Event)) error {
				f.After = 0
				return page(f, limit, visit)
			}
		}},
		"verifying less": {ways: func(w *driver.Ways) {
			w.Verify = func(context.Context) (uint64, error) { return 5, nil }
		}},
		"a projection that forgets": {ways: func(w *driver.Ways) {
			account := w.Account
			w.Account = func(ctx context.Context, n int) (driver.Account, error) {
				a, err := account(ctx, n)
				project := a.Project
				a.Project = func(saved []byte) (int64, []byte, error) {
					sum, state, err := project(saved)
					return min(sum, 30), state, err
				}
				return a, err
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := plain.Driver
			d.Open = func(dir string, mode driver.Mode) (driver.Store, error) {
				store, err := plain.Driver.Open(dir, mode)
				broken := s
				broken.Store = store
				return broken, err
			}
			if err := driver.Check(t.Context(), d, t.TempDir()); err == nil {
				t.Error("Check = nil, want an error")
			} else {
				t.Log(err)
			}
		})
	}
}

// Grouped appends are all there, each once.
func TestGroupAppendsAll(t *testing.T) {
	store, err := driver.Group(plain.Driver).Open(t.TempDir(), driver.Durable)
	if err != nil {
		t.Fatal(err)
	}
	const goroutines, each = 8, 50
	source := event.NewSource(1, 64)
	failed := make(chan error, goroutines)
	for g := range goroutines {
		go func() {
			lane, b := source.Lane(g, 5), event.NewBatch(2)
			var err error
			for i := range uint64(each) {
				err = errors.Join(err, store.Append(b.Fill(lane, 2*i)))
			}
			failed <- err
		}()
	}
	for range goroutines {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if last, err := store.Last(); err != nil || last != 2*goroutines*each {
		t.Errorf("Last() = %d, %v, want %d", last, err, 2*goroutines*each)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
