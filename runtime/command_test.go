package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// spent is the payload of the command under test, and budget its gate context:
// at most ten may be spent.
type spent struct{}

type budget struct{ Spent int }

var spendGates = []batpak.Gate[budget]{
	{Name: "open", Eval: func(budget) *batpak.Denial { return nil }},
	{Name: "within-budget", Eval: func(b budget) *batpak.Denial {
		if b.Spent >= 10 {
			return batpak.Deny("BUDGET", "ten are spent")
		}
		return nil
	}},
}

func count(n *int, _ batpak.Event) error {
	*n++
	return nil
}

func propose(s *batpak.Store, gates []batpak.Gate[budget]) func(context.Context) (batpak.Permit[spent], error) {
	return func(ctx context.Context) (batpak.Permit[spent], error) {
		var b budget
		reading, err := batpak.Load(ctx, s, "purse:1", batpak.Into(&b.Spent, count))
		if err != nil {
			return batpak.Permit[spent]{}, err
		}
		return batpak.Propose[spent](s, "spend", gates, reading, b, note("purse:1", "spent"))
	}
}

func TestCommandStoresTheVerdicts(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		mustAppend(t, s, note("purse:1", "before"))
		r, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, spendGates))
		if err != nil {
			t.Fatal(err)
		}
		want := &batpak.Decision{Command: "spend", Version: 1, Verdicts: []batpak.Verdict{{Gate: "open"}, {Gate: "within-budget"}}}
		if diff := cmp.Diff(want.Verdicts, r.Verdicts()); diff != "" {
			t.Errorf("verdicts of the receipt (-want +got):\n%s", diff)
		}
		e, err := s.Get(r.ID())
		if diff := cmp.Diff(want, e.Decision); err != nil || diff != "" {
			t.Errorf("stored decision: %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestConcurrentCommandsKeepTheirInvariant(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				_, err := batpak.Decide(context.Background(), s, note("purse:1", "spent"), propose(s, spendGates))
				if err != nil && !errors.Is(err, batpak.ErrDenied) && !errors.Is(err, batpak.ErrConflict) {
					t.Errorf("Decide() = %v", err)
				}
			})
		}
		wg.Wait()
		if got := head(s, "purse:1"); got != 10 {
			t.Errorf("%d were spent by 16 racers, want exactly the ten that the gate allows", got)
		}
	})
}

// TestManyCommandsOnOneStreamAllGetTheirTurn: none of them is sent away because
// others were faster.
func TestManyCommandsOnOneStreamAllGetTheirTurn(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	const writers, each = 128, 4
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if _, err := batpak.Decide(context.Background(), s, note("purse:1", "spent"), propose(s, nil)); err != nil {
					t.Errorf("Decide() = %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := head(s, "purse:1"); got != writers*each {
		t.Errorf("the stream is at version %d, want %d", got, writers*each)
	}
}

// A command that comes while another has its turn waits, rather than make the
// other's decision void once more.
func TestCommandDoesNotJumpTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openSim(t, simfs.New(), nil)
		decide := func(propose func(context.Context) (batpak.Permit[spent], error)) {
			if _, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose); err != nil {
				t.Errorf("Decide() = %v", err)
			}
		}
		attempts := 0
		decide(func(ctx context.Context) (batpak.Permit[spent], error) {
			p, err := propose(s, nil)(ctx)
			if attempts++; attempts == 1 {
				mustAppend(t, s, note("purse:1", "x"))
			} else {
				go decide(propose(s, nil))
				synctest.Wait()
			}
			return p, err
		})
		synctest.Wait()
		if attempts != 2 {
			t.Errorf("a command with the turn was decided %d times, want 2", attempts)
		}
		if got, err := s.Head("purse:1"); got != 3 || err != nil {
			t.Errorf("the stream is at version %d, %v, want 3", got, err)
		}
	})
}

// A retry that comes while the command itself is under way gets its receipt, even
// if what the command did is what the gates refuse.
func TestCommandIsDoneWhileTheGatesOfItsRetryLook(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		for range 9 {
			mustAppend(t, s, note("purse:1", "x"))
		}
		var first batpak.Receipt
		r, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), func(ctx context.Context) (batpak.Permit[spent], error) {
			first = mustAppend(t, s, note("purse:1", "spent"), batpak.Key("k")) // another goroutine was faster
			return propose(s, spendGates)(ctx)
		}, batpak.Key("k"), batpak.RecordDenial())
		if err != nil || !sameReceipt(r, first) {
			t.Errorf("Decide() of a command that was just done = %+v, %v, want %+v", r, err, first)
		}
		if n := len(events(t, s, batpak.Query{})); n != 10 {
			t.Errorf("there are %d events, want 10", n)
		}
	})
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openSim(t, simfs.New(), nil)
		attempts := 0
		_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), func(ctx context.Context) (batpak.Permit[spent], error) {
			p, err := propose(s, nil)(ctx)
			if attempts++; attempts == 1 {
				mustAppend(t, s, note("purse:1", "x"))
				return p, err
			}
			// This command has the turn now; another one waits for it in vain.
			ctx, cancel := context.WithCancel(ctx)
			go func() {
				synctest.Wait()
				cancel()
			}()
			if _, err := batpak.Decide(ctx, s, note("purse:1", "spent"), propose(s, nil)); !errors.Is(err, context.Canceled) {
				t.Errorf("Decide() while another command has the turn = %v, want context.Canceled", err)
			}
			return p, err
		})
		if err != nil || attempts != 2 {
			t.Errorf("Decide() = %v after %d attempts, want success after 2", err, attempts)
		}
	})
}

// A closed store refuses a command as closed, also one that is to wait for its turn and
// whose context has ended.
func TestClosedStoreGivesNoTurn(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	attempts := 0
	_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), func(ctx context.Context) (batpak.Permit[spent], error) {
		p, err := propose(s, nil)(ctx)
		if attempts++; attempts == 1 {
			mustAppend(t, s, note("purse:1", "x"))
			return p, err
		}
		if err := s.Close(); err != nil { // with the turn held
			t.Error(err)
		}
		if _, err := batpak.Decide(ended, s, note("purse:1", "spent"), propose(s, nil)); !errors.Is(err, batpak.ErrClosed) {
			t.Errorf("Decide() on a closed store while another command has the turn = %v, want ErrClosed", err)
		}
		return p, err
	})
	if !errors.Is(err, batpak.ErrClosed) || attempts != 2 {
		t.Errorf("Decide() = %v after %d attempts, want ErrClosed after 2", err, attempts)
	}
}

func TestCommandGivesUpInTheEnd(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	attempts := 0
	_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), func(ctx context.Context) (batpak.Permit[spent], error) {
		attempts++
		p, err := propose(s, nil)(ctx)
		mustAppend(t, s, note("purse:1", "x"))
		return p, err
	})
	if !errors.Is(err, batpak.ErrConflict) || attempts != batpak.MaxAttempts {
		t.Errorf("Decide() = %v after %d attempts, want ErrConflict after %d", err, attempts, batpak.MaxAttempts)
	}
}

func TestDenialNamesGateAndLeavesARecordIfAsked(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		for range 10 {
			mustAppend(t, s, note("purse:1", "x"))
		}
		decide := func(opts ...batpak.AppendOption) error {
			_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, spendGates), opts...)
			return err
		}
		want := &batpak.DeniedError{
			Command: "spend", Gate: "within-budget", Denial: batpak.Denial{Code: "BUDGET", Message: "ten are spent"},
			Verdicts: []batpak.Verdict{{Gate: "open"}, {Gate: "within-budget", Code: "BUDGET"}},
		}
		err := decide()
		if got, ok := errors.AsType[*batpak.DeniedError](err); !ok || cmp.Diff(want, got) != "" || !errors.Is(err, batpak.ErrDenied) {
			t.Errorf("Decide() = %v, want %v", err, want)
		}
		if n := len(events(t, s, batpak.Query{})); n != 10 {
			t.Errorf("a denied command left %d events, want the 10 before it", n)
		}
		if err := decide(batpak.RecordDenial()); !errors.Is(err, batpak.ErrDenied) {
			t.Errorf("Decide() = %v, want ErrDenied", err)
		}
		at := batpak.DenialCoordinate(batpak.Coordinate{Entity: "purse:1", Scope: "test"})
		records := events(t, s, batpak.Query{Entity: at.Entity})
		if len(records) != 1 {
			t.Fatalf("%d denials are recorded, want 1", len(records))
		}
		got, err := batpak.DecodeDenial(records[0])
		if diff := cmp.Diff(*want, got.Payload); err != nil || diff != "" {
			t.Errorf("DecodeDenial(): %v (-want +got):\n%s", err, diff)
		}
		if got := head(s, "purse:1"); got != 10 {
			t.Errorf("the record moved the stream to version %d, want 10", got)
		}
	})
}

// A denial that cannot be recorded is a denial still, and says so.
func TestDenialThatCannotBeRecorded(t *testing.T) {
	disk := simfs.New()
	s := openSim(t, disk, nil)
	for range 10 {
		mustAppend(t, s, note("purse:1", "x"))
	}
	disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
	_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, spendGates), batpak.RecordDenial())
	if !errors.Is(err, batpak.ErrDenied) || !errors.Is(err, batpak.ErrDiskFull) {
		t.Errorf("Decide() on a full disk = %v, want ErrDenied and ErrDiskFull", err)
	}
	if n := len(events(t, s, batpak.Query{})); n != 10 {
		t.Errorf("there are %d events, want the 10 before it", n)
	}
}

func TestPanickingGateDenies(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		gates := []batpak.Gate[budget]{{Name: "broken", Eval: func(budget) *batpak.Denial { panic("oops") }}}
		_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, gates))
		d, ok := errors.AsType[*batpak.DeniedError](err)
		if !ok || d.Code != batpak.CodePanic || d.Gate != "broken" || !strings.Contains(d.Message, "oops") {
			t.Errorf("Decide() = %v, want a denial by gate broken with code %s", err, batpak.CodePanic)
		}
	})
}

func TestDenialWithoutACodeGetsOne(t *testing.T) {
	verdicts, denial := batpak.Evaluate([]batpak.Gate[budget]{
		{Name: "mute", Eval: func(budget) *batpak.Denial { return &batpak.Denial{Message: "no"} }},
	}, budget{})
	want := batpak.Denial{Code: batpak.CodeUnnamed, Message: "no"}
	if denial == nil || *denial != want || verdicts[0].Code != batpak.CodeUnnamed {
		t.Errorf("Evaluate() = %v, %v, want %v", verdicts, denial, want)
	}
}

func TestRecordOfAPanicHasNoStack(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	gates := []batpak.Gate[budget]{{Name: "broken", Eval: func(budget) *batpak.Denial { panic("oops") }}}
	_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, gates), batpak.RecordDenial())
	if d, ok := errors.AsType[*batpak.DeniedError](err); !ok || !strings.Contains(d.Message, "command_test.go") {
		t.Errorf("Decide() = %v, want a denial with the stack of the panic", err)
	}
	records := events(t, s, batpak.Query{Kinds: []batpak.Kind{batpak.KindDenial}})
	if len(records) != 1 {
		t.Fatalf("%d denials are recorded, want 1", len(records))
	}
	got, err := batpak.DecodeDenial(records[0])
	if err != nil || got.Payload.Message != "gate broken panicked: oops" {
		t.Errorf("recorded message = %q, %v, want it without the stack", got.Payload.Message, err)
	}
}

func TestDecisionIsBounded(t *testing.T) {
	s := openSim(t, simfs.New(), nil)
	gates := make([]batpak.Gate[budget], 40)
	for i := range gates {
		gates[i] = batpak.Gate[budget]{Name: strings.Repeat("x", 1000), Eval: func(budget) *batpak.Denial { return nil }}
	}
	if _, err := propose(s, gates)(t.Context()); !errors.Is(err, batpak.ErrTooLarge) {
		t.Errorf("Propose() with 40,000 bytes of names = %v, want ErrTooLarge", err)
	}
}

func TestPermitCannotBeForgedMovedOrUsedTwice(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		if _, err := batpak.Commit(t.Context(), s, batpak.Permit[spent]{}); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Commit(zero permit) = %v, want ErrInvalid", err)
		}
		p, err := propose(s, spendGates)(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Version(); got != 0 || len(p.Verdicts()) != len(spendGates) {
			t.Errorf("permit of version %d with verdicts %v, want version 0 and %d verdicts", got, p.Verdicts(), len(spendGates))
		}
		p.Verdicts()[0].Gate = "changed"
		if got := p.Verdicts()[0].Gate; got != "open" {
			t.Errorf("a permit's verdicts can be changed: gate %q", got)
		}
		other := open2(t)
		if _, err := batpak.Commit(t.Context(), other, p); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Commit() to another store = %v, want ErrInvalid", err)
		}
		b := other.NewBatch()
		batpak.AddPermit(b, p)
		if _, err := b.Commit(t.Context()); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Commit() of a batch of another store = %v, want ErrInvalid", err)
		}
		if _, err := batpak.Commit(t.Context(), s, p, batpak.Expect(7)); !errors.Is(err, batpak.ErrConflict) {
			t.Errorf("Commit() with another expectation = %v, want ErrConflict", err)
		}
		if _, err := batpak.Commit(t.Context(), s, p); err != nil {
			t.Errorf("Commit() = %v", err)
		}
		if _, err := batpak.Commit(t.Context(), s, p); !errors.Is(err, batpak.ErrConflict) {
			t.Errorf("second Commit() of a permit = %v, want ErrConflict", err)
		}
	})
}

// A permit is for the stream that was read, and for nothing else.
func TestProposeWantsTheReadingOfItsStream(t *testing.T) {
	s, other := open2(t), open2(t)
	mustAppend(t, s, note("purse:1", "before"))
	for what, c := range map[string]struct {
		store  *batpak.Store
		entity string
		refuse bool
	}{
		"its own":         {s, "purse:1", false},
		"another stream":  {s, "purse:2", true},
		"another store's": {other, "purse:1", true},
	} {
		reading, err := batpak.Load(t.Context(), c.store, c.entity)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := reading.Version(), head(c.store, c.entity); got != want {
			t.Errorf("reading of %s is at version %d, want %d", what, got, want)
		}
		p, err := batpak.Propose[spent](s, "spend", spendGates, reading, budget{}, note("purse:1", "spent"))
		if errors.Is(err, batpak.ErrInvalid) != c.refuse {
			t.Errorf("Propose() with the reading of %s = %v, want refused: %v", what, err, c.refuse)
		}
		if want := reading.Version(); !c.refuse && p.Version() != want {
			t.Errorf("Propose() permits version %d, want %d", p.Version(), want)
		}
	}
}

// An error of a fold ends the projection, and a payload that is not what it
// should be is told from one of a later schema.
func TestProjectionErrors(t *testing.T) {
	s := open2(t)
	mustAppend(t, s, note("purse:1", "x"))
	broken := errors.New("broken")
	fold := func(_ *int, e batpak.Event) error {
		_, err := batpak.Decoded(e, 1, struct{}{}, broken)
		return err
	}
	_, err := batpak.Project(t.Context(), s, "purse:1", fold)
	if d, ok := errors.AsType[*batpak.DecodeError](err); !ok || d.Sequence != 1 || !errors.Is(err, broken) {
		t.Errorf("Project() with a codec that fails = %v, want a DecodeError of event 1", err)
	}
	e, err := s.At(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := batpak.DecodeDenial(e); !errors.Is(err, batpak.ErrInvalid) {
		t.Errorf("DecodeDenial() of another kind = %v, want ErrInvalid", err)
	}
	_, err = batpak.Decoded(e, 0, struct{}{}, broken)
	if v, ok := errors.AsType[*batpak.VersionError](err); !ok || v.Found != 1 || v.Known != 0 {
		t.Errorf("Decoded() of a later version = %v, want a VersionError", err)
	}
	for _, e.Fate = range []batpak.Fate{batpak.TombstoneEvent, batpak.DropEvent} {
		_, err := batpak.Decoded(e, 1, struct{}{}, broken)
		gone, ok := errors.AsType[*batpak.TombstoneError](err)
		if _, decode := errors.AsType[*batpak.DecodeError](err); !decode || !ok || gone.Dropped != (e.Fate == batpak.DropEvent) || errors.Is(err, broken) {
			t.Errorf("Decoded() of an event of fate %d = %v, want a DecodeError for a TombstoneError", e.Fate, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := batpak.Project(ctx, s, "purse:1", count); !errors.Is(err, context.Canceled) {
		t.Errorf("Project() when its context has ended = %v, want that", err)
	}
}

// A reason why gates were not asked lies with the event, and is not touched by a
// later opening.
func TestBypassIsStored(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		r, err := batpak.Bypass(t.Context(), s, "spend", "by hand: \xff", note("purse:1", "x"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(nil)
		e, err := s.Get(r.ID())
		if err != nil {
			t.Fatal(err)
		}
		want := &batpak.Decision{Command: "spend", Bypassed: "by hand: \uFFFD"}
		if d := cmp.Diff(want, e.Decision); d != "" {
			t.Errorf("stored decision differs (-want +got):\n%s", d)
		}
		if r.Bypassed() != want.Bypassed || r.Verdicts() != nil || (batpak.Receipt{}).Bypassed() != "" {
			t.Errorf("receipt has the reason %q and verdicts %v", r.Bypassed(), r.Verdicts())
		}
	})
}

// There is no bypass without a reason, nor with one that cannot be stored.
func TestBypassTakesAReason(t *testing.T) {
	s := open2(t)
	for _, reason := range []string{"", " \t\n"} {
		_, err := batpak.Bypass(t.Context(), s, "spend", reason, note("purse:1", "x"))
		if a, ok := errors.AsType[*batpak.ArgumentError](err); !ok || a.What != "reason" {
			t.Errorf("Bypass with reason %q = %v, want an ArgumentError about the reason", reason, err)
		}
	}
	_, err := batpak.Bypass(t.Context(), s, "spend", strings.Repeat("x", 1<<16), note("purse:1", "x"))
	if _, ok := errors.AsType[*batpak.LimitError](err); !ok {
		t.Errorf("Bypass with a reason of 64 KiB = %v, want a LimitError", err)
	}
	if n, err := s.Head("purse:1"); n != 0 || err != nil {
		t.Errorf("Bypass without a reason appended %d events, %v", n, err)
	}
}

// A projection over all streams folds the kinds that it is about, up to a place in
// the log.
func TestProjectAll(t *testing.T) {
	s := open2(t)
	if got, err := batpak.ProjectAll(t.Context(), s, []batpak.Kind{0x1001}, count); err != nil || got.State != 0 || got.Sequence != 0 {
		t.Errorf("ProjectAll() of an empty store = %+v, %v, want nothing", got, err)
	}
	for i := range 300 { // more than a page
		mustAppend(t, s, note(fmt.Sprintf("purse:%d", i%7), "x"))
	}
	if got, err := batpak.ProjectAll(t.Context(), s, []batpak.Kind{0x1001}, count); err != nil || got.State != 300 || got.Sequence != 300 {
		t.Errorf("ProjectAll() = %+v, %v, want 300 events up to 300", got, err)
	}
	if got, err := batpak.ProjectAll(t.Context(), s, []batpak.Kind{0x1002}, count); err != nil || got.State != 0 || got.Sequence != 300 {
		t.Errorf("ProjectAll(another kind) = %+v, %v, want none up to 300", got, err)
	}
	broken := errors.New("broken")
	fail := func(*int, batpak.Event) error { return broken }
	if _, err := batpak.ProjectAll(t.Context(), s, []batpak.Kind{0x1001}, fail); !errors.Is(err, broken) {
		t.Errorf("ProjectAll(fold that fails) = %v, want %v", err, broken)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := batpak.ProjectAll(t.Context(), s, []batpak.Kind{0x1001}, count); !errors.Is(err, batpak.ErrClosed) {
		t.Errorf("ProjectAll() of a closed store = %v, want %v", err, batpak.ErrClosed)
	}
}

func TestUpcast(t *testing.T) {
	long := errors.New("long")
	for text, want := range map[string]error{"abc": nil, "abcd": long} {
		got, err := batpak.Upcast(3, text, func(s string) (int, error) {
			if len(s) > 3 {
				return 0, long
			}
			return len(s), nil
		})
		if !errors.Is(err, want) || want == nil && got != 3 {
			t.Errorf("Upcast(%q) = %d, %v, want 3 or %v", text, got, err, want)
		}
		if u, ok := errors.AsType[*batpak.UpcastError](err); want != nil && (!ok || u.From != 3) {
			t.Errorf("Upcast(%q) = %v, want an UpcastError from version 3", text, err)
		}
	}
	_, err := batpak.Upcast(1, []int{}, func(s []int) (int, error) { return s[0], nil })
	if u, ok := errors.AsType[*batpak.UpcastError](err); !ok || u.From != 1 {
		t.Errorf("Upcast() with a step that panics = %v, want an UpcastError", err)
	}
}

func open2(t *testing.T) *batpak.Store { return open(t, t.TempDir(), nil) }

func TestRetriedCommandIsNotDecidedAgain(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		decide := func() (batpak.Receipt, error) {
			return batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, spendGates), batpak.Key("k"))
		}
		want, err := decide()
		if err != nil {
			t.Fatal(err)
		}
		for range 9 {
			mustAppend(t, s, note("purse:1", "x"))
		}
		got, err := decide()
		if err != nil || !sameReceipt(got, want) {
			t.Errorf("retry when the gate would deny = %+v, %v, want the receipt %+v", got, err, want)
		}
	})
}

func TestBindRefusesAKindTwice(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		s := open(nil)
		a := batpak.Binding{Schema: "a", Kinds: []batpak.BoundKind{{Kind: 0x1001, Name: "X"}}}
		for range 2 {
			if err := s.Bind(a); err != nil {
				t.Errorf("Bind(a) = %v", err)
			}
		}
		b := batpak.Binding{Schema: "b", Kinds: []batpak.BoundKind{{Kind: 0x1002, Name: "Y"}, {Kind: 0x1001, Name: "Z"}}}
		if got, ok := errors.AsType[*batpak.BindError](s.Bind(b)); !ok || *got != (batpak.BindError{Kind: 0x1001, Schema: "b", Holder: "a"}) {
			t.Errorf("Bind(b) = %v, want kind 0x1/0x001 taken by a", got)
		}
		c := batpak.Binding{Schema: "c", Kinds: []batpak.BoundKind{{Kind: 0x1002, Name: "Y"}}}
		if err := s.Bind(c); err != nil {
			t.Errorf("Bind(c) = %v after b was refused as a whole", err)
		}
		if err := s.Bind(batpak.Binding{Schema: "d", Kinds: []batpak.BoundKind{{Kind: 0xD001}}}); !errors.Is(err, batpak.ErrInvalid) {
			t.Errorf("Bind() of a reserved kind = %v, want ErrInvalid", err)
		}
	})
}

// What users call things never makes an event that cannot be read back.
func TestTextThatIsNotUTF8IsStoredReadable(t *testing.T) {
	s := open(t, t.TempDir(), nil)
	for _, denial := range []*batpak.Denial{nil, {Code: "\xff", Message: "\xff"}} {
		gates := []batpak.Gate[budget]{{Name: "gate \xff", Eval: func(budget) *batpak.Denial { return denial }}}
		_, err := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, gates), batpak.RecordDenial())
		if errors.Is(err, batpak.ErrDenied) != (denial != nil) {
			t.Errorf("Decide() = %v with denial %v", err, denial)
		}
	}
	all := events(t, s, batpak.Query{})
	if len(all) != 2 || all[0].Decision.Verdicts[0].Gate != "gate \uFFFD" {
		t.Fatalf("events = %+v, want the event and the denial", all)
	}
	if d, err := batpak.DecodeDenial(all[1]); err != nil || d.Payload.Denial.Code != "\uFFFD" {
		t.Errorf("DecodeDenial() = %+v, %v", d, err)
	}
}
