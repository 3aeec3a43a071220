package checkpoint

import (
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// A checkpoint is due when as much was appended to the last segment since the one before as
// one of these two says, whichever comes first:
//
//   - Bytes, and as many as the one before covers. So all that become due by them are
//     together at most about twice as long as the last, and an opening reads at most half
//     of the segment.
//   - Events, and a quarter as many as the one before covers. Half of a long segment may be
//     millions of small ones, and an opening enters each that it reads in an index in
//     memory: so many take some 0.15 s. So it reads fewer, or at most a fifth of what the
//     segment has; and all that become due by them are together at most about five times
//     as long as the last.
//
// When the store is closed less will do, to spare the next opening the time: in so few bytes
// there are a few thousand events at most.
const (
	usualBytes   = 4 << 20
	usualEvents  = 1 << 18
	closingBytes = 256 << 10
)

// Schedule says when a checkpoint is due. Of the marks that it is given it takes the segment,
// the end and the last event.
type Schedule struct {
	// Bytes and Events, unless 0, are after how many of each one is due, whatever the one
	// before covers.
	Bytes  int64
	Events uint64

	Before uint64 // the last event in front of the last segment
	Latest Mark   // of the newest checkpoint; zero = there is none
}

// Due reports whether a checkpoint up to an event of the last segment is due.
func (s *Schedule) Due(at *Mark, closing bool) bool {
	from := s.from(at)
	bytes, events := s.after(&from)
	if closing && s.Bytes == 0 {
		bytes = closingBytes
	}
	if at.End-from.End >= bytes {
		return true
	}
	if at.Last-from.Last < events || planted.Bug("events since the last checkpoint are not counted") {
		return false
	}
	sometimes.Reached("checkpoint was due by the number of its events")
	return true
}

// Next is where in the log, when an event of the last segment has come, it is time to ask
// again: where a checkpoint is due, another segment begins, or a step further on.
func (s *Schedule) Next(at *Mark) *Mark {
	from := s.from(at)
	bytes, events := s.after(&from)
	if s.Due(at, false) { // and cannot be written now
		from = *at
	}
	return &Mark{Segment: at.Segment, End: min(from.End+bytes, at.End+s.Step()), Last: from.Last + events}
}

// Step is how many bytes are appended at most until it is time to ask again.
func (s *Schedule) Step() int64 {
	bytes, _ := s.after(&Mark{Last: s.Before})
	return bytes
}

// from is what the newest checkpoint of a segment covers.
func (s *Schedule) from(at *Mark) Mark {
	if at.Segment == s.Latest.Segment {
		return s.Latest
	}
	return Mark{Last: s.Before}
}

// after is how much more makes a checkpoint due if the one before covers so much.
func (s *Schedule) after(covered *Mark) (bytes int64, events uint64) {
	bytes, events = s.Bytes, s.Events
	if bytes == 0 {
		bytes = max(usualBytes, covered.End)
	}
	if events == 0 {
		events = max(usualEvents, (covered.Last-s.Before)/4)
	}
	return bytes, events
}

// Passed reports whether an event lies in another segment, or as far as the mark.
func (m *Mark) Passed(at *Mark) bool {
	return at.Segment != m.Segment || at.End >= m.End || at.Last >= m.Last
}
