package checkfs

import (
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// testify takes in what the checkpoints say that were found: the last segment was durable
// up to where one ends, if they are of one history. An opening that could not read them
// may write again all that groups do not prove.
func (p *protocol) testify(last string, marks []checkpoint.Mark) {
	n := p.files[last]
	if n == nil {
		return
	}
	proven := int64(0)
	for _, m := range marks {
		g, ok := n.joins(&m)
		if !ok {
			continue
		}
		if n.end < m.End { // it is damaged before, and not read
			n.end, n.groups, p.groups = m.End, true, nil
			p.groups, p.written = n.surveyOn(m.Last, g.Incarnation)
		}
		n.safe, proven = max(n.safe, m.End), max(proven, m.End)
		n.ghosts = n.ghosts.remove(0, m.End)
		p.reached = max(p.reached, n.segment)
	}
	p.groups = slices.DeleteFunc(p.groups, func(g group) bool { return g.file == n && g.to <= proven })
}

// joins reports whether the group at the end of a checkpoint is the one that it covers.
func (n *inode) joins(m *checkpoint.Mark) (g format.GroupHeader, ok bool) {
	if m.Store != n.store || m.Segment != n.segment {
		return g, false
	}
	g, end, ok := n.groupAt(n.found, m.Group)
	if !ok || end != m.End {
		return g, false
	}
	digest := chain.NewSegment()
	digest.Write(n.found[:format.SegmentHeaderSize])
	digest.Write(n.found[m.Group:m.End])
	return g, digest.Sum() == m.Seam
}

// covers says why a checkpoint that says this must not get its name.
func (p *protocol) covers(m checkpoint.Mark, why string) error {
	n := p.files[segment.Name(m.Segment)]
	switch {
	case why != "":
		return because("the checkpoint is of no use: %s", why)
	case n == nil:
		return because("the checkpoint says %v, which was not opened", &m)
	case m.End > n.end || !n.clean(0, m.End):
		return because("the checkpoint says that segment %d is durable up to %d, which it is not", m.Segment, m.End)
	}
	return nil
}
