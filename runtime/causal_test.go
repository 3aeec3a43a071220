package batpak_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

func walk(t *testing.T, seq iter.Seq2[batpak.Event, error]) (all []string) {
	t.Helper()
	for e, err := range seq {
		if err != nil {
			t.Fatalf("walk ended with %v", err)
		}
		all = append(all, string(e.Payload))
	}
	return all
}

// firstFew ends a walk that may have no end.
func firstFew(seq iter.Seq2[batpak.Event, error]) iter.Seq2[batpak.Event, error] {
	return func(yield func(batpak.Event, error) bool) {
		n := 0
		for e, err := range seq {
			if n++; n > 5 || !yield(e, err) {
				return
			}
		}
	}
}

func TestCausalGraphIsWalkedBothWays(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{SegmentSize: 512})
		// root ─┬─ left ── leaf
		//       └─ right
		root := mustAppend(t, s, note("a:1", "root"))
		left := mustAppend(t, s, note("a:2", "left"), batpak.CausedBy(root.ID()))
		mustAppend(t, s, note("a:1", "bystander"))
		right := mustAppend(t, s, note("a:3", "right"), batpak.CausedBy(root.ID()))
		leaf := mustAppend(t, s, note("a:1", "leaf"), batpak.CausedBy(left.ID()))
		stranger := batpak.ID{6: 0x70, 8: 0x80, 15: 9}
		orphan := mustAppend(t, s, note("a:4", "orphan"), batpak.CausedBy(stranger))

		lookalike := leaf.ID() // differs in what the index on disk does not keep
		lookalike[15] ^= 1
		mustAppend(t, s, note("a:5", "misled"), batpak.CausedBy(lookalike))
		for range 10 { // into another segment, as memory keeps more than an index on disk
			mustAppend(t, s, note("a:6", "x"))
		}

		check := func(s *batpak.Store) {
			t.Helper()
			for _, c := range []struct {
				name string
				got  iter.Seq2[batpak.Event, error]
				want []string
			}{
				{"causes of leaf", s.Causes(leaf.ID()), []string{"left", "root"}},
				{"causes of right", s.Causes(right.ID()), []string{"root"}},
				{"causes of root", s.Causes(root.ID()), nil},
				{"causes of orphan", s.Causes(orphan.ID()), nil},
				{"effects of root", s.Effects(root.ID()), []string{"left", "right", "leaf"}},
				{"effects of leaf", s.Effects(leaf.ID()), nil},
				{"ancestors of leaf", s.Ancestors(leaf.ID()), []string{"bystander", "root"}},
				{"ancestors of root", s.Ancestors(root.ID()), nil},
			} {
				if diff := cmp.Diff(c.want, walk(t, c.got)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.name, diff)
				}
			}
			for name, seq := range map[string]iter.Seq2[batpak.Event, error]{
				"Causes": s.Causes(stranger), "Effects": s.Effects(stranger), "Ancestors": s.Ancestors(stranger),
			} {
				for _, err := range seq {
					if !errors.Is(err, batpak.ErrNotFound) {
						t.Errorf("%s of an unknown event = %v, want ErrNotFound", name, err)
					}
				}
			}
		}
		check(s)
		s.Close()
		check(open(nil))
	})
}

// TestCauseThatComesLater: an event that names as its cause one that comes after it is
// no effect of that one, and two that name each other do not keep a walk busy for ever.
func TestCauseThatComesLater(t *testing.T) {
	begin := func() *batpak.Store {
		o := &batpak.Options{SegmentSize: 512}
		rtopts.SetNow(&o.Internal, func() time.Time { return time.Unix(1_700_000_000, 0) })
		rtopts.SetRandom(&o.Internal, func(p []byte) { clear(p) }) // so that ids can be foretold
		return openSim(t, simfs.New(), o)
	}
	s := begin()
	mustAppend(t, s, note("a:1", "first"))
	foretold := mustAppend(t, s, note("a:1", "second")).ID()

	s = begin()
	first := mustAppend(t, s, note("a:1", "first"), batpak.CausedBy(foretold))
	second := mustAppend(t, s, note("a:1", "second"), batpak.CausedBy(first.ID()))
	if second.ID() != foretold {
		t.Fatalf("id of the second event = %v, want %v again", second.ID(), foretold)
	}
	for range 10 { // into another segment
		mustAppend(t, s, note("a:2", "x"))
	}
	for _, c := range []struct {
		name string
		got  iter.Seq2[batpak.Event, error]
		want []string
	}{
		{"effects of the first", s.Effects(first.ID()), []string{"second"}},
		{"effects of the second", s.Effects(second.ID()), nil},
		{"causes of the first", s.Causes(first.ID()), nil},
		{"causes of the second", s.Causes(second.ID()), []string{"first"}},
	} {
		if diff := cmp.Diff(c.want, walk(t, firstFew(c.got))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestQueriesSelect(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(&batpak.Options{SegmentSize: 2048})
		for i := range 400 {
			d := note(fmt.Sprintf("%c:%d", 'a'+i%2, i%10), fmt.Sprint(i+1))
			d.Kind = batpak.Kind(0x1000 + i%3)
			d.Scope = fmt.Sprint("s", i%4)
			mustAppend(t, s, d)
		}
		selects := func(q batpak.Query, match func(i int) bool) {
			t.Helper()
			var want []string
			for i := range 400 {
				if match(i) {
					want = append(want, fmt.Sprint(i+1))
				}
			}
			if diff := cmp.Diff(want, texts(events(t, s, q))); diff != "" {
				t.Errorf("Events(%+v) (-want +got):\n%s", q, diff)
			}
		}
		selects(batpak.Query{}, func(int) bool { return true })
		selects(batpak.Query{After: 10, Until: 20}, func(i int) bool { return i >= 10 && i < 20 })
		selects(batpak.Query{Entity: "a:4"}, func(i int) bool { return i%10 == 4 })
		selects(batpak.Query{Entity: "a:4", After: 200}, func(i int) bool { return i%10 == 4 && i >= 200 })
		selects(batpak.Query{Prefix: "b:"}, func(i int) bool { return i%2 == 1 })
		selects(batpak.Query{Prefix: "b:", Scope: "s3", Kinds: []batpak.Kind{0x1000, 0x1002}, After: 100},
			func(i int) bool { return i%2 == 1 && i%4 == 3 && i%3 != 1 && i >= 100 })
		selects(batpak.Query{Kinds: []batpak.Kind{0x1001}}, func(i int) bool { return i%3 == 1 })
		selects(batpak.Query{Scope: "s2"}, func(i int) bool { return i%4 == 2 })
		selects(batpak.Query{Entity: "nobody"}, func(int) bool { return false })
	})
}

func TestIterationIsASnapshot(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		for range 3 {
			mustAppend(t, s, note("a:1", "x"))
		}
		seen := 0
		for _, err := range s.Events(batpak.Query{Entity: "a:1"}) {
			if err != nil {
				t.Fatal(err)
			}
			seen++
			mustAppend(t, s, note("a:1", "x"))
		}
		if seen != 3 {
			t.Errorf("an iteration that appends saw %d events, want the 3 it began with", seen)
		}
	})
}
