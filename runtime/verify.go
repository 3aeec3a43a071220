package batpak

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/segment"
)

// VerifyReport is what [Store.Verify] found.
type VerifyReport struct {
	Segments int
	Bytes    int64  // of the segments
	Streams  int    // with at least one event
	Events   uint64 // whose link in the chain was computed again and holds
	// Damages are the first damage of each stream and of each segment that has
	// one. It is empty for a sound store.
	Damages []Damage
	Took    time.Duration
}

// Damage is something on disk that is not as it was written.
type Damage struct {
	// Entity is the stream the damage is in; empty for damage to a segment's own
	// structures.
	Entity   string
	Sequence uint64 // of the first damaged event; 0 = unknown
	File     string
	Offset   int64 // bytes from the start of the file
	Reason   string
}

// String describes the damage in one line.
func (d Damage) String() string {
	if d.Entity == "" {
		return fmt.Sprintf("%s, offset %d: %s", d.File, d.Offset, d.Reason)
	}
	return fmt.Sprintf("%s, offset %d: event %d of stream %q: %s", d.File, d.Offset, d.Sequence, d.Entity, d.Reason)
}

// Verify reads everything that is visible and computes again every checksum,
// every segment's digest and every link of every stream's hash chain. It goes on
// after damage, which it reports; an error means that it could not finish. It
// works beside appends and other readers, and uses memory for the streams, not
// for the events.
func (s *Store) Verify(ctx context.Context) (VerifyReport, error) {
	if err := s.alive(); err != nil {
		return VerifyReport{}, err
	}
	elapsed := clock.Start()
	v := verifier{store: s, until: s.frontier.At(frontier.Visible), heads: map[string]verified{}}
	if err := v.segments(ctx); err != nil {
		return VerifyReport{}, outward(err, 0)
	}
	if err := v.events(ctx); err != nil {
		return VerifyReport{}, outward(err, 0)
	}
	v.report.Streams = len(v.heads)
	v.report.Took = elapsed()
	return v.report, nil
}

// verifier is one run of Verify.
type verifier struct {
	store  *Store
	until  uint64 // sequence, inclusive
	report VerifyReport
	heads  map[string]verified
	linker chain.Linker
}

// verified is how far a stream has been verified.
type verified struct {
	version uint64
	hash    Hash
	broken  bool
}

// segments checks the structure of each segment and that each carries the
// digest of the one before.
func (v *verifier) segments(ctx context.Context) error {
	last := format.Pos{Segment: 1}
	ref, ok, err := v.store.index.At(v.until)
	if err != nil {
		return err
	}
	if ok {
		last = ref.Pos
	}
	var prev *segmentSum // nil where it is not known
	for n := uint64(1); n <= uint64(last.Segment); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		end := int64(-1) // of what is to be checked; -1 = all
		if n == uint64(last.Segment) {
			end = int64(last.Offset) + int64(last.Length)
		}
		sum, err := v.segment(n, end, prev)
		if d, ok := errors.AsType[*segment.DamageError](err); ok {
			v.damaged(Damage{Sequence: d.FirstSequence, File: segment.Name(d.Segment), Offset: d.Offset, Reason: d.Reason})
			prev = nil
			continue
		}
		if err != nil {
			return err
		}
		prev = sum
		v.report.Segments++
		v.report.Bytes += sum.length
	}
	return nil
}

// segmentSum is what the next segment says of one.
type segmentSum struct {
	length int64
	digest [32]byte
}

// segment checks one segment up to end and returns its length and digest.
func (v *verifier) segment(number uint64, end int64, prev *segmentSum) (*segmentSum, error) {
	sc, err := v.store.segments.Scan(number)
	if err != nil {
		return nil, err
	}
	if end < 0 {
		length, err := v.sealedAt(number)
		if err != nil {
			return nil, err
		}
		sc.Limit(length)
	}
	digest := chain.NewSegment()
	head, err := sc.Head()
	if err != nil {
		return nil, err
	}
	wrong := func(reason string) error {
		return &segment.DamageError{Segment: number, Reason: reason, FirstSequence: head.FirstSequence}
	}
	switch {
	case head.Store != v.store.id || head.Segment != number:
		return nil, wrong("the header is that of another segment or store")
	case prev != nil && (head.PrevLength != uint64(prev.length) || head.PrevDigest != prev.digest):
		return nil, wrong("the header carries another digest than that of the segment before")
	}
	digest.Write(sc.Bytes())
	for end < 0 || sc.End() < end {
		ok, err := sc.Next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		digest.Write(sc.Bytes())
	}
	if end < 0 && sc.End() != sc.Size() {
		return nil, &segment.DamageError{Segment: number, Offset: sc.End(), Reason: "bytes follow the last group of a sealed segment"}
	}
	return &segmentSum{length: sc.End(), digest: digest.Sum()}, nil
}

// sealedAt is where the groups of a sealed segment end: the next one says so. What
// is behind them is the segment's footer.
func (v *verifier) sealedAt(number uint64) (int64, error) {
	sc, err := v.store.segments.Scan(number + 1)
	if err != nil {
		return 0, err
	}
	next, err := sc.Head()
	return int64(next.PrevLength), err
}

// events checks each record and its link.
func (v *verifier) events(ctx context.Context) error {
	cursor := v.store.segments.Cursor()
	page := make([]index.Ref, 0, pageSize)
	for q := (index.Query{Until: v.until}); q.After < v.until; q.After = page[len(page)-1].Sequence {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if page, err = v.store.index.Find(page[:0], q); len(page) == 0 || err != nil {
			return err
		}
		for _, ref := range page {
			if err := v.event(cursor, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *verifier) event(cursor *segment.Cursor, ref index.Ref) error {
	entity, err := v.store.index.Entity(ref.Sequence)
	if err != nil {
		return err
	}
	head := v.heads[entity]
	if head.broken {
		return nil
	}
	r, err := cursor.Record(ref.Pos, v.store.seed)
	reason := ""
	if d, ok := errors.AsType[*segment.DamageError](err); ok {
		reason = d.Reason
	} else if err != nil {
		return err
	} else {
		reason = v.check(&r, ref, entity, head)
	}
	if reason != "" {
		v.damaged(Damage{
			Entity: entity, Sequence: ref.Sequence,
			File: segment.Name(uint64(ref.Pos.Segment)), Offset: int64(ref.Pos.Offset), Reason: reason,
		})
		v.heads[entity] = verified{broken: true}
		return nil
	}
	v.heads[entity] = verified{version: r.Version, hash: r.Hash}
	v.report.Events++
	return nil
}

// check says what is wrong with a record whose checksum holds, or "".
func (v *verifier) check(r *format.Record, ref index.Ref, entity string, head verified) string {
	switch {
	case !ref.Holds(r):
		return fmt.Sprintf("holds event %d with id %v in its place", r.Sequence, ID(r.ID))
	case string(r.Entity) != entity:
		return fmt.Sprintf("belongs to stream %q", r.Entity)
	case r.Version != head.version+1:
		return fmt.Sprintf("has version %d after version %d", r.Version, head.version)
	case !v.linker.Verify(head.hash, r):
		return "its hash does not follow from the event before it in its stream"
	}
	return ""
}

func (v *verifier) damaged(d Damage) { v.report.Damages = append(v.report.Damages, d) }
