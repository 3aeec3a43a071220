package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var (
	crashRuns = flag.Int("crash.n", 8, "histories that the crash tests run")
	crashSeed = flag.Uint64("crash.seed", 1, "seed of the first history")
)

// stored is an event as its appender knows it: id and hash are zero until the
// append has returned.
type stored struct {
	draft batpak.Draft
	key   string
	id    batpak.ID
	hash  batpak.Hash
}

// history runs random operations on a store and knows what each crash of its disk
// may leave.
type history struct {
	seed    uint64
	random  *rand.Rand
	disk    *simfs.Disk
	options batpak.Options
	store   *batpak.Store // nil while it is being opened or closed

	events  []stored // in the order of their sequences, those of the last append perhaps not stored
	ends    []int    // of the appends
	acked   int      // events of appends that have returned
	durable int      // events known to be durable when there is no store to ask

	crash          func() error // called before each operation of the disk that changes something
	err            error        // what it found
	images, nested int
}

func newHistory(seed uint64) *history {
	h := &history{seed: seed, random: rand.New(rand.NewPCG(seed, 1)), disk: simfs.New()}
	h.options.SegmentSize = 512 << h.random.IntN(4)
	if h.random.IntN(3) == 0 {
		h.options.Durability = batpak.Relaxed
		h.options.ShowUnsynced = h.random.IntN(2) == 0
	}
	return h
}

// open opens the store on a disk, with a clock and random bits that depend on
// the history alone.
func (h *history) open(d *simfs.Disk) (*batpak.Store, error) {
	o := h.options
	rtopts.SetFS(&o.Internal, d.FS())
	rtopts.SetInline(&o.Internal, true)
	rtopts.SetNow(&o.Internal, func() time.Time { return time.Unix(1_700_000_000, 0) })
	random := rand.NewChaCha8([32]byte{byte(h.seed), byte(len(h.events))})
	rtopts.SetRandom(&o.Internal, func(p []byte) { random.Read(p) })
	return batpak.Open("simulated", &o)
}

// TestCrashAtAnyOperation runs random histories of stores that die and come back
// now and then, and crashes each of them at each operation of its disk in several
// ways; some of these crashes are followed by one in the recovery.
func TestCrashAtAnyOperation(t *testing.T) {
	images, nested := 0, 0
	for seed := *crashSeed; seed < *crashSeed+uint64(*crashRuns); seed++ {
		h := newHistory(seed)
		h.crash = h.crashes
		if err := h.run(16 + h.random.IntN(24)); err != nil {
			t.Fatalf("after %d images: %v\n\tgo test ./runtime -run '^TestCrashAtAnyOperation$' -crash.n=1 -crash.seed=%d", images+h.images, err, seed)
		}
		images, nested = images+h.images, nested+h.nested
	}
	t.Logf("%d images, %d of them of a recovery", images, nested)
}

// run does n operations.
func (h *history) run(n int) error {
	h.use(h.disk)
	for i := range n {
		if err := errors.Join(h.step(), h.err); err != nil {
			return fmt.Errorf("seed %d, step %d: %w", h.seed, i, errors.Join(err, h.shut()))
		}
	}
	return errors.Join(h.shut(), h.err)
}

// use makes d the disk of the history.
func (h *history) use(d *simfs.Disk) {
	h.disk = d
	d.OnOp(func(op simfs.Op, name string) {
		if h.err != nil || h.crash == nil || !changes(op) {
			return
		}
		if err := h.crash(); err != nil {
			h.err = fmt.Errorf("crash before operation %d, %s %s: %w", d.Ops(), op, name, err)
		}
	})
}

func changes(op simfs.Op) bool {
	return op != simfs.OpRead && op != simfs.OpOpen && op != simfs.OpList
}

// step does one operation at random.
func (h *history) step() error {
	if h.store == nil {
		return h.reopen()
	}
	switch h.random.IntN(14) {
	case 0:
		return h.shut()
	case 1:
		return h.die()
	case 2:
		return h.retry()
	case 3:
		return h.store.Sync(context.Background())
	case 4:
		return h.refused()
	case 5, 6, 7:
		return h.append(2 + h.random.IntN(4))
	default:
		return h.append(1)
	}
}

// reopen opens the store. What it shows is the truth from then on.
func (h *history) reopen() (err error) {
	if h.store, err = h.open(h.disk); err != nil {
		return err
	}
	shown := int(h.store.Frontier().Visible)
	if shown < h.acked {
		return fmt.Errorf("there are %d events, want %d at least", shown, h.acked)
	}
	h.events, h.acked = h.events[:shown], shown
	h.ends = slices.DeleteFunc(h.ends, func(end int) bool { return end > shown })
	for i := range h.events {
		e, err := h.store.At(uint64(i) + 1)
		if err != nil {
			return err
		}
		h.events[i].id, h.events[i].hash = e.ID, e.Hash
	}
	return nil
}

// die crashes the store, and lets the history go on with what that leaves.
func (h *history) die() error {
	crash := images(h.disk, h.random)[h.random.IntN(3)]
	h.acked = h.floor(crash)
	h.durable = int(h.store.Frontier().Durable)
	if crash.keepsAll {
		h.durable = min(h.durable, h.acked)
	}
	h.disk.OnOp(nil)
	h.disk.Stop()
	_ = h.store.Close() // the process is dead
	h.store = nil
	h.use(crash.disk)
	return nil
}

// image is what a crash leaves.
type image struct {
	how      string
	disk     *simfs.Disk
	keepsAll bool // that was written, durable or not
}

// images crashes a disk in three ways.
func images(d *simfs.Disk, random *rand.Rand) []image {
	seed := random.Uint64()
	return []image{{"kill", d.Kill(), true}, {"hard cut", d.CutHard(), false}, {fmt.Sprint("cut ", seed), d.Cut(seed), false}}
}

// floor is how many events a crash now must leave.
func (h *history) floor(i image) int {
	switch {
	case i.keepsAll:
		return h.acked
	case h.store == nil:
		return h.durable
	}
	return int(h.store.Frontier().Durable)
}

func (h *history) shut() error {
	s := h.store
	if s == nil {
		return nil
	}
	h.durable = int(s.Frontier().Durable)
	h.store = nil
	err := s.Close()
	if err == nil {
		h.durable = h.acked
	}
	return err
}

// append appends n events, in one batch if there are several.
func (h *history) append(n int) error {
	b := h.store.NewBatch()
	for i := range n {
		e := stored{draft: note(fmt.Sprint("e:", h.random.IntN(4)), strings.Repeat("x", h.random.IntN(1<<h.random.IntN(10))))}
		var opts []batpak.AppendOption
		if h.random.IntN(2) == 0 {
			e.key = fmt.Sprint("key ", len(h.events))
			opts = append(opts, batpak.Key(e.key))
		}
		if h.random.IntN(3) == 0 {
			opts = append(opts, batpak.Expect(h.version(e.draft.Entity)))
		}
		if i > 0 && h.random.IntN(2) == 0 {
			opts = append(opts, batpak.CausedByItem(h.random.IntN(i)))
		}
		h.events = append(h.events, e)
		b.Add(e.draft, opts...)
	}
	h.ends = append(h.ends, len(h.events))
	receipts, err := b.Commit(context.Background())
	for i, r := range receipts {
		h.events[h.acked+i].id, h.events[h.acked+i].hash = r.ID(), r.Hash()
	}
	h.acked += len(receipts)
	return err
}

// version is how many events an entity has.
func (h *history) version(entity string) (n uint64) {
	for _, e := range h.events {
		if e.draft.Entity == entity {
			n++
		}
	}
	return n
}

// retry repeats an append of one event that had a key.
func (h *history) retry() error {
	if len(h.events) == 0 {
		return nil
	}
	e := h.events[h.random.IntN(len(h.events))]
	if e.key == "" {
		return nil
	}
	r, err := h.store.Append(context.Background(), e.draft, batpak.Key(e.key), batpak.ExpectNew())
	if err == nil && (r.ID() != e.id || r.Hash() != e.hash) {
		err = fmt.Errorf("retry got %+v, the first time it was %v", r, e.id)
	}
	return err
}

// refused appends what must be refused.
func (h *history) refused() error {
	_, err := h.store.Append(context.Background(), note("e:0", "refused"), batpak.Expect(h.version("e:0")+1))
	if !errors.Is(err, batpak.ErrConflict) {
		return fmt.Errorf("append with a wrong expectation got %w", err)
	}
	return nil
}

// crashes holds the law against images of the disk as it is now.
func (h *history) crashes() error {
	for _, i := range images(h.disk, h.random) {
		err := error(nil)
		if h.random.IntN(10) == 0 {
			err = h.crashRecovery(i)
		}
		h.images++
		if err = errors.Join(err, h.check(i.disk, h.floor(i))); err != nil {
			return fmt.Errorf("%s: %w", i.how, err)
		}
	}
	return nil
}

// crashRecovery holds the law against images of the recovery of an image. What
// the recovery then shows stays, whatever comes.
func (h *history) crashRecovery(first image) (err error) {
	d := first.disk.Kill()
	d.OnOp(func(op simfs.Op, name string) {
		if err != nil || !changes(op) {
			return
		}
		for _, i := range images(d, h.random) {
			i.keepsAll = i.keepsAll && first.keepsAll
			h.images++
			h.nested++
			if err = h.check(i.disk, h.floor(i)); err != nil {
				err = fmt.Errorf("crash of the recovery before operation %d, %s %s, %s: %w", d.Ops(), op, name, i.how, err)
				return
			}
		}
	})
	s, oerr := h.open(d)
	if err = errors.Join(err, oerr); err != nil {
		return err
	}
	d.OnOp(nil)
	return errors.Join(h.check(d.CutHard(), int(s.Frontier().Visible)), s.Close())
}

// check opens an image and holds it against the history: there are at least
// floor events, whole appends, in order, as they were acknowledged; the store
// verifies; appends that were under way can be repeated; and what is appended
// now survives a power cut.
func (h *history) check(image *simfs.Disk, floor int) error {
	s, err := h.open(image)
	if err != nil {
		return err
	}
	err = h.checkOpen(s, image, floor)
	return errors.Join(err, s.Close())
}

func (h *history) checkOpen(s *batpak.Store, image *simfs.Disk, floor int) error {
	found, err := h.checkEvents(s)
	if err != nil {
		return err
	}
	if found < floor {
		return fmt.Errorf("there are %d events, want %d at least", found, floor)
	}
	if found > 0 && !slices.Contains(h.ends, found) {
		return fmt.Errorf("there are %d events, a part of a batch; batches end with %v", found, h.ends)
	}
	if v, err := s.Verify(context.Background()); err != nil || len(v.Damages) > 0 || v.Events != uint64(found) {
		return fmt.Errorf("Verify() = %+v, %w, want %d sound events", v, err, found)
	}
	if err := h.repeat(s, found); err != nil {
		return err
	}
	last, err := s.Append(context.Background(), note("after:1", "after"), batpak.ExpectNew())
	if err == nil {
		err = s.Sync(context.Background())
	}
	if err != nil {
		return fmt.Errorf("append after the crash: %w", err)
	}
	again, err := h.open(image.CutHard())
	if err != nil {
		return fmt.Errorf("after another crash: %w", err)
	}
	defer again.Close()
	if e, err := again.Get(last.ID()); err != nil || e.Hash != last.Hash() || e.Sequence != last.Sequence() {
		return fmt.Errorf("event that was appended after a crash is %+v, %w, after another one", e.Meta, err)
	}
	_, err = h.checkEvents(again)
	return err
}

// checkEvents holds the events of a store against those of the history, and
// returns how many of them it has.
func (h *history) checkEvents(s *batpak.Store) (found int, err error) {
	versions := map[string]uint64{}
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return 0, err
		}
		if e.Sequence > uint64(len(h.events)) || strings.HasPrefix(e.Entity, "after:") {
			break // appended by the check itself
		}
		want := h.events[e.Sequence-1]
		versions[e.Entity]++
		switch {
		case e.Sequence != uint64(found)+1 || e.Version != versions[e.Entity]:
			return 0, fmt.Errorf("event %d of the log has sequence %d and version %d", found+1, e.Sequence, e.Version)
		case e.Coordinate != want.draft.Coordinate || string(e.Payload) != string(want.draft.Payload) || e.Key != want.key:
			return 0, fmt.Errorf("event %d is %+v, want %+v", e.Sequence, e, want)
		case !want.id.IsZero() && (e.ID != want.id || e.Hash != want.hash):
			return 0, fmt.Errorf("event %d is %+v, its receipt had id %v and hash %v", e.Sequence, e.Meta, want.id, want.hash)
		}
		found++
	}
	return found, nil
}

// repeat repeats the append that was under way, which may or may not be there, as
// its caller would if it has a key: in the end it is there once.
func (h *history) repeat(s *batpak.Store, found int) error {
	start := slices.IndexFunc(h.events, func(e stored) bool { return e.id.IsZero() })
	if start < 0 || found < start {
		return nil
	}
	under := h.events[start:]
	keyed := slices.IndexFunc(under, func(e stored) bool { return e.key != "" })
	if keyed < 0 {
		return nil
	}
	before, _ := s.ByKey(under[keyed].key)
	for range 2 {
		b := s.NewBatch()
		for _, e := range under {
			var opts []batpak.AppendOption
			if e.key != "" {
				opts = append(opts, batpak.Key(e.key))
			}
			b.Add(e.draft, opts...)
		}
		receipts, err := b.Commit(context.Background())
		if err != nil {
			return fmt.Errorf("repeat the append: %w", err)
		}
		for i, r := range receipts {
			if r.Sequence() != uint64(start+i)+1 {
				return fmt.Errorf("repeating event %d made event %d", start+i+1, r.Sequence())
			}
		}
		if r := receipts[keyed]; found > start && (r.ID() != before.ID || r.Hash() != before.Hash) {
			return fmt.Errorf("repeating gave event %v, it was there as %v", r.ID(), before.ID)
		}
	}
	return nil
}
