package footer

import (
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Indexing is the index of a segment in the making: of what was read of the segment so
// far. Reading may go on as the segment grows, so that nothing is read twice for all
// indexes that are written of it. It takes about 60 bytes of memory an event. It is made by
// [Index].
type Indexing struct {
	*Reading
	Builder *sidx.Builder
	Group   int64  // where the last group that was read begins
	Last    uint64 // event in it

	begun bool
}

// Index begins to index a segment. Errors are those of [Begin].
func Index(r *segment.Reader, number uint64) (*Indexing, error) {
	x, err := Begin(r, number)
	if err != nil {
		return nil, err
	}
	return &Indexing{Reading: x, Builder: sidx.NewBuilder(place(r.Span(number), x.Store))}, nil
}

// On reads on to where a group ends. After an error, which is one of [Reading.To], it is of
// no more use.
func (x *Indexing) On(r *segment.Reader, end int64) error {
	if x.begun {
		if err := x.Again(r); err != nil {
			return err
		}
	}
	x.begun = true
	return x.To(end, func(s *segment.Scanner, _ [16]byte, rec *format.Record, offset uint32) {
		x.Builder.Began(s.Group().Incarnation, rec.Sequence)
		x.Builder.Add(rec, offset)
		x.Group, x.Last = s.Offset(), rec.Sequence
	})
}

// sealed reads a sealed segment to its end, going on with what was read of it, if that is
// of the segment.
func (x *Indexing) sealed(r *segment.Reader, number uint64) (*Indexing, format.SegmentHeader, error) {
	if x != nil && x.Segment == number {
		if next, err := x.rest(r); err == nil {
			sometimes.Reached("footer was written of what was read before the segment was sealed")
			return x, next, nil
		}
		sometimes.Reached("what was read before a segment was sealed was given up") // be it that a file of merged segments has taken its place
	}
	x, err := Index(r, number)
	if err != nil {
		return nil, format.SegmentHeader{}, err
	}
	next, err := x.rest(r)
	return x, next, err
}

// rest reads on to the end of a sealed segment.
func (x *Indexing) rest(r *segment.Reader) (next format.SegmentHeader, err error) {
	if next, err = x.claim(r); err != nil {
		return next, err
	}
	if x.begun && planted.Bug("footer misses what came after the last checkpoint") {
		return next, nil
	}
	if err := x.On(r, int64(next.PrevLength)); err != nil {
		return next, err
	}
	return next, x.holds(&next)
}
