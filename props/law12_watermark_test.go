package props_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/props"
)

// LAW12: readers never see what a power cut would take back, in a store that
// hides what is not durable: whatever is visible at any moment is on the disk,
// even if nothing but what was synced is left of it.
func TestLaw12WhatIsVisibleIsDurable(t *testing.T) {
	t.Parallel()
	histories := histories(appendBatch, appendOne, appendOne, syncAll)
	for name, durability := range map[string]batpak.Durability{"synced": batpak.Synced, "relaxed": batpak.Relaxed} {
		t.Run(name, func(t *testing.T) {
			onPlaces(t, 8, 2, func(t *testing.T, cases int, sample func([]image) []image, in place) {
				props.Check(t, cases, histories, func(ops []op) error {
					return watch(t.Context(), durability, ops, sample, in)
				})
			})
		})
	}
}

// watch has several goroutines append the steps of a history, looks at the store
// before each operation of the disk, and holds what it saw against the worst that
// a power cut could leave then.
func watch(ctx context.Context, durability batpak.Durability, ops []op, sample func([]image) []image, in place) error {
	disk := batpaktest.NewDisk()
	s, err := disk.Open(&batpak.Options{Durability: durability, SegmentSize: batpak.MinSegmentSize})
	if err != nil {
		return err
	}
	defer s.Close()
	var mu sync.Mutex // guards images
	var images []image
	disk.OnOp(func(op batpaktest.Op, _ string) {
		if !alters(op) {
			return
		}
		f := s.Frontier() // before the image
		mu.Lock()
		defer mu.Unlock()
		images = append(images, image{disk: disk.CutHard(), must: f.Visible, marks: f})
	})
	if err := appendAtOnce(ctx, s, ops); err != nil {
		return err
	}
	if err := s.Sync(ctx); err != nil {
		return err
	}
	disk.OnOp(nil)
	var all []batpak.Event
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return err
		}
		all = append(all, e)
	}
	for _, i := range images {
		if f := i.marks; f.Visible > f.Durable || f.Durable > f.Written {
			return fmt.Errorf("the marks are not in order: %+v", f)
		}
	}
	for _, i := range sample(distinct(images)) {
		if err := in(i, func(open opener) error { return i.holds(all, open) }); err != nil {
			return fmt.Errorf("with the marks at %+v: %w", i.marks, err)
		}
	}
	return nil
}

// appendAtOnce appends the steps from as many goroutines as there are entities.
func appendAtOnce(ctx context.Context, s *batpak.Store, ops []op) error {
	errs := make([]error, len(entities))
	var wg sync.WaitGroup
	for i := range entities {
		wg.Go(func() {
			w := world{store: s}
			for _, o := range ops {
				if errs[i] != nil {
					return
				}
				b := s.NewBatch()
				for n := range 1 + int(o.size)%3 {
					b.Add(w.wish(op{who: uint8(i), size: o.size}, n).Draft)
				}
				if _, errs[i] = b.Commit(ctx); errs[i] == nil && o.act == syncAll {
					errs[i] = s.Sync(ctx)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// holds reports what was visible and is not on the disk, given all events of the
// finished store.
func (i image) holds(all []batpak.Event, open opener) error {
	s, err := open(nil)
	if err != nil {
		return err
	}
	defer s.Close()
	n := s.Report().Events
	if n < i.must {
		return fmt.Errorf("the disk has %d events", n)
	}
	at := 0
	for e, err := range s.Events(batpak.Query{}) {
		switch {
		case err != nil:
			return err
		case e.ID != all[at].ID || e.Hash != all[at].Hash || e.Sequence != all[at].Sequence:
			return fmt.Errorf("event %d with id %v is on the disk, event %d with id %v came of it", e.Sequence, e.ID, all[at].Sequence, all[at].ID)
		}
		at++
	}
	return nil
}
