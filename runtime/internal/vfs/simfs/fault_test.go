package simfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// A sync that fails has made nothing durable in one form, and everything in the other.
func TestSyncInBothForms(t *testing.T) {
	for _, kept := range []bool{false, true} {
		d, dir, f := one(t)
		write(t, f, 0, []byte("xyz"))
		must(t, dir.Rename("a", "b"))
		d.Fail(faultfs.Fault{Op: faultfs.OpSync, Kept: kept, Err: syscall.EMFILE})
		d.Fail(faultfs.Fault{Op: faultfs.OpSyncDir, Kept: kept, Err: syscall.EMFILE})
		if serr, derr := f.Sync(), dir.SyncDir(); !errors.Is(serr, syscall.EMFILE) || !errors.Is(derr, syscall.EMFILE) {
			t.Errorf("Sync = %v, SyncDir = %v, want EMFILE", serr, derr)
		}
		want := map[bool]map[string]string{false: {"a": "abc"}, true: {"b": "xyz"}}[kept]
		if diff := cmp.Diff(want, content(d.CutHard())); diff != "" {
			t.Errorf("kept: %t: content after a power cut (-want +got):\n%s", kept, diff)
		}
	}
}

func TestFailedSyncLeavesGhosts(t *testing.T) {
	d, _, f := one(t)
	write(t, f, 1, []byte("XYZ"))
	d.Fail(faultfs.Fault{Op: faultfs.OpSync})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("Sync with a fault armed = %v, want EIO", err)
	}
	if err := f.Sync(); err != nil {
		t.Fatalf("second Sync = %v, want nil", err)
	}
	if d.Dirty() {
		t.Error("Dirty() = true, want false: ghosts are not dirty")
	}
	for how, image := range map[string]*simfs.Disk{"the disk": d, "Kill": d.Kill()} {
		if got := string(image.Bytes("a")); got != "aXYZ" {
			t.Errorf("%s shows %q, want the ghosts", how, got)
		}
		for seed := range uint64(100) {
			if got := string(image.Cut(seed).Bytes("a")); got != "abc" {
				t.Errorf("Cut(%d) of %s holds %q, want no ghosts", seed, how, got)
			}
		}
	}

	write(t, f, 2, []byte("Y")) // writing again is what helps, where it is written
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if got, want := string(d.CutHard().Bytes("a")), "abY\x00"; got != want {
		t.Errorf("after writing one ghost again CutHard holds %q, want %q", got, want)
	}
}

func TestFailedSyncDirKeepsTheNamesWaiting(t *testing.T) {
	d, dir, _ := one(t)
	must(t, dir.Rename("a", "b"))
	d.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
	if err := dir.SyncDir(); err == nil {
		t.Fatal("SyncDir with a fault armed = nil, want an error")
	}
	if !d.Dirty() {
		t.Error("Dirty() = false, want true")
	}
	must(t, dir.SyncDir())
	if diff := cmp.Diff([]string{"b"}, d.CutHard().Names()); diff != "" {
		t.Errorf("names after the second SyncDir (-want +got):\n%s", diff)
	}
}

func TestFailedSyncDirLosesNames(t *testing.T) {
	d, dir, _ := one(t)
	must(t, dir.Rename("a", "b"))
	d.Fail(faultfs.Fault{Op: faultfs.OpSyncDir, Loss: faultfs.Reverted})
	if err := dir.SyncDir(); err == nil {
		t.Fatal("SyncDir with a fault armed = nil, want an error")
	}
	if got := d.Names(); !slices.Equal(got, []string{"a"}) || d.Dirty() {
		t.Errorf("after a reverted sync the names are %q, dirty: %v, want the durable one", got, d.Dirty())
	}
	found := map[string]bool{}
	for ops := range 40 {
		d, dir, _ := one(t)
		for range ops {
			if _, err := dir.List(); err != nil {
				t.Fatal(err)
			}
		}
		must(t, dir.Rename("a", "b"))
		if _, err := dir.Create("c"); err != nil {
			t.Fatal(err)
		}
		d.Fail(faultfs.Fault{Op: faultfs.OpSyncDir, Loss: faultfs.Partial})
		if err := dir.SyncDir(); err == nil {
			t.Fatal("SyncDir with a fault armed = nil, want an error")
		}
		found[fmt.Sprint(d.CutHard().Names())] = true
		must(t, dir.SyncDir())
		if got := d.CutHard().Names(); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("names after the next sync = %q, want all of them", got)
		}
	}
	want := map[string]bool{"[a]": true, "[b]": true, "[a c]": true, "[b c]": true}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("names that a sync which failed in part makes durable (-want +got):\n%s", diff)
	}
}

// A file that could not be synced holds what its way of losing says.
func TestWaysToLose(t *testing.T) {
	for loss, want := range map[faultfs.Loss]struct{ seen, kept []string }{
		faultfs.Ghosts:   {[]string{"aXcZ"}, []string{"abc"}},
		faultfs.Reverted: {[]string{"abc"}, []string{"abc"}},
		faultfs.Partial:  {[]string{"aXcZ"}, []string{"abc", "aXc", "abcZ", "aXcZ"}},
		faultfs.Late:     {[]string{"aXcZ"}, []string{"abc"}},
	} {
		seen, kept := map[string]bool{}, map[string]bool{}
		for ops := range 40 {
			d, dir, f := one(t)
			for range ops {
				if _, err := dir.List(); err != nil {
					t.Fatal(err)
				}
			}
			write(t, f, 1, []byte("X"))
			write(t, f, 3, []byte("Z"))
			d.Fail(faultfs.Fault{Op: faultfs.OpSync, Loss: loss})
			first, second := f.Sync(), f.Sync()
			if late := loss == faultfs.Late; (first == nil) != late || (second == nil) == late {
				t.Errorf("loss %d: Sync = %v, then %v", loss, first, second)
			}
			seen[string(d.Bytes("a"))], kept[string(d.CutHard().Bytes("a"))] = true, true
		}
		for what, got := range map[string]map[string]bool{"seen": seen, "kept": kept} {
			want := map[string][]string{"seen": want.seen, "kept": want.kept}[what]
			if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(slices.Values(want))) {
				t.Errorf("loss %d: %s %q, want %q", loss, what, names, want)
			}
		}
	}
}

func TestHookMayDoAnything(t *testing.T) {
	d, dir, f := one(t)
	var log []string
	before := d.Ops()
	d.OnOp(func(op faultfs.Op, name string) {
		log = append(log, string(op)+" "+name)
		d.Kill()
		d.Cut(1)
		d.Fail(faultfs.Fault{Op: faultfs.OpAny, N: 100})
		if op == faultfs.OpSync {
			d.Stop()
		}
	})
	write(t, f, 0, []byte("x"))
	must(t, dir.Rename("a", "b"))
	if err := f.Sync(); !errors.Is(err, simfs.ErrCrashed) {
		t.Errorf("Sync that the hook stopped = %v, want ErrCrashed", err)
	}
	if diff := cmp.Diff([]string{"write a", "rename a", "sync a"}, log); diff != "" {
		t.Errorf("hook saw (-want +got):\n%s", diff)
	}
	if got := d.Ops() - before; got != len(log) {
		t.Errorf("Ops = %d more, want %d", got, len(log))
	}
	if got := string(d.CutHard().Bytes("a")); got != "abc" {
		t.Errorf("CutHard holds %q, want what was synced before the hook stopped the sync", got)
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	d := simfs.New()
	dir := d.FS()
	f := create(t, dir, "a")
	write(t, f, 0, []byte("abc"))
	lock, err := dir.Lock(vfs.Exclusive)
	must(t, err)
	ops := d.Ops()
	d.Stop()
	_, createErr := dir.Create("b")
	_, open := dir.Open("a", vfs.ReadWrite)
	_, list := dir.List()
	_, lockErr := dir.Lock(vfs.Exclusive)
	_, read := f.ReadAt(make([]byte, 1), 0)
	_, writeErr := f.WriteAt([]byte("x"), 0)
	_, size := f.Size()
	for call, err := range map[string]error{
		"Create": createErr, "Open": open, "List": list, "Lock": lockErr, "Rename": dir.Rename("a", "b"),
		"Remove": dir.Remove("a"), "SyncDir": dir.SyncDir(), "ReadAt": read, "WriteAt": writeErr, "Size": size,
		"Truncate": f.Truncate(0), "Sync": f.Sync(), "Close": f.Close(), "Close the lock": lock.Close(),
	} {
		if !errors.Is(err, simfs.ErrCrashed) {
			t.Errorf("%s after Stop = %v, want ErrCrashed", call, err)
		}
	}
	if got := d.Ops(); got != ops {
		t.Errorf("Ops after Stop = %d, want still %d", got, ops)
	}
	image := d.Kill()
	if diff := cmp.Diff(map[string]string{"a": "abc"}, content(image)); diff != "" {
		t.Errorf("content after Stop (-want +got):\n%s", diff)
	}
	if _, err := image.FS().Lock(vfs.Exclusive); err != nil {
		t.Errorf("Lock of the image = %v, want nil", err)
	}
	if got := len(d.CutHard().Names()); got != 0 {
		t.Errorf("CutHard has %d names, want 0", got)
	}
	if _, err := image.FS().Open("b", vfs.ReadWrite); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open(b) in the image = %v, want fs.ErrNotExist", err)
	}
}

func TestDamage(t *testing.T) {
	d, dir, _ := one(t)
	d.SetBytes("Foreign Name", []byte("x"))
	d.SetBytes("a", []byte("changed"))
	want := map[string]string{"Foreign Name": "x", "a": "changed"}
	for how, image := range map[string]*simfs.Disk{"the disk": d, "CutHard": d.CutHard()} {
		if diff := cmp.Diff(want, content(image)); diff != "" {
			t.Errorf("after SetBytes %s differs (-want +got):\n%s", how, diff)
		}
	}
	entries, err := dir.List()
	must(t, err)
	if len(entries) != 2 || entries[0].Name != "Foreign Name" {
		t.Errorf("List = %v, want the foreign name, too", entries)
	}
	d.Delete("a")
	if _, err := dir.Open("a", vfs.ReadWrite); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open after Delete = %v, want fs.ErrNotExist", err)
	}
	if got := d.CutHard().Bytes("a"); got != nil {
		t.Errorf("CutHard after Delete holds %q, want nothing", got)
	}
}

func TestFilesEndSomewhere(t *testing.T) {
	_, _, f := one(t)
	_, writeErr := f.WriteAt([]byte("x"), 1<<62)
	for call, err := range map[string]error{"WriteAt": writeErr, "Truncate": f.Truncate(1 << 62)} {
		if !errors.Is(err, syscall.EFBIG) {
			t.Errorf("%s of 1<<62 = %v, want EFBIG", call, err)
		}
	}
}

// one returns a disk with a synced file "a" that holds "abc", and handles.
func one(t *testing.T) (*simfs.Disk, vfs.FS, vfs.File) {
	t.Helper()
	d := simfs.New()
	dir := d.FS()
	f := create(t, dir, "a")
	write(t, f, 0, []byte("abc"))
	must(t, f.Sync())
	must(t, dir.SyncDir())
	return d, dir, f
}
