package batpak_test

import (
	"errors"
	"fmt"
	"iter"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// question is what a store is asked, and its answer in full.
type question func(t *testing.T, s *batpak.Store) (answer string, err error)

// questions are asked about an event in the middle of the log, by the receipt of a later
// one in its stream.
func questions(later batpak.Receipt, draft batpak.Draft, key string, saved [][]byte) map[string]question {
	all := func(events iter.Seq2[batpak.Event, error]) (answer string, err error) {
		for e, err := range events {
			if err != nil {
				return answer, err
			}
			answer += fmt.Sprintln(e)
		}
		return answer, nil
	}
	told := func(v any, err error) (string, error) { return fmt.Sprint(v), err }
	copies := 0
	m := map[string]question{
		"ancestors": func(_ *testing.T, s *batpak.Store) (string, error) { return all(s.Ancestors(later.ID())) },
		"causes":    func(_ *testing.T, s *batpak.Store) (string, error) { return all(s.Causes(later.ID())) },
		"effects": func(_ *testing.T, s *batpak.Store) (string, error) {
			first, err := s.At(1)
			if err != nil {
				return "", err
			}
			return all(s.Effects(first.ID))
		},
		"page": func(_ *testing.T, s *batpak.Store) (string, error) {
			return told(s.Page(batpak.Query{Correlation: batpak.ID{1}}, 0, 100))
		},
		"page by an event": func(_ *testing.T, s *batpak.Store) (string, error) {
			return told(s.Page(batpak.Query{Correlation: later.ID()}, 0, 100))
		},
		"condition": func(t *testing.T, s *batpak.Store) (string, error) {
			b := s.NewBatch()
			b.Add(draft)
			b.ExpectNone(batpak.Query{Correlation: later.ID()})
			_, err := b.Commit(t.Context())
			if errors.Is(err, batpak.ErrConflict) {
				return err.Error(), nil
			}
			return "", err
		},
		"page of a stream": func(_ *testing.T, s *batpak.Store) (string, error) {
			return told(s.Page(batpak.Query{Entity: draft.Entity, Backward: true}, 0, 100))
		},
		"by key": func(_ *testing.T, s *batpak.Store) (string, error) { return told(s.ByKey(key)) },
		"retry": func(t *testing.T, s *batpak.Store) (string, error) {
			return told(s.Append(t.Context(), draft, batpak.Key(key)))
		},
		"head": func(_ *testing.T, s *batpak.Store) (string, error) { return told(s.Head(draft.Entity)) },
		"head in a view": func(_ *testing.T, s *batpak.Store) (string, error) {
			return told(s.View().AsOf(later.Sequence() - 1).Head(draft.Entity))
		},
		"verify": func(t *testing.T, s *batpak.Store) (string, error) {
			v, err := s.Verify(t.Context())
			return fmt.Sprint(v.Events, v.Damages), err
		},
		"snapshot": func(t *testing.T, s *batpak.Store) (string, error) {
			copies++
			r, err := s.Snapshot(t.Context(), fmt.Sprint("copy ", copies))
			return fmt.Sprint(r.Position, r.Segments), err
		},
		"retention": func(t *testing.T, s *batpak.Store) (string, error) {
			_, err := s.Compact(t.Context(), batpak.Retention(func(m batpak.Meta) batpak.Fate { return batpak.KeepEvent }))
			return "", err
		},
	}
	for i, r := range resumers() {
		m["resume "+r.name] = func(t *testing.T, s *batpak.Store) (string, error) {
			state, b, err := r.resume(t.Context(), s, saved[i], trails)
			return fmt.Sprint(state, b), err
		}
	}
	return m
}

// TestReadThatFails: whichever read of a sealed segment or of its index fails, whoever asked
// is told so, or it did not matter to the answer; and the store answers when it is asked
// again.
func TestReadThatFails(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, small)
	var saved [][]byte
	var first, last batpak.Receipt
	draft := note("purse:1", "payload 3")
	for i := range 12 {
		opts := []batpak.AppendOption{batpak.Key(fmt.Sprint("key ", i)), batpak.Correlate(batpak.ID{1})}
		if i > 0 {
			opts = append(opts, batpak.CausedBy(last.ID()))
		}
		last = mustAppend(t, s, note(fmt.Sprint("purse:", i%2), fmt.Sprint("payload ", i)), opts...)
		if i == 3 {
			first = last
			for _, r := range resumers() {
				_, b, err := r.resume(t.Context(), s, nil, trails)
				if err != nil {
					t.Fatal(err)
				}
				saved = append(saved, b)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if r := openSim(t, d.Kill(), small).Report(); r.Segments < 3 || r.Indexed != r.Segments-1 {
		t.Fatalf("report is %+v, want some segments with an index", r)
	}
	failures := 0
	for name, ask := range questions(last, draft, "key 3", saved) {
		if name == "retry" {
			ask = questions(first, draft, "key 3", saved)[name]
		}
		want, err := ask(t, openSim(t, d.Kill(), small))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n, fired := 1, true; fired; n++ {
			image, reads := d.Kill(), 0
			s := openSim(t, image, small)
			image.OnOp(func(op faultfs.Op, _ string) {
				if op == faultfs.OpRead {
					reads++
				}
			})
			image.Fail(faultfs.Fault{Op: faultfs.OpRead, N: n})
			got, err := ask(t, s)
			image.Heal()
			image.OnOp(nil)
			fired = reads >= n
			switch {
			case err != nil && !(fired && errors.Is(err, syscall.EIO)):
				t.Errorf("%s, read %d of %d fails: %v", name, n, reads, err)
			case err != nil:
				failures++
			case got != want:
				t.Errorf("%s, read %d of %d fails: the answer is\n%s\nwant\n%s", name, n, reads, got, want)
			}
			again, aerr := ask(t, s)
			if settled := name == "retention" && err != nil; !settled && (aerr != nil || again != want) { // it may be left to the next opening
				t.Errorf("%s, when read %d had failed: the answer is %v\n%s\nwant\n%s", name, n, aerr, again, want)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if failures < 30 {
		t.Errorf("%d reads failed, want more", failures)
	}
}
