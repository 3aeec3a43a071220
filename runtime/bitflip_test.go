package batpak_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

var (
	flipN     = flag.Int("flip.n", 100_000, "bits that the bit-flip lanes try; 0 means every bit")
	flipFirst = flag.Int("flip.first", 0, "number of the first bit to try")
)

// flipStore grows a store whose bits are flipped: of 72 KiB if all are, smaller if
// some.
func flipStore(t *testing.T, state string) *specimen {
	if *flipN == 0 {
		return grow(t, state, 72<<10, 12<<10, 350)
	}
	return grow(t, state, 16<<10, 4<<10, 350)
}

// bit is one bit of one file.
type bit struct {
	file   string
	offset int64
	mask   byte
}

func (b bit) String() string { return fmt.Sprintf("%s, byte %d, mask %#02x", b.file, b.offset, b.mask) }

// flip returns the directory with the bit flipped.
func (b bit) flip(d directory) directory {
	content := slices.Clone(d[b.file])
	content[b.offset] ^= b.mask
	return d.with(b.file, content)
}

// bits is how many bits the files of a directory have.
func (d directory) bits() (n int) {
	for _, content := range d {
		n += 8 * len(content)
	}
	return n
}

// bit is the n-th bit, counted through the files in order.
func (d directory) bit(n int) bit {
	for _, name := range d.names() {
		if n < 8*len(d[name]) {
			return bit{name, int64(n / 8), 1 << (n % 8)}
		}
		n -= 8 * len(d[name])
	}
	panic("no such bit")
}

// sampled calls try with the numbers of about n of all bits, one from each of n
// stretches of equal length, or with all numbers if n is 0.
func sampled(all, n int, random *rand.Rand, try func(int) error) (tried int, err error) {
	if n == 0 || n > all {
		n = all
	}
	for i := range n {
		from, to := all*i/n, all*(i+1)/n
		number := from + random.IntN(to-from)
		if number < *flipFirst {
			continue
		}
		tried++
		if err := try(number); err != nil {
			return tried, fmt.Errorf("bit %d: %w", number, err)
		}
	}
	return tried, nil
}

// share is the share of the sample that one of several lanes gets, in percent.
func share(percent int) int { return fewer(*flipN * percent / 100) }

// fewer is how many cases a lane tries that usually tries n: a part of them in a
// short run, at least one. 0 means all, and stays so.
func fewer(n int) int {
	if testing.Short() && n > 0 {
		return max(1, n/20)
	}
	return n
}

// TestBitFlipAtRest flips the bits of every kind of file of a store, one at a
// time: sealed segments, the last segment, space written ahead, lost tails, a
// temporary file. A store with a flipped bit is refused with the place of the
// damage, or it has every event as it was stored. The one exception is a flip in
// the newest group of a store that was not closed: it is taken for a write that a
// crash cut short, so that the group is kept aside, and reported.
//
//	go test ./runtime -run TestBitFlipAtRest -flip.n=0   # every bit
func TestBitFlipAtRest(t *testing.T) {
	t.Parallel()
	for state, percent := range map[string]int{active: 25, closed: 20, rotated: 15, begun: 15, merged: 5, staged: 5} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := flipStore(t, state)
			judge, newest := sp.judge(t), sp.newest()
			outcomes := map[outcome]int{}
			random := rand.New(rand.NewPCG(*damageSeed, 3))
			n, err := sampled(sp.bits(), share(percent), random, func(number int) error {
				b := sp.bit(number)
				f, err := judge.try(b.flip(sp.directory))
				if err == nil {
					err = sp.checkFlip(b, f, newest)
				}
				if err != nil {
					return fmt.Errorf("%v: %w", b, err)
				}
				outcomes[f.outcome]++
				return nil
			})
			if err != nil {
				t.Fatalf("%v\n\tgo test ./runtime -run '^%s$' -damage.seed=%d -flip.n=0 -flip.first=N", err, t.Name(), *damageSeed)
			}
			t.Logf("%d of %d bits of %d files: %v", n, sp.bits(), len(sp.directory), outcomes)
			if outcomes[wasRefused] == 0 || outcomes[wasWhole] == 0 {
				t.Errorf("outcomes %v, want some of each", outcomes)
			}
		})
	}
}

// newest is the last group with events, if the store was not closed.
func (sp *specimen) newest() *placed {
	if g := &sp.groups[len(sp.groups)-1]; g.Type == format.GroupEvents && g.file == sp.segments()[len(sp.segments())-1] {
		return g
	}
	return nil
}

// checkFlip checks that the finding is what this flip must come to.
func (sp *specimen) checkFlip(b bit, f finding, newest *placed) error {
	switch f.outcome {
	case wasReported:
		if newest == nil || b.file != newest.file || b.offset < newest.offset || b.offset >= newest.end || f.lost != int(newest.Count) {
			return fmt.Errorf("%d events are reported lost", f.lost)
		}
	case wasYounger:
		return fmt.Errorf("%d events are gone", f.lost)
	case wasRefused:
		at, first := sp.around(b)
		if f.damage.File != b.file || f.damage.Offset < at || f.damage.Offset > b.offset || f.damage.FirstSequence != first {
			return fmt.Errorf("%w, want it in the structure at %d, with event %d", f.damage, at, first)
		}
	}
	return nil
}

// around is where the structure begins that the bit is in, and the first event
// that may be damaged with it.
func (sp *specimen) around(b bit) (offset int64, first uint64) {
	span, _ := segment.ParseSpan(b.file)
	if at, err := beginning(sp.directory[b.file]); err == nil && b.offset < at.Offset {
		for _, g := range sp.groups {
			if s, _ := segment.ParseSpan(g.file); s.First >= span.First {
				return 0, g.FirstSequence
			}
		}
		return 0, uint64(len(sp.events)) + 1
	}
	for _, g := range sp.groups {
		if g.file == b.file && b.offset < g.end {
			return g.offset, g.FirstSequence
		}
	}
	return b.offset, uint64(len(sp.events)) + 1
}

// TestBitFlipUnderOpenStore flips bits beneath a store that is open: an event is
// read as it was stored, or the read fails with ErrCorrupt and the place; the
// other events can be read, and Verify finds every flip in what is part of the
// log.
//
//	go test ./runtime -run TestBitFlipUnderOpenStore -flip.n=0   # every bit
func TestBitFlipUnderOpenStore(t *testing.T) {
	t.Parallel()
	for state, percent := range map[string]int{active: 10, merged: 5} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			flipStore(t, state).flipUnderOpenStore(t, share(percent))
		})
	}
}

func (sp *specimen) flipUnderOpenStore(t *testing.T, n int) {
	t.Helper()
	disk := sp.disk()
	s := openSim(t, disk, nil)
	// Behind the events of the last segment there is the group that says that the store was
	// closed. It is for the next opening, which the damage at rest is about: while the store
	// is open nothing is served by it, and Verify goes as far as there are events.
	end, closed := int64(0), int64(0)
	for _, g := range sp.groups {
		if closed = g.end; g.Count > 0 {
			end = g.end
		}
	}
	last := sp.segments()[len(sp.segments())-1]
	hits := 0
	random := rand.New(rand.NewPCG(*damageSeed, 4))
	n, err := sampled(sp.bits(), n, random, func(number int) error {
		b := sp.bit(number)
		if _, ok := segment.ParseSpan(b.file); !ok || b.file == last && b.offset >= closed {
			return nil // nothing reads this
		}
		disk.SetBytes(b.file, b.flip(sp.directory)[b.file])
		defer disk.SetBytes(b.file, sp.directory[b.file])
		damaged, err := sp.readAll(s)
		if err != nil {
			return fmt.Errorf("%v: %w", b, err)
		}
		if b.file == last && b.offset >= end {
			if len(damaged) > 0 {
				return fmt.Errorf("%v: events %d cannot be read, and only the end of the last opening is damaged", b, damaged)
			}
			return nil
		}
		at, first := sp.around(b)
		if len(damaged) > 1 || len(damaged) == 1 && damaged[0] < first {
			return fmt.Errorf("%v: events %d cannot be read, want one of the group at %d", b, damaged, at)
		}
		hits += len(damaged)
		if len(damaged) > 0 && random.IntN(10) > 0 {
			return nil
		}
		if end := sealedAt(sp.directory, b.file); end > 0 && b.offset >= end {
			if len(damaged) > 0 {
				return fmt.Errorf("%v: events %d cannot be read, and only the footer is damaged", b, damaged)
			}
			return nil
		}
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) == 0 || v.Damages[0].File != b.file {
			return fmt.Errorf("%v: Verify() = %+v, %w, want the damage", b, v, err)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v\n\tgo test ./runtime -run '^%s$' -damage.seed=%d -flip.n=0 -flip.first=N", err, t.Name(), *damageSeed)
	}
	t.Logf("%d bits, in %d cases an event could not be read", n, hits)
	if hits == 0 {
		t.Error("no flip damaged an event")
	}
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
		t.Errorf("Verify() of the mended store = %+v, %v, want no damage", v, err)
	}
}

// readAll reads every event of an open store whose files were damaged, in both
// ways there are, and returns the sequences of those that cannot be read.
func (sp *specimen) readAll(s *batpak.Store) (damaged []uint64, err error) {
	got, err := eventsOf(s)
	if what := differs(got, sp.events); what != "" {
		return nil, errors.New(what)
	}
	if (err == nil) != (len(got) == len(sp.events)) || err != nil && !errors.Is(err, batpak.ErrCorrupt) {
		return nil, fmt.Errorf("%d events, %w, want all %d or ErrCorrupt", len(got), err, len(sp.events))
	}
	stopped := err != nil
	for i := range sp.events {
		if i < len(got) {
			continue
		}
		e, err := husk(s.At(uint64(i) + 1))
		if damage, ok := errors.AsType[*batpak.CorruptError](err); ok {
			if damage.FirstSequence != uint64(i)+1 {
				return nil, fmt.Errorf("At(%d) = %w", i+1, err)
			}
			damaged = append(damaged, uint64(i)+1)
			continue
		}
		if err != nil || !same(&e, &sp.events[i]) {
			return nil, fmt.Errorf("At(%d) = %+v, %w, want %+v or ErrCorrupt", i+1, e, err, sp.events[i])
		}
	}
	if stopped != (len(damaged) > 0) || stopped && int(damaged[0]) != len(got)+1 {
		return nil, fmt.Errorf("the iteration ends after %d events, but those that cannot be read are %d", len(got), damaged)
	}
	return damaged, nil
}
