package frontier_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/batpak-go/batpak/runtime/internal/frontier"
)

func TestWaitReturnsWhenTheMarkArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := frontier.New(3)
		woken := make([]bool, 8)
		for i := range woken {
			go func() {
				if err := f.Wait(context.Background(), frontier.Durable, uint64(i)); err != nil {
					t.Errorf("Wait(%d) = %v", i, err)
				}
				woken[i] = true
			}()
		}
		check := func(upTo int) {
			t.Helper()
			synctest.Wait()
			for i, w := range woken {
				if w != (i <= upTo) {
					t.Errorf("with the mark at %d, wait for %d has returned: %v", upTo, i, w)
				}
			}
		}
		check(3)
		f.Advance(frontier.Visible, 7) // another mark
		check(3)
		f.Advance(frontier.Durable, 5)
		check(5)
		f.Advance(frontier.Durable, 4) // marks do not fall
		if got := f.At(frontier.Durable); got != 5 {
			t.Errorf("At(Durable) = %d, want 5", got)
		}
		f.Advance(frontier.Durable, 9)
		check(7)
	})
}

func TestWaitEndsWithItsContextAndTheFrontier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := frontier.New(0)
		ctx, cancel := context.WithCancel(context.Background())
		over := errors.New("over")
		results := make(chan error, 2)
		go func() { results <- f.Wait(ctx, frontier.Durable, 1) }()
		synctest.Wait()
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("Wait() with an ended context = %v, want context.Canceled", err)
		}
		go func() { results <- f.Wait(context.Background(), frontier.Durable, 1) }()
		synctest.Wait()
		f.End(over)
		f.End(errors.New("too late"))
		if err := <-results; !errors.Is(err, over) {
			t.Errorf("Wait() when the frontier ends = %v, want %v", err, over)
		}
		if err := f.Wait(context.Background(), frontier.Durable, 1); !errors.Is(err, over) {
			t.Errorf("Wait() after the end = %v, want %v", err, over)
		}
		if err := f.Wait(context.Background(), frontier.Durable, 0); err != nil {
			t.Errorf("Wait() for what the mark has reached = %v, want nil", err)
		}
	})
}
