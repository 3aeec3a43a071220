package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// told is what an appender knows of its event.
type told int

const (
	refused told = iota // nothing was stored
	unknown             // it may have been
	written             // it was, and is not known to be durable
	durable
)

// attempt is an event that a store was asked to append.
type attempt struct {
	text  string
	batch int
	told  told
}

// faulted is a fixed script of work on a disk of which an operation fails.
type faulted struct {
	disk     *simfs.Disk
	fault    simfs.Fault
	options  batpak.Options
	attempts []attempt
	batches  int
	shaken   int    // appends since the fault, that included
	cuts     uint64 // seed of the last one
}

// faults lists the faults to try, each for every operation of its kind in turn.
func faults() (all []simfs.Fault) {
	add := func(op simfs.Op, err error) {
		for _, kept := range []bool{false, true} {
			for _, sticky := range []bool{false, true} {
				all = append(all, simfs.Fault{Op: op, Err: err, Kept: kept, Sticky: sticky})
			}
		}
	}
	for _, op := range []simfs.Op{
		simfs.OpWrite, simfs.OpSync, simfs.OpSyncDir, simfs.OpCreate, simfs.OpTruncate,
		simfs.OpRemove, simfs.OpRename, simfs.OpRead, simfs.OpOpen, simfs.OpList,
	} {
		add(op, syscall.EIO)
	}
	add(simfs.OpWrite, syscall.ENOSPC)
	add(simfs.OpCreate, syscall.ENOSPC)
	return all
}

// TestEveryFault lets the k-th operation of each kind fail, for every k that a
// script of openings, appends, reads and closings reaches. What the store said
// must hold: now, after a kill, after power cuts, and after a power cut that
// follows the recovery from a kill.
func TestEveryFault(t *testing.T) {
	for _, durability := range []batpak.Durability{batpak.Synced, batpak.Relaxed} {
		for _, f := range faults() {
			t.Run(fmt.Sprintf("durability %d, %s %v, kept %v, sticky %v", durability, f.Op, f.Err, f.Kept, f.Sticky), func(t *testing.T) {
				t.Parallel()
				for f.N = 1; ; f.N++ {
					w := &faulted{disk: simfs.New(), fault: f, options: batpak.Options{SegmentSize: 700, Durability: durability}}
					fired, err := w.run()
					if err == nil {
						err = w.checkImages()
					}
					if err != nil {
						t.Fatalf("fault %d: %v", f.N, err)
					}
					if !fired {
						return
					}
				}
			})
		}
	}
}

// run plays the script and reports whether the fault came up in it.
func (w *faulted) run() (fired bool, err error) {
	seen := 0
	w.disk.OnOp(func(op simfs.Op, _ string) {
		if op == w.fault.Op {
			seen++
		}
	})
	w.disk.Fail(w.fault)
	for life := range 2 {
		s, err := batpak.Open("simulated", simOptions(w.disk, &w.options))
		if err != nil {
			if err := w.expected("Open()", err); err != nil {
				return true, err
			}
			continue
		}
		err = w.live(s, life)
		if cerr := w.expected("Close()", w.settle(s.Close())); err != nil || cerr != nil {
			return true, errors.Join(err, cerr)
		}
	}
	w.disk.OnOp(nil)
	w.disk.Heal()
	return seen >= w.fault.N, nil
}

// live appends and reads for one opening of the store.
func (w *faulted) live(s *batpak.Store, life int) error {
	for i := range 6 {
		if err := w.append(s, fmt.Sprint(life, ".", i), 1+i%3); err != nil {
			return err
		}
		if i%3 != 2 {
			continue
		}
		if err := w.expected("Sync()", w.settle(s.Sync(context.Background()))); err != nil {
			return err
		}
		v, err := s.Verify(context.Background())
		if err := w.expected("Verify()", err); err != nil || len(v.Damages) > 0 {
			return fmt.Errorf("damages %v, %w", v.Damages, err)
		}
		for _, err := range s.Events(batpak.Query{}) {
			if err := w.expected("Events()", err); err != nil {
				return err
			}
		}
	}
	return nil
}

// append appends a batch of n events and takes down what it was told.
func (w *faulted) append(s *batpak.Store, text string, n int) error {
	b := s.NewBatch()
	w.batches++
	start := len(w.attempts)
	for i := range n {
		w.attempts = append(w.attempts, attempt{text: fmt.Sprint(text, ".", i), batch: w.batches})
		b.Add(note(fmt.Sprint("e:", i), w.attempts[start+i].text), batpak.Key(w.attempts[start+i].text))
	}
	receipts, err := b.Commit(context.Background())
	for i := range n {
		switch a := &w.attempts[start+i]; {
		case err == nil && receipts[i].Durable():
			a.told = durable
		case err == nil:
			a.told = written
		case errors.Is(err, batpak.ErrOutcomeUnknown):
			a.told = unknown
		}
	}
	if err != nil || w.shaken > 0 {
		w.shaken++
	}
	if err := w.expected("Commit()", err); err != nil || w.shaken < 1 || w.shaken > 3 {
		return err
	}
	if err := w.check(w.disk.Kill(), written); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	return w.checkCuts()
}

// settle takes down that all was made durable, if err is nil.
func (w *faulted) settle(err error) error {
	for i := range w.attempts {
		if a := &w.attempts[i]; err == nil && a.told == written {
			a.told = durable
		}
	}
	return err
}

// expected returns an error unless err is nil or told by the fault.
func (w *faulted) expected(call string, err error) error {
	if err == nil || errors.Is(err, w.fault.Err) && !errors.Is(err, batpak.ErrCorrupt) {
		return nil
	}
	return fmt.Errorf("%s = %w, which is not what failed", call, err)
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
	w.attempts = append(w.attempts, attempt{text: "after", batch: w.batches + 1, told: durable})
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
	for range 2 {
		w.cuts++
		if err := w.check(w.disk.Cut(w.cuts), durable); err != nil {
			return fmt.Errorf("cut %d: %w", w.cuts, err)
		}
	}
	return nil
}

// check opens the store on a disk: it must hold every event of which its appender
// was told at least floor, none that was refused, batches whole, in order.
func (w *faulted) check(d *simfs.Disk, floor told) error {
	s, err := batpak.Open("simulated", simOptions(d, &w.options))
	if err != nil {
		return err
	}
	defer s.Close()
	v, err := s.Verify(context.Background())
	if err != nil || len(v.Damages) > 0 {
		return fmt.Errorf("Verify() = %+v, %w", v, err)
	}
	found := map[string]bool{}
	at := 0
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return err
		}
		for at < len(w.attempts) && w.attempts[at].text != string(e.Payload) {
			at++
		}
		if at == len(w.attempts) {
			return fmt.Errorf("event %d, %q, is out of order", e.Sequence, e.Payload)
		}
		found[string(e.Payload)] = true
	}
	whole := map[int]bool{}
	for _, a := range w.attempts {
		if there, others := whole[a.batch]; others && there != found[a.text] {
			return fmt.Errorf("batch of %q is there in part", a.text)
		}
		whole[a.batch] = found[a.text]
		if a.told == refused && found[a.text] || a.told >= floor && !found[a.text] {
			return fmt.Errorf("event %q is there: %v, its appender was told %d", a.text, found[a.text], a.told)
		}
	}
	if _, err = s.Append(context.Background(), note("after:1", "after")); err == nil {
		err = s.Sync(context.Background())
	}
	return err
}
