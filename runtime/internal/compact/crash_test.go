package compact_test

import (
	"fmt"
	"hash/maphash"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// trial is one merge, of the middle of a log whose first files may be merged already.
type trial struct {
	disk          *simfs.Disk
	files         []segment.Span
	from, to      int
	before, after []event
}

func newTrial(t *testing.T, seed uint64) *trial {
	t.Helper()
	p := &trial{disk: build(t, seed, 5), from: 0, to: 3}
	if seed%2 == 1 { // two rounds
		if _, err := merge(p.disk.FS(), spans(p.disk), 0, 2, decide); err != nil {
			t.Fatal(err)
		}
		p.to = 2
	}
	if seed%3 == 2 {
		p.from = 1
	}
	p.files = spans(p.disk)
	var err error
	if p.before, err = readLog(p.disk.FS(), p.files); err != nil {
		t.Fatal(err)
	}
	reader := segment.NewReader(p.disk.FS())
	p.after = after(p.before, firstOf(t, reader, p.files[p.from]), firstOf(t, reader, p.files[p.to])-1)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(p.before, p.after) {
		t.Fatalf("seed %d: the merge takes nothing away, want a seed where it does", seed)
	}
	return p
}

func (p *trial) run(disk *simfs.Disk) (done bool, err error) {
	return merge(disk.FS(), p.files, p.from, p.to, decide)
}

// state is how far a merge is known to be.
type state int

const (
	either state = iota
	merged       // Commit has returned
)

// check opens an image, and wants the events from before the merge or those from
// after it, nothing but the files of that log, and the same from then on.
func (p *trial) check(image *simfs.Disk, s state) error {
	got, outcome, err := settle(image.FS())
	if err != nil {
		return err
	}
	if !slices.Equal(got, p.after) && (s == merged || !slices.Equal(got, p.before)) {
		return fmt.Errorf("events, in state %d, are neither those from before the merge nor those from after it:\n%s", s, cmp.Diff(p.before, got))
	}
	for i, again := range []*simfs.Disk{image.Kill(), image.CutHard(), image.Cut(1)} {
		same, later, err := settle(again.FS())
		if err != nil {
			return fmt.Errorf("opened again, image %d: %w", i, err)
		}
		if !slices.Equal(got, same) || later != compact.None {
			return fmt.Errorf("opened again, image %d, after outcome %d: outcome %d, events differ:\n%s", i, outcome, later, cmp.Diff(got, same))
		}
		if n := len(spans(again)); len(again.Names()) != n || n != len(p.files) && n != len(p.files)-(p.to-p.from)+1 {
			return fmt.Errorf("files in the end = %v", again.Names())
		}
	}
	return nil
}

// deepCheck is check, and the same for each crash in what the opening does.
func (p *trial) deepCheck(image *simfs.Disk, s state) error {
	var failed error
	image.OnOp(func(op faultfs.Op, name string) {
		if !mutates(op) || failed != nil {
			return
		}
		for i, again := range []*simfs.Disk{image.Kill(), image.Cut(uint64(image.Ops()))} {
			if err := p.check(again, s); err != nil {
				failed = fmt.Errorf("the opening's operation %d, %s %s, image %d: %w", image.Ops(), op, name, i, err)
				return
			}
		}
	})
	if err := p.check(image, s); err != nil {
		return err
	}
	return failed
}

func mutates(op faultfs.Op) bool {
	switch op {
	case faultfs.OpRead, faultfs.OpList, faultfs.OpOpen:
		return false
	}
	return true
}

// TestCrashAtEveryOperation: whatever a crash leaves of a merge, or of the opening
// after it, the log is what it was before the merge or what it is after it.
func TestCrashAtEveryOperation(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			p := newTrial(t, seed)
			disk := p.disk
			disk.OnOp(func(op faultfs.Op, name string) {
				if !mutates(op) {
					return
				}
				at := fmt.Sprintf("before operation %d, %s %s", disk.Ops(), op, name)
				s := either
				if _, ok := segment.ParseSpan(name); ok && op == faultfs.OpRemove {
					s = merged
				}
				try := func(how string, image *simfs.Disk) {
					if err := p.deepCheck(image, s); err != nil {
						t.Fatalf("%s, %s: %v", at, how, err)
					}
				}
				try("kill", disk.Kill())
				try("hard cut", disk.CutHard())
				for i := range uint64(2) {
					n := uint64(disk.Ops())*2 + i
					try(fmt.Sprint("cut ", n), disk.Cut(n))
				}
			})
			if _, err := p.run(disk); err != nil {
				t.Fatal(err)
			}
			disk.OnOp(nil)
			if err := p.check(disk.CutHard(), merged); err != nil {
				t.Fatalf("after the merge: %v", err)
			}
		})
	}
}

// TestExhaustiveCuts: nor does it matter which of the names and pieces that are not
// durable a power cut takes.
func TestExhaustiveCuts(t *testing.T) {
	p := newTrial(t, 1)
	disk := p.disk
	images := 0
	disk.OnOp(func(op faultfs.Op, name string) {
		if !mutates(op) || op == simfs.OpRest {
			return
		}
		var all []*simfs.Disk
		for image := range disk.Cuts(maphash.MakeSeed()) {
			all = append(all, image)
		}
		for _, image := range all {
			images++
			if err := p.check(image, either); err != nil {
				t.Fatalf("before operation %d, %s %s: %v", disk.Ops(), op, name, err)
			}
		}
	})
	if _, err := p.run(disk); err != nil {
		t.Fatal(err)
	}
	if images < 50 {
		t.Errorf("%d images, want more", images)
	}
}

func faults() (all []faultfs.Fault) {
	for _, op := range []faultfs.Op{faultfs.OpWrite, faultfs.OpSync, faultfs.OpSyncDir, faultfs.OpCreate, faultfs.OpRename, faultfs.OpRemove, faultfs.OpOpen, faultfs.OpRead} {
		all = append(all, faultfs.Fault{Op: op}, faultfs.Fault{Op: op, Kept: true}, faultfs.Fault{Op: op, Sticky: true})
	}
	for _, loss := range []faultfs.Loss{faultfs.Reverted, faultfs.Partial} {
		all = append(all, faultfs.Fault{Op: faultfs.OpSyncDir, Loss: loss}, faultfs.Fault{Op: faultfs.OpSync, Loss: loss})
	}
	return all
}

// TestKthFault: whichever operation of a merge fails, the log is what it was or what
// it is to be.
func TestKthFault(t *testing.T) {
	p := newTrial(t, 1)
	for _, f := range faults() {
		for f.N = 1; ; f.N++ {
			disk := p.disk.Kill()
			fired := arm(disk, f)
			done, err := p.run(disk)
			disk.Heal()
			disk.OnOp(nil)
			if err != nil && !fired() {
				t.Fatalf("%+v has not come up, and the merge fails: %v", f, err)
			}
			s := either
			if done {
				s = merged
			}
			for i, image := range []*simfs.Disk{disk.Kill(), disk.CutHard(), disk.Cut(uint64(f.N))} {
				if err := p.deepCheck(image, s); err != nil {
					t.Fatalf("%+v, image %d: %v", f, i, err)
				}
			}
			if !fired() {
				break
			}
		}
	}
}

// arm arms a fault that comes at the N-th operation of its kind, and returns whether it
// has come.
func arm(disk *simfs.Disk, f faultfs.Fault) (fired func() bool) {
	seen := 0
	disk.OnOp(func(op faultfs.Op, _ string) {
		if op == f.Op {
			seen++
		}
	})
	disk.Fail(f)
	return func() bool { return seen >= f.N }
}

// TestKthFaultInOpening: an opening that failed to settle a merge may be tried again.
func TestKthFaultInOpening(t *testing.T) {
	p := newTrial(t, 1)
	var halves []*simfs.Disk
	p.disk.OnOp(func(op faultfs.Op, name string) {
		if mutates(op) && op != simfs.OpRest {
			halves = append(halves, p.disk.Kill())
		}
	})
	if _, err := p.run(p.disk); err != nil {
		t.Fatal(err)
	}
	for n, half := range halves {
		for i, f := range faults() {
			if (n+i)%3 > 0 {
				continue // of what is half done, each has a third of the faults
			}
			for f.N = 1; ; f.N++ {
				image := half.Kill()
				fired := arm(image, f)
				_, _, err := settle(image.FS())
				image.Heal()
				image.OnOp(nil)
				if err != nil && !fired() {
					t.Fatalf("half %d, %+v has not come up, and the opening fails: %v", n, f, err)
				}
				for i, again := range []*simfs.Disk{image.Kill(), image.Cut(uint64(f.N))} {
					if err := p.check(again, either); err != nil {
						t.Fatalf("half %d, %+v, image %d: %v", n, f, i, err)
					}
				}
				if !fired() {
					break
				}
			}
		}
	}
}

// TestFullDisk: a merge that finds no space has done nothing, and leaves nothing.
func TestFullDisk(t *testing.T) {
	p := newTrial(t, 0)
	want := contents(p.disk)
	for free := int64(0); ; free += 97 {
		disk := p.disk.Kill()
		disk.SetFree(free)
		done, err := p.run(disk)
		if err == nil {
			if free == 0 {
				t.Error("merge without space = nil, want an error")
			}
			return
		}
		if d := cmp.Diff(want, contents(disk)); d != "" || done {
			t.Fatalf("merge with %d bytes of space = %v, files:\n%s", free, err, d)
		}
		if err := p.check(disk.CutHard(), either); err != nil {
			t.Fatal(err)
		}
	}
}
