package batpaktest

import (
	"fmt"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// Disk is a disk in memory that holds one store, and snapshots of it. It is made by
// [NewDisk], or is the image of another one, and is safe for concurrent use.
type Disk struct{ sim *simfs.Disk }

// NewDisk returns an empty disk.
func NewDisk() *Disk { return &Disk{sim: simfs.New()} }

// Snapshot returns a disk that holds what is in a directory which a store on this one
// made a snapshot in, or restored one to: an image, as [Disk.Kill] is. A crash while
// the snapshot is made is tried by an image of this disk, and then this.
func (d *Disk) Snapshot(dir string) *Disk { return &Disk{sim: d.sim.Only(dir)} }

// Open opens the store on the disk. Nil options are the defaults. Its errors are
// those of [batpak.Open].
func (d *Disk) Open(o *batpak.Options) (*batpak.Store, error) {
	return batpak.Open("disk in memory", d.Options(o))
}

// OpenReadOnly opens the store on the disk for reading alone, and holds it to that.
// Its errors are those of [batpak.OpenReadOnly].
func (d *Disk) OpenReadOnly(o *batpak.Options) (*batpak.Store, error) {
	return batpak.OpenReadOnly("disk in memory", d.Options(o))
}

// Options returns a copy of o, nil meaning the defaults, with which [batpak.Open]
// opens the store on this disk, whatever the directory it is given. One copy
// serves one call.
func (d *Disk) Options(o *batpak.Options) *batpak.Options {
	c := checked(d.sim.FS(), o)
	rtopts.SetDir(&c.Internal, d.dir)
	return c
}

// dir opens the directory of a snapshot.
func (d *Disk) dir(name string) (vfs.FS, error) { return check(d.sim.Dir(name)), nil }

// OpenDir opens the store in a real directory, like [batpak.Open], and holds it to
// the same protocol as on a [Disk].
func OpenDir(dir string, o *batpak.Options) (*batpak.Store, error) {
	fs, err := vfs.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	c := checked(fs, o)
	rtopts.SetDir(&c.Internal, func(path string) (vfs.FS, error) {
		fs, err := vfs.OpenDir(path)
		if err != nil {
			return nil, err
		}
		return check(fs), nil
	})
	return batpak.Open(dir, c)
}

// checked returns a copy of o with which a store is opened on fs, for once, and
// held to its protocol.
func checked(fs vfs.FS, o *batpak.Options) *batpak.Options {
	check := check(fs)
	c := clone(o)
	rtopts.SetFS(&c.Internal, check)
	rtopts.SetPromise(&c.Internal, check.Promise)
	return c
}

func check(fs vfs.FS) *checkfs.FS {
	return checkfs.New(fs, func(b *checkfs.Breach) {
		panic(fmt.Errorf("batpak: internal error: %w", b))
	})
}

// clone copies options, nil meaning the defaults.
func clone(o *batpak.Options) *batpak.Options {
	if o == nil {
		return &batpak.Options{}
	}
	c := *o
	return &c
}

// Kill returns the disk that the death of the process leaves: everything that was
// written is there, synced or not. The lock is free. The disk itself goes on.
func (d *Disk) Kill() *Disk { return &Disk{sim: d.sim.Kill()} }

// Cut returns one of the disks that a power cut could leave, chosen by the seed:
// of what was not synced, anything from nothing to everything survives, in pieces
// of 512 bytes that may be torn, and so do the names of files. What is there is
// durable. The disk itself goes on.
func (d *Disk) Cut(seed uint64) *Disk { return &Disk{sim: d.sim.Cut(seed)} }

// CutHard returns the disk that a power cut leaves in the worst case: what was
// synced, and nothing else. The disk itself goes on.
func (d *Disk) CutHard() *Disk { return &Disk{sim: d.sim.CutHard()} }

// SetFree fills the disk: from now on its files may grow by so many bytes, all
// together. What is cut off or removed gives room again. Images have no limit.
func (d *Disk) SetFree(bytes int64) { d.sim.SetFree(bytes) }

// Stop ends the process that uses the disk: from now on every operation fails and
// has no effect. A store that is open on it fails to close, but its goroutines
// end. Images can still be taken.
func (d *Disk) Stop() { d.sim.Stop() }

// OnOp has hook called before each operation, with the name of the file it is
// about, empty for the directory as a whole. Nil takes the hook away. The hook
// may call any method of the disk but waits for nothing the store does; it may be
// called from several goroutines at a time.
func (d *Disk) OnOp(hook func(op Op, name string)) {
	if hook == nil {
		d.sim.OnOp(nil)
		return
	}
	d.sim.OnOp(func(op faultfs.Op, name string) { hook(Op(op), name) })
}

// Ops is the number of operations so far, including those that failed.
func (d *Disk) Ops() int { return d.sim.Ops() }

// Names lists the files in order.
func (d *Disk) Names() []string { return d.sim.Names() }

// Bytes returns a copy of what a file holds, nil if there is no such file.
func (d *Disk) Bytes(name string) []byte { return d.sim.Bytes(name) }

// SetBytes damages the disk: the file now holds a copy of data, durably. It is
// made if there is none, under any name. Damage a disk whose store is closed, or
// an image of [Disk.Cut] or [Disk.CutHard]: there nothing is still to be synced.
func (d *Disk) SetBytes(name string, data []byte) { d.sim.SetBytes(name, data) }

// Delete damages the disk: the file is gone, durably. What [Disk.SetBytes] says
// about the right time holds here as well.
func (d *Disk) Delete(name string) { d.sim.Delete(name) }
