package batpak_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestCrashOnALyingDisk plays random histories on disks of which one sync in a few
// reports success without an effect, and crashes them as [TestCrashAtAnyOperation] does.
// Nobody can keep an event that such a disk acknowledges, and the store does not pretend
// to: a power cut may take all from the first lie on. But whatever it leaves
//
//   - opens as the events up to some whole request, each as it was, with no gap, the
//     chain verified and the laws of an honest disk from there on,
//   - or is refused, by a [batpak.CorruptError] that names a segment from which on the log is
//     not as the process left it,
//   - or, if what is gone is a part of a segment that its footer or a checkpoint speaks
//     for, is opened: reading what is gone is refused like that, the rest is as it was,
//     and Verify finds the damage.
//
// Events that were durable before the first lie are there in each case but the second.
// The death of the process alone takes nothing.
func TestCrashOnALyingDisk(t *testing.T) {
	runs := max(1, *crashRuns/28)
	if testing.Short() {
		runs = min(runs, 6)
	}
	l := playAll(t, runs, cmp.Or(*crashSeed, 1), drawLyingDisk).lies
	t.Logf("of images of disks that had lied %d have lost acknowledged events, %d are refused, in %d damage is found", l.lost, l.refused, l.found)
	if runs >= 30 && (l.lost == 0 || l.refused == 0) {
		t.Error("want some of each, though the last is rare")
	}
}

// lies is what became of images of disks that lied.
type lies struct{ lost, refused, found int }

func (l *lies) add(o lies) {
	l.lost += o.lost
	l.refused += o.refused
	l.found += o.found
}

// drawLyingDisk draws a history of about n operations on a disk that lies. Nothing on it
// fails: between what was undone and a sync that was none a disk may bring back what was
// never acknowledged.
func drawLyingDisk(seed uint64, n int) *history {
	h, r := drawHistory(seed, n), rand.New(rand.NewPCG(seed, 4))
	h.ops = slices.DeleteFunc(h.ops, func(o op) bool { return o.act == actFault })
	h.knobs.lies = [...]int{1, 2, 3, 5, 10, 30}[r.IntN(6)]
	return h
}

// trust lowers how much must be left after a power cut to what was durable before the
// disk lied.
func (p *player) trust(f floors) floors {
	if p.disk.Lied() == 0 {
		p.sure = f.cut
	}
	f.cut = min(f.cut, p.sure)
	return f
}

// refuses reports whether the store refuses an image of a disk that lied, or what it
// serves of it.
func (p *player) refuses(image *simfs.Disk) bool {
	if p.disk.Lied() == 0 {
		return false
	}
	s, err := p.chronicle.open(image.Kill(), 1)
	if err == nil {
		_, err = p.chronicle.prefix(s)
	}
	return errors.Is(err, batpak.ErrCorrupt)
}

// lost sets the disk that lied back to what it was.
func (c *chronicle) lost(d *simfs.Disk) { c.lied = d }

// excuses reports whether an error is a refusal that is owed to the disk's lies: it names
// a segment, and that or one behind it is not as the process left it. One behind it may
// have lost the header that says where the one before ends.
func (c *chronicle) excuses(image *simfs.Disk, err error) bool {
	damage, ok := errors.AsType[*batpak.CorruptError](err)
	if c.lied == nil || !ok || damage.Reason == "" {
		return false
	}
	damaged, ok := segment.ParseSpan(damage.File)
	left, there := c.lied.Names(), image.Names()
	return ok && slices.ContainsFunc(slices.Concat(left, there), func(name string) bool {
		s, ok := segment.ParseSpan(name)
		both := slices.Contains(left, name) == slices.Contains(there, name)
		return ok && s.Last >= damaged.First && !(both && bytes.Equal(c.lied.View(name), image.View(name)))
	})
}

// TestLiesExcuseALostMerge: a file that was made of segments holds each of them, though its
// name comes before theirs.
func TestLiesExcuseALostMerge(t *testing.T) {
	name := segment.Span{First: 1, Last: 3, Round: 1}.Name()
	lied, image := simfs.New(), simfs.New()
	lied.SetBytes(name, []byte("what was merged"))
	image.SetBytes(name, nil)
	c := chronicle{lied: lied}
	if err := (&batpak.CorruptError{File: segment.Name(1), Reason: "nowhere"}); !c.excuses(image, err) {
		t.Errorf("excuses(%v) = false when %s is lost, want true", err, name)
	}
	if err := (&batpak.CorruptError{File: segment.Name(4), Reason: "nowhere"}); c.excuses(image, err) {
		t.Errorf("excuses(%v) = true when %s is lost, want false", err, name)
	}
}

// counts counts an image that has lost acknowledged events, which only lies can do.
func (o *oracle) counts() {
	if o.lied == nil || o.options.Durability != batpak.Synced {
		return
	}
	for i, end := range slices.Backward(o.ends) {
		if end > len(o.events) && o.requests[i].receipts != nil {
			o.chronicle.lies.lost++
			return
		}
	}
}

// servesTheRest holds V2 to V4 where a part of the log is gone that its footer or a
// checkpoint speaks for.
func (o *oracle) servesTheRest(floor int) error {
	n, gone := int(o.store.Frontier().Visible), 0
	if n < floor || n > len(o.chronicle.events) || !o.whole(n) {
		return breaks(2, "there are %d events, want %d at least, a part of a batch not among them", n, floor)
	}
	for i := range o.chronicle.events[:n] {
		e, err := o.store.At(uint64(i) + 1)
		switch {
		case err == nil && !sameStored(&e, &o.chronicle.events[i]):
			return breaks(3, "event is %s, want %s", describe(&e), describe(&o.chronicle.events[i]))
		case err != nil && !o.excuses(o.disk, err):
			return breaks(3, "event %d: %w", i+1, err)
		case err != nil:
			gone++
		}
	}
	v, err := o.store.Verify(context.Background())
	if err != nil || len(v.Damages) == 0 || gone == 0 {
		return breaks(4, "%d events cannot be read, and Verify() = %+v, %v", gone, v, err)
	}
	return nil
}
