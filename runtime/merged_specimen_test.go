package batpak_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// merge merges some files of the log of a store that is closed. Of the events, some
// keep all of themselves, some lose their payload, and some everything but their place.
// If it is to be cut short, it loses nothing, and the process is dead when it is noted.
func (a *author) merge(from, to int, cut bool) {
	a.t.Helper()
	fs, files := a.disk.FS(), directoryOf(a.disk).spans()
	reader := segment.NewReader(fs)
	for _, f := range files {
		if f.Round > 0 {
			reader.Serve(f)
		}
	}
	m, err := compact.Stage(fs, reader, files[from:to], func(r *format.Record) (compact.Verdict, error) {
		switch {
		case cut:
			return compact.Keep, nil
		case r.Sequence%7 == 0:
			return compact.Drop, nil
		case r.Sequence%5 == 0:
			return compact.Tombstone, nil
		}
		return compact.Keep, nil
	}, func(int) error { return nil })
	var half *simfs.Disk
	if cut {
		a.disk.OnOp(func(op faultfs.Op, name string) {
			if op == faultfs.OpRename && name != compact.Note && name != compact.Note+vfs.TempSuffix {
				half = a.disk.Kill()
			}
		})
	}
	if err == nil {
		err = m.Commit()
	}
	if err == nil {
		err = m.Finish()
	}
	if err := errors.Join(err, reader.Close()); err != nil {
		a.t.Fatal(err)
	}
	if cut {
		a.disk = half
		return
	}
	a.forget()
}

// forget takes note of what a merge has taken away, of which the rest is as it was.
func (a *author) forget() {
	a.t.Helper()
	s, err := batpak.Open("simulated", simOptions(a.disk, &a.options))
	if err != nil {
		a.t.Fatal(err)
	}
	now, err := eventsOf(s)
	if err = errors.Join(err, s.Close()); err != nil || len(now) != len(a.events) {
		a.t.Fatalf("after a merge there are %d events, %v, want %d", len(now), err, len(a.events))
	}
	for i, e := range now {
		was := a.events[i]
		if e.Fate == batpak.KeepEvent && !same(&e, &was) || e.Sequence != was.Sequence || e.ID != was.ID || e.Hash != was.Hash || e.Version != was.Version {
			a.t.Fatalf("after a merge event %d is %+v, want %+v", i+1, e, was)
		}
	}
	a.events = now
}

// TestFooterBeforeAMergedSegment: a segment whose footer is damaged gets it anew, be the
// next one merged or not.
func TestFooterBeforeAMergedSegment(t *testing.T) {
	a := newAuthor(t, *damageSeed, 1<<10, 60)
	a.open()
	a.write(20)
	a.close()
	a.merge(1, 3, false)
	name := segment.Name(1)
	whole := a.disk.Bytes(name)
	end := sealedAt(directoryOf(a.disk), name)
	damaged := slices.Clone(whole)
	damaged[len(damaged)-1] ^= 1
	a.disk.SetBytes(name, damaged)
	a.open()
	a.close()
	if !slices.Equal(a.disk.Bytes(name), whole) {
		t.Errorf("%s has %d bytes, want the footer behind %d that it had before", name, len(a.disk.Bytes(name)), end)
	}
}

// TestDamageBesideANotedMerge: where a merge was noted no footer is believed, but that
// one lies behind the groups is seen: a damaged header is found in its own file.
func TestDamageBesideANotedMerge(t *testing.T) {
	sp := grow(t, staged, 8<<10, 2<<10, 100)
	segments := sp.segments()
	for i, name := range segments[len(segments)-2:] {
		content := append([]byte{}, sp.directory[name]...)
		content[60] ^= 1
		_, err := batpak.Open("simulated", simOptions(sp.with(name, content).disk(), nil))
		if d, ok := errors.AsType[*batpak.CorruptError](err); !ok || d.File != name || d.Offset != 0 {
			t.Errorf("header of segment %d from the end: Open() = %v, want damage at the beginning of %s", 2-i, err, name)
		}
	}
}

// TestRestoreAcrossMerges puts back older copies of some files of a directory whose
// segments were merged meanwhile, once, again, and up to the note. The store is refused,
// or it has every event of the files that are its log, each as it was in one generation:
// whole, or what a merge has left of it.
//
//	go test ./runtime -run TestRestoreAcrossMerges -restore.n=1000000
func TestRestoreAcrossMerges(t *testing.T) {
	t.Parallel()
	all := mergedGenerations(t, *damageSeed)
	refused, opened := 0, 0
	n := fewer(*restoreN / 4)
	if n == 0 {
		n = 100_000
	}
	for i := range n {
		r := rand.New(rand.NewPCG(*damageSeed, uint64(i)))
		m := mixture{newer: r.IntN(len(all)), older: r.IntN(len(all))}
		if i < len(all) {
			m = mixture{newer: i, older: i} // all of one generation
		}
		some := uint64(1 + r.IntN(15))
		for k := range both(all[m.older], all[m.newer]) {
			if r.Uint64N(16) < some {
				m.some |= 1 << k
			}
		}
		served, err := judgeMerged(t, all, m)
		if err != nil {
			m.keep(t, func(m mixture) error {
				_, err := judgeMerged(t, all, m)
				return err
			})
		}
		if served {
			opened++
		} else {
			refused++
		}
	}
	t.Logf("%d mixtures of %d generations: %d were refused", n, len(all), refused)
	if !testing.Short() && (opened <= len(all) || refused == 0) {
		t.Errorf("%d mixtures were opened, and %d refused, want some of each", opened, refused)
	}
}

// mergedGenerations are what one directory held at different times, oldest first, while
// its segments were merged, and when the last merge was noted.
func mergedGenerations(t *testing.T, seed uint64) (all []*specimen) {
	a := newAuthor(t, seed, 1<<10, 60)
	life := func() {
		a.open()
		a.write(3)
		all = append(all, a.specimen())
		a.close()
		all = append(all, a.specimen())
	}
	a.open()
	a.write(25)
	a.close()
	for _, cut := range []bool{false, false, true} {
		life()
		a.merge(0, 2, false)
		if cut {
			a.merge(1, 3, true)
		}
		all = append(all, a.specimen())
	}
	life()
	return all
}

// judgeMerged opens a mixture of generations, and reports whether it is served, as one that
// is whole must be.
func judgeMerged(t *testing.T, all []*specimen, m mixture) (served bool, err error) {
	t.Helper()
	d := m.of(all)
	err = caught(func() error {
		served, err = holdRestored(t, all, d)
		return err
	})
	if err == nil && !served && m.older == m.newer {
		err = errors.New("it is refused")
	}
	if err != nil {
		err = fmt.Errorf("%q: %w", d.names(), err)
	}
	return served, err
}

// holdRestored opens a directory that is mixed of some generations, and reports whether
// it is served.
func holdRestored(t *testing.T, all []*specimen, d directory) (served bool, err error) {
	t.Helper()
	s, err := batpak.Open("simulated", simOptions(d.disk(), nil))
	if errors.Is(err, batpak.ErrCorrupt) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got, err := eventsOf(s)
	v, verr := s.Verify(t.Context())
	if err = errors.Join(err, verr, s.Close()); err != nil || len(v.Damages) > 0 {
		return true, fmt.Errorf("%w, Verify() = %+v", err, v)
	}
	want := uint64(0)
	for _, g := range groupsOf(t, d.settled()) {
		want = max(want, g.FirstSequence+uint64(g.Count)-1)
	}
	if uint64(len(got)) != want {
		return true, fmt.Errorf("%d events, the files hold %d", len(got), want)
	}
	for i := range got {
		if !slices.ContainsFunc(all, func(sp *specimen) bool { return i < len(sp.events) && same(&got[i], &sp.events[i]) }) {
			return true, fmt.Errorf("event %d is %+v, which it was in no generation", i+1, got[i])
		}
	}
	return true, nil
}
