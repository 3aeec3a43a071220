package batpak_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// guardName is what says that a directory is to be a snapshot and is none yet.
const guardName = "unfinished"

// halves are what snapshots leave that were cut short before each of their operations:
// directories with a guard, each another one.
func halves(t *testing.T) (all []*specimen) {
	for _, make := range makers {
		c := newCopied(t, 8)
		c.disk.OnOp(func(op faultfs.Op, _ string) {
			d := directoryOf(c.disk.Only("copy"))
			if _, guarded := d[guardName]; changes(op) && guarded && (len(all) == 0 || !equalFiles(d, all[len(all)-1].directory)) {
				all = append(all, &specimen{directory: d, events: c.events})
			}
		})
		if _, err := make(c); err != nil {
			t.Fatal(err)
		}
		c.disk.OnOp(nil)
	}
	return all
}

// TestFileOpsUnderAGuard does to the guard of a snapshot that was cut short, and to what
// lies beside it, what can be done to a file. With the guard, whatever it and the rest
// hold, the directory is no store, and stays as it is. Where it was taken away, and what is
// there is the beginning of a log, that is served, and else it is refused or made anew: no
// event is served that differs, and none in another's place.
func TestFileOpsUnderAGuard(t *testing.T) {
	t.Parallel()
	all := halves(t)
	if len(all) < 8 {
		t.Fatalf("%d directories have a guard, want one for each step of a snapshot", len(all))
	}
	outcomes := map[string]int{}
	for i, sp := range all {
		try := func(what string, d directory) {
			t.Helper()
			outcome, err := sp.unguarded(d)
			if err != nil {
				t.Fatalf("directory %d, %q, %s: %v", i, sp.names(), what, err)
			}
			outcomes[outcome]++
		}
		r := rand.New(rand.NewPCG(*damageSeed, uint64(i)))
		for n := 0; n < fewer(100) && sp.bits() > 0; n++ {
			b := sp.bit(r.IntN(sp.bits()))
			try(b.String(), b.flip(sp.directory))
		}
		for _, name := range sp.names() {
			content := sp.directory[name]
			for range fewer(40) {
				length := r.IntN(len(content) + 1)
				try(fmt.Sprint(name, " cut to ", length), sp.with(name, content[:length]))
			}
			try("without "+name, sp.without(name))
			try("noise in "+name, sp.with(name, []byte("noise")))
			try("without a guard, and without "+name, sp.without(guardName).without(name))
			for _, other := range sp.names() {
				try(name+" becomes "+other, sp.copied(name, other).without(name))
				try(name+" is exchanged for "+other, sp.exchanged(name, other))
			}
		}
	}
	t.Logf("%d directories: %v", len(all), outcomes)
	for _, outcome := range []string{"unfinished", "refused", "opened"} {
		if outcomes[outcome] == 0 {
			t.Errorf("outcomes %v, want some %s", outcomes, outcome)
		}
	}
}

// unguarded opens what was a directory with a guard.
func (sp *specimen) unguarded(d directory) (outcome string, err error) {
	disk := d.disk()
	s, err := batpak.Open("simulated", simOptions(disk, small))
	_, guarded := d[guardName]
	same := maps.EqualFunc(directoryOf(disk), d, bytes.Equal)
	switch {
	case guarded != errors.Is(err, batpak.ErrUnfinished):
		return "", fmt.Errorf("Open() = %w, and the guard is there: %v", err, guarded)
	case guarded && same:
		return "unfinished", nil
	case errors.Is(err, batpak.ErrCorrupt) && same:
		return "refused", nil
	case err != nil:
		return "", fmt.Errorf("Open() = %w, and the directory is as it was: %v", err, same)
	}
	got, err := eventsOf(s)
	if errors.Is(err, batpak.ErrCorrupt) {
		err = nil // what comes before it is served
	}
	if what := differs(got, sp.events); what != "" {
		err = errors.Join(err, errors.New(what))
	}
	return "opened", errors.Join(err, s.Close())
}

// TestBitFlipOfASavedState flips every bit of saved states, cuts them to every length, and
// puts what others hold into their places: bytes of one are resumed as they are, or refused.
// Whoever keeps them keeps no promise of the store: they may be lost, never wrong.
func TestBitFlipOfASavedState(t *testing.T) {
	t.Parallel()
	for _, r := range resumers() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := open2(t)
			var saves [][]byte
			for i := range 6 {
				mustAppend(t, s, purseEntry(i))
				_, saved, err := r.resume(t.Context(), s, nil, trails)
				if err != nil {
					t.Fatal(err)
				}
				saves = append(saves, saved)
			}
			want, err := r.whole(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			tried, resumed := 0, 0
			try := func(what string, from []byte) {
				t.Helper()
				tried++
				got, again, err := r.resume(t.Context(), s, from, trails)
				if isSaved(err) && again == nil {
					return
				}
				if resumed++; err != nil || got != want || !bytes.Equal(again, saves[len(saves)-1]) {
					t.Fatalf("%s: resumed as %+v, %x, %v, want %+v or a SavedError", what, got, again, err, want)
				}
				if !slices.ContainsFunc(saves, func(b []byte) bool { return bytes.Equal(b, from) }) && len(from) > 0 {
					t.Fatalf("%s: %x was resumed, which was never saved", what, from)
				}
			}
			for i, saved := range saves {
				for n := range 8 * len(saved) {
					flipped := bytes.Clone(saved)
					flipped[n/8] ^= 1 << (n % 8)
					try(fmt.Sprintf("state %d, bit %d", i, n), flipped)
				}
				for length := range saved {
					try(fmt.Sprintf("state %d cut to %d bytes", i, length), saved[:length])
				}
				for j, other := range saves {
					for at := range min(len(saved), len(other)) {
						try(fmt.Sprintf("state %d up to byte %d, then state %d", i, at, j), slices.Concat(saved[:at], other[at:]))
					}
				}
				try(fmt.Sprintf("state %d with more behind it", i), append(bytes.Clone(saved), 0))
			}
			if resumed < len(saves) || resumed == tried {
				t.Errorf("%d of %d were resumed, want the sound ones", resumed, tried)
			}
			t.Logf("%d states, %d cases, %d of them sound", len(saves), tried, resumed)
		})
	}
}
