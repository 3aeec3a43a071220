package batpak_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var truncationSize = flag.Int("truncation.size", 5<<10, "bytes of the store that is cut at every length of every file")

// TestTruncationAtEveryLength cuts every file of a store to every length. A sealed
// segment whose groups were cut is refused, and so is the last one without its header. With
// it, it is opened: what is left of a group is cut off, kept and reported. It says
// nothing only where it was cut between two groups: then it is what it was before.
// Where a checkpoint says that there was more, it is refused.
//
//	go test ./runtime -run TestTruncation -truncation.size=100000
func TestTruncationAtEveryLength(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, closed, rotated, begun, merged, staged} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, *truncationSize, 2<<10, 100)
			judge, segments := sp.judge(t), sp.segments()
			last, settled := segments[len(segments)-1], sp.settled()
			superseded := func(name string) bool { return settled[name] == nil }
			testified := sp.testified()
			for _, name := range sp.names() {
				span, ours := segment.ParseSpan(name)
				ours = ours && !superseded(name)
				switch {
				case state == begun && ours && name != last, (state == merged || state == staged) && ours && span.Round == 0:
					continue // as in a store that was closed
				}
				var silent []int
				for length := range sp.directory[name] {
					if !ours && name != compact.Note && !checkpoint.IsName(name) && length%16 > 0 {
						continue // little or nothing reads it
					}
					f, err := judge.try(sp.with(name, sp.directory[name][:length:length]))
					if err != nil {
						t.Fatalf("%s cut to %d bytes: %v", name, length, err)
					}
					whole := name == last && int64(length) >= testified
					if end := sealedAt(sp.directory, name); end > 0 && int64(length) >= end {
						whole = true // but for its footer
					}
					if sealed := ours && !whole; sealed != (f.outcome == wasRefused) || !ours && f.outcome != wasWhole {
						t.Fatalf("%s cut to %d bytes is %v", name, length, f.outcome)
					}
					if f.outcome == wasYounger {
						silent = append(silent, length)
					}
				}
				if want := sp.unnoticed(name, testified); name == last && !slices.Equal(silent, want) {
					t.Errorf("%s loses events in silence if it is cut to %d bytes, want %d", name, silent, want)
				}
			}
		})
	}
}

// testified is how far the last segment reached, according to its header and to checkpoints.
func (sp *specimen) testified() int64 {
	end := int64(format.SegmentHeaderSize)
	for _, m := range sp.marks() {
		end = max(end, m.End)
	}
	return end
}

// unnoticed lists the lengths to which a last segment can be cut without a trace:
// to its header, or to the end of a group, if events follow and no checkpoint says that
// there was more.
func (sp *specimen) unnoticed(name string, testified int64) (lengths []int) {
	newest := 0 // where the newest group with events begins
	var ends []int
	for _, g := range sp.groups {
		if g.file == name {
			ends = append(ends, int(g.end))
			if g.Count > 0 {
				newest = int(g.offset)
			}
		}
	}
	for length := int(testified); length <= newest; length++ {
		if length == format.SegmentHeaderSize || slices.Contains(ends, length) {
			lengths = append(lengths, length)
		}
	}
	if newest == 0 {
		return nil // there are no events to lose
	}
	return lengths
}

// TestTearAtEveryLength tears the last three groups at every length: in the rest of them is
// what a disk may have there that did not write it. It is judged as if the segment were cut
// where it is torn, but says nothing only if zeros follow.
func TestTearAtEveryLength(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, closed, begun} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, *truncationSize, 2<<10, 100)
			judge, segments := sp.judge(t), sp.segments()
			last, testified, n := segments[len(segments)-1], sp.testified(), len(sp.groups)
			content, end, silent := sp.directory[last], sp.groups[n-1].end, sp.unnoticed(last, testified)
			torn := slices.IndexFunc(sp.groups[n-3:], func(g placed) bool { return g.file == last }) + n - 3
			for length := sp.groups[torn].offset; length < end; length++ {
				if testing.Short() && length%8 > 0 {
					continue
				}
				for _, rest := range sp.rests(torn, length) {
					f, err := judge.try(sp.with(last, slices.Concat(content[:length], rest.content, content[end:])))
					said := int64(len(bytes.TrimRight(rest.content, "\x00"))) > 0 || !slices.Contains(silent, int(length))
					if err == nil && ((f.outcome == wasRefused) != (length < testified) || (f.outcome == wasYounger) == said) {
						err = fmt.Errorf("it is %v", f.outcome)
					}
					if err != nil {
						t.Fatalf("%s torn at %d, and %s up to %d: %v", last, length, rest.name, end, err)
					}
				}
			}
		})
	}
}

// rest is what the rest of a torn file may hold.
type rest struct {
	name    string
	content []byte
}

// rests are zeros, anything, the group before the torn ones, and what the segment before has
// in that place.
func (sp *specimen) rests(torn int, length int64) (all []rest) {
	g, r := sp.groups[torn-1], rand.New(rand.NewPCG(*damageSeed, uint64(length)))
	segments, n := sp.segments(), int(sp.groups[len(sp.groups)-1].end-length)
	before := sp.directory[segments[len(segments)-2]]
	fill := func(name string, from []byte) {
		content := make([]byte, n)
		copy(content, from)
		all = append(all, rest{name, content})
	}
	noise := make([]byte, n)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	fill("zeros", nil)
	fill("noise", noise)
	fill("an older group", sp.directory[g.file][g.offset:g.end])
	fill("another file", before[min(length, int64(len(before))):])
	return all
}

// TestTruncationOfWhatNeverAcknowledged: a store without events opens, cut to any
// length.
func TestTruncationOfWhatNeverAcknowledged(t *testing.T) {
	disk := simfs.New()
	s := openSim(t, disk, nil)
	image := disk.Kill()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []directory{directoryOf(image), directoryOf(disk)} {
		name := segment.Name(1)
		for length := range len(d[name]) + 1 {
			s, err := batpak.Open("simulated", simOptions(d.with(name, d[name][:length]).disk(), nil))
			if err != nil {
				t.Fatalf("cut to %d bytes: Open() = %v", length, err)
			}
			mustAppend(t, s, note("a:1", "first"))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
