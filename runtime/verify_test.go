package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// rotating fills a store of small segments.
func rotating(t *testing.T) (*simfs.Disk, *batpak.Store) {
	t.Helper()
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 2 << 10})
	for i := range 60 {
		b := s.NewBatch()
		for k := range 1 + i%3 {
			b.Add(note(fmt.Sprint("a:", k), fmt.Sprint("payload ", i)))
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return d, s
}

// TestVerifyNamesTheEventsOfADamage damages each structure of an open store: Verify
// names the file, where the damage begins and ends, and exactly the events in it.
func TestVerifyNamesTheEventsOfADamage(t *testing.T) {
	d, s := rotating(t)
	random := rand.New(rand.NewPCG(*damageSeed, 11))
	check := func(name string, at int64, want batpak.Damage) {
		t.Helper()
		sound := d.Bytes(name)
		defer d.SetBytes(name, sound)
		bad := append([]byte{}, sound...)
		bad[at] ^= 1 << random.IntN(8)
		d.SetBytes(name, bad)
		v, err := s.Verify(t.Context())
		if err != nil || len(v.Damages) == 0 {
			t.Errorf("byte %d of %s: Verify() = %+v, %v, want damage", at, name, v, err)
			return
		}
		got := v.Damages[0]
		want.File, want.Reason = name, got.Reason
		if got != want {
			t.Errorf("byte %d of %s: %+v, want %+v", at, name, got, want)
		}
		for _, other := range v.Damages[1:] {
			if other.Entity == "" || other.Sequence != other.LastSequence || other.Sequence < want.Sequence || other.Sequence > want.LastSequence {
				t.Errorf("byte %d of %s: %+v beside %+v", at, name, other, want)
			}
		}
	}
	first := map[string]bool{}
	for _, g := range groupsOf(t, directoryOf(d)) {
		last := g.FirstSequence + uint64(g.Count) - 1
		check(g.file, g.offset+random.Int64N(g.end-g.offset), batpak.Damage{Sequence: g.FirstSequence, LastSequence: last, Offset: g.offset, End: g.end})
		if !first[g.file] {
			first[g.file] = true
			check(g.file, random.Int64N(format.SegmentHeaderSize), batpak.Damage{Sequence: g.FirstSequence, LastSequence: g.FirstSequence - 1, End: format.SegmentHeaderSize})
		}
	}
	if len(first) < 3 {
		t.Errorf("%d segments, want some", len(first))
	}
}

// TestVerifyAtMost: a rate is kept, and a context ends a wait for it.
func TestVerifyAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := rotating(t)
		v, err := s.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const rate = 1000
		began := time.Now()
		if _, err := s.Verify(t.Context(), batpak.AtMost(rate)); err != nil {
			t.Error(err)
		}
		// Its events have fewer bytes than its segments.
		most := 2 * time.Duration(v.Bytes) * time.Second / rate
		if took := time.Since(began); took < most*3/4 || took > most {
			t.Errorf("%d bytes twice at %d bytes a second took %v, want about %v", v.Bytes, rate, took, most)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		part, err := s.Verify(ctx, batpak.AtMost(rate))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second || part.Segments == v.Segments {
			t.Errorf("Verify() for a second = %+v, %v after %v", part, err, time.Since(began))
		}
	})
}

// TestVerifyDoesNotMakeUpForAStop: who slept is not in a hurry afterwards.
func TestVerifyDoesNotMakeUpForAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := rotating(t)
		const rate = 1000
		var stopped time.Time
		var left int64
		_, err := s.Verify(t.Context(), batpak.AtMost(rate), batpak.OnProgress(func(p batpak.VerifyProgress) {
			if stopped.IsZero() && p.Done > p.Of/2 {
				time.Sleep(time.Hour)
				stopped, left = time.Now(), p.Of-p.Done
			}
		}))
		least := time.Duration(left) * time.Second / rate / 2
		if took := time.Since(stopped); err != nil || took < least {
			t.Errorf("the last %d bytes took %v after a stop, want at least %v, %v", left, took, least, err)
		}
	})
}

// TestVerifyTellsItsProgress: it begins at nothing, never goes back, is told about a
// hundred times a pass, and ends with everything.
func TestVerifyTellsItsProgress(t *testing.T) {
	_, s := rotating(t)
	var all []batpak.VerifyProgress
	v, err := s.Verify(t.Context(), batpak.OnProgress(func(p batpak.VerifyProgress) { all = append(all, p) }))
	if err != nil || len(all) < 10 || len(all) > 220 {
		t.Fatalf("Verify() = %v, told its progress %d times", err, len(all))
	}
	if first := all[0]; first.Done != 0 || first.Events != 0 {
		t.Errorf("begins at %+v", first)
	}
	for i, p := range all[1:] {
		if before := all[i]; p.Done < before.Done || p.Events < before.Events || p.Of != before.Of || p.Done > p.Of {
			t.Errorf("%+v after %+v", p, before)
		}
	}
	if last := all[len(all)-1]; last.Done != last.Of || last.Of != 2*v.Bytes || last.Events != v.Events || last.Segment != uint64(v.Segments) {
		t.Errorf("ends at %+v of %+v", last, v)
	}
}

// TestVerifyOfADamagedIndexAndGroup: where the part of an index that names streams is damaged,
// and so is a group of its segment, Verify goes on before and behind it; and so does what
// is left of the index. If the header behind it is damaged, too, it goes on behind the next one.
func TestVerifyOfADamagedIndexAndGroup(t *testing.T) {
	for behind := uint64(3); behind <= 4; behind++ {
		verifyBehind(t, behind)
	}
}

// verifyBehind damages segment 2 so, and all headers behind it before a segment.
func verifyBehind(t *testing.T, behind uint64) {
	t.Helper()
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{SegmentSize: 14 << 10})
	for i := range 450 {
		mustAppend(t, s, note(fmt.Sprint("e:", i%7), "text"))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := segment.Name(2)
	b, end := bytes.Clone(d.Bytes(name)), sealedAt(directoryOf(d), name)
	first, err := format.ParseSegmentHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	next, err := format.ParseSegmentHeader(d.Bytes(segment.Name(3)))
	if err != nil {
		t.Fatal(err)
	}
	if n := next.FirstSequence - first.FirstSequence; n > 4092/32 || len(b) < int(end)+4096+500 {
		t.Fatalf("the index of %d events has %d bytes, want a page that holds all rows, and another one", n, len(b)-int(end))
	}
	b[int(end)+4096+64] ^= 1
	b[int(end)-10] ^= 1
	d.SetBytes(name, b)
	again := openSim(t, d, &batpak.Options{SegmentSize: 14 << 10})
	if r := again.Report(); r.Indexed != r.Segments-1 {
		t.Fatalf("report is %+v, want every sealed segment to be taken in by its index", r)
	}
	for n := uint64(3); n < behind; n++ {
		b := bytes.Clone(d.Bytes(segment.Name(n)))
		b[8] ^= 1
		d.SetBytes(segment.Name(n), b)
	}
	sound, err := format.ParseSegmentHeader(d.Bytes(segment.Name(behind)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := again.Verify(t.Context())
	if err != nil || v.Events != first.FirstSequence-1 {
		t.Fatalf("Verify() = %+v, %v, want the events before segment 2", v, err)
	}
	if d := v.Damages[0]; behind == 3 && (d.File != name || d.Sequence != first.FirstSequence || d.LastSequence != next.FirstSequence-1 || len(v.Damages) != 1+7) {
		t.Errorf("damages %v, want one in %s, of events %d to %d, and the first event of each stream behind it", v.Damages, name, first.FirstSequence, next.FirstSequence-1)
	}
	told, streams := first.FirstSequence, uint64(0) // the first event that is not told of
	for _, d := range v.Damages {
		switch {
		case d.Entity != "" && d.Sequence == sound.FirstSequence+streams:
			streams++
		case d.Entity != "":
			t.Errorf("damage %+v, want the first event of each stream from %d on", d, sound.FirstSequence)
		case d.Sequence <= told:
			told = max(told, d.LastSequence+1)
		}
	}
	if told != sound.FirstSequence || streams != 7 {
		t.Errorf("damages %v, want all events up to %d among them, and the next one of each stream", v.Damages, sound.FirstSequence-1)
	}
}
