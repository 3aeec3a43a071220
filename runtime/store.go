package batpak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/turn"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/stickyfs"
)

// Store is an open event log. It is safe for concurrent use.
type Store struct {
	id          StoreID
	incarnation uint32
	options     Options
	seed        uint32 // of the checksums of records
	fs          vfs.FS
	lock        io.Closer
	cache       *sidx.Cache
	index       *catalog.Catalog
	segments    *segment.Reader
	frontier    *frontier.Frontier
	pipeline    *commit.Pipeline // nil if the store is open for reading alone
	upkeep      *upkeep          // nil if the store is open for reading alone
	merger      *merger          // nil if the store merges nothing by itself
	opened      OpenReport
	breaks      map[string]uint64 // of a salvaged store: streams, and their first version behind a gap

	follower   *replay.Follower // of a store that others may write to, else nil
	refreshing chan struct{}    // holds one while the follower is used
	compacting chan struct{}    // holds one while segments are merged, and for ever once the store is closed
	compactErr error            // why nothing is merged any more; of who compacts
	layout     chan struct{}    // holds one while the files of sealed segments change, or must not
	copying    chan struct{}    // holds one while a snapshot is made, and for ever once the store is closed

	closed   atomic.Bool
	closing  chan struct{} // closed when it begins
	isShut   chan struct{} // closed when it is over
	closeErr error         // of closing, once it is over

	turns turn.Turns // of commands on one stream

	// appendings holds those that are over. It is no part of the store: the collector
	// knows all pools, and would keep the store for as long as one of them.
	appendings *sync.Pool

	mu    sync.Mutex // guards bound
	bound map[Kind]string
}

// Open opens the store in the directory dir, for this process alone, and creates
// the directory and the store if there is none. It returns when every event that
// it will show is durable.
//
// Errors match [ErrLocked] if the store is open elsewhere, [ErrCorrupt] if bytes
// are damaged that a crash cannot have damaged, [ErrNewerFormat] if a later
// version wrote it, [ErrNetworkFS] if it is not on a disk of this machine, and
// [ErrInvalid] for options that cannot be. In all these cases the directory is as it was. A store opens on a full disk; only to create
// one takes space, and fails with [ErrDiskFull] if there is none, or no more that this
// user may have. It fails with [ErrTooLarge] if no number is left to tell this opening
// from those before. Where the directory may not be written to, the error is the
// system's; to read the store, use [OpenReadOnly]. [Options.OnOpen] is told how far an opening
// came that failed.
func Open(dir string, o *Options) (*Store, error) {
	return open(dir, o, (*Options).settled, vfs.OpenDir, (*Store).begin)
}

// begin opens the store for writing.
func (s *Store) begin() (err error) {
	if s.lock, err = s.fs.Lock(vfs.Exclusive); err != nil {
		return locked(err)
	}
	s.fs = stickyfs.New(s.fs, rtopts.Point(&s.options.Internal))
	return unwritten(s.recover())
}

// newStore returns a store that was not read yet.
func newStore(fs vfs.FS, options Options) *Store {
	return &Store{
		options: options, fs: fs, appendings: new(sync.Pool), bound: map[Kind]string{}, closing: make(chan struct{}), isShut: make(chan struct{}),
		copying: make(chan struct{}, 1), compacting: make(chan struct{}, 1), layout: make(chan struct{}, 1),
	}
}

// locked turns an error of the directory's lock into one of this package.
func locked(err error) error {
	if !errors.Is(err, vfs.ErrLocked) {
		return err
	}
	e := &LockedError{}
	if l, ok := errors.AsType[*vfs.LockedError](err); ok {
		e.Holder = l.Holder
	}
	return e
}

// recover brings the store up from its files.
func (s *Store) recover() error {
	elapsed := clock.Start()
	s.cache = sidx.NewCache(s.options.IndexCache)
	random := s.options.random()
	newID := func() (id [16]byte) {
		random(id[:])
		return id
	}
	found, err := recovery.Run(s.fs, recovery.Config{Cache: s.cache, Workers: s.workers(), Elapsed: elapsed, NewStore: newID})
	s.opened = openReport(&found.Report)
	s.opened.Took = elapsed()
	if err != nil {
		return s.outward(err, 0)
	}
	if found.Incarnation == math.MaxUint32 && !planted.Bug("number of an opening wraps around") {
		sometimes.Reached("openings were exhausted")
		return errors.Join(fmt.Errorf("%w: the store has been written to in %d openings", ErrTooLarge, found.Incarnation), found.Reader.Close())
	}
	last, _ := clock.TickOf(found.LastID)
	s.id, s.incarnation = found.Store, found.Incarnation+1
	if planted.Bug("opening does not begin an incarnation") {
		s.incarnation = max(found.Incarnation, 1)
	}
	if planted.Bug("ids begin anew when the store is opened") {
		last = 0
	}
	s.seed = format.RecordSeed(found.Store)
	s.segments, s.index = found.Reader, found.Index
	s.frontier = frontier.New(found.NextSequence - 1)
	s.promise(found.NextSequence - 1)
	var prefix *checkpoint.Prefix
	if found.Covered != nil {
		prefix = checkpoint.NewPrefix(found.Reader, found.Covered)
	}
	s.pipeline = commit.New(commit.Config{
		Log: commit.NewLog(commit.LogConfig{
			FS: s.fs, Reader: found.Reader, Writer: found.Writer, Header: found.Header, Digest: found.Digest,
			Incarnation: s.incarnation, SegmentSize: s.options.SegmentSize, Closed: found.Closed,
			Reread: func(end int64) (*chain.Segment, error) { return prefix.Digest(end) },
			Ended:  func() { s.upkeep.ended() },
		}),
		Clock:    clock.New(rtopts.Now(&s.options.Internal), random, last),
		Index:    s.index,
		Frontier: s.frontier,
		Store:    found.Store,
		Next:     found.NextSequence,
		Relaxed:  s.options.Durability == Relaxed,
		Unsynced: s.options.ShowUnsynced,
		Promise:  rtopts.Promise(&s.options.Internal),
		Point:    rtopts.Point(&s.options.Internal),
		Moved:    func(last *index.Entry) { s.upkeep.moved(last) },
	})
	s.merger = s.newMerger()
	s.upkeep = s.newUpkeep(found, prefix)
	s.upkeep.wake()
	return nil
}

// promise tells a test, if one asked for it, that events up to a sequence are
// about to be called durable.
func (s *Store) promise(sequence uint64) {
	if p := rtopts.Promise(&s.options.Internal); p != nil {
		p(sequence)
	}
}

// ID is the store's id.
func (s *Store) ID() StoreID { return s.id }

// Close waits for the appends under way, makes everything durable, and releases
// the directory. It fails with a [*PoisonedError] if appends of a [Relaxed] store
// can no longer be made durable. Later calls return the same error; every method
// that returns an error, but [Store.Bind] and [Store.Compacted], fails with [ErrClosed] from then on.
func (s *Store) Close() error {
	if s.closed.CompareAndSwap(false, true) { // first, so that a read which finds its file closed knows why
		close(s.closing)
		s.closeErr = s.shut()
		close(s.isShut)
	}
	<-s.isShut
	return s.closeErr
}

func (s *Store) shut() error {
	s.copying <- struct{}{} // a snapshot under way sees that the store is closed
	s.point("turn to copy")
	s.merger.stop()
	if !planted.Bug("closing does not wait for merges") {
		s.compacting <- struct{}{} // and so does a merge that was asked for
		s.point("turn to merge")
	}
	err := s.shutLog()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	err = errors.Join(err, s.fs.Close())
	if err != nil {
		return fmt.Errorf("batpak: close: %w", err)
	}
	return nil
}

// point lets a test of this module hold the goroutine up; no lock is held there.
func (s *Store) point(name string) {
	if point := rtopts.Point(&s.options.Internal); point != nil {
		point(name)
	}
}

// shutLog ends writing, if there is any, and closes the files of the log.
func (s *Store) shutLog() error {
	if s.pipeline == nil {
		s.frontier.End(commit.ErrClosed)
		return s.segments.Close()
	}
	s.upkeep.stop()
	err := s.failure(s.pipeline.Close(), nil, nil)
	if err == nil {
		s.promise(s.frontier.At(frontier.Written))
	}
	return err
}

// alive reports whether the store is open.
func (s *Store) alive() error {
	if s.closed.Load() {
		return ErrClosed
	}
	return nil
}

// Mark names a watermark of a store.
type Mark int

// The watermarks, each a sequence: what is up to it, inclusive, has come so far.
const (
	MarkWritten Mark = Mark(frontier.Written) // handed to the operating system
	MarkDurable Mark = Mark(frontier.Durable) // on disk
	MarkVisible Mark = Mark(frontier.Visible) // shown to readers
)

// Frontier is where the watermarks of a store stand.
type Frontier struct {
	Written uint64
	Durable uint64
	Visible uint64
}

// Frontier reports the watermarks. They only rise.
func (s *Store) Frontier() Frontier {
	// From the lowest to the highest, so that what is reported is in order.
	var f Frontier
	f.Visible = s.frontier.At(frontier.Visible)
	f.Durable = s.frontier.At(frontier.Durable)
	f.Written = s.frontier.At(frontier.Written)
	return f
}

// Skew is how many appends since the store was opened found the system's clock behind what
// it had shown before, to appends or when the last event was made, and by how much at most.
// Such an event has the time of the one before and a little more; nothing else depends on
// the clock. A jump ahead looks like time in which nobody appended, and is seen when the
// clock is set right again. Of a store that is open for reading alone there is none.
func (s *Store) Skew() (appends int64, most time.Duration) {
	if s.pipeline != nil {
		appends, most = s.pipeline.Skew()
	}
	return appends, most
}

// Wait returns nil once the mark has reached sequence. It fails with the
// context's error if ctx ends first, with [ErrClosed] when the store is closed,
// and with a [*PoisonedError] when the mark can no longer rise.
func (s *Store) Wait(ctx context.Context, m Mark, sequence uint64) error {
	if m < MarkWritten || m > MarkVisible {
		return &ArgumentError{What: "mark", Reason: "is not one of the constants"}
	}
	if err := s.alive(); err != nil {
		return err
	}
	return s.failure(s.frontier.Wait(ctx, frontier.Mark(m), sequence), nil, nil)
}
