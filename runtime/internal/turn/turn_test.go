package turn_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/turn"
)

func TestTurnsComeInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns turn.Turns
		giveBack, err := turns.Take(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			go func() {
				giveBack, err := turns.Take(context.Background(), "k")
				if err != nil {
					t.Errorf("Take() = %v", err)
					return
				}
				order = append(order, i)
				giveBack()
			}()
			synctest.Wait()
		}
		if other, err := turns.Take(t.Context(), "another key"); err != nil {
			t.Errorf("Take() of another key = %v", err)
		} else {
			other()
		}
		if len(order) != 0 {
			t.Errorf("%v had a turn while it was taken", order)
		}
		giveBack()
		synctest.Wait()
		if want := []int{0, 1, 2, 3, 4}; !slices.Equal(order, want) {
			t.Errorf("turns came in the order %v, want %v", order, want)
		}
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns turn.Turns
		giveBack, err := turns.Take(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waited := make(chan error, 1)
		go func() {
			_, err := turns.Take(ctx, "k")
			waited <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-waited; !errors.Is(err, context.Canceled) {
			t.Errorf("Take() whose context ends = %v, want context.Canceled", err)
		}
		if _, err := turns.Take(ctx, "k"); !errors.Is(err, context.Canceled) {
			t.Errorf("Take() with an ended context = %v, want context.Canceled", err)
		}
		giveBack()
		giveBack, err = turns.Take(t.Context(), "k")
		if err != nil {
			t.Fatalf("Take() after it was given back = %v", err)
		}
		giveBack()
	})
}

// A holder that keeps its turn, perhaps because it waits for somebody in the
// queue, loses it to the next one; giving it back later takes it from nobody.
func TestTurnEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns turn.Turns
		kept, err := turns.Take(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		second, err := turns.Take(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		kept()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.Take(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Take() while the second holder has its turn = %v, want context.DeadlineExceeded", err)
		}
		second()
	})
}
