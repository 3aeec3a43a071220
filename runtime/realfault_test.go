package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// wished is an event that a store was asked for.
type wished struct {
	text    string
	receipt batpak.Receipt
	err     error
}

// onFailing is a script of work in a directory that fails, simulated or real: a store that
// rotates, writes checkpoints and merges is opened twice, and goes on when the fault is
// over.
type onFailing struct {
	dir    func() (vfs.FS, error)
	fault  faultfs.Fault
	plan   faultfs.Plan
	wishes []wished
	said   []string // by the calls

	mu   sync.Mutex // guards all below
	made []string   // operations that change something, and what became of them
}

// saw takes in an operation.
func (w *onFailing) saw(op faultfs.Op, about string, err error) {
	if !changes(op) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made = append(w.made, fmt.Sprint(op, " ", about, ": ", err == nil))
}

func (w *onFailing) say(call string, err error) error {
	w.said = append(w.said, fmt.Sprint(call, ": ", err == nil, errors.Is(err, batpak.ErrPoisoned), errors.Is(err, batpak.ErrOutcomeUnknown), errors.Is(err, batpak.ErrDiskFull)))
	full := vfs.Full(w.fault.Err) && !errors.Is(err, batpak.ErrPoisoned) && (w.fault.Op == faultfs.OpWrite || w.fault.Op == faultfs.OpCreate)
	switch {
	case err == nil, w.fault.Err == short && errors.Is(err, batpak.ErrCorrupt):
		return nil
	case errors.Is(err, w.fault.Err) && !errors.Is(err, batpak.ErrCorrupt) && (!full || errors.Is(err, batpak.ErrDiskFull)):
		return nil
	}
	return fmt.Errorf("%s = %w, which is not what failed", call, err)
}

// open opens the store, with the ids and times of a life.
func (w *onFailing) open(life byte) (*batpak.Store, error) {
	o := &batpak.Options{SegmentSize: 700}
	rtopts.SetCheckpoint(&o.Internal, 300, 0)
	now, random := time.Unix(1_700_000_000+int64(life), 0), rand.NewChaCha8([32]byte{life})
	rtopts.SetNow(&o.Internal, func() time.Time { now = now.Add(time.Millisecond); return now })
	rtopts.SetRandom(&o.Internal, func(p []byte) { random.Read(p) })
	fs, err := w.dir()
	if err != nil {
		return nil, err
	}
	return batpak.Open("failing", checked(faultfs.New(fs, &w.plan, w.saw), o))
}

func (w *onFailing) append(s *batpak.Store, text string) wished {
	r, err := s.Append(context.Background(), note("e:"+text[:1], text+strings.Repeat(".", 60)), batpak.Key(text))
	return wished{text, r, err}
}

// live is one life of the script.
func (w *onFailing) live(life byte) error {
	s, err := w.open(life)
	if err != nil {
		return w.say("Open()", err)
	}
	for i := range 8 {
		it := w.append(s, fmt.Sprint(i, " of life ", life))
		if err = errors.Join(err, w.say("Append()", it.err)); it.err != nil {
			it.receipt = batpak.Receipt{}
		}
		w.wishes = append(w.wishes, it)
	}
	_, cerr := s.Compact(context.Background())
	return errors.Join(err, w.say("Compact()", cerr), w.say("Close()", s.Close()))
}

// check holds what is there, when nothing fails any more, against what was told.
func (w *onFailing) check() error {
	s, err := w.open(9)
	if err != nil {
		return err
	}
	before, err := eventsOf(s)
	if err != nil {
		return err
	}
	for _, it := range w.wishes {
		at := slices.IndexFunc(before, func(e batpak.Event) bool { return e.Key == it.text })
		switch {
		case it.err == nil && (at < 0 || before[at].ID != it.receipt.ID() || before[at].Sequence != it.receipt.Sequence()):
			return fmt.Errorf("%q was acknowledged as event %d and is event %d", it.text, it.receipt.Sequence(), at+1)
		case it.err != nil && !errors.Is(it.err, batpak.ErrOutcomeUnknown) && at >= 0:
			return fmt.Errorf("%q was refused, %w, and is event %d", it.text, it.err, at+1)
		}
		if again := w.append(s, it.text); again.err != nil || at >= 0 && again.receipt.ID() != before[at].ID {
			return fmt.Errorf("retry of %q, event %d: %+v, %w", it.text, at+1, again.receipt, again.err)
		}
	}
	after, err := eventsOf(s)
	v, verr := s.Verify(context.Background())
	if err = errors.Join(err, verr); err == nil && (len(after) != len(w.wishes) || differs(before, after) != "" || len(v.Damages) > 0) {
		err = fmt.Errorf("there are %d events of %d, %s, Verify() = %+v", len(after), len(w.wishes), differs(before, after), v)
	}
	return errors.Join(err, s.Close())
}

// run runs the script, and reports whether the fault came up.
func (w *onFailing) run() (met bool, err error) {
	w.plan.Fail(w.fault)
	err = errors.Join(w.live(1), w.live(2))
	met = w.plan.Heal()
	return met, errors.Join(err, w.check())
}

// TestKthFaultOnARealDisk lets the k-th operation of each kind fail, for some k, on a real
// file system and on the simulated one: what was told holds on both, and both were asked
// for the same and have the same in the end.
func TestKthFaultOnARealDisk(t *testing.T) {
	t.Parallel()
	met, reached := 0, map[string]bool{}
	for _, op := range operations {
		for k, more := 1, true; more; k = step(k) {
			f := drawAny(*faultsSeed, faultfs.Fault{Op: op, N: k, Err: errDrawn})
			var runs [2]*onFailing
			disk, dir := simfs.New(), t.TempDir()
			for i, open := range []func() (vfs.FS, error){
				func() (vfs.FS, error) { return disk.FS(), nil },
				func() (vfs.FS, error) { return vfs.OpenDir(dir) },
			} {
				w := &onFailing{dir: open, fault: f}
				fired, err := w.run()
				if err != nil {
					t.Fatalf("%s, operation %d, real: %t: %v\n\t%s", describeFault(f), k, i == 1, err, again(t, *faultsSeed))
				}
				if more = fired; fired {
					met++
				}
				runs[i] = w
			}
			for _, made := range runs[1].made {
				what, _, _ := strings.Cut(made, ": ")
				reached[what] = true
			}
			if diff := cmp.Diff(runs[0].said, runs[1].said); diff != "" {
				t.Fatalf("%s, operation %d: what was told (-simulated +real):\n%s\n\t%s", describeFault(f), k, diff, again(t, *faultsSeed))
			}
			if diff := cmp.Diff(runs[0].made, runs[1].made); diff != "" {
				t.Fatalf("%s, operation %d: what the disk was asked for (-simulated +real):\n%s\n\t%s", describeFault(f), k, diff, again(t, *faultsSeed))
			}
			if a, b := directoryOf(disk), realDirectory(t, dir); !equalFiles(a, b) {
				t.Fatalf("%s, operation %d: files differ: %q and %q\n\t%s", describeFault(f), k, a.names(), b.names(), again(t, *faultsSeed))
			}
		}
	}
	for _, what := range []string{"rename 0000000000000002.seg.tmp 0000000000000002.seg", "rename compaction.tmp compaction", "rename checkpoint-a.tmp checkpoint-a"} {
		if !reached[what] {
			t.Errorf("there is no %q", what)
		}
	}
	t.Logf("%d faults", met)
}

// step is the next operation that is to fail: some of them, or each.
func step(k int) int {
	if *allFaults {
		return k + 1
	}
	return 6*k + 1
}

// realDirectory is what a directory of the system holds.
func realDirectory(t *testing.T, dir string) directory {
	t.Helper()
	d := directory{}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		content, rerr := os.ReadFile(filepath.Join(dir, f.Name()))
		d[f.Name()], err = content, errors.Join(err, rerr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}
