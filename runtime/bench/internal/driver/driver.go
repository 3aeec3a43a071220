package driver

import (
	"context"
	"errors"

	"github.com/batpak-go/batpak/runtime/bench/internal/event"
)

// ErrUnsupported is returned by Open for a mode that a store does not have.
var ErrUnsupported = errors.New("not supported")

// Mode says when an append returns.
type Mode int

const (
	// Durable: when its bytes are on disk.
	Durable Mode = iota
	// Relaxed: as soon as the store likes; Flush makes everything durable.
	Relaxed
)

// Role says what a driver is measured for.
type Role int

const (
	// Peer is a store that a program would use instead of ours.
	Peer Role = iota
	// Ours is the store of this repository.
	Ours
	// Reference is a log that does the least that a store of our kind must.
	Reference
	// Roof is no store: what the disk or the processor allow at most. It appends and
	// does nothing else.
	Roof
)

// Driver makes stores of one kind.
type Driver struct {
	Name     string
	Settings string // sync modes and tuning, for the report
	Role     Role
	// Indexed is true for stores that find events by id and by entity, and that
	// refuse a second event with the same id, or the same version of an entity.
	Indexed bool
	// Grouped is true for a driver that shares the syncs of its peer's appends
	// around it; it takes part where goroutines compete, and nowhere else.
	Grouped bool
	// Lanes is, for a roof, how many appends it has under way at once; several
	// goroutines with an event each are, to a roof, one with as many events.
	Lanes int
	// DropSnapshot takes from a closed store what it could do without as long as it has
	// its indexes, DropIndex all that it can make again from its log. Opening it after
	// either is timed; one that is nil is not.
	DropSnapshot, DropIndex func(dir string) error
	// Open opens the store in the directory dir, which exists, or creates it.
	Open func(dir string, mode Mode) (Store, error)
	// OpenSplit opens a store for durable appends in files so small that a short run
	// fills several, so that there is something to compact; nil = as Open does.
	OpenSplit func(dir string) (Store, error)
	// OpenMerging opens a store that OpenSplit has made and that was closed, to go on in
	// the same way but to compact by itself; nil = it cannot.
	OpenMerging func(dir string) (Store, error)
}

// Store is an open store. It is safe for concurrent use.
type Store interface {
	// Append stores the events, which it must not keep or change, as one unit where
	// the store has such.
	Append(events []event.Event) error
	// Flush makes durable what was appended before.
	Flush() error
	// Last is the position of the newest event; the first is 1.
	Last() (uint64, error)
	// Ways returns what else the store can do.
	Ways() Ways
	Close() error
}

// Ways is what a store can do besides appending. A nil function means that it
// cannot. The functions are called between Open and Close, by one goroutine at a
// time. Events are passed to visit in memory that is used again, and visit cannot
// fail.
type Ways struct {
	// ByID appends the payload of the event with an id to dst.
	ByID func(id [16]byte, dst []byte) ([]byte, error)
	// BySeq does for a position.
	BySeq func(seq uint64, dst []byte) ([]byte, error)
	// OwnID is the id that the store made for the event at a position, and ByOwnID
	// finds the event by that.
	OwnID   func(seq uint64) ([16]byte, error)
	ByOwnID func(id [16]byte, dst []byte) ([]byte, error)
	// Stream visits the events of an entity in order.
	Stream func(entity string, visit func(*event.Event)) error
	// Scan visits all events in order.
	Scan func(visit func(*event.Event)) error
	// Page visits the first events, at most limit, that a filter selects behind a
	// place. It fails with [ErrUnsupported] for filters that the store has no index
	// for.
	Page func(f Filter, limit int, visit func(*event.Event)) error
	// Verify computes every hash again and returns how many events hold.
	Verify func(ctx context.Context) (uint64, error)
	// Account prepares the projection of an account's balance: it stores deposits of
	// one cent each and returns the project function, which folds what is new of the
	// account from a state that it returned before, or all from nil, and returns the
	// sum.
	Account func(ctx context.Context, deposits int) (Account, error)
	// Settle finishes what the store does in the background, so that it is read in
	// its best state.
	Settle func(ctx context.Context) error
	// Compact rewrites what was stored, beside appends and reads.
	Compact func(ctx context.Context) error
}

// Filter selects events by one of its names, or by kind if all are empty.
type Filter struct {
	Entity, Prefix, Scope string
	Kind                  uint16
	// After is the place: events behind this position. For stores that find the
	// events of an entity by their version alone, AfterVersion is the version of the
	// entity that the place falls on.
	After, AfterVersion uint64
}

// Matches reports whether the filter selects e.
func (f Filter) Matches(e *event.Event) bool {
	switch {
	case e.Seq <= f.After:
		return false
	case f.Entity != "":
		return e.Entity == f.Entity
	case f.Prefix != "":
		return len(e.Entity) >= len(f.Prefix) && e.Entity[:len(f.Prefix)] == f.Prefix
	case f.Scope != "":
		return e.Scope == f.Scope
	}
	return e.Kind == f.Kind
}

// Account is a stream of deposits whose sum is projected.
type Account struct {
	// Deposit appends so many more.
	Deposit func(n int) error
	// Project folds the events since saved, or all if it is nil, and returns the sum
	// with the state to go on from.
	Project func(saved []byte) (sum int64, state []byte, err error)
}
