package replay

import (
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
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
		digest = l.Digest.Sum()
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
