package batpak

import (
	"context"
	"sync"
)

// turns lets commands that met on a stream decide one after the other. Without
// it each round would have one winner and as many losers as there are
// commands, and one of many could lose until its attempts are used up.
type turns struct {
	mu     sync.Mutex // guards streams and the counts in it
	stream map[string]*turn
}

// turn is held by whoever has sent to it.
type turn struct {
	held    chan struct{} // has room for one
	waiters int           // the holder among them
}

// take waits for the stream's turn. The result gives it back.
func (t *turns) take(ctx context.Context, entity string) (giveBack func(), err error) {
	t.mu.Lock()
	if t.stream == nil {
		t.stream = map[string]*turn{}
	}
	mine := t.stream[entity]
	if mine == nil {
		mine = &turn{held: make(chan struct{}, 1)}
		t.stream[entity] = mine
	}
	mine.waiters++
	t.mu.Unlock()

	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.waiters--; mine.waiters == 0 {
			delete(t.stream, entity)
		}
	}
	select {
	case mine.held <- struct{}{}:
		return func() { <-mine.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
