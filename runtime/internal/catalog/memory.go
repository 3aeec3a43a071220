package catalog

import (
	"errors"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// Generation changes when what is in memory becomes less.
func (c *Catalog) Generation() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.generation
}

// Head is the last event of an entity's stream if memory knows it: because it is
// there, or because the stream can be nowhere else.
func (c *Catalog) Head(entity []byte) (h index.Head, known bool) {
	ps := c.list()
	memory := ps.memory()
	for _, p := range slices.Backward(memory) {
		if h := p.rows.Head(entity); h.Version > 0 {
			return h, true
		}
	}
	return index.Head{}, len(memory) == len(ps)
}

// Load finds the last event of an entity's stream, wherever it is; its Version is
// 0 if there is none. A stream that [Catalog.Head] does not know has this head as
// long as the generation is the one from before the call.
func (c *Catalog) Load(entity string) (h index.Head, err error) {
	for again := true; again; {
		generation := c.Generation()
		h, err = c.load(entity)
		again = errors.Is(err, segment.ErrMerged) && generation != c.Generation()
	}
	return h, err
}

func (c *Catalog) load(entity string) (h index.Head, err error) {
	for _, p := range slices.Backward(c.list()) {
		err = c.ask(p, func(p *part) (err error) {
			h, err = p.head(entity)
			return err
		})
		if h.Version > 0 || err != nil {
			return h, err
		}
	}
	return index.Head{}, nil
}

// Recent is the sequence from which on all events are in memory.
func (c *Catalog) Recent() uint64 {
	ps := c.list()
	memory := ps.memory()
	switch {
	case len(memory) > 0:
		return memory[0].first
	case len(ps) > 0:
		return ps[len(ps)-1].next()
	}
	return 1
}

// RecentMatch finds the first event from sequence from on that matches q, among
// those in memory.
func (c *Catalog) RecentMatch(q index.Query, from uint64) (sequence uint64, found bool) {
	q.After = max(q.After, from-1)
	room := make([]index.Ref, 0, 1)
	for _, p := range c.list().memory() {
		if refs := p.rows.Find(room, q); len(refs) > 0 {
			return refs[0].Sequence, true
		}
	}
	return 0, false
}

// RecentKey reports whether an event from sequence from on may have the key, among
// those in memory.
func (c *Catalog) RecentKey(key []byte, from uint64) bool {
	for _, p := range c.list().memory() {
		if slices.ContainsFunc(p.rows.ByKey(key), func(ref index.Ref) bool { return ref.Sequence >= from }) {
			return true
		}
	}
	return false
}
