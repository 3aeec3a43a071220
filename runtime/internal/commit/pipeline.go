package commit

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// maxGroup is the body in bytes from which on a group takes no more requests.
const maxGroup = 1 << 20

var (
	// ErrClosed is what Submit returns after Close.
	ErrClosed = errors.New("pipeline is closed")
	// ErrLookAgain is what Submit returns when the caller has to look for its
	// keys again.
	ErrLookAgain = errors.New("an event with this key may have come in between")
	// ErrExhausted is what Submit returns when there are not enough sequences, or
	// ids, or no segment, left for a request.
	ErrExhausted = errors.New("sequences, ids or segments are exhausted")
)

// MaxSequence is the last sequence that is given.
const MaxSequence = 1<<63 - 1

// UnknownError says that a request may or may not have been committed. Heads
// are what its events have if they were.
type UnknownError struct {
	Heads []format.Head
	Cause error
}

func (e *UnknownError) Error() string { return "outcome unknown: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *UnknownError) Unwrap() error { return e.Cause }

// PoisonedError is why the pipeline ended writing.
type PoisonedError struct{ Cause error }

func (e *PoisonedError) Error() string { return "poisoned: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *PoisonedError) Unwrap() error { return e.Cause }

// Config is what a pipeline works with. It owns the log and the clock; nothing
// else may use them.
type Config struct {
	Log      *Log
	Clock    *clock.Clock
	Index    *catalog.Catalog
	Frontier *frontier.Frontier
	Store    [16]byte
	Next     uint64 // the first sequence to give
	// Relaxed publishes groups when they are written and syncs only on request, but
	// for the first group: what proves that this opening was is durable before
	// anything else of it is written, so that no later one takes its number.
	Relaxed bool
	// Unsynced shows readers what is written but not durable.
	Unsynced bool
	// Promise, unless nil, is called before events up to a sequence are called
	// durable.
	Promise func(sequence uint64)
	// Point, if it is set, is called at the named points of the way of a request,
	// where other goroutines may come in between. No lock is held there, so a test
	// may hold the goroutine up to let another one go first.
	Point func(name string)
	// Moved, unless nil, is called with the last event of each group that was published,
	// before its appenders are told. It keeps nothing of it.
	Moved func(last *index.Entry)
}

// Pipeline is the writer of one store. Its methods are safe for concurrent use.
//
// The life of a group, with the lock held where it says so:
//
//	open      requests join (locked)
//	sealed    its leader takes it: it is now the one that flies, and a new
//	          group is open (locked)
//	written   the log has its bytes, in a new segment if need be
//	synced    the bytes, and the name of the segment, are durable
//	published in the index and, with that locked, in the frontier
//	landed    every waiter has its outcome (locked)
//
// An open group is assembled on the assumption that the flying one succeeds. If
// it fails, the open one is assembled again from its requests.
type Pipeline struct {
	log      *Log
	index    *catalog.Catalog
	frontier *frontier.Frontier
	seed     uint32 // of the checksums of records
	hashes   maphash.Seed
	relaxed  bool
	unsynced bool
	promise  func(sequence uint64)
	began    bool         // a group of this opening is durable; owned by the flying group
	hook     func(string) // nil but in tests
	moved    func(last *index.Entry)

	mu     sync.Mutex   // guards all below
	clock  *clock.Clock // whose skew takes no lock
	linker chain.Linker
	next   uint64         // sequence
	memory catalog.Memory // of the index, while a request is checked
	open   *group
	flying *group // written and synced now; nil = none
	spare  load   // of the group that flew last
	about  int    // requests that were told when it landed, or waited behind it
	closed bool
	err    error // a PoisonedError

	leaders sync.WaitGroup // of groups; added to with mu held, unless closed
}

// New returns a pipeline.
func New(c Config) *Pipeline {
	return &Pipeline{
		log: c.Log, index: c.Index, frontier: c.Frontier, clock: c.Clock,
		seed: format.RecordSeed(c.Store), hashes: maphash.MakeSeed(), relaxed: c.Relaxed, unsynced: c.Unsynced, promise: c.Promise,
		moved: c.Moved, hook: c.Point, next: c.Next, open: newGroup(load{}),
	}
}

// Skew is that of the clock, see [clock.Clock.Skew].
func (p *Pipeline) Skew() (readings int64, most time.Duration) { return p.clock.Skew() }

// Submit commits r. On nil all its items are published. An [*UnknownError] says
// that they may or may not be. With all other errors nothing was committed: a
// [*Conflict], [ErrExhausted], a [*PoisonedError], [ErrClosed], the context's, or
// the disk's, wrapped; and [ErrLookAgain] if an event that came after r.Known may
// have a key of r.
//
// When ctx ends, waiting ends with an UnknownError, and the commit goes on.
func (p *Pipeline) Submit(ctx context.Context, r *Request) error {
	p.prepare(r)
	for {
		p.point("submit")
		if err := ctx.Err(); err != nil {
			return err
		}
		g, leads, err := p.find(r)
		if err != nil {
			return err
		}
		if leads {
			if ctx.Done() == nil {
				p.lead(g)
			} else {
				go p.lead(g)
			}
		}
		if ctx.Done() == nil {
			<-g.done // alone is cheaper than with a channel that never closes
		} else {
			select {
			case <-g.done:
			case <-ctx.Done():
				p.point("context ended")
				return p.leave(r, g, ctx.Err())
			}
		}
		p.point("told")
		if r.group == g {
			return r.err
		}
		// g was only waited for.
		sometimes.Reached("verdict waited for a group under way")
	}
}

// Join is [Pipeline.Submit] for a goroutine that drives the pipeline itself, with
// [Pipeline.Step]. It does not wait: it reports whether the request is over, and
// is to be called again after a step until it is.
func (p *Pipeline) Join(r *Request) (over bool, err error) {
	switch {
	case r.awaited == nil:
		p.prepare(r)
	case !r.awaited.landed():
		return false, nil
	case r.group == r.awaited:
		return true, r.err
	}
	r.awaited, _, err = p.find(r)
	return err != nil, err
}

// Step takes the groups under way one stage further: it seals the open group, if
// there is anything in it and none is flying, or else advances the flying one.
// It reports whether there was anything to do. Only requests that came by
// [Pipeline.Join] may be under way.
func (p *Pipeline) Step() bool {
	p.mu.Lock()
	g := p.flying
	seals := g == nil && p.open.led
	if seals {
		p.sealLocked(p.open)
	}
	p.mu.Unlock()
	if g != nil {
		p.advance(g)
	}
	return seals || g != nil
}

// leave ends the wait for g before it is done.
func (p *Pipeline) leave(r *Request, g *group, cause error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.group == g && g.landed() {
		sometimes.Reached("context ended when the group was done")
		return r.err // just in time
	}
	if r.group != g || planted.Bug("end of the context is taken for the outcome") {
		sometimes.Reached("context ended while another group was waited for")
		return cause // it was not r that was waited for
	}
	sometimes.Reached("context ended while the group was under way")
	if g == p.open && planted.Bug("cancelled request takes its group with it") {
		g.reset()
	}
	return &UnknownError{Heads: slices.Clone(r.Heads()), Cause: cause}
}

// enter lets a request join the open group. It returns the group to wait for,
// whether the caller leads it, or the outcome if there is nothing to wait for.
func (p *Pipeline) enter(r *Request) (g *group, leads bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.sendBack()
	switch {
	case p.closed:
		return nil, false, ErrClosed
	case p.err != nil:
		return nil, false, p.err
	case len(p.open.buf) > maxGroup:
		sometimes.Reached("open group was full")
		return p.open, false, nil
	}
	if wait, err := p.checkLocked(r); wait != nil || err != nil {
		return wait, false, err
	}
	p.joinLocked(r)
	if leads = !p.open.led; !leads {
		sometimes.Reached("request followed in the group of another")
	}
	if leads {
		p.leaders.Add(1)
	}
	p.open.led = true
	return p.open, leads, nil
}

// lead sees group g through, once the one before it is done.
func (p *Pipeline) lead(g *group) {
	p.point("lead")
	p.seal(g)
	for !p.advance(g) {
		p.point("stage")
	}
}

// seal makes g the flying group, after the one before it is done.
//
// Those who waited for that one have just been woken. The leader yields to them
// while they keep joining, because a group is sealed for one sync whatever its
// size; it gives up after three turns in which nobody came. It waits for as many as were
// told and those who waited behind them: of 8 goroutines, 5 in one group and 3 behind it
// would make groups of 5 for ever if as many as the last time were enough.
func (p *Pipeline) seal(g *group) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.flying != nil && !planted.Bug("leader does not wait for the group before") {
		sometimes.Reached("leader waited for the group before")
		before := p.flying.done
		p.mu.Unlock()
		<-before
		p.point("next to fly")
		p.mu.Lock()
	}
	for idle := 0; idle < 3 && len(g.requests) < p.about; {
		n := len(g.requests)
		p.mu.Unlock()
		p.yield()
		p.mu.Lock()
		if len(g.requests) == n {
			idle++
		}
	}
	p.sealLocked(g)
}

// sealLocked makes g, which is the open group, the flying one.
func (p *Pipeline) sealLocked(g *group) {
	g.stage = sealed
	p.flying, p.open = g, newGroup(p.spare)
	p.spare = load{}
}

// advance takes the flying group to its next stage. It reports whether that was
// the last one.
func (p *Pipeline) advance(g *group) (done bool) {
	var err error
	switch g.stage {
	case sealed:
		err = p.write(g)
	case written:
		err = p.sync(g)
	case synced:
		if planted.Bug("appenders are told before their group is published") {
			close(g.done)
			g.done = make(chan struct{})
			p.point("told early")
		}
		p.publish(g)
	}
	if err != nil || g.stage == published {
		if n := len(g.entries); err == nil && n > 0 && p.moved != nil {
			p.moved(&g.entries[n-1])
		}
		p.land(g, err)
		return true
	}
	g.stage++
	return false
}

// write hands a sealed group to the log.
func (p *Pipeline) write(g *group) error {
	if err := p.Err(); err != nil {
		return err
	}
	g.end = p.frontier.At(frontier.Written)
	if n := len(g.entries); n > 0 {
		if err := p.log.Append(g.buf, g.entries); err != nil {
			return err
		}
		g.end = g.entries[n-1].Sequence
	}
	if planted.Bug("shown before it is durable") {
		g.durable = g.end
		p.publish(g)
	}
	return nil
}

// sync makes a written group durable if it is to be.
func (p *Pipeline) sync(g *group) error {
	sync := g.sync && !planted.Bug("request for a sync is ignored") || !p.relaxed && len(g.entries) > 0
	first := len(g.entries) > 0 && !p.began && !planted.Bug("first group of an opening is not synced")
	if sync = sync || first; sync {
		if err := p.log.Sync(); err != nil && !planted.Bug("acknowledged though the sync failed") {
			return err
		}
		p.began = p.began || first
	}
	g.durable = p.log.Sealed()
	if sync || planted.Bug("relaxed counts as durable") {
		g.durable = g.end
	}
	return nil
}

// publish shows a group to those who find and to those who wait, at the same
// moment: who is refused for one of its events, or gets the receipt of one, must
// be able to read it.
func (p *Pipeline) publish(g *group) {
	if p.promise != nil {
		p.promise(g.durable)
	}
	switch {
	case len(g.entries) == 0:
		p.advanceMarks(g)
		return
	case planted.Bug("index is ahead of the marks"):
		p.index.Add(g.entries, p.log.Incarnation, func() {})
		p.point("indexed")
		p.advanceMarks(g)
		return
	case planted.Bug("batch is shown one event after the other"):
		for i, e := range g.entries {
			p.index.Add(g.entries[i:i+1], p.log.Incarnation, func() { p.frontier.Advance(frontier.Visible, e.Sequence) })
			p.point("shown in part")
		}
		p.advanceMarks(g)
		return
	}
	p.index.Add(g.entries, p.log.Incarnation, func() { p.advanceMarks(g) })
}

// advanceMarks raises the marks to where a group ends.
func (p *Pipeline) advanceMarks(g *group) {
	p.frontier.Advance(frontier.Written, g.end)
	p.frontier.Advance(frontier.Durable, g.durable)
	visible := g.durable
	if p.unsynced {
		visible = g.end
	}
	p.frontier.Advance(frontier.Visible, visible)
}

// land tells the requests of the flying group what became of them.
func (p *Pipeline) land(g *group, err error) {
	p.mu.Lock()
	p.flying = nil
	p.about = len(g.requests) + len(p.open.requests)
	if err != nil {
		p.failLocked(g, err)
	}
	if p.err != nil {
		p.frontier.End(p.err) // be it that another has poisoned it while g was under way
	}
	if cap(g.buf) <= 2*maxGroup {
		p.spare, g.load = g.load, load{}
	}
	p.mu.Unlock()
	p.point("tell")
	close(g.done)
	p.leaders.Done()
}

// failLocked gives the requests of g their error, and those of the open group a
// new start or the same end.
func (p *Pipeline) failLocked(g *group, err error) {
	var poisoned *PoisonedError
	if !errors.As(err, &poisoned) {
		for _, r := range g.requests {
			if r.err = err; len(r.Items) == 0 && g.stage == sealed {
				sometimes.Reached("sync was asked for in a group that failed")
				r.sendBack() // it asked for a sync, and that is not what failed
			}
		}
		p.reassembleLocked(g)
		return
	}
	already := p.err != nil
	for _, r := range g.requests {
		if already || len(r.Items) == 0 {
			sometimes.Reached("request met a poisoned writer in its group")
			r.err = poisoned // nothing of it was written
		} else {
			r.err = &UnknownError{Heads: r.Heads(), Cause: poisoned}
		}
	}
	if !already {
		p.err = poisoned
		p.frontier.End(poisoned)
	}
}

// reassembleLocked gives the open group's requests new places, as the failed
// group's are free again. A request that no longer fits is sent back to the
// start.
func (p *Pipeline) reassembleLocked(failed *group) {
	g := p.open
	requests := g.requests
	g.requests = nil
	if !planted.Bug("group that is assembled again keeps what it had") {
		g.reset()
	}
	if len(failed.entries) > 0 && !planted.Bug("sequences of a failed group are not given again") {
		p.next = failed.entries[0].Sequence
	}
	for _, r := range requests {
		if wait, err := p.checkLocked(r); wait == nil && err == nil {
			p.joinLocked(r)
			sometimes.Reached("request joined the open group again")
		} else {
			sometimes.Reached("request no longer fitted the open group")
			if !planted.Bug("request that no longer fits is forgotten") {
				r.sendBack()
			}
		}
	}
}
