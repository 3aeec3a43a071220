package simfs

import (
	"math/rand/v2"
	"syscall"
)

// Op is a kind of operation that counts, can fail, and reaches the hook.
// Closing, locking and asking for a size are none.
type Op string

// The operations. OpAny stands for each of them, in a [Fault] only.
const (
	OpAny      Op = "any"
	OpCreate   Op = "create"
	OpOpen     Op = "open"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpLink     Op = "link"
	OpList     Op = "list"
	OpSyncDir  Op = "syncdir"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"

	// OpRest is no operation of its own: it reaches the hook in the middle of a
	// write of more than one byte, when a part of the bytes is there.
	OpRest Op = "rest of a write"
)

// Fault is an operation that is to fail. Unless the effect is kept, a write with
// ENOSPC, EDQUOT, EFBIG or [io.ErrShortWrite] leaves a prefix, its length given by the number of
// operations so far; a read with [io.EOF] finds the file ending early; a sync
// leaves ghosts, see the package; a sync of the directory leaves the names
// waiting for the next one; and all others do nothing.
type Fault struct {
	Op     Op    // which operations count
	N      int   // the how-manieth of them fails, from now on; 0 and 1 are the next
	Sticky bool  // all after it fail, too
	Kept   bool  // the effect happens and only the answer is an error
	Err    error // nil means EIO
	Loss   Loss  // what a sync that fails without its effect makes of the file, or of the names
}

// Loss is what becomes of the changes that a sync which fails should have made
// durable.
type Loss int

// The ways to lose. Names are not lost as easily as bytes: those that are seen and
// not durable wait for the next sync.
const (
	Ghosts   Loss = iota // they stay visible, and no later sync knows of them (ext4, XFS)
	Reverted             // they are gone: the file shows what is durable (Btrfs)
	Partial              // some of them are durable, the others ghosts
	Late                 // as Ghosts, but the sync reports success, and the next one of the file fails
)

// Fail arms a fault. Several may be armed; each counts for itself, and where
// two meet the older one decides.
func (d *Disk) Fail(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f.N = max(f.N, 1)
	if f.Err == nil {
		f.Err = syscall.EIO
	}
	d.faults = append(d.faults, &f)
}

// Heal disarms all faults.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

// SetFree limits by how many bytes the files may grow, all together; more fails
// with ENOSPC after a part of it. What files lose gives room again. Images have
// no limit.
func (d *Disk) SetFree(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.limited, d.free = true, bytes
}

// Lie makes one in n syncs, of files and of the directory, report success without
// an effect: what they should have made durable goes on waiting for the next one. Which
// ones the seed says. Images do not lie unless told.
func (d *Disk) Lie(n int, seed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lies, d.liar = n, rand.New(rand.NewPCG(seed, 1))
}

// Lied is how many syncs were lies, back to the last power cut or the beginning.
func (d *Disk) Lied() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lied
}

// liesLocked reports whether this sync is a lie.
func (d *Disk) liesLocked() bool {
	if d.lies == 0 || d.liar.IntN(d.lies) > 0 {
		return false
	}
	d.lied++
	return true
}

// takeLocked gives a file room to grow, or says how much there is.
func (d *Disk) takeLocked(bytes int64) (room int64, ok bool) {
	if d.limited && bytes > d.free {
		return max(d.free, 0), false
	}
	d.free -= bytes
	return bytes, true
}

// trip counts an operation against the armed faults and returns the one that
// fails it, or nil.
func (d *Disk) trip(op Op) *Fault {
	var hit *Fault
	for _, f := range d.faults {
		if f.Op != op && f.Op != OpAny {
			continue
		}
		f.N--
		if hit == nil && (f.N == 0 || f.Sticky && f.N < 0) {
			hit = f
		}
	}
	return hit
}
