package turn

import (
	"context"
	"sync"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// longest is how long a turn lasts. Its holder runs code of others, which may wait
// for somebody who waits for this very turn.
const longest = 10 * time.Second

// Turns are the turns of any number of keys, one holder a key. The zero Turns is
// ready, and safe for concurrent use.
type Turns struct {
	mu sync.Mutex // guards of and the counts in it
	of map[string]*turn
}

// turn is held by whoever has sent to it.
type turn struct {
	held   chan struct{} // has room for one
	queued int           // the holder among them
}

// Take waits for the turn of key, or fails with the context's error. The result
// gives the turn back and is called once. A turn that is not given back in time
// ends by itself, and the holder is not told.
func (t *Turns) Take(ctx context.Context, key string) (giveBack func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	mine := t.enter(key)
	select {
	case mine.held <- struct{}{}:
		end := sync.OnceFunc(func() { <-mine.held; t.leave(key, mine) })
		late := time.AfterFunc(longest, func() {
			if sometimes.Reached("turn ended by itself"); !planted.Bug("turn does not end by itself") {
				end()
			}
		})
		return func() { late.Stop(); end() }, nil
	case <-ctx.Done():
		sometimes.Reached("wait for a turn ended with its context")
		t.leave(key, mine)
		return nil, ctx.Err()
	}
}

// Taken reports whether somebody has the turn of key, or waits for it. Who comes
// then and does not queue takes the chances of those who do.
func (t *Turns) Taken(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[key] != nil
}

func (t *Turns) enter(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[string]*turn{}
	}
	mine := t.of[key]
	if mine == nil {
		mine = &turn{held: make(chan struct{}, 1)}
		if planted.Bug("turn is handed to two") {
			mine.held = make(chan struct{}, 2)
		}
		t.of[key] = mine
	}
	if mine.queued++; mine.queued > 1 {
		sometimes.Reached("turn was queued for")
	}
	return mine
}

func (t *Turns) leave(key string, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.queued--; mine.queued == 0 {
		delete(t.of, key)
	}
}
