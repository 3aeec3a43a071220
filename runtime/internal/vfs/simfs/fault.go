package simfs

import "syscall"

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
	OpList     Op = "list"
	OpSyncDir  Op = "syncdir"
	OpRead     Op = "read"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpSync     Op = "sync"
)

// Fault is an operation that is to fail. Unless the effect is kept, a write with
// ENOSPC leaves a prefix, its length given by the number of operations so far; a
// sync leaves ghosts, see the package; a sync of the directory leaves the names
// waiting for the next one; and all others do nothing.
type Fault struct {
	Op     Op    // which operations count
	N      int   // the how-manieth of them fails, from now on; 0 and 1 are the next
	Sticky bool  // all after it fail, too
	Kept   bool  // the effect happens and only the answer is an error
	Err    error // nil means EIO
}

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
