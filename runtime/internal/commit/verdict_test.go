package commit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// Where only a group under way speaks against a request, be it the one on its way
// to the disk or the one behind it, the request waits. It is refused if that
// group succeeds and takes its place if it fails.
func TestVerdictWaitsForTheGroupUnderWay(t *testing.T) {
	for name, second := range map[string]func() *commit.Request{
		"expectation": func() *commit.Request { return request(event{entity: "a", text: "second", expects: true}) },
		"key":         func() *commit.Request { return request(event{entity: "b", text: "second", key: "k"}) },
		"condition": func() *commit.Request {
			return &commit.Request{Items: one("b", "second").Items, Conditions: []index.Query{{Entity: "a"}}}
		},
		"batch": func() *commit.Request {
			return request(event{entity: "b", text: "second"}, event{entity: "a", text: "second", expects: true})
		},
	} {
		for _, fails := range []bool{false, true} {
			for _, behind := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, fails %v, behind another %v", name, fails, behind), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { verdictWaits(t, second(), fails, behind) })
				})
			}
		}
	}
}

func verdictWaits(t *testing.T, second *commit.Request, fails, behind bool) {
	d := simfs.New()
	r := begin(t, d, tuning{})
	defer r.close(t)
	g := hold(d, faultfs.OpWrite)
	defer g.open()
	var want []string
	if behind {
		want = append(want, "before")
		r.submit(t.Context(), one("other", "before"))
		synctest.Wait()
	}
	a := r.submit(t.Context(), request(event{entity: "a", key: "k", text: "first"}))
	synctest.Wait()
	b := r.submit(t.Context(), second)
	synctest.Wait()
	if behind {
		for range 2 { // zeros ahead, and the group
			g.pass <- struct{}{}
			synctest.Wait()
		}
	}
	if b.over() {
		t.Errorf("request got %v while all that speaks against it is not published", b.err)
	}
	if fails {
		d.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.EIO})
	}
	g.open()
	if err := a.wait(); errors.Is(err, syscall.EIO) != fails {
		t.Errorf("first request = %v, with a failing write: %v", err, fails)
	}
	switch err := b.wait(); {
	case fails && err != nil:
		t.Errorf("second request = %v after the first had failed, want nil", err)
	case !fails && !isConflict(err) && !errors.Is(err, commit.ErrLookAgain):
		t.Errorf("second request = %v after the first had succeeded, want a refusal", err)
	}
	if want = append(want, "first"); fails {
		want = append(want[:len(want)-1], slices.Repeat([]string{"second"}, len(second.Items))...)
	}
	if got := r.payloads(t); !slices.Equal(got, want) {
		t.Errorf("published are %q, want %q", got, want)
	}
}

// What published events refuse is refused at once, whatever is under way.
func TestPublishedEventsRefuseAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{})
		defer r.close(t)
		if err := r.Submit(t.Context(), request(event{entity: "a", key: "k"})); err != nil {
			t.Fatal(err)
		}
		g := hold(d, faultfs.OpWrite)
		defer g.open()
		r.submit(t.Context(), one("a", "under way"))
		synctest.Wait()
		r.submit(t.Context(), one("a", "behind it"))
		synctest.Wait()
		for want, q := range map[error]*commit.Request{
			&commit.Conflict{Item: 0, Expected: 7, Actual: 1}: request(event{entity: "a", expects: true, version: 7}),
			&commit.Conflict{Item: 1, Expected: 3, Actual: 2}: request(event{entity: "a"}, event{entity: "a", expects: true, version: 3}),
			&commit.Conflict{Item: -1, Found: 1}:              {Items: one("b", "").Items, Conditions: []index.Query{{Prefix: "a"}}},
			commit.ErrLookAgain:                               request(event{entity: "b", key: "k"}),
		} {
			o := r.submit(t.Context(), q)
			synctest.Wait()
			if !o.over() {
				t.Errorf("request that is to get %+v waits", want)
				continue
			}
			got, isConflict := errors.AsType[*commit.Conflict](o.err)
			if c, ok := want.(*commit.Conflict); ok != isConflict || ok && *got != *c || !ok && !errors.Is(o.err, want) {
				t.Errorf("Submit() = %+v, want %+v", o.err, want)
			}
		}
	})
}

// A condition by correlation knows by itself only which events were given it. For the
// event whose id it is, the caller looks, and again if it may have come in between.
func TestConditionOnAnEventThatCameIn(t *testing.T) {
	r := begin(t, simfs.New(), tuning{})
	defer r.close(t)
	if err := r.Submit(t.Context(), one("a", "root")); err != nil {
		t.Fatal(err)
	}
	all, err := r.records()
	if err != nil {
		t.Fatal(err)
	}
	for known, want := range map[uint64]error{0: commit.ErrLookAgain, 1: nil} {
		q := one("b", "x")
		q.Conditions, q.Known = []index.Query{{Correlation: all[0].ID}}, known
		if err := r.Submit(t.Context(), q); !errors.Is(err, want) {
			t.Errorf("Submit() of who knows of %d events = %v, want %v", known, err, want)
		}
	}
}

// A caller whose key came in between is told so although other groups are always
// under way: the store never has to come to rest for it.
func TestLookAgainIsToldBesideOtherWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{})
		defer r.close(t)
		g := hold(d, faultfs.OpSync)
		defer g.open()
		r.submit(t.Context(), request(event{entity: "a", key: "k"}))
		synctest.Wait()
		late := r.submit(t.Context(), request(event{entity: "a", key: "k"}))
		for range 5 {
			r.submit(t.Context(), one("b", "more"))
			synctest.Wait()
			g.pass <- struct{}{}
			synctest.Wait()
		}
		if !late.over() || !errors.Is(late.err, commit.ErrLookAgain) {
			t.Errorf("after five groups the request has over = %v, want ErrLookAgain", late.over())
		}
	})
}

// A request may expect what the group under way will make true: it follows it
// in the next group, and goes down with it alone.
func TestExpectationOfTheGroupUnderWay(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := simfs.New()
			r := begin(t, d, tuning{})
			defer r.close(t)
			g := hold(d, faultfs.OpWrite)
			defer g.open()
			a := r.submit(t.Context(), one("a", "1"))
			synctest.Wait()
			b := r.submit(t.Context(), request(event{entity: "a", text: "2", expects: true, version: 1}))
			synctest.Wait()
			c := r.submit(t.Context(), one("c", "3"))
			synctest.Wait()
			if fails {
				d.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.EIO})
			}
			g.open()
			aerr, berr, cerr := a.wait(), b.wait(), c.wait()
			if (aerr != nil) != fails || isConflict(berr) != fails || cerr != nil {
				t.Errorf("with a failing write: %v, Submit() = %v, %v, %v", fails, aerr, berr, cerr)
			}
			want := []string{"1", "2", "3"}
			if fails {
				want = []string{"3"}
			}
			if got := r.payloads(t); !slices.Equal(got, want) {
				t.Errorf("published are %q, want %q", got, want)
			}
		})
	}
}

// A request that was told its ids keeps them when the group before its own
// fails, and everything else about it is made anew.
func TestReassemblyKeepsIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{})
		defer r.close(t)
		g := hold(d, faultfs.OpWrite)
		defer g.open()
		a := r.submit(t.Context(), request(event{entity: "a", text: "lost"}, event{entity: "b", text: "lost"}))
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		b := r.submit(ctx, request(event{entity: "a", text: "1"}, event{entity: "b", text: "2", cause: 1}, event{entity: "a", text: "3"}))
		synctest.Wait()
		gone := r.submit(t.Context(), request(event{entity: "b", text: "gone", expects: true, version: 2}))
		synctest.Wait()
		c := r.submit(t.Context(), one("a", "4"))
		synctest.Wait()
		cancel()
		unknown, ok := errors.AsType[*commit.UnknownError](b.wait())
		if !ok || !errors.Is(b.err, context.Canceled) || len(unknown.Heads) != 3 {
			t.Fatalf("cancelled request = %v, want an UnknownError with three heads", b.err)
		}
		d.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.EIO})
		g.open()
		if aerr, cerr := a.wait(), c.wait(); !errors.Is(aerr, syscall.EIO) || cerr != nil {
			t.Errorf("Submit() = %v, %v, want EIO and nil", aerr, cerr)
		}
		if err := gone.wait(); !isConflict(err) {
			t.Errorf("request that expected the failed group = %v, want a conflict", err)
		}
		records, err := r.records()
		if err != nil || len(records) != 4 {
			t.Fatalf("published are %d records, %v, want 4", len(records), err)
		}
		for i, h := range unknown.Heads {
			if records[i].ID != h.ID {
				t.Errorf("event %d has id %x, its caller was told %x", i+1, records[i].ID, h.ID)
			}
		}
		if records[1].Causation != records[0].ID {
			t.Errorf("causation = %x, want the id of the item it names, %x", records[1].Causation, records[0].ID)
		}
		if h := c.Heads(); len(h) != 1 || h[0] != records[3].Head {
			t.Errorf("Heads() = %+v, want that of the record, %+v", h, records[3].Head)
		}
	})
}

// The sequences end before the index does, and a place that a failed group gives
// back can be had.
func TestExhaustedSequences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := simfs.New()
		r := begin(t, d, tuning{next: commit.MaxSequence - 2})
		defer r.close(t)
		if err := r.Submit(t.Context(), request(event{entity: "a"}, event{entity: "a"}, event{entity: "a"}, event{entity: "a"})); !errors.Is(err, commit.ErrExhausted) {
			t.Errorf("Submit() of 4 events with 3 sequences left = %v, want ErrExhausted", err)
		}
		if err := r.Submit(t.Context(), one("a", "")); err != nil {
			t.Errorf("Submit() with 3 sequences left = %v", err)
		}
		g := hold(d, faultfs.OpWrite)
		defer g.open()
		a := r.submit(t.Context(), one("a", ""))
		synctest.Wait()
		b := r.submit(t.Context(), request(event{entity: "b"}, event{entity: "b"}))
		synctest.Wait()
		if b.over() {
			t.Errorf("request for the last two sequences got %v while one of them is under way", b.err)
		}
		d.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.EIO})
		g.open()
		if aerr, berr := a.wait(), b.wait(); !errors.Is(aerr, syscall.EIO) || berr != nil {
			t.Errorf("Submit() = %v, %v, want a full disk, and nil for the last two sequences", aerr, berr)
		}
		if err := r.Submit(t.Context(), one("a", "")); !errors.Is(err, commit.ErrExhausted) {
			t.Errorf("Submit() after the last sequence = %v, want ErrExhausted", err)
		}
		if err := r.Submit(t.Context(), &commit.Request{Sync: true}); err != nil {
			t.Errorf("Submit() without items after the last sequence = %v", err)
		}
	})
}

// TestErrorsSayTheirCause: what the pipeline fails with says why.
func TestErrorsSayTheirCause(t *testing.T) {
	for want, err := range map[string]error{
		"poisoned: " + syscall.EIO.Error():        &commit.PoisonedError{Cause: syscall.EIO},
		"outcome unknown: " + syscall.EIO.Error(): &commit.UnknownError{Cause: syscall.EIO},
	} {
		if err.Error() != want || !errors.Is(err, syscall.EIO) {
			t.Errorf("%T says %q, want %q", err, err, want)
		}
	}
}
