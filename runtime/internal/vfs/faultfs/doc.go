// Package faultfs lets operations of a disk fail, whatever disk it is.
//
// A [Plan] says which: the k-th of a kind, once or from then on, with which error, and in
// which of two forms. Either the effect is lost, or it is there and only the answer is an
// error; a caller that can tell the two apart has guessed. [New] stands before any
// directory and lets its operations fail as a plan says. Package simfs asks a plan of its
// own, where a fault comes after the hook and counts as an operation of that disk.
//
// # What of an effect that is lost is there all the same
//
//	write with ENOSPC, EDQUOT, EFBIG or io.ErrShortWrite    a prefix of the bytes
//	read with io.EOF                                        a prefix: the file seems to end early
//	sync                                                    see Loss
//	all others                                              nothing
//
// What becomes of pages that could not be written is for the disk to know. A disk that
// can lose them has a method on its files and its directories,
//
//	Lose(l Loss, err error) (answer error)
//
// that does what a sync does which fails with err and loses the changes so, and returns
// what that sync says. Before any other disk, a real one among them, a sync that
// is to leave [Ghosts] is not asked for: they are seen until the machine stops. One that is
// to lose in another way fails with [errors.ErrUnsupported], so that no test takes it for
// done.
//
// # What it does not do
//
// It crashes nothing, and judges nothing. To close, to lock, to ask for a size or for
// other names never fails here.
//
// # Invariants
//
//   - With no fault armed a directory does and answers what the one behind it does.
//   - The same calls and the same faults fail in the same way, on any disk.
//   - No lock is held while the disk behind is called.
package faultfs
