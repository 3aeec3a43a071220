package batpak

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// pageSize is how many events an iteration looks up at a time.
const pageSize = 128

// Query selects events. A field at its zero value does not restrict; the others
// must all hold.
type Query struct {
	Entity string // exactly this entity
	Prefix string // entities whose names begin with this
	Scope  string // exactly this scope
	Kinds  []Kind // any of these
	After  uint64 // sequence: only events after it
	Until  uint64 // sequence: only events up to it, inclusive; 0 means all that is visible when the iteration begins
}

// Get finds an event by its id. It fails with [ErrNotFound], or with a
// [*CorruptError] if the event's bytes are damaged.
func (s *Store) Get(id ID) (Event, error) {
	if err := s.alive(); err != nil {
		return Event{}, err
	}
	ref, ok, err := s.index.ByID(id)
	if err != nil {
		return Event{}, outward(err, 0)
	}
	if !ok || !s.visible(ref.Sequence) {
		return Event{}, ErrNotFound
	}
	e, err := s.read(s.segments, ref)
	if err == nil && e.ID != id {
		return Event{}, ErrNotFound
	}
	return e, err
}

// At finds an event by its sequence. It fails with [ErrNotFound], or with a
// [*CorruptError] if the event's bytes are damaged.
func (s *Store) At(sequence uint64) (Event, error) {
	if err := s.alive(); err != nil {
		return Event{}, err
	}
	ref, ok, err := s.index.At(sequence)
	if err != nil {
		return Event{}, outward(err, sequence)
	}
	if !ok || !s.visible(sequence) && !planted.Bug("reading by sequence shows what is not visible") {
		return Event{}, ErrNotFound
	}
	return s.read(s.segments, ref)
}

// ByKey finds an event by its idempotency key. It fails with [ErrNotFound], or
// with a [*CorruptError] if the event's bytes are damaged.
func (s *Store) ByKey(key string) (Event, error) {
	if err := s.alive(); err != nil {
		return Event{}, err
	}
	e, err := s.byKey(key)
	if err == nil && !s.visible(e.Sequence) {
		sometimes.Reached("key was found that is not visible yet")
		return Event{}, ErrNotFound
	}
	return e, err
}

// byKey finds an event by its key, visible or not.
func (s *Store) byKey(key string) (Event, error) {
	refs, err := s.index.ByKey([]byte(key))
	if err != nil {
		return Event{}, outward(err, 0)
	}
	for _, ref := range refs {
		e, err := s.read(s.segments, ref)
		if err != nil && !errors.Is(err, ErrTombstoned) {
			return Event{}, err
		}
		if e.Key == key {
			return e, err
		}
	}
	return Event{}, ErrNotFound
}

// Head is the version of an entity's stream: the number of its visible events,
// 0 if it has none.
func (s *Store) Head(entity string) (uint64, error) {
	if err := s.alive(); err != nil {
		return 0, err
	}
	version, err := s.index.Before(entity, s.frontier.At(frontier.Visible))
	return version, outward(err, 0)
}

// Events iterates over the events that q selects, in the order of their
// sequences. What is appended while it runs is not part of it. An error is the
// last element, but for a [*TombstoneError]: it comes with the event, without its
// payload, and the iteration may go on. Events that a compaction dropped are left
// out. The sequence may be ranged over again, which starts anew.
func (s *Store) Events(q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for e, err := range s.all(q) {
			if t, ok := errors.AsType[*TombstoneError](err); ok && t.Dropped {
				sometimes.Reached("iteration left out a dropped event")
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// all is Events with those that a compaction dropped.
func (s *Store) all(q Query) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := s.alive(); err != nil {
			yield(Event{}, err)
			return
		}
		iq := q.index()
		iq.Until = s.frontier.At(frontier.Visible)
		if q.Until != 0 {
			iq.Until = min(iq.Until, q.Until)
		}
		if iq.After >= iq.Until {
			return
		}
		cursor := s.segments.Cursor()
		page := make([]index.Ref, 0, pageSize)
		for {
			var failed error
			page, failed = s.index.Find(page[:0], iq) // up to where it failed
			for _, ref := range page {
				e, err := s.read(cursor, ref)
				if !yield(e, err) || err != nil && !errors.Is(err, ErrTombstoned) {
					return
				}
			}
			if failed != nil {
				yield(Event{}, outward(failed, 0))
				return
			}
			if len(page) < cap(page) {
				return
			}
			sometimes.Reached("iteration needed another page")
			iq.After = page[len(page)-1].Sequence
		}
	}
}

// recorder reads records: one at a time, or ahead.
type recorder interface {
	Record(pos format.Pos, seed uint32) (format.Record, error)
}

// read reads an event and checks that it is the one that was asked for.
//
// Of one that a compaction has taken something from, it returns what is left, and a
// [*TombstoneError].
func (s *Store) read(from recorder, ref index.Ref) (Event, error) {
	e, r, err := s.stored(from, ref)
	if err == nil && r.Tombstone {
		sometimes.Reached("tombstone was read")
		e.Payload, err = nil, &TombstoneError{Sequence: e.Sequence, Dropped: r.Dropped()}
	}
	return e, err
}

// record reads a record. If it is not where the index has just said, the index is asked
// again: the segment may have been merged meanwhile.
func (s *Store) record(from recorder, ref index.Ref) (format.Record, index.Ref, error) {
	for {
		r, err := from.Record(ref.Pos, s.seed)
		_, damaged := errors.AsType[*segment.DamageError](err)
		if err == nil && ref.Holds(&r) || err != nil && !damaged && !errors.Is(err, segment.ErrMerged) {
			return r, ref, err
		}
		again, ok, ierr := s.index.At(ref.Sequence)
		if ierr != nil || !ok || again.Pos == ref.Pos {
			return r, ref, err
		}
		sometimes.Reached("event was looked for again where a merge has put it")
		ref = again
	}
}

// stored reads an event and the record that it is made of.
func (s *Store) stored(from recorder, ref index.Ref) (Event, format.Record, error) {
	r, ref, err := s.record(from, ref)
	if err != nil {
		return Event{}, r, outward(err, ref.Sequence)
	}
	corrupt := func(reason string) error {
		return &CorruptError{
			File: segment.Name(uint64(ref.Pos.Segment)), Offset: int64(ref.Pos.Offset), FirstSequence: ref.Sequence, Reason: reason,
		}
	}
	if !ref.Holds(&r) && !planted.Bug("event that was read may be another") {
		sometimes.Reached("another event was read than was looked for")
		return Event{}, r, corrupt(fmt.Sprintf("holds event %d with id %v in place of event %d", r.Sequence, ID(r.ID), ref.Sequence))
	}
	decision, err := decisionOf(&r)
	if err != nil {
		sometimes.Reached("extensions of a sound record could not be read")
		return Event{}, r, corrupt(err.Error())
	}
	e := event(&r, decision)
	e.Unproven = s.unproven(e.Entity, e.Version)
	return e, r, nil
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

// event makes the public form of a record.
func event(r *format.Record, d *Decision) Event {
	e := Event{
		Meta: Meta{
			Coordinate:     Coordinate{Entity: string(r.Entity), Scope: string(r.Scope)},
			Sequence:       r.Sequence,
			Version:        r.Version,
			ID:             r.ID,
			Kind:           Kind(r.Kind),
			PayloadVersion: r.PayloadVersion,
			Correlation:    r.Correlation,
			Causation:      r.Causation,
			Time:           ID(r.ID).Time(),
			Key:            string(r.Key),
			Decision:       d,
			Hash:           r.Hash,
		},
		Payload: r.Payload,
	}
	if e.Correlation.IsZero() {
		e.Correlation = e.ID
	}
	return e
}

func (s *Store) visible(sequence uint64) bool { return sequence <= s.frontier.At(frontier.Visible) }

// corrupt is the public form of a damage.
func corrupt(d *segment.DamageError) *CorruptError {
	return &CorruptError{
		File: segment.Name(d.Segment), Offset: d.Offset, End: d.End,
		FirstSequence: d.FirstSequence, LastSequence: d.LastSequence, Reason: d.Reason,
	}
}

// outward turns an error of the disk's rooms into one of this package; if it is
// about one event, this is its sequence.
func outward(err error, sequence uint64) error {
	if err == nil {
		return nil
	}
	if d, ok := errors.AsType[*segment.DamageError](err); ok {
		e := corrupt(d)
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
	if errors.Is(err, fs.ErrClosed) { // the segments are closed before the store says so
		return ErrClosed
	}
	return err
}
