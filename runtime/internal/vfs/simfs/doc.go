// Package simfs is a disk in memory that can crash, fail and be damaged, and
// that is never kinder than a real one.
//
// A [Disk] is what lies behind a [vfs.FS]. A test runs a protocol on it, stops
// anywhere (see [Disk.OnOp]), takes images of what a crash could leave there,
// and opens each of them as a disk of its own. An image has no handles, no
// lock, no faults and no hook.
//
//   - [Disk.Kill] is the death of the process: everything written is still to
//     be seen, and still not durable.
//   - [Disk.Cut] is a power cut: one of the images that the writes and names not
//     yet durable could legally leave, chosen by a seed.
//   - [Disk.Cuts] are the images of a power cut one after the other, without the
//     finer choices.
//   - [Disk.CutHard] is the power cut that keeps nothing but what was synced.
//
// # State
//
//	file       durable bytes ── log of changes, not yet durable ──▶ live bytes
//	directory  durable names ── log of changes, not yet durable ──▶ live names
//
// There may be other directories beside the one, each with a sync of its own, and one
// file may have names in several; see [Disk.Dir].
//
// A sync applies the log to the durable side, and only the log. After a sync
// that failed the log is empty and the bytes are ghosts: live but not durable,
// with nothing left that could make them so except to write them again. So do
// file systems that mark a page clean when its write-back failed. Which operations fail,
// and in which of the ways there are, [Disk.Fail] is told in the words of package faultfs.
//
// # What it does not do
//
// It judges nothing; what a protocol must survive is the test's to say. It knows
// no time. Space is what writes need and may not get ([Disk.SetFree]); nobody here
// asks how much there is, or reserves it but by zeros. Ghosts never become durable
// by way of a neighbour in the same page.
//
// # Invariants
//
//   - The same calls and the same seed give the same image.
//   - An image shares no memory with the disk it was taken from.
//   - The hook runs without the disk's mutex, so it may call any method.
package simfs
