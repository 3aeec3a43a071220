package batpak_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// compacted is a store with a merged segment and others behind it.
func compacted(t *testing.T) *copied {
	c := newCopied(t, 24)
	if r, err := c.store.Compact(t.Context()); err != nil || r.Merges == 0 {
		t.Fatalf("Compact() = %+v, %v, want a merge", r, err)
	}
	for range 4 {
		c.append()
	}
	return c
}

// TestSnapshotOfMergedSegments: a snapshot of a store that was compacted is one that
// was, by links and by copies, and neither it nor the store sees what is merged in the
// other later.
func TestSnapshotOfMergedSegments(t *testing.T) {
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			c := compacted(t)
			r, err := make(c)
			if err != nil || r.Position != uint64(len(c.events)) || (r.Linked > 0) != (name == "linked") {
				t.Fatalf("report %+v, %v", r, err)
			}
			if n := len(c.disk.Only("copy").Names()); r.Segments != n {
				t.Errorf("report says %d segments, there are %d files", r.Segments, n)
			}
			if _, err := c.crash(len(c.events), true); err != nil {
				t.Fatal(err)
			}
			if name == "restored" {
				return
			}
			if r, err := c.store.Compact(t.Context()); err != nil || r.Merges == 0 {
				t.Fatalf("Compact() of the store = %+v, %v, want a merge", r, err)
			}
			if _, err := c.hold(c.disk.CutHard(), len(c.events), true); err != nil {
				t.Errorf("after the store was compacted: %v", err)
			}
			twin, err := batpak.Open("copy", checked(c.disk.Dir("copy"), small))
			opened(t, twin, err)
			if r, err := twin.Compact(t.Context()); err != nil {
				t.Errorf("Compact() of the snapshot = %+v, %v", r, err)
			}
			verified(t, twin)
			if all, err := eventsOf(c.store); err != nil || differs(all, c.events) != "" {
				t.Errorf("the store, after the snapshot was compacted: %s, %v", differs(all, c.events), err)
			}
		})
	}
}

// TestCompactKthFault lets each operation of a compaction fail in turn, once or from
// then on, with its effect or without: whatever became of the merge, the store reads and
// writes on, a snapshot of it is whole, and so is what the next opening finds. The same goes
// for a merge that comes unasked, while an event is appended.
func TestCompactKthFault(t *testing.T) {
	t.Parallel()
	runs := 0
	operations := []faultfs.Op{
		faultfs.OpCreate, faultfs.OpOpen, faultfs.OpWrite, faultfs.OpSync, faultfs.OpSyncDir, faultfs.OpRename, faultfs.OpRemove, faultfs.OpRead, faultfs.OpList,
	}
	try := func(f faultfs.Fault) {
		for f.N = 1; faultedCompaction(t, drawAny(*faultsSeed, f)); f.N++ {
			runs++
		}
		for f.N = 1; !f.Sticky && !f.Kept; f.N++ {
			once := drawAny(*faultsSeed, f)
			if once.Sticky, once.Kept = false, false; !faultedMerge(t, once) {
				break
			}
			runs++
		}
	}
	for _, op := range operations {
		for i := range 4 {
			f := faultfs.Fault{Op: op, Sticky: i&1 != 0, Kept: i&2 != 0, Err: syscall.EIO}
			if f.Kept && (op == faultfs.OpOpen || op == faultfs.OpRead || op == faultfs.OpList) {
				continue
			}
			try(f)
		}
	}
	for _, f := range faultsBeside(operations) {
		try(f)
	}
	if t.Logf("%d faults", runs); t.Failed() {
		t.Error(again(t, *faultsSeed))
	}
}

// faultedMerge appends to a store that merges by itself while something of a merge fails,
// and reports whether it did.
func faultedMerge(t *testing.T, f faultfs.Fault) (met bool) {
	c, seen, armed := &copied{T: t, disk: simfs.New()}, 0, false
	c.store = openSim(t, c.disk, unasked(512, nil))
	failed := func(what string, err error) {
		t.Helper()
		t.Errorf("%s of operation %d of an unasked merge: %s: %v", describeFault(f), f.N, what, err)
	}
	c.disk.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpCreate && strings.Contains(name, "-") && !armed {
			c.disk.Fail(f)
			armed = true
		}
		if armed && op == f.Op {
			seen++
		}
	})
	poisoned := false
	for over := 0; over < 8; {
		_, err := c.store.Append(t.Context(), note("e:1", "of some length, so that segments end soon"))
		if errors.Is(err, batpak.ErrPoisoned) != poisoned || err != nil && !poisoned {
			failed(fmt.Sprintf("append, poisoned: %v", poisoned), err)
			return false
		}
		if armed {
			c.disk.Heal() // the merge that came with this append is over
			over++
			_, why := c.store.Compacted()
			poisoned = poisoned || f.Op == faultfs.OpSyncDir && why != nil
		}
		met = met || seen >= f.N && over == 1
		c.learn()
	}
	c.disk.OnOp(nil)
	if v, err := c.store.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(len(c.events)) {
		failed(fmt.Sprintf("Verify() = %+v", v), err)
	}
	for i, image := range []*simfs.Disk{c.disk.Kill(), c.disk.CutHard(), c.disk.Cut(uint64(f.N))} {
		again, err := batpak.Open("store", simOptions(image, unasked(512, nil)))
		if err == nil {
			var all []batpak.Event
			if all, err = eventsOf(again); err == nil && (len(all) != len(c.events) || differs(all, c.events) != "") {
				err = fmt.Errorf("%d events, want %d: %s", len(all), len(c.events), differs(all, c.events))
			}
			err = errors.Join(err, again.Close())
		}
		if err != nil {
			failed(fmt.Sprintf("image %d", i), err)
		}
	}
	return met
}

// faultedCompaction compacts a store while something fails, and reports whether it did.
func faultedCompaction(t *testing.T, f faultfs.Fault) (met bool) {
	c, seen := compacted(t), 0
	c.disk.OnOp(func(op faultfs.Op, name string) {
		if op == f.Op {
			seen++
		}
	})
	c.disk.Fail(f)
	r, err := c.store.Compact(t.Context())
	c.disk.Heal()
	c.disk.OnOp(nil)
	met = seen >= f.N
	failed := func(what string, err error) {
		t.Helper()
		t.Errorf("%s of operation %d: %s: %v", describeFault(f), f.N, what, err)
	}
	if met && err != nil && f.Err != short && !errors.Is(err, f.Err) { // what is not there to be read may be anything
		failed("Compact()", err)
	}
	if met && f.Sticky && err == nil && f.Op != faultfs.OpRemove && f.Op != faultfs.OpRead && f.Op != faultfs.OpOpen {
		failed(fmt.Sprintf("Compact() = %+v", r), err)
	}
	poisoned := f.Op == faultfs.OpSyncDir && err != nil
	if _, err := c.store.Append(t.Context(), note("e:1", "after it")); errors.Is(err, batpak.ErrPoisoned) != poisoned || err != nil && !poisoned {
		failed("Append() after it", err)
	}
	c.learn()
	if all, err := eventsOf(c.store); err != nil || len(all) != len(c.events) || differs(all, c.events) != "" {
		failed("events: "+differs(all, c.events), err)
	}
	if v, err := c.store.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(len(c.events)) {
		failed(fmt.Sprintf("Verify() = %+v", v), err)
	}
	s, err := c.store.Snapshot(t.Context(), "copy")
	if err == nil {
		_, err = c.hold(c.disk.CutHard(), len(c.events), true)
	}
	if err != nil {
		failed(fmt.Sprintf("Snapshot() = %+v", s), err)
	}
	for i, image := range []*simfs.Disk{c.disk.Kill(), c.disk.CutHard(), c.disk.Cut(uint64(f.N))} {
		again, err := batpak.Open("store", simOptions(image, small))
		if err != nil {
			failed(fmt.Sprintf("image %d", i), err)
			continue
		}
		all, err := eventsOf(again)
		if err == nil && differs(all, c.events) != "" {
			err = errors.New(differs(all, c.events))
		}
		if err == nil {
			_, err = again.Compact(t.Context())
		}
		if err = errors.Join(err, again.Close()); err != nil {
			failed(fmt.Sprintf("image %d", i), err)
		}
	}
	return met
}

// TestSnapshotOfAFollowerThatFellBehind: a store that is open for reading beside a writer
// which has merged what it shows makes a snapshot of at least that, or says that it has to
// be refreshed.
func TestSnapshotOfAFollowerThatFellBehind(t *testing.T) {
	for n := range 12 {
		c := newCopied(t, 4+n)
		f, err := batpak.OpenReadOnly("store", simOptions(c.disk, nil))
		opened(t, f, err)
		shown := int(f.Frontier().Visible)
		for range 12 {
			c.append()
		}
		if r, err := c.store.Compact(t.Context()); err != nil || r.Merges == 0 {
			t.Fatalf("Compact() = %+v, %v", r, err)
		}
		r, err := f.Snapshot(t.Context(), "copy")
		if errors.Is(err, batpak.ErrCompacted) {
			if err = f.Refresh(t.Context()); err == nil {
				r, err = f.Snapshot(t.Context(), "copy")
			}
		}
		if err != nil || int(r.Position) < shown {
			t.Fatalf("Snapshot() = %+v, %v, want position %d at least", r, err, shown)
		}
		if _, err := c.hold(c.disk.CutHard(), int(r.Position), true); err != nil {
			t.Error(err)
		}
	}
}
