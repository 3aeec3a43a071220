package checkfs

import (
	"fmt"
	"slices"
	"strings"
)

// memory is how many operations a breach tells of.
const memory = 20

// Breach is a call, or a promise, that the protocol forbids.
type Breach struct {
	Call    string   // what was about to happen
	Reason  string   // what it would break
	History []string // the calls and promises before it, the latest last
}

func (b *Breach) Error() string {
	return fmt.Sprintf("%s: %s; before that:\n\t%s", b.Call, b.Reason, strings.Join(b.History, "\n\t"))
}

// call is one operation, or a promise. It is put into words only for a breach.
type call struct {
	op     string
	name   string
	to     string // of a rename
	off, n int64  // bytes; or n is a size or a sequence
	done   bool
	err    error
	number int // in the order in which they began
}

func (c *call) String() string {
	switch c.op {
	case "read", "write":
		return fmt.Sprintf("%s %s, %d bytes at %d", c.op, c.name, c.n, c.off)
	case "truncate":
		return fmt.Sprintf("truncate %s to %d bytes", c.name, c.n)
	case "rename":
		return fmt.Sprintf("rename %s to %s", c.name, c.to)
	case "promise":
		return fmt.Sprintf("promise events up to %d", c.n)
	}
	return strings.TrimSpace(c.op + " " + c.name)
}

// outcome adds how the call went.
func (c *call) outcome() string {
	switch {
	case !c.done:
		return c.String() + " (under way)"
	case c.err != nil:
		return fmt.Sprintf("%v: %v", c, c.err)
	}
	return c.String()
}

// trace remembers the latest calls, by value: to keep each one's own would be most of
// what a call costs here.
type trace struct {
	calls [memory]call
	next  int
}

// add takes in a call that begins.
func (t *trace) add(c *call) {
	c.number = t.next
	t.calls[t.next%memory] = *c
	t.next++
}

// finish takes in how a call went, if it is still remembered.
func (t *trace) finish(c *call, err error) {
	if kept := &t.calls[c.number%memory]; kept.number == c.number {
		kept.done, kept.err = true, err
	}
}

// before lists the calls before the last one, the oldest first.
func (t *trace) before() (lines []string) {
	for i := max(0, t.next-memory); i < t.next-1; i++ {
		lines = append(lines, t.calls[i%memory].outcome())
	}
	return slices.Clip(lines)
}
