package frontier

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Mark names a watermark.
type Mark int

// The marks, each a sequence.
const (
	Written Mark = iota // handed to the operating system
	Durable             // on disk
	Visible             // shown to readers
	marks
)

// Frontier holds the watermarks of one store. It is safe for concurrent use.
type Frontier struct {
	at [marks]atomic.Uint64

	mu      sync.Mutex // guards all below
	err     error
	waiters []waiter
}

type waiter struct {
	mark     Mark
	sequence uint64
	done     chan error // has room for one
}

// New returns a frontier with all marks at sequence.
func New(sequence uint64) *Frontier {
	f := new(Frontier)
	for m := range f.at {
		f.at[m].Store(sequence)
	}
	return f
}

// At is where the mark stands.
func (f *Frontier) At(m Mark) uint64 { return f.at[m].Load() }

// Advance raises a mark and wakes who waited for it. A lower sequence changes
// nothing.
func (f *Frontier) Advance(m Mark, sequence uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if sequence <= f.at[m].Load() {
		return
	}
	f.at[m].Store(sequence)
	f.wakeLocked(func(w waiter) bool {
		return w.mark == m && (w.sequence <= sequence || planted.Bug("waiters are woken by any rise"))
	}, nil)
}

// End makes every wait that has to wait, now and later, return err: no mark
// will rise any more.
func (f *Frontier) End(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.waiters) > 0 {
		sometimes.Reached("marks ended while they were waited for")
	}
	if f.err == nil {
		f.err = err
	}
	f.wakeLocked(func(waiter) bool { return !planted.Bug("end of the marks wakes nobody") }, f.err)
}

// Wait returns nil once the mark has reached sequence, the context's error if
// that ends first, or the error given to [Frontier.End].
func (f *Frontier) Wait(ctx context.Context, m Mark, sequence uint64) error {
	w := waiter{mark: m, sequence: sequence, done: make(chan error, 1)}
	f.mu.Lock()
	switch {
	case f.at[m].Load() >= sequence:
		f.mu.Unlock()
		return nil
	case f.err != nil:
		f.mu.Unlock()
		return f.err
	}
	f.waiters = append(f.waiters, w)
	f.mu.Unlock()

	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		sometimes.Reached("wait for a mark ended with its context")
		f.forget(w)
		return ctx.Err()
	}
}

func (f *Frontier) forget(gone waiter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keepLocked(func(w waiter) bool { return w.done != gone.done })
}

func (f *Frontier) wakeLocked(due func(waiter) bool, err error) {
	f.keepLocked(func(w waiter) bool {
		if !due(w) {
			return true
		}
		w.done <- err
		return false
	})
}

func (f *Frontier) keepLocked(keep func(waiter) bool) {
	kept := f.waiters[:0]
	for _, w := range f.waiters {
		if keep(w) {
			kept = append(kept, w)
		}
	}
	clear(f.waiters[len(kept):])
	f.waiters = kept
}
