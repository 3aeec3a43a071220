package batpak_test

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	exhaustiveDepth = flag.Int("exhaustive.depth", 2, "operations of the exhaustive crash test, at most")
	exhaustiveAll   = flag.Bool("exhaustive.all", false, "begin the exhaustive crash test with every prepared store, not only the usual ones")
	exhaustiveCore  = flag.Bool("exhaustive.core", false, "take only the core operations in the exhaustive crash test")
)

const (
	usualPreparations = 8 // the first ones, unless -exhaustive.all is set
	coreSteps         = 6 // the first ones, if -exhaustive.core is
)

// preparations are what the exhaustive test finds when it begins.
var preparations = []struct{ name, history string }{
	{name: "empty directory"},
	{name: "segment that is full", history: `
		append size=150 key
		append who=1 size=60 key cause`},
	{name: "closed", history: `
		append n=3 size=90 key item
		append who=1 size=200 story
		append size=20 key
		close`},
	{name: "killed", history: `
		append size=90 key decided
		append n=2 who=1 size=30 key queued
		step n=2
		die kill`},
	{name: "torn", history: `
		append size=300 key
		append n=2 who=1 size=40 key
		append size=400 queued
		step n=1
		die n=2 seed=4
		look
		append size=10 key`},
	{name: "relaxed", history: `
		relaxed
		append size=120 key
		sync
		append n=2 who=1 size=40 key cause
		append size=30 key`},
	{name: "with a checkpoint", history: `
		checkpoint 200
		append size=150 key
		append who=1 size=60 key cause
		append n=2 size=20 key
		close`},
	{name: "that merges", history: `
		merge 2
		append size=250 key
		append who=1 size=300 key cause
		append size=280 key`},
	{name: "with lost tails", history: `
		append size=60 key
		append n=2 who=1 size=90 key queued
		append size=40 queued
		step n=2
		die seed=12
		look
		append size=30 key
		append n=2 who=1 size=120 queued
		step n=2
		die seed=12
		look`},
	{name: "merged, with a checkpoint behind it", history: `
		merge 2
		checkpoint 200
		append size=250 key
		append who=1 size=300 key cause
		compact
		append size=60 key
		append n=2 who=1 size=200 key
		compact
		append size=20 key`},
	{name: "killed in a rotation", history: `
		append size=300 key
		die n=10 kill
		append who=1 size=300 key cause`},
	{name: "killed when it showed what is not synced", history: `
		relaxed
		unsynced
		append size=120 key
		append n=2 who=1 size=250 key cause
		append size=30 key
		die kill`},
}

// steps are the operations of the exhaustive test, each of one line or a few.
var steps = []string{
	"append size=20 key",
	"append n=2 size=350 cause",
	"append size=20 key queued\nappend who=1 size=30 key queued\nland",
	"compact\nappend size=350 key\ncompact",
	"close\nlook",
	"die seed=7\nlook",
	"append who=1 size=300 expect",
	"append n=3 size=40 key item",
	"append size=20 key queued\nstep n=2\nappend size=30 key expect queued\nland",
	"append size=20 key queued\nstep n=1\nfault write full n=1\nappend size=30 key queued\nappend who=1 size=400 queued\nland",
	"append size=20 key queued\nretry n=99 queued\nstep n=3\nappend n=2 size=20 queued\nland",
	"clock n=-100\nappend size=20 key none",
	"fault write n=1 kept\nappend size=20 key\nappend size=20 key",
	"fault sync n=1\nappend size=20 key\nclose\nlook",
	"fault dir n=1\nappend size=400 key\nclose\nlook",
	"fault create n=1 full\nappend size=400 key\nappend size=400 key",
	"sync",
	"retry n=1",
	"die kill\nlook",
	"die hard\nlook",
}

// TestCrashExhaustive plays every sequence of a few operations from each of the
// prepared stores. Before every operation of the disk it kills the process, cuts
// the power in every way, and, after a kill, cuts it in every way at every
// operation of the recovery. In sequences of one the recovery from a power cut
// is crashed, too, and what crashes of a recovery leave is held against all laws.
//
// Sequences have much in common. What a disk looks like that has been seen before, after
// the same events, is not judged again, nor are images made of it: of 10 images 9 are
// such ones.
func TestCrashExhaustive(t *testing.T) {
	t.Parallel()
	depth := *exhaustiveDepth
	if testing.Short() {
		depth = 1
	}
	stores, operations := preparations[:usualPreparations], len(steps)
	if *exhaustiveAll {
		stores = preparations
	}
	if *exhaustiveCore {
		operations = coreSteps
	}
	var mu sync.Mutex // guards total
	var total tally
	for _, prepared := range stores {
		t.Run(prepared.name, func(t *testing.T) {
			t.Parallel()
			n, known := tally{seen: map[sight]verdict{}}, map[held]bool{}
			before := mustPrepare(t, prepared.history)
			for sequence := range arrangements(operations, depth) {
				if err := exhaust(before, sequence, &n, known); err != nil {
					if f, ok := errors.AsType[*failedHistory](err); ok {
						keep(t, f.history, f.err)
					}
					t.Fatalf("after %d images: %v\n\tgo test ./runtime -run '^%s$' -exhaustive.depth=%d -exhaustive.all=%t -exhaustive.core=%t",
						n.images, err, t.Name(), *exhaustiveDepth, *exhaustiveAll, *exhaustiveCore)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total.add(&n)
		})
	}
	t.Cleanup(func() { t.Log(&total) })
}

// No prepared store is like another, and those of the long runs can be prepared.
func TestPreparedStoresDiffer(t *testing.T) {
	t.Parallel()
	names := map[uint64]string{}
	for _, prepared := range preparations {
		p := newPlayer(mustPrepare(t, prepared.history))
		if err := p.playAll(p.ops); err != nil {
			t.Errorf("%s: %v", prepared.name, err)
		}
		sum := p.disk.Sum(imageSeed)
		if names[sum] != "" {
			t.Errorf("the store %s is like the one %s", prepared.name, names[sum])
		}
		names[sum] = prepared.name
	}
}

func mustPrepare(t *testing.T, text string) *history {
	t.Helper()
	h, err := parseHistory(text)
	if err != nil {
		t.Fatal(err)
	}
	h.knobs.segment, h.knobs.entities = 512, 2
	return h
}

// arrangements are all sequences of 1 to depth numbers below n.
func arrangements(n, depth int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		var extend func(prefix []int) bool
		extend = func(prefix []int) bool {
			for i := range n {
				s := append(slices.Clip(prefix), i)
				if !yield(s) || len(s) < depth && !extend(s) {
					return false
				}
			}
			return true
		}
		extend(nil)
	}
}

// exhaust plays a sequence of steps and crashes the last of them: what comes
// before it is the end of another sequence. What is known is known of all of them.
func exhaust(prepared *history, sequence []int, n *tally, known map[held]bool) error {
	h := *prepared
	kill, cuts := crash{kind: crashKill}, crash{kind: crashCuts}
	h.watch = []scenario{{kill}, {cuts}, {kill, cuts}}
	if len(sequence) == 1 {
		h.watch = append(h.watch, scenario{cuts, kill}, scenario{cuts, cuts})
	}
	last := ""
	for i, s := range sequence {
		if last = steps[s]; i < len(sequence)-1 {
			h.ops = append(h.ops, mustOps(last)...)
		}
	}
	p := newPlayer(&h)
	crashing := mustOps(last)
	h.ops = slices.Concat(h.ops, crashing)
	p.brief = len(sequence) > 1
	own := tally{seen: n.seen}
	p.chronicle.checks, p.chronicle.held = n.images, known
	err := p.playAll(h.ops[:len(h.ops)-len(crashing)])
	if err == nil {
		p.tries(&own)
		err = p.playAll(crashing)
	}
	if err == nil {
		p.onOp = nil
		err = p.end()
	}
	n.add(&own)
	if err != nil {
		return &failedHistory{&h, fmt.Errorf("%w\nin the history:\n%s", err, &h)}
	}
	return nil
}

func mustOps(text string) (ops []op) {
	for line := range strings.Lines(text) {
		o, err := parseOp(strings.TrimSpace(line))
		if err != nil {
			panic(err) // a constant of this file
		}
		ops = append(ops, o)
	}
	return ops
}
