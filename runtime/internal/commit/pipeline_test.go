package commit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// holdSyncs counts the syncs of a disk, and makes each wait until it may pass.
func holdSyncs(d *simfs.Disk) (syncs *int, pass chan struct{}) {
	syncs, pass = new(int), make(chan struct{})
	d.OnOp(func(op faultfs.Op, _ string) {
		if op == faultfs.OpSync {
			*syncs++
			<-pass
		}
	})
	return syncs, pass
}

// While one group is on its way to the disk all others wait, in one group, and
// sequences follow the order in which the requests came.
func TestGroupsAreWrittenOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{})
		defer r.close(t)
		syncs, pass := holdSyncs(d)
		defer d.OnOp(nil)
		var want []string
		var waiting []*outcome
		for round := range 4 {
			for i := range 1 + round*3 {
				text := fmt.Sprint(round, ".", i)
				want = append(want, text)
				waiting = append(waiting, r.submit(t.Context(), one(fmt.Sprint("e", i), text)))
				synctest.Wait()
			}
			if round > 0 {
				pass <- struct{}{} // the group of the round before
				synctest.Wait()
			}
			if *syncs != round+1 {
				t.Fatalf("after round %d there were %d syncs, want one a round", round, *syncs)
			}
		}
		close(pass)
		for i, o := range waiting {
			if err := o.wait(); err != nil || o.Heads()[0].Sequence != uint64(i)+1 {
				t.Errorf("request %d got %v and %+v, want sequence %d", i, err, o.Heads(), i+1)
			}
		}
		if got := r.payloads(t); !slices.Equal(got, want) {
			t.Errorf("published are %q, want %q", got, want)
		}
	})
}

// Who leads the next group waits for all that may join it: those who were told just now,
// and those who waited behind them.
func TestGroupsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		var mu sync.Mutex // guards coming and waiting
		var coming []int  // at each turn that the leader gives away
		var waiting []*outcome
		come := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			for range n {
				waiting = append(waiting, r.submit(t.Context(), one("e", "text")))
			}
		}
		turn := func() (n int, ok bool) {
			mu.Lock()
			defer mu.Unlock()
			if len(coming) == 0 {
				return 0, false
			}
			n, coming = coming[0], coming[1:]
			return n, true
		}
		d := simfs.New()
		r = begin(t, d, tuning{point: func(name string) {
			if name != "yield" {
				return
			}
			if n, ok := turn(); ok {
				come(n)
				synctest.Wait() // only one may, so the others sleep until nobody can go on
			}
		}})
		defer r.close(t)
		syncs, pass := holdSyncs(d)
		defer d.OnOp(nil)
		come(1)
		time.Sleep(time.Second)
		come(5) // the next group
		time.Sleep(time.Second)
		pass <- struct{}{}
		time.Sleep(time.Second)
		come(3) // wait behind the five
		time.Sleep(time.Second)
		mu.Lock()
		coming = []int{2, 3} // the five come again
		mu.Unlock()
		pass <- struct{}{}
		time.Sleep(time.Second)
		close(pass)
		mu.Lock()
		defer mu.Unlock()
		for _, o := range waiting {
			if err := o.wait(); err != nil {
				t.Error(err)
			}
		}
		if len(waiting) != 1+5+8 || *syncs != 3 {
			t.Errorf("%d requests were made durable by %d syncs, want 1, 5 and 8 by 3", len(waiting), *syncs)
		}
	})
}

// Whenever the power fails, what readers could see is there afterwards.
func TestPublishedIsDurable(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{segmentSize: 600})
	images := 0
	d.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpRead {
			return // the test's own
		}
		published := r.payloads(t)
		if got := uint64(len(published)); r.frontier.At(frontier.Visible) > got || r.frontier.At(frontier.Durable) > got {
			t.Errorf("before %s %s: the frontier is ahead of the index, which has %d events", op, name, got)
		}
		images++
		if got := reopened(t, d.CutHard()); len(got) < len(published) || !slices.Equal(got[:len(published)], published) {
			t.Errorf("before %s %s: published were %q, after a power cut there are %q", op, name, published, got)
		}
	})
	for i := range 12 {
		if err := r.Submit(t.Context(), request(event{entity: "a", text: fmt.Sprint(i)}, event{entity: "b", text: strings.Repeat("x", 40*i)})); err != nil {
			t.Errorf("Submit() = %v", err)
		}
	}
	d.OnOp(nil)
	r.close(t)
	if images < 30 {
		t.Errorf("the law was held against %d images only", images)
	}
}

// A sync that fails leaves the requests of its group in doubt, and no others:
// of those that waited for the next group nothing is ever written.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{})
		if err := r.Submit(t.Context(), one("a", "before")); err != nil {
			t.Fatal(err)
		}
		g := hold(d, faultfs.OpSync)
		defer g.open()
		flying := r.submit(t.Context(), one("a", "flying"))
		synctest.Wait()
		open := r.submit(t.Context(), one("b", "open"))
		unsure := r.submit(t.Context(), request(event{entity: "a", text: "unsure", expects: true, version: 1}))
		mark := make(chan error, 1)
		go func() { mark <- r.frontier.Wait(t.Context(), frontier.Durable, 2) }()
		synctest.Wait()
		d.Fail(faultfs.Fault{Op: faultfs.OpSync, Kept: true})
		g.open()

		unknown, ok := errors.AsType[*commit.UnknownError](flying.wait())
		if !ok || !isPoisoned(flying.err) || !errors.Is(flying.err, syscall.EIO) || len(unknown.Heads) != 1 {
			t.Errorf("request whose sync failed = %v, want an UnknownError by EIO", flying.err)
		}
		for name, o := range map[string]*outcome{
			"that waited for the next group": open, "that waited for a verdict": unsure, "that comes later": r.submit(t.Context(), one("c", "later")),
		} {
			if err := o.wait(); !isPoisoned(err) || isUnknown(err) {
				t.Errorf("request %s = %v, want a PoisonedError that nothing was written", name, err)
			}
		}
		if err := <-mark; !isPoisoned(err) {
			t.Errorf("Wait() = %v, want a PoisonedError", err)
		}
		if err := r.Err(); !isPoisoned(err) {
			t.Errorf("Err() = %v, want a PoisonedError", err)
		}
		if got := r.payloads(t); !slices.Equal(got, []string{"before"}) {
			t.Errorf("published are %q, want what was before", got)
		}
		r.close(t)
		if got := reopened(t, d.Kill()); !slices.Equal(got, []string{"before", "flying"}) {
			t.Errorf("the next opening finds %q, want the flying group and nothing behind it", got)
		}
	})
}

// Once the pipeline is poisoned it touches the disk no more, even where the log
// could still be written to.
func TestPoisonedPipelineLeavesTheDiskAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{segmentSize: 512})
		if err := r.Submit(t.Context(), one("a", strings.Repeat("x", 300))); err != nil {
			t.Fatal(err)
		}
		g := hold(d, faultfs.OpSyncDir)
		defer g.open()
		flying := r.submit(t.Context(), one("a", strings.Repeat("x", 300)))
		synctest.Wait()
		open := r.submit(t.Context(), one("a", "x"))
		synctest.Wait()
		d.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
		g.pass <- struct{}{}
		if err := flying.wait(); !isPoisoned(err) {
			t.Errorf("request that needed a new segment = %v, want a PoisonedError", err)
		}
		ops := d.Ops()
		g.open()
		if err := open.wait(); !isPoisoned(err) || isUnknown(err) {
			t.Errorf("request behind it = %v, want a PoisonedError", err)
		}
		r.close(t)
		if got := d.Ops(); got != ops {
			t.Errorf("%d operations of the disk after the pipeline was poisoned, want none", got-ops)
		}
	})
}

func TestCloseWaitsForTheGroupsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{})
		g := hold(d, faultfs.OpSync)
		defer g.open()
		flying := r.submit(t.Context(), request(event{entity: "a", text: "1", key: "k"}))
		synctest.Wait()
		open := r.submit(t.Context(), one("a", "2"))
		unsure := r.submit(t.Context(), request(event{entity: "a", key: "k"}))
		synctest.Wait()
		closing := make(chan error, 1)
		go func() { closing <- r.Close() }()
		synctest.Wait()
		if err := r.Submit(t.Context(), one("a", "late")); !errors.Is(err, commit.ErrClosed) {
			t.Errorf("Submit() beside Close() = %v, want ErrClosed", err)
		}
		select {
		case err := <-closing:
			t.Errorf("Close() = %v while a group is under way", err)
		default:
		}
		g.open()
		if ferr, oerr, err := flying.wait(), open.wait(), <-closing; ferr != nil || oerr != nil || err != nil {
			t.Errorf("Submit() = %v, %v and Close() = %v, want nil", ferr, oerr, err)
		}
		if err := unsure.wait(); !errors.Is(err, commit.ErrClosed) && !errors.Is(err, commit.ErrLookAgain) {
			t.Errorf("request that waited for a verdict = %v", err)
		}
		if err := r.frontier.Wait(t.Context(), frontier.Durable, 9); !errors.Is(err, commit.ErrClosed) {
			t.Errorf("Wait() after Close() = %v, want ErrClosed", err)
		}
		again := begin(t, d.CutHard(), tuning{})
		defer again.close(t)
		if got := again.payloads(t); !again.report.Clean || !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("reopened: clean %v, events %q", again.report.Clean, got)
		}
	})
}

// Close is over only when no goroutine of the pipeline is left: here one that has
// published its group and is about to tell so.
func TestCloseWaitsForTheLeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := make(chan struct{})
		r := begin(t, simfs.New(), tuning{point: func(name string) {
			if name == "tell" {
				<-held
			}
		}})
		told := r.submit(t.Context(), one("a", "1"))
		synctest.Wait()
		closed := false
		go func() {
			r.close(t)
			closed = true
		}()
		synctest.Wait()
		if closed {
			t.Error("Close() returned while a leader was about to tell what it had done")
		}
		close(held)
		if err := told.wait(); err != nil {
			t.Errorf("Submit() = %v", err)
		}
		synctest.Wait()
		if !closed {
			t.Error("Close() waits for ever")
		}
	})
}

// The leader of a group whose caller has gone leads it all the same.
func TestCancelledLeaderLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{})
		defer r.close(t)
		g := hold(d, faultfs.OpSync)
		defer g.open()
		r.submit(t.Context(), one("a", "flying"))
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		leader := r.submit(ctx, one("a", "leader"))
		synctest.Wait()
		follower := r.submit(t.Context(), one("a", "follower"))
		waiter := r.submit(ctx, request(event{entity: "a", expects: true}))
		synctest.Wait()
		cancel()
		if err := leader.wait(); !isUnknown(err) || !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled leader = %v, want an UnknownError", err)
		}
		if err := waiter.wait(); !errors.Is(err, context.Canceled) || isUnknown(err) {
			t.Errorf("request cancelled while it waited for a verdict = %v, want a known outcome", err)
		}
		g.open()
		if err := follower.wait(); err != nil {
			t.Errorf("request led by one that was cancelled = %v", err)
		}
		if got := r.payloads(t); !slices.Equal(got, []string{"flying", "leader", "follower"}) {
			t.Errorf("published are %q", got)
		}
		if err := r.Submit(ctx, one("a", "never")); !errors.Is(err, context.Canceled) || isUnknown(err) {
			t.Errorf("Submit() with an ended context = %v, want context.Canceled", err)
		}
	})
}

// A group that has grown large takes no more; who comes then gets in later.
func TestLargeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{segmentSize: 3 << 20})
		defer r.close(t)
		g := hold(d, faultfs.OpSync)
		defer g.open()
		big := strings.Repeat("x", 3<<19)
		var all []*outcome
		for i := range 6 {
			all = append(all, r.submit(t.Context(), one(fmt.Sprint(i%2), big)), r.submit(t.Context(), one("small", "x")))
			synctest.Wait()
		}
		g.open()
		for i, o := range all {
			if err := o.wait(); err != nil {
				t.Errorf("request %d = %v", i, err)
			}
		}
		if got := r.payloads(t); len(got) != len(all) {
			t.Errorf("published are %d events, want %d", len(got), len(all))
		}
		if got := len(d.Names()); got < 3 {
			t.Errorf("the log has %d segments, want one for about every two large groups", got)
		}
	})
}

// In relaxed mode a request that asks for a sync makes all before it durable,
// also when the group it is in fails for another reason.
func TestSyncOnRequest(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := simfs.New()
			r := begin(t, d, tuning{relaxed: true})
			defer r.close(t)
			for _, text := range []string{"first", "1"} {
				if err := r.Submit(t.Context(), one("a", text)); err != nil {
					t.Fatal(err)
				}
			}
			if at := r.frontier.At(frontier.Durable); at != 1 || len(reopened(t, d.CutHard())) != 1 {
				t.Errorf("before a sync the durable mark is at %d, want 1, as the first group is synced", at)
			}
			g := hold(d, faultfs.OpWrite)
			defer g.open()
			r.submit(t.Context(), one("a", "2"))
			synctest.Wait()
			third := r.submit(t.Context(), one("b", "3"))
			sync := r.submit(t.Context(), &commit.Request{Sync: true})
			synctest.Wait()
			g.pass <- struct{}{} // the second is written
			synctest.Wait()
			if fails {
				d.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.ENOSPC})
			}
			g.open()
			if err := third.wait(); (err != nil) != fails {
				t.Errorf("Submit() = %v, with a full disk: %v", err, fails)
			}
			if err := sync.wait(); err != nil {
				t.Errorf("Submit() of a sync = %v", err)
			}
			if got := reopened(t, d.CutHard()); len(got) < 3 || r.frontier.At(frontier.Durable) < 3 {
				t.Errorf("after a sync %q is durable, the mark is at %d", got, r.frontier.At(frontier.Durable))
			}
		})
	}
}

// A full segment is durable, and the marks say so.
func TestRotationRaisesTheMarks(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{relaxed: true, segmentSize: 512})
	defer r.close(t)
	for i := range 20 {
		if err := r.Submit(t.Context(), one("a", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		durable := r.frontier.At(frontier.Durable)
		if got := len(reopened(t, d.CutHard())); uint64(got) != durable || r.frontier.At(frontier.Visible) != durable {
			t.Fatalf("after a power cut there are %d events, the durable mark is at %d, the visible one at %d",
				got, durable, r.frontier.At(frontier.Visible))
		}
	}
	if r.frontier.At(frontier.Durable) == 0 {
		t.Error("no mark rose in 20 events")
	}
}

// Close does not pass over in silence that relaxed requests were lost.
func TestCloseOfAPoisonedRelaxedPipeline(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{relaxed: true})
	for _, text := range []string{"1", "2"} {
		if err := r.Submit(t.Context(), one("a", text)); err != nil {
			t.Fatal(err)
		}
	}
	d.Fail(faultfs.Fault{Op: faultfs.OpSync})
	if err := r.Submit(t.Context(), &commit.Request{Sync: true}); !isPoisoned(err) {
		t.Errorf("Submit() of a sync that fails = %v, want a PoisonedError", err)
	}
	if err := r.Close(); !isPoisoned(err) {
		t.Errorf("Close() = %v, want a PoisonedError: an event is not durable", err)
	}
}

// An opening of which a power cut leaves nothing but the second group never was:
// the next one may have its number, and must not take that group for its own. So
// the first group is durable before the second is written.
func TestOpeningThatWasLostDoesNotComeBack(t *testing.T) {
	for _, relaxed := range []bool{false, true} {
		d := simfs.New()
		a := begin(t, d, tuning{relaxed: relaxed, wall: fixed})
		for _, text := range []string{"1", "2", "3"} {
			if err := a.Submit(t.Context(), one("a", text)); err != nil {
				t.Fatal(err)
			}
		}
		old := d.Bytes(segment.Name(1))
		cut := d.CutHard()
		b := begin(t, cut, tuning{relaxed: relaxed, wall: fixed})
		if err := b.Submit(t.Context(), one("a", "x")); err != nil {
			t.Fatal(err)
		}
		want := b.payloads(t)
		image := cut.Kill()
		if end := b.log.Writer.End(); end < int64(len(old)) {
			// What a file grows by may be what lay there before.
			image.SetBytes(segment.Name(1), append(image.Bytes(segment.Name(1))[:end], old[end:]...))
		}
		if got := reopened(t, image); !slices.Equal(got, want) {
			t.Errorf("relaxed %v: after a power cut there are %q, want %q", relaxed, got, want)
		}
		a.close(t)
		b.close(t)
	}
}
