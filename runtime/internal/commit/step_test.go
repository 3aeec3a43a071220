package commit_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/frontier"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// join lets requests come without waiting for them, one after the other.
func (r *rig) join(t *testing.T, requests ...*commit.Request) {
	t.Helper()
	for i, q := range requests {
		if over, err := r.Join(q); over || err != nil {
			t.Fatalf("Join() of request %d = %v, %v, want it to be under way", i, over, err)
		}
	}
}

// steps takes n steps, each of which must have something to do.
func (r *rig) steps(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		if !r.Step() {
			t.Fatalf("Step() %d of %d had nothing to do", i+1, n)
		}
	}
}

// land takes steps until nothing is under way.
func (r *rig) land() {
	for r.Step() {
	}
}

// One step does one thing, and that is seen where it should be and nowhere else.
func TestStepTakesOneStage(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{})
	defer r.close(t)
	if r.Step() {
		t.Error("Step() of an idle pipeline = true, want false")
	}
	q := one("a", "x")
	r.join(t, q)
	for i, want := range []struct {
		does     string
		writes   bool
		syncs    bool
		visible  uint64
		outcomes bool
	}{
		{does: "seal"},
		{does: "write", writes: true},
		{does: "sync", syncs: true},
		{does: "publish", visible: 1},
		{does: "land", visible: 1, outcomes: true},
	} {
		var ops []faultfs.Op
		d.OnOp(func(op faultfs.Op, _ string) { ops = append(ops, op) })
		r.steps(t, 1)
		d.OnOp(nil)
		over, err := r.Join(q)
		if slices.Contains(ops, faultfs.OpWrite) != want.writes || slices.Contains(ops, faultfs.OpSync) != want.syncs ||
			r.frontier.At(frontier.Visible) != want.visible || over != want.outcomes || err != nil {
			t.Errorf("step %d, which is to %s: operations %v, visible %d, over %v, %v", i, want.does, ops, r.frontier.At(frontier.Visible), over, err)
		}
	}
	if r.Step() {
		t.Error("Step() after the last group = true, want false")
	}
}

// Requests that come while a group flies lie in one group behind it.
func TestStepsOfTwoGroups(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{})
	defer r.close(t)
	syncs := 0
	d.OnOp(func(op faultfs.Op, _ string) {
		if op == faultfs.OpSync {
			syncs++
		}
	})
	r.join(t, one("a", "1"), one("b", "2"))
	r.steps(t, 2)
	third, waits := one("c", "3"), request(event{entity: "a", text: "never", expects: true})
	r.join(t, third, waits)
	if third.Heads() == nil || waits.Heads() != nil {
		t.Errorf("places = %v and %v, want one, and none for a request whose verdict waits", third.Heads(), waits.Heads())
	}
	r.land()
	if over, err := r.Join(waits); !over || !isConflict(err) {
		t.Errorf("Join() after the group that was waited for = %v, %v, want a conflict", over, err)
	}
	if over, err := r.Join(third); !over || err != nil || third.Heads()[0].Sequence != 3 {
		t.Errorf("Join() after its group = %v, %v, %+v, want sequence 3", over, err, third.Heads())
	}
	if got := r.payloads(t); !slices.Equal(got, []string{"1", "2", "3"}) || syncs != 2 {
		t.Errorf("published are %q with %d syncs, want two groups", got, syncs)
	}
}

// A write that fails takes its own group with it, and the one behind is assembled
// again.
func TestStepsOfAGroupThatFails(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{})
	defer r.close(t)
	lost, kept := one("a", "lost"), one("a", "kept")
	r.join(t, lost)
	r.steps(t, 1)
	r.join(t, kept)
	id := kept.Heads()[0].ID
	d.Fail(faultfs.Fault{Op: faultfs.OpWrite, Err: syscall.EIO})
	r.steps(t, 1)
	if over, err := r.Join(lost); !over || !errors.Is(err, syscall.EIO) {
		t.Errorf("Join() after a write that failed = %v, %v, want EIO", over, err)
	}
	if h := kept.Heads()[0]; h.ID != id || h.Sequence != 1 || h.Version != 1 {
		t.Errorf("place behind a group that failed = %+v, want its own id, and that group's sequence and version", h)
	}
	r.land()
	if over, err := r.Join(kept); !over || err != nil {
		t.Errorf("Join() = %v, %v, want it committed", over, err)
	}
	if got := r.payloads(t); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("published are %q", got)
	}
}

// TestMemoryThatChanges flips each bit of a group that waits to be written, whose records
// have their checksums: nobody is told that its events are stored, none of them is, and
// what comes next is.
func TestMemoryThatChanges(t *testing.T) {
	r := begin(t, simfs.New(), tuning{})
	defer r.close(t)
	gather := func() (q *commit.Request, bits int) {
		q = request(event{entity: "a", key: "k", text: "first"}, event{entity: "b", text: strings.Repeat("long", 20), cause: 1})
		r.join(t, q)
		return q, 8 * len(r.Gathering())
	}
	const header = 8 * format.GroupHeaderSize
	q, bits := gather()
	for n := header; n < bits; n++ {
		if n%2 == 0 {
			r.steps(t, 1) // be it on its way already
		}
		r.Gathering()[n/8] ^= 1 << (n % 8)
		r.land()
		if over, err := r.Join(q); !over || err == nil || isPoisoned(err) || isUnknown(err) {
			t.Fatalf("bit %d: Join() = %v, %v, want the append refused", n, over, err)
		}
		q, _ = gather()
	}
	r.land()
	if over, err := r.Join(q); !over || err != nil || len(r.payloads(t)) != 2 {
		t.Errorf("Join() when memory is well again = %v, %v, want it committed", over, err)
	}
}

// Driven step by step or led by its callers, the pipeline writes the same bytes:
// there is one way through it.
func TestStepsWriteWhatLeadersWrite(t *testing.T) {
	for seed := range uint64(20) {
		led, driven := simfs.New(), simfs.New()
		for _, disk := range []*simfs.Disk{led, driven} {
			random := rand.New(rand.NewPCG(seed, 1))
			r, err := start(disk, tuning{segmentSize: 700, relaxed: seed%2 == 0, wall: fixed})
			if err != nil {
				t.Fatal(err)
			}
			disk.Fail(faultfs.Fault{Op: faultfs.OpWrite, N: 1 + random.IntN(30), Err: syscall.ENOSPC})
			for i := range 20 {
				text := fmt.Sprint(i, strings.Repeat("x", random.IntN(200)))
				q := request(event{entity: fmt.Sprint(random.IntN(3)), text: text, key: text}, event{entity: "b", text: text, cause: 1})
				if q.Sync = random.IntN(4) == 0; disk == led {
					err = r.Submit(t.Context(), q)
				} else {
					r.join(t, q)
					r.land()
					_, err = r.Join(q)
				}
				if err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("seed %d, request %d = %v", seed, i, err)
				}
			}
			r.close(t)
		}
		content := func(d *simfs.Disk) map[string]string {
			all := map[string]string{}
			for _, name := range d.Names() {
				all[name] = string(d.Bytes(name))
			}
			return all
		}
		if diff := cmp.Diff(content(led), content(driven)); diff != "" {
			t.Errorf("seed %d: (-led +driven):\n%s", seed, diff)
		}
	}
}
