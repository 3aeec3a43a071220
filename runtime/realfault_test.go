package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// failing stands before a directory, simulated or real. An operation fails as a fault says,
// with its effect or without; a write that fails for want of space has half of it.
type failing struct {
	vfs.FS

	mu    sync.Mutex // guards all below
	fault simfs.Fault
	seen  int      // operations that count
	made  []string // operations that change something, and what became of them
}

// do does an operation, or lets it fail.
func (d *failing) do(op simfs.Op, name string, act func() error) error {
	d.mu.Lock()
	if op == d.fault.Op {
		d.seen++
	}
	fails := op == d.fault.Op && (d.seen == d.fault.N || d.seen > d.fault.N && d.fault.Sticky)
	kept, err := d.fault.Kept, d.fault.Err
	d.mu.Unlock()
	switch {
	case !fails:
		err = act()
	case kept:
		if aerr := act(); aerr != nil {
			err = aerr
		}
	}
	if changes(op) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.made = append(d.made, fmt.Sprint(op, " ", name, ": ", err == nil))
	}
	return err
}

// heal lets nothing fail any more, and reports whether anything has.
func (d *failing) heal() (failed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	failed = d.seen >= d.fault.N
	d.fault = simfs.Fault{}
	return failed
}

// Peek is for the checks, whose reads do not count.
func (d *failing) Peek(name string) []byte {
	f, err := d.FS.Open(name, vfs.ReadOnly)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	return b
}

func (d *failing) Create(name string) (f vfs.File, err error) {
	err = d.do(simfs.OpCreate, name, func() (err error) {
		f, err = d.FS.Create(name)
		return err
	})
	return d.handed(f, name, err)
}

func (d *failing) Open(name string, m vfs.Mode) (f vfs.File, err error) {
	err = d.do(simfs.OpOpen, name, func() (err error) {
		f, err = d.FS.Open(name, m)
		return err
	})
	return d.handed(f, name, err)
}

func (d *failing) handed(f vfs.File, name string, err error) (vfs.File, error) {
	if err == nil {
		return &failingFile{f, d, name}, nil
	}
	if f != nil {
		_ = f.Close() // nobody gets it
	}
	return nil, err
}

func (d *failing) Rename(from, to string) error {
	return d.do(simfs.OpRename, from+" "+to, func() error { return d.FS.Rename(from, to) })
}

func (d *failing) Remove(name string) error {
	return d.do(simfs.OpRemove, name, func() error { return d.FS.Remove(name) })
}

func (d *failing) SyncDir() error { return d.do(simfs.OpSyncDir, "", d.FS.SyncDir) }

func (d *failing) List() (all []vfs.Entry, err error) {
	err = d.do(simfs.OpList, "", func() (err error) {
		all, err = d.FS.List()
		return err
	})
	return all, err
}

// failingFile is a file of such a directory.
type failingFile struct {
	vfs.File
	d    *failing
	name string
}

func (f *failingFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.d.do(simfs.OpRead, f.name, func() (err error) {
		n, err = f.File.ReadAt(p, off)
		return err
	})
	return n, err
}

func (f *failingFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.d.do(simfs.OpWrite, fmt.Sprint(f.name, " ", off, " ", len(p)), func() (err error) {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	if n == 0 && (vfs.Full(err) || errors.Is(err, io.ErrShortWrite)) {
		n, _ = f.File.WriteAt(p[:len(p)/2], off)
	}
	return n, err
}

func (f *failingFile) Truncate(size int64) error {
	return f.d.do(simfs.OpTruncate, fmt.Sprint(f.name, " ", size), func() error { return f.File.Truncate(size) })
}

func (f *failingFile) Sync() error { return f.d.do(simfs.OpSync, f.name, f.File.Sync) }

// wished is an event that a store was asked for.
type wished struct {
	text    string
	receipt batpak.Receipt
	err     error
}

// onFailing is a script of work in a directory that fails: a store that rotates, writes
// checkpoints and merges is opened twice, and goes on when the fault is over.
type onFailing struct {
	*failing
	dir    func() (vfs.FS, error)
	wishes []wished
	said   []string // by the calls
}

func (w *onFailing) say(call string, err error) error {
	w.said = append(w.said, fmt.Sprint(call, ": ", err == nil, errors.Is(err, batpak.ErrPoisoned), errors.Is(err, batpak.ErrOutcomeUnknown), errors.Is(err, batpak.ErrDiskFull)))
	full := vfs.Full(w.fault.Err) && !errors.Is(err, batpak.ErrPoisoned) && (w.fault.Op == simfs.OpWrite || w.fault.Op == simfs.OpCreate)
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
	w.FS = fs // the store closes it
	return batpak.Open("failing", checked(w.failing, o))
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
	err = errors.Join(w.live(1), w.live(2))
	met = w.heal()
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
			f := drawAny(*faultsSeed, simfs.Fault{Op: op, N: k, Err: errDrawn})
			var runs [2]*onFailing
			disk, dir := simfs.New(), t.TempDir()
			for i, open := range []func() (vfs.FS, error){
				func() (vfs.FS, error) { return disk.FS(), nil },
				func() (vfs.FS, error) { return vfs.OpenDir(dir) },
			} {
				w := &onFailing{failing: &failing{fault: f}, dir: open}
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
