package batpak

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// Denial is a gate's reason to refuse. A gate that lets an event pass returns
// nil.
type Denial struct {
	Code    string // stable and short, for programs: "NSF"
	Message string // for people
}

// Deny makes a denial. The code is for programs and must not be empty; the
// message is for people.
func Deny(code, message string) *Denial { return &Denial{Code: code, Message: message} }

// Denyf is [Deny] with a formatted message.
func Denyf(code, format string, args ...any) *Denial {
	return &Denial{Code: code, Message: fmt.Sprintf(format, args...)}
}

// The codes of denials that gates do not give themselves.
const (
	CodePanic   = "PANIC"  // the gate panicked; the message ends with the stack
	CodeUnnamed = "DENIED" // the gate denied without a code
)

// Gate is a named, pure predicate over the context C of a command: the same
// context gives the same verdict, and the context is not modified.
type Gate[C any] struct {
	Name string
	Eval func(C) *Denial
}

// Verdict is what one gate said.
type Verdict struct {
	Gate string
	// Code is empty where the gate let the event pass, otherwise the code of
	// its denial.
	Code string
}

// Decision is the record of a command's gates, committed with the event that
// they let pass. It is written while the gates run and never derived again.
type Decision struct {
	Command  string
	Version  uint64 // the stream version that the gates looked at
	Verdicts []Verdict
	// Bypassed is why the gates were not asked, see [Bypass], or empty if they were.
	Bypassed string
}

// Evaluate runs the gates in order over c and records what each said. It stops
// at the first denial, which it returns beside the record. A gate that panics
// denies with [CodePanic]. A gate gets a copy of c; what c points to is shared.
func Evaluate[C any](gates []Gate[C], c C) ([]Verdict, *Denial) {
	verdicts := make([]Verdict, 0, len(gates))
	for _, g := range gates {
		d := g.eval(c)
		if d == nil {
			verdicts = append(verdicts, Verdict{Gate: g.Name})
			continue
		}
		named := &Denial{Code: cmp.Or(d.Code, CodeUnnamed), Message: d.Message}
		return append(verdicts, Verdict{Gate: g.Name, Code: named.Code}), named
	}
	return verdicts, nil
}

func (g Gate[C]) eval(c C) (d *Denial) {
	defer func() {
		if r := recover(); r != nil {
			d = Denyf(CodePanic, "gate %s panicked: %v\n%s", g.Name, r, debug.Stack())
		}
	}()
	return g.Eval(c)
}
