package batpak

import (
	"errors"
	"slices"
	"sync"

	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// upkeep is the work of a store that nobody waits for: sealed segments get their
// footers. What fails is left for the next opening; nothing depends on it but how
// fast the store opens and how much memory it takes.
type upkeep struct {
	store  *Store
	inline bool
	due    chan struct{} // holds one if there is something to do
	quit   chan struct{}
	done   sync.WaitGroup

	turn   chan struct{} // holds one while work is done, which guards all below
	closed bool
	failed map[uint64]error // by segment; after a failed sync nothing is tried again
}

func (s *Store) newUpkeep() *upkeep {
	u := &upkeep{
		store: s, inline: rtopts.FS(&s.options.Internal) != nil,
		due: make(chan struct{}, 1), quit: make(chan struct{}), turn: make(chan struct{}, 1), failed: map[uint64]error{},
	}
	if !u.inline {
		u.done.Go(u.run)
	}
	return u
}

func (u *upkeep) run() {
	for {
		select {
		case <-u.due:
			u.work()
		case <-u.quit:
			return
		}
	}
}

// wake says that there may be something to do. It does not wait, unless upkeep is
// done inline.
func (u *upkeep) wake() {
	if u.inline {
		u.work()
		return
	}
	select {
	case u.due <- struct{}{}:
	default: // it will look anyway
	}
}

func (u *upkeep) work() {
	if !u.begin() {
		return // it is under way further up, and what is due stays so
	}
	defer u.end()
	if u.closed {
		return
	}
	for _, number := range u.store.index.Pending() {
		if u.failed[number] != nil {
			continue
		}
		run, err := footer.Write(u.store.fs, u.store.segments, number, u.store.cache)
		if err != nil {
			sometimes.Reached("footer could not be written")
			u.failed[number] = err
			continue
		}
		u.store.index.Replace(run)
	}
}

// begin waits until no other work is done, and reports whether it may be done now: not
// if upkeep is inline and the goroutine may be in the midst of it.
func (u *upkeep) begin() bool {
	if !u.inline {
		u.turn <- struct{}{}
		return true
	}
	select {
	case u.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

// end lets other work be done.
func (u *upkeep) end() { <-u.turn }

// link shares the file of a segment with another directory. It fails with
// [errors.ErrUnsupported] if the file may be written to yet.
func (u *upkeep) link(number uint64, into vfs.FS) error {
	if !u.begin() {
		return errors.ErrUnsupported
	}
	defer u.end()
	if slices.Contains(u.store.index.Pending(), number) {
		sometimes.Reached("segment without a footer was not shared")
		return errors.ErrUnsupported
	}
	return u.store.fs.Link(segment.Name(number), into)
}

// stop does what is due and ends upkeep.
func (u *upkeep) stop() {
	close(u.quit)
	u.done.Wait()
	u.work()
	u.turn <- struct{}{}
	defer u.end()
	u.closed = true
}
