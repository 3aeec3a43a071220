package batpak_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// TestCrashCorpus plays the histories that once found something. They are judged
// by the laws alone, so nothing in them grows old.
func TestCrashCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpusDir(), "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no histories in %s: %v", corpusDir(), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h, err := parseHistory(string(text))
			if err != nil {
				t.Fatal(err)
			}
			var n tally
			if err := h.replay(&n); err != nil {
				t.Fatalf("after %d images: %v", n.images, err)
			}
			if n.images == 0 && len(h.watch) > 0 {
				t.Error("no image was checked, so nothing is held against it")
			}
		})
	}
}

// A history is read back as it was written.
func TestCrashHistoryIsText(t *testing.T) {
	for seed := range uint64(50) {
		h := []*history{drawHistory(seed, 60), drawMerges(seed), drawFaulted(seed, batpak.Relaxed)}[seed%3]
		h.fails = []string{"", "write_EIO_ghosts_kept 7"}[seed%2]
		h.watch = []scenario{{{kind: crashKill}}, {{kind: crashKill}, {crashCut, seed}}, {{kind: crashCuts}, {kind: crashHard}}}
		again, err := parseHistory(h.String())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(h.String(), again.String()); diff != "" {
			t.Fatalf("seed %d (-written +read):\n%s", seed, diff)
		}
	}
}

// The minimizer keeps what matters of a history, and nothing else.
func TestCrashMinimizer(t *testing.T) {
	h := drawHistory(3, 80)
	m := &minimizer{runs: 1 << 20}
	needs := []act{actAppend, actClose, actAppend}
	broken := func(h *history) bool {
		left := needs
		for _, o := range h.ops {
			if len(left) > 0 && o.act == left[0] {
				left = left[1:]
			}
		}
		return len(left) == 0
	}
	h.ops = append(h.ops, op{act: actAppend, n: 2}, op{act: actClose}, op{act: actAppend})
	m.judge = broken
	small := m.simpler(m.fewer(h))
	want := "append\nclose\nappend\n"
	if _, got, _ := strings.Cut(small.String(), "\n\n"); got != want {
		t.Errorf("cut down to\n%s\nwant\n%s", got, want)
	}
}

// TestCrashDeterminism plays histories twice and wants the disk to see the same
// operations with the same bytes. If it did not, no seed would repeat anything.
func TestCrashDeterminism(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		first, second := trace(t, seed), trace(t, seed)
		if !slices.Equal(first, second) {
			t.Fatalf("seed %d: operations of the disk differ (-first +second):\n%s", seed, cmp.Diff(first, second))
		}
	}
}

// trace is what the disk of a history sees: each operation, and how the disk was
// before each that may change it.
func trace(t *testing.T, seed uint64) (lines []string) {
	p := newPlayer(drawHistory(seed, 60))
	p.onOp = func(op faultfs.Op, name string) error {
		lines = append(lines, fmt.Sprintf("%s %s %x", op, name, p.disk.Sum(imageSeed)))
		return nil
	}
	p.onRead = func(op faultfs.Op, name string) { lines = append(lines, fmt.Sprintf("%s %s", op, name)) }
	if err := p.run(); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	return lines
}
