package salvage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Log is what could be read of a log.
type Log struct {
	Store    [16]byte
	Segments uint64 // files that were begun to be read
	Bytes    int64  // of sound groups and headers
	Last     uint64 // sequence of the last event that was read
	Proven   uint64 // the last one that the log itself proves to be durable
	Gaps     []Gap  // in the order of the log
	Foreign  []string
	// Breaks are the first versions behind a gap of the streams that have one.
	Breaks map[string]uint64
}

// walk is one reading.
type walk struct {
	ledger
	log     Log
	reader  *segment.Reader
	index   *index.Index
	linker  chain.Linker
	heads   map[uint64]format.SegmentHeader // the sound ones, of this store
	lastID  [16]byte
	writer  uint32 // incarnation of the last group
	bound   uint64 // sequence that the groups of the segment stay below
	covered int64  // end of what was durable in the segment, as its groups say
	digest  *chain.Segment
	ends    []milestone // of the groups of the segment
}

// milestone is where a group ends, and with which event.
type milestone struct {
	end  int64
	last uint64
}

// Read enters in x, which is empty, every event that is sound. Errors are
// [replay.ErrNone] if there is no segment, a [*segment.DamageError] if none says
// which store it is of, a [*segment.NewerError], or the disk's; with them comes what was
// read by then.
func Read(dir vfs.FS, r *segment.Reader, x *index.Index) (*Log, error) {
	w := walk{ledger: ledger{next: 1}, reader: r, index: x, heads: map[uint64]format.SegmentHeader{}, digest: chain.NewSegment()}
	w.log.Breaks = map[string]uint64{}
	err := w.read(dir)
	w.log.Gaps = w.gaps
	return &w.log, err
}

func (w *walk) read(dir vfs.FS) error {
	numbers, newest, err := w.list(dir)
	if err != nil {
		return err
	}
	if err := w.survey(numbers); err != nil {
		return err
	}
	before := uint64(0)
	for i, number := range numbers {
		if number > before+1 {
			sometimes.Reached("salvage went over a missing segment")
			w.lose(before+1, 0, 0, missing(before+1, number-1))
		}
		w.log.Segments++
		if err := w.segment(number, numbers[i+1:]); err != nil {
			return err
		}
		before = w.reader.Span(number).Last
	}
	if newest > before {
		w.lose(before+1, 0, 0, fmt.Sprintf("the file is missing: a tail was cut off segment %d", newest))
	}
	w.end()
	return nil
}

func missing(first, last uint64) string {
	if first == last {
		return "the file is missing"
	}
	return fmt.Sprintf("the files of segments %d to %d are missing", first, last)
}

// list finds the segments that are there, and the highest that a tail was cut off.
func (w *walk) list(dir vfs.FS) (numbers []uint64, newest uint64, err error) {
	entries, err := dir.List()
	if err != nil {
		return nil, 0, fmt.Errorf("list the directory: %w", err)
	}
	var files []segment.Span
	for _, e := range entries {
		if e.Name == replay.Unfinished {
			return nil, 0, replay.ErrUnfinished
		}
		if file, ok := segment.ParseSpan(e.Name); ok {
			files = append(files, file)
		} else if number, lost := replay.ParseLostName(e.Name); lost {
			newest = max(newest, number)
		} else {
			w.log.Foreign = append(w.log.Foreign, e.Name)
		}
	}
	if len(files) == 0 {
		return nil, 0, replay.ErrNone
	}
	for _, file := range chosen(files) {
		if file.Round > 0 {
			sometimes.Reached("salvage met a merged segment")
			w.reader.Serve(file)
		}
		numbers = append(numbers, file.First)
	}
	return numbers, newest, nil
}

// chosen are the files of a log, in order. Where two that have a segment in common
// were made at different times, and not one of the other, the later one is left out.
func chosen(files []segment.Span) []segment.Span {
	for {
		log, _, err := segment.Resolve(files)
		damage, ok := errors.AsType[*segment.DamageError](err)
		if !ok {
			return log
		}
		files = slices.DeleteFunc(files, func(f segment.Span) bool { return f.First == damage.Segment && f.Round > 0 })
	}
}

// survey reads the headers, and finds out which store most of them are of.
func (w *walk) survey(numbers []uint64) error {
	votes := map[[16]byte]int{}
	for _, number := range numbers {
		s, err := w.reader.Scan(number)
		var h format.SegmentHeader
		if err == nil {
			h, err = s.Head()
		}
		if _, damaged := errors.AsType[*segment.DamageError](err); damaged || err == nil && h.Segment != number {
			continue
		}
		if err != nil {
			return err
		}
		w.heads[number] = h
		if votes[h.Store]++; votes[h.Store] > votes[w.log.Store] {
			w.log.Store = h.Store
		}
	}
	if len(votes) == 0 {
		return &segment.DamageError{Segment: numbers[0], FirstSequence: 1, Reason: "no segment has a sound header, so the id of the store is not known"}
	}
	for number, h := range w.heads {
		if h.Store != w.log.Store {
			sometimes.Reached("salvage met a segment of another store")
			delete(w.heads, number)
		}
	}
	return nil
}

// segment reads what is sound of a segment that those with later numbers follow.
func (w *walk) segment(number uint64, later []uint64) error {
	w.bound, w.covered, w.ends = 0, 0, w.ends[:0]
	for _, n := range later {
		if h, ok := w.heads[n]; ok {
			w.bound = h.FirstSequence
			break
		}
	}
	s, err := w.reader.Scan(number)
	if d, damaged := errors.AsType[*segment.DamageError](err); damaged {
		w.lose(number, 0, 0, d.Reason)
		return nil
	}
	if err != nil {
		return err
	}
	w.digest.Reset()
	if h, ok := w.heads[number]; ok && h.FirstSequence >= w.next {
		w.reach(h.FirstSequence, number, 0)
		if s.Span().Round == 0 {
			w.take(format.AppendSegmentHeader(nil, h))
		} else {
			w.log.Bytes += format.MergedHeaderSize
		}
	} else {
		delete(w.heads, number)
		w.lose(number, 0, min(s.Size(), w.headSize(number)), "the header is damaged, or that of another segment or store")
	}
	first, gaps := w.next, len(w.gaps)
	size, sealed := s.Size(), w.sealedAt(s)
	end, err := w.groups(number, size, sealed)
	if err != nil {
		return err
	}
	if end == sealed {
		size = end // what is behind it is no part of the log
	}
	w.finish(number, later, end, size, first, len(w.gaps) == gaps)
	return nil
}

// sealedAt is where the groups of a segment end according to its footer, if it has
// one, or else to itself, if it is a merged one, or to the next segment; 0 means that
// none says so.
func (w *walk) sealedAt(s *segment.Scanner) int64 {
	run, err := footer.Open(w.reader, s.Span(), w.log.Store, nil)
	if err == nil {
		return int64(run.Length)
	}
	if s.Span().Round > 0 {
		m, _ := w.mergedHead(s)
		return int64(m.Length)
	}
	next := w.heads[s.Span().Last+1] // zero if there is none; what is wrong with a footer does not matter
	return int64(next.PrevLength)
}

// mergedHead is the header of a merged segment of this store, if it is sound.
func (w *walk) mergedHead(s *segment.Scanner) (format.MergedHeader, bool) {
	if _, err := s.Head(); err != nil {
		return format.MergedHeader{}, false
	}
	m, ok := s.Merged()
	return m, ok && m.Store == w.log.Store
}

// headSize is the length of a segment's header, sound or not.
func (w *walk) headSize(number uint64) int64 {
	if w.reader.Span(number).Round > 0 {
		return format.MergedHeaderSize
	}
	return format.SegmentHeaderSize
}

// groups takes in the groups of a segment of this size and, perhaps, sealed there, and returns where they end.
func (w *walk) groups(number uint64, size, sealed int64) (end int64, err error) {
	at := min(size, w.headSize(number))
	for {
		s, err := w.reader.ScanFrom(number, w.log.Store, at, w.writer)
		if err != nil {
			return 0, err
		}
		reason, sound := "", false
		for ok := true; ok && reason == ""; {
			ok, err = s.Next()
			d, damaged := errors.AsType[*segment.DamageError](err)
			switch {
			case damaged && s.End() == sealed:
				return sealed, nil
			case damaged:
				reason = d.Reason
			case err != nil:
				return 0, err
			case !ok:
				return s.End(), nil
			default:
				reason = w.group(s, number)
				sound = reason != ""
			}
		}
		from := s.End()
		if at = s.End(); sound {
			from = s.Offset() // sound, and not one that can be here
		} else if at, err = w.resume(number, at, size); err != nil {
			return 0, err
		}
		if at >= size && from < sealed {
			at = min(size, sealed) // what is behind it is no part of the log
		}
		w.lose(number, from, at, reason)
		if at >= size || at == sealed {
			return at, nil
		}
		sometimes.Reached("salvage read on behind damage")
	}
}

// resume finds the next place where a group may be, behind a thing that is none. If
// its header is sound, and where it says that it ends another one stands or the file
// ends, that is the place: what looks like a group inside it is a payload.
func (w *walk) resume(number uint64, at, size int64) (int64, error) {
	s, err := w.reader.ScanFrom(number, w.log.Store, at-1, 0)
	if err != nil {
		return 0, err
	}
	ok, err := s.Skip()
	if err != nil || !ok {
		return size, err
	}
	w.covered = max(w.covered, proof(s))
	if s.Offset() > at {
		return s.Offset(), nil
	}
	end := at + format.GroupHeaderSize + int64(s.Group().BodyLength)
	if end == size {
		return end, nil
	}
	if end < size {
		behind, err := w.reader.ScanFrom(number, w.log.Store, end-1, 0)
		if err != nil {
			return 0, err
		}
		if ok, err := behind.Skip(); err != nil || ok && behind.Offset() == end {
			return end, err
		}
	}
	if ok, err = s.Skip(); err != nil || !ok {
		return size, err
	}
	return s.Offset(), nil
}

// claim is what is said of a segment that those with later numbers follow, by the next
// one or, if it is a merged one, by itself.
func (w *walk) claim(number uint64, later []uint64) (next format.SegmentHeader, known bool) {
	span := w.reader.Span(number)
	if span.Round == 0 && len(later) > 0 && later[0] == number+1 {
		next, known = w.heads[number+1]
	}
	if span.Round == 0 {
		return next, known
	}
	s, err := w.reader.Scan(number)
	if err != nil {
		return next, false
	}
	m, ok := w.mergedHead(s)
	return segment.Claim(&m), ok
}

// finish compares how a segment ended, where its groups were read up to, with what
// is known of its end.
func (w *walk) finish(number uint64, later []uint64, end, size int64, first uint64, whole bool) {
	next, known := w.claim(number, later)
	_, headed := w.heads[number]
	switch {
	case known && end < int64(next.PrevLength):
		w.lose(number, end, size, fmt.Sprintf("the groups end here, and segment %d says after %d bytes", next.Segment, next.PrevLength))
	case len(later) > 0 && end < size:
		w.lose(number, end, size, "zeros at the end of a segment that another one follows")
	case known && headed && whole && (uint64(end) != next.PrevLength || w.digest.Sum() != next.PrevDigest):
		sometimes.Reached("salvage found another segment than the next one names")
		w.gaps = append(w.gaps, Gap{
			Segment: number, End: size, FirstSequence: first, LastSequence: first - 1,
			Reason: fmt.Sprintf("length or digest differ from what segment %d says of it: only its own checksums prove its events", next.Segment),
		})
		w.open = len(w.gaps)
	}
	w.log.Proven = w.log.Last
	if len(later) > 0 {
		return
	}
	for i := len(w.ends) - 1; i >= 0 && w.ends[i].end > w.covered; i-- {
		w.log.Proven = first - 1
		if i > 0 {
			w.log.Proven = w.ends[i-1].last
		}
	}
	w.log.Proven = min(w.log.Proven, w.log.Last)
}

// take takes in sound bytes.
func (w *walk) take(b []byte) {
	w.digest.Write(b)
	w.log.Bytes += int64(len(b))
}

// proof is the end of what was durable according to the scanner's group.
func proof(s *segment.Scanner) int64 {
	if s.Group().Type == format.GroupClose {
		return s.Offset()
	}
	return int64(s.Group().Durable)
}
