package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// unasked are the options of a store that merges by itself, as soon as it can.
func unasked(size int64, retention batpak.Retention) *batpak.Options {
	o := &batpak.Options{SegmentSize: size, Compaction: &batpak.Compaction{Rate: 1 << 40, Retention: retention}}
	rtopts.SetFanIn(&o.Internal, 2)
	return o
}

// filesOf are the files of the log on a disk.
func filesOf(d *simfs.Disk) (files []segment.Span) {
	for _, name := range d.Names() {
		if s, ok := segment.ParseSpan(name); ok {
			files = append(files, s)
		}
	}
	return files
}

// TestMergesUnasked: a store that merges by itself holds what one does that does not, but
// for what its retention takes away, in a few files, none of them written anew more than a
// few times; and after it was opened again it has nothing to do.
func TestMergesUnasked(t *testing.T) {
	for _, retention := range []batpak.Retention{nil, fateOf} {
		plain, d := simfs.New(), simfs.New()
		want, s := openSim(t, plain, &batpak.Options{SegmentSize: 1 << 10}), openSim(t, d, unasked(1<<10, retention))
		for _, s := range []*batpak.Store{want, s} {
			scatter(t, s, rand.New(rand.NewPCG(11, 1)), 400)
		}
		r, err := s.Compacted()
		if err != nil || r.Merges < 5 || r.Dropped > 0 != (retention != nil) {
			t.Fatalf("Compacted() = %+v, %v", r, err)
		}
		if some, all := filesOf(d), filesOf(plain); len(some) > len(all)/3 {
			t.Errorf("%d files of %d segments: %v", len(some), len(all), some)
		} else if slices.ContainsFunc(some, func(s segment.Span) bool { return s.Round > 5 }) {
			t.Errorf("files are of many rounds: %v", some)
		}
		for _, e := range shown(t, want) {
			got, err := s.At(e.Sequence)
			taken := retention != nil && errors.Is(err, batpak.ErrTombstoned)
			if err != nil && !taken || got.Version != e.Version || got.Entity != e.Entity || !taken && !cmp.Equal(got.Payload, e.Payload) {
				t.Fatalf("At(%d) = %+v, %v, want %+v", e.Sequence, got, err, e)
			}
		}
		verified(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		before := d.Names()
		s = openSim(t, d, unasked(1<<10, retention))
		if r, err := s.Compacted(); err != nil || retention == nil && (r.Merges > 0 || !slices.Equal(before, d.Names())) {
			t.Errorf("after Open Compacted() = %+v, %v, and there are %v, before that %v", r, err, d.Names(), before)
		}
	}
}

// TestMergesBesideEverything: while a store on a real disk merges by itself, it appends,
// reads, makes snapshots and is asked to merge, as ever, and leaves no goroutine.
func TestMergesBesideEverything(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	o := unasked(2<<10, nil)
	o.Durability = batpak.Relaxed
	s, err := batpak.Open(t.TempDir(), overseen(o))
	if err != nil {
		t.Fatal(err)
	}
	merged := func() int {
		r, err := s.Compacted()
		if err != nil {
			t.Error(err)
		}
		return r.Merges
	}
	var others sync.WaitGroup
	var over atomic.Bool
	others.Go(func() {
		for !over.Load() {
			if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
				t.Errorf("Verify() = %+v, %v", v, err)
			}
		}
	})
	r := rand.New(rand.NewPCG(12, 1))
	all := 0
	for round := 0; merged() < 3 && round < 500; round++ {
		scatter(t, s, r, 20)
		all += 20
		switch round {
		case 2, 8:
			if _, err := s.Snapshot(t.Context(), fmt.Sprint(t.TempDir(), "copy")); err != nil {
				t.Error(err)
			}
		case 5:
			if _, err := s.Compact(t.Context()); err != nil {
				t.Error(err)
			}
		}
		runtime.Gosched()
	}
	over.Store(true)
	others.Wait()
	if err := s.Sync(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(shown(t, s)); n != all || merged() < 3 {
		t.Errorf("there are %d events after %d merges, want %d", n, merged(), all)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCloseEndsAMerge: closing does not wait until a merge is through, but does until
// nothing of it is going on; what was there before is there.
func TestCloseEndsAMerge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which wants all goroutines to have ended
		dir, began, closed := t.TempDir(), make(chan struct{}), make(chan struct{})
		asked := 0
		s, err := batpak.Open(dir, overseen(unasked(1<<10, func(batpak.Meta) batpak.Fate {
			if asked++; asked > 1 {
				t.Error("the merge goes on while the store is closed")
				return batpak.KeepEvent
			}
			close(began)
			select {
			case <-closed:
				t.Error("the store is closed, and this merge goes on")
			case <-time.After(time.Hour): // which passes when all wait: for this merge
			}
			return batpak.DropEvent
		})))
		if err != nil {
			t.Fatal(err)
		}
		for merging := false; !merging; {
			scatter(t, s, rand.New(rand.NewPCG(13, 1)), 10)
			select {
			case <-began:
				merging = true
			default:
			}
		}
		before := shown(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		close(closed)
		if s, err = batpak.Open(dir, overseen(nil)); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, shown(t, s)); d != "" || s.Report().Merge != "" {
			t.Errorf("after Open %+v:\n%s", s.Report(), d)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestMergeUnaskedFails: a merge that fails is told of, tried again, but seldom, and
// hinders nobody; when the disk is well again it succeeds.
func TestMergeUnaskedFails(t *testing.T) {
	t.Parallel()
	d := simfs.New()
	s := openSim(t, d, unasked(512, nil))
	tries := 0
	d.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpCreate && strings.Contains(name, "-") {
			tries++
			d.Fail(faultfs.Fault{Op: faultfs.OpCreate, Err: syscall.ENOSPC})
		}
	})
	r := rand.New(rand.NewPCG(14, 1))
	scatter(t, s, r, 200)
	segments := len(filesOf(d))
	if c, err := s.Compacted(); !errors.Is(err, batpak.ErrDiskFull) || c.Merges > 0 || tries < 3 || tries > 10 {
		t.Errorf("Compacted() = %+v, %v after %d tries for %d segments", c, err, tries, segments)
	}
	d.OnOp(nil)
	for range 4 * segments {
		scatter(t, s, r, 5)
	}
	if c, err := s.Compacted(); err != nil || c.Merges == 0 {
		t.Errorf("Compacted() when the disk is well = %+v, %v", c, err)
	}
	verified(t, s)
}

// TestMergeUnaskedIsLeftToTheNextOpening: after a failure that only an opening can settle
// nothing is merged any more, and appends go on; after one that may have lost names they do
// not.
func TestMergeUnaskedIsLeftToTheNextOpening(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.OpRemove, faultfs.OpSyncDir} {
		d := simfs.New()
		s := openSim(t, d, unasked(512, nil))
		failed := false
		d.OnOp(func(o faultfs.Op, name string) {
			switch {
			case failed && (strings.Contains(name, "-") || strings.HasPrefix(name, "compaction")) && changes(o):
				t.Errorf("%s %s after the failure", o, name)
			case o == faultfs.OpRename && name == "compaction.tmp" && op == faultfs.OpSyncDir, o == op && op == faultfs.OpRemove && strings.HasSuffix(name, ".seg"):
				d.Fail(faultfs.Fault{Op: op})
			}
		})
		var err error
		r := rand.New(rand.NewPCG(15, 1))
		for range 300 {
			_, aerr := s.Append(t.Context(), note("e:1", strings.Repeat("x", r.IntN(90))))
			if poisons := op == faultfs.OpSyncDir && failed; errors.Is(aerr, batpak.ErrPoisoned) != poisons || aerr != nil && !poisons {
				t.Fatalf("Append() after %s failed: %v = %v", op, failed, aerr)
			}
			_, err = s.Compacted()
			failed = failed || err != nil
		}
		if err == nil || !strings.Contains(err.Error(), "next opening") {
			t.Errorf("Compacted() after a failed %s = %v", op, err)
		}
		verified(t, s)
	}
}

// TestMergeWaitsForASnapshot: what comes up while a snapshot is made is merged afterwards.
func TestMergeWaitsForASnapshot(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, unasked(512, nil))
	scatter(t, s, rand.New(rand.NewPCG(16, 1)), 12)
	before, _ := s.Compacted()
	more := func() { scatter(t, s, rand.New(rand.NewPCG(16, 2)), 30) }
	d.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpSync {
			d.OnOp(nil)
			more()
		}
	})
	if _, err := s.Snapshot(t.Context(), "copy"); err != nil {
		t.Fatal(err)
	}
	during, _ := s.Compacted()
	more()
	if after, err := s.Compacted(); err != nil || during.Merges != before.Merges || after.Merges <= during.Merges {
		t.Errorf("%d merges before a snapshot, %d after it, and then %d, %v", before.Merges, during.Merges, after.Merges, err)
	}
	verified(t, s)
}

// TestMergeGivesUpOnASnapshot: who asks for a merge while a snapshot is made waits for it no
// longer than its context, and nothing comes of what it staged.
func TestMergeGivesUpOnASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		s := openSim(t, d, &batpak.Options{SegmentSize: 512})
		scatter(t, s, rand.New(rand.NewPCG(18, 1)), 40)
		var err error
		d.OnOp(func(op faultfs.Op, name string) {
			if op == faultfs.OpSync {
				d.OnOp(nil)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second) // which passes when all wait
				defer cancel()
				_, err = s.Compact(ctx)
			}
		})
		if _, err := s.Snapshot(t.Context(), "copy"); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Compact() beside a snapshot = %v, want %v", err, context.DeadlineExceeded)
		}
		if r, err := s.Compact(t.Context()); err != nil || r.Merges == 0 {
			t.Errorf("Compact() after it = %+v, %v, want merges", r, err)
		}
		verified(t, s)
	})
}

// TestRetentionThatDoesNotReturn: a retention that panics, or ends its goroutine, ends the
// merge that asked it. No file of that is left open, and the next merge goes on.
func TestRetentionThatDoesNotReturn(t *testing.T) {
	s, err := batpak.Open("simulated", simOptions(simfs.New(), &batpak.Options{SegmentSize: 1 << 10}))
	if err != nil {
		t.Fatal(err)
	}
	scatter(t, s, rand.New(rand.NewPCG(19, 1)), 60)
	for _, end := range []func(){func() { panic("hostile") }, runtime.Goexit} {
		var asking sync.WaitGroup
		asking.Go(func() {
			defer func() { _ = recover() }()
			r, err := s.Compact(t.Context(), batpak.Retention(func(m batpak.Meta) batpak.Fate {
				if m.Sequence == 12 {
					end()
				}
				return batpak.DropEvent
			}))
			t.Errorf("Compact() = %+v, %v, and should not have returned", r, err)
		})
		asking.Wait()
	}
	if r, err := s.Compact(t.Context()); err != nil || r.Merges == 0 || r.Dropped > 0 {
		t.Errorf("Compact() = %+v, %v, want merges", r, err)
	}
	verified(t, s)
	if err := caught(s.Close); err != nil { // the check of the store counts its files
		t.Error(err)
	}
}

// TestRetentionThatEndsTheMerger: a store is closed although its retention has ended the
// goroutine that merges.
func TestRetentionThatEndsTheMerger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := batpak.Open(t.TempDir(), overseen(unasked(1<<10, func(batpak.Meta) batpak.Fate {
			runtime.Goexit()
			return batpak.KeepEvent
		})))
		opened(t, s, err)
		scatter(t, s, rand.New(rand.NewPCG(20, 1)), 60)
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestRest: a merge keeps within its rate, and leaves most of the time to others.
func TestRest(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 17))
		rate, bytes, took, beside := 1+r.Int64N(1<<30), 1+r.IntN(1<<24), time.Duration(r.Int64N(int64(time.Second))), r.IntN(2) == 0
		rest := batpak.Rest(rate, bytes, took, beside)
		least := time.Duration(float64(bytes) / float64(rate) * float64(time.Second))
		enough := took+rest >= least && (!beside || rest >= 9*took)
		if longer := rest > 0 && took+rest > least && !(beside && rest == 9*took); !enough || longer || rest < 0 {
			t.Fatalf("seed %d: rest after %d bytes in %v, %d a second, beside others: %v, is %v", seed, bytes, took, rate, beside, rest)
		}
	}
}

// TestCompactRests: who asks for a merge has a tenth of the time at most as long as others
// append, and all of it when nobody does. Neither its context nor who closes the store waits
// for a rest to end.
func TestCompactRests(t *testing.T) {
	const write = time.Hour // takes what a merge writes
	for _, c := range []struct {
		beside  bool
		close   time.Duration // after that; 0 = not
		timeout time.Duration
		want    error
	}{
		{false, 0, 1e6 * write, nil},
		{true, 0, 1e6 * write, nil},
		{true, 30 * write, 1e6 * write, batpak.ErrClosed},
		{true, 0, 30 * write, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, worked := simfs.New(), time.Duration(0)
			s := openSim(t, d, &batpak.Options{SegmentSize: 256 << 10})
			for range 300 {
				mustAppend(t, s, note("e:1", strings.Repeat("x", 16<<10)))
			}
			d.OnOp(func(op faultfs.Op, name string) {
				if span, _ := segment.ParseSpan(strings.TrimSuffix(name, vfs.TempSuffix)); op == faultfs.OpWrite && span.Round > 0 {
					worked += write
					time.Sleep(write)
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
			defer cancel()
			var others sync.WaitGroup
			ended, end := context.WithCancel(ctx)
			others.Go(func() {
				for ; c.beside && ended.Err() == nil; time.Sleep(write / 2) {
					if _, err := s.Append(t.Context(), note("e:2", "y")); err != nil {
						return
					}
				}
			})
			began := time.Now()
			if c.close > 0 {
				others.Go(func() {
					time.Sleep(c.close)
					if err := s.Close(); err != nil || time.Since(began) > c.close+write {
						t.Errorf("Close() = %v, after %v, want it after %v", err, time.Since(began), c.close)
					}
				})
			}
			r, err := s.Compact(ctx)
			took := time.Since(began)
			end()
			others.Wait()
			least, most := worked, worked
			if c.beside {
				least, most = 8*worked, 12*worked // it rests when a slice is full, and the last one is not
			}
			if !errors.Is(err, c.want) || c.want == nil && (r.Merges == 0 || took < least || took > most) {
				t.Errorf("%+v: Compact() = %+v, %v, after %v, of which it worked %v", c, r, err, took, worked)
			}
			if c.want != nil && took > 31*write {
				t.Errorf("%+v: Compact() = %v after %v", c, err, took)
			}
		})
	}
}

// TestCloseEndsAMergeThatRests: a store whose merges may hardly read is closed at once, and
// the next one finds every event.
func TestCloseEndsAMergeThatRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		o := &batpak.Options{SegmentSize: 64 << 10, Compaction: &batpak.Compaction{Rate: 1}} // a day for each slice
		rtopts.SetFanIn(&o.Internal, 2)
		s, err := batpak.Open(dir, overseen(o))
		s = opened(t, s, err)
		for range 64 {
			mustAppend(t, s, note("e:1", strings.Repeat("x", 16<<10)))
		}
		time.Sleep(80 * time.Hour) // of no real time: the second slice is being read
		synctest.Wait()
		if temps, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(temps) == 0 {
			t.Errorf("no merge is under way: %q, %v", temps, err)
		}
		began := time.Now()
		if err := s.Close(); err != nil || time.Since(began) > 0 {
			t.Errorf("Close() beside a merge that rests = %v, after %v", err, time.Since(began))
		}
		plain := open(t, dir, nil)
		if n := len(events(t, plain, batpak.Query{})); n != 64 {
			t.Errorf("there are %d events, want 64", n)
		}
		if r, err := plain.Compacted(); r != (batpak.CompactReport{}) || err != nil {
			t.Errorf("Compacted() of a store that does not merge = %+v, %v", r, err)
		}
	})
}
