package sidx_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// TestForgedTrailer: a trailer whose checksum holds is refused if it says what cannot be,
// before anything else of the footer is read.
func TestForgedTrailer(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(9, 9)), 700, true)
	sound := m.file(t)
	at := len(sound) - 256
	u32, u64 := binary.LittleEndian.PutUint32, binary.LittleEndian.PutUint64
	first := binary.LittleEndian.Uint64(sound[at+80:])
	// Of the table, the place where each section begins and the number of its elements.
	section := func(b []byte, s int) (start, count []byte) { return b[144+8*s:], b[148+8*s:] }
	add := func(b []byte, n int) { u32(b, binary.LittleEndian.Uint32(b)+uint32(n)) }
	// move gives bytes of one section to a later one or an earlier one, so that all else holds.
	move := func(b []byte, from, width, to, toWidth, bytes int) {
		_, count := section(b, from)
		add(count, -bytes/width)
		_, count = section(b, to)
		add(count, bytes/toWidth)
		for s := min(from, to) + 1; s <= max(from, to); s++ {
			start, _ := section(b, s)
			if from < to {
				add(start, -bytes)
			} else {
				add(start, bytes)
			}
		}
	}
	for what, c := range map[string]struct {
		forge  func(b []byte)
		reason string
	}{
		"nothing":                 {func(b []byte) {}, ""},
		"version 0":               {func(b []byte) { b[8] = 0 }, "another version"},
		"later version":           {func(b []byte) { b[8] = sidx.Version + 1 }, "another version"},
		"longer trailer":          {func(b []byte) { b[10]++ }, "another version"},
		"no magic":                {func(b []byte) { b[0]++ }, "no trailer"},
		"first event 0":           {func(b []byte) { u64(b[80:], 0) }, "impossible sequences"},
		"last before first":       {func(b []byte) { u64(b[88:], first-1) }, "impossible sequences"},
		"less room than events":   {func(b []byte) { u64(b[88:], first+698) }, "impossible sequences"},
		"more room than there is": {func(b []byte) { u64(b[88:], first+1<<32) }, "impossible sequences"},
		"longer segment":          {func(b []byte) { b[40]++ }, "fit the size"},
		"segment without end":     {func(b []byte) { u64(b[40:], 1<<63) }, "fit the size"},
		"sections with a hole":    {func(b []byte) { start, _ := section(b, 4); add(start, 1) }, "follow each other"},
		"one more opening":        {func(b []byte) { _, count := section(b, 12); add(count, 1) }, "fit the size"},
		"one fence more":          {func(b []byte) { move(b, 2, 1, 1, 12, 12) }, "contradict"},
		"one fence less":          {func(b []byte) { move(b, 1, 12, 2, 1, 12) }, "contradict"},
		"one event in no stream":  {func(b []byte) { move(b, 6, 4, 2, 1, 4) }, "contradict"},
		"one event in two scopes": {func(b []byte) { move(b, 2, 1, 7, 4, 4) }, "contradict"},
		"one event of two kinds":  {func(b []byte) { move(b, 2, 1, 8, 4, 4) }, "contradict"},
		"more kinds than events":  {func(b []byte) { move(b, 2, 1, 5, 8, 701*8) }, "contradict"},
		"more causes than events": {func(b []byte) { move(b, 2, 1, 10, 12, 400*12) }, "contradict"},
	} {
		file := slices.Clone(sound)
		c.forge(file[at:])
		seal(file[at:], 1<<32-1)
		_, err := open(file, sidx.NewCache(0))
		damage, ok := errors.AsType[*sidx.DamageError](err)
		switch {
		case c.reason == "" && err != nil:
			t.Errorf("%s: Open() = %v", what, err)
		case c.reason != "" && (!ok || damage.Segment != place.Segment || !strings.Contains(err.Error(), c.reason)):
			t.Errorf("%s: Open() = %v, want damage because of %q", what, err, c.reason)
		}
	}
}

// TestForgedFooter does what FuzzForgedFooter does, with bytes that are drawn.
func TestForgedFooter(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(9, 9)), 700, true)
	sound := m.file(t)
	r := rand.New(rand.NewPCG(9, 1))
	reasons := map[string]int{}
	for range 300 {
		file := slices.Clone(sound)
		edits := make([]byte, 3*(1+r.IntN(8)))
		for i := range edits {
			edits[i] = byte(r.Uint32())
		}
		forge(file, int(m.length()), edits)
		run, err := open(file, sidx.NewCache(1<<20))
		if err == nil {
			err = ask(run, m)
		}
		damage, ok := errors.AsType[*sidx.DamageError](err)
		if err != nil && !ok {
			t.Fatalf("%v, want an answer or damage", err)
		}
		if ok {
			reasons[damage.Reason]++
		}
	}
	for _, must := range []string{"leads outside a section", "leads outside the names", "postings that do not follow each other"} {
		if reasons[must] == 0 {
			t.Errorf("nothing was refused because it %s, but %v", must, reasons)
		}
	}
}
