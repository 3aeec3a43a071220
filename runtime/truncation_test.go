package batpak_test

import (
	"flag"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
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
			testified := int64(format.SegmentHeaderSize)
			for _, m := range sp.marks() {
				testified = max(testified, m.End)
			}
			for _, name := range sp.names() {
				span, ours := segment.ParseSpan(name)
				ours = ours && !superseded(name)
				switch {
				case state == begun && ours && name != last, (state == merged || state == staged) && ours && span.Round == 0:
					continue // as in a store that was closed
				}
				var silent []int
				for length := range sp.directory[name] {
					if !ours && name != compact.Note && length%16 > 0 {
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
