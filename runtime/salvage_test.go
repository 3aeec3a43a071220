package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var (
	salvageN  = flag.Int("salvage.n", 300, "damaged directories that the salvage lane tries, of all states together")
	salvageAt = flag.Uint64("salvage.at", 0, "number of the one directory to try; 0 means all")
)

// salvaged opens a directory for reading what is sound, and returns what it shows.
func salvaged(d directory) (all []batpak.Event, r batpak.OpenReport, v batpak.VerifyReport, err error) {
	disk := d.disk()
	changed := 0
	disk.OnOp(func(op faultfs.Op, _ string) {
		if changes(op) {
			changed++
		}
	})
	s, err := openReader(disk, &batpak.Options{Salvage: true})
	if err == nil {
		r = s.Report()
		if all, err = eventsOf(s); err == nil {
			v, err = s.Verify(context.Background())
		}
		err = errors.Join(err, s.Close())
	}
	if changed > 0 {
		err = errors.Join(err, fmt.Errorf("%d operations changed the directory", changed))
	}
	return all, r, v, err
}

// touched reports whether a damage touched the group: not one of its bytes differs.
func (g *placed) touched(d directory, sp *specimen) bool {
	b := d[g.file]
	return int64(len(b)) < g.end || !bytes.Equal(b[g.offset:g.end], sp.directory[g.file][g.offset:g.end])
}

// holds holds what is salvaged of a damaged directory against the law.
func (sp *specimen) salvage(d directory) (lost int, err error) {
	got, r, v, err := salvaged(d)
	if err != nil {
		return 0, err
	}
	served := map[uint64]bool{}
	last := uint64(0)
	unproven := map[string]bool{}
	next := map[string]uint64{}
	for _, e := range got {
		if e.Sequence <= last || e.Sequence > uint64(len(sp.events)) {
			return 0, fmt.Errorf("event %d comes after event %d, of %d", e.Sequence, last, len(sp.events))
		}
		last = e.Sequence
		unproven[e.Entity] = unproven[e.Entity] || e.Version != next[e.Entity]+1
		next[e.Entity] = e.Version
		if e.Unproven != unproven[e.Entity] {
			return 0, fmt.Errorf("event %d of %s has Unproven == %v, want %v", e.Sequence, e.Entity, e.Unproven, unproven[e.Entity])
		}
		e.Unproven = false
		if !same(&e, &sp.events[e.Sequence-1]) {
			return 0, fmt.Errorf("event %d is %+v, want %+v", e.Sequence, e, sp.events[e.Sequence-1])
		}
		served[e.Sequence] = true
	}
	for i := range sp.groups {
		g := &sp.groups[i]
		for n := g.FirstSequence; n < g.FirstSequence+uint64(g.Count); n++ {
			if !served[n] && !g.touched(d, sp) {
				return 0, fmt.Errorf("event %d is not shown, and its group at %d of %s is sound: %v", n, g.offset, g.file, r.Gaps)
			}
		}
	}
	if err := sp.accounted(d, served, r.Gaps); err != nil {
		return 0, err
	}
	return len(sp.events) - len(served), confessed(got, r, v)
}

// accounted: what is shown and what lies in gaps is all that was acknowledged, and
// they have no event in common.
func (sp *specimen) accounted(d directory, served map[uint64]bool, gaps []batpak.Gap) error {
	missing := map[uint64]bool{}
	for _, g := range gaps {
		end := g.LastSequence
		if end == 0 {
			end = uint64(len(sp.events))
		}
		for n := g.FirstSequence; n > 0 && n <= end; n++ {
			missing[n] = true
		}
		if g.End < g.Offset || g.Reason == "" || g.End > int64(len(d[g.File])) {
			return fmt.Errorf("gap %+v", g)
		}
	}
	young := true // no sound group can tell of the events that are missing: zeros follow the last one
	for n := uint64(len(sp.events)); n > 0; n-- {
		young = young && !served[n]
		if served[n] && missing[n] {
			return fmt.Errorf("event %d is shown, and is said to be lost: %v", n, gaps)
		}
		if !served[n] && !missing[n] && !(young && sp.traceless(d, n)) {
			return fmt.Errorf("event %d is neither shown nor said to be lost: %v", n, gaps)
		}
	}
	return nil
}

// traceless reports whether nothing but zeros is left in the place of the event, and
// behind it, in the last segment, and no group before says that it was durable.
func (sp *specimen) traceless(d directory, sequence uint64) bool {
	i := slices.IndexFunc(sp.groups, func(g placed) bool { return sequence < g.FirstSequence+uint64(g.Count) })
	g := sp.groups[i]
	segments := sp.segments()
	if g.file != segments[len(segments)-1] {
		return false
	}
	content := d[g.file]
	for _, before := range sp.groups[:i] {
		if before.file == g.file && !before.touched(d, sp) && before.proof() > g.offset {
			return false
		}
	}
	return len(bytes.TrimRight(content, "\x00")) <= int(g.offset)
}

// confessed: Verify finds a store with gaps damaged, and each gap that a stream shows.
func confessed(got []batpak.Event, r batpak.OpenReport, v batpak.VerifyReport) error {
	if len(r.Gaps) > 0 && len(v.Damages) == 0 {
		return fmt.Errorf("Verify() finds no damage, gaps are %v", r.Gaps)
	}
	proven := 0
	for _, e := range got {
		if !e.Unproven {
			proven++
			continue
		}
		if !slices.ContainsFunc(v.Damages, func(x batpak.Damage) bool { return x.Entity == e.Entity && x.Sequence <= e.Sequence }) {
			return fmt.Errorf("event %d of %s is unproven, and Verify() does not say so: %v", e.Sequence, e.Entity, v.Damages)
		}
		if !slices.ContainsFunc(r.Gaps, func(g batpak.Gap) bool { return slices.Contains(g.Streams, e.Entity) && g.LastSequence < e.Sequence }) {
			return fmt.Errorf("event %d of %s is unproven, and no gap names the stream: %v", e.Sequence, e.Entity, r.Gaps)
		}
	}
	if v.Events != uint64(proven) {
		return fmt.Errorf("Verify() proves %d events, want %d", v.Events, proven)
	}
	return nil
}

// spoil draws damage: bits, bytes, sectors and blocks that hold something else,
// segments that are gone or cut, and several of these.
func (sp *specimen) spoil(r *rand.Rand) (d directory, what []string) {
	d = sp.directory
	segments := sp.segments()
	for range 1 + r.IntN(3) {
		name := segments[r.IntN(len(segments))]
		switch sealed := name != segments[len(segments)-1]; {
		case sealed && r.IntN(6) == 0:
			d = d.without(name)
			what = append(what, name+" is gone")
		case sealed && d[name] != nil && r.IntN(6) == 0:
			n := r.IntN(len(d[name]) + 1)
			d = d.with(name, d[name][:n:n])
			what = append(what, fmt.Sprintf("%s is cut to %d bytes", name, n))
		default:
			for _, o := range sp.draw(r) {
				if d[o.file] == nil || o.what[0] == 'w' && o.what[:13] == "what was ther" {
					continue
				}
				d = o.apply(d)
				what = append(what, o.String())
			}
		}
	}
	return d, what
}

// TestSalvage damages stores at random and reads what is sound of them: each event
// that is shown is one that was stored, unchanged, under its sequence and in order;
// each whose group no damage touched is shown; and each that was acknowledged is
// shown or lies in a gap, never both. What follows a gap in its stream is said to be
// unproven, and nothing in the directory changes.
//
//	go test ./runtime -run 'TestSalvage$' -salvage.n=100000
func TestSalvage(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, closed, rotated} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, 24<<10, 5<<10, 120)
			lost, tries := 0, uint64(max(1, *salvageN/3))
			for i := uint64(1); i <= tries; i++ {
				if *salvageAt > 0 && *salvageAt != i {
					continue
				}
				d, what := sp.spoil(rand.New(rand.NewPCG(*damageSeed, i)))
				n, err := sp.salvage(d)
				if err != nil && !sp.headless(d, err) {
					t.Fatalf("%v: %v\n\tgo test ./runtime -run '^%s$' -damage.seed=%d -salvage.n=%d -salvage.at=%d", what, err, t.Name(), *damageSeed, *salvageN, i)
				}
				lost += n
			}
			if lost == 0 && *salvageAt == 0 {
				t.Error("no event was lost")
			}
			t.Logf("%d events were lost in %d directories", lost, tries)
		})
	}
}

// headless reports whether a store is refused, as it must be, because no header
// says which one it is.
func (sp *specimen) headless(d directory, err error) bool {
	for _, name := range d.segments() {
		if _, err := format.ParseSegmentHeader(d[name]); err == nil {
			return false
		}
	}
	return errors.Is(err, batpak.ErrCorrupt)
}

// TestSalvageNamesItsGaps damages each structure of a log: the gap names the file,
// the bytes and the events exactly, and all others are shown.
func TestSalvageNamesItsGaps(t *testing.T) {
	sp := grow(t, closed, 8<<10, 1<<10, 60)
	check := func(what string, d directory, want ...batpak.Gap) {
		t.Helper()
		if _, err := sp.salvage(d); err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		_, r, _, err := salvaged(d)
		if err != nil || len(r.Gaps) != len(want) {
			t.Errorf("%s: %v, gaps %v, want %v", what, err, r.Gaps, want)
			return
		}
		for i, g := range r.Gaps {
			g.Reason, g.Streams = "", nil
			if g.String() != want[i].String() {
				t.Errorf("%s: gap %v, want %v", what, g, want[i])
			}
		}
	}
	check("sound", sp.directory)
	gap := func(g placed) batpak.Gap {
		if g.Count == 0 {
			return batpak.Gap{File: g.file, Offset: g.offset, End: g.end}
		}
		return batpak.Gap{File: g.file, Offset: g.offset, End: g.end, FirstSequence: g.FirstSequence, LastSequence: g.FirstSequence + uint64(g.Count) - 1}
	}
	flip := func(d directory, name string, at int64) directory {
		content := slices.Clone(d[name])
		content[at] ^= 4
		return d.with(name, content)
	}
	firstOf, lastOf := map[string]uint64{}, map[string]uint64{}
	for i, g := range sp.groups {
		if _, ok := firstOf[g.file]; !ok {
			firstOf[g.file] = g.FirstSequence
		}
		lastOf[g.file] = g.FirstSequence + uint64(g.Count) - 1
		if i == len(sp.groups)-1 {
			continue // nothing is behind it
		}
		for _, at := range []int64{g.offset, g.offset + 9, g.end - 1} {
			check(fmt.Sprintf("byte %d of %s", at, g.file), flip(sp.directory, g.file, at), gap(g))
		}
		for _, h := range sp.groups[i+1 : len(sp.groups)-1] {
			if h.file == g.file && h.offset > g.end {
				check("two places of "+g.file, flip(flip(sp.directory, g.file, g.end-1), h.file, h.end-1), gap(g), gap(h))
				break
			}
		}
	}
	segments := sp.segments()
	for i, name := range segments {
		check("header of "+name, flip(sp.directory, name, 20), batpak.Gap{File: name, End: format.SegmentHeaderSize})
		if i == len(segments)-1 {
			continue
		}
		check(name+" missing", sp.without(name), batpak.Gap{File: name, FirstSequence: firstOf[name], LastSequence: lastOf[name]})
	}
	d := flip(sp.directory, segments[0], sp.groups[0].end-1).disk()
	s, err := openReader(d, &batpak.Options{Salvage: true})
	if s = opened(t, s, err); len(s.Report().Gaps) == 0 {
		t.Fatal("a damaged store has no gaps")
	}
	if _, err := s.Snapshot(t.Context(), "copy"); !errors.Is(err, batpak.ErrCorrupt) || len(d.Only("copy").Names()) > 0 {
		t.Errorf("Snapshot() of a store with gaps = %v and leaves %q, want ErrCorrupt and nothing", err, d.Only("copy").Names())
	}
}

// TestSalvageInFrontOfTheDurableMark damages the segment that was written to last,
// whose writer died: what a later group says was durable is reported, to the event.
func TestSalvageInFrontOfTheDurableMark(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	for i := range 20 {
		mustAppend(t, s, note(fmt.Sprint("a:", i%3), fmt.Sprint("payload ", i)))
	}
	image := directoryOf(d.Kill())
	name := image.segments()[0]
	groups := groupsOf(t, image)
	for i, g := range groups[:len(groups)-2] {
		content := slices.Clone(image[name])
		content[g.end-1] ^= 1
		got, r, _, err := salvaged(image.with(name, content))
		if err != nil || len(got) != 19 || len(r.Gaps) != 1 || r.Gaps[0].FirstSequence != uint64(i)+1 || r.Gaps[0].LastSequence != uint64(i)+1 || r.Unproven != 1 {
			t.Fatalf("group %d damaged: %d events, %+v, %v", i, len(got), r, err)
		}
		if stream := fmt.Sprint("a:", i%3); i < 17 && !slices.Equal(r.Gaps[0].Streams, []string{stream}) {
			t.Errorf("event %d lost: touched streams are %q, want %q", i+1, r.Gaps[0].Streams, stream)
		}
		clear(content[g.offset:])
		got, r, _, err = salvaged(image.with(name, content))
		if err != nil || len(got) != i {
			t.Fatalf("nothing but zeros from group %d on: %d events, %+v, %v", i, len(got), r, err)
		}
	}
}

// TestSalvageFindsByEverything: each way to find events finds the same in a sound store that was
// opened for salvage as in one that was not.
func TestSalvageFindsByEverything(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	root := mustAppend(t, s, note("a:1", "root"), batpak.Key("root"))
	for i := range 9 {
		last := mustAppend(t, s, note(fmt.Sprint("b:", i%2), "effect"), batpak.CausedBy(root.ID()), batpak.Correlate(root.ID()))
		mustAppend(t, s, note("c:1", "story"), batpak.Key(fmt.Sprint(i)), batpak.Correlate(last.ID()))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	plain, salvaged := mustRead(t, d, nil), mustRead(t, d, &batpak.Options{Salvage: true})
	for _, e := range events(t, plain, batpak.Query{}) {
		for what, find := range map[string]func(batpak.Reader) iter.Seq2[batpak.Event, error]{
			"story": func(r batpak.Reader) iter.Seq2[batpak.Event, error] {
				return r.Events(batpak.Query{Correlation: e.Correlation})
			},
			"stream": func(r batpak.Reader) iter.Seq2[batpak.Event, error] { return r.Events(batpak.Query{Entity: e.Entity}) },
			"scope":  func(r batpak.Reader) iter.Seq2[batpak.Event, error] { return r.Events(batpak.Query{Scope: e.Scope}) },
			"kind": func(r batpak.Reader) iter.Seq2[batpak.Event, error] {
				return r.Events(batpak.Query{Kinds: []batpak.Kind{e.Kind}})
			},
			"effects": func(r batpak.Reader) iter.Seq2[batpak.Event, error] { return r.Effects(e.ID) },
			"causes":  func(r batpak.Reader) iter.Seq2[batpak.Event, error] { return r.Causes(e.ID) },
		} {
			if want, got := walk(t, find(plain)), walk(t, find(salvaged)); !slices.Equal(got, want) {
				t.Errorf("%s of event %d: %q when opened for salvage, want %q", what, e.Sequence, got, want)
			}
		}
		if got, err := salvaged.ByKey(e.Key); e.Key != "" && (err != nil || got.ID != e.ID) {
			t.Errorf("ByKey(%q) when opened for salvage = %v, %v, want event %d", e.Key, got, err, e.Sequence)
		}
	}
}

// TestSalvageDoesNotMakeUp: what needs every event fails in a store with a gap, and
// so does writing.
func TestSalvageDoesNotMakeUp(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	for i := range 10 {
		mustAppend(t, s, note(fmt.Sprint("a:", i%2), fmt.Sprint("payload ", i)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	salvage := &batpak.Options{Salvage: true}
	if _, err := batpak.Open("simulated", simOptions(d, salvage)); !errors.Is(err, batpak.ErrInvalid) {
		t.Errorf("Open() with Salvage = %v, want ErrInvalid", err)
	}
	count := func(n *int, _ batpak.Event) error { *n++; return nil }
	sound := mustRead(t, d, salvage)
	if f, err := batpak.Project(t.Context(), sound, "a:1", count); err != nil || f.State != 5 || len(sound.Report().Gaps) > 0 {
		t.Errorf("Project() in a sound store = %+v, %v, gaps %v", f, err, sound.Report().Gaps)
	}
	if err := sound.Close(); err != nil {
		t.Fatal(err)
	}

	image := directoryOf(d)
	name := image.segments()[0]
	content := slices.Clone(image[name])
	content[groupsOf(t, image)[4].end-1] ^= 1
	r := mustRead(t, image.with(name, content).disk(), salvage)
	_, project := batpak.Project(t.Context(), r, "a:1", count)
	_, all := batpak.ProjectAll(t.Context(), r, nil, count)
	last, err := r.At(9)
	if err != nil || !last.Unproven {
		t.Fatalf("At(9) = %+v, %v, want an event that is unproven", last, err)
	}
	var back error
	steps := 0
	for _, back = range r.Ancestors(last.ID) {
		steps++
	}
	for what, err := range map[string]error{"Project": project, "ProjectAll": all, "Ancestors": back} {
		c, ok := errors.AsType[*batpak.CorruptError](err)
		if !ok || c.File != segment.Name(1) || c.FirstSequence != 5 || c.LastSequence != 5 {
			t.Errorf("%s beside a gap = %v, want a CorruptError about event 5", what, err)
		}
	}
	if steps != 2 {
		t.Errorf("Ancestors() made %d steps from event 9, want that to 7 and the one to the gap", steps)
	}
	if _, err := r.Append(t.Context(), note("a:1", "x")); !errors.Is(err, batpak.ErrReadOnly) {
		t.Errorf("Append() = %v, want ErrReadOnly", err)
	}
	if _, err := r.At(5); !errors.Is(err, batpak.ErrNotFound) {
		t.Errorf("At() of a lost event = %v, want ErrNotFound", err)
	}
}
