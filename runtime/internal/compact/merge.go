package compact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// groupSize is up to how many bytes of records small groups are put together, and
// syncEvery after how many bytes what was written so far is synced, be it events or their
// index: whoever syncs another file of the disk in between waits for that much, and not
// for a whole segment.
const (
	groupSize = 64 << 10
	syncEvery = 4 << 20
)

// Verdict says what is to become of an event.
type Verdict int

// The verdicts.
const (
	Keep      Verdict = iota // all of it
	Tombstone                // without its payload
	Drop                     // only its place in the log; with a key as for Tombstone
)

// Merge is a merge that is under way.
type Merge struct {
	Counts
	dir  vfs.FS
	note format.Compaction
}

// Counts say what a merge did.
type Counts struct {
	Events     uint64 // all for which the merged segment stands
	Tombstones uint64 // of them, made by this merge
	Dropped    uint64 // of them, by this merge
	Read       int64  // bytes
	Written    int64  // bytes
}

// Span is the merged segment.
func (m *Merge) Span() segment.Span { return spanOf(m.note.Output) }

// Store is the store of which it is.
func (m *Merge) Store() [16]byte { return m.note.Store }

func spanOf(p format.Part) segment.Span {
	return segment.Span{First: p.First, Last: p.Last, Round: p.Round}
}

// Stage writes the merged segment of some that lie side by side, which another one
// follows, under a temporary name, durably. It asks decide about every event that was
// not dropped before; a record is valid during the call only. Between two groups of the
// sources it calls step with the bytes that were read, then with those of the index that
// were written, and with those that are read back: it may wait, or end the merge by an
// error.
//
// Errors are a [*segment.DamageError] if a source is not what the others, or it
// itself, say of it, one of decide's or of step's, or the disk's. Then nothing has happened, but
// that a temporary file may be left.
func Stage(dir vfs.FS, r *segment.Reader, sources []segment.Span, decide func(*format.Record) (Verdict, error), step func(bytes int) error) (*Merge, error) {
	m := &Merge{dir: dir}
	out := segment.Span{First: sources[0].First, Last: sources[len(sources)-1].Last}
	for _, s := range sources {
		out.Round = max(out.Round, s.Round+1)
	}
	temp := out.Name() + vfs.TempSuffix
	if err := errors.Join(remove(dir, temp), remove(dir, noteTemp)); err != nil {
		return nil, err
	}
	f, err := dir.Create(temp)
	if err != nil {
		return nil, fmt.Errorf("merge segments %d to %d: %w", out.First, out.Last, err)
	}
	w := writer{file: f, merge: m, end: format.MergedHeaderSize, digest: chain.NewSegment(), decide: decide, step: step}
	w.head.Last, w.head.Round = out.Last, out.Round
	if err = w.write(r, sources); err == nil {
		err = m.writeNote()
	}
	if err == nil {
		err = syncDir(dir) // so that a note is never seen without what it names
	}
	if err != nil {
		sometimes.Reached("merge could not be staged")
		return nil, errors.Join(fmt.Errorf("merge segments %d to %d: %w", out.First, out.Last, err), remove(dir, temp), remove(dir, noteTemp))
	}
	return m, nil
}

// writer writes one merged segment.
type writer struct {
	file   vfs.File
	merge  *Merge
	head   format.MergedHeader
	decide func(*format.Record) (Verdict, error)
	step   func(bytes int) error
	digest *chain.Segment
	index  *sidx.Builder // nil as long as there is no event
	end    int64         // of the groups that were written
	due    int           // bytes that were written since the last sync
	body   []byte        // of the group under way, behind the room of its header
	group  format.GroupHeader
	seed   uint32
}

// write writes the file, durably, and closes it, be it that decide panics.
func (w *writer) write(r *segment.Reader, sources []segment.Span) (err error) {
	defer func() { err = errors.Join(err, w.file.Close()) }()
	if err := w.run(r, sources); err != nil {
		return err
	}
	return planted.Skip("merged segment is not synced", w.file.Sync)
}

// run writes the groups, then the header.
func (w *writer) run(r *segment.Reader, sources []segment.Span) error {
	for i, s := range sources {
		next, err := head(r, s.Last+1)
		if err != nil {
			return err
		}
		if i+1 < len(sources) && sources[i+1].First != s.Last+1 {
			return fmt.Errorf("segment %d does not follow segment %d", sources[i+1].First, s.Last)
		}
		if err := w.source(r, s, next, i == 0); err != nil {
			return err
		}
		w.head.NextSequence, w.head.LastLength, w.head.LastDigest = next.FirstSequence, next.PrevLength, next.PrevDigest
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.head.Length, w.head.Digest = uint64(w.end), w.digest.Sum()
	header := format.AppendMergedHeader(nil, w.head)
	_, err := w.file.WriteAt(header, 0)
	if err == nil && w.index != nil {
		err = w.index.Write(footer{w, io.NewOffsetWriter(w.file, w.end)}, w.head.Length, w.head.Digest)
	}
	if err != nil {
		return err
	}
	w.merge.note.Store = w.head.Store
	w.merge.note.Output = format.Part{
		First: w.head.Segment, Last: w.head.Last, Round: w.head.Round, Length: w.head.Length, Digest: chain.Digest(header),
	}
	w.merge.Events, w.merge.Written = w.head.NextSequence-w.head.FirstSequence, w.end
	_, raw, ok, err := soundFile(paced{w.file, w.step}, w.merge.Span()) // before the only other copy is removed
	if err == nil && !(ok && bytes.Equal(raw, header)) && !planted.Bug("merged segment is not read back") {
		sometimes.Reached("merged segment did not read back as it was written")
		err = errors.New("what was written reads back as something else")
	}
	return err
}

// head reads the header of a segment.
func head(r *segment.Reader, number uint64) (format.SegmentHeader, error) {
	s, err := r.Scan(number)
	if err != nil {
		return format.SegmentHeader{}, err
	}
	h, err := s.Head()
	if err == nil && h.Segment != number {
		err = &segment.DamageError{Segment: number, Reason: fmt.Sprintf("holds segment %d", h.Segment)}
	}
	return h, err
}

// source takes in one source, which next follows, and holds it against that.
func (w *writer) source(r *segment.Reader, span segment.Span, next format.SegmentHeader, first bool) error {
	s, err := r.Scan(span.First)
	if err != nil {
		return err
	}
	if span.Round == 0 {
		s.Limit(int64(next.PrevLength))
	}
	h, err := s.Head()
	if err != nil {
		return err
	}
	merged, isMerged := s.Merged()
	damaged := func(at int64, reason string) error {
		return &segment.DamageError{Segment: span.First, Offset: at, FirstSequence: h.FirstSequence, LastSequence: next.FirstSequence - 1, Reason: reason}
	}
	switch {
	case isMerged && (merged.Last != span.Last || merged.Round != span.Round) || isMerged != (span.Round > 0):
		return damaged(0, "the file is another one than its name says")
	case first:
		w.head.SegmentHeader, w.seed = h, format.RecordSeed(h.Store)
	case h.Store != w.head.Store || h.FirstSequence != w.head.NextSequence || h.PrevLength != w.head.LastLength || h.PrevDigest != w.head.LastDigest:
		return damaged(0, "the header does not continue the segment before")
	}
	whole, groups := chain.NewSegment(), chain.NewSegment()
	whole.Write(s.Bytes())
	header := chain.Digest(s.Bytes())
	if isMerged {
		w.head.Incarnation = max(w.head.Incarnation, merged.Incarnation)
	}
	at := h.FirstSequence
	for {
		ok, err := s.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		whole.Write(s.Bytes())
		groups.Write(s.Bytes())
		if at, err = w.take(s, at); err != nil {
			return err
		}
		if err := w.step(len(s.Bytes())); err != nil {
			return err
		}
	}
	part := format.Part{First: span.First, Last: span.Last, Round: span.Round, Length: uint64(s.End()), Digest: whole.Sum()}
	w.merge.Read += s.End()
	sound := part.Length == next.PrevLength && part.Digest == next.PrevDigest
	if isMerged {
		part.Digest = header
		sound = part.Length == merged.Length && groups.Sum() == merged.Digest && merged.LastLength == next.PrevLength && merged.LastDigest == next.PrevDigest
	}
	switch {
	case !sound && !planted.Bug("source of a merge is not checked"):
		sometimes.Reached("source of a merge was damaged")
		return damaged(0, fmt.Sprintf("length or digest differ from what is said of it, by itself or by segment %d", next.Segment))
	case at != next.FirstSequence || next.Store != h.Store:
		return damaged(s.End(), fmt.Sprintf("ends with event %d, and segment %d begins with event %d", at-1, next.Segment, next.FirstSequence))
	}
	w.merge.note.Sources = append(w.merge.note.Sources, part)
	return nil
}

// take takes in the scanner's group, which is to begin with this sequence, and returns
// the sequence behind it.
func (w *writer) take(s *segment.Scanner, at uint64) (uint64, error) {
	h := s.Group()
	if !planted.Bug("merged segment forgets who closed the store") || h.Count > 0 {
		w.head.Incarnation = max(w.head.Incarnation, h.Incarnation)
	}
	if h.Count == 0 {
		sometimes.Reached("close group was left out of a merged segment")
		return at, nil
	}
	if len(w.body) > 0 && (h.Incarnation != w.group.Incarnation && !planted.Bug("merged group has two writers") || len(w.body)+int(h.BodyLength) > groupSize) {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	if len(w.body) == 0 {
		w.body = append(w.body, make([]byte, format.GroupHeaderSize)...)
		w.group = format.GroupHeader{Type: format.GroupEvents, FirstSequence: at, Incarnation: h.Incarnation}
	} else {
		sometimes.Reached("groups were put together")
	}
	for body := s.Body(); len(body) > 0; at++ {
		offset := s.Offset() + int64(len(s.Bytes())-len(body))
		r, rest, err := format.ParseRecord(body, w.seed)
		if err == nil && r.Sequence != at {
			err = fmt.Errorf("record of event %d in place of event %d", r.Sequence, at)
		}
		if err != nil {
			return 0, &segment.DamageError{Segment: s.Span().First, Offset: offset, FirstSequence: at, Reason: err.Error()}
		}
		if err := w.record(&r, body[:r.Length]); err != nil {
			return 0, err
		}
		w.group.Count++
		body = rest
	}
	return at, nil
}

// record adds a record, which stands in raw, to the group under way.
func (w *writer) record(r *format.Record, raw []byte) error {
	at := len(w.body)
	if err := w.leave(r, raw); err != nil {
		return err
	}
	left, _, err := format.ParseRecord(w.body[at:], w.seed)
	if err != nil {
		return fmt.Errorf("event %d, as it was written: %w", r.Sequence, err)
	}
	if w.index == nil {
		w.index = sidx.NewBuilder(sidx.Place{Store: w.head.Store, Segment: w.head.Segment, Round: w.head.Round})
	}
	w.index.Began(w.group.Incarnation, r.Sequence)
	w.index.Add(&left, uint32(w.end)+uint32(at))
	return nil
}

// leave writes what is to be left of a record, which stands in raw.
func (w *writer) leave(r *format.Record, raw []byte) error {
	if r.Dropped() {
		w.body = append(w.body, raw...)
		return nil
	}
	verdict, err := w.decide(r)
	if err != nil {
		return err
	}
	tail := r.Tail
	switch verdict.of(r) {
	case Drop:
		tail = format.Tail{Kind: r.Kind, PayloadVersion: r.PayloadVersion, Entity: r.Entity}
		w.merge.Dropped++
	case Tombstone:
		digest := chain.Digest(r.Payload)
		tail.Payload = digest[:]
		w.merge.Tombstones++
	default:
		w.body = append(w.body, raw...)
		return nil
	}
	tail.Tombstone = true
	e := format.EncodeTail(&tail)
	w.body = format.AppendRecord(w.body, w.seed, &r.Head, &e)
	return nil
}

// of is what the verdict comes to for an event that was not dropped: Keep if that changes nothing.
func (v Verdict) of(r *format.Record) Verdict {
	if v == Drop && len(r.Key) > 0 && !planted.Bug("event with a key is dropped") {
		sometimes.Reached("event with a key was kept as a tombstone")
		v = Tombstone
	}
	if v == Tombstone && r.Tombstone {
		v = Keep
	}
	return v
}

// Takes reports whether a merge of this file alone would take anything away.
func Takes(r *segment.Reader, span segment.Span, decide func(*format.Record) (Verdict, error), step func(bytes int) error) (bool, error) {
	next, err := head(r, span.Last+1)
	if err != nil {
		return false, err
	}
	s, err := r.Scan(span.First)
	if err == nil {
		_, err = s.Head()
	}
	if err != nil {
		return false, err
	}
	if span.Round == 0 {
		s.Limit(int64(next.PrevLength))
	}
	for seed := format.RecordSeed(next.Store); ; {
		if ok, err := s.Next(); err != nil || !ok {
			return false, err
		}
		for body := s.Body(); len(body) > 0; {
			rec, rest, err := format.ParseRecord(body, seed)
			if err != nil {
				return true, nil // the merge says what is wrong with it
			}
			if body = rest; rec.Dropped() {
				continue
			}
			if v, err := decide(&rec); err != nil || v.of(&rec) != Keep {
				return err == nil, err
			}
		}
		if err := step(len(s.Bytes())); err != nil {
			return false, err
		}
	}
}

// flush writes the group under way.
func (w *writer) flush() error {
	if len(w.body) == 0 {
		return nil
	}
	if w.end+int64(len(w.body)) > format.MaxSegment {
		return fmt.Errorf("merge of more than %d bytes: %w", format.MaxSegment, errors.ErrUnsupported)
	}
	format.FinishGroup(w.body, w.group, format.Place{
		Store: w.head.Store, Segment: w.head.Segment, Offset: w.end, Last: w.head.Last, Round: w.head.Round,
	})
	w.digest.Write(w.body)
	if _, err := w.file.WriteAt(w.body, w.end); err != nil {
		return err
	}
	n := len(w.body)
	w.end += int64(n)
	w.body = w.body[:0]
	return w.wrote(n)
}

// wrote syncs what was written, with so many bytes more, if it has become much.
func (w *writer) wrote(bytes int) error {
	if w.due += bytes; w.due < syncEvery {
		return nil
	}
	w.due = 0
	return w.file.Sync()
}

// footer takes the index of the merged segment, which may be long, no faster than the
// events.
type footer struct {
	*writer
	to io.Writer
}

func (f footer) Write(b []byte) (int, error) {
	n, err := f.to.Write(b)
	if err == nil {
		err = f.wrote(n)
	}
	if err == nil {
		err = f.step(n)
	}
	return n, err
}

// paced is a file that is read no faster than step lets it be.
type paced struct {
	vfs.File
	step func(bytes int) error
}

func (f paced) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	if err == nil {
		err = f.step(n)
	}
	return n, err
}

// remove unlinks a file, if there is one.
func remove(dir vfs.FS, name string) error {
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}
