package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// small makes segments of a few events.
var small = &batpak.Options{SegmentSize: 512}

// copied is a store of which snapshots are made in the directory "copy".
type copied struct {
	*testing.T
	disk   *simfs.Disk
	store  *batpak.Store
	events []batpak.Event // acknowledged
	acked  int
	more   int // events that are under way
}

// newCopied returns a store with so many events of a few streams, some of them in
// batches.
func newCopied(t *testing.T, n int) *copied {
	c := &copied{T: t, disk: simfs.New()}
	c.store = openSim(t, c.disk, small)
	for c.acked < n {
		c.append()
	}
	return c
}

// append adds one to three events.
func (c *copied) append() {
	b := c.store.NewBatch()
	c.more = 1 + c.acked%3
	for i := range c.more {
		b.Add(note(fmt.Sprintf("e:%d", (c.acked+i)%4), strings.Repeat("x", 20+c.acked*7%60)), batpak.Key(fmt.Sprint(c.acked+i)))
	}
	if _, err := b.Commit(context.Background()); err != nil {
		c.Fatalf("append = %v", err)
	}
	c.learn()
	c.more = 0
}

// learn takes in what the store shows, be it that its appender was not told yet.
func (c *copied) learn() {
	all, err := eventsOf(c.store)
	if err != nil {
		c.Error(err)
	}
	if len(all) > c.acked {
		c.events, c.acked, c.more = all, len(all), 0
	}
}

// hold reads the snapshot on an image of the disk. It is all of the events up to the
// position or, unless it is done, nothing.
func (c *copied) hold(image *simfs.Disk, position int, done bool) (whole bool, err error) {
	only := image.Only("copy")
	s, err := openReader(only, nil)
	switch {
	case errors.Is(err, batpak.ErrUnfinished), errors.Is(err, fs.ErrNotExist) && len(only.Names()) == 0:
		if done {
			return false, fmt.Errorf("the snapshot is gone: %w", err)
		}
		if len(only.Names()) == 0 {
			return false, nil
		}
		if _, err := batpak.Open("copy", simOptions(only, nil)); !errors.Is(err, batpak.ErrUnfinished) {
			return false, fmt.Errorf("Open() of an unfinished snapshot = %w", err)
		}
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%q: %w", only.Names(), err)
	}
	defer s.Close()
	got, err := eventsOf(s)
	if err != nil || len(got) != position || differs(got, c.events) != "" {
		return true, fmt.Errorf("the snapshot has %d events, want %d: %s, %w", len(got), position, differs(got, c.events), err)
	}
	if r := s.Report(); !r.Clean {
		return true, fmt.Errorf("Report() = %+v, want what a closed store leaves", r)
	}
	return true, nil
}

// goOn lets the store, and the snapshot if there is one, come back after a crash and
// be written to, and wants neither to see anything of the other.
func (c *copied) goOn(image *simfs.Disk, position int, whole bool) error {
	before := directoryOf(image.Only("copy"))
	s, err := batpak.Open("store", simOptions(image, small))
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	defer s.Close()
	got, err := eventsOf(s)
	if err != nil || len(got) != c.acked && len(got) != c.acked+c.more || differs(got[:c.acked], c.events) != "" {
		return fmt.Errorf("the store has %d events, want %d: %s, %w", len(got), c.acked, differs(got[:min(len(got), c.acked)], c.events), err)
	}
	if err := grown(s, "store"); err != nil {
		return err
	}
	if now := directoryOf(image.Only("copy")); !equalFiles(before, now) {
		return errors.New("the store wrote to the files of the snapshot")
	}
	if !whole {
		return nil
	}
	own := directoryOf(image)
	twin, err := batpak.Open("copy", checked(image.Dir("copy"), small))
	if err != nil {
		return fmt.Errorf("open the snapshot: %w", err)
	}
	if err := errors.Join(grown(twin, "copy"), twin.Close()); err != nil {
		return err
	}
	if now := directoryOf(image); !equalFiles(own, now) {
		return errors.New("the snapshot wrote to the files of the store")
	}
	if got, err := c.hold(image.CutHard(), position+4, true); err == nil || !got || !strings.Contains(err.Error(), "was never stored") {
		return fmt.Errorf("the snapshot that was written to is %v, %w, want it with events of its own", got, err)
	}
	return nil
}

// grown appends to a store until it has begun a segment.
func grown(s *batpak.Store, who string) error {
	for i := range 4 {
		if _, err := s.Append(context.Background(), note("e:1", strings.Repeat(who, 40)), batpak.Key(fmt.Sprint(who, i))); err != nil {
			return fmt.Errorf("append to the %s: %w", who, err)
		}
	}
	return nil
}

func equalFiles(a, b directory) bool {
	return slices.Equal(a.names(), b.names()) && !slices.ContainsFunc(a.names(), func(name string) bool { return !bytes.Equal(a[name], b[name]) })
}

// crash holds all that a crash could leave now against what there must be.
func (c *copied) crash(position int, done bool) (images int, err error) {
	try := func(image *simfs.Disk) error {
		images++
		whole, err := c.hold(image, position, done)
		if err == nil {
			err = c.goOn(image, position, whole)
		}
		return err
	}
	if err := try(c.disk.Kill()); err != nil {
		return images, fmt.Errorf("after a kill: %w", err)
	}
	for image := range c.disk.Cuts(imageSeed) {
		if err := try(image); err != nil {
			return images, fmt.Errorf("after a power cut: %w", err)
		}
	}
	for seed := range uint64(2) {
		if err := try(c.disk.Cut(seed)); err != nil {
			return images, fmt.Errorf("after power cut %d: %w", seed, err)
		}
	}
	return images, nil
}

// makers are the ways to come to a copy.
var makers = map[string]func(c *copied) (batpak.SnapshotReport, error){
	"linked": func(c *copied) (batpak.SnapshotReport, error) { return c.store.Snapshot(c.Context(), "copy") },
	"cloned": func(c *copied) (batpak.SnapshotReport, error) {
		c.disk.SetApart(true, true)
		return c.store.Snapshot(c.Context(), "copy")
	},
	"copied": func(c *copied) (batpak.SnapshotReport, error) {
		c.disk.SetApart(true, false)
		return c.store.Snapshot(c.Context(), "copy")
	},
	"restored": func(c *copied) (batpak.SnapshotReport, error) {
		c.store.Close()
		return batpak.Restore(c.Context(), "store", "copy", simOptions(c.disk, nil))
	},
}

// TestSnapshotCrash kills the process, and cuts the power in every way, before each
// operation of a snapshot and after it: there is the whole snapshot or none, and the
// store has what it had. Both then go on, and neither sees the other.
func TestSnapshotCrash(t *testing.T) {
	t.Parallel()
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCopied(t, 8)
			before, images := directoryOf(c.disk), 0
			c.disk.OnOp(func(op faultfs.Op, name string) {
				if !changes(op) || t.Failed() {
					return
				}
				n, err := c.crash(len(c.events), false)
				if images += n; err != nil {
					t.Errorf("before %s %s, %q: %v", op, name, c.disk.Only("copy").Names(), err)
				}
			})
			r, err := make(c)
			c.disk.OnOp(nil)
			if err != nil || t.Failed() {
				t.Fatalf("%v", err)
			}
			n, err := c.crash(len(c.events), true)
			if err != nil {
				t.Errorf("when it is done: %v", err)
			}
			if name != "restored" && !equalFiles(before, directoryOf(c.disk)) {
				t.Error("the files of the store changed")
			}
			if r.Position != uint64(len(c.events)) || r.Segments < 3 || (r.Linked > 0) != (name == "linked") || (r.Cloned > 0) != (name == "cloned") || r.Copied == 0 {
				t.Errorf("report %+v", r)
			}
			t.Logf("%d images, %+v", images+n, r)
		})
	}
}

// TestSnapshotBesideAWriter makes a snapshot at each operation of a writer, most of
// all of its rotations, and crashes the disk behind it: what is linked is never
// written to again, whatever becomes of the segment that was being begun.
func TestSnapshotBesideAWriter(t *testing.T) {
	t.Parallel()
	for at, busy := 0, true; busy && !t.Failed(); at++ {
		c := newCopied(t, 4)
		busy = false
		n := -1
		c.disk.OnOp(func(op faultfs.Op, name string) {
			if !changes(op) {
				return
			}
			if n++; n != at {
				return
			}
			busy = true
			c.disk.OnOp(nil)
			c.learn()
			r, err := c.store.Snapshot(t.Context(), "copy")
			if err == nil {
				_, err = c.crash(int(r.Position), true)
			}
			if err != nil {
				t.Errorf("snapshot before %s %s: %v", op, name, err)
			}
		})
		for range 3 {
			c.append()
		}
		c.disk.OnOp(nil)
	}
}

// TestSnapshotWhileEverythingGoesOn appends at each operation of a snapshot, so that
// segments are ended and begun beside it: it holds the events that were durable when
// it began.
func TestSnapshotWhileEverythingGoesOn(t *testing.T) {
	for name, make := range makers {
		if name == "restored" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c := newCopied(t, 12)
			want, inside := len(c.events), false
			c.disk.OnOp(func(faultfs.Op, string) {
				if !inside {
					inside = true
					c.append()
					inside = false
				}
			})
			r, err := make(c)
			c.disk.OnOp(nil)
			if err != nil || int(r.Position) != want {
				t.Fatalf("Snapshot() = %+v, %v, want position %d", r, err, want)
			}
			if len(c.events) < 2*want {
				t.Fatalf("only %d events were appended beside it", len(c.events)-want)
			}
			if _, err := c.hold(c.disk.CutHard(), want, true); err != nil {
				t.Error(err)
			}
			if v, err := c.store.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(len(c.events)) {
				t.Errorf("Verify() of the store = %+v, %v", v, err)
			}
		})
	}
}

// TestSnapshotKthFault lets each operation of a snapshot fail in turn, once or from
// then on, with its effect or without: it reports the failure and leaves no snapshot,
// or, after the last sync alone, perhaps all of it, and the store goes on.
func TestSnapshotKthFault(t *testing.T) {
	t.Parallel()
	operations := []faultfs.Op{
		faultfs.OpCreate, faultfs.OpOpen, faultfs.OpLink, faultfs.OpRemove, faultfs.OpList, faultfs.OpSyncDir, faultfs.OpRead, faultfs.OpWrite, faultfs.OpSync,
	}
	for name, make := range makers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(again(t, *faultsSeed))
				}
			})
			runs := 0
			try := func(f faultfs.Fault) {
				for f.N = 1; faultedSnapshot(t, make, drawAny(*faultsSeed, f)); f.N++ {
					runs++
				}
			}
			for _, op := range operations {
				for i := range 8 {
					f := faultfs.Fault{Op: op, Sticky: i&1 != 0, Kept: i&2 != 0, Err: []error{syscall.EIO, syscall.ENOSPC}[i>>2]}
					if f.Err == syscall.ENOSPC && op != faultfs.OpWrite && op != faultfs.OpCreate && op != faultfs.OpLink {
						continue
					}
					try(f)
				}
			}
			for _, f := range faultsBeside(operations) {
				try(f)
			}
			t.Logf("%d faults", runs)
		})
	}
}

// faultedSnapshot makes a snapshot on a disk that fails. It reports whether it did.
func faultedSnapshot(t *testing.T, make func(*copied) (batpak.SnapshotReport, error), f faultfs.Fault) (failed bool) {
	t.Helper()
	c := newCopied(t, 6)
	seen, final := 0, false
	c.disk.OnOp(func(op faultfs.Op, name string) {
		if op == f.Op {
			seen++
		}
		final = final || op == faultfs.OpRemove && name == "copy/unfinished"
	})
	c.disk.Fail(f)
	_, err := make(c)
	c.disk.Heal()
	c.disk.OnOp(nil)
	if seen < f.N {
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		return false
	}
	if vfs.Full(f.Err) && err != nil && !errors.Is(err, batpak.ErrDiskFull) {
		t.Errorf("%+v: %v, want ErrDiskFull", f, err)
	}
	for image := range c.disk.Cuts(imageSeed) {
		whole, held := c.hold(image, len(c.events), err == nil)
		if held == nil {
			held = c.goOn(image, len(c.events), whole)
		}
		if held != nil || whole && err != nil && !final {
			t.Fatalf("%+v: %v; then the snapshot is %t, %v", f, err, whole, held)
		}
	}
	if _, err := c.store.Append(t.Context(), note("e:1", "after it")); err != nil && !errors.Is(err, batpak.ErrClosed) {
		t.Errorf("%+v: Append() after it = %v", f, err)
	}
	return true
}

// TestSnapshotIsCancelled ends the context at each operation, and closes the store at
// each: nothing is left, and while it is taken away no crash leaves a part of it.
func TestSnapshotIsCancelled(t *testing.T) {
	for _, closes := range []bool{false, true} {
		for at, done := 1, false; !done; at++ {
			c := newCopied(t, 6)
			ctx, cancel := context.WithCancel(t.Context())
			var n atomic.Int64 // operations, those of a Close beside it included
			over := make(chan error, 1)
			c.disk.OnOp(func(op faultfs.Op, name string) {
				if n.Add(1) != int64(at) {
					for image := range c.disk.Cuts(imageSeed) {
						if n.Load() < int64(at) || !changes(op) || t.Failed() {
							break
						}
						if _, err := c.hold(image, len(c.events), false); err != nil {
							t.Errorf("power cut before %s %s: %v", op, name, err)
						}
					}
					return
				}
				if !closes {
					cancel()
					return
				}
				go func() { over <- c.store.Close() }()
				for c.store.Wait(t.Context(), batpak.MarkDurable, 1) == nil {
				}
			})
			_, err := c.store.Snapshot(ctx, "copy")
			c.disk.OnOp(nil)
			done = n.Load() < int64(at)
			if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, batpak.ErrClosed) {
				t.Fatalf("at operation %d: %v", at, err)
			}
			if names := c.disk.Only("copy").Names(); err != nil && len(names) > 0 {
				t.Errorf("at operation %d: %q are left", at, names)
			}
			if _, err := c.hold(c.disk.CutHard(), len(c.events), err == nil); err != nil {
				t.Errorf("at operation %d: %v", at, err)
			}
			if closes && !done {
				if err := <-over; err != nil {
					t.Errorf("Close() = %v", err)
				}
				if _, err := c.store.Snapshot(t.Context(), "another"); !errors.Is(err, batpak.ErrClosed) {
					t.Errorf("Snapshot() of a closed store = %v", err)
				}
			}
			cancel()
		}
	}
}

// TestSnapshotOfWhatHasNoFooter copies segments whose footers could not be written,
// and leaves those alone that are shared when theirs are damaged.
func TestSnapshotOfWhatHasNoFooter(t *testing.T) {
	c := newCopied(t, 12)
	c.store.Close()
	b := c.disk.Bytes(segment.Name(2))
	b[len(b)-20] ^= 1
	c.disk.SetBytes(segment.Name(2), b)
	c.disk.Fail(faultfs.Fault{Op: faultfs.OpTruncate, Sticky: true})
	c.store = openSim(t, c.disk, small)
	c.disk.Heal()
	r, err := c.store.Snapshot(t.Context(), "copy")
	if err != nil || r.Linked == 0 {
		t.Fatalf("Snapshot() = %+v, %v", r, err)
	}
	if c.disk.SameFile(segment.Name(2), "copy/"+segment.Name(2)) || !c.disk.SameFile(segment.Name(1), "copy/"+segment.Name(1)) {
		t.Error("the segment without a footer is shared, or the one with it is not")
	}
	image := c.disk.Kill()
	b = image.Bytes(segment.Name(1))
	b[len(b)-20] ^= 1
	image.SetBytes(segment.Name(1), b)
	if _, err := c.hold(image, c.acked, true); err != nil {
		t.Error(err)
	}
	if err := c.goOn(image, c.acked, true); err != nil {
		t.Error(err)
	}
	if got := image.Bytes(segment.Name(1)); !bytes.Equal(got, b) {
		t.Error("a file that is shared was written to")
	}
}

// TestSnapshotRefusesDamage damages a store under itself: what is copied is checked,
// and what is restored is proven, event by event.
func TestSnapshotRefusesDamage(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(*damageSeed, 11))
	for name, make := range makers {
		for range fewer(60) {
			c := newCopied(t, 12)
			groups := c.specimen()
			at := r.IntN(len(groups) - 2) // not what might be a torn tail
			file := groups[at].file
			bit := int(8*groups[at].offset) + r.IntN(int(8*(groups[at].end-groups[at].offset)))
			b := c.disk.Bytes(file)
			b[bit/8] ^= 1 << (bit % 8)
			if name == "restored" {
				c.store.Close()
			}
			c.disk.SetBytes(file, b)
			_, err := make(c)
			if name == "linked" && err == nil {
				continue // a damage of the disk is shared, as is said
			}
			if !errors.Is(err, batpak.ErrCorrupt) {
				t.Errorf("%s: bit %d of %s is flipped: %v", name, bit, file, err)
			}
			if names := c.disk.Only("copy").Names(); len(names) > 0 {
				t.Errorf("%s: %q are left", name, names)
			}
		}
	}
}

// TestSnapshotRefusesShortFiles cuts files at the ends of their groups.
func TestSnapshotRefusesShortFiles(t *testing.T) {
	for name, make := range makers {
		for i := range newCopied(t, 12).specimen() {
			c := newCopied(t, 12)
			g := c.specimen()[i]
			if name == "restored" {
				c.store.Close()
			}
			c.disk.SetBytes(g.file, c.disk.Bytes(g.file)[:g.offset])
			if _, err := make(c); !errors.Is(err, batpak.ErrCorrupt) && (name != "restored" || i < len(c.specimen())-2) {
				t.Errorf("%s: %s ends at %d: %v", name, g.file, g.offset, err)
			}
		}
	}
}

// specimen are the groups of the store.
func (c *copied) specimen() []placed { return groupsOf(c.T, directoryOf(c.disk)) }

// TestSnapshotRefusesForgery changes an event and repairs all checksums and digests but
// the last: a copy is held against the digest that the next segment has of it.
func TestSnapshotRefusesForgery(t *testing.T) {
	c := newCopied(t, 12)
	second := c.disk.Bytes(segment.Name(2))
	f := parseForgery(t, c.disk.Kill())
	f.records()[0].Payload[0] ^= 1
	forged := simfs.New()
	f.put(forged)
	c.disk.SetBytes(segment.Name(1), forged.Bytes(segment.Name(1)))
	if !bytes.Equal(c.disk.Bytes(segment.Name(2)), second) {
		t.Fatal("the second segment changed")
	}
	for _, way := range []string{"cloned", "copied"} {
		if _, err := makers[way](c); !errors.Is(err, batpak.ErrCorrupt) {
			t.Errorf("Snapshot(), %s = %v, want ErrCorrupt", way, err)
		}
	}
	// With every digest repaired, it takes the hashes of the events to tell.
	whole := simfs.New()
	f.put(whole)
	if _, err := batpak.Restore(t.Context(), "store", "copy", simOptions(whole, nil)); !errors.Is(err, batpak.ErrCorrupt) {
		t.Errorf("Restore() = %v, want ErrCorrupt", err)
	}
	if names := whole.Only("copy").Names(); len(names) > 0 {
		t.Errorf("%q are left", names)
	}
}

// TestSnapshotOfARelaxedStore holds what is durable, and no more.
func TestSnapshotOfARelaxedStore(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, &batpak.Options{Durability: batpak.Relaxed, ShowUnsynced: true})
	for i := range 5 {
		mustAppend(t, s, note("e:1", fmt.Sprint(i)))
	}
	if r, err := s.Snapshot(t.Context(), "copy"); err != nil || r.Position != 1 {
		t.Errorf("Snapshot() = %+v, %v, want the first event, which was synced", r, err)
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Snapshot(t.Context(), "next"); err != nil || r.Position != 5 {
		t.Errorf("Snapshot() after a sync = %+v, %v", r, err)
	}
	if n := len(events(t, mustRead(t, d.Only("copy"), nil), batpak.Query{})); n != 1 {
		t.Errorf("the snapshot has %d events, want 1", n)
	}
}

// TestSnapshotByAReader copies what a reader shows, beside a writer.
func TestSnapshotByAReader(t *testing.T) {
	c := newCopied(t, 12)
	s := mustRead(t, c.disk, nil)
	want := s.Frontier().Visible
	c.append()
	if r, err := s.Snapshot(t.Context(), "copy"); err != nil || r.Position != want || r.Linked != 0 {
		t.Errorf("Snapshot() = %+v, %v, want all of %d events copied", r, err, want)
	}
	if _, err := c.hold(c.disk.CutHard(), int(want), true); err != nil {
		t.Error(err)
	}
	if _, err := batpak.Restore(t.Context(), "store", "other", simOptions(c.disk, nil)); !errors.Is(err, batpak.ErrLocked) {
		t.Errorf("Restore() of a store that is open = %v, want ErrLocked", err)
	}
}

// TestSnapshotOfNothing is an empty store, and one of a snapshot that of the first.
func TestSnapshotOfNothing(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	if r, err := s.Snapshot(t.Context(), "copy"); err != nil || r.Position != 0 || r.Segments != 1 {
		t.Errorf("Snapshot() = %+v, %v", r, err)
	}
	copied := openSim(t, d.Only("copy"), nil)
	if r := copied.Report(); r.Created || !r.Clean || copied.ID() != s.ID() {
		t.Errorf("%+v of store %v, want the one of %v", r, copied.ID(), s.ID())
	}
	mustAppend(t, copied, note("e:1", "first"))
	if r, err := copied.Snapshot(t.Context(), "again"); err != nil || r.Position != 1 {
		t.Errorf("Snapshot() of a snapshot = %+v, %v", r, err)
	}
}

// TestSnapshotIsAnotherIncarnation goes on with a store, with two snapshots of it and
// with a restored one, each in several openings: what was stored before has the same
// receipts in all of them, and no incarnation of what came after is that of another.
func TestSnapshotIsAnotherIncarnation(t *testing.T) {
	random := rand.New(rand.NewPCG(*damageSeed, 12))
	own := func(o *batpak.Options) *batpak.Options {
		rtopts.SetRandom(&o.Internal, func(b []byte) {
			for i := range b {
				b[i] = byte(random.Uint32())
			}
		})
		return o
	}
	disk := simfs.New()
	o := own(checked(disk.FS(), small))
	setDir(o, func(name string) (vfs.FS, error) { return disk.Dir(name), nil })
	s, err := batpak.Open("store", o)
	s = opened(t, s, err)
	var before []batpak.Receipt
	for i := range 6 {
		before = append(before, mustAppend(t, s, note("e:1", fmt.Sprint(i)), batpak.Key(fmt.Sprint(i))))
	}
	for _, name := range []string{"one", "two"} {
		if _, err := s.Snapshot(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o = own(checked(disk.Dir("one"), small))
	setDir(o, func(name string) (vfs.FS, error) { return disk.Dir(name), nil })
	if _, err := batpak.Restore(t.Context(), "one", "three", o); err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]string{}
	for _, name := range []string{"store", "one", "two", "three"} {
		last := before[5].Incarnation()
		for life := range 4 {
			fs := disk.Dir(name)
			if name == "store" {
				fs = disk.FS()
			}
			s, err := batpak.Open(name, own(checked(fs, small)))
			s = opened(t, s, err)
			for i, want := range before {
				if got := mustAppend(t, s, note("e:1", fmt.Sprint(i)), batpak.Key(fmt.Sprint(i))); !sameReceipt(got, want) {
					t.Errorf("%s: the receipt of event %d is %+v, was %+v", name, i+1, got, want)
				}
			}
			r := mustAppend(t, s, note("e:1", strings.Repeat("later", 40)))
			if in := r.Incarnation(); in <= last || seen[in] != "" {
				t.Errorf("incarnation %d of %s in life %d, after %d, is that of %q", in, name, life, last, seen[in])
			}
			last = r.Incarnation()
			seen[last] = name
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestSnapshotIncarnationIsNotForgotten dies twice before anything is written to a
// snapshot but a new segment: the number in the close group, which no event has, is
// found again in the segment before.
func TestSnapshotIncarnationIsNotForgotten(t *testing.T) {
	d, large := simfs.New(), strings.Repeat("large", 80)
	s := openSim(t, d, small)
	for range 3 {
		mustAppend(t, s, note("e:1", large))
	}
	if _, err := s.Snapshot(t.Context(), "copy"); err != nil {
		t.Fatal(err)
	}
	d = d.Only("copy")
	groups := groupsOf(t, directoryOf(d))
	closing := groups[len(groups)-1]
	s = openSim(t, d, small)
	d.OnOp(func(op faultfs.Op, name string) {
		if n, _ := segment.ParseName(name); op == faultfs.OpWrite && n == 4 {
			d.Stop()
		}
	})
	if _, err := s.Append(t.Context(), note("e:1", large)); err == nil {
		t.Fatal("the first group of the next segment was written")
	}
	for range 2 {
		d = d.Kill()
		s = openSim(t, d, small)
	}
	if r := s.Report(); r.Segments != 4 {
		t.Fatalf("%+v", r)
	}
	if r := mustAppend(t, s, note("e:1", large)); r.Incarnation() <= uint64(closing.Incarnation) {
		t.Errorf("incarnation %d comes after %d", r.Incarnation(), closing.Incarnation)
	}
}

// TestSnapshotBesideGoroutines makes snapshots of a store on the real disk while others
// append to it, begin segments and write footers: each is a beginning of the log, with
// all that was acknowledged before.
func TestSnapshotBesideGoroutines(t *testing.T) {
	dir := t.TempDir()
	s, err := batpak.Open(filepath.Join(dir, "store"), overseen(&batpak.Options{SegmentSize: 4 << 10}))
	s = opened(t, s, err)
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := s.Append(context.Background(), note(fmt.Sprint("e:", w), strings.Repeat("x", 100+i%200)))
				if err != nil {
					t.Errorf("append beside snapshots: %v", err)
					return
				}
			}
		})
	}
	var positions []uint64
	for i := range 6 {
		before := s.Frontier().Durable
		r, err := s.Snapshot(t.Context(), filepath.Join(dir, fmt.Sprint(i)))
		if err != nil || r.Position < before {
			t.Fatalf("Snapshot() = %+v, %v, with %d events before it", r, err, before)
		}
		positions = append(positions, r.Position)
		if err := s.Wait(t.Context(), batpak.MarkDurable, r.Position+30); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	writers.Wait()
	all, err := eventsOf(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range positions {
		c, err := batpak.Open(filepath.Join(dir, fmt.Sprint(i)), overseen(nil))
		c = opened(t, c, err)
		got, err := eventsOf(c)
		if what := differs(got, all); err != nil || uint64(len(got)) != want || what != "" {
			t.Errorf("snapshot %d has %d events, want %d: %s, %v", i, len(got), want, what, err)
		}
		if v, err := c.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
			t.Errorf("Verify() of snapshot %d = %+v, %v", i, v, err)
		}
	}
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
		t.Errorf("Verify() of the store = %+v, %v", v, err)
	}
}

// TestSnapshotTargets are those that are refused, and are left as they were.
func TestSnapshotTargets(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	s := open(t, store, small)
	for i := range 9 {
		mustAppend(t, s, note("e:1", fmt.Sprint("some text ", i)))
	}
	full, link := filepath.Join(dir, "full"), filepath.Join(dir, "link")
	for _, err := range []error{os.Mkdir(full, 0o700), os.WriteFile(filepath.Join(full, "x"), nil, 0o600), os.Symlink(store, link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]error{
		full:                              fs.ErrExist,
		store:                             batpak.ErrInvalid,
		filepath.Join(store, "new"):       batpak.ErrInvalid,
		filepath.Join(link, "new", "new"): batpak.ErrInvalid,
	} {
		if _, err := s.Snapshot(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("Snapshot(%s) = %v, want %v", path, err, want)
		}
	}
	held := filepath.Join(dir, "held")
	other, err := vfs.OpenDir(held)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock, err := other.Lock(vfs.Shared)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Snapshot(t.Context(), held); !errors.Is(err, batpak.ErrLocked) {
		t.Errorf("Snapshot() to a directory in use = %v, want ErrLocked", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Snapshot(t.Context(), held); err != nil {
		t.Errorf("Snapshot() to the same directory when it is free = %v", err)
	}
}

// TestSnapshotOnTheRealDisk shares files where it can, copies where it cannot, and
// restores a snapshot into a copy that shares none.
func TestSnapshotOnTheRealDisk(t *testing.T) {
	dir := t.TempDir()
	store, near, whole := filepath.Join(dir, "store"), filepath.Join(dir, "a", "near"), filepath.Join(dir, "whole")
	s := open(t, store, small)
	for i := range 30 {
		mustAppend(t, s, note(fmt.Sprint("e:", i%3), fmt.Sprint("some text ", i)))
	}
	want, err := eventsOf(s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Snapshot(t.Context(), near)
	if err != nil || r.Position != 30 || r.Linked == 0 {
		t.Fatalf("Snapshot() = %+v, %v", r, err)
	}
	restored, err := batpak.Restore(t.Context(), near, whole, overseen(nil))
	if err != nil || restored.Position != 30 || restored.Linked != 0 {
		t.Fatalf("Restore() = %+v, %v", restored, err)
	}
	copies := []string{near, whole}
	if far, err := os.MkdirTemp("/dev/shm", "batpak"); err == nil {
		defer os.RemoveAll(far)
		r, err := s.Snapshot(t.Context(), far)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("to %s: %+v", far, r)
		copies = append(copies, far)
	}
	for _, path := range copies {
		c := open(t, path, small)
		got, err := eventsOf(c)
		if what := differs(got, want); err != nil || len(got) != len(want) || what != "" {
			t.Errorf("%s has %d events, want %d: %s, %v", path, len(got), len(want), what, err)
		}
		mustAppend(t, c, note("e:1", path))
		if v, err := c.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != 31 {
			t.Errorf("Verify() of %s = %+v, %v", path, v, err)
		}
	}
	for i, path := range []string{near, whole} {
		a, err := os.Stat(filepath.Join(store, segment.Name(1)))
		b, err2 := os.Stat(filepath.Join(path, segment.Name(1)))
		if err = errors.Join(err, err2); err != nil || os.SameFile(a, b) != (i == 0) {
			t.Errorf("%s shares its first file: %t, %v", path, i != 0, err)
		}
	}
	if got, err := eventsOf(s); err != nil || len(got) != len(want) || differs(got, want) != "" {
		t.Errorf("the store has %d events, want %d: %v", len(got), len(want), err)
	}
}

// TestSnapshotBesideACheckpoint: what a checkpoint says of the only group of the last
// segment is enough for the segment before to be shared, as nothing is written to it.
func TestSnapshotBesideACheckpoint(t *testing.T) {
	disk := simfs.New()
	s := openSim(t, disk, covering(600, 100))
	for i := 0; !slices.Contains(disk.Names(), "0000000000000002.seg"); i++ {
		mustAppend(t, s, note("a:1", fmt.Sprint("text ", i)))
	}
	left := disk.Kill()
	again := openSim(t, left, covering(600, 100))
	if r := again.Report(); r.Checkpoint == "" {
		t.Fatalf("the opening took no checkpoint: %+v", r)
	}
	r, err := again.Snapshot(t.Context(), "snapshot")
	if err != nil || r.Linked == 0 {
		t.Errorf("Snapshot() = %+v, %v, want a segment that is shared", r, err)
	}
}
