package batpak_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// crash is one way to crash.
type crash struct {
	kind crashKind
	seed uint64 // of a cut
}

type crashKind string

const (
	crashKill crashKind = "kill" // the process dies
	crashHard crashKind = "hard" // power fails, and nothing unsynced is left
	crashCut  crashKind = "cut"  // power fails, and a seed says what is left
	crashCuts crashKind = "cuts" // power fails, in all ways one after the other
)

// images are what the crash leaves of a disk.
func (c crash) images(d *simfs.Disk) iter.Seq[*simfs.Disk] {
	if c.kind == crashCuts {
		return d.Cuts(imageSeed)
	}
	return func(yield func(*simfs.Disk) bool) {
		switch c.kind {
		case crashKill:
			yield(d.Kill())
		case crashHard:
			yield(d.CutHard())
		case crashCut:
			yield(d.Cut(c.seed))
		}
	}
}

func (c crash) String() string {
	if c.kind == crashCut {
		return fmt.Sprintf("%s:%d", c.kind, c.seed)
	}
	return string(c.kind)
}

// scenario is a crash, followed by crashes of the recoveries.
type scenario []crash

func (s scenario) String() string {
	var words []string
	for _, c := range s {
		words = append(words, c.String())
	}
	return strings.Join(words, " > ")
}

func parseScenario(text string) (s scenario, err error) {
	for word := range strings.SplitSeq(text, " > ") {
		kind, seed, seeded := strings.Cut(word, ":")
		c := crash{kind: crashKind(kind)}
		switch c.kind {
		case crashKill, crashHard, crashCuts:
		case crashCut:
			if c.seed, err = strconv.ParseUint(seed, 10, 64); err != nil || !seeded {
				return nil, fmt.Errorf("cut without a seed in %q", text)
			}
		default:
			return nil, fmt.Errorf("there is no crash %q", kind)
		}
		s = append(s, c)
	}
	return s, nil
}

// drawScenarios draws crashes, n at least.
func drawScenarios(r *rand.Rand, n int) []scenario {
	all := make([]scenario, n)
	for i := range all {
		all[i] = scenario{drawCrash(r)}
		if r.IntN(24) == 0 {
			all[i] = append(all[i], drawCrash(r))
		}
	}
	return all
}

func drawCrash(r *rand.Rand) crash {
	switch r.IntN(8) {
	case 0, 1:
		return crash{kind: crashKill}
	case 2:
		return crash{kind: crashHard}
	}
	return crash{crashCut, r.Uint64() >> 1}
}

// image is what a crash leaves.
type image struct {
	how      string
	disk     *simfs.Disk
	keepsAll bool // that was written, durable or not
}

// images crashes a disk in three ways.
func images(d *simfs.Disk, random *rand.Rand) []image {
	seed := random.Uint64()
	return []image{{"kill", d.Kill(), true}, {"hard cut", d.CutHard(), false}, {fmt.Sprint("cut ", seed), d.Cut(seed), false}}
}
