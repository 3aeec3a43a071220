package batpak_test

import (
	"maps"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// directory is what the files of a directory hold, by name. What it holds is not
// modified; a change is another directory.
type directory map[string][]byte

// with returns the directory with another content of one file.
func (d directory) with(name string, content []byte) directory {
	d = maps.Clone(d)
	d[name] = content
	return d
}

// without returns the directory without a file.
func (d directory) without(name string) directory {
	d = maps.Clone(d)
	delete(d, name)
	return d
}

// names lists the files in order.
func (d directory) names() []string { return slices.Sorted(maps.Keys(d)) }

// spans are the files of the log in order, as their names say: without those that
// another was made of. If the names contradict each other, they are all.
func (d directory) spans() (log []segment.Span) {
	var all []segment.Span
	for _, name := range d.names() {
		if s, ok := segment.ParseSpan(name); ok {
			all = append(all, s)
		}
	}
	if log, _, err := segment.Resolve(all); err == nil {
		return log
	}
	return all
}

// segments lists the names of the files of the log in order.
func (d directory) segments() (names []string) {
	for _, s := range d.spans() {
		names = append(names, s.Name())
	}
	return names
}

// next is the number of the segment after the last.
func (d directory) next() uint64 {
	spans := d.spans()
	if len(spans) == 0 {
		return 1
	}
	return spans[len(spans)-1].Last + 1
}

// marks are those of the sound checkpoints of the last segment.
func (d directory) marks() (all []checkpoint.Mark) {
	segments := d.segments()
	for _, name := range checkpoint.Names() {
		m, why := checkpoint.Parse(d[name])
		if why == "" && len(segments) > 0 && segment.Name(m.Segment) == segments[len(segments)-1] {
			all = append(all, m)
		}
	}
	return all
}

// disk returns a disk that holds the directory, durably.
func (d directory) disk() *simfs.Disk {
	disk := simfs.New()
	for name, content := range d {
		disk.SetBytes(name, content)
	}
	return disk
}

func directoryOf(d *simfs.Disk) directory {
	all := directory{}
	for _, name := range d.Names() {
		all[name] = d.Bytes(name)
	}
	return all
}

// settled is the directory as an opening must take it to be: if a merge is noted, and
// what it makes is there and whole, that is part of the log in place of what it was
// made of; if it is not, it is no part of it.
func (d directory) settled() directory {
	note, err := format.ParseCompaction(d[compact.Note])
	if err != nil {
		return d
	}
	output := segment.Span{First: note.Output.First, Last: note.Output.Last, Round: note.Output.Round}.Name()
	published := d.published()
	if !makes(note, published[output]) {
		return d.without(output)
	}
	for _, s := range note.Sources {
		published = published.without(segment.Span{First: s.First, Last: s.Last, Round: s.Round}.Name())
	}
	return published
}

// published is the directory when the merged segment that a note tells of has its name,
// if it is whole.
func (d directory) published() directory {
	note, err := format.ParseCompaction(d[compact.Note])
	if err != nil {
		return d
	}
	output := segment.Span{First: note.Output.First, Last: note.Output.Last, Round: note.Output.Round}.Name()
	staged, ok := d[output+vfs.TempSuffix]
	if !ok || makes(note, d[output]) || !makes(note, staged) {
		return d
	}
	return d.with(output, staged).without(output + vfs.TempSuffix)
}

// makes reports whether a file is what a note says that a merge makes.
func makes(note *format.Compaction, b []byte) bool {
	h, err := format.ParseMergedHeader(b)
	return err == nil && chain.Digest(b[:format.MergedHeaderSize]) == note.Output.Digest &&
		h.Length <= uint64(len(b)) && chain.Digest(b[format.MergedHeaderSize:h.Length]) == h.Digest
}
