package props_test

import (
	"fmt"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
)

// op is one step of a generated history. What the numbers mean depends on the
// state that the step meets, so that any part of a history is a history, and
// shrinking is only a matter of leaving out steps and making numbers smaller.
type op struct {
	act  act
	who  uint8 // the entity, or the request to repeat
	size uint8 // of the payload, or of the batch
	how  uint8 // bits: the options
}

// act is what a step does.
type act uint8

const (
	appendOne act = iota
	appendBatch
	appendIfNone // with a condition
	retry        // of a request that was stored
	retryOther   // the same key, another event
	syncAll
	reopen
)

// The bits of op.how for an append.
const (
	howKey = 1 << iota
	howExpect
	howStale // with howExpect
	howCause
	howItem // with howCause: of the batch
	howCorrelate
	howScope
	howKind
)

func newOp(action, who, size, how uint8) op { return op{act(action), who, size, how} }

func (o op) parts() (action, who, size, how uint8) { return uint8(o.act), o.who, o.size, o.how }

// String writes the step as in a Go literal.
func (o op) String() string {
	return fmt.Sprintf("{%d, %d, %d, %#x},", o.act, o.who, o.size, o.how)
}

// histories generates histories of the given acts, each as likely as it is often
// among them.
func histories(among ...act) gopter.Gen {
	choices := make([]any, len(among))
	for i, a := range among {
		choices[i] = uint8(a)
	}
	return gen.SliceOf(gopter.DeriveGen(newOp, op.parts,
		gen.OneConstOf(choices...), gen.UInt8(), gen.UInt8(), gen.UInt8()))
}
