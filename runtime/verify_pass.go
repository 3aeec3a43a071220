package batpak

import (
	"errors"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// before is what lies before a segment of which no index is left, though the rows of a
// page could be read.
func before(page []index.Ref, number uint64) []index.Ref {
	for i, ref := range page {
		if uint64(ref.Pos.Segment) >= number {
			return page[:i]
		}
	}
	return page
}

// pass passes over the events of a segment of which neither the index nor the
// groups can be read, and returns the last of them: up to the next sound header, or all.
func (v *verifier) pass(err error, after uint64) (uint64, error) {
	d, ok := errors.AsType[*segment.DamageError](err)
	if !ok {
		return after, err
	}
	last, lerr := v.lastBehind(d.Segment)
	if lerr != nil || last <= after {
		return after, err
	}
	sometimes.Reached("damaged segment had a damaged index")
	file := v.store.fileOf(d.Segment)
	if !slices.ContainsFunc(v.report.Damages, func(d Damage) bool { return d.File == file && d.LastSequence >= last }) {
		v.damaged(Damage{Sequence: after + 1, LastSequence: last, File: file, Offset: d.Offset, End: d.End, Reason: d.Reason})
	}
	return last, nil
}

// lastBehind is the last event before the next sound header behind a segment. Those that
// are passed over were found to be damaged when the segments were checked.
func (v *verifier) lastBehind(number uint64) (uint64, error) {
	files, err := v.store.segments.Log()
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if f.First <= number {
			continue
		}
		var next format.SegmentHeader
		sc, err := v.store.segments.Scan(f.First)
		if err == nil {
			next, err = sc.Head()
		}
		if err == nil {
			return next.FirstSequence - 1, nil
		}
		if _, damaged := errors.AsType[*segment.DamageError](err); !damaged {
			return 0, err
		}
	}
	return v.until, nil
}
