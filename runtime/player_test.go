package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// player plays a history, on one goroutine, and knows at each operation of the
// disk what a crash must leave.
type player struct {
	*history
	chronicle *chronicle
	disk      *simfs.Disk
	store     *batpak.Store // nil while it is closed, or being opened or closed
	lives     int
	must      floors // while there is no store to ask

	waiting []*pending // under way, in the order in which they came
	settled int        // events of the chronicle that are not under way
	acked   int        // up to which end of a request they were acknowledged
	serial  int        // of payloads and keys
	failed  int        // requests, without a trace

	onOp    func(op faultfs.Op, name string) error // called before each operation of the disk that changes something
	onRead  func(op faultfs.Op, name string)       // called before each other one
	tally   *tally                                 // of the crashes that onOp tries
	depth   int                                    // of recoveries that are being crashed
	brief   bool                                   // images of recoveries are held against fewer laws
	err     error                                  // of onOp
	dying   int                                    // the process dies before this operation of the disk; 0 = not
	death   op
	grave   *simfs.Disk // what its death left
	faulty  bool        // a fault was armed in this life
	loses   bool        // and if it is a sync, even a kill loses what it was about
	trouble error       // why nothing more is stored in this life
	sure    int         // events that were durable before the disk first lied
}

// pending is a request under way.
type pending struct {
	*batpak.Pending
	request *request // nil = a sync
	act     act
	how     how
	expects []uint64 // versions
	none    batpak.Query
	before  int // events of the chronicle when it came
}

// floors are how many events there must be.
type floors struct {
	kill int // after the death of the process
	cut  int // after a power cut
}

func newPlayer(h *history) *player {
	p := &player{history: h, chronicle: newChronicle(h.knobs.options(), h.seed)}
	p.chronicle.lying = h.knobs.lies > 0
	p.use(simfs.New())
	return p
}

// run plays the whole history, and closes the store.
func (p *player) run() error {
	if err := p.playAll(p.ops); err != nil {
		return err
	}
	return p.end()
}

// end closes the store for good.
func (p *player) end() error {
	p.dying = 0
	err := caught(p.shut)
	p.disk.OnOp(nil)
	return errors.Join(p.err, err)
}

func (p *player) playAll(ops []op) error {
	for i, o := range ops {
		var err error
		if o.act == actFreeze {
			err = p.freeze(ops[i+1 : min(i+1+o.n, len(ops))])
		} else {
			err = p.play(o)
		}
		if err = errors.Join(p.err, err); err != nil {
			p.disk.OnOp(nil)
			return fmt.Errorf("operation %d, %v: %w", i, o, err)
		}
	}
	return nil
}

// use makes d the disk.
func (p *player) use(d *simfs.Disk) {
	p.disk, p.dying, p.grave, p.faulty, p.loses, p.trouble = d, 0, nil, false, false, nil
	if p.knobs.lies > 0 {
		d.Lie(p.knobs.lies, p.seed+uint64(p.lives))
	}
	d.OnOp(func(op faultfs.Op, name string) {
		if p.err != nil || p.grave != nil {
			return
		}
		if !changes(op) {
			if p.onRead != nil {
				p.onRead(op, name)
			}
			return
		}
		if p.onOp != nil {
			if err := p.onOp(op, name); err != nil {
				p.err = fmt.Errorf("before operation %d of the disk, %s %s: %w", d.Ops(), op, name, err)
				return
			}
		}
		if p.dying > 0 {
			if p.dying--; p.dying == 0 {
				p.die()
				panic(dead{}) // nothing in the process goes on
			}
		}
	})
}

// dead is what a process panics with that dies.
type dead struct{}

// play plays one operation, in which the process may die.
func (p *player) play(o op) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case dead:
			err = nil
		case *checkfs.Breach:
			p.store, err = nil, r // it is in the midst of a call, see [caught]
		default:
			panic(r)
		}
		if p.grave != nil {
			p.bury()
		}
	}()
	return p.perform(o)
}

func (p *player) perform(o op) error {
	if p.store == nil && o.act != actClose && o.act != actClock {
		if err := p.open(); err != nil || p.store == nil {
			return err
		}
	}
	switch o.act {
	case actAppend:
		return p.begin(p.request(o))
	case actRetry, actOther:
		return p.retry(o)
	case actSync:
		return p.sync(o)
	case actStep:
		for range o.n {
			if err := p.step(); err != nil {
				return err
			}
		}
	case actLand:
		return p.land()
	case actClose:
		return p.shut()
	case actDie:
		p.death, p.dying = o, o.n
		if o.n == 0 {
			p.die()
		}
	case actFault:
		p.fault(o)
	case actClock:
		p.chronicle.wall = p.chronicle.wall.Add(time.Duration(o.n) * time.Second)
	case actLook:
		return p.look()
	case actCompact:
		return p.compact()
	}
	return nil
}

// compact merges what there is to merge, at once, whatever is under way. Crashes are held
// against the same chronicle as before.
func (p *player) compact() error {
	r, err := p.store.Compact(context.Background())
	switch {
	case err == nil && (r.Tombstoned > 0 || r.Dropped > 0):
		return breaks(3, "compaction without a retention: %+v", r)
	case err == nil, p.faulty && (isDisk(err) || errors.Is(err, batpak.ErrPoisoned)):
		return nil
	case p.loses && p.trouble != nil:
		return nil // the disk took back what it had shown
	}
	return breaks(1, "compact: %w", err)
}

// floors are how many events a crash now must leave.
func (p *player) floors() floors {
	must := p.must
	if p.store != nil {
		f := p.store.Frontier()
		must = floors{kill: max(p.acked, int(f.Written)), cut: int(f.Durable)}
		if !p.knobs.relaxed {
			must.cut = max(must.cut, p.acked)
		}
		if !p.knobs.unsynced {
			must.cut = max(must.cut, int(f.Visible))
		}
	}
	if p.loses {
		must.kill = must.cut
	}
	return p.trust(must)
}

// open opens the store. What it shows is the truth from then on.
func (p *player) open() error {
	p.lives++
	s, err := p.chronicle.open(p.disk, ownLife+uint64(p.lives))
	switch {
	case err != nil && p.faulty && isDisk(err):
		p.must = p.floors()
		p.heal()
		return nil
	case err != nil:
		return &breach{1, err}
	}
	n, err := p.chronicle.prefix(s)
	switch {
	case err != nil:
	case n < p.must.kill:
		err = breaks(2, "opening shows %d events, want %d at least", n, p.must.kill)
	case !p.chronicle.whole(n):
		err = breaks(2, "opening shows %d events, a part of a batch; batches end with %v", n, p.chronicle.ends)
	}
	if err != nil {
		return err
	}
	p.chronicle.cut(n)
	p.store, p.settled, p.acked = s, n, n
	p.must = p.trust(floors{n, n})
	return nil
}

// heal ends the faults that are armed.
func (p *player) heal() {
	p.disk.Heal()
	p.faulty, p.loses, p.trouble = false, false, nil
}

// isDisk reports whether an error is one that faults give.
func isDisk(err error) bool { return errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ENOSPC) }

// die lets the process die. What goes on afterwards goes on with what that left.
func (p *player) die() {
	c := crash{crashCut, p.death.seed}
	switch {
	case p.death.how&howKill != 0:
		c = crash{kind: crashKill}
	case p.death.how&howHard != 0:
		c = crash{kind: crashHard}
	}
	p.must = p.floors()
	for image := range c.images(p.disk) {
		p.grave = image
	}
	if c.kind != crashKill && p.refuses(p.grave) {
		p.grave = p.disk.Kill() // so that there is something to go on with
	} else if c.kind != crashKill {
		p.must.kill = p.must.cut
	}
	p.disk.Stop()
}

// bury lets go of a process that died. What was under way and had a place may
// have been stored, and the rest was not.
func (p *player) bury() {
	p.store, p.waiting = nil, nil
	p.use(p.grave)
}

// shut closes the store, after what is under way has landed.
func (p *player) shut() error {
	if p.store == nil {
		return nil
	}
	err := p.land()
	s := p.store
	p.must = p.floors()
	p.store = nil
	cerr := s.Close()
	switch {
	case cerr == nil:
		// Everything acknowledged is durable, but for what the disk made of a sync
		// that failed.
		if p.trouble == nil {
			p.must = p.trust(floors{p.acked, p.acked})
		}
		p.heal()
	case p.faulty && (isDisk(cerr) || errors.Is(cerr, batpak.ErrPoisoned)):
		p.must = p.floors()
		p.heal()
	default:
		err = errors.Join(err, breaks(1, "close: %w", cerr))
	}
	return err
}

// freeze copies the machine as it is, lets the copy play some operations, and goes
// on with the original. The copy's memory is gone; its disk is not.
func (p *player) freeze(ops []op) error {
	twin := &player{
		history: p.history, chronicle: p.chronicle.clone(), must: p.floors(), lives: p.lives + 1000, serial: p.serial + 1000, sure: p.sure,
	}
	if p.tally != nil {
		twin.tries(p.tally)
	}
	twin.use(p.disk.Kill())
	ops = slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return o.act == actFreeze })
	if err := errors.Join(twin.playAll(ops), twin.end()); err != nil {
		return fmt.Errorf("copy of a frozen machine: %w", err)
	}
	return nil
}

// look holds what the store shows against the chronicle.
func (p *player) look() error {
	f := p.store.Frontier()
	n, err := p.chronicle.prefix(p.store)
	if err == nil && n != int(f.Visible) {
		err = breaks(2, "the store shows %d events, its mark is at %d", n, f.Visible)
	}
	if p.loses && p.trouble != nil {
		return nil // the disk took back what it had shown
	}
	return err
}

// fault arms a fault.
func (p *player) fault(o op) {
	f := faultfs.Fault{Op: faultfs.OpWrite, N: o.n, Kept: o.how&howKept != 0}
	switch {
	case o.how&howSync != 0:
		f.Op = faultfs.OpSync
	case o.how&howDir != 0:
		f.Op = faultfs.OpSyncDir
	case o.how&howCreate != 0:
		f.Op = faultfs.OpCreate
	case o.how&howTruncate != 0:
		f.Op = faultfs.OpTruncate
	}
	switch {
	case o.how&howRevert != 0:
		f.Loss = faultfs.Reverted
	case o.how&howPart != 0:
		f.Loss = faultfs.Partial
	}
	if o.how&howFull != 0 {
		f.Err = syscall.ENOSPC
	}
	p.faulty, p.loses = true, p.loses || f.Loss == faultfs.Reverted
	p.disk.Fail(f)
}
