package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// ErrNone says that there is no log.
var ErrNone = fmt.Errorf("there is no store: %w", fs.ErrNotExist)

// attempts is how often one who may be beside a writer looks at damage before he believes in
// it, if he comes no further in between.
const attempts = 3

// Follower reads a log that others may be writing to, as far as the log itself
// proves that it is durable. It is used by one goroutine at a time.
//
// What it takes in never changes again, whoever writes, recovers or dies beside
// it. The rest it looks at anew each time: a segment without a proven group may be
// taken back, and everything behind the highest mark may be cut off or written
// over.
type Follower struct {
	*Log
	seen Tail   // of the last segment, behind what was taken in
	last uint64 // event that was seen
}

// Unproven is how many events were seen behind those that were taken in.
func (f *Follower) Unproven() uint64 { return f.last - (f.Next - 1) }

// Tail is how the last segment ended when it was seen last. Its Proof and Groups
// are those of what was taken in.
func (f *Follower) Tail() *Tail { return &f.seen }

// Follow returns a follower that has read nothing. Footers share the cache.
func Follow(r *segment.Reader, cache *sidx.Cache) *Follower { return &Follower{Log: New(r, cache)} }

// Read reads on. When it fails it may be called again; what it took in by then is
// sound. Errors are those of [Log.Read], [ErrNone] if there is no log, or the
// context's.
func (f *Follower) Read(ctx context.Context) error {
	var err error
	for vain := 0; vain < attempts; vain++ {
		before := f.Next
		err = f.read(ctx)
		if _, damaged := errors.AsType[*segment.DamageError](err); !damaged && !errors.Is(err, segment.ErrMerged) && !errors.Is(err, io.EOF) {
			return err
		}
		// The log may have changed while it was read, and will again if that takes long.
		sometimes.Reached("follower looked at damage again")
		if f.Next > before && !planted.Bug("merges beside a long reading end it") {
			vain = 0
		}
	}
	return f.Locate(err)
}

func (f *Follower) read(ctx context.Context) error {
	listed, err := f.serve()
	if err != nil {
		return err
	}
	for {
		err := ctx.Err()
		if err == nil && f.inMerged && !f.attested { // begun just now, or by a Read that failed
			err = f.takeMerged()
		}
		if err != nil {
			return err
		}
		last := f.Header.Segment
		next, s, err := f.header(last + 1)
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		if last > 0 {
			if err := f.seal(next); err != nil {
				return err
			}
		}
		covered, err := f.covered(next)
		if err != nil {
			return err
		}
		if last > 0 && covered == nil {
			if begun, err := f.begun(s); err != nil || !begun {
				return err
			}
			sometimes.Reached("follower went on to the next segment")
		}
		if err := f.begin(*next, s.Bytes(), s.Span().Round > 0); err != nil {
			return err
		}
		if covered != nil && f.continues(covered.run) {
			sometimes.Reached("follower took in the last segment by a checkpoint")
			f.cover(covered.run, covered.name)
		}
	}
	switch {
	case f.Header.Segment < listed && !planted.Bug("file that has gone since the list ends the log"):
		sometimes.Reached("follower missed a file that was listed")
		return segment.ErrMerged // or taken back, as nothing was in it
	case f.Header.Segment == 0:
		return ErrNone
	case f.attested:
		return &segment.DamageError{Segment: f.Header.Segment + 1, Reason: "the file is missing, but the segment before was merged"}
	}
	proof, err := f.prove(f.Header.Segment, f.Length)
	if err != nil {
		return err
	}
	if planted.Bug("reader shows what nothing proves") {
		proof = f.seen.End
	}
	if err := f.take(proof); err != nil {
		return err
	}
	return f.relieve()
}

// serve has the reader read merged segments from their files, and the index find events
// in them that were taken in before. It returns the last segment of which there is a file.
func (f *Follower) serve() (last uint64, err error) {
	log, err := f.reader.Log()
	if err != nil {
		return 0, err
	}
	for _, s := range log {
		last = s.Last
		switch {
		case s.Round == 0 || f.reader.Span(s.First) == s:
		case s.First > f.Header.Segment:
			f.reader.Serve(s)
		default:
			if err := f.absorb(s); err != nil {
				return 0, err
			}
		}
	}
	f.reader.Sweep()
	return last, nil
}

// absorb puts a merged segment in the place of what was taken in of those for which it
// stands. It was durable when it got its name, so what it has more is taken in as well.
func (f *Follower) absorb(span segment.Span) error {
	sometimes.Reached("segments were merged under a follower")
	m, err := f.reader.Merged(span)
	if err != nil {
		return err
	}
	run, rows, last, err := footer.OpenMerged(f.reader, span, &m, f.cache)
	if err != nil {
		return err
	}
	if m.Store != f.Header.Store {
		return &segment.DamageError{Segment: span.First, Reason: "the file is not what was merged"}
	}
	serve := func() { f.reader.Serve(span) }
	switch {
	case run != nil:
		f.Index.Merge(run, span.Last, serve)
	case rows != nil:
		f.Index.MergeRows(span.First, rows, span.Last, serve)
	default:
		serve()
	}
	if span.Last < f.Header.Segment {
		return nil
	}
	f.Header = m.SegmentHeader
	f.Length, f.footed, f.sum, f.Covered = int64(m.Length), true, m.Digest, nil
	f.Next, f.Incarnation = m.NextSequence, m.Incarnation
	if m.NextSequence > m.FirstSequence {
		f.LastID = last
	}
	f.proven, f.unproven = f.Next-1, nil
	f.ends(&m)
	return nil
}

// takeMerged takes in a merged segment that was begun. It was durable when it got its name.
func (f *Follower) takeMerged() error {
	sometimes.Reached("follower took in a merged segment")
	s, err := f.again(f.Header.Segment)
	if err != nil {
		return err
	}
	m, _ := s.Merged()
	run, why, err := f.footer(s.Span().First, m.Store)
	if err != nil {
		return err
	}
	if claim := segment.Claim(&m); !f.byFooter(run, why, &claim) {
		if err := f.take(int64(m.Length)); err != nil {
			return err
		}
	}
	return f.merged(s)
}

// header reads the header of a segment that was not begun yet, nil if there is no
// such segment. It has its header for as long as it has its name.
func (f *Follower) header(number uint64) (*format.SegmentHeader, *segment.Scanner, error) {
	f.reader.Forget(number) // which may have been taken back, and made again
	there, err := f.reader.Has(number)
	if err != nil || !there {
		return nil, nil, err
	}
	s, err := f.reader.Scan(number)
	if err != nil {
		return nil, nil, err
	}
	h, err := f.head(s, number)
	d, damaged := errors.AsType[*segment.DamageError](err)
	if !damaged {
		return &h, s, err
	}
	if number > 1 {
		d.FirstSequence = f.behind(number - 1)
		return nil, nil, d
	}
	if last, err := f.isLast(number); err != nil || !last || s.Size() > format.SegmentHeaderSize {
		return nil, nil, cmp.Or(err, error(d))
	}
	return nil, nil, ErrNone // see tornHeader
}

// isLast reports whether no segment follows.
func (f *Follower) isLast(number uint64) (bool, error) {
	f.reader.Forget(number + 1)
	there, err := f.reader.Has(number + 1)
	return !there, err
}

// begun reports whether the segment whose header was read is there to stay: it is a
// merged one, another one follows it, or a group in it is proven.
func (f *Follower) begun(s *segment.Scanner) (bool, error) {
	number := s.Span().First
	if _, ok := s.Merged(); ok {
		return true, nil
	}
	if last, err := f.isLast(number); err != nil || !last {
		return err == nil, err
	}
	proof, err := f.prove(number, format.SegmentHeaderSize)
	return proof > format.SegmentHeaderSize, err
}

// seal takes in the rest of the last segment, which next follows: all of it was
// durable before there was a next one. If nothing of it was taken in yet, its footer
// will do.
func (f *Follower) seal(next *format.SegmentHeader) error {
	if f.attested {
		return nil // it is a merged one
	}
	if f.Length == format.SegmentHeaderSize {
		run, why, err := f.footer(f.Header.Segment, f.Header.Store)
		if err != nil {
			return err
		}
		if f.byFooter(run, why, next) {
			sometimes.Reached("follower took in a segment by its footer")
			return nil
		}
	}
	if err := f.take(int64(next.PrevLength)); err != nil {
		return err
	}
	if f.Length != int64(next.PrevLength) {
		return f.damage(f.Length, fmt.Sprintf("the groups end here, and segment %d follows one of %d bytes", next.Segment, next.PrevLength))
	}
	if f.Covered != nil {
		return f.reread(next)
	}
	return nil
}

// claimOf is what is said of a segment that was taken in.
func (f *Follower) claimOf(number uint64) (next format.SegmentHeader, known bool, err error) {
	s, err := f.again(number)
	if err != nil {
		return next, false, err
	}
	return f.claim(s)
}

// again begins to read a segment whose header was read before.
func (f *Follower) again(number uint64) (*segment.Scanner, error) {
	s, err := f.reader.Scan(number)
	if err == nil {
		_, err = s.Head()
	}
	return s, err
}

// relieve has the index read the footers that sealed segments have got since they
// were taken in.
func (f *Follower) relieve() error {
	for _, number := range f.Index.Pending() {
		next, known, err := f.claimOf(number)
		if err != nil {
			return err
		}
		run, _, err := f.footer(number, f.Header.Store)
		if err != nil {
			return err
		}
		if known && run != nil && run.Length == next.PrevLength && run.Digest == next.PrevDigest {
			sometimes.Reached("follower gave up rows for a footer")
			f.Index.Replace(run)
		}
	}
	return nil
}

// prove finds out up to where groups from this offset on say that a segment was
// durable when they were written; 0 if none says so.
func (f *Follower) prove(number uint64, from int64) (proven int64, err error) {
	s, err := f.reader.ScanFrom(number, f.Header.Store, from, f.Incarnation)
	if err != nil {
		return 0, err
	}
	f.seen, f.last = Tail{Closed: f.tail.Closed && number == f.Header.Segment}, f.Next-1
	defer func() { f.seen.Size = s.Size() }()
	for {
		f.seen.End, f.seen.Rest = s.End(), s.End()
		ok, err := s.Next()
		if _, damaged := errors.AsType[*segment.DamageError](err); damaged {
			break
		}
		if err != nil || !ok {
			return proven, err
		}
		f.seen.Closed = s.Group().Type == format.GroupClose
		f.last += uint64(s.Group().Count)
		proven = max(proven, proof(s))
	}
	if f.seen.Rest, err = s.LastByte(f.seen.End); err != nil {
		return 0, err
	}
	for {
		ok, err := s.Skip()
		if err != nil || !ok {
			return proven, err
		}
		sometimes.Reached("follower found a group behind what is none")
		proven = max(proven, proof(s))
	}
}

// take takes in the groups of the last segment up to an offset. They were there
// before whatever says that they are durable, so they are there now.
func (f *Follower) take(to int64) error {
	s, err := f.reader.ScanFrom(f.Header.Segment, f.Header.Store, f.Length, f.Incarnation)
	if err != nil {
		return err
	}
	f.tail.Size = s.Size()
	for f.Length < to {
		ok, err := s.Next()
		if err != nil {
			return err
		}
		if !ok {
			return f.damage(f.Length, "the groups end before what another one says was durable")
		}
		if s.End() > to {
			sometimes.Reached("follower met a group that is durable in part")
			return nil
		}
		if err := f.group(s); err != nil {
			return err
		}
	}
	return nil
}
