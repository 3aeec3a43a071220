package recovery_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// Histories of crashes allocate much and hold on to little, so that the heap, at its
// smallest, would be collected hundreds of times a second; and to sample so many
// stacks takes time of its own.
func TestMain(m *testing.M) {
	runtime.MemProfileRate = 0
	debug.SetGCPercent(800)
	goleak.VerifyTestMain(m)
}

// cuts is how many power cuts are tried at each operation.
const cuts = 4

// scripts are the histories that the laws are held against.
func scripts() []script {
	return []script{
		{seed: 1, groups: 8, segmentSize: 600, close: true},
		{seed: 2, groups: 8, segmentSize: 400, reopen: true, merge: true},
		{seed: 3, groups: 10, segmentSize: 1500, relaxed: true, close: true},
		{seed: 4, groups: 10, segmentSize: 500, relaxed: true, reopen: true, merge: true},
		{seed: 5, groups: 6, segmentSize: 1 << 20, reopen: true, close: true},
	}
}

// faulted are the histories in which operations fail: those, and of other seeds.
func faulted() (all []script) {
	for _, p := range scripts() {
		for range 3 {
			all = append(all, p)
			if testing.Short() {
				break
			}
			p.seed += 100
		}
	}
	return all
}

// TestCrashAtEveryOperation: whatever a crash leaves, the log opens with all
// that was acked and a prefix of the rest, and what it shows then stays.
func TestCrashAtEveryOperation(t *testing.T) {
	for _, p := range scripts() {
		t.Run(fmt.Sprint("seed ", p.seed), func(t *testing.T) {
			t.Parallel()
			disk, m, before := simfs.New(), new(model), new(seen)
			disk.OnOp(func(op faultfs.Op, name string) {
				at := fmt.Sprintf("before operation %d, %s %s", disk.Ops(), op, name)
				check := func(how string, image *simfs.Disk) {
					if err := before.deepCheck(m, image); err != nil {
						t.Fatalf("%s, %s: %v", at, how, err)
					}
				}
				if !mutates(op) {
					return
				}
				check("kill", disk.Kill())
				check("hard cut", disk.CutHard())
				for i := range uint64(cuts) {
					seed := uint64(disk.Ops())*cuts + i
					check(fmt.Sprint("cut ", seed), disk.Cut(seed))
				}
			})
			if err := p.run(disk, m); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func mutates(op faultfs.Op) bool {
	switch op {
	case faultfs.OpRead, faultfs.OpList, faultfs.OpOpen:
		return false
	}
	return true
}

// TestCrashInRecovery: a crash while a crash is being repaired changes nothing
// about the law.
func TestCrashInRecovery(t *testing.T) {
	for _, p := range scripts() {
		t.Run(fmt.Sprint("seed ", p.seed), func(t *testing.T) {
			t.Parallel()
			disk, m, before := simfs.New(), new(model), new(seen)
			disk.OnOp(func(op faultfs.Op, name string) {
				if !mutates(op) {
					return
				}
				first := []*simfs.Disk{disk.Kill(), disk.Cut(uint64(disk.Ops()))}
				for i, image := range first {
					at := fmt.Sprintf("operation %d, %s %s, image %d", disk.Ops(), op, name, i)
					if err := m.crashRecovery(image, before); err != nil {
						t.Fatalf("%s: %v", at, err)
					}
				}
			})
			if err := p.run(disk, m); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// crashRecovery recovers an image and checks what crashes of that leave.
func (m *model) crashRecovery(image *simfs.Disk, before *seen) error {
	var failed error
	image.OnOp(func(op faultfs.Op, name string) {
		if !mutates(op) || failed != nil {
			return
		}
		for i, again := range []*simfs.Disk{image.Kill(), image.CutHard(), image.Cut(uint64(image.Ops()))} {
			if err := before.check(m, again); err != nil {
				failed = fmt.Errorf("recovery's operation %d, %s %s, image %d: %w", image.Ops(), op, name, i, err)
				return
			}
		}
	})
	_, err := m.check(image)
	if failed != nil {
		return failed
	}
	return err
}

// TestKthFault: whichever operation fails, once or for good, with or
// without its effect, nothing acked is lost: not to a kill, not to a power cut,
// not to a power cut after the recovery from a kill. The last one is what a
// recovery loses that believes the page cache.
func TestKthFault(t *testing.T) {
	for _, p := range faulted() {
		before := new(seen)
		for _, f := range faults() {
			t.Run(fmt.Sprintf("seed %d, %s sticky %v kept %v", p.seed, f.Op, f.Sticky, f.Kept), func(t *testing.T) {
				t.Parallel()
				for f.N = 1; ; f.N++ {
					disk, m := simfs.New(), new(model)
					fired := arm(disk, f)
					err := p.run(disk, m)
					disk.Heal()
					disk.OnOp(nil)
					if err != nil && !fired() {
						t.Fatalf("before operation %d, which was to fail: %v", f.N, err)
					}
					for i, image := range []*simfs.Disk{disk.Kill(), disk.CutHard(), disk.Cut(uint64(f.N))} {
						if err := before.deepCheck(m, image); err != nil {
							t.Fatalf("operation %d fails, image %d: %v", f.N, i, err)
						}
					}
					if !fired() {
						return
					}
				}
			})
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

func faults() (all []faultfs.Fault) {
	for _, op := range []faultfs.Op{faultfs.OpWrite, faultfs.OpSync, faultfs.OpSyncDir, faultfs.OpCreate, faultfs.OpTruncate, faultfs.OpRename, faultfs.OpOpen, faultfs.OpRead} {
		all = append(all, faultfs.Fault{Op: op}, faultfs.Fault{Op: op, Kept: true}, faultfs.Fault{Op: op, Sticky: true})
	}
	return all
}

// TestKthFaultInRecovery: recovery that failed may be tried again.
func TestKthFaultInRecovery(t *testing.T) {
	for _, p := range faulted() {
		disk, m := build(t, p)
		before := new(seen)
		for _, f := range faults() {
			for f.N = 1; ; f.N++ {
				image := disk.Kill()
				fired := arm(image, f)
				s, err := open(image.FS(), 600)
				image.Heal()
				image.OnOp(nil)
				if err != nil && !fired() {
					t.Fatalf("seed %d, before %s %d of recovery, which was to fail: %v", p.seed, f.Op, f.N, err)
				}
				if err == nil {
					_ = s.log.Abandon()
				}
				if err2 := before.deepCheck(m, image); err2 != nil {
					t.Fatalf("seed %d, %s %d of recovery fails: %v", p.seed, f.Op, f.N, err2)
				}
				if !fired() {
					break
				}
			}
		}
	}
}

// TestGhostOfCloseGroup: the close group whose sync failed is seen again after a
// kill, and must be on the disk before anything that follows it is.
func TestGhostOfCloseGroup(t *testing.T) {
	for _, segmentSize := range []int64{100, 1 << 20} { // the next append rotates, or not
		disk, m := simfs.New(), new(model)
		s, err := open(disk.FS(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		if err := s.append(r, m, 2, true); err != nil {
			t.Fatal(err)
		}
		disk.Fail(faultfs.Fault{Op: faultfs.OpSync})
		if err := s.close(m); err == nil {
			t.Fatal("close with a sync that fails = nil, want an error")
		}
		image := disk.Kill()
		if s, err = open(image.FS(), segmentSize); err != nil {
			t.Fatal(err)
		}
		if !s.Report.Clean {
			t.Error("open after a visible close group is not clean, want clean")
		}
		if err := s.append(r, m, 2, true); err != nil {
			t.Fatal(err)
		}
		if err := m.deepCheck(image.CutHard()); err != nil {
			t.Errorf("segment size %d: %v", segmentSize, err)
		}
	}
}
