package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
)

// TestEverythingBesideEverything lets writers rotate segments while others read,
// verify, walk and wait, and closes the store amid all of it. Every reader sees
// whole batches in order, and the only error is that the store is closed.
func TestEverythingBesideEverything(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{SegmentSize: 2048})
		var wg sync.WaitGroup
		var batches atomic.Int64
		loop := func(name string, f func() error) {
			wg.Go(func() {
				for {
					if err := f(); errors.Is(err, batpak.ErrClosed) {
						return
					} else if err != nil {
						t.Errorf("%s = %v", name, err)
						return
					}
				}
			})
		}
		for range 4 {
			loop("Commit()", func() error {
				b := s.NewBatch()
				for i := range 3 {
					b.Add(note(fmt.Sprint("e:", i), "x"))
				}
				_, err := b.Commit(context.Background())
				batches.Add(1)
				return err
			})
		}
		for range 2 {
			loop("Events()", func() error { return readWholeBatches(s) })
			loop("Verify()", func() error {
				v, err := s.Verify(context.Background())
				if err == nil && len(v.Damages) > 0 {
					err = errors.New(v.Damages[0].String())
				}
				return err
			})
			loop("Ancestors()", func() error {
				e, err := s.At(max(1, s.Frontier().Visible))
				if errors.Is(err, batpak.ErrNotFound) {
					return nil // too early
				}
				steps := 0
				for _, aerr := range s.Ancestors(e.ID) {
					if steps++; aerr != nil || steps == 20 {
						return aerr
					}
				}
				return err
			})
			loop("Wait()", func() error { return s.Wait(context.Background(), batpak.MarkVisible, s.Frontier().Visible+1) })
		}
		for batches.Load() < 100 && !t.Failed() {
			if err := s.Wait(t.Context(), batpak.MarkDurable, s.Frontier().Durable+3); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		wg.Wait()
		again := open(nil)
		if v, err := again.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
			t.Errorf("Verify() = %+v, %v, want a sound store", v, err)
		}
	})
}

// readWholeBatches checks that events come in order and that no batch of three
// is seen in part.
func readWholeBatches(s *batpak.Store) error {
	n := 0
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return err
		}
		if e.Sequence != uint64(n)+1 || e.Entity != fmt.Sprint("e:", n%3) || e.Version != uint64(n/3)+1 {
			return fmt.Errorf("event %d is %+v", n+1, e.Meta)
		}
		n++
	}
	if n%3 != 0 {
		return fmt.Errorf("%d events, which is a part of a batch", n)
	}
	return nil
}

var wholeReads = flag.Int("whole.reads", 20_000, "reads of whole batches")

// TestBatchesAreSeenWhole lets readers look at the end of the log while batches are
// appended. The last event that a reader sees is the last one of its batch.
func TestBatchesAreSeenWhole(t *testing.T) {
	s, err := batpak.Open(t.TempDir(), overseen(&batpak.Options{SegmentSize: 1 << 20, Durability: batpak.Relaxed, ShowUnsynced: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var reads atomic.Int64
	want := fewer(*wholeReads)
	enough := func() bool { return int(reads.Load()) >= want || t.Failed() }
	var wg sync.WaitGroup
	for writer := range 2 {
		wg.Go(func() {
			for n := 0; !enough(); n++ {
				b := s.NewBatch()
				for i := range 1 + n%4 {
					b.Add(note(fmt.Sprint("e:", writer, i), fmt.Sprint(n%4-i)))
				}
				if _, err := b.Commit(context.Background()); err != nil {
					t.Errorf("Commit() = %v", err)
				}
			}
		})
	}
	for reader := range 4 {
		wg.Go(func() {
			for n := uint64(reader); !enough(); n++ {
				q := batpak.Query{After: max(s.Frontier().Visible, 1+n%8) - 1 - n%8}
				last, left := q.After, ""
				for e, err := range s.Events(q) {
					if err != nil || e.Sequence != last+1 {
						t.Errorf("event after %d is %d, %v", last, e.Sequence, err)
						return
					}
					last, left = e.Sequence, string(e.Payload)
				}
				if last == q.After {
					continue // there is nothing yet
				}
				if reads.Add(1); left != "0" {
					t.Errorf("the last event that was seen is %d, with %s more in its batch", last, left)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d reads, %d events", reads.Load(), s.Frontier().Visible)
}
