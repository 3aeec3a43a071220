package simfs

import (
	"bytes"
	"cmp"
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
func New() *Disk { return &Disk{} }

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
	clone := once((*inode).copy)
	image := &Disk{live: d.live.each(clone), durable: d.durable.each(clone), stale: slices.Clip(d.stale), lied: d.lied}
	for _, m := range d.pending {
		m.file = clone(m.file)
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

// forgetLocked takes bytes out of use, which nobody changes any more.
func (d *Disk) forgetLocked(b []byte) {
	d.free += int64(len(b))
	if len(b) == 0 {
		return
	}
	d.stale = append(d.stale, b[:min(len(b), maxStaleBytes)])
	d.stale = d.stale[max(len(d.stale)-maxStale, 0):]
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
	return len(d.pending) > 0 || slices.ContainsFunc(d.live, func(e entry) bool { return len(e.file.pending) > 0 })
}

// Names lists the live names in order.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, e := range d.live.below("") {
		all = append(all, e.name)
	}
	return all
}

// Bytes returns a copy of the live bytes of a file, nil if there is none.
func (d *Disk) Bytes(name string) []byte { return bytes.Clone(d.View(name)) }

// View returns the live bytes of a file, nil if there is none. Nobody may change them, and
// what is written to the file later does not.
func (d *Disk) View(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	file := d.live.file(name)
	if file == nil {
		return nil
	}
	return slices.Clip(file.live.share().data)
}

// SameFile reports whether two names on the disk are of one file.
func (d *Disk) SameFile(a, b string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live.file(a) != nil && d.live.file(a) == d.live.file(b)
}

// SetBytes damages the disk: it makes data the durable content of the file, and
// the name durable, making the file if there is none. Any name will do, valid or
// not. What is pending for the name stays so; damage a disk that is not dirty.
func (d *Disk) SetBytes(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	file := cmp.Or(d.live.file(name), newFile())
	c := &content{data: append([]byte{}, data...)}
	file.live, file.durable, file.pending, file.ghosts = c, c, nil, false
	m := move{file: file, to: name}
	d.live, d.durable = d.live.with(m), d.durable.with(m)
}

// Crowd damages the disk: it adds empty files, durably. One by one, so many would each
// take a copy of all names.
func (d *Disk) Crowd(all ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	moves := make([]move, len(all))
	for i, name := range all {
		moves[i] = move{file: newFile(), to: name}
	}
	d.live, d.durable = d.live.with(moves...), d.durable.with(moves...)
}

// Delete damages the disk: it takes the name away, durably.
func (d *Disk) Delete(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := move{from: name}
	d.live, d.durable = d.live.with(m), d.durable.with(m)
}
