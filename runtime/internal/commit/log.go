package commit

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// LogConfig is a log as recovery left it.
type LogConfig struct {
	FS          vfs.FS
	Reader      *segment.Reader
	Writer      *segment.Writer
	Header      format.SegmentHeader // of the active segment
	Digest      *chain.Segment       // of the active segment up to the writer's end, or nil if Reread makes it
	Incarnation uint32               // of the groups to come
	SegmentSize int64                // bytes; a group that would go beyond begins the next segment
	Closed      bool                 // the active segment ends in a close group
	// Reread makes the digest of the active segment up to an offset by reading it. It is
	// called when the segment is ended, if Digest is nil.
	Reread func(end int64) (*chain.Segment, error)
	// Ended is called by Close when everything is durable and the files are still open.
	// May be nil.
	Ended func()
}

// Log is the end of the log: it places groups in the active segment and starts
// the next one. It is used by one goroutine at a time.
//
// A segment is followed by another in this order: the new one gets its space,
// under a temporary name; the old one is cut to its length and synced; its digest
// goes into the header of the new one, which is synced and given its name, durably;
// then the first group is written to it. So at every moment all segments but the
// last are complete and durable, and a full disk is met before the old one ends.
//
// Once the new segment was to get its name, the old one stays as it is, be it
// that this failed: a power cut may bring the name back, with a header that tells
// where the old one ended.
type Log struct {
	LogConfig
	place format.Place
	seed  uint32 // of the checksums of records
	ended bool   // nothing more goes to the active segment
}

// NewLog returns the log that c describes.
func NewLog(c LogConfig) *Log {
	return &Log{LogConfig: c, place: format.Place{Store: c.Header.Store, Segment: c.Header.Segment}, seed: format.RecordSeed(c.Header.Store)}
}

// Append writes a group with these records, whose body stands in buf behind room
// for the header, and completes the positions of the entries. An error that is
// not a [*PoisonedError] means that the log is as it was.
func (l *Log) Append(buf []byte, entries []index.Entry) error {
	first := entries[0].Sequence
	full := l.Writer.End() > format.SegmentHeaderSize && l.Writer.End()+int64(len(buf)) > l.SegmentSize
	if full || l.ended {
		if l.ended {
			sometimes.Reached("rotation was tried again")
		}
		if err := l.rotateWithRoom(first); err != nil {
			sometimes.Reached("next segment could not be begun")
			return err
		}
	}
	start := uint32(l.Writer.End())
	err := l.write(buf, format.GroupHeader{Type: format.GroupEvents, FirstSequence: first, Count: uint32(len(entries))}, entries, l.Writer.Write)
	if err != nil {
		return err
	}
	for i := range entries {
		entries[i].Pos.Segment = uint32(l.Header.Segment)
		entries[i].Pos.Offset += start
	}
	l.Closed = false
	return nil
}

// Sync makes everything appended durable. An error that is not a [*PoisonedError]
// means that the log is as it was, and that nothing was appended to it yet.
func (l *Log) Sync() error {
	if l.Writer.Durable() == format.SegmentHeaderSize && planted.Bug("first group of a segment is not synced") {
		return nil
	}
	if err := l.Writer.Sync(); err != nil {
		return classify(fmt.Errorf("sync segment %d: %w", l.Header.Segment, err))
	}
	return nil
}

// Sealed is the sequence up to which, inclusive, all is durable because another
// segment follows.
func (l *Log) Sealed() uint64 { return l.Header.FirstSequence - 1 }

func (l *Log) write(buf []byte, h format.GroupHeader, entries []index.Entry, put func(group []byte) error) error {
	l.place.Offset = l.Writer.End()
	h.Durable = uint32(l.Writer.Durable())
	h.Incarnation = l.Incarnation
	format.FinishGroup(buf, h, l.place)
	err := l.check(buf, entries)
	if err == nil {
		err = put(buf)
	}
	if err != nil {
		return classify(fmt.Errorf("write to segment %d: %w", l.Header.Segment, err))
	}
	if l.Digest != nil && !planted.Bug("digest of a segment misses its groups") {
		l.Digest.Write(buf)
	}
	return nil
}

// check holds the records of a group that is ready to be written against their checksums
// once more. They were made when the events joined the group, which may have waited since
// for the sync of the one before: what memory has changed in that time is found while
// nobody was told anything.
func (l *Log) check(group []byte, entries []index.Entry) error {
	for i := range entries {
		if err := entries[i].Pos.Check(group, l.seed); err != nil && !planted.Bug("group is written as memory has left it") {
			sometimes.Reached("record changed in memory before it was written")
			return &segment.WriteError{Undone: true, Err: fmt.Errorf("event %d changed in memory: %w", entries[i].Sequence, err)}
		}
	}
	return nil
}

// redigest makes the digest of the active segment if it is not known.
// If it cannot be made, be it that what a checkpoint covers was damaged since, the log is
// as it was.
func (l *Log) redigest() (err error) {
	if l.Digest != nil {
		return nil
	}
	l.Digest, err = l.Reread(l.Writer.End())
	if err != nil {
		sometimes.Reached("segment that is to be ended could not be read")
		return fmt.Errorf("end segment %d: %w", l.Header.Segment, err)
	}
	sometimes.Reached("segment that a checkpoint covers was ended")
	if planted.Bug("digest leaves out what a checkpoint covers") {
		l.Digest.Reset()
	}
	return nil
}

// rotateWithRoom is rotate, with fewer files open for reading if there can be no
// more.
func (l *Log) rotateWithRoom(first uint64) error {
	for {
		err := l.rotate(first)
		if _, poisoned := errors.AsType[*PoisonedError](err); err == nil || poisoned || !l.Reader.MakeRoom(err) {
			return err
		}
		sometimes.Reached("rotation was tried with fewer open files")
	}
}

// rotate starts the segment whose first event has this sequence.
func (l *Log) rotate(first uint64) error {
	if l.Header.Segment >= math.MaxUint32 { // more than a position can name
		sometimes.Reached("segments were exhausted")
		return ErrExhausted
	}
	number := l.Header.Segment + 1
	if err := l.redigest(); err != nil {
		return err
	}
	fail := func(err error) error { return classify(fmt.Errorf("create segment %d: %w", number, err)) }
	spare, err := segment.Prepare(l.FS, number)
	if errors.Is(err, fs.ErrExist) {
		return &PoisonedError{Cause: err} // it will stay
	}
	if err != nil {
		return fail(err)
	}
	length, err := l.Writer.Seal()
	if err != nil {
		spare.Discard()
		return classify(fmt.Errorf("seal segment %d: %w", l.Header.Segment, err))
	}
	h := format.SegmentHeader{
		Store:         l.Header.Store,
		Segment:       number,
		FirstSequence: first,
		PrevLength:    uint64(length),
		PrevDigest:    l.Digest.Sum(),
	}
	if err := spare.Fill(h); err != nil {
		return fail(err)
	}
	l.ended = !planted.Bug("log goes on in a segment that was ended")
	w, err := spare.Publish()
	if err != nil {
		return fail(err)
	}
	l.Reader.Add(h.Segment, w.File())
	l.Writer, l.Header, l.place.Segment = w, h, h.Segment
	l.Closed, l.ended = false, false
	l.Digest.Reset()
	l.Digest.Write(format.AppendSegmentHeader(nil, h))
	return nil
}

// Close makes everything durable, says so with a close group unless one ends the
// log already or nothing more may go to its end, and cuts the space written
// ahead. The next sequence is next. On a full disk the close group has its room,
// unless nothing was appended since the log was opened; it may be missing then.
func (l *Log) Close(next uint64) error {
	if l.Closed || l.ended {
		sometimes.Reached("store was closed without a close group")
		if !l.ended {
			l.tellEnded()
		}
		return l.Abandon()
	}
	if err := planted.Skip("close group is written before the sync", l.Sync); err != nil {
		return errors.Join(err, l.Abandon())
	}
	buf := make([]byte, format.GroupHeaderSize)
	err := l.write(buf, format.GroupHeader{Type: format.GroupClose, FirstSequence: next}, nil, l.Writer.WriteLast)
	if w, ok := errors.AsType[*segment.WriteError](err); ok && w.Undone && w.Full {
		sometimes.Reached("close group had no room")
		err = nil
	}
	if err == nil && !planted.Bug("closing does not sync") {
		if _, err = l.Writer.Seal(); err != nil {
			err = &PoisonedError{Cause: err}
		}
	}
	if err == nil {
		l.tellEnded()
	}
	return errors.Join(err, l.Abandon())
}

func (l *Log) tellEnded() {
	if l.Ended != nil {
		l.Ended()
	}
}

// Abandon closes the files as they are.
func (l *Log) Abandon() error { return l.Reader.Close() }

// classify makes what the writer could not undo a [*PoisonedError].
func classify(err error) error {
	var w *segment.WriteError
	if errors.As(err, &w) && w.Undone {
		sometimes.Reached("log was left as it was by a failure")
		return err
	}
	return &PoisonedError{Cause: err}
}
