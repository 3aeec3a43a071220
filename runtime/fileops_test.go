package batpak_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

var fileOpsN = flag.Int("fileops.n", 3000, "pairs of operations on files that the file lane tries; 0 means every pair")

// fileOp is something done to whole files of a directory.
type fileOp struct {
	what  string
	apply func(d directory) directory
}

// fileOps lists what can be done to one file, or between two: it is removed, made
// empty, renamed, copied, exchanged for another; or there is one more.
func (sp *specimen) fileOps(t *testing.T) (all []fileOp) {
	add := func(what string, apply func(d directory) directory) { all = append(all, fileOp{what, apply}) }
	segments := sp.segments()
	next := sp.next()
	elsewhere := []string{
		segment.Name(next), segment.Name(next + 1), segment.Name(1 << 40), segment.Name(next) + vfs.TempSuffix,
		"lost-0000000000000001-00000060", "0000000000000000.seg", "mine", "checkpoint-a",
	}
	for i, name := range segments {
		if s, _ := segment.ParseSpan(name); s.Round > 0 && i+2 < len(segments) {
			wider, again := s, s
			wider.Last++
			again.Round++
			elsewhere = append(elsewhere, wider.Name(), again.Name(), compact.Note+vfs.TempSuffix)
		}
	}
	for i, a := range sp.names() {
		add("remove "+a, func(d directory) directory { return d.without(a) })
		add("empty "+a, func(d directory) directory { return d.replaced(a, nil) })
		for _, b := range slices.Concat(sp.names(), elsewhere) {
			if a == b {
				continue
			}
			add(fmt.Sprintf("copy %s to %s", a, b), func(d directory) directory { return d.copied(a, b) })
			add(fmt.Sprintf("rename %s to %s", a, b), func(d directory) directory { return d.copied(a, b).without(a) })
		}
		for _, b := range sp.names()[:i] {
			add(fmt.Sprintf("exchange %s and %s", a, b), func(d directory) directory { return d.exchanged(a, b) })
		}
	}
	for what, content := range sp.extra(t) {
		for _, b := range elsewhere {
			add(fmt.Sprintf("put %s into %s", what, b), func(d directory) directory { return d.with(b, content) })
		}
	}
	slices.SortFunc(all, func(a, b fileOp) int { return strings.Compare(a.what, b.what) })
	return all
}

// extra is what a file may hold that is one too many.
func (sp *specimen) extra(t *testing.T) map[string][]byte {
	segments := sp.segments()
	before := sp.directory[segments[len(segments)-1]]
	header, err := format.ParseSegmentHeader(before)
	if err != nil {
		t.Fatal(err)
	}
	digest := chain.NewSegment()
	digest.Write(before)
	header.Segment++
	header.FirstSequence = uint64(len(sp.events)) + 1
	header.PrevLength, header.PrevDigest = uint64(len(before)), digest.Sum()
	wrong := header
	wrong.PrevDigest[0]++
	other := grow(t, closed, 4<<10, 2<<10, 50)
	return map[string][]byte{
		"nothing":                     nil,
		"zeros":                       make([]byte, 5000),
		"a header's zeros":            make([]byte, format.SegmentHeaderSize),
		"noise":                       []byte("this is no segment of a log, and it is longer than a header of a segment, which has ninety-six bytes"),
		"the right header":            format.AppendSegmentHeader(nil, header),
		"the right header and zeros":  append(format.AppendSegmentHeader(nil, header), make([]byte, 4096)...),
		"a header of another history": format.AppendSegmentHeader(nil, wrong),
		"a segment of another store":  other.directory[other.segments()[0]],
	}
}

// replaced is with, if there is such a file.
func (d directory) replaced(name string, content []byte) directory {
	if _, ok := d[name]; !ok {
		return d
	}
	return d.with(name, content)
}

// copied gives file b the content of a, if there is one.
func (d directory) copied(a, b string) directory {
	if content, ok := d[a]; ok {
		return d.with(b, content)
	}
	return d
}

// exchanged swaps the contents of two files.
func (d directory) exchanged(a, b string) directory {
	x, inA := d[a]
	y, inB := d[b]
	d = d.without(a).without(b)
	if inB {
		d = d.with(a, y)
	}
	if inA {
		d = d.with(b, x)
	}
	return d
}

// TestFileOpsAtRest does to the files of a store whatever can be done to one or
// two of them, twice. The store is refused, or has every event; or its newest
// segments are gone and what is left is the log as it was before they were begun,
// which is the one loss of a file that nothing in the directory can tell.
//
//	go test ./runtime -run TestFileOps -fileops.n=0   # every pair
func TestFileOpsAtRest(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, closed, rotated, begun, merged, staged} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, 6<<10, 2<<10, 100)
			judge, outcomes := sp.judge(t), map[outcome]int{}
			all := sp.fileOps(t)
			try := func(ops ...fileOp) {
				t.Helper()
				d, what := sp.directory, ""
				for _, op := range ops {
					d, what = op.apply(d), what+op.what+"; "
				}
				f, err := judge.try(d)
				if err != nil {
					t.Fatalf("%s%v", what, err)
				}
				outcomes[f.outcome]++
			}
			for _, a := range all {
				try(a)
			}
			n, pairs := fewer(*fileOpsN/6), len(all)*len(all)
			if n == 0 || n > pairs {
				n = pairs
			}
			random := rand.New(rand.NewPCG(*damageSeed, 5))
			for i := range n {
				at := pairs * i / n
				at += random.IntN(max(1, pairs/n))
				try(all[at/len(all)], all[at%len(all)])
			}
			t.Logf("%d operations on %d files, %d pairs of them: %v", len(all), len(sp.directory), n, outcomes)
		})
	}
}

// TestFileOpsExchangeGroups exchanges any two groups of a log, in one segment or in
// two, as they are. Groups know their places: none is served in another. What is
// not refused is, at most, a torn tail in the eyes of a reader: kept and reported.
func TestFileOpsExchangeGroups(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, closed} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, 10<<10, 2<<10, 60)
			judge, outcomes := sp.judge(t), map[outcome]int{}
			for i := range sp.groups {
				for j := range i {
					f, err := judge.try(sp.withGroupsExchanged(j, i))
					if err != nil || f.outcome == wasYounger {
						t.Fatalf("groups %d and %d exchanged: %d events are lost, %v", j, i, f.lost, err)
					}
					outcomes[f.outcome]++
				}
			}
			t.Logf("%d groups: %v", len(sp.groups), outcomes)
			if outcomes[wasRefused] == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

// withGroupsExchanged returns the directory with two groups in each other's place.
// What lies between them moves if they differ in length.
func (sp *specimen) withGroupsExchanged(i, j int) directory {
	bytesOf := func(g placed) []byte { return sp.directory[g.file][g.offset:g.end] }
	d, end := sp.directory, map[string]int64{}
	for k, g := range sp.groups {
		from := g
		switch k {
		case i:
			from = sp.groups[j]
		case j:
			from = sp.groups[i]
		}
		if _, ok := end[g.file]; !ok {
			d = d.with(g.file, d[g.file][:g.offset:g.offset])
		}
		d = d.with(g.file, append(slices.Clip(d[g.file]), bytesOf(from)...))
		end[g.file] = g.end
	}
	for name, at := range end {
		d = d.with(name, append(slices.Clip(d[name]), sp.directory[name][at:]...))
	}
	return d
}
