package simfs

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// ErrCrashed says that the process the handle belongs to has been stopped.
var ErrCrashed = errors.New("process has crashed")

// Disk is one disk, with a directory and perhaps others beside it; see [Disk.Dir].
// It is safe for concurrent use.
type Disk struct {
	mu sync.Mutex // guards all that follows, and what it leads to

	live    names
	durable names
	pending []move // made since the last sync of the directory, oldest first

	apart     bool     // directories share no files
	clones    bool     // but may have clones of them
	locks     []*lock  // given out, perhaps closed since
	stale     [][]byte // what was cut off files or removed, the newest last
	limited   bool     // files may grow by free bytes; see [Disk.SetFree]
	free      int64
	liar      *rand.Rand
	lies      int // one sync in so many; 0 = none
	stopped   bool
	ops, lied int
	hook      func(faultfs.Op, string)
	plan      faultfs.Plan
}

// New returns an empty disk.
func New() *Disk { return &Disk{live: names{}, durable: names{}} }

// FS opens the disk. Handles opened one after the other see the same files.
func (d *Disk) FS() vfs.FS { return &dir{handle: handle{disk: d}} }

// Dir opens another directory on the same disk. Its files have the name of the
// directory and a slash before their own in all that the disk says of them.
func (d *Disk) Dir(name string) vfs.FS {
	return &dir{handle: handle{disk: d}, under: name + "/"}
}

// SetApart makes the directories of the disk share no files, as if they were on
// different devices, or in parts of a device that can have clones. So are those of images
// unless they are told.
func (d *Disk) SetApart(apart, clones bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.apart, d.clones = apart, clones
}

// Only returns the image that the death of the process leaves of one of the other
// directories, as the directory of a disk of its own.
func (d *Disk) Only(name string) *Disk {
	image := d.Kill()
	own, _ := (&dir{handle: handle{disk: image}, under: name + "/"}).split(image.pending)
	for i := range own {
		own[i].to = strings.TrimPrefix(own[i].to, name+"/")
		own[i].from = strings.TrimPrefix(own[i].from, name+"/")
	}
	image.live, image.durable, image.pending = image.live.below(name+"/"), image.durable.below(name+"/"), own
	return image
}

// Stop ends the process that uses the disk: from now on everything done through
// a handle fails with [ErrCrashed] and has no effect. Images can still be taken.
// A hook that calls Stop keeps the operation it was called for from happening.
func (d *Disk) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
}

// Kill returns the image that the death of the process leaves. The disk itself
// goes on; see [Disk.Stop]. With a process that goes on as well, the image is the
// other one of two machines that are resumed from one snapshot.
func (d *Disk) Kill() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := cloner{}
	image := &Disk{live: c.names(d.live), durable: c.names(d.durable), stale: slices.Clone(d.stale), lied: d.lied}
	for _, m := range d.pending {
		m.file = c.file(m.file)
		image.pending = append(image.pending, m)
	}
	return image
}

// What has been cut off or removed is remembered up to these limits, for the holes
// of images.
const (
	maxStale      = 8
	maxStaleBytes = 16 << 10
)

// forgetLocked takes bytes out of use.
func (d *Disk) forgetLocked(b []byte) {
	d.free += int64(len(b))
	if len(b) == 0 {
		return
	}
	d.stale = append(d.stale, slices.Clone(b[:min(len(b), maxStaleBytes)]))
	if len(d.stale) > maxStale {
		d.stale = slices.Clone(d.stale[1:])
	}
}

// Ops returns the number of operations so far, those that failed included.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// OnOp has hook called before each operation, with the name it is about: the old
// one of a rename, none for the directory as a whole. Several goroutines may be
// in it at the same time. Nil takes the hook away.
func (d *Disk) OnOp(hook func(op faultfs.Op, name string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = hook
}

// Dirty reports whether a sync of the directory or of a file in it would make
// anything durable. Ghosts are not dirty.
func (d *Disk) Dirty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pending) > 0 {
		return true
	}
	for _, file := range d.live {
		if len(file.pending) > 0 {
			return true
		}
	}
	return false
}

// Names lists the live names in order.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live.below("").sorted()
}

// Bytes returns a copy of the live bytes of a file, nil if there is none.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	file := d.live[name]
	if file == nil {
		return nil
	}
	return append([]byte{}, file.live.data...)
}

// SameFile reports whether two names on the disk are of one file.
func (d *Disk) SameFile(a, b string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live[a] != nil && d.live[a] == d.live[b]
}

// SetBytes damages the disk: it makes data the durable content of the file, and
// the name durable, making the file if there is none. Any name will do, valid or
// not. What is pending for the name stays so; damage a disk that is not dirty.
func (d *Disk) SetBytes(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	file := d.live[name]
	if file == nil {
		file = &inode{}
	}
	file.live, file.pending = content{data: slices.Clone(data)}, nil
	file.durable = file.live.share()
	d.live[name], d.durable[name] = file, file
}

// Delete damages the disk: it takes the name away, durably.
func (d *Disk) Delete(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.live, name)
	delete(d.durable, name)
}
