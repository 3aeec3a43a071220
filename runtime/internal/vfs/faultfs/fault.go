package faultfs

import (
	"errors"
	"io"
	"math/rand/v2"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Op is a kind of operation that counts and can fail. Closing, locking and asking for a
// size are none.
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
)

// Fault is an operation that is to fail. See the package for what one leaves behind
// whose effect is lost.
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

// Prefix is how many of n bytes a read or a write has that lost its effect. It is drawn by
// a number that differs from operation to operation.
func (f *Fault) Prefix(op Op, number uint64, n int) int {
	switch {
	case op == OpWrite && (vfs.Full(f.Err) || errors.Is(f.Err, io.ErrShortWrite)):
		return rand.New(rand.NewPCG(number, 0)).IntN(n + 1)
	case op == OpRead && errors.Is(f.Err, io.EOF):
		return rand.New(rand.NewPCG(number, 5)).IntN(n + 1)
	}
	return 0
}
