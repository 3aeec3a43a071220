package replay

import (
	"errors"
	"fmt"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// milestone is where a group ends, and with which event.
type milestone struct {
	end  int64
	last uint64
}

// group takes in the scanner's group. Its checksums hold, so whatever is wrong
// with it was written so, and is no torn write.
func (l *Log) group(s *segment.Scanner) error {
	h := s.Group()
	switch {
	case h.FirstSequence != l.Next && !planted.Bug("sequence of a group is not checked"):
		return l.damage(s.Offset(), fmt.Sprintf("group begins with event %d", h.FirstSequence))
	case h.Incarnation < l.Incarnation:
		return l.damage(s.Offset(), "group of an earlier opening of the store")
	}
	if h.Incarnation > l.Incarnation && l.Incarnation > 0 {
		sometimes.Reached("log went on in a later opening")
	}
	if h.Count > 0 && l.rows == nil {
		l.rows = index.New(h.FirstSequence)
		l.rows.Expect(int((s.Size() - s.Offset()) / int64(len(s.Bytes())) * int64(h.Count)))
		l.Index.AddRows(l.Header.Segment, l.rows)
	}
	if h.Count > 0 {
		l.rows.Began(h.FirstSequence, h.Incarnation)
	}
	if l.Incarnation = h.Incarnation; !l.tail.Groups {
		l.oldest = h.Incarnation
	}
	body := s.Body()
	for range h.Count {
		at := s.Offset() + int64(len(s.Bytes())-len(body))
		rest, err := l.record.Parse(body, l.seed)
		if newer, ok := errors.AsType[*format.NewerError](err); ok {
			return &segment.NewerError{Segment: l.Header.Segment, Found: newer.Found}
		}
		if err != nil && planted.Bug("half a group is read as far as it goes") {
			break
		}
		if err != nil {
			return l.damage(at, err.Error())
		}
		reason, err := l.event(&l.record, at)
		if err != nil {
			return err
		}
		if reason != "" {
			return l.damage(at, reason)
		}
		body = rest
	}
	if len(body) > 0 {
		return l.damage(s.Offset(), "group with more bytes than records")
	}
	l.extend(s.Bytes())
	if l.tail.Closed {
		sometimes.Reached("group followed a close group")
	}
	l.tail.Groups, l.tail.Closed = true, h.Type == format.GroupClose
	l.tail.End, l.tail.Proof = l.Length, max(l.tail.Proof, proof(s))
	l.unproven = append(l.unproven, milestone{l.Length, l.Next - 1})
	n := 0
	for n < len(l.unproven) && l.unproven[n].end <= l.tail.Proof {
		l.proven = l.unproven[n].last
		n++
	}
	l.unproven = slices.Delete(l.unproven, 0, n)
	return nil
}

// event takes in the record at this offset, or says what is wrong with it.
func (l *Log) event(r *format.Record, at int64) (reason string, err error) {
	stream, version := l.rows.Stream(r.Entity)
	first := version == 0
	if first && !l.alone {
		head, err := l.stream(r.Entity)
		if err != nil {
			return "", err
		}
		version = head.Version
	}
	tick, ok := clock.TickOf(r.ID)
	before, _ := clock.TickOf(l.LastID)
	switch {
	case r.Sequence != l.Next:
		return fmt.Sprintf("record of event %d", r.Sequence), nil
	case r.Version != version+1 && !(first && l.alone) && !planted.Bug("version of a record is not checked"):
		return fmt.Sprintf("record with version %d of its stream, which is at %d", r.Version, version), nil
	case (!ok || tick <= before) && !planted.Bug("id of a record is not checked"):
		return "record whose id does not follow the one before", nil
	case r.Tombstone && !l.inMerged && !planted.Bug("tombstone is accepted where none can be"):
		sometimes.Reached("tombstone stood where none can be")
		return "tombstone in a segment as it was written", nil
	}
	l.entry = index.EntryOf(r, format.Pos{Segment: uint32(l.Header.Segment), Offset: uint32(at), Length: uint32(r.Length)})
	l.rows.AddTo(stream, &l.entry)
	if l.LastID = r.ID; first && l.firstID == [16]byte{} {
		l.firstID = r.ID
	}
	l.Next++
	return "", nil
}

// stream is the head of an entity's stream in what was read before this segment.
func (l *Log) stream(entity []byte) (index.Head, error) {
	memory := l.Index.Memory()
	if h, known := memory.Head(entity); known {
		return h, nil
	}
	return l.Index.Load(string(entity))
}

func (l *Log) damage(at int64, reason string) error {
	return &segment.DamageError{Segment: l.Header.Segment, Offset: at, FirstSequence: l.Next, Reason: reason}
}
