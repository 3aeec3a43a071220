package faultfs_test

import (
	"io"
	"math"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// faults is what arms faults: a plan, or a disk that has one.
type faults interface {
	Fail(f faultfs.Fault)
	Heal() (met bool)
}

// rig is a directory that can fail, with an open file "a" that holds "abc".
type rig struct {
	faults
	dir   vfs.FS
	file  vfs.File
	below vfs.FS // the same directory, with nothing before it
}

// kinds are the ways in which operations can be made to fail.
var kinds = map[string]func(t *testing.T) rig{
	"a simulated disk by itself": func(t *testing.T) rig {
		disk := simfs.New()
		return newRig(t, disk, disk.FS(), disk.FS())
	},
	"before a simulated disk": func(t *testing.T) rig {
		disk, plan := simfs.New(), new(faultfs.Plan)
		return newRig(t, plan, faultfs.New(disk.FS(), plan, nil), disk.FS())
	},
	"before a real disk": func(t *testing.T) rig {
		below, err := vfs.OpenDir(t.TempDir())
		must(t, err)
		plan := new(faultfs.Plan)
		return newRig(t, plan, faultfs.New(below, plan, nil), below)
	},
}

// onEach runs a test on each kind.
func onEach(t *testing.T, test func(t *testing.T, build func() rig)) {
	for kind, build := range kinds {
		t.Run(kind, func(t *testing.T) { test(t, func() rig { return build(t) }) })
	}
}

func newRig(t *testing.T, f faults, dir, below vfs.FS) rig {
	t.Helper()
	file, err := dir.Create("a")
	must(t, err)
	write(t, file, 0, "abc")
	t.Cleanup(func() {
		must(t, file.Close())
		must(t, dir.Close())
	})
	return rig{f, dir, file, below}
}

// content is what is in a directory, file by file.
func content(t *testing.T, dir vfs.FS) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := dir.List()
	must(t, err)
	for _, e := range entries {
		f, err := dir.Open(e.Name, vfs.ReadOnly)
		must(t, err)
		b, err := io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
		must(t, err)
		must(t, f.Close())
		all[e.Name] = string(b)
	}
	return all
}

func write(t *testing.T, f vfs.File, off int64, s string) {
	t.Helper()
	_, err := f.WriteAt([]byte(s), off)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
