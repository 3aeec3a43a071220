package batpak_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
)

// corpus is where histories are kept that once found something.
const corpus = "testdata/crash"

var crashSave = flag.String("crash.save", corpus, "directory in which a history that fails is kept, cut down to what matters; empty = none")

// corpusDir is where kept histories are looked for.
func corpusDir() string { return cmp.Or(*crashSave, corpus) }

// replay plays a history and crashes it as it says, or as its seed says.
func (h *history) replay(t *tally) error {
	switch h.lane {
	case laneMerges:
		return newMerging(h, t).run()
	case laneFault, laneRecovery:
		return h.fail(t)
	}
	p := newPlayer(h)
	p.chronicle.thorough = h.watch != nil
	p.tries(t)
	return p.run()
}

// lawOf is the law that an error is about, or 0.
func lawOf(err error) int {
	if _, ok := errors.AsType[*checkfs.Breach](err); ok {
		return lawProtocol
	}
	if b, ok := errors.AsType[*breach](err); ok {
		return b.law
	}
	return 0
}

// minimizer cuts a history down to what it takes to break a law.
type minimizer struct {
	judge func(*history) bool // whether what is looked for is still there
	runs  int                 // that are left
}

// minimize returns a history that breaks the law that h breaks, with err, and that
// is as small as some thousand runs can make it, or some hundred of those that take longer.
func minimize(h *history, err error) *history {
	law := lawOf(err)
	m := &minimizer{runs: 4000, judge: func(h *history) bool {
		err := h.replay(new(tally))
		return err != nil && lawOf(err) == law
	}}
	if h.lane != laneCrash {
		m.runs = 150
	}
	if f, ok := errors.AsType[*failure](err); ok {
		// Tried at every operation of the disk, the crash that found it does not
		// depend on how many operations there were before.
		watched := *h
		watched.watch = []scenario{f.scenario}
		if m.fails(&watched) {
			h = &watched
		}
	} else {
		quiet := *h
		quiet.watch = []scenario{}
		if m.fails(&quiet) {
			h = &quiet
		}
	}
	for before := ""; before != h.String() && m.runs > 0; {
		before = h.String()
		h = m.fewer(h)
		h = m.simpler(h)
	}
	return h
}

// fails judges a history, as long as there are runs left.
func (m *minimizer) fails(h *history) bool {
	m.runs--
	return m.runs >= 0 && m.judge(h)
}

// fewer takes operations away, first many at a time, then one by one.
func (m *minimizer) fewer(h *history) *history {
	for size := len(h.ops) / 2; size > 0; size /= 2 {
		for at := 0; at < len(h.ops); {
			less := *h
			less.ops = slices.Delete(slices.Clone(h.ops), at, min(at+size, len(h.ops)))
			if m.fails(&less) {
				h = &less
			} else {
				at += size
			}
		}
	}
	return h
}

// simpler makes what is left as plain as can be.
func (m *minimizer) simpler(h *history) *history {
	try := func(change func(*history)) {
		c := *h
		c.ops = slices.Clone(h.ops)
		if change(&c); c.String() != h.String() && m.fails(&c) {
			h = &c
		}
	}
	try(func(c *history) { c.knobs.relaxed, c.knobs.unsynced = false, false })
	try(func(c *history) { c.knobs.unsynced = false })
	try(func(c *history) { c.knobs.lifo = false })
	try(func(c *history) { c.knobs.merge = 0 })
	try(func(c *history) { c.knobs.entities = 1 })
	for size := 512; size < h.knobs.segment; size *= 2 {
		try(func(c *history) { c.knobs.segment = size })
	}
	for i := range h.watch {
		for k := range h.watch[i] {
			for _, kind := range []crashKind{crashCuts, crashKill, crashHard} { // the plainest last
				try(func(c *history) {
					c.watch = slices.Clone(h.watch)
					c.watch[i] = slices.Clone(h.watch[i])
					c.watch[i][k] = crash{kind: kind}
				})
			}
		}
	}
	for i := range h.ops {
		try(func(c *history) { c.ops[i].how &^= howQueued })
		for k := range hows {
			try(func(c *history) { c.ops[i].how &^= 1 << k })
		}
		for k := range h.ops[i].fields() {
			for _, plain := range []func(int) int{func(int) int { return 0 }, func(int) int { return 1 }, func(n int) int { return n / 2 }, func(n int) int { return n - 1 }} {
				try(func(c *history) {
					value := c.ops[i].fields()[k].value
					*value = min(*value, max(0, plain(*value)))
				})
			}
		}
	}
	return h
}

// keep cuts a history that failed down and writes it to the corpus.
func keep(t *testing.T, h *history, err error) {
	t.Helper()
	if *crashSave == "" || lawOf(err) == 0 {
		return
	}
	small := minimize(h, err)
	serr := small.replay(new(tally))
	text := fmt.Sprintf("# Found by %s with seed %d:\n# %s\n\n%s", t.Name(), h.seed, firstLine(serr), small)
	name := strings.Trim(fmt.Sprintf("%s-v%d-seed%d", h.lane, lawOf(err), h.seed), "-")
	if _, prepared, ok := strings.Cut(t.Name(), "/"); ok {
		name += "-" + strings.ReplaceAll(prepared, "/", "-") // several tests without a seed may fail beside each other
	}
	path := filepath.Join(*crashSave, name+".txt")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Error(err)
		return
	}
	t.Logf("%s keeps it, cut down to %d operations:\n%s", path, len(small.ops), text)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return line
}
