package replay

import (
	"fmt"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Offer has the log take in what a checkpoint covers of the last segment unread, if one
// of these, the newest first, fits. It comes before [Log.Read].
func (l *Log) Offer(c []*checkpoint.Checkpoint) { l.checkpoints = c }

// resume takes in the last segment, whose header was read, as far as the newest
// checkpoint that fits, and returns a scanner that goes on behind; nil if none fits.
func (l *Log) resume() (*segment.Scanner, error) {
	for _, c := range l.checkpoints {
		if l.Distrust {
			l.Refused = append(l.Refused, fmt.Sprintf("%s: a merge was under way", c.Name))
			continue
		}
		run, s, why, err := c.Use(l.reader, l.Header, l.cache)
		if err != nil {
			return nil, err
		}
		if why == "" && !l.continues(run) {
			why = "it contradicts the segments before"
		}
		if why != "" {
			l.Refused = append(l.Refused, fmt.Sprintf("%s: %s", c.Name, why))
			continue
		}
		l.cover(run, c.Name)
		return s, nil
	}
	return nil, nil
}

// continues reports whether what a run tells of the last segment continues the log.
func (l *Log) continues(run *sidx.Run) bool {
	first, ok := clock.TickOf(run.MinID)
	before, _ := clock.TickOf(l.LastID)
	return run.First == l.Next && ok && first > before && run.Newest >= l.Incarnation
}

// cover takes in what the checkpoint of this name covers.
func (l *Log) cover(run *sidx.Run, name string) {
	sometimes.Reached("last segment was taken in by a checkpoint")
	l.Checkpoint = name
	l.Index.AddRun(run)
	l.Restored += run.Last + 1 - run.First
	l.Bytes += int64(run.Length) - l.Length
	l.Length, l.Covered = int64(run.Length), run
	l.Next, l.LastID, l.Incarnation = run.Last+1, run.MaxID, run.Newest
	l.proven = run.Last
	l.tail.Groups, l.tail.End, l.tail.Proof = true, l.Length, l.Length
}

// Missed fails if a checkpoint tells of more than there is: what it covers was durable.
// If the log was begun anew, none may tell of one that was there.
func (l *Log) Missed(begun bool) error {
	for _, c := range l.checkpoints {
		switch {
		case planted.Bug("log may be shorter than its checkpoint"):
			return nil
		case begun:
			sometimes.Reached("checkpoint told of a store that is gone")
			return &segment.DamageError{Segment: 1, FirstSequence: 1, LastSequence: c.Last, Reason: fmt.Sprintf("there is no sound header, but %s tells of %v", c.Name, &c.Mark)}
		case c.Store != l.Header.Store && !planted.Bug("checkpoint of another store testifies"):
		case c.Segment > l.Header.Segment:
			sometimes.Reached("checkpoint told of a missing segment")
			return &segment.DamageError{
				Segment: l.Header.Segment + 1, FirstSequence: l.Next, LastSequence: max(c.Last, l.Next),
				Reason: fmt.Sprintf("the file is missing, but %s tells of %v", c.Name, &c.Mark),
			}
		case c.Segment == l.Header.Segment && c.End > l.Length:
			sometimes.Reached("checkpoint told of more than there is")
			return &segment.DamageError{
				Segment: c.Segment, Offset: l.Length, FirstSequence: l.Next, LastSequence: max(c.Last, l.Next),
				Reason: fmt.Sprintf("the groups end here, but %s tells of %v", c.Name, &c.Mark),
			}
		}
	}
	return nil
}

// scan makes the index of a segment, or of what it begins with, in the place of a run.
func (l *Log) scan(run *sidx.Run) (*index.Index, error) {
	if run.Prefix > 0 {
		return checkpoint.Scan(l.reader, run)
	}
	return footer.Scan(l.reader, run.Segment)
}

// offered is what a checkpoint covers of a segment that was not begun yet.
type offered struct {
	run  *sidx.Run
	name string
}

// covered is what the newest checkpoint that fits covers of the segment with this header,
// if it is the last one; nil if none does. It proves that the segment is there to stay.
func (f *Follower) covered(h *format.SegmentHeader) (*offered, error) {
	if !slices.ContainsFunc(f.checkpoints, func(c *checkpoint.Checkpoint) bool { return c.Segment == h.Segment }) {
		return nil, nil
	}
	if last, err := f.isLast(h.Segment); err != nil || !last {
		return nil, err
	}
	offers := f.checkpoints
	f.checkpoints = nil // whatever becomes of them
	for _, c := range offers {
		if f.Distrust {
			f.Refused = append(f.Refused, fmt.Sprintf("%s: a merge was under way", c.Name))
			continue
		}
		run, _, why, err := c.Use(f.reader, *h, f.cache)
		if err != nil {
			return nil, err
		}
		if why == "" {
			return &offered{run, c.Name}, nil
		}
		f.Refused = append(f.Refused, fmt.Sprintf("%s: %s", c.Name, why))
	}
	return nil, nil
}

// reread makes sure of the digest of a segment that was covered in part, all of which was
// taken in, and which next follows: from its footer, or by reading what was spared.
func (f *Follower) reread(next *format.SegmentHeader) error {
	run, _, err := f.footer(f.Header.Segment, f.Header.Store)
	if err != nil {
		return err
	}
	switch {
	case planted.Bug("follower believes the digest of what it has not read"):
		f.footed, f.sum = true, next.PrevDigest
	case run != nil && run.Length == next.PrevLength && run.Digest == next.PrevDigest && run.Last+1 == next.FirstSequence:
		sometimes.Reached("covered segment got its footer under a follower")
		f.footed, f.sum = true, run.Digest
	default:
		sometimes.Reached("covered segment was read when another followed it")
		if f.Digest, err = checkpoint.NewPrefix(f.reader, f.Covered).Digest(f.Length); err != nil {
			return err
		}
	}
	f.Covered = nil
	return nil
}
