package batpak

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mount"
)

// Get finds an event by its id. It fails with [ErrNotFound], or with a
// [*CorruptError] if the event's bytes are damaged. If a compaction took something
// from the event, what is left of it comes with a [*TombstoneError].
func (s *Store) Get(id ID) (Event, error) { return s.View().Get(id) }

// At finds an event by its sequence. Its errors are those of [Store.Get].
func (s *Store) At(sequence uint64) (Event, error) { return s.View().At(sequence) }

// ByKey finds an event by its idempotency key. Its errors are those of [Store.Get].
func (s *Store) ByKey(key string) (Event, error) { return s.View().ByKey(key) }

// Head is the version of an entity's stream: the number of its visible events,
// 0 if it has none. Events that a compaction dropped are counted.
func (s *Store) Head(entity string) (uint64, error) { return s.View().Head(entity) }

// Events iterates over the events that q selects, in the order of their sequences,
// or against it. What is appended while it runs is not part of it. An error is the
// last element, but for a [*TombstoneError]: it comes with the event, without its
// payload, and the iteration may go on. Events that a compaction dropped are left
// out. The sequence may be ranged over again, which starts anew.
func (s *Store) Events(q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { s.View().Events(q)(yield) }
}

// byID makes e the event with an id, up to a sequence. Here as in all that follows, of an
// event that a compaction took something from what is left is no error: its Fate says
// so, and whoever gives it away adds [Event.whole]. After an error, e is of no use: an
// event is made where its caller wants it, as to copy one costs as much as to check it.
func (s *Store) byID(e *Event, id ID, until uint64) error {
	ref, ok, err := s.index.ByID(id)
	if err != nil {
		return s.outward(err, 0)
	}
	if !ok || ref.Sequence > until {
		return ErrNotFound
	}
	if err = s.read(e, ref); err == nil && e.ID != id {
		return ErrNotFound
	}
	return err
}

// byKey makes e the event with a key, up to a sequence, visible or not.
func (s *Store) byKey(e *Event, key []byte, until uint64) error {
	refs, err := s.index.ByKey(key)
	if err != nil {
		return s.outward(err, 0)
	}
	for _, ref := range refs {
		if ref.Sequence > until {
			sometimes.Reached("key was found that is not in the view")
			continue // it may be gone, if it is not durable
		}
		if err := s.read(e, ref); err != nil {
			return err
		}
		if e.Key == string(key) {
			return nil
		}
	}
	return ErrNotFound
}

// read makes e the event that it reads, and checks that it is the one that was asked for.
func (s *Store) read(e *Event, ref index.Ref) (err error) {
	var r format.Record
	for moved := true; moved; {
		err = s.segments.Record(&r, ref.Pos, s.seed)
		ref, moved = s.moved(ref, &r, err)
	}
	if err == nil {
		err = s.holds(ref, &r)
	}
	if err == nil {
		err = s.event(e, &r, ref, r.Payload, nil)
	}
	return s.outward(err, ref.Sequence)
}

// record reads a record with a cursor and checks that it is the one that was asked
// for. It returns where it was found.
func (s *Store) record(c *segment.Cursor, ref index.Ref) (*format.Record, index.Ref, error) {
	r, ref, err := s.find(c, ref)
	if err == nil {
		err = s.holds(ref, r)
	}
	return r, ref, s.outward(err, ref.Sequence)
}

// holds checks that the record is the one that was asked for.
func (s *Store) holds(ref index.Ref, r *format.Record) error {
	if !ref.Holds(r) && !planted.Bug("event that was read may be another") {
		sometimes.Reached("another event was read than was looked for")
		return s.corruptAt(ref, fmt.Sprintf("holds event %d with id %v in place of event %d", r.Sequence, ID(r.ID), ref.Sequence))
	}
	return nil
}

// find is record without the check.
func (s *Store) find(c *segment.Cursor, ref index.Ref) (r *format.Record, _ index.Ref, err error) {
	for moved := true; moved; {
		r, err = c.Record(ref.Pos, s.seed)
		ref, moved = s.moved(ref, r, err)
	}
	return r, ref, err
}

// moved asks the index again about a record that was read, if it is not where the index
// has just said: the segment may have been merged meanwhile. It returns where it is.
func (s *Store) moved(ref index.Ref, r *format.Record, err error) (index.Ref, bool) {
	if err == nil && ref.Holds(r) {
		return ref, false
	}
	if _, damaged := errors.AsType[*segment.DamageError](err); err != nil && !damaged && !errors.Is(err, segment.ErrMerged) {
		return ref, false
	}
	at, ok, err := s.index.At(ref.Sequence)
	if err != nil || !ok || at.Pos == ref.Pos {
		return ref, false
	}
	sometimes.Reached("event was looked for again where a merge has put it")
	return at, true
}

// corruptAt is the error of an event that is not what it should be.
func (s *Store) corruptAt(ref index.Ref, reason string) *CorruptError {
	return &CorruptError{
		File: s.fileOf(uint64(ref.Pos.Segment)), Offset: int64(ref.Pos.Offset), FirstSequence: ref.Sequence, Reason: reason,
	}
}

// decisionOf is what the gates said of a record's event, nil if there were none. It
// fails if the record's extensions are not what the format says, which its checksum
// cannot tell.
func decisionOf(r *format.Record) (*Decision, error) {
	if len(r.Extensions) == 0 {
		return nil, nil
	}
	d, err := parseExtensions(r.Extensions)
	if err != nil {
		return nil, fmt.Errorf("extensions of event %d: %w", r.Sequence, err)
	}
	return d, nil
}

// event makes e the public form of a record that was read, with a payload that may be
// kept. The names are those of a reading that goes on, or nil.
func (s *Store) event(e *Event, r *format.Record, ref index.Ref, payload []byte, n *names) error {
	decision, err := decisionOf(r)
	if err != nil {
		sometimes.Reached("extensions of a sound record could not be read")
		return s.corruptAt(ref, err.Error())
	}
	// Field by field, each of them: a literal would be made elsewhere and copied.
	m := &e.Meta
	n.name(m, r)
	m.Sequence, m.Version, m.ID = r.Sequence, r.Version, r.ID
	m.Kind, m.PayloadVersion = Kind(r.Kind), r.PayloadVersion
	m.Correlation, m.Causation = r.Correlation, r.Causation
	m.Time, m.Decision = ID(r.ID).Time(), decision
	m.Hash, m.Fate, e.Payload = r.Hash, KeepEvent, payload
	if e.Correlation.IsZero() {
		e.Correlation = e.ID
	}
	e.Unproven = s.unproven(e.Entity, e.Version)
	if r.Tombstone {
		sometimes.Reached("tombstone was read")
		e.Fate, e.Payload = fateOf(r), nil
	}
	return nil
}

// fileOf is the name of the file that a segment is read from.
func (s *Store) fileOf(number uint64) string {
	if s.segments == nil {
		return segment.Name(number)
	}
	return s.segments.Span(number).Name()
}

// corrupt is the public form of a damage.
func (s *Store) corrupt(d *segment.DamageError) *CorruptError {
	return &CorruptError{
		File: cmp.Or(d.File, s.fileOf(d.Segment)), Offset: d.Offset, End: d.End,
		FirstSequence: d.FirstSequence, LastSequence: d.LastSequence, Reason: d.Reason,
	}
}

// outward turns an error of the disk's rooms into one of this package; if it is
// about one event, this is its sequence.
func (s *Store) outward(err error, sequence uint64) error {
	if err == nil {
		return nil
	}
	if d, ok := errors.AsType[*segment.DamageError](err); ok {
		e := s.corrupt(d)
		if sequence > 0 {
			e.FirstSequence, e.LastSequence = sequence, sequence
		}
		return e
	}
	if n, ok := errors.AsType[*segment.NewerError](err); ok {
		return &FormatError{File: cmp.Or(n.File, segment.Name(n.Segment)), Found: n.Found, Supported: format.Version}
	}
	if errors.Is(err, segment.ErrMerged) {
		return fmt.Errorf("%w: %w", ErrCompacted, err)
	}
	if vfs.Full(err) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	if errors.Is(err, replay.ErrUnfinished) {
		return ErrUnfinished
	}
	if errors.Is(err, fs.ErrClosed) { // the segments are closed before the store says so
		return ErrClosed
	}
	return err
}

// unwritten says of a directory that may not be written to what can be done with it.
func unwritten(err error) error {
	if mount.Denied(err) {
		return fmt.Errorf("%w: to read a store that may not be written to, use OpenReadOnly", err)
	}
	return err
}
