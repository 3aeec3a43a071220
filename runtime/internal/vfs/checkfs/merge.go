package checkfs

import (
	"strings"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// note says that a compaction is under way.
const note = "compaction"

// segmentOf is the number of the segment that a file of this name is, or is to
// become; 0 for any other.
func segmentOf(name string) uint64 {
	number, _ := segment.ParseName(strings.TrimSuffix(name, vfs.TempSuffix))
	return number
}

// ofMerge reports whether a file of this name is one that a merge makes. Who merges need
// not have heard yet that the log has failed. What it does is proved by syncs before that,
// and after a failed sync of the directory it gets no further than to the next one.
func ofMerge(name string) bool {
	name = strings.TrimSuffix(name, vfs.TempSuffix)
	s, ok := segment.ParseSpan(name)
	return name == note || ok && s.Round > 0
}

// merges reports whether a merge may be under way: there is a file of it that has no name
// yet that counts, or the note of one, or that may come back.
func (p *protocol) merges() bool {
	if p.ending {
		return true
	}
	for name := range p.files {
		if name == note || strings.HasSuffix(name, vfs.TempSuffix) && ofMerge(name) {
			return true
		}
	}
	return false
}

// sources reports whether all that a merged segment stands for is in files of lower
// rounds that have their names.
func (p *protocol) sources(s segment.Span) bool {
	for number := s.First; number <= s.Last; {
		next := number
		for name := range p.files {
			if o, ok := segment.ParseSpan(name); ok && s.Covers(o) && o.First == number {
				next = max(next, o.Last+1)
			}
		}
		if next == number {
			return false
		}
		number = next
	}
	return true
}

// behind names the file that follows a segment: of those that begin there, one that was
// merged, if there is any. They all say the same of the segment.
func (p *protocol) behind(number uint64) string {
	for name := range p.files {
		if s, ok := segment.ParseSpan(name); ok && s.Round > 0 && s.First == number+1 {
			return name
		}
	}
	return segment.Name(number + 1)
}

// parseHeader reads the header of a segment, or what that of a merged one says of the
// first for which it stands.
func parseHeader(b []byte) (format.SegmentHeader, error) {
	if m, err := format.ParseMergedHeader(b); err == nil {
		return m.SegmentHeader, nil
	}
	return format.ParseSegmentHeader(b)
}

// merged reports whether what a file stands for is in one that was made of it and
// would be there after a power cut.
func (p *protocol) merged(s segment.Span) bool {
	for name, n := range p.files {
		if o, ok := segment.ParseSpan(name); ok && o.Covers(s) && n.named && n.settled() {
			return true
		}
	}
	return false
}

// superfluous reports whether a file which may go is one that nothing else has to be
// durable for: a note, or a file that was merged.
func (p *protocol) superfluous(name string) bool {
	s, ok := segment.ParseSpan(name)
	return name == note || ok && p.merged(s)
}

// noted says why a file that was made must not become a merged segment.
func (p *protocol) noted(from, to string) error {
	s, ok := segment.ParseSpan(to)
	if n := p.files[from]; !ok || s.Round == 0 || n == nil || !n.made {
		return nil
	}
	if n := p.files[note]; n == nil || !n.named || !n.settled() {
		return because("nothing says durably that segments %d to %d are merged", s.First, s.Last)
	}
	return nil
}

// leave says why a file must not lose its name.
func (p *protocol) leave(name string) error {
	n := p.files[name]
	s, ok := segment.ParseSpan(name)
	switch {
	case name == note && len(p.leaving) > 0:
		return because("%s was removed, and a power cut may bring it back, when nothing says any more that it was merged", p.leaving[0])
	case !ok || n == nil || p.merged(s):
		return nil
	case s.Round > 0 && !p.sources(s):
		return because("that would take away a merged segment, of which not all sources are there")
	case n.groups:
		return because("that would take away a segment with events")
	}
	return nil
}

// left takes in that a file lost its name.
func (p *protocol) left(name string) {
	p.ending = p.ending || name == note
	if _, ok := segment.ParseSpan(name); ok {
		p.leaving = append(p.leaving, name)
	}
}

// foundMerged takes in the merged segments among the files that were found. If a
// source is not there, it was removed when the name was durable.
func (p *protocol) foundMerged(entries []vfs.Entry) {
	for _, e := range entries {
		s, ok := segment.ParseSpan(e.Name)
		if n := p.files[e.Name]; ok && s.Round > 0 && n != nil && !strings.HasSuffix(e.Name, vfs.TempSuffix) {
			n.named = n.named || !p.sources(s)
			n.size, n.safe = e.Size, e.Size
		}
	}
}

// stands takes in the header of the merged segment in this file, which says where its
// groups end.
func (n *inode) stands(header []byte) {
	if header == nil {
		return
	}
	if h, err := format.ParseMergedHeader(header); err == nil {
		n.merged = int64(h.Length)
	}
}

// behind says why a merged segment must not be changed from this offset on.
func (n *inode) behind(from int64) error {
	switch {
	case !n.named:
		return because("the name of the merged segment is not durable")
	case from < n.merged:
		return because("the segment is a merged one, and its groups end at %d", n.merged)
	}
	return nil
}

// after is the file with the segment behind one that was written.
func (p *protocol) after(number uint64) *inode {
	for name, n := range p.files {
		if s, ok := segment.ParseSpan(name); ok && s.First == number+1 && !p.merged(s) {
			return n
		}
	}
	return nil
}

// footer says why a segment that another one follows must not be changed from this
// offset on.
func (p *protocol) footer(n *inode, from int64) error {
	if n.merged > 0 {
		return n.behind(from)
	}
	next := p.after(n.segment)
	switch {
	case next == nil || !next.named:
		return because("the segment after it was begun, and its name is not durable")
	case from < n.end:
		return because("the segment after it was begun, and its groups end at %d", n.end)
	}
	return nil
}
