package catalog

import (
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/index"
)

// Memory is the end of a catalog that is in memory: what can be asked for without a
// wait for the disk. It is of the moment it was taken; events that come later may be
// missing.
type Memory struct {
	// Generation changes when what is in memory becomes less.
	Generation uint64

	parts parts
	first uint64
	next  uint64 // sequence after the last event
	whole bool   // there is nothing else
}

// Memory returns what is in memory.
func (c *Catalog) Memory() Memory {
	ps, generation := c.state()
	m := Memory{Generation: generation, parts: ps.memory(), next: ps.next()}
	m.first, m.whole = m.next, len(m.parts) == len(ps)
	if len(m.parts) > 0 {
		m.first = m.parts[0].first
	}
	return m
}

// First is the sequence from which on all events are in memory.
func (m *Memory) First() uint64 { return m.first }

// Head is the last event of an entity's stream if memory knows it: because it is
// there, or because the stream can be nowhere else.
func (m *Memory) Head(entity []byte) (h index.Head, known bool) {
	for _, p := range slices.Backward(m.parts) {
		if h := p.rows.Head(entity); h.Version > 0 {
			return h, true
		}
	}
	return index.Head{}, m.whole
}

// Match finds the first event from sequence from on that matches q.
func (m *Memory) Match(q index.Query, from uint64) (sequence uint64, found bool) {
	q.After = max(q.After, from-1)
	room := make([]index.Ref, 0, 1)
	for _, p := range m.parts {
		if refs := p.rows.Find(room, q); len(refs) > 0 {
			return refs[0].Sequence, true
		}
	}
	return 0, false
}

// HoldsKey reports whether an event from sequence from on may have the key. Most often there
// is none from there on.
func (m *Memory) HoldsKey(key []byte, from uint64) bool {
	return from < m.next && slices.ContainsFunc(m.parts, func(p *part) bool {
		return slices.ContainsFunc(p.rows.ByKey(key), func(ref index.Ref) bool { return ref.Sequence >= from })
	})
}

// HoldsID reports whether an event from sequence from on may have the id.
func (m *Memory) HoldsID(id [16]byte, from uint64) bool {
	for _, p := range m.parts {
		if ref, ok := p.rows.ByID(id); ok && ref.Sequence >= from {
			return true
		}
	}
	return false
}

// Load finds the last event of an entity's stream, wherever it is; its Version is
// 0 if there is none. A stream that [Memory.Head] does not know has this head as
// long as the generation is the one from before the call.
func (c *Catalog) Load(entity string) (h index.Head, err error) {
	l := c.stream(entity)
	err = c.settle(func(ps parts) error {
		for _, ps := range c.having(ps, l) {
			for _, p := range slices.Backward(ps) {
				err := c.askOf(l, p, func(p *part) (err error) {
					h, err = p.head(entity)
					return err
				})
				if h.Version > 0 || err != nil {
					return err
				}
			}
		}
		return nil
	})
	return h, err
}
