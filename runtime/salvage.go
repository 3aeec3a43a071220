package batpak

import (
	"fmt"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/salvage"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// Gap is a place in the log of a store opened with [Options.Salvage] that holds
// nothing sound, and the events that are lost there.
type Gap struct {
	File   string // the first one, if the files of several segments are missing in a row
	Offset int64  // bytes from the start of the file
	End    int64  // of the damage; Offset if there are no bytes at all
	// FirstSequence is the first event that is lost there, 0 if none is. LastSequence
	// is the last one, 0 if nothing behind the gap says how far the log went. Gaps with
	// nothing sound between them share their events.
	FirstSequence uint64
	LastSequence  uint64
	// Streams are those which a later event proves to have lost events in this gap,
	// or in one of the gaps around it that lie between the same two of their events.
	// Others may have lost their newest.
	Streams []string
	Reason  string
}

// String describes the gap in one line.
func (g Gap) String() string {
	events := ", no event"
	if g.loses() {
		events = span(g.FirstSequence, g.LastSequence)
	}
	return fmt.Sprintf("%s, offset %d to %d%s: %s", g.File, g.Offset, g.End, events, g.Reason)
}

// loses reports whether an event may be lost in the gap.
func (g *Gap) loses() bool { return g.FirstSequence > 0 }

// salvage reads what is sound of the log. It trusts no footer and no checkpoint: what is
// derived from a damaged log says nothing of which of its parts are sound.
func (s *Store) salvage() error {
	rows := index.New(1)
	log, err := salvage.Read(s.fs, s.segments, rows)
	s.opened = OpenReport{Segments: log.Segments, Events: uint64(rows.Len()), Bytes: log.Bytes, Foreign: log.Foreign}
	for i := range log.Gaps {
		s.opened.Gaps = append(s.opened.Gaps, s.gapOf(&log.Gaps[i]))
	}
	if err != nil {
		return err
	}
	s.index = catalog.New(log.Store, nil) // without a footer, nothing is read again
	s.index.AddRows(1, rows)
	s.id, s.seed, s.breaks = log.Store, format.RecordSeed(log.Store), log.Breaks
	for n := log.Last; n > log.Proven; n-- {
		if _, ok := rows.At(n); ok {
			s.opened.Unproven++
		}
	}
	s.frontier = frontier.New(log.Proven)
	s.frontier.Advance(frontier.Written, log.Last)
	s.frontier.Advance(frontier.Visible, log.Last)
	return nil
}

// gapOf is the public form of a gap.
func (s *Store) gapOf(g *salvage.Gap) Gap {
	p := Gap{File: s.fileOf(g.Segment), Offset: g.Offset, End: g.End, Streams: g.Streams, Reason: g.Reason}
	if g.Open {
		p.FirstSequence = g.FirstSequence
	} else if g.LastSequence >= g.FirstSequence {
		p.FirstSequence, p.LastSequence = g.FirstSequence, g.LastSequence
	}
	return p
}

// unproven reports whether an event lies behind a gap in its stream.
func (s *Store) unproven(entity string, version uint64) bool {
	from, broken := s.breaks[entity]
	return broken && version >= from
}

// lost fails if an event may be lost, for what needs all of them; of an entity, if
// one is given, and then before this sequence.
func (s *Store) lost(entity string, before uint64) error {
	for _, g := range slices.Backward(s.opened.Gaps) {
		if g.loses() && (entity == "" || g.LastSequence < before && slices.Contains(g.Streams, entity)) {
			return &CorruptError{
				File: g.File, Offset: g.Offset, End: g.End,
				FirstSequence: g.FirstSequence, LastSequence: g.LastSequence, Reason: "a gap: " + g.Reason,
			}
		}
	}
	return nil
}

// gaps notes the gaps of a salvaged store that are not among the damages yet.
func (v *verifier) gaps() {
	for _, g := range v.store.opened.Gaps {
		if slices.ContainsFunc(v.report.Damages, func(d Damage) bool { return d.File == g.File && d.Offset == g.Offset }) {
			continue
		}
		d := Damage{Sequence: g.FirstSequence, LastSequence: g.LastSequence, File: g.File, Offset: g.Offset, End: g.End, Reason: g.Reason}
		switch {
		case !g.loses():
			file, _ := segment.ParseSpan(g.File)
			d.Sequence = v.behind(file.First, g.Offset)
			d.LastSequence = d.Sequence - 1
		case g.LastSequence == 0: // unknown
			d.LastSequence = d.Sequence
		}
		v.damaged(d)
	}
}
