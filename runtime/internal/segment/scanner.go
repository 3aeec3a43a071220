package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// scanWindow is how much a scanner reads at once. It holds a segment header of
// any version.
const scanWindow = 256 << 10

// attempts is how often what may be changing is looked at: by a scanner what ends before its
// file does, which is cut and written on once or twice, when it is sealed.
const attempts = 4

// Scanner reads a segment from its beginning to the first thing that is not a
// group. It sees the file as long as it was when the scan began, and holds one
// group, or a window of the file, in memory. It is used by one goroutine.
//
//	s, err := r.Scan(number)
//	header, err := s.Head()
//	for {
//		ok, err := s.Next()   // then s.Group(), s.Body(), s.Offset(), s.Bytes()
//	}
type Scanner struct {
	r      *Reader
	span   Span
	merged format.MergedHeader // zero if the segment is as it was written
	place  format.Place        // of the group
	size   int64               // of the file
	shrunk bool                // since the scan began
	next   int64               // where the thing after the group begins
	group  format.GroupHeader
	bytes  []byte // of the group or segment header
	head   [format.SegmentHeaderSize]byte
	window []byte
	at     int64 // where the window begins
}

// Scan begins to read a segment.
func (r *Reader) Scan(number uint64) (*Scanner, error) {
	f, err := r.pin(number)
	if err != nil {
		return nil, err
	}
	defer r.unpin(f)
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	s := &Scanner{r: r, span: f.span, place: format.Place{Segment: number}, size: size}
	if f.span.Round > 0 {
		s.place.Last, s.place.Round = f.span.Last, f.span.Round
	}
	if size > format.MaxSegment {
		return nil, s.damage(0, "larger than any segment")
	}
	return s, nil
}

// ScanFrom begins to read a segment of a store where a group ends, which was
// written in this incarnation, or where the header does.
func (r *Reader) ScanFrom(number uint64, store [16]byte, at int64, incarnation uint32) (*Scanner, error) {
	s, err := r.Scan(number)
	if err != nil {
		return nil, err
	}
	s.place.Store, s.next, s.group.Incarnation = store, at, incarnation
	return s, nil
}

// Limit makes the scanner take the segment for one that ends at end, if its file is
// longer: a sealed one, with a footer behind its groups. It comes before Next.
func (s *Scanner) Limit(end int64) { s.size = min(s.size, end) }

// Head reads the segment's header, of a merged segment the part that is its first
// segment's. It must come before the first Next, which takes the store's id from it.
// Errors are a [*DamageError], a [*NewerError], or the disk's.
func (s *Scanner) Head() (format.SegmentHeader, error) {
	if s.place.Round > 0 {
		return s.headMerged()
	}
	b := s.head[:] // often nothing else of the segment is read
	n, err := s.r.readSpan(s.span, b, 0)
	if err != nil {
		return format.SegmentHeader{}, err
	}
	h, err := format.ParseSegmentHeader(b[:n])
	if err != nil {
		if b, err = s.peek(0, math.MaxUint16); err != nil { // the longest that a later version can have
			return format.SegmentHeader{}, err
		}
		h, err = format.ParseSegmentHeader(b)
	}
	if newer, ok := errors.AsType[*format.NewerError](err); ok && newer.Found <= format.Version {
		err = &format.Error{Reason: "a merged segment under the name of one that was written"}
	}
	if err != nil {
		return format.SegmentHeader{}, judge(err, s.place.Segment, 0)
	}
	s.place.Store = h.Store
	s.bytes = b[:format.SegmentHeaderSize]
	s.next = format.SegmentHeaderSize
	return h, nil
}

func (s *Scanner) headMerged() (format.SegmentHeader, error) {
	b := make([]byte, format.MergedHeaderSize)
	n, err := s.r.readSpan(s.span, b, 0)
	if err != nil {
		return format.SegmentHeader{}, err
	}
	h, err := format.ParseMergedHeader(b[:n])
	if err != nil {
		if b, err = s.peek(0, math.MaxUint16); err != nil { // the longest that a later version can have
			return format.SegmentHeader{}, err
		}
		h, err = format.ParseMergedHeader(b)
	}
	if err == nil && (h.Segment != s.place.Segment || h.Last != s.place.Last || h.Round != s.place.Round) {
		err = &format.Error{Reason: "the header is that of another merged segment"}
	}
	if err == nil && int64(h.Length) > s.size {
		err = &format.Error{Reason: "the file ends before the merged segment does"}
	}
	if err != nil {
		return format.SegmentHeader{}, judge(err, s.place.Segment, 0)
	}
	s.merged, s.place.Store = h, h.Store
	s.bytes = b[:format.MergedHeaderSize]
	s.next, s.size = format.MergedHeaderSize, int64(h.Length)
	return h.SegmentHeader, nil
}

// Span is the file that is read.
func (s *Scanner) Span() Span { return s.span }

// Merged is the header that Head has read, if it is that of a merged segment. What
// follows it in the file is bounded by its length.
func (s *Scanner) Merged() (h format.MergedHeader, ok bool) { return s.merged, s.merged.Round > 0 }

// ScanMerged begins to read a merged segment, be it served or not.
func (r *Reader) ScanMerged(span Span) (*Scanner, error) {
	size, err := r.Size(span)
	return &Scanner{r: r, span: span, size: size, place: format.Place{Segment: span.First, Last: span.Last, Round: span.Round}}, err
}

// Merged reads the header of a merged segment, be it served or not.
func (r *Reader) Merged(span Span) (format.MergedHeader, error) {
	s, err := r.ScanMerged(span)
	if err == nil {
		_, err = s.Head()
	}
	return s.merged, err
}

// Claim is what a merged segment says of itself, in the form in which the header of
// the segment behind any other says it of that.
func Claim(m *format.MergedHeader) format.SegmentHeader {
	return format.SegmentHeader{
		Store: m.Store, Segment: m.Last + 1, FirstSequence: m.NextSequence, PrevLength: m.Length, PrevDigest: m.Digest,
	}
}

// Next reads the next group. It returns false without an error at the end of the
// groups, where nothing follows in the file but zeros. Errors are a
// [*DamageError] at [Scanner.End], a [*NewerError], or the disk's.
func (s *Scanner) Next() (bool, error) {
	at := s.next
	head, err := s.peek(at, format.GroupHeaderSize)
	if err != nil {
		return false, err
	}
	if zero(head) {
		last, err := s.LastByte(at)
		if err == nil && last > at {
			sometimes.Reached("zeros stood where a group should be")
			err = s.damage(at, "zeros where a group should be")
		}
		return false, err
	}
	place := s.place
	place.Offset = at
	h, err := format.ParseGroupHeader(head, place)
	if err != nil {
		return false, judge(err, place.Segment, at)
	}
	length := int64(format.GroupHeaderSize) + int64(h.BodyLength)
	if length > s.size-at {
		sometimes.Reached("body of the last group was cut off")
		return false, s.damage(at, "the group's body is cut off")
	}
	b, err := s.peek(at, int(length))
	if err != nil {
		return false, err
	}
	if int64(len(b)) < length {
		return false, s.damage(at, "the file was cut while it was read")
	}
	if err := h.CheckBody(b[format.GroupHeaderSize:]); err != nil && !planted.Bug("half a group is read as far as it goes") {
		return false, judge(err, place.Segment, at)
	}
	if h.Incarnation < s.group.Incarnation && !planted.Bug("stale group is taken for a fresh one") {
		sometimes.Reached("stale group of an earlier opening was found")
		return false, s.damage(at, "a stale group of an earlier opening of the store")
	}
	s.place, s.group, s.bytes, s.next = place, h, b, at+length
	return true, nil
}

// Skip looks behind [Scanner.End], at every byte of the rest of the file, for
// the next header of a group that stands in its own place, and makes it the
// current one. The body need not be sound and is not read; Skip may be called
// again. It returns false at the end of the file. Errors are a [*NewerError] or
// the disk's.
func (s *Scanner) Skip() (bool, error) {
	magic := groupMagic()
	at := s.next + 1
	for {
		b, err := s.peek(at, format.GroupHeaderSize)
		if err != nil || len(b) < format.GroupHeaderSize {
			s.next = max(s.next, s.size)
			return false, err
		}
		b = s.window[at-s.at:]
		i := bytes.Index(b, magic)
		if i < 0 {
			at += int64(len(b) - len(magic) + 1)
			continue
		}
		at += int64(i)
		if len(b)-i < format.GroupHeaderSize && at+format.GroupHeaderSize <= s.size {
			continue // with a window that holds all of it
		}
		place := s.place
		place.Offset = at
		h, err := format.ParseGroupHeader(b[i:], place)
		if err == nil {
			sometimes.Reached("header of a group was found behind damage")
			s.place, s.group, s.bytes, s.next = place, h, nil, at
			return true, nil
		}
		if newer, ok := errors.AsType[*NewerError](judge(err, place.Segment, at)); ok {
			sometimes.Reached("newer group was found behind damage")
			return false, newer
		}
		at++
	}
}

// LastByte is the end of the last byte from offset from on that is not zero;
// from itself if there is none.
func (s *Scanner) LastByte(from int64) (int64, error) {
	last := from
	for at := from; at < s.size; {
		b, err := s.peek(at, scanWindow)
		if err != nil {
			return 0, err
		}
		if len(b) == 0 {
			break // the file has shrunk
		}
		if !zero(b) {
			last = at + int64(len(bytes.TrimRight(b, "\x00")))
		}
		at += int64(len(b))
	}
	return last, nil
}

// Group is the header of the current group.
func (s *Scanner) Group() format.GroupHeader { return s.group }

// Segment is the number of the segment.
func (s *Scanner) Segment() uint64 { return s.place.Segment }

// Offset is where the current group begins, in bytes from the start of the file.
func (s *Scanner) Offset() int64 { return s.place.Offset }

// Body is the body of the group that Next has found. It is valid until the next
// call of a method with an error.
func (s *Scanner) Body() []byte { return s.bytes[format.GroupHeaderSize:] }

// Bytes are all bytes of what Head or Next has found, valid as long as a body.
// Those of successive calls lie behind one another in the file without a gap.
func (s *Scanner) Bytes() []byte { return s.bytes }

// End is the end of what has been found, in bytes from the start of the file.
func (s *Scanner) End() int64 { return s.next }

// Size is the size of the file in bytes.
func (s *Scanner) Size() int64 { return s.size }

// Shrunk reports whether the file ended earlier than its size promised when the
// scan began. What was found at its end says nothing then.
func (s *Scanner) Shrunk() bool { return s.shrunk }

// peek returns n bytes from offset at on, fewer only at the end of the file.
func (s *Scanner) peek(at int64, n int) ([]byte, error) {
	n = int(max(0, min(int64(n), s.size-at)))
	if from := at - s.at; from >= 0 && from+int64(n) <= int64(len(s.window)) {
		return s.window[from : from+int64(n)], nil
	}
	if at >= s.size {
		return nil, nil
	}
	want := int(min(int64(max(n, scanWindow)), s.size-at))
	s.window = slices.Grow(s.window[:0], want)[:want]
	got, err := s.readWindow(at)
	if err != nil {
		s.window = s.window[:0]
		return nil, err
	}
	if s.at, s.window = at, s.window[:got]; got < want {
		s.size, s.shrunk = at+int64(got), true
	}
	return s.window[:min(n, got)], nil
}

// readWindow fills the window, unless the file ends in it. A read that ends where the
// file does not is no end of it: the writer may have cut off what was written ahead, and
// put a footer there since.
func (s *Scanner) readWindow(at int64) (int, error) {
	for attempt := 1; ; attempt++ {
		got, err := s.r.readSpan(s.span, s.window, at)
		if err != nil || got == len(s.window) || planted.Bug("early end of a file is believed") {
			return got, err
		}
		size, err := s.r.Size(s.span)
		switch end := at + int64(got); {
		case err != nil || size <= end:
			return got, err
		case attempt == attempts || planted.Bug("file that is cut and written on beside a scan ends it"):
			sometimes.Reached("file ended early when it was read, and does not end there")
			return 0, fmt.Errorf("read segment %d: %w at byte %d of %d", s.span.First, io.EOF, end, size)
		}
	}
}

func (s *Scanner) damage(at int64, reason string) error {
	return &DamageError{Segment: s.place.Segment, Offset: at, Reason: reason}
}

func zero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }

// groupMagic is what each group begins with.
func groupMagic() []byte {
	return format.AppendGroup(nil, format.GroupHeader{}, format.Place{}, nil)[:4]
}
