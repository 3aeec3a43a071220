package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// outcome is what became of a damaged directory. There is no outcome for damage
// that is served, or for events that are gone without a word: that is a failure
// of the test.
type outcome int

const (
	// wasRefused: it was not opened, it is as it was, and the error says where the
	// damage is.
	wasRefused outcome = iota
	// wasWhole: it was opened, and has every event.
	wasWhole
	// wasFound: it was opened by the footers of sealed segments, or by a checkpoint of
	// the last one, and what they are of was damaged;
	// reading an event whose bytes are not as they were fails and says where, every
	// other one is served, and Verify finds the damage.
	wasFound
	// wasReported: it was opened, and what looked like a write that a crash cut short
	// is gone. No sound group said that it was durable; the report tells of it, and
	// its bytes are kept.
	wasReported
	// wasYounger: what the directory holds is, byte for byte, what the log was at an
	// earlier time. Nothing in it can tell that there was more.
	wasYounger
)

func (o outcome) String() string {
	return [...]string{"refused", "whole", "found", "reported", "younger"}[o]
}

// finding is what opening a damaged directory came to.
type finding struct {
	outcome
	lost   int // events
	damage *batpak.CorruptError
}

// judge opens directories that were made from a specimen's by some damage. It is
// used by one goroutine.
type judge struct {
	*specimen
	sound   *simfs.Disk // a disk that nobody opens
	holds   directory   // what is on that
	disk    *simfs.Disk
	on      directory // what the disk holds
	changed int       // operations that changed the disk
}

// judge knows, besides what the directory holds, what it holds when a merge that was
// noted is finished.
func (sp *specimen) judge(t *testing.T) *judge {
	c := *sp
	c.directory = maps.Clone(sp.directory)
	maps.Copy(c.directory, sp.settled())
	c.groups = groupsOf(t, c.directory)
	return &judge{specimen: &c, sound: sp.disk(), holds: sp.directory}
}

// put makes the disk hold the directory. Most of it is as it was before the damage, so a
// disk that a store has changed gives way to an image of one that holds that.
func (j *judge) put(d directory) {
	if j.disk == nil || j.changed > 0 {
		j.disk, j.on, j.changed = j.sound.Kill(), j.holds, 0
		j.disk.OnOp(func(op faultfs.Op, _ string) {
			if changes(op) && op != faultfs.OpSyncDir {
				j.changed++
			}
		})
	}
	for name := range j.on {
		if _, ok := d[name]; !ok {
			j.disk.Delete(name)
		}
	}
	for name, content := range d {
		if was, ok := j.on[name]; !ok || len(was) != len(content) || len(was) > 0 && &was[0] != &content[0] {
			j.disk.SetBytes(name, content)
		}
	}
	j.on = d
}

// try opens a directory and holds the outcome against the law of the damage
// lanes: no event is served that differs from what was stored, and none is missing
// in silence.
func (j *judge) try(d directory) (finding, error) {
	j.put(d)
	s, err := batpak.Open("simulated", simOptions(j.disk, nil))
	if err != nil {
		damage, ok := errors.AsType[*batpak.CorruptError](err)
		switch {
		case !ok || !errors.Is(err, batpak.ErrCorrupt):
			return finding{}, fmt.Errorf("Open() = %w, want a CorruptError", err)
		case j.changed > 0 && !maps.EqualFunc(directoryOf(j.disk), d, bytes.Equal) && !maps.EqualFunc(directoryOf(j.disk), d.published(), bytes.Equal):
			return finding{}, fmt.Errorf("Open() = %w, and has changed the directory", err)
		}
		return finding{outcome: wasRefused, damage: damage}, j.checkPlace(d, damage)
	}
	d = d.settled()
	if name := j.brokenSeal(d); name != "" {
		report := s.Report()
		err := j.checkFound(s, d, name)
		if err == nil && report.Cut > 0 {
			err = j.checkCut(d, &report)
		}
		return finding{outcome: wasFound}, errors.Join(err, s.Close())
	}
	got, err := eventsOf(s)
	report := s.Report()
	if err = errors.Join(err, s.Close()); err != nil {
		return finding{}, fmt.Errorf("after %d events: %w", len(got), err)
	}
	return j.hold(d, got, &report)
}

// brokenSeal names a segment whose sealed part is not as it was, though the end of
// its footer is, so that it is taken in unread, or of which the same is true of what a
// checkpoint covers; "" if there is none.
func (sp *specimen) brokenSeal(d directory) string {
	segments := d.segments()
	if _, noted := d[compact.Note]; noted {
		return "" // what was derived from the log is not trusted
	}
	for _, name := range segments[:max(1, len(segments))-1] {
		end, was := sealedAt(sp.directory, name), sp.directory[name]
		size := int64(len(was))
		if end > 0 && end < size && !intact(d[name], was, 0, end) && len(d[name]) == len(was) && intact(d[name], was, size-256, size) {
			return name
		}
	}
	for _, m := range d.marks() {
		name := segment.Name(m.Segment)
		was, now := sp.directory[name], d[name]
		if intact(now, was, 0, format.SegmentHeaderSize) && intact(now, was, m.Group, m.End) && !intact(now, was, 0, m.End) {
			return name
		}
	}
	return ""
}

// checkFound checks that a store whose segment of this name is damaged serves no
// event that is not as it was, and that Verify finds the damage.
func (sp *specimen) checkFound(s *batpak.Store, d directory, name string) error {
	visible := int(s.Frontier().Visible)
	if visible < len(sp.events) && !slices.Contains(sp.ends(), visible) {
		return fmt.Errorf("there are %d events, no group ended there", visible)
	}
	for i := range sp.events[:min(visible, len(sp.events))] {
		e, err := husk(s.At(uint64(i) + 1))
		damage, damaged := errors.AsType[*batpak.CorruptError](err)
		switch {
		case damaged && (damage.FirstSequence != uint64(i)+1 || damage.File == "" || sp.soundAt(d, damage)):
			return fmt.Errorf("At(%d) = %w, want what is damaged", i+1, err)
		case !damaged && err != nil:
			return fmt.Errorf("At(%d) = %w", i+1, err)
		case !damaged && !same(&e, &sp.events[i]):
			return fmt.Errorf("event %d is %+v, want %+v", i+1, e, sp.events[i])
		}
	}
	report, err := s.Verify(context.Background())
	if err != nil {
		return fmt.Errorf("Verify() = %w", err)
	}
	if !slices.ContainsFunc(report.Damages, func(d batpak.Damage) bool { return d.File == name }) {
		return fmt.Errorf("%s is not as it was, and Verify says %+v", name, report)
	}
	return nil
}

// ends are the numbers of events after which a group ended.
func (sp *specimen) ends() (all []int) {
	n := 0
	for _, g := range sp.groups {
		n += int(g.Count)
		all = append(all, n)
	}
	return all
}

// soundAt reports whether the record at the place of a damage is as it was, and so
// is the index that leads to it.
func (sp *specimen) soundAt(d directory, e *batpak.CorruptError) bool {
	if was := sp.directory[e.File]; !intact(d[e.File], was, sealedAt(sp.directory, e.File), int64(len(was))) {
		return false
	}
	for _, g := range sp.groups {
		if g.file == e.File && g.offset <= e.Offset && e.Offset < g.end {
			return intact(d[g.file], sp.directory[g.file], g.offset, g.end)
		}
	}
	return false
}

// sealedAt is where the groups of a segment end according to the header of the next
// one or, if it is merged, to its own; 0 if there is none.
func sealedAt(d directory, name string) int64 {
	span, _ := segment.ParseSpan(name)
	if span.Round > 0 {
		m, err := format.ParseMergedHeader(d[name])
		if err != nil {
			return 0
		}
		return int64(m.Length)
	}
	h, err := format.ParseSegmentHeader(d[segment.Name(span.Last+1)])
	if err == nil {
		return int64(h.PrevLength)
	}
	for other, content := range d {
		s, ok := segment.ParseSpan(other)
		if m, err := format.ParseMergedHeader(content); ok && err == nil && s.First == span.Last+1 {
			return int64(m.PrevLength)
		}
	}
	return 0
}

// hold judges a directory that was opened, from its events and the report.
func (j *judge) hold(d directory, got []batpak.Event, r *batpak.OpenReport) (finding, error) {
	if what := differs(got, j.events); what != "" {
		return finding{}, errors.New(what)
	}
	if err := j.checkServed(d, len(got)); err != nil {
		return finding{}, err
	}
	f := finding{outcome: wasWhole, lost: len(j.events) - len(got)}
	switch {
	case r.Cut > 0:
		if f.lost > 0 {
			f.outcome = wasReported
		}
		return f, j.checkCut(d, r)
	case f.lost > 0:
		f.outcome = wasYounger
		return f, j.checkYounger(d, len(got))
	}
	return f, nil
}

// checkServed checks that the bytes on which the first n events rest are all as
// they were: those of the segments before the last, and of the last up to the end
// of the group.
func (sp *specimen) checkServed(d directory, n int) error {
	segments := d.segments()
	if len(segments) == 0 {
		return nil
	}
	for _, name := range segments[:len(segments)-1] {
		was, ours := sp.directory[name]
		if ours && !intact(d[name], was, 0, sealedAt(sp.directory, name)) || !ours && len(d[name]) > format.SegmentHeaderSize {
			return fmt.Errorf("%s is served, but is not as it was", name)
		}
	}
	last := segments[len(segments)-1]
	for _, g := range sp.groups {
		if g.file == last && g.Count > 0 && g.FirstSequence <= uint64(n) && !intact(d[last], sp.directory[last], 0, g.end) {
			return fmt.Errorf("the group at %d of %s is served, but is not as it was", g.offset, last)
		}
	}
	return nil
}

// checkPlace checks what an error says of the damage: a segment, a place in its
// file, and the first event that may be touched.
func (sp *specimen) checkPlace(d directory, e *batpak.CorruptError) error {
	span, ok := segment.ParseSpan(e.File)
	content, there := d.published()[e.File]
	switch {
	case !ok || span.First > d.next():
		return fmt.Errorf("%w, which names no segment of the store", e)
	case e.Offset < 0 || there && e.Offset > int64(len(content)) || !there && e.Offset != 0:
		return fmt.Errorf("%w, in a file of %d bytes", e, len(content))
	case e.FirstSequence > uint64(len(sp.events))+1:
		return fmt.Errorf("%w, where there are %d events", e, len(sp.events))
	case e.Reason == "":
		return fmt.Errorf("%w, without a reason", e)
	}
	return nil
}

// checkCut checks that what was cut off could be, and is kept.
func (j *judge) checkCut(d directory, r *batpak.OpenReport) error {
	segments := d.segments()
	last := d[segments[len(segments)-1]]
	kept := j.disk.View(r.Lost)
	content := bytes.TrimRight(last, "\x00")
	if int64(len(kept)) != r.Cut || !bytes.HasSuffix(content, kept) {
		return fmt.Errorf("the report says %+v, and %d bytes are kept, want the end of the %d bytes of the last segment", r, len(kept), len(content))
	}
	if end := int64(len(content)) - r.Cut; end < j.evidence(d) {
		return fmt.Errorf("the report says %+v, but a sound group says that the segment was durable up to %d", r, j.evidence(d))
	}
	return nil
}

// evidence is how far the last segment was durable according to the groups of the
// specimen whose headers are still sound in their places.
func (sp *specimen) evidence(d directory) (proof int64) {
	segments := d.segments()
	last := segments[len(segments)-1]
	for _, g := range sp.groups {
		if g.file == last && intact(d[last], sp.directory[last], g.offset, g.offset+format.GroupHeaderSize) {
			proof = max(proof, g.proof())
		}
	}
	return proof
}

// intact reports whether two files agree from one offset to another.
func intact(a, b []byte, from, to int64) bool {
	return to <= int64(len(a)) && to <= int64(len(b)) && bytes.Equal(a[from:to], b[from:to])
}

// checkYounger checks that the directory is what the log was when it had only so
// many events: the segments up to some one are as they were when another was
// begun, and the last one ends where its header or a group ends.
// This is the one loss that nothing in the directory can tell of, and all of it:
// the newest segments are gone, or the newest is cut exactly where a group ends,
// or everything is older.
func (sp *specimen) checkYounger(d directory, events int) error {
	segments, before := d.segments(), 0
	if tail := fmt.Sprintf("lost-%016x-", d.next()); slices.ContainsFunc(d.names(), func(name string) bool {
		return len(name) == len("lost-0123456789abcdef-01234567") && name > tail
	}) {
		return fmt.Errorf("%d events are gone without a word, but a kept tail tells of them: %q", len(sp.events)-events, d.names())
	}
	for i, name := range segments {
		content := d[name]
		if i < len(segments)-1 {
			if !intact(content, sp.directory[name], 0, sealedAt(sp.directory, name)) {
				return fmt.Errorf("%d events are gone without a word: %s is not as it was", len(sp.events)-events, name)
			}
			continue
		}
		ends := []int64{format.SegmentHeaderSize}
		for _, g := range sp.groups {
			if g.file == name {
				ends = append(ends, g.end)
			} else if g.file < name {
				before += int(g.Count)
			}
		}
		end := int64(len(bytes.TrimRight(content, "\x00")))
		at := slices.IndexFunc(ends, func(e int64) bool { return e >= end })
		if i == 0 && len(content) <= format.SegmentHeaderSize {
			at = 0 // the store was being made
		} else if at < 0 || !intact(content, sp.directory[name], 0, ends[at]) {
			return fmt.Errorf("%d events are gone without a word: %s was never like that", len(sp.events)-events, name)
		}
		for _, g := range sp.groups {
			if g.file == name && g.end <= ends[at] {
				before += int(g.Count)
			}
		}
	}
	if before != events {
		return fmt.Errorf("there are %d events, the log had %d when it was like that", events, before)
	}
	return nil
}
