package batpak_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestWaitForATurnEnds: who waits for a merge, a snapshot, or a look at the log that somebody
// else is at is told when his context ends, or when the store is closed, and nothing is done
// for him.
func TestWaitForATurnEnds(t *testing.T) {
	compact := func(ctx context.Context, s *batpak.Store) error { _, err := s.Compact(ctx); return err }
	snapshot := func(ctx context.Context, s *batpak.Store) error { _, err := s.Snapshot(ctx, "another"); return err }
	for what, c := range map[string]struct {
		first, second func(ctx context.Context, s *batpak.Store) error
		op            faultfs.Op // of the first that the second comes in at
	}{
		"merge beside a merge":       {compact, compact, faultfs.OpCreate},
		"snapshot beside a snapshot": {func(ctx context.Context, s *batpak.Store) error { _, err := s.Snapshot(ctx, "copy"); return err }, snapshot, faultfs.OpCreate},
		"merge beside a snapshot":    {func(ctx context.Context, s *batpak.Store) error { _, err := s.Snapshot(ctx, "copy"); return err }, compact, faultfs.OpCreate},
	} {
		for _, closes := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				d := simfs.New()
				s := openSim(t, d, small)
				for range 20 {
					mustAppend(t, s, note("e:1", strings.Repeat("x", 50)))
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				told := make(chan error, 2)
				over := false
				d.OnOp(func(op faultfs.Op, _ string) {
					if over || op != c.op {
						return
					}
					over = true
					go func() { told <- c.second(ctx, s) }()
					synctest.Wait()
					if len(told) > 0 {
						t.Errorf("%s: the second call does not wait: %v", what, <-told)
						return
					}
					if !closes {
						cancel()
						synctest.Wait()
						if err := <-told; !errors.Is(err, context.Canceled) {
							t.Errorf("%s: the second call = %v, want its context's error", what, err)
						}
						return
					}
					go func() { told <- s.Close() }()
					synctest.Wait()
				})
				err := c.first(t.Context(), s)
				d.OnOp(nil)
				if !over {
					t.Fatalf("%s: there was no %s", what, c.op)
				}
				if !closes {
					if err != nil {
						t.Errorf("%s: the first call = %v", what, err)
					}
					return
				}
				closed := 0
				for _, err := range []error{err, <-told, <-told} {
					if errors.Is(err, batpak.ErrClosed) {
						closed++
					} else if err != nil {
						t.Errorf("%s, closed: %v", what, err)
					}
				}
				if closed != 2 {
					t.Errorf("%s: %d calls are told that the store was closed, want both", what, closed)
				}
			})
		}
	}
}

// TestRefreshWaitsForAnother: the same holds for a Refresh beside another one.
func TestRefreshWaitsForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		s := openSim(t, d, nil)
		mustAppend(t, s, note("e:1", "x"))
		reader := readerOn(t, d, nil)
		over := false
		d.OnOp(func(op faultfs.Op, _ string) {
			if over || op != faultfs.OpList {
				return
			}
			over = true
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // which passes when all wait
			defer cancel()
			if err := reader.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Refresh() beside another = %v", err)
			}
		})
		if err := reader.Refresh(t.Context()); err != nil || !over {
			t.Errorf("Refresh() = %v, beside another: %v", err, over)
		}
	})
}

// TestDraftWithAnError: a draft that could not be made is not appended, by whatever way.
func TestDraftWithAnError(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	unmade := note("e:1", "x")
	unmade.Err = errors.New("payload cannot be encoded")
	b := s.NewBatch()
	b.Add(note("e:1", "x"))
	b.Add(unmade)
	_, batched := b.Commit(t.Context())
	_, appended := s.Append(t.Context(), unmade)
	_, decided := batpak.Decide(t.Context(), s, unmade, func(ctx context.Context) (batpak.Permit[spent], error) {
		reading, err := batpak.Load(ctx, s, "e:1")
		if err != nil {
			return batpak.Permit[spent]{}, err
		}
		return batpak.Propose[spent, int](s, "spend", nil, reading, 0, unmade)
	})
	for what, err := range map[string]error{"Commit": batched, "Append": appended, "Decide": decided} {
		if !errors.Is(err, unmade.Err) {
			t.Errorf("%s() = %v, want the draft's error", what, err)
		}
	}
	if n := len(events(t, s, batpak.Query{})); n > 0 {
		t.Errorf("there are %d events, want none", n)
	}
}

// TestFateThatIsNone: a retention that answers nonsense ends the merge, which has taken
// nothing away.
func TestFateThatIsNone(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, small)
	for range 20 {
		mustAppend(t, s, note("e:1", strings.Repeat("x", 50)))
	}
	before := directoryOf(d)
	_, err := s.Compact(t.Context(), batpak.Retention(func(m batpak.Meta) batpak.Fate { return 7 }))
	if !errors.Is(err, batpak.ErrInvalid) {
		t.Errorf("Compact() = %v, want ErrInvalid", err)
	}
	for name, b := range before {
		if string(d.Bytes(name)) != string(b) {
			t.Errorf("%s has changed", name)
		}
	}
}
