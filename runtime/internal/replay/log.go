package replay

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Log is what the segments read so far amount to. It only reads.
type Log struct {
	reader *segment.Reader
	cache  *sidx.Cache
	rows   *index.Index // of the segment that is being read; nil = there are none yet

	Index       *catalog.Catalog     // of all events; nil = there is no store yet
	Header      format.SegmentHeader // of the segment read last; zero = none
	Length      int64                // of its sound part
	Digest      *chain.Segment       // of its sound part, unless it was taken in by its footer or a checkpoint
	Covered     *sidx.Run            // what a checkpoint tells of the segment read last; nil = nothing
	Next        uint64               // sequence
	LastID      [16]byte             // zero = there is no event
	Incarnation uint32               // the highest that wrote a group; 0 = none
	Bytes       int64                // of all sound parts
	Files       uint64               // that were begun to be read
	Footers     uint64               // how many of them were taken in by their footers
	Checkpoint  string               // the one that fitted; empty = none
	Refused     []string             // why others did not,
	Unindexed   []string             // and the footers of the first hundred segments that were read for that
	Distrust    bool                 // nothing that was derived from the log is to be trusted: no footer, no checkpoint
	Named       bool                 // the footer of the segment before proves that the name of the last one is durable
	Workers     int                  // goroutines that look at files before it is their turn; 0 = none, nor does anything else go on beside

	Restored uint64 // events that were taken in unread, by footers and a checkpoint
	AtLast   func() // called when it is the turn of the last segment; may be nil

	checkpoints []*checkpoint.Checkpoint

	footed   bool          // the segment read last was taken in by its footer,
	attested bool          // or is a merged one, and all of it was read,
	sum      [32]byte      // which gives this digest
	inMerged bool          // the segment read last is a merged one
	ended    bool          // it has a footer, whether it was taken in by it or not
	tail     Tail          // of the segment read last, as far as it was read
	proven   uint64        // event up to which nothing is in doubt
	unproven []milestone   // groups of the segment read last behind that
	seed     uint32        // of the checksums of records
	hasher   hasher        // of what the digest does not cover yet
	record   format.Record // read last
	entry    index.Entry   // of it

	alone   bool     // only one segment is read, and nothing is known of those before
	oldest  uint32   // incarnation of its first group,
	firstID [16]byte // and id of its first event
	stopped *stop    // somebody who has looked at the segment before stopped here
}

// Proven is the last event that the log itself proves to be durable.
func (l *Log) Proven() uint64 { return l.proven }

// New returns a log that has read nothing. Footers share the cache.
func New(r *segment.Reader, cache *sidx.Cache) *Log { return &Log{reader: r, cache: cache, Next: 1} }

// Tail is how the last segment ends.
type Tail struct {
	Header bool  // it has a sound one
	Groups bool  // there is at least one
	Closed bool  // the last one is a close group
	End    int64 // of the last group, or of the header
	Proof  int64 // what lies before it was durable: a group says so, or a header its own end
	Rest   int64 // end of the last byte that is not zero, at least End
	Size   int64 // of the file
	Shrunk bool  // while it was read: the rest says nothing about the log
}

// Clean reports whether the log ends as closing the store leaves it.
func (t *Tail) Clean() bool { return t.Closed && t.Size == t.End }

// Read reads the files of a log, which stand for the segments from 1 on without a
// gap. If there is none it begins a log; it calls newStore for the id of a store if it
// finds none. If newStore is nil it fails with [ErrNone] instead.
//
// Errors are a [*segment.DamageError] for damage that no crash can have done, a
// [*segment.NewerError] if a later version wrote a part of the log, or the
// disk's, wrapped.
func (l *Log) Read(files []segment.Span, newStore func() [16]byte) (*Tail, error) {
	defer l.settle()
	if len(files) == 0 {
		sometimes.Reached("empty directory became a store")
		return l.found(newStore)
	}
	for _, f := range files {
		if f.Round > 0 {
			sometimes.Reached("log has a merged segment")
			l.reader.Serve(f)
		}
	}
	before := l.lookAhead(files)
	defer before.stop()
	last := len(files) - 1
	for _, f := range files[:last] {
		if err := l.sealed(f.First, before.take()); err != nil {
			return nil, l.Locate(err)
		}
	}
	if l.AtLast != nil {
		l.AtLast()
	}
	t, err := l.last(files[last].First, before.take(), newStore)
	return t, l.Locate(err)
}

// sealed takes in a segment that another one follows: by its footer, if there is
// one of which the next segment says the same, or else by reading it, and then all
// of it must be sound.
func (l *Log) sealed(number uint64, a *ahead) error {
	a, err := l.open(number, a)
	if err != nil {
		return err
	}
	if err := l.begin(a.header, a.raw, a.merged()); err != nil {
		return err
	}
	if err := a.claimed(l); err != nil {
		return err
	}
	l.ended = a.ended
	if a.known && l.byFooter(a.run, a.why, &a.next) {
		return l.merged(a.scanner)
	}
	if err := l.accept(a); err != nil {
		return err
	}
	return l.whole(a.scanner)
}

// take takes in a segment by its footer.
func (l *Log) take(run *sidx.Run) {
	l.Index.AddRun(run)
	l.Restored += run.Last + 1 - run.First
	l.Bytes += int64(run.Length) - l.Length
	l.Length, l.footed, l.sum = int64(run.Length), true, run.Digest
	l.Next, l.LastID = run.Last+1, run.MaxID
	if !planted.Bug("opening that a footer tells of is forgotten") {
		l.Incarnation = run.Newest
	}
	l.proven, l.tail.End = run.Last, l.Length
	l.Footers++
}

// whole reads the groups of a segment that another one follows.
func (l *Log) whole(s *segment.Scanner) error {
	sometimes.Reached("sealed segment without a footer was read")
	for more := true; more; {
		ok, err := l.step(s)
		if err == nil && ok {
			err = l.group(s)
		}
		if more = ok; err != nil {
			return err
		}
	}
	if s.Shrunk() || l.Length != s.Size() {
		return l.damage(l.Length, "the groups end before the next segment says that they do")
	}
	return l.merged(s)
}

// last reads the last segment up to the first thing that is not a group, and
// decides whether a crash can have left what follows. It calls newStore if that
// leaves no store.
func (l *Log) last(number uint64, a *ahead, newStore func() [16]byte) (*Tail, error) {
	a, err := l.open(number, a)
	if d, damaged := errors.AsType[*segment.DamageError](err); damaged && a != nil {
		t, err := l.tornHeader(a.scanner, d, newStore)
		if err == nil {
			t.Shrunk = a.scanner.Shrunk()
		}
		return t, err
	}
	if err != nil {
		return nil, err
	}
	if err := l.begin(a.header, a.raw, a.merged()); err != nil {
		return nil, err
	}
	s, err := l.resume()
	if err == nil && s == nil {
		err = l.accept(a)
		s = a.scanner
	}
	if err != nil {
		return nil, err
	}
	t, err := l.end(s)
	if err == nil {
		t.Shrunk = s.Shrunk()
	}
	return t, err
}

// end reads the groups of the last segment that the scanner comes to.
func (l *Log) end(s *segment.Scanner) (*Tail, error) {
	t := &l.tail
	t.Size = s.Size()
	for {
		ok, err := l.step(s)
		if d, damaged := errors.AsType[*segment.DamageError](err); damaged {
			return t, cmp.Or(l.notLast(), l.tornTail(s, d, t))
		}
		if err != nil {
			return nil, err
		}
		if !ok {
			t.Rest = t.End
			return t, nil
		}
		if err := l.group(s); err != nil {
			return nil, err
		}
	}
}

// tornHeader decides about a last segment whose header is not the right one. A
// segment gets its name when its header is durable. Only a first segment that is
// not longer than that may be what is left of an attempt to begin a log.
func (l *Log) tornHeader(s *segment.Scanner, d *segment.DamageError, newStore func() [16]byte) (*Tail, error) {
	if (d.Segment > 1 || s.Size() > format.SegmentHeaderSize) && !planted.Bug("segment with a damaged header is begun anew") {
		sometimes.Reached("header of the last segment was damaged")
		return nil, d
	}
	sometimes.Reached("log was begun anew")
	return l.found(newStore)
}

// found begins a log.
func (l *Log) found(newStore func() [16]byte) (*Tail, error) {
	if newStore == nil {
		return nil, ErrNone
	}
	h := l.successor(newStore)
	l.adopt(h, format.AppendSegmentHeader(nil, h), false)
	l.tail.Rest, l.tail.Size = l.tail.End, l.tail.End
	return &l.tail, nil
}

// notLast fails if the last segment has a footer behind its last group: it got that
// when another one followed, which was durable.
func (l *Log) notLast() error {
	run, _, err := l.footer(l.Header.Segment, l.Header.Store)
	if err != nil || run == nil || int64(run.Length) != l.Length || planted.Bug("segment that a footer tells of is not missed") {
		return err
	}
	sometimes.Reached("last segment was not the last one")
	return &segment.DamageError{
		Segment: l.Header.Segment + 1, FirstSequence: l.Next,
		Reason: fmt.Sprintf("the file is missing: segment %d has its footer, which is written when another one follows", l.Header.Segment),
	}
}

// tornTail decides about a last segment that is damaged behind its last group,
// and completes t.
func (l *Log) tornTail(s *segment.Scanner, d *segment.DamageError, t *Tail) error {
	covered := t.Proof
	for !planted.Bug("nothing is looked for behind damage") {
		ok, err := s.Skip()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if proof(s) > covered {
			sometimes.Reached("group behind damage proved more")
		}
		covered = max(covered, proof(s))
	}
	if d.Offset < covered && !planted.Bug("damage of what was durable is taken for a torn tail") {
		sometimes.Reached("damage of what was durable was refused")
		return l.damage(d.Offset, d.Reason+", in what a later group says was durable")
	}
	var err error
	t.Rest, err = s.LastByte(t.End)
	if t.Rest > t.End+512 && planted.Bug("torn tail is told by the zeros behind it") {
		return d
	}
	return err
}

// proof is the end of what was durable according to the scanner's group.
func proof(s *segment.Scanner) int64 {
	if s.Group().Type == format.GroupClose && !planted.Bug("close group proves nothing") {
		return s.Offset()
	}
	return int64(s.Group().Durable)
}

// successor is the header that the segment after the one read last must have.
func (l *Log) successor(newStore func() [16]byte) format.SegmentHeader {
	h := format.SegmentHeader{Segment: l.Header.Segment + 1, FirstSequence: l.Next}
	if h.Segment == 1 {
		h.Store = newStore()
		return h
	}
	h.Store, h.PrevLength, h.PrevDigest = l.Header.Store, uint64(l.Length), l.sum
	if !l.footed && !l.attested {
		h.PrevDigest = l.digest()
	}
	return h
}

// digest is that of the segment read last.
func (l *Log) digest() [32]byte {
	l.settle()
	return l.Digest.Sum()
}

// settle has the digest cover all that was taken in.
func (l *Log) settle() {
	if l.Digest != nil {
		l.hasher.wait(l.Digest)
	}
}

// head reads the header of the next segment. One that belongs to another segment
// or store is a [*segment.DamageError] like one that does not parse: a crash may
// leave in a new file what lay elsewhere on the disk.
func (l *Log) head(s *segment.Scanner, number uint64) (format.SegmentHeader, error) {
	h, err := s.Head()
	if err == nil && (h.Segment != number || number > 1 && h.Store != l.Header.Store) {
		reason := fmt.Sprintf("holds segment %d of store %x", h.Segment, h.Store)
		err = &segment.DamageError{Segment: number, Reason: reason}
	}
	return h, err
}

// begin takes in the header of the next segment, which is of this store and number,
// and which stands in raw.
func (l *Log) begin(h format.SegmentHeader, raw []byte, merged bool) error {
	want := l.successor(func() [16]byte { return h.Store })
	if h.PrevLength != want.PrevLength || h.PrevDigest != want.PrevDigest && !planted.Bug("digest of the segment before is not checked") {
		sometimes.Reached("segment was not the one that the next one names")
		return &segment.DamageError{
			Segment: max(l.Header.Segment, 1), End: l.Length, FirstSequence: l.Header.FirstSequence, LastSequence: l.Next - 1,
			Reason: fmt.Sprintf("length or digest differ from what segment %d says of it", h.Segment),
		}
	}
	if h != want {
		return &segment.DamageError{Segment: h.Segment, Reason: fmt.Sprintf("begins with event %d", h.FirstSequence)}
	}
	l.adopt(h, raw, merged)
	l.tail.Header = true
	return nil
}

// adopt makes h, which stands in raw, the header of the segment read last. That of a
// merged segment is not a part of what its digest covers.
func (l *Log) adopt(h format.SegmentHeader, raw []byte, merged bool) {
	if l.Index == nil {
		l.Index = catalog.New(h.Store, l.scan)
		l.Digest = chain.NewSegment()
	}
	l.Named = l.footed || l.ended && !planted.Bug("footer beside a merge proves no name")
	l.Header, l.Length, l.footed, l.ended, l.rows, l.Covered = h, 0, false, false, nil, nil
	l.attested, l.inMerged, l.seed = false, merged, format.RecordSeed(h.Store)
	l.Files++
	l.settle()
	l.Digest.Reset()
	l.extend(raw)
	if merged {
		l.settle()
		l.Digest.Reset()
	}
	l.tail = Tail{End: l.Length}
	l.proven, l.unproven, l.stopped = l.Next-1, nil, nil // the segments before are complete
}

// extend takes in sound bytes.
func (l *Log) extend(raw []byte) {
	switch {
	case l.Covered != nil:
	case l.Workers > 0:
		l.hasher.write(l.Digest, raw)
	default:
		l.Digest.Write(raw)
	}
	l.Length += int64(len(raw))
	l.Bytes += int64(len(raw))
}
