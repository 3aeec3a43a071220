package replay

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// claim is what is said of the segment whose header the scanner has read: by the next
// one, or, in the same form, by the header of a merged segment itself.
func (l *Log) claim(s *segment.Scanner) (next format.SegmentHeader, known bool, err error) {
	if m, ok := s.Merged(); ok {
		return segment.Claim(&m), true, nil
	}
	return l.peek(s.Span().Last + 1)
}

// footer opens the footer of a segment; nil means that there is none that can be
// trusted by itself, and why.
func (l *Log) footer(number uint64, store [16]byte) (run *sidx.Run, why string, err error) {
	run, err = footer.Open(l.reader, l.reader.Span(number), store, l.cache)
	if damage, damaged := errors.AsType[*sidx.DamageError](err); damaged {
		return nil, damage.Reason, nil
	}
	return run, "", err
}

// peek reads the header of a segment that comes later. It is not known if it is not
// sound, which matters when the segment's turn comes.
func (l *Log) peek(number uint64) (h format.SegmentHeader, known bool, err error) {
	s, err := l.reader.Scan(number)
	if err == nil {
		h, err = s.Head()
	}
	_, damaged := errors.AsType[*segment.DamageError](err)
	_, newer := errors.AsType[*segment.NewerError](err)
	if damaged || newer {
		return h, false, nil
	}
	return h, h.Segment == number && h.Store == l.Header.Store, err
}

// byFooter takes in the segment whose header was read last by its footer, if that is of
// what next says, and reports whether it did.
func (l *Log) byFooter(run *sidx.Run, why string, next *format.SegmentHeader) bool {
	took := run != nil && l.trusts(run, next)
	if took {
		l.take(run)
	} else if len(l.Unindexed) < 100 {
		l.Unindexed = append(l.Unindexed, fmt.Sprintf("index of segment %d: %s", l.Header.Segment, cmp.Or(why, "it is not of what is said of the segment")))
	}
	return took
}

// trusts reports whether the footer of the segment whose header was read last is
// the one of what the next header says of it.
func (l *Log) trusts(run *sidx.Run, next *format.SegmentHeader) bool {
	first, ok := clock.TickOf(run.MinID)
	before, _ := clock.TickOf(l.LastID)
	return run.Length == next.PrevLength && run.Digest == next.PrevDigest && run.Store == l.Header.Store &&
		run.First == l.Next && run.Last+1 == next.FirstSequence && ok && first > before && run.Newest >= l.Incarnation
}

// merged holds a merged segment that was taken in against its own header, as no other
// says what it must be, and puts the last of the segments in its place for which it
// stands. Of another segment it does nothing.
func (l *Log) merged(s *segment.Scanner) error {
	m, ok := s.Merged()
	if !ok {
		return nil
	}
	digest := l.sum
	if !l.footed {
		digest = l.digest()
	}
	switch {
	case l.Length != int64(m.Length) || digest != m.Digest && !planted.Bug("digest of a merged segment is not checked"):
		sometimes.Reached("merged segment was not what its header says")
		return l.damage(0, "length or digest differ from what the merged segment says of itself")
	case l.Next != m.NextSequence:
		return l.damage(l.Length, fmt.Sprintf("merged segment ends before event %d", m.NextSequence))
	}
	l.ends(&m)
	return nil
}

// ends puts the last of the segments in the place of a merged one that was taken in.
func (l *Log) ends(m *format.MergedHeader) {
	l.Header.Segment, l.Length, l.attested, l.sum = m.Last, int64(m.LastLength), true, m.LastDigest
	l.Incarnation = max(l.Incarnation, m.Incarnation)
}
