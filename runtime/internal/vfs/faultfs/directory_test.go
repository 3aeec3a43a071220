package faultfs_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestLosses: before a simulated disk a sync loses what it loses when the disk lets it fail
// by itself, seen now and after a power cut, and so does the sync that comes next.
func TestLosses(t *testing.T) {
	for _, loss := range []faultfs.Loss{faultfs.Ghosts, faultfs.Reverted, faultfs.Partial, faultfs.Late} {
		for _, op := range []faultfs.Op{faultfs.OpSync, faultfs.OpSyncDir} {
			if op == faultfs.OpSyncDir && loss == faultfs.Late {
				continue
			}
			f := faultfs.Fault{Op: op, Loss: loss}
			differ := map[string]bool{}
			for turns := range 20 {
				byItself, before := lost(t, f, turns, false), lost(t, f, turns, true)
				if diff := cmp.Diff(byItself, before); diff != "" {
					t.Fatalf("%+v after %d operations (-by itself +before it):\n%s", f, turns, diff)
				}
				differ[fmt.Sprint(before)] = true
			}
			if (loss == faultfs.Partial) != (len(differ) > 1) {
				t.Errorf("%+v has %d outcomes", f, len(differ))
			}
		}
	}
}

// lost is what was to be seen when a sync failed on a simulated disk, through a plan that
// stands before it or through its own.
func lost(t *testing.T, f faultfs.Fault, turns int, stands bool) (saw []string) {
	disk, plan := simfs.New(), new(faultfs.Plan)
	dir, arm := disk.FS(), disk.Fail
	if stands {
		dir, arm = faultfs.New(dir, plan, nil), plan.Fail
	}
	a, err := dir.Create("a")
	must(t, err)
	write(t, a, 0, "abc")
	must(t, a.Sync())
	must(t, dir.SyncDir())
	must(t, dir.Rename("a", "b"))
	must(t, closed(dir.Create("c")))
	write(t, a, 1, "X")
	write(t, a, 3, "Z")
	if stands {
		turns++ // in place of the sync that fails, which is no operation of the disk
	}
	for range turns {
		_, err := dir.List()
		must(t, err)
	}
	arm(f)
	for range 2 {
		err := a.Sync()
		if f.Op == faultfs.OpSyncDir {
			err = dir.SyncDir()
		}
		saw = append(saw, fmt.Sprint(errors.Is(err, syscall.EIO)), fmt.Sprint(content(t, disk.Kill().FS()), content(t, disk.CutHard().FS())))
	}
	return saw
}

// TestLossesOfARealDisk: before a disk that cannot lose what it should have made durable a
// sync that fails leaves it as it is and is not asked for, and one that is to lose in
// another way says so.
func TestLossesOfARealDisk(t *testing.T) {
	below, err := vfs.OpenDir(t.TempDir())
	must(t, err)
	var asked []faultfs.Op
	plan := new(faultfs.Plan)
	real := faultfs.New(below, new(faultfs.Plan), func(op faultfs.Op, _ string, _ error) { asked = append(asked, op) })
	r := newRig(t, plan, faultfs.New(real, plan, nil), below)
	write(t, r.file, 0, "xyz")
	asked = nil
	for _, op := range []faultfs.Op{faultfs.OpSync, faultfs.OpSyncDir} {
		for loss, want := range map[faultfs.Loss]error{
			faultfs.Ghosts: syscall.EIO, faultfs.Reverted: errors.ErrUnsupported, faultfs.Partial: errors.ErrUnsupported, faultfs.Late: errors.ErrUnsupported,
		} {
			r.Fail(faultfs.Fault{Op: op, Loss: loss})
			if _, err := steps[op](r); !errors.Is(err, want) {
				t.Errorf("%s that is to lose in way %d = %v, want %v", op, loss, err, want)
			}
		}
	}
	if len(asked) > 0 || content(t, below)["a"] != "xyz" {
		t.Errorf("the disk was asked for %q and shows %q", asked, content(t, below))
	}
}

// TestSeen: each operation is seen with what it was about and what became of it, in order.
func TestSeen(t *testing.T) {
	var saw []string
	plan := new(faultfs.Plan)
	disk := simfs.New()
	other := faultfs.New(disk.Dir("other"), plan, nil)
	dir := faultfs.New(disk.FS(), plan, func(op faultfs.Op, about string, err error) {
		saw = append(saw, fmt.Sprint(op, " ", about, ": ", err == nil))
	})
	plan.Fail(faultfs.Fault{Op: faultfs.OpTruncate})
	f, err := dir.Create("a")
	must(t, err)
	write(t, f, 7, "abc")
	_, _ = f.ReadAt(make([]byte, 2), 8)
	_ = f.Truncate(4)
	must(t, f.Sync())
	must(t, dir.Rename("a", "b"))
	must(t, dir.Link("b", other))
	must(t, closed(dir.Open("b", vfs.ReadOnly)))
	must(t, dir.Remove("b"))
	_, err = dir.List()
	must(t, err)
	must(t, dir.SyncDir())
	want := []string{
		"create a: true", "write a 3 7: true", "read a 2 8: true", "truncate a 4: false", "sync a: true", "rename a b: true",
		"link b: true", "open b: true", "remove b: true", "list : true", "syncdir : true",
	}
	if diff := cmp.Diff(want, saw); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// counting counts the files of a directory that are open.
type counting struct {
	vfs.FS
	open int
}

func (c *counting) Create(name string) (vfs.File, error) { return c.count(c.FS.Create(name)) }

func (c *counting) Open(name string, m vfs.Mode) (vfs.File, error) {
	return c.count(c.FS.Open(name, m))
}

func (c *counting) count(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	c.open++
	return counted{f, c}, nil
}

type counted struct {
	vfs.File
	of *counting
}

func (c counted) Close() error {
	c.of.open--
	return c.File.Close()
}

// TestNobodyGetsTheFile: a file that was opened by an operation that failed is closed.
func TestNobodyGetsTheFile(t *testing.T) {
	below, plan := &counting{FS: simfs.New().FS()}, new(faultfs.Plan)
	dir := faultfs.New(below, plan, nil)
	must(t, closed(dir.Create("a")))
	for _, op := range []faultfs.Op{faultfs.OpCreate, faultfs.OpOpen} {
		plan.Fail(faultfs.Fault{Op: op, Kept: true})
	}
	_, cerr := dir.Create("b")
	_, oerr := dir.Open("a", vfs.ReadOnly)
	if cerr == nil || oerr == nil || below.open != 0 {
		t.Errorf("Create() = %v, Open() = %v, and %d files are open", cerr, oerr, below.open)
	}
}

// TestAskedBeside: what is no operation does not count, and is answered by the disk.
func TestAskedBeside(t *testing.T) {
	path := t.TempDir()
	real, err := vfs.OpenDir(path)
	must(t, err)
	for what, below := range map[string]vfs.FS{"simulated": simfs.New().FS(), "real": real} {
		plan := new(faultfs.Plan)
		r := newRig(t, plan, faultfs.New(below, plan, nil), below)
		r.Fail(faultfs.Fault{Op: faultfs.OpAny})
		peek := r.dir.(interface{ Peek(name string) []byte }).Peek
		if a, b := peek("a"), peek("b"); string(a) != "abc" || b != nil {
			t.Errorf("%s: Peek() = %q and %q, want abc and none", what, a, b)
		}
		size, err := r.file.Size()
		must(t, err)
		inside, err := vfs.Inside(r.dir, path)
		must(t, err)
		shared, err := r.dir.Shared("a")
		must(t, err)
		if size != 3 || inside != (below == real) || shared {
			t.Errorf("%s: %d bytes, Inside() = %t, Shared() = %t", what, size, inside, shared)
		}
		lock, err := r.dir.Lock(vfs.Exclusive)
		must(t, err)
		must(t, lock.Close())
		if r.Heal() {
			t.Errorf("%s: an operation has failed", what)
		}
	}
}
