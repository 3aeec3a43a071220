package faultfs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mount"
)

// New returns the directory d, of which operations fail as p says. Unless seen is nil it
// is called after each operation, in the goroutine that did it, with all that it was asked
// for and what it answered.
func New(d vfs.FS, p *Plan, seen func(op Op, about string, err error)) vfs.FS {
	return &directory{FS: d, plan: p, seen: seen}
}

type directory struct {
	vfs.FS
	plan *Plan
	seen func(op Op, about string, err error)
	done atomic.Uint64 // operations so far
}

// do does an operation about name and more, or lets it fail.
func (d *directory) do(op Op, effect func() error, lost func(f *Fault) error, name string, more ...any) error {
	d.done.Add(1)
	if lost == nil {
		lost = func(f *Fault) error { return f.Err }
	}
	err := d.plan.Do(op, name, effect, lost)
	if d.seen != nil {
		var about strings.Builder
		about.WriteString(name)
		for _, m := range more {
			about.WriteString(fmt.Sprint(" ", m))
		}
		d.seen(op, about.String(), err)
	}
	return err
}

// lose lets a sync of below, a file or a directory, fail.
func lose(below any, f *Fault) error {
	if disk, ok := below.(interface {
		Lose(l Loss, err error) error
	}); ok {
		return disk.Lose(f.Loss, f.Err)
	}
	if f.Loss != Ghosts {
		return errors.ErrUnsupported
	}
	return f.Err
}

func (d *directory) Create(name string) (f vfs.File, err error) {
	err = d.do(OpCreate, func() (err error) {
		f, err = d.FS.Create(name)
		return err
	}, nil, name)
	return d.handed(f, name, err)
}

func (d *directory) Open(name string, m vfs.Mode) (f vfs.File, err error) {
	err = d.do(OpOpen, func() (err error) {
		f, err = d.FS.Open(name, m)
		return err
	}, nil, name)
	return d.handed(f, name, err)
}

func (d *directory) handed(f vfs.File, name string, err error) (vfs.File, error) {
	if err == nil {
		return &file{File: f, dir: d, name: name}, nil
	}
	if f != nil {
		_ = f.Close() // nobody gets it
	}
	return nil, err
}

func (d *directory) Rename(from, to string) error {
	return d.do(OpRename, func() error { return d.FS.Rename(from, to) }, nil, from, to)
}

func (d *directory) Remove(name string) error {
	return d.do(OpRemove, func() error { return d.FS.Remove(name) }, nil, name)
}

// Link fails as the plan of this directory says, not as that of the other one.
func (d *directory) Link(name string, into vfs.FS) error {
	if to, ok := into.(*directory); ok {
		into = to.FS
	}
	return d.do(OpLink, func() error { return d.FS.Link(name, into) }, nil, name)
}

// Clone counts as Link does.
func (d *directory) Clone(name string, into vfs.FS) error {
	if to, ok := into.(*directory); ok {
		into = to.FS
	}
	return d.do(OpLink, func() error { return d.FS.Clone(name, into) }, nil, name)
}

func (d *directory) List() (all []vfs.Entry, err error) {
	err = d.do(OpList, func() (err error) {
		all, err = d.FS.List()
		return err
	}, nil, "")
	return all, err
}

func (d *directory) SyncDir() error {
	return d.do(OpSyncDir, d.FS.SyncDir, func(f *Fault) error { return lose(d.FS, f) }, "")
}

// Inside is [vfs.Inside] of the directory behind.
func (d *directory) Inside(path string) (bool, error) { return vfs.Inside(d.FS, path) }

// Network is [mount.Of] of the directory behind.
func (d *directory) Network() (string, error) { return mount.Of(d.FS) }

// Peek returns what a file shows, nil if there is none. It is no operation: whoever only
// watches the store calls it.
func (d *directory) Peek(name string) []byte {
	if p, ok := d.FS.(interface{ Peek(name string) []byte }); ok {
		return p.Peek(name)
	}
	f, err := d.FS.Open(name, vfs.ReadOnly)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, _ := io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
	return b
}
