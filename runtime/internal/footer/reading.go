package footer

import (
	"fmt"
	"math"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// Visitor is shown a record that lies at offset, in the scanner's group. It keeps
// nothing of it.
type Visitor func(s *segment.Scanner, store [16]byte, rec *format.Record, offset uint32)

// Reading is a segment that is read, from its beginning, to make an index of it. It is
// made by [Begin].
type Reading struct {
	format.SegmentHeader
	Digest *chain.Segment // of what was read

	scanner *segment.Scanner
	seed    uint32        // of the checksums of records
	next    uint64        // sequence
	record  format.Record // read last
}

// Begin reads the header of a segment. Errors are a [*segment.DamageError], a
// [*segment.NewerError], or the disk's.
func Begin(r *segment.Reader, number uint64) (*Reading, error) {
	s, err := r.Scan(number)
	if err != nil {
		return nil, err
	}
	return begin(s)
}

func begin(s *segment.Scanner) (x *Reading, err error) {
	x = &Reading{Digest: chain.NewSegment(), scanner: s}
	if x.SegmentHeader, err = s.Head(); err != nil {
		return nil, err
	}
	if _, merged := s.Merged(); !merged { // whose digest does not cover its header
		x.Digest.Write(s.Bytes())
	}
	x.next, x.seed = x.FirstSequence, format.RecordSeed(x.Store)
	return x, nil
}

// To reads on to where a group ends and visits the records on the way, unless visit is
// nil. If no group ends there the error is a [*segment.DamageError].
func (x *Reading) To(end int64, visit Visitor) error {
	_, err := x.Toward(end, math.MaxInt64, visit)
	return err
}

// Toward is To, but goes no further than it takes to have read so many bytes, and reports
// whether it has come to the end.
func (x *Reading) Toward(end, most int64, visit Visitor) (there bool, err error) {
	s := x.scanner
	for from := s.End(); s.End() < end; {
		if s.End()-from >= most {
			return false, nil
		}
		ok, err := s.Next()
		if err != nil {
			return false, err
		}
		if !ok {
			break
		}
		x.Digest.Write(s.Bytes())
		if visit == nil {
			continue
		}
		if err := x.records(visit); err != nil {
			return false, err
		}
	}
	if s.End() != end {
		return false, x.differs(fmt.Sprintf("its groups end at %d, not at %d", s.End(), end))
	}
	return true, nil
}

// End is up to where the segment was read.
func (x *Reading) End() int64 { return x.scanner.End() }

// Again has the reading go on in the file as it is now: what lay behind its end may have
// been read too early.
func (x *Reading) Again(r *segment.Reader) error {
	s, err := r.ScanFrom(x.Segment, x.Store, x.End(), x.scanner.Group().Incarnation)
	if err == nil {
		x.scanner = s
	}
	return err
}

// records visits those of the scanner's group.
func (x *Reading) records(visit Visitor) error {
	s := x.scanner
	body := s.Body()
	for ; len(body) > 0; x.next++ {
		at := s.Offset() + int64(len(s.Bytes())-len(body))
		rec := &x.record
		rest, err := rec.Parse(body, x.seed)
		if err == nil && rec.Sequence != x.next {
			err = fmt.Errorf("holds event %d in place of event %d", rec.Sequence, x.next)
		}
		if err != nil {
			return &segment.DamageError{Segment: s.Segment(), Offset: at, FirstSequence: x.next, Reason: err.Error()}
		}
		visit(s, x.Store, rec, uint32(at))
		body = rest
	}
	return nil
}

// differs is the error if what was read is not what it should be.
func (x *Reading) differs(reason string) error {
	return &segment.DamageError{Segment: x.scanner.Segment(), FirstSequence: x.FirstSequence, Reason: reason}
}
