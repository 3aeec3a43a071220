package checkfs

import "github.com/batpak-go/batpak/runtime/internal/format"

// promise says why events up to this sequence must not be called durable.
func (p *protocol) promise(sequence uint64) error {
	if sequence > p.written {
		return because("the last event that was written is %d", p.written)
	}
	for len(p.groups) > 0 && p.groups[0].first <= sequence {
		g := p.groups[0]
		n := g.file
		switch {
		case !n.named:
			return because("the segment of events %d to %d has a name that is not durable", g.first, g.last)
		case !n.clean(0, format.SegmentHeaderSize):
			return because("the segment of events %d to %d has a header that is not durable", g.first, g.last)
		case !n.clean(g.from, g.to):
			return because("events %d to %d, bytes %d to %d of %s, are not durable", g.first, g.last, g.from, g.to, n.name)
		}
		p.groups, p.reached = p.groups[1:], max(p.reached, n.segment)
	}
	p.told = max(p.told, sequence)
	return nil
}
