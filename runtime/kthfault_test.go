package batpak_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var (
	allFaults  = flag.Bool("fault.all", false, "let each operation fail with each error, and crash at each image, instead of those that differ most")
	faultRuns  = flag.Int("fault.n", 1, "scripts that the fault tests run")
	faultsSeed = flag.Uint64("fault.seed", 1, "seed of the first script")
)

// told is what an appender knows of its event.
type told int

const (
	refused told = iota // nothing was stored
	unknown             // it may have been
	written             // it was, and is not known to be durable
	durable
)

// attempt is a batch that a store was asked to append.
type attempt struct {
	texts    []string
	told     told
	early    bool             // it was told so before the fault
	receipts []batpak.Receipt // nil = not known
	again    bool             // and so it is not known which attempts it comes after
}

// doubt makes an attempt one of which it is not known whether its events were stored.
func (a *attempt) doubt() { a.told, a.receipts, a.again = unknown, nil, true }

// draft is the i-th event of an attempt, whose key is its text.
func (a *attempt) draft(i int) batpak.Draft { return note(fmt.Sprint("e:", i), a.texts[i]) }

// stores reports whether an event is the i-th of an attempt in all that was asked for, and
// what was acknowledged if it was.
func (a *attempt) stores(i int, e *batpak.Event) bool {
	d := a.draft(i)
	return e.Coordinate == d.Coordinate && e.Kind == d.Kind && e.PayloadVersion == d.PayloadVersion && e.Key == a.texts[i] &&
		string(e.Payload) == a.texts[i] && (a.receipts == nil || isReceiptOf(&a.receipts[i], e))
}

// faulted is a script of work on a disk of which an operation fails.
type faulted struct {
	*history
	disk     *simfs.Disk
	fault    faultfs.Fault
	options  batpak.Options
	attempts []attempt
	seen     int    // operations that count
	shaken   int    // appends since the first failure, that included
	ended    bool   // this opening of the store was told that the writer is poisoned
	cuts     uint64 // seed of the last one
	lane     *faultLane
}

// newFaulted returns the script that is a history, with a fault to come.
func newFaulted(h *history, f faultfs.Fault, l *faultLane) *faulted {
	return &faulted{history: h, disk: simfs.New(), fault: f, options: h.knobs.options(), lane: l}
}

// drawFaulted draws script number seed: a store is opened twice, and does some work each
// time.
func drawFaulted(seed uint64, durability batpak.Durability) *history {
	r := rand.New(rand.NewPCG(seed, 1))
	h := &history{lane: laneFault, seed: seed, knobs: knobs{segment: 600 + 100*int(seed%4), checkpoint: 350, relaxed: durability == batpak.Relaxed}}
	if seed%4 == 3 {
		h.knobs.checkpoint, h.knobs.events = 0, 4
	}
	for range 2 {
		for i := range 6 {
			h.ops = append(h.ops, op{act: actAppend, n: 1 + r.IntN(3)})
			if i%3 == 2 {
				h.ops = append(h.ops, op{act: actSync}, op{act: actLook}, op{act: actRetry})
			}
		}
		h.ops = append(h.ops, op{act: actClose})
	}
	h.ops = h.ops[:len(h.ops)-1] // it goes on first
	return h
}

// short is the error of a read that finds a file ending where it does not end.
var short = io.EOF

// errDrawn stands for one of the rarer errors, in one of its forms, which each number of an
// operation draws for itself.
var errDrawn = errors.New("drawn")

// rarer are the errors of a disk that may not be written to any more, that is gone, and
// of which the user has no more share. They are not told apart but for the last, which is
// a disk that is full.
var rarer = []error{syscall.EROFS, syscall.EACCES, syscall.ESTALE, syscall.EDQUOT}

// draw returns f with the error that a seed and its number draw, if it is to have one.
func draw(seed uint64, f faultfs.Fault) faultfs.Fault { return drawFrom(seed, f, rarer) }

// drawFrom is draw from these errors.
func drawFrom(seed uint64, f faultfs.Fault, all []error) faultfs.Fault {
	if f.Err == errDrawn {
		r := rand.New(rand.NewPCG(seed, uint64(f.N)))
		f.Err, f.Kept, f.Sticky = all[r.IntN(len(all))], r.IntN(2) == 0, r.IntN(2) == 0
	}
	return f
}

// errorsOf are those that an operation may fail with, whatever it is about.
func errorsOf(op faultfs.Op) []error {
	all := append([]error{syscall.EIO, syscall.ENOSPC, syscall.EINTR}, rarer...)
	if op == faultfs.OpCreate || op == faultfs.OpOpen || op == faultfs.OpList {
		all = append(all, syscall.EMFILE) // what opens no file does not run out of descriptors
	}
	return all
}

// faults lists the faults to try, each for every operation of its kind in turn.
func faults() []faultfs.Fault { return faultsOf(*allFaults, operations) }

// everyFault lists those that any run tries.
func everyFault() []faultfs.Fault {
	return append(faultsOf(false, operations), faultsOf(true, operations)...)
}

// faultsBeside lists what is tried beside a lane's own faults of some operations: an error
// of each that is drawn, and all that a sync which fails may lose, or all there is. A sync
// that lies is not among them, of which nobody can keep what it lost.
func faultsBeside(own []faultfs.Op) []faultfs.Fault {
	return slices.DeleteFunc(faultsOf(*allFaults, own), func(f faultfs.Fault) bool {
		return !slices.Contains(own, f.Op) || f.Loss == faultfs.Late || !*allFaults && f.Err != errDrawn && f.Loss == faultfs.Ghosts
	})
}

// drawAny is draw from all errors that there are.
func drawAny(seed uint64, f faultfs.Fault) faultfs.Fault {
	all := errorsOf(f.Op)
	switch f.Op {
	case faultfs.OpRead:
		all = append(all, short)
	case faultfs.OpWrite:
		all = append(all, io.ErrShortWrite)
	}
	return drawFrom(seed, f, all)
}

// operations are those that may fail, apart from what shares files.
var operations = []faultfs.Op{
	faultfs.OpWrite, faultfs.OpSync, faultfs.OpSyncDir, faultfs.OpCreate, faultfs.OpRename, faultfs.OpRemove,
	faultfs.OpRead, faultfs.OpTruncate, faultfs.OpOpen, faultfs.OpList,
}

func faultsOf(every bool, operations []faultfs.Op) (all []faultfs.Fault) {
	add := func(op faultfs.Op, err error, loss faultfs.Loss, kept bool) {
		for _, sticky := range []bool{false, true} {
			all = append(all, faultfs.Fault{Op: op, Err: err, Loss: loss, Kept: kept, Sticky: sticky})
		}
	}
	for _, op := range operations {
		if !every {
			all = append(all, faultfs.Fault{Op: op, Err: errDrawn})
		}
		for _, err := range errorsOf(op) {
			if every || err == syscall.EIO || special(op, err) {
				add(op, err, faultfs.Ghosts, false)
				add(op, err, faultfs.Ghosts, true)
			}
		}
	}
	add(faultfs.OpRead, short, faultfs.Ghosts, false)
	add(faultfs.OpWrite, io.ErrShortWrite, faultfs.Ghosts, false)
	add(faultfs.OpWrite, io.ErrShortWrite, faultfs.Ghosts, true)
	for _, loss := range []faultfs.Loss{faultfs.Reverted, faultfs.Partial, faultfs.Late} {
		add(faultfs.OpSync, syscall.EIO, loss, false)
	}
	add(faultfs.OpSyncDir, syscall.EIO, faultfs.Reverted, false)
	add(faultfs.OpSyncDir, syscall.EIO, faultfs.Partial, false)
	return all
}

// special reports whether an operation that fails with this error is known to leave
// something else behind, or to be answered in another way, than with any other.
func special(op faultfs.Op, err error) bool {
	return err == syscall.ENOSPC && (op == faultfs.OpWrite || op == faultfs.OpCreate || op == faultfs.OpSync) ||
		err == syscall.EMFILE && op == faultfs.OpOpen
}

// describe says what a fault is, in a form that is good for the name of a test.
func describeFault(f faultfs.Fault) string {
	parts := []string{string(f.Op)}
	names := map[error]string{
		syscall.EIO: "EIO", syscall.ENOSPC: "ENOSPC", syscall.EMFILE: "EMFILE", syscall.EINTR: "EINTR", errDrawn: "drawn",
		syscall.EROFS: "EROFS", syscall.EACCES: "EACCES", syscall.ESTALE: "ESTALE", syscall.EDQUOT: "EDQUOT",
	}
	parts = append(parts, cmp.Or(names[f.Err], "short"))
	parts = append(parts, []string{"ghosts", "reverted", "partial", "late"}[f.Loss])
	if f.Kept {
		parts = append(parts, "kept")
	}
	if f.Sticky {
		parts = append(parts, "sticky")
	}
	return strings.Join(parts, "_")
}

// faultLane counts what a lane has done.
type faultLane struct {
	runs, opened atomic.Int64
	kept         sync.Once // the first that fails
}

// untilNoneFires lets the first operation of a kind fail, then the second, and so
// on, until a run ends without having met the fault.
func (l *faultLane) untilNoneFires(seed uint64, f faultfs.Fault, run func(f faultfs.Fault) (fired bool, err error)) error {
	for f.N = 1; ; f.N++ {
		fired := false
		err := caught(func() (err error) {
			fired, err = run(draw(seed, f))
			return err
		})
		if err != nil {
			return fmt.Errorf("operation %d, %s: %w", f.N, describeFault(draw(seed, f)), &breach{2, err})
		}
		l.runs.Add(1)
		if !fired {
			return nil
		}
	}
}

// scripts calls do with the seed of each script, in each durability.
func scripts(do func(seed uint64, durability batpak.Durability)) {
	for seed := *faultsSeed; seed < *faultsSeed+uint64(*faultRuns); seed++ {
		do(seed, batpak.Synced)
		do(seed, batpak.Relaxed)
	}
}

// TestKthFault lets the k-th operation of each kind fail, for every k that a
// script of openings, appends, retries, reads and closings reaches. What the store
// said must hold: now, after a kill, after power cuts, and after a power cut
// during, or after, the recovery from a kill. When the fault is over a store that is
// not poisoned goes on.
func TestKthFault(t *testing.T) {
	t.Parallel()
	var l faultLane
	t.Run("of", func(t *testing.T) {
		for _, f := range faults() {
			reads := f.Op == faultfs.OpRead || f.Op == faultfs.OpOpen || f.Op == faultfs.OpList
			t.Run(describeFault(f), func(t *testing.T) {
				t.Parallel()
				scripts(func(seed uint64, durability batpak.Durability) {
					if reads && durability == batpak.Relaxed && !*allFaults {
						return // reads are no different
					}
					h := drawFaulted(seed, durability)
					h.fails = describeFault(f)
					if err := h.failEach(f, &l); err != nil {
						l.kept.Do(func() { keep(t, h, err) })
						t.Errorf("durability %d: %v\n\t%s", durability, err, again(t, seed))
					}
				})
			})
		}
	})
	t.Logf("%d runs, %d openings of what they left", l.runs.Load(), l.opened.Load())
}

// again is the command that repeats a failure.
func again(t *testing.T, seed uint64) string {
	return fmt.Sprintf("go test ./runtime -run '^%s$' -fault.seed=%d -fault.n=1 -fault.all=%v", t.Name(), seed, *allFaults)
}

// TestKthFaultInRecovery lets the k-th operation of each kind fail while a store is
// opened that a kill or a power cut has left, for every k that the opening and a
// few appends reach.
func TestKthFaultInRecovery(t *testing.T) {
	t.Parallel()
	var l faultLane
	t.Run("of", func(t *testing.T) {
		scripts(func(seed uint64, durability batpak.Durability) {
			t.Run(fmt.Sprintf("script_%d_durability_%d", seed, durability), func(t *testing.T) {
				t.Parallel()
				h := drawFaulted(seed, durability)
				all, err := remains(h, &l)
				if err != nil {
					h.lane, h.fails = laneRecovery, describeFault(faults()[0]) // it fails without
					l.kept.Do(func() { keep(t, h, err) })
					t.Fatalf("%v\n\t%s", err, again(t, seed))
				}
				j := newJury()
				for i, left := range all {
					for _, f := range faults() {
						j.judge(func() error { return left.failEachInRecovery(i, f) })
					}
				}
				if _, err := j.verdict(); err != nil {
					if f, ok := errors.AsType[*failedHistory](err); ok {
						l.kept.Do(func() { keep(t, f.history, f.err) })
					}
					t.Fatalf("%v\n\t%s", err, again(t, seed))
				}
			})
		})
	})
	t.Logf("%d runs, %d openings of what they left", l.runs.Load(), l.opened.Load())
}

// failEachInRecovery lets each operation of a recovery of the i-th image fail that a fault is
// about.
func (w *faulted) failEachInRecovery(i int, f faultfs.Fault) error {
	err := w.lane.untilNoneFires(w.seed, f, func(f faultfs.Fault) (bool, error) { return w.with(f).recover() })
	if err == nil {
		return nil
	}
	h := *w.history
	h.fails = describeFault(f)
	return &failedHistory{&h, fmt.Errorf("image %d, %s: %w", i, h.fails, err)}
}

// remains are what crashes at some operations of a script leave, each with what
// the appenders have been told by then that must be there; or what the one crash leaves
// that the script ends in.
func remains(h *history, l *faultLane) (all []*faulted, err error) {
	script, death := *h, op{}
	if n := len(h.ops); n > 0 && h.ops[n-1].act == actDie {
		script.ops, death = h.ops[:n-1], h.ops[n-1]
	}
	w, made := newFaulted(&script, faultfs.Fault{}, l), 0
	keep := func(image *simfs.Disk, how how) {
		left := *w
		crashed := script
		crashed.lane, crashed.ops = laneRecovery, append(slices.Clip(script.ops), op{act: actDie, n: made, how: how})
		left.history, left.disk, left.attempts = &crashed, image, slices.Clone(w.attempts)
		for i := range left.attempts {
			a := &left.attempts[i]
			if a.told == written && how != howKill {
				a.doubt()
			}
			a.told = max(a.told, unknown) // the one under way
		}
		all = append(all, &left)
	}
	w.watch(func(op faultfs.Op) {
		if !changes(op) {
			return
		}
		switch made++; {
		case death.act == actDie && made == death.n && death.how == howKill, death.act == "" && made%w.effort(37, 2) == 1:
			keep(w.disk.Kill(), howKill)
		}
		switch {
		case death.act == actDie && made == death.n && death.how != howKill, death.act == "" && made%w.effort(37, 2) == 1:
			keep(w.disk.Cut(uint64(made)), 0)
		}
	})
	return all, wrapBreach(2, caught(w.script))
}

// fail plays a history of which operations of the disk fail.
func (h *history) fail(t *tally) error {
	i := slices.IndexFunc(everyFault(), func(f faultfs.Fault) bool { return describeFault(f) == h.fails })
	if i < 0 {
		return fmt.Errorf("there is no fault %q", h.fails)
	}
	f, l := everyFault()[i], new(faultLane)
	defer func() { t.images += int(l.opened.Load()) }()
	if h.lane == laneFault {
		return h.failEach(f, l)
	}
	all, err := remains(h, l)
	if err != nil {
		return err
	}
	for _, left := range all {
		err = errors.Join(err, l.untilNoneFires(h.seed, f, func(f faultfs.Fault) (bool, error) { return left.with(f).recover() }))
	}
	return err
}

// failEach lets each operation of a script fail that a fault is about.
func (h *history) failEach(f faultfs.Fault, l *faultLane) error {
	return l.untilNoneFires(h.seed, f, func(f faultfs.Fault) (bool, error) { return newFaulted(h, f, l).run() })
}

// watch has hook called before each operation of the disk.
func (w *faulted) watch(hook func(op faultfs.Op)) {
	w.disk.OnOp(func(op faultfs.Op, _ string) {
		if op == w.fault.Op {
			w.seen++
		}
		if hook != nil {
			hook(op)
		}
	})
}

// with is w on a copy of its disk, with a fault to come.
func (w *faulted) with(f faultfs.Fault) *faulted {
	n := *w
	n.disk, n.attempts, n.fault, n.seen = w.disk.Kill(), slices.Clone(w.attempts), f, 0
	n.shaken = w.effort(1, 0) // of which the first is checked at once: leave it at the end
	for i := range n.attempts {
		n.attempts[i].early = true
	}
	return &n
}

// run plays the script with the fault, checks what is left, and reports whether the
// fault came up.
func (w *faulted) run() (fired bool, err error) {
	w.watch(nil)
	w.disk.Fail(w.fault)
	if err := w.script(); err != nil {
		return true, err
	}
	w.disk.OnOp(nil)
	w.disk.Heal()
	return w.fired(), w.checkImages()
}

// fired reports whether the fault came up.
func (w *faulted) fired() bool { return w.seen >= max(w.fault.N, 1) }

// open opens the store. What it then shows is durable.
func (w *faulted) open() (*batpak.Store, error) {
	s, err := batpak.Open("simulated", simOptions(w.disk, &w.options))
	if err != nil {
		return nil, err
	}
	w.ended = false
	if w.reverted() {
		for i := range w.attempts {
			if a := &w.attempts[i]; a.told == written {
				a.doubt()
			}
		}
	}
	return s, w.settle(nil)
}

// reverted reports whether what was written and not durable may have gone with a
// sync that failed.
func (w *faulted) reverted() bool {
	return w.fired() && w.fault.Op == faultfs.OpSync && w.fault.Loss == faultfs.Reverted
}

// script plays the history. A life of which the opening fails has no work, and what the
// last one leaves goes on without the fault.
func (w *faulted) script() error {
	var s *batpak.Store
	closed := true
	for i, o := range w.ops {
		if closed {
			var err error
			if s, err = w.open(); err != nil {
				if err := w.expected("Open()", err); err != nil {
					return err
				}
			}
			closed = false
		}
		if closed = o.act == actClose; s == nil {
			continue
		}
		err := w.play(s, i, o)
		if closed || err != nil {
			err = errors.Join(err, w.expected("Close()", w.settle(s.Close())))
			s = nil
		}
		if err != nil {
			return err
		}
	}
	if s == nil {
		return nil
	}
	return errors.Join(w.goOn(s), w.expected("Close()", w.settle(s.Close())))
}

// play plays one operation, or goes on before the store is closed for good.
func (w *faulted) play(s *batpak.Store, i int, o op) error {
	switch o.act {
	case actAppend:
		return w.append(s, fmt.Sprint("a", i), max(1, o.n))
	case actSync:
		return w.expected("Sync()", w.settle(s.Sync(context.Background())))
	case actLook:
		return w.read(s)
	case actRetry:
		return w.retries(s)
	case actClose:
		return nil
	}
	return fmt.Errorf("a script knows no %q", o.act)
}

// recover opens the store with the fault, works a little, checks what is left, and
// reports whether the fault came up.
func (w *faulted) recover() (fired bool, err error) {
	w.watch(nil)
	w.disk.Fail(w.fault)
	s, err := w.open()
	if err != nil {
		err = w.expected("Open()", err)
	} else {
		err = errors.Join(w.retries(s), w.append(s, "recovered", 2), w.append(s, "again", 1), w.goOn(s))
		err = errors.Join(err, w.expected("Close()", w.settle(s.Close())))
	}
	w.disk.OnOp(nil)
	w.disk.Heal()
	return w.fired(), errors.Join(err, w.checkImages())
}

// read reads everything.
func (w *faulted) read(s *batpak.Store) error {
	v, err := s.Verify(context.Background())
	if err := w.expected("Verify()", err); err != nil || len(v.Damages) > 0 && w.fault.Err != short {
		return fmt.Errorf("damages %v, %w", v.Damages, err)
	}
	for _, err := range s.Events(batpak.Query{}) {
		if err := w.expected("Events()", err); err != nil {
			return err
		}
	}
	return nil
}

// goOn lets the fault be over: a store that is not poisoned goes on, and only what
// nobody can trust poisons.
func (w *faulted) goOn(s *batpak.Store) error {
	w.disk.Heal()
	w.attempts = append(w.attempts, attempt{texts: []string{fmt.Sprint("on ", len(w.attempts))}})
	err := w.commit(s, &w.attempts[len(w.attempts)-1])
	poisons := w.fault.Op == faultfs.OpSync || w.fault.Op == faultfs.OpSyncDir || w.fault.Op == faultfs.OpTruncate
	if err == nil || poisons && errors.Is(err, batpak.ErrPoisoned) {
		return nil
	}
	return fmt.Errorf("append when the disk is well again: %w", err)
}

// append appends a batch of n events and takes down what it was told.
func (w *faulted) append(s *batpak.Store, text string, n int) error {
	a := attempt{}
	for i := range n {
		a.texts = append(a.texts, fmt.Sprint(text, ".", i))
	}
	w.attempts = append(w.attempts, a)
	err := w.commit(s, &w.attempts[len(w.attempts)-1])
	if err != nil || w.shaken > 0 || w.fired() {
		w.shaken++
	}
	if err := w.expected("Commit()", err); err != nil || w.shaken < 1 || w.shaken > w.effort(1, 3) {
		return err
	}
	if err := w.check(w.disk.Kill(), written); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	return w.checkCuts()
}

// commit commits the batch of an attempt.
func (w *faulted) commit(s *batpak.Store, a *attempt) error {
	b := s.NewBatch()
	for i, text := range a.texts {
		b.Add(a.draft(i), batpak.Key(text))
	}
	receipts, err := b.Commit(context.Background())
	if err == nil {
		return w.acknowledged(a, receipts)
	}
	if errors.Is(err, batpak.ErrOutcomeUnknown) {
		a.told = max(a.told, unknown)
	}
	w.ended = w.ended || errors.Is(err, batpak.ErrPoisoned)
	return err
}

// acknowledged takes in the receipts of an attempt, which may be those of an
// earlier call.
func (w *faulted) acknowledged(a *attempt, receipts []batpak.Receipt) error {
	first := receipts[0].Sequence()
	alike := func(a, b batpak.Receipt) bool {
		return a.ID() == b.ID() && a.Hash() == b.Hash() && a.Sequence() == b.Sequence()
	}
	switch {
	case a.receipts != nil && !slices.EqualFunc(a.receipts, receipts, alike):
		return fmt.Errorf("batch %q is acknowledged as %+v, before that it was %+v", a.texts, receipts, a.receipts)
	case a.receipts == nil && w.ended && receipts[0].Durable():
		return fmt.Errorf("batch %q is acknowledged by a poisoned writer", a.texts)
	}
	a.receipts, a.again = receipts, a.again || a.told == unknown
	for i, r := range receipts {
		if r.Sequence() != first+uint64(i) {
			return fmt.Errorf("event %d of batch %q is acknowledged as event %d, the first one is %d", i, a.texts, r.Sequence(), first)
		}
	}
	now := written
	if receipts[len(receipts)-1].Durable() {
		now = durable
	}
	if now > a.told {
		a.told, a.early = now, !w.fired()
	}
	return nil
}

// retries repeats the batches of which it is not known whether they were stored,
// and the last one that was.
func (w *faulted) retries(s *batpak.Store) error {
	last := -1
	for i := range w.attempts {
		switch a := &w.attempts[i]; {
		case a.told == unknown:
			if err := w.expected("retry", w.commit(s, a)); err != nil {
				return err
			}
		case a.told >= written:
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	return w.expected("retry", w.commit(s, &w.attempts[last]))
}

// settle takes down that all was made durable, if err is nil.
func (w *faulted) settle(err error) error {
	for i := range w.attempts {
		if a := &w.attempts[i]; err == nil && a.told == written {
			a.told, a.early = durable, !w.fired()
		}
	}
	return err
}

// expected returns an error unless err is nil or told by the fault.
func (w *faulted) expected(call string, err error) error {
	full := vfs.Full(w.fault.Err) && !errors.Is(err, batpak.ErrPoisoned) && (w.fault.Op == faultfs.OpWrite || w.fault.Op == faultfs.OpCreate)
	switch {
	case err != nil && full && !errors.Is(err, batpak.ErrDiskFull):
		return fmt.Errorf("%s = %w, want ErrDiskFull", call, err)
	case err == nil || errors.Is(err, w.fault.Err) && !errors.Is(err, batpak.ErrCorrupt):
		return nil
	case w.fault.Err == short && errors.Is(err, batpak.ErrCorrupt):
		return nil // what was not there to be read is damaged, for all one knows
	}
	return fmt.Errorf("%s = %w, which is not what failed", call, err)
}

// effort is how much is done: a little, or all.
func (*faulted) effort(little, all int) int {
	if *allFaults {
		return all
	}
	return little
}

// checkImages checks what crashes leave after the script, and at last the disk
// itself.
func (w *faulted) checkImages() error {
	if err := w.checkCuts(); err != nil {
		return err
	}
	if err := w.check(w.disk, written); err != nil {
		return fmt.Errorf("no crash: %w", err)
	}
	if err := w.check(w.disk.CutHard(), written); err != nil {
		return fmt.Errorf("hard cut after the next opening: %w", err)
	}
	return nil
}

// checkCuts checks what power cuts leave.
func (w *faulted) checkCuts() error {
	if err := w.check(w.disk.CutHard(), durable); err != nil {
		return fmt.Errorf("hard cut: %w", err)
	}
	for range w.effort(1, 4) {
		w.cuts++
		if err := w.check(w.disk.Cut(w.cuts), durable); err != nil {
			return fmt.Errorf("cut %d: %w", w.cuts, err)
		}
	}
	return nil
}

// check opens the store on a disk: it must hold every event of which its appender
// was told at least floor, none that was refused, batches whole, in order. One of
// the operations of the opening is followed by a power cut, of which the same
// holds, but for what only a kill spares.
func (w *faulted) check(d *simfs.Disk, floor told) error {
	w.cuts++
	var again *simfs.Disk
	left := int(w.cuts % uint64(w.effort(20, 7)))
	d.OnOp(func(op faultfs.Op, _ string) {
		if changes(op) {
			if left--; left == 0 {
				again = d.Cut(w.cuts)
			}
		}
	})
	err := w.checkOpen(d, floor)
	if err == nil && again != nil {
		if err = w.checkOpen(again, durable); err != nil {
			err = fmt.Errorf("cut %d in the recovery, or after it: %w", w.cuts, err)
		}
	}
	return err
}

func (w *faulted) checkOpen(d *simfs.Disk, floor told) error {
	w.lane.opened.Add(1)
	s, err := batpak.Open("simulated", simOptions(d, &w.options))
	if w.lied() && errors.Is(err, w.fault.Err) { // the sync of before, told now
		s, err = batpak.Open("simulated", simOptions(d, &w.options))
	}
	if w.lied() && errors.Is(err, batpak.ErrCorrupt) {
		return nil
	}
	if err == nil {
		err = cmp.Or(w.hold(s, d, floor), s.Close())
	}
	return err
}

// hold holds a store that was opened against what appenders were told, and appends to it.
func (w *faulted) hold(s *batpak.Store, d *simfs.Disk, floor told) error {
	v, err := s.Verify(context.Background())
	if w.lied() && err == nil && len(v.Damages) > 0 {
		return nil
	}
	if err != nil || len(v.Damages) > 0 {
		return fmt.Errorf("Verify() = %+v, %w", v, err)
	}
	if err := w.checkEvents(s, floor); err != nil {
		return err
	}
	if _, err = s.Append(context.Background(), note("after:1", "after")); err == nil {
		err = s.Sync(context.Background())
	}
	d.OnOp(nil)
	return err
}

// lied reports whether the disk told of a sync that it was well when it was not.
// What it lost of that, and what came after, nobody can keep.
func (w *faulted) lied() bool {
	return w.fired() && w.fault.Op == faultfs.OpSync && w.fault.Loss == faultfs.Late
}

// checkEvents holds the events of a store against the attempts.
func (w *faulted) checkEvents(s *batpak.Store, floor told) error {
	if w.reverted() {
		floor = durable // the rest went with the failure
	}
	all, found := make([]batpak.Event, 0, s.Frontier().Visible), map[string]uint64{}
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return err
		}
		if found[string(e.Payload)] != 0 && string(e.Payload) != "after" || e.Sequence != uint64(len(all))+1 {
			return fmt.Errorf("event %d, %q, is there twice, or not in its place", e.Sequence, e.Payload)
		}
		all, found[string(e.Payload)] = append(all, e), e.Sequence
	}
	var last uint64
	for _, a := range w.attempts {
		first := found[a.texts[0]]
		for i, text := range a.texts {
			switch at := found[text]; {
			case (at == 0) != (first == 0) || at != 0 && at != first+uint64(i):
				return fmt.Errorf("batch %q is there in part, or not in its order: %v", a.texts, found)
			case at != 0 && !a.stores(i, &all[at-1]):
				return fmt.Errorf("event %d of batch %q is %s, its receipts are %+v", i, a.texts, describe(&all[at-1]), a.receipts)
			}
			delete(found, text)
		}
		must := a.told >= floor && (a.early || !w.lied())
		switch {
		case a.told == refused && first != 0 || must && first == 0:
			return fmt.Errorf("batch %q begins at %d, its appender was told %d", a.texts, first, a.told)
		case first != 0 && !a.again && first < last:
			return fmt.Errorf("batch %q begins at %d, the one before it at %d", a.texts, first, last)
		case first != 0 && !a.again:
			last = first
		}
	}
	delete(found, "after")
	if len(found) > 0 {
		return fmt.Errorf("events that nobody appended: %v", found)
	}
	return nil
}
