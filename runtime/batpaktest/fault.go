package batpaktest

import (
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// Op is a kind of disk operation. Closing, locking and asking for a size are
// none: they neither count nor fail.
type Op string

// The operations. OpAny stands for each of them, in a [Fault] only.
const (
	OpAny      Op = Op(faultfs.OpAny)
	OpCreate   Op = Op(faultfs.OpCreate)
	OpOpen     Op = Op(faultfs.OpOpen)
	OpRename   Op = Op(faultfs.OpRename)
	OpRemove   Op = Op(faultfs.OpRemove)
	OpLink     Op = Op(faultfs.OpLink)
	OpList     Op = Op(faultfs.OpList)
	OpSyncDir  Op = Op(faultfs.OpSyncDir)
	OpRead     Op = Op(faultfs.OpRead)
	OpWrite    Op = Op(faultfs.OpWrite)
	OpTruncate Op = Op(faultfs.OpTruncate)
	OpSync     Op = Op(faultfs.OpSync)

	// OpRest reaches the hook in the middle of a write, when a part of the bytes is
	// there. It does not count and cannot fail.
	OpRest Op = Op(simfs.OpRest)
)

// Fault is an operation that is to fail. Both forms of it need a test: an
// operation that had no effect, and one that had it and told otherwise.
type Fault struct {
	// Op says which operations count.
	Op Op
	// N says which of them fails, counted from now on: 1 is the next, and so is 0.
	N int
	// Sticky lets all operations after it that count fail, too.
	Sticky bool
	// Kept lets the operation have its effect and only the answer be an error.
	// Without it the effect is lost; a file that could not be synced goes on
	// showing bytes that no later sync makes durable.
	Kept bool
	// Err is the error; nil means syscall.EIO. With syscall.ENOSPC a write leaves
	// a prefix of its bytes; a store that meets it may do with less, so that a single
	// one need not fail an append. See [Disk.SetFree].
	Err error
}

// Fail arms a fault. Several may be armed; each counts for itself, and where two
// meet the older one decides. Images of the disk have no faults.
func (d *Disk) Fail(f Fault) {
	d.sim.Fail(faultfs.Fault{Op: faultfs.Op(f.Op), N: f.N, Sticky: f.Sticky, Kept: f.Kept, Err: f.Err})
}

// Heal disarms all faults.
func (d *Disk) Heal() { d.sim.Heal() }
