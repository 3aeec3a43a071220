package batpak

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// VerifyReport is what [Store.Verify] found.
type VerifyReport struct {
	Segments int
	Bytes    int64  // of the segments
	Streams  int    // with at least one event
	Events   uint64 // whose link in the chain was computed again and holds
	// Tombstones are those of them whose payload a compaction took away, Dropped the
	// events beside them of which it left nothing to compute a link from.
	Tombstones, Dropped uint64
	// Damages are the first damage of each stream and of each segment that has
	// one. It is empty for a sound store.
	Damages []Damage
	Took    time.Duration
}

// Verify reads everything that is visible and computes again every checksum,
// every segment's digest and every link of every stream's hash chain. It goes on
// after damage, which it reports; an error means that it could not finish, and the
// report then says how far it came. It works beside appends and other readers, and
// uses memory for the streams, not for the events. It uses all processors, unless
// [AtMost] limits its rate; [OnProgress] tells how far it has come.
func (s *Store) Verify(ctx context.Context, opts ...VerifyOption) (VerifyReport, error) {
	if err := s.alive(); err != nil {
		return VerifyReport{}, err
	}
	elapsed := clock.Start()
	v := verifier{store: s, until: s.frontier.At(frontier.Visible), heads: heads{}}
	for _, o := range opts {
		if o != nil {
			o.applyVerify(&v)
		}
	}
	err := v.run(ctx)
	v.report.Streams = v.heads.met()
	v.report.Events, v.report.Tombstones, v.report.Dropped = v.count.events, v.count.tombstones, v.count.dropped
	v.report.Took = elapsed()
	return v.report, s.outward(err, 0)
}

// verifier is one run of Verify.
type verifier struct {
	store  *Store
	until  uint64 // sequence, inclusive
	report VerifyReport
	count  tally
	heads  heads
	known  sidx.Known[verified] // so that no name is looked for with each event
	linker chain.Linker
	digest chain.Segment // of the segment, used again for the next
	pace   pace
	at     uint64 // segment
}

func (v *verifier) run(ctx context.Context) error {
	last := format.Pos{Segment: 1}
	ref, ok, err := v.store.index.At(v.until)
	d, damaged := errors.AsType[*segment.DamageError](err)
	switch {
	case damaged: // the last event is in a sealed segment, of which no index is left
		last = format.Pos{Segment: uint32(d.Segment) + 1, Length: format.SegmentHeaderSize}
	case err != nil:
		return err
	case ok:
		last = ref.Pos
	}
	for n := uint64(1); n <= uint64(last.Segment); n = v.behindFile(n) {
		v.pace.of += v.length(n, last)
	}
	v.pace.of *= 2
	v.tell()
	if err := v.segments(ctx, last); err != nil {
		return err
	}
	v.gaps()
	if err := v.events(ctx); err != nil {
		return err
	}
	v.pace.done = v.pace.of
	v.tell()
	return nil
}

// length is how many bytes of a segment are to be read; a segment that cannot be
// read has none.
func (v *verifier) length(number uint64, last format.Pos) int64 {
	if end := v.endOf(number, last); end >= 0 {
		return end
	}
	length, err := v.sealedAt(number)
	if err != nil {
		return 0
	}
	return length
}

// segments checks the structure of each segment and that each carries the
// digest of the one before.
func (v *verifier) segments(ctx context.Context, last format.Pos) (err error) {
	if v.helpers() > 0 {
		return v.segmentsAhead(ctx, last)
	}
	var prev *segmentSum // nil where it is not known
	for n := uint64(1); n <= uint64(last.Segment) && err == nil; n = v.behindSum(n, prev) {
		v.at = n
		prev, err = v.oneSegment(ctx, n, v.endOf(n, last), prev)
	}
	return err
}

// endOf is up to where a segment is to be checked; -1 = all of it.
func (v *verifier) endOf(number uint64, last format.Pos) int64 {
	if number == uint64(last.Segment) && v.store.segments.Span(number).Round == 0 {
		return int64(last.Offset) + int64(last.Length)
	}
	return -1
}

// oneSegment checks the file of one segment, and returns nil if it is damaged. Of one
// that was merged meanwhile that is the merged one, from its beginning.
func (v *verifier) oneSegment(ctx context.Context, number uint64, end int64, prev *segmentSum) (*segmentSum, error) {
	file := v.store.segments.Span(number)
	sum, err := v.segment(ctx, number, end, prev)
	for now := v.store.segments.Holding(number); errors.Is(err, segment.ErrMerged) && now != file; now = v.store.segments.Holding(number) {
		sometimes.Reached("segment was merged while it was verified")
		file = now
		sum, err = v.segment(ctx, file.First, -1, nil)
	}
	if d, ok := errors.AsType[*segment.DamageError](err); ok {
		v.damagedSegment(d, end)
		return nil, nil
	}
	if err == nil {
		v.sound(sum)
	}
	return sum, err
}

// sound takes in a segment that is.
func (v *verifier) sound(sum *segmentSum) {
	v.report.Segments++
	v.report.Bytes += sum.bytes
}

// damagedSegment notes damage to the structures of a segment, which is checked up to
// end, with the events that it may touch.
func (v *verifier) damagedSegment(d *segment.DamageError, end int64) {
	if d.FirstSequence == 0 {
		d.FirstSequence = v.behind(d.Segment, d.Offset)
	}
	log := replay.New(v.store.segments, v.store.cache)
	log.Header = format.SegmentHeader{Store: v.store.id, Segment: d.Segment}
	_ = log.Locate(d)
	if end >= 0 {
		d.End = min(d.End, end)
	}
	switch {
	case d.End > 0 && d.LastSequence < d.FirstSequence:
		d.LastSequence = v.behind(d.Segment, d.End) - 1
	case d.LastSequence == 0 || d.LastSequence > v.until:
		d.LastSequence = v.behind(d.Segment+1, 0) - 1
	}
	v.damaged(Damage{
		Sequence: d.FirstSequence, LastSequence: d.LastSequence,
		File: v.store.fileOf(d.Segment), Offset: d.Offset, End: d.End, Reason: d.Reason,
	})
}

// behind is the first event that begins at a place or behind it.
func (v *verifier) behind(number uint64, offset int64) uint64 {
	n := sort.Search(int(v.until), func(i int) bool {
		next, err := v.store.index.Find(make([]index.Ref, 0, 1), index.Query{After: uint64(i), Until: v.until})
		if err != nil || len(next) == 0 {
			return true // what cannot be read is met again when the events are
		}
		at := uint64(next[0].Pos.Segment)
		return at > number || at == number && int64(next[0].Pos.Offset) >= offset
	})
	return uint64(n) + 1
}

// behindFile is the segment behind those for which the file of one stands.
func (v *verifier) behindFile(number uint64) uint64 { return v.store.segments.Holding(number).Last + 1 }

// behindSum is the segment behind what was verified of the file of one: not behind the
// file that has taken its place since, of which the rest was not.
func (v *verifier) behindSum(number uint64, sum *segmentSum) uint64 {
	if sum == nil || planted.Bug("verification goes on behind a merge that came after it") {
		return v.behindFile(number)
	}
	return sum.last + 1
}

// segmentSum is what the next segment says of one, and what the one says of that
// before it.
type segmentSum struct {
	first  uint64 // sequence
	last   uint64 // segment for which the file stands
	bytes  int64  // of the file
	length int64
	digest [32]byte
	before format.SegmentHeader
}

// follows reports whether the segment names the one before it, if that is known.
func (s *segmentSum) follows(prev *segmentSum) bool {
	return prev == nil || s.before.PrevLength == uint64(prev.length) && s.before.PrevDigest == prev.digest
}

// segment checks one segment up to end and returns its length and digest.
func (v *verifier) segment(ctx context.Context, number uint64, end int64, prev *segmentSum) (*segmentSum, error) {
	sc, err := v.store.segments.Scan(number)
	if err != nil {
		return nil, err
	}
	sealed := end < 0
	if sealed {
		if end, err = v.sealedAt(number); err != nil {
			return nil, err
		}
		sc.Limit(end)
	}
	v.digest.Reset()
	head, err := sc.Head()
	if err != nil {
		return nil, err
	}
	switch {
	case head.Store != v.store.id || head.Segment != number:
		return nil, &segment.DamageError{
			Segment: number, End: sc.Size(), Reason: "the header is that of another segment or store",
			FirstSequence: v.behind(number, 0), LastSequence: v.behind(number+1, 0) - 1,
		}
	case !(&segmentSum{before: head}).follows(prev):
		// Either the header was changed or the segment before, and with it its events.
		return nil, &segment.DamageError{
			Segment: number, End: sc.End(), Reason: "the header carries another digest than that of the segment before",
			FirstSequence: prev.first, LastSequence: head.FirstSequence - 1,
		}
	}
	merged, isMerged := sc.Merged()
	if isMerged {
		sealed, end = true, int64(merged.Length)
	} else {
		v.digest.Write(sc.Bytes())
	}
	if err := v.advance(ctx, int64(len(sc.Bytes()))); err != nil {
		return nil, err
	}
	for sc.End() < end {
		if ok, err := sc.Next(); err != nil {
			return nil, err
		} else if !ok {
			break
		}
		v.digest.Write(sc.Bytes())
		if err := v.advance(ctx, int64(len(sc.Bytes()))); err != nil {
			return nil, err
		}
	}
	if sealed && sc.End() < end {
		return nil, &segment.DamageError{Segment: number, Offset: sc.End(), Reason: "the groups end before the next segment says that they do"}
	}
	if isMerged && (uint64(sc.End()) != merged.Length || v.digest.Sum() != merged.Digest) {
		return nil, &segment.DamageError{
			Segment: number, End: sc.End(), Reason: "length or digest differ from what the merged segment says of itself",
			FirstSequence: merged.FirstSequence, LastSequence: merged.NextSequence - 1,
		}
	}
	sum := &segmentSum{first: head.FirstSequence, last: number, bytes: sc.End(), length: sc.End(), digest: v.digest.Sum(), before: head}
	if isMerged { // the segments around it go by what it stands for
		sum.last, sum.length, sum.digest = merged.Last, int64(merged.LastLength), merged.LastDigest
	}
	return sum, nil
}

// sealedAt is where the groups of a sealed segment end: its footer says so, or the
// next segment, or the header of a merged one, or else its last event.
func (v *verifier) sealedAt(number uint64) (int64, error) {
	span := v.store.segments.Span(number)
	run, err := footer.Open(v.store.segments, span, v.store.id, v.store.cache)
	if err == nil {
		return int64(run.Length), nil
	}
	if _, damaged := errors.AsType[*sidx.DamageError](err); !damaged {
		return 0, err
	}
	var sc *segment.Scanner
	if span.Round > 0 { // of its own end it tells itself, and nobody else
		var m format.MergedHeader
		if m, err = v.store.segments.Merged(span); err == nil {
			return int64(m.Length), nil
		}
	} else if sc, err = v.store.segments.Scan(number + 1); err == nil {
		var next format.SegmentHeader
		if next, err = sc.Head(); err == nil && next.Store == v.store.id && next.Segment == number+1 {
			return int64(next.PrevLength), nil
		}
	}
	_, damaged := errors.AsType[*segment.DamageError](err)
	_, newer := errors.AsType[*segment.NewerError](err)
	if err != nil && !damaged && !newer {
		return 0, err
	}
	ref, ok, err := v.store.index.At(v.behind(number+1, 0) - 1)
	if err != nil || !ok || uint64(ref.Pos.Segment) != number {
		return format.SegmentHeaderSize, err
	}
	return int64(ref.Pos.Offset) + int64(ref.Pos.Length), nil
}

// events checks each record and its link.
func (v *verifier) events(ctx context.Context) error {
	if v.helpers() > 0 {
		return v.eventsAhead(ctx)
	}
	_, err := v.eventsIn(ctx, 0, v.until)
	return err
}

// eventsIn checks the events after one sequence up to another, and returns up to where
// it came, which is further if it passed over a damage.
func (v *verifier) eventsIn(ctx context.Context, after, until uint64) (uint64, error) {
	cursor := v.store.segments.Cursor()
	page, streams := make([]index.Ref, 0, pageSize), make([]*verified, 0, pageSize)
	q := index.Query{After: after, Until: until}
	for q.After < until {
		var failed error
		if page, failed = v.store.index.Find(page[:0], q); failed == nil && len(page) == 0 {
			return until, nil
		}
		var err error
		streams, err = catalog.Entities(v.store.index, streams[:0], page, &v.known, v.heads.of)
		if d, damaged := errors.AsType[*segment.DamageError](err); damaged {
			page, failed = before(page, d.Segment), err
			streams, err = catalog.Entities(v.store.index, streams[:0], page, &v.known, v.heads.of)
		}
		if err != nil {
			return q.After, err
		}
		read := int64(0)
		cursor.Expect(len(page), func(i int) format.Pos { return page[i].Pos })
		for i, ref := range page {
			if err := v.event(cursor, ref, streams[i]); err != nil {
				return q.After, err
			}
			read += int64(ref.Pos.Length)
		}
		if len(page) > 0 {
			q.After = page[len(page)-1].Sequence
			v.at = uint64(page[len(page)-1].Pos.Segment)
		}
		if err := v.advance(ctx, read); err != nil {
			return q.After, err
		}
		if failed != nil {
			if q.After, err = v.pass(failed, q.After); err != nil {
				return q.After, err
			}
		}
	}
	return q.After, nil
}

func (v *verifier) event(cursor *segment.Cursor, ref index.Ref, head *verified) error {
	if head.broken {
		return nil
	}
	r, ref, err := v.store.find(cursor, ref)
	reason := ""
	if d, ok := errors.AsType[*segment.DamageError](err); ok {
		reason = d.Reason
	} else if err != nil {
		return err
	} else {
		reason = v.check(r, ref, head)
	}
	if reason != "" {
		v.damaged(Damage{
			Entity: head.entity, Sequence: ref.Sequence, LastSequence: ref.Sequence,
			File: v.store.fileOf(uint64(ref.Pos.Segment)), Offset: int64(ref.Pos.Offset),
			End: int64(ref.Pos.Offset) + int64(ref.Pos.Length), Reason: reason,
		})
		head.broken = true
		return nil
	}
	head.version, head.hash = r.Version, r.Hash
	v.count.take(r)
	return nil
}

// tally counts events that were verified.
type tally struct{ events, tombstones, dropped uint64 }

func (t *tally) take(r *format.Record) {
	switch {
	case r.Dropped():
		t.dropped++
		return // there is no link to compute again
	case r.Tombstone:
		t.tombstones++
	}
	t.events++
}

func (t *tally) add(more tally) {
	t.events, t.tombstones, t.dropped = t.events+more.events, t.tombstones+more.tombstones, t.dropped+more.dropped
}

// check says what is wrong with a record whose checksum holds, or "".
func (v *verifier) check(r *format.Record, ref index.Ref, head *verified) string {
	switch {
	case !ref.Holds(r):
		return fmt.Sprintf("holds event %d with id %v in its place", r.Sequence, ID(r.ID))
	case string(r.Entity) != head.entity:
		return fmt.Sprintf("belongs to stream %q", r.Entity)
	case r.Version > head.version+1 && v.store.unproven(head.entity, r.Version):
		return fmt.Sprintf("unproven after a gap: version %d follows version %d, what lies between is lost", r.Version, head.version)
	case r.Version != head.version+1:
		return fmt.Sprintf("has version %d after version %d", r.Version, head.version)
	case !v.linker.Verify(head.hash, r):
		return "its hash does not follow from the event before it in its stream"
	}
	if _, err := decisionOf(r); err != nil {
		return err.Error()
	}
	return ""
}

func (v *verifier) damaged(d Damage) { v.report.Damages = append(v.report.Damages, d) }
