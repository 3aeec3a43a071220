package simfs

import (
	"math/rand/v2"

	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// OpRest is no operation of its own: it reaches the hook in the middle of a
// write of more than one byte, when a part of the bytes is there.
const OpRest faultfs.Op = "rest of a write"

// Fail arms a fault. Those of a disk come after the hook.
func (d *Disk) Fail(f faultfs.Fault) { d.plan.Fail(f) }

// Heal disarms all faults, and reports whether any has come.
func (d *Disk) Heal() (met bool) { return d.plan.Heal() }

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
