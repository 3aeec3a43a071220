package batpak_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
)

// history is what a test does to a store, as data: it can be drawn from a seed,
// written down, read back, and cut down to what matters. Whatever is left of one
// can be run, so an operation names no event or request but by a number that is
// taken modulo how many there are.
type history struct {
	lane  lane
	seed  uint64
	knobs knobs
	// fails names a fault of the k-th fault lanes, as they describe it.
	fails string
	// watch are the crashes to try at each operation of the disk; nil = what the
	// seed draws.
	watch []scenario
	ops   []op
}

// lane is who plays a history.
type lane string

const (
	laneCrash    lane = ""         // a player
	laneMerges   lane = "merges"   // a merging
	laneFault    lane = "fault"    // a faulted, of which an operation fails
	laneRecovery lane = "recovery" // a faulted, of which an operation fails when it is opened after a crash
)

// knobs are the settings of a history.
type knobs struct {
	segment  int  // size in bytes
	relaxed  bool // durability
	unsynced bool // is shown
	entities int
	lifo     bool // the newest request learns first what became of it
	images   int  // of each operation of the disk, if none are watched
	// checkpoint is for how many bytes of events one is written; 0 = none is, as the
	// store is too small.
	checkpoint int
	// events is for how many of them a checkpoint is written, if that comes first; 0 = as many
	// as there are not.
	events int
	// merge is how many files of like size are merged unasked; 0 = none are.
	merge int
	lies  int // the disk's: one sync in so many; 0 = none
}

func (k knobs) options() batpak.Options {
	o := batpak.Options{SegmentSize: int64(k.segment)}
	rtopts.SetCheckpoint(&o.Internal, int64(k.checkpoint), uint64(k.events))
	if k.merge > 0 {
		o.Compaction = &batpak.Compaction{}
		rtopts.SetFanIn(&o.Internal, k.merge)
	}
	if k.relaxed {
		o.Durability, o.ShowUnsynced = batpak.Relaxed, k.unsynced
	}
	return o
}

// op is one operation of a history.
type op struct {
	act  act
	n    int // how many, or which
	who  int // entity
	size int // of a payload, in bytes
	seed uint64
	how  how
}

// act is what an operation does. Requests are driven until they are over, unless
// they are queued: then they are under way until steps take them along.
type act string

const (
	actAppend act = "append" // n events in one batch
	actRetry  act = "retry"  // request n once more
	actOther  act = "other"  // request n with another payload; it is refused
	actSync   act = "sync"   // all so far
	actStep   act = "step"   // the writer, n times
	actLand   act = "land"   // step until nothing is under way
	actClose  act = "close"  // the store; what comes next opens it
	actDie    act = "die"    // before operation n of the disk from now on; life goes on with an image
	actFreeze act = "freeze" // a copy, with which the next n operations go on beside the original
	actFault  act = "fault"  // operation n of the disk from now on fails
	actClock  act = "clock"  // moves by n seconds
	actLook   act = "look"   // at what the store shows

	actCompact act = "compact" // so that nothing changes but the files
)

var acts = []act{actAppend, actRetry, actOther, actSync, actStep, actLand, actClose, actDie, actFreeze, actFault, actClock, actLook, actCompact}

// how says more about an operation.
type how uint

const (
	howQueued  how = 1 << iota // not driven
	howKey                     // events have idempotency keys
	howExpect                  // events expect the versions that their streams are at
	howStale                   // or another one, and are refused
	howNone                    // on condition that no event matches a query
	howCause                   // an earlier event is the cause
	howItem                    // the item before is the cause
	howStory                   // events have a correlation
	howDecided                 // events carry a decision

	howKill // the process dies, and what it wrote is seen
	howHard // power fails, and nothing unsynced is left

	howWrite    // the operation that fails is a write,
	howSync     // a sync,
	howDir      // a sync of the directory,
	howCreate   // a creation,
	howTruncate // or a truncation
	howFull     // since the disk is full
	howKept     // with its effect
	howRevert   // what was not synced is gone
	howPart     // a part of it is

	howRetain // a merge takes away what a retention says
)

var hows = []string{
	"queued", "key", "expect", "stale", "none", "cause", "item", "story", "decided", "kill", "hard",
	"write", "sync", "dir", "create", "truncate", "full", "kept", "revert", "part", "retain",
}

func (o op) String() string {
	b := []byte(o.act)
	for _, f := range o.fields() {
		if *f.value != 0 {
			b = fmt.Appendf(b, " %s=%d", f.name, *f.value)
		}
	}
	if o.seed != 0 {
		b = fmt.Appendf(b, " seed=%d", o.seed)
	}
	for i, name := range hows {
		if o.how&(1<<i) != 0 {
			b = append(append(b, ' '), name...)
		}
	}
	return string(b)
}

type operand struct {
	name  string
	value *int
}

func (o *op) fields() []operand { return []operand{{"n", &o.n}, {"who", &o.who}, {"size", &o.size}} }

func parseOp(line string) (o op, err error) {
	words := strings.Fields(line)
	o.act = act(words[0])
	if !slices.Contains(acts, o.act) {
		return o, fmt.Errorf("there is no operation %q", o.act)
	}
	for _, word := range words[1:] {
		name, value, ok := strings.Cut(word, "=")
		if i := slices.Index(hows, word); i >= 0 {
			o.how |= 1 << i
			continue
		}
		i := slices.IndexFunc(o.fields(), func(f operand) bool { return f.name == name })
		switch {
		case ok && name == "seed":
			o.seed, err = strconv.ParseUint(value, 10, 64)
		case ok && i >= 0:
			*o.fields()[i].value, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("unknown word %q", word)
		}
		if err != nil {
			return o, err
		}
	}
	return o, nil
}

// String writes the history as a text that [parseHistory] reads.
func (h *history) String() string {
	var b strings.Builder
	k := h.knobs
	if h.lane != laneCrash {
		fmt.Fprintln(&b, "lane", h.lane)
	}
	if h.fails != "" {
		fmt.Fprintln(&b, "fails", h.fails)
	}
	fmt.Fprintf(&b, "seed %d\nsegment %d\nentities %d\n", h.seed, k.segment, k.entities)
	if k.checkpoint > 0 {
		fmt.Fprintln(&b, "checkpoint", k.checkpoint)
	}
	if k.events > 0 {
		fmt.Fprintln(&b, "events", k.events)
	}
	if k.merge > 0 {
		fmt.Fprintln(&b, "merge", k.merge)
	}
	if k.lies > 0 {
		fmt.Fprintln(&b, "lies", k.lies)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"relaxed", k.relaxed}, {"unsynced", k.unsynced}, {"lifo", k.lifo}} {
		if flag.set {
			fmt.Fprintln(&b, flag.name)
		}
	}
	for _, s := range h.watch {
		fmt.Fprintln(&b, "watch", s)
	}
	if h.watch == nil {
		fmt.Fprintln(&b, "images", k.images)
	}
	fmt.Fprintln(&b)
	for _, o := range h.ops {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

// parseHistory reads what [history.String] wrote. Lines that begin with # are
// comments.
func parseHistory(text string) (*history, error) {
	h := &history{}
	in := bufio.NewScanner(strings.NewReader(text))
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := h.parseLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return h, in.Err()
}

func (h *history) parseLine(line string) (err error) {
	word, rest, _ := strings.Cut(line, " ")
	k := &h.knobs
	switch word {
	case "lane":
		h.lane = lane(rest)
	case "fails":
		h.fails = rest
	case "seed":
		h.seed, err = strconv.ParseUint(rest, 10, 64)
	case "segment":
		k.segment, err = strconv.Atoi(rest)
	case "entities":
		k.entities, err = strconv.Atoi(rest)
	case "images":
		k.images, err = strconv.Atoi(rest)
	case "checkpoint":
		k.checkpoint, err = strconv.Atoi(rest)
	case "events":
		k.events, err = strconv.Atoi(rest)
	case "merge":
		k.merge, err = strconv.Atoi(rest)
	case "lies":
		k.lies, err = strconv.Atoi(rest)
	case "relaxed":
		k.relaxed = true
	case "unsynced":
		k.unsynced = true
	case "lifo":
		k.lifo = true
	case "watch":
		var s scenario
		s, err = parseScenario(rest)
		h.watch = append(h.watch, s)
	default:
		var o op
		o, err = parseOp(line)
		h.ops = append(h.ops, o)
	}
	return err
}

// minEvents and maxEvents are how many events a history that is drawn appends at most, as
// many as it has operations between them: what the laws cost grows with them.
const (
	minEvents = 40
	maxEvents = 100
)

// drawHistory draws a history of about n operations.
func drawHistory(seed uint64, n int) *history {
	r := rand.New(rand.NewPCG(seed, 1))
	d := &drawer{Rand: r, batch: 1 << r.IntN(7), queue: 1 << r.IntN(7), payload: 1 << r.IntN(10), events: min(max(minEvents, n), maxEvents)}
	if r.IntN(60) == 0 {
		d.payload, d.events = 70_000, 5 // groups that are not written ahead of
	}
	h := &history{seed: seed, knobs: knobs{
		segment: 512 << r.IntN(8), entities: 1 + r.IntN(5), lifo: r.IntN(4) == 0, images: 2 + r.IntN(3),
	}}
	if r.IntN(3) == 0 {
		h.knobs.relaxed, h.knobs.unsynced = true, r.IntN(2) == 0
	}
	if r := rand.New(rand.NewPCG(seed, 2)); r.IntN(8) == 0 {
		h.knobs.checkpoint = 100 << r.IntN(5)
	}
	if r := rand.New(rand.NewPCG(seed, 4)); r.IntN(12) == 0 {
		h.knobs.events = 1 + r.IntN(8)
	}
	if r := rand.New(rand.NewPCG(seed, 3)); h.knobs.segment <= 1024 && r.IntN(4) == 0 {
		h.knobs.merge = 2 + r.IntN(2)
	}
	for len(h.ops) < n {
		h.ops = append(h.ops, d.draw()...)
	}
	if r := rand.New(rand.NewPCG(seed, 5)); h.knobs.segment <= 1024 && r.IntN(3) == 0 {
		for range 1 + r.IntN(3) {
			h.ops = slices.Insert(h.ops, r.IntN(len(h.ops)+1), op{act: actCompact})
		}
	}
	return h
}

// drawer draws operations.
type drawer struct {
	*rand.Rand
	batch, queue, payload int // at most
	events                int // that may still come
}

// draw draws the next operation or two.
func (d *drawer) draw() []op {
	switch k := d.IntN(100); {
	case k < 4:
		return []op{{act: actClose}}
	case k < 12:
		return []op{{act: actDie, n: d.IntN(12) * d.IntN(2), seed: d.Uint64() >> 1, how: d.pick(howKill, howHard, 0, 0)}}
	case k < 17:
		return []op{{act: actRetry, n: d.IntN(1000), how: d.pick(0, howQueued)}}
	case k < 19:
		return []op{{act: actOther, n: d.IntN(1000)}}
	case k < 23:
		return []op{{act: actSync, how: d.pick(0, howQueued)}}
	case k < 25:
		return []op{{act: actClock, n: d.IntN(5) - 2}}
	case k < 27:
		return []op{{act: actLook}}
	case k < 28:
		return []op{{act: actFreeze, n: 1 + d.IntN(6)}}
	case k < 34:
		return []op{d.fault()}
	case k < 46:
		return []op{{act: actStep, n: 1 + d.IntN(6)}}
	case k < 50:
		return []op{{act: actLand}}
	case k < 70 && d.queue > 1 && d.events > 0:
		return d.queued()
	}
	if d.events <= 0 {
		return []op{{act: actStep, n: 1 + d.IntN(6)}}
	}
	return []op{d.append()}
}

func (d *drawer) pick(options ...how) how { return options[d.IntN(len(options))] }

// append draws a request.
func (d *drawer) append() op {
	o := op{act: actAppend, n: 1, who: d.IntN(1000), size: d.IntN(d.payload)}
	if d.IntN(3) == 0 {
		o.n = 1 + d.IntN(min(d.batch, d.events/4+1))
	}
	d.events -= o.n
	for _, f := range []struct {
		how  how
		once int // in so many
	}{{howKey, 2}, {howExpect, 3}, {howNone, 12}, {howCause, 3}, {howItem, 3}, {howStory, 4}, {howDecided, 6}, {howStale, 24}} {
		if d.IntN(f.once) == 0 {
			o.how |= f.how
		}
	}
	return o
}

// queued draws several requests that come one after the other, with steps in
// between.
func (d *drawer) queued() (all []op) {
	for range 1 + d.IntN(d.queue) {
		if d.events <= 0 || len(all) > 12 {
			break
		}
		o := d.append()
		o.how |= howQueued
		if all = append(all, o); d.IntN(4) == 0 {
			all = append(all, op{act: actStep, n: 1 + d.IntN(4)})
		}
	}
	return all
}

// fault draws a failure of the disk.
func (d *drawer) fault() op {
	o := op{act: actFault, n: 1 + d.IntN(4)}
	switch d.IntN(8) {
	case 0:
		o.how = howSync | d.pick(0, howKept, howRevert, howPart)
	case 1:
		o.how = howDir | d.pick(0, howKept)
	case 2:
		o.how = howCreate | d.pick(0, howFull, howKept)
	case 3:
		o.how = howTruncate | d.pick(0, howKept)
	default:
		o.how = howWrite | d.pick(howFull, howFull, 0, howKept)
	}
	return o
}
