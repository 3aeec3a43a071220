package props_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/props"
)

// LAW04: at whatever operation of the disk a crash comes, the store that opens
// afterwards has every request that was acknowledged, and of the one that was
// under way all or nothing. What it shows stays, even if power is cut at once, or
// in the middle of the recovery; and it takes more events, which stay as well.
func TestLaw04RequestsAreWholeOrAbsent(t *testing.T) {
	t.Parallel()
	for name, durability := range map[string]batpak.Durability{"synced": batpak.Synced, "relaxed": batpak.Relaxed} {
		t.Run(name, func(t *testing.T) {
			histories := histories(appendBatch, appendBatch, appendOne, appendIfNone, retry, syncAll, reopen)
			onPlaces(t, 5, 2, func(t *testing.T, cases int, sample func([]image) []image, in place) {
				props.Check(t, cases, histories, func(ops []op) error {
					w, images, err := crash(t.Context(), durability, ops)
					if err != nil {
						return err
					}
					for n, i := range sample(images) {
						if err := w.takesMore(t.Context(), i, in); err != nil {
							return fmt.Errorf("%s: %w", i.how, err)
						}
						if err := w.survives(t.Context(), i, n); err != nil {
							return fmt.Errorf("%s: %w", i.how, err)
						}
					}
					return nil
				})
			})
		})
	}
}

// takesMore opens a copy of an image, appends, and opens it again.
func (w *world) takesMore(ctx context.Context, i image, in place) error {
	i.disk = i.disk.Kill()
	return in(i, func(open opener) error {
		s, m, err := w.prefix(ctx, i, open)
		if err != nil {
			return err
		}
		more := props.Request{Wishes: []props.Wish{w.wish(op{}, 0), w.wish(op{who: 1}, 1)}}
		_, err = m.Submit(ctx, s, &more)
		if err = errors.Join(err, s.Close()); err != nil {
			return fmt.Errorf("append after the recovery: %w", err)
		}
		again, err := open(nil)
		if err != nil {
			return fmt.Errorf("open after an append after the recovery: %w", err)
		}
		defer again.Close()
		return m.Compare(ctx, again)
	})
}

// survives holds an image against the law. The number chooses where its recovery
// is crashed.
func (w *world) survives(ctx context.Context, i image, number int) error {
	var again *batpaktest.Disk
	countdown := number % 5
	i.disk.OnOp(func(op batpaktest.Op, _ string) {
		if alters(op) {
			if countdown == 0 {
				again = i.disk.Cut(uint64(number))
			}
			countdown--
		}
	})
	s, m, err := w.prefix(ctx, i, i.disk.Open)
	i.disk.OnOp(nil)
	if err != nil {
		return err
	}
	defer s.Close()
	shown := image{disk: i.disk.CutHard(), must: uint64(m.Len())}
	if err := w.opens(ctx, shown); err != nil {
		return fmt.Errorf("power cut after the recovery: %w", err)
	}
	if again != nil {
		if err := w.opens(ctx, image{disk: again, must: i.durable}); err != nil {
			return fmt.Errorf("power cut in the recovery: %w", err)
		}
	}
	more := props.Request{Wishes: []props.Wish{w.wish(op{}, 0), w.wish(op{who: 1}, 1)}}
	if _, err := m.Submit(ctx, s, &more); err != nil {
		return fmt.Errorf("append after the recovery: %w", err)
	}
	last, err := i.disk.CutHard().Open(nil)
	if err != nil {
		return fmt.Errorf("power cut after an append: %w", err)
	}
	defer last.Close()
	return m.Compare(ctx, last)
}

// opens opens an image, which must have a prefix of the model.
func (w *world) opens(ctx context.Context, i image) error {
	s, _, err := w.prefix(ctx, i, i.disk.Open)
	if err != nil {
		return err
	}
	return s.Close()
}
