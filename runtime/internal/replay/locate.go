package replay

import (
	"cmp"
	"errors"
	"math"

	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// lookahead is how many segments are looked for behind one that is missing.
const lookahead = 64

// Locate adds to a damage, if err is one, where it ends and which events it may
// touch, as far as what lies around it tells.
func (l *Log) Locate(err error) error {
	d, ok := errors.AsType[*segment.DamageError](err)
	if !ok {
		return err
	}
	d.File = cmp.Or(d.File, l.reader.Span(d.Segment).Name())
	if d.FirstSequence == 0 {
		d.FirstSequence = l.Next
		if d.Segment > l.Header.Segment+1 {
			d.FirstSequence = l.behind(d.Segment - 1)
		}
	}
	if d.LastSequence == 0 {
		l.findEnd(d)
	}
	return err
}

// behind is the sequence of the event after those of a segment that was not read,
// 0 if it is not known.
func (l *Log) behind(number uint64) uint64 {
	s, err := l.reader.Scan(number)
	if err != nil {
		return 0
	}
	h, err := s.Head()
	if err != nil || h.Segment != number {
		return 0
	}
	next := h.FirstSequence
	for {
		ok, err := s.Next()
		if err != nil {
			return 0
		}
		if !ok {
			return next
		}
		next = s.Group().FirstSequence + uint64(s.Group().Count)
	}
}

// findEnd looks behind a damage for the next group in its own place or, if there is
// none, for the next segment. Whatever goes wrong in this leaves the end unknown.
func (l *Log) findEnd(d *segment.DamageError) {
	if s, err := l.reader.ScanFrom(d.Segment, l.storeOf(d.Segment), d.Offset, 0); err == nil {
		s.Limit(l.sealedAt(d.Segment))
		if ok, err := s.Skip(); ok && err == nil {
			d.End, d.LastSequence = s.Offset(), s.Group().FirstSequence-1
			return
		}
		d.End = s.Size()
	}
	for number := d.Segment + 1; number <= d.Segment+lookahead; number++ {
		if there, err := l.reader.Has(number); err != nil || !there {
			continue
		}
		if s, err := l.reader.Scan(number); err == nil {
			if h, err := s.Head(); err == nil && h.Segment == number {
				d.LastSequence = h.FirstSequence - 1
			}
		}
		return
	}
}

// sealedAt is where the groups of a segment end, if another one follows it or its
// footer says so.
func (l *Log) sealedAt(number uint64) int64 {
	if s, err := l.reader.Scan(number + 1); err == nil {
		if h, err := s.Head(); err == nil && h.Segment == number+1 {
			return int64(h.PrevLength)
		}
	}
	if run, _, err := l.footer(number, l.storeOf(number)); err == nil && run != nil {
		return int64(run.Length)
	}
	return math.MaxInt64
}

// storeOf is the id of the store that a segment belongs to: that of the segments
// before or, if none was read, what it says itself.
func (l *Log) storeOf(number uint64) [16]byte {
	if l.Header.Segment > 0 {
		return l.Header.Store
	}
	for _, n := range []uint64{number, number + 1} {
		if s, err := l.reader.Scan(n); err == nil {
			if h, err := s.Head(); err == nil {
				return h.Store
			}
		}
	}
	return [16]byte{}
}
