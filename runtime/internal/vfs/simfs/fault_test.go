package simfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// steps are the operations, each on a disk with a synced file "a" that holds
// "abc", and what shows that one has had its effect.
var steps = []struct {
	op     simfs.Op
	run    func(dir vfs.FS, f vfs.File) error
	effect func(d *simfs.Disk) bool // nil if there is nothing to see
}{
	{simfs.OpCreate, func(dir vfs.FS, _ vfs.File) error { _, err := dir.Create("b"); return err }, has("b")},
	{simfs.OpOpen, func(dir vfs.FS, _ vfs.File) error { _, err := dir.Open("a", vfs.ReadWrite); return err }, nil},
	{simfs.OpRename, func(dir vfs.FS, _ vfs.File) error { return dir.Rename("a", "b") }, has("b")},
	{simfs.OpRemove, func(dir vfs.FS, _ vfs.File) error { return dir.Remove("a") }, func(d *simfs.Disk) bool { return !has("a")(d) }},
	{simfs.OpList, func(dir vfs.FS, _ vfs.File) error { _, err := dir.List(); return err }, nil},
	{simfs.OpRead, func(_ vfs.FS, f vfs.File) error { _, err := f.ReadAt(make([]byte, 3), 0); return err }, nil},
	{simfs.OpWrite, func(_ vfs.FS, f vfs.File) error { _, err := f.WriteAt([]byte("xyz"), 0); return err }, holds("xyz")},
	{simfs.OpTruncate, func(_ vfs.FS, f vfs.File) error { return f.Truncate(1) }, holds("a")},
	{simfs.OpSync, func(_ vfs.FS, f vfs.File) error {
		if _, err := f.WriteAt([]byte("xyz"), 0); err != nil {
			return err
		}
		return f.Sync()
	}, func(d *simfs.Disk) bool { return holds("xyz")(d.CutHard()) }},
	{simfs.OpSyncDir, func(dir vfs.FS, _ vfs.File) error {
		if err := dir.Rename("a", "b"); err != nil {
			return err
		}
		return dir.SyncDir()
	}, func(d *simfs.Disk) bool { return has("b")(d.CutHard()) }},
}

func has(name string) func(*simfs.Disk) bool {
	return func(d *simfs.Disk) bool { return d.Bytes(name) != nil }
}

func holds(want string) func(*simfs.Disk) bool {
	return func(d *simfs.Disk) bool { return string(d.Bytes("a")) == want }
}

func TestFaults(t *testing.T) {
	for _, step := range steps {
		for _, kept := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/kept=%v", step.op, kept), func(t *testing.T) {
				d, dir, f := one(t)
				d.Fail(simfs.Fault{Op: step.op, Kept: kept, Err: syscall.EMFILE})
				if err := step.run(dir, f); !errors.Is(err, syscall.EMFILE) {
					t.Errorf("with a fault armed = %v, want EMFILE", err)
				}
				if step.effect != nil && step.effect(d) != kept {
					t.Errorf("effect seen: %v, want %v", !kept, kept)
				}

				d, dir, f = one(t)
				if err := step.run(dir, f); err != nil {
					t.Errorf("without a fault = %v, want nil", err)
				}
				if step.effect != nil && !step.effect(d) {
					t.Error("without a fault there is no effect to see")
				}
			})
		}
	}
}

func TestFaultCounts(t *testing.T) {
	for _, tt := range []struct {
		faults []simfs.Fault
		want   string // which of six operations, alternating open and list, succeed
	}{
		{nil, "......"},
		{[]simfs.Fault{{Op: simfs.OpAny}}, "x....."},
		{[]simfs.Fault{{Op: simfs.OpAny, N: 2}}, ".x...."},
		{[]simfs.Fault{{Op: simfs.OpList, N: 2}}, "...x.."},
		{[]simfs.Fault{{Op: simfs.OpList, N: 2, Sticky: true}}, "...x.x"},
		{[]simfs.Fault{{Op: simfs.OpAny, N: 5, Sticky: true}}, "....xx"},
		{[]simfs.Fault{{Op: simfs.OpOpen}, {Op: simfs.OpAny, N: 4}}, "x..x.."},
		{[]simfs.Fault{{Op: simfs.OpWrite, Sticky: true}}, "......"},
	} {
		d, dir, _ := one(t)
		for _, fault := range tt.faults {
			d.Fail(fault)
		}
		var got strings.Builder
		for i := range 6 {
			var err error
			if i%2 == 0 {
				_, err = dir.Open("a", vfs.ReadWrite)
			} else {
				_, err = dir.List()
			}
			if err == nil {
				got.WriteByte('.')
			} else {
				got.WriteByte('x')
			}
		}
		if got.String() != tt.want {
			t.Errorf("with %v: %s, want %s", tt.faults, got.String(), tt.want)
		}
		d.Heal()
		if _, err := dir.List(); err != nil {
			t.Errorf("after Heal = %v, want nil", err)
		}
	}
}

func TestShortWrite(t *testing.T) {
	lengths := map[int]bool{}
	for ops := range 40 {
		d, dir, f := one(t)
		for range ops {
			if _, err := dir.List(); err != nil {
				t.Fatal(err)
			}
		}
		d.Fail(simfs.Fault{Op: simfs.OpWrite, Err: syscall.ENOSPC})
		n, err := f.WriteAt([]byte("wxyz"), 3)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("WriteAt on a full disk = %v, want ENOSPC", err)
		}
		if got, want := string(d.Bytes("a")), "abc"+"wxyz"[:n]; got != want {
			t.Errorf("after a write that reports %d bytes: %q, want %q", n, got, want)
		}
		lengths[n] = true
	}
	if len(lengths) != 5 {
		t.Errorf("writes on a full disk stop after %v bytes, want each of 0 to 4", lengths)
	}
}

func TestFailedSyncLeavesGhosts(t *testing.T) {
	d, _, f := one(t)
	write(t, f, 1, []byte("XYZ"))
	d.Fail(simfs.Fault{Op: simfs.OpSync})
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
	d.Fail(simfs.Fault{Op: simfs.OpSyncDir})
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
	d.Fail(simfs.Fault{Op: simfs.OpSyncDir, Loss: simfs.Reverted})
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
		d.Fail(simfs.Fault{Op: simfs.OpSyncDir, Loss: simfs.Partial})
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
	for loss, want := range map[simfs.Loss]struct{ seen, kept []string }{
		simfs.Ghosts:   {[]string{"aXcZ"}, []string{"abc"}},
		simfs.Reverted: {[]string{"abc"}, []string{"abc"}},
		simfs.Partial:  {[]string{"aXcZ"}, []string{"abc", "aXc", "abcZ", "aXcZ"}},
		simfs.Late:     {[]string{"aXcZ"}, []string{"abc"}},
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
			d.Fail(simfs.Fault{Op: simfs.OpSync, Loss: loss})
			first, second := f.Sync(), f.Sync()
			if late := loss == simfs.Late; (first == nil) != late || (second == nil) == late {
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

// A read that finds the file ending early has a prefix of the bytes.
func TestShortRead(t *testing.T) {
	lengths := map[int]bool{}
	for ops := range 40 {
		d, dir, f := one(t)
		for range ops {
			if _, err := dir.List(); err != nil {
				t.Fatal(err)
			}
		}
		d.Fail(simfs.Fault{Op: simfs.OpRead, Err: io.EOF})
		b := make([]byte, 3)
		n, err := f.ReadAt(b, 0)
		if err != io.EOF || string(b[:n]) != "abc"[:n] {
			t.Fatalf("ReadAt = %q, %v, want a prefix and io.EOF", b[:n], err)
		}
		lengths[n] = true
	}
	if len(lengths) != 4 {
		t.Errorf("short reads end after %v bytes, want each of 0 to 3", lengths)
	}
}

func TestHookMayDoAnything(t *testing.T) {
	d, dir, f := one(t)
	var log []string
	before := d.Ops()
	d.OnOp(func(op simfs.Op, name string) {
		log = append(log, string(op)+" "+name)
		d.Kill()
		d.Cut(1)
		d.Fail(simfs.Fault{Op: simfs.OpAny, N: 100})
		if op == simfs.OpSync {
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
