package salvage

import (
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// cluster is the events of a group while they are checked.
type cluster struct {
	entries []index.Entry
	heads   map[string]index.Head // of the streams it adds to
	broken  []index.Entry         // those whose predecessor is lost
	from    uint64                // the first sequence behind the last gap that lost any
	lastID  [16]byte
}

// group takes in the scanner's group, whose checksums hold, or says why it cannot
// be here.
func (w *walk) group(s *segment.Scanner, number uint64) (reason string) {
	h := s.Group()
	switch end := h.FirstSequence + uint64(h.Count); {
	case h.FirstSequence < w.next && !planted.Bug("salvage takes in what was numbered before"):
		return fmt.Sprintf("a group that begins with event %d, behind event %d", h.FirstSequence, w.next-1)
	case w.bound > 0 && end > w.bound:
		return fmt.Sprintf("a group that ends with event %d, and the next segment begins with event %d", end-1, w.bound)
	}
	c := cluster{heads: map[string]index.Head{}, from: w.from, lastID: w.lastID}
	if h.FirstSequence > w.next {
		c.from = h.FirstSequence
	}
	body, seed := s.Body(), format.RecordSeed(w.log.Store)
	for i := range uint64(h.Count) {
		at := s.Offset() + int64(len(s.Bytes())-len(body))
		r, rest, err := format.ParseRecord(body, seed)
		if err != nil {
			return fmt.Sprintf("a record at %d: %v", at, err)
		}
		if r.Sequence != h.FirstSequence+i {
			return fmt.Sprintf("a record of event %d in place of event %d", r.Sequence, h.FirstSequence+i)
		}
		if err := w.record(&c, &r, format.Pos{Segment: uint32(number), Offset: uint32(at), Length: uint32(r.Length)}); err != nil {
			return err.Error()
		}
		body = rest
	}
	if len(body) > 0 {
		return "a group with more bytes than records"
	}
	w.enter(&c, s, number)
	return ""
}

// record checks a record, which is to be the next of a group.
func (w *walk) record(c *cluster, r *format.Record, pos format.Pos) error {
	tick, ok := clock.TickOf(r.ID)
	before, _ := clock.TickOf(c.lastID)
	if !ok || tick <= before {
		return errors.New("a record whose id does not follow the one before")
	}
	head, here := c.heads[string(r.Entity)]
	if !here {
		head = w.index.Head(r.Entity)
	}
	e := index.EntryOf(r, pos)
	switch {
	case r.Version == head.Version+1:
		if !w.linker.Verify(head.Hash, r) && !planted.Bug("salvage does not check links") {
			sometimes.Reached("salvage met an event that does not follow")
			return fmt.Errorf("event %d does not follow from the event before it in its stream", r.Sequence)
		}
	case r.Version > head.Version && head.Sequence < c.from:
		c.broken = append(c.broken, e)
	default:
		return fmt.Errorf("event %d has version %d of its stream, which is at %d", r.Sequence, r.Version, head.Version)
	}
	c.heads[string(r.Entity)] = index.Head{Version: r.Version, Sequence: r.Sequence, Hash: r.Hash}
	c.lastID = r.ID
	c.entries = append(c.entries, e)
	return nil
}

// enter takes in the events of a group that is sound.
func (w *walk) enter(c *cluster, s *segment.Scanner, number uint64) {
	h := s.Group()
	w.reach(h.FirstSequence, number, s.Offset())
	for i := range c.broken {
		e, entity := &c.broken[i], string(c.broken[i].Entity)
		if _, ok := w.log.Breaks[entity]; !ok && !planted.Bug("salvage calls what follows a gap proven") {
			w.log.Breaks[entity] = e.Version
		}
		w.touch(entity, w.index.Head(e.Entity).Sequence)
	}
	if h.Count > 0 {
		w.index.Began(h.FirstSequence, h.Incarnation)
		w.index.Add(c.entries)
		w.next += uint64(h.Count)
		w.log.Last = w.next - 1
	}
	w.lastID, w.writer = c.lastID, h.Incarnation
	w.covered = max(w.covered, proof(s))
	w.ends = append(w.ends, milestone{s.End(), w.next - 1})
	w.take(s.Bytes())
}
