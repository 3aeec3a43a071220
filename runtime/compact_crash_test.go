package batpak_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var (
	compactRuns = flag.Int("compact.n", 2, "histories of merges, checkpoints and segments that end, to crash")
	compactSeed = flag.Uint64("compact.seed", 0, "seed of the first of them")
)

// TestCrashInMerges crashes stores that merge segments, asked or unasked, with a retention
// or without, write checkpoints, end segments, and are closed or killed. Whatever is left
// is opened, appended to, merged and crashed again: each acknowledged event is there or a
// tombstone, and each retry has its receipt.
//
//	go test ./runtime -run TestCrashInMerges -compact.n=100
func TestCrashInMerges(t *testing.T) {
	t.Parallel()
	var total tally
	for i := range uint64(*compactRuns) {
		h := drawMerges(*compactSeed + i)
		if err := h.replay(&total); err != nil {
			keep(t, h, err)
			t.Fatalf("after %d images: history %d: %v\n\tgo test ./runtime -run '^TestCrashInMerges$' -compact.n=1 -compact.seed=%d",
				total.images, h.seed, err, h.seed)
		}
	}
	t.Logf("%d images", total.images)
}

// drawMerges draws a history of four lives for a merging.
func drawMerges(seed uint64) *history {
	r := rand.New(rand.NewPCG(seed, 77))
	h := &history{lane: laneMerges, seed: seed, knobs: knobs{segment: 700, checkpoint: 150, entities: 3}}
	if seed%2 == 1 {
		h.knobs.relaxed, h.knobs.merge = true, 2
		h.knobs.checkpoint, h.knobs.events = 0, 2
	}
	for life := range 4 {
		for range 30 {
			o := op{act: actAppend, n: 1, who: r.IntN(3), size: 25}
			switch n := r.IntN(12); {
			case n < 4:
				o.how = howKey
			case n == 5:
				o = op{act: actCompact, how: []how{0, howRetain}[r.IntN(2)]}
			}
			h.ops = append(h.ops, o)
		}
		if life%2 == 0 {
			h.ops = append(h.ops, op{act: actClose})
		} else {
			h.ops = append(h.ops, op{act: actDie, how: howKill})
		}
	}
	return h
}

// merging plays a history of a store that merges its segments.
type merging struct {
	*history
	tally   *tally
	disk    *simfs.Disk
	options batpak.Options
	store   *batpak.Store // nil while it is closed
	asked   []keyed       // the events, in their order; the last one has no receipt while it is under way
	jury    *jury
	doing   string // the operation that is played
}

func newMerging(h *history, t *tally) *merging {
	m := &merging{history: h, tally: t, disk: simfs.New(), options: h.knobs.options(), jury: newJury()}
	if c := m.options.Compaction; c != nil {
		c.Retention = m.fate
	}
	return m
}

// fate keeps, takes payloads away, and drops.
func (m *merging) fate(e batpak.Meta) batpak.Fate { return batpak.Fate(e.Sequence % 3) }

// run plays the history, and ends with the death of the process.
func (m *merging) run() (err error) {
	for i, o := range append(slices.Clip(m.ops), op{act: actDie}) {
		m.doing = fmt.Sprintf("operation %d, %v", i, o)
		if err = caught(func() error { return m.play(o) }); err != nil || m.jury.objects() {
			break
		}
	}
	m.disk.OnOp(nil)
	heard, verdict := m.jury.verdict()
	m.tally.images += heard
	if err = cmp.Or(verdict, err); err != nil && verdict == nil {
		err = fmt.Errorf("%s: %w", m.doing, err)
	}
	return err
}

// play plays one operation, in a store that it opens if it must.
func (m *merging) play(o op) (err error) {
	if m.store == nil {
		m.disk.OnOp(m.look)
		if m.store, err = batpak.Open("simulated", simOptions(m.disk, &m.options)); err != nil {
			return &breach{1, err}
		}
	}
	switch o.act {
	case actAppend:
		return m.append(o)
	case actCompact:
		return m.compact(m.store, o.how&howRetain != 0)
	case actClose:
		err = m.store.Close()
	case actDie:
		m.disk.OnOp(nil)
		left := m.disk.Kill()
		m.disk.Stop()
		_ = m.store.Close() // of a process that is dead
		m.disk = left
	default:
		return fmt.Errorf("a store that merges knows no %q", o.act)
	}
	m.disk.OnOp(nil)
	m.store = nil
	return wrapBreach(1, err)
}

// wrapBreach is err as a breach of a law, if there is one.
func wrapBreach(law int, err error) error {
	if err == nil {
		return nil
	}
	return &breach{law, err}
}

func (m *merging) append(o op) error {
	n := len(m.asked) + 1
	k := keyed{draft: note(fmt.Sprint("a:", o.who%max(1, m.knobs.entities)), fmt.Sprintf("text %0*d", o.size, n))}
	var opts []batpak.AppendOption
	if o.how&howKey != 0 {
		k.key = fmt.Sprint("key ", n)
		opts = append(opts, batpak.Key(k.key))
	}
	m.asked = append(m.asked, k)
	r, err := m.store.Append(context.Background(), k.draft, opts...)
	if err != nil {
		return &breach{11, err}
	}
	if r.Sequence() != uint64(n) {
		return breaks(2, "append has receipt %+v, want one of event %d", r, n)
	}
	m.asked[n-1].receipt = r
	return nil
}

func (m *merging) compact(s *batpak.Store, retains bool) error {
	var o []batpak.CompactOption
	if retains {
		o = append(o, batpak.Retention(m.fate))
	}
	_, err := s.Compact(context.Background(), o...)
	return wrapBreach(11, err)
}

// look is called before each operation of the disk. One in four of those that change it is
// preceded by crashes, each if they are watched.
func (m *merging) look(op faultfs.Op, name string) {
	if !changes(op) || m.jury.objects() {
		return
	}
	n, all := uint64(m.disk.Ops()), m.watch
	if all == nil {
		if rand.New(rand.NewPCG(m.seed, n)).IntN(4) > 0 {
			return
		}
		all = []scenario{{{kind: crashKill}}, {{kind: crashHard}}, {{crashCut, n}}}
	}
	now := *m // the history goes on meanwhile
	now.asked = slices.Clone(m.asked)
	for _, s := range all {
		for image := range s[0].images(m.disk) {
			m.jury.judge(func() error {
				if err := caught(func() error { return now.crash(image, s[0].kind == crashKill) }); err != nil {
					return fmt.Errorf("%s: before operation %d of the disk, %s %s: %w", now.doing, n, op, name, &failure{s, err})
				}
				return nil
			})
		}
	}
}

// crash holds what a crash left against what was acknowledged; then it is used, crashed
// while it is, and held again.
func (m *merging) crash(image *simfs.Disk, all bool) error {
	for life := range 3 {
		s, err := batpak.Open("simulated", simOptions(image, &m.options))
		if err != nil {
			return fmt.Errorf("life %d, of %v: %w", life, image.Names(), &breach{1, err})
		}
		err = m.hold(s, all, 3*life)
		for i := 0; i < 3 && err == nil; i++ {
			_, err = s.Append(context.Background(), note("a:9", "after"))
			err = wrapBreach(11, err)
		}
		if err == nil && life == 1 {
			err = m.compact(s, true)
		}
		if err == nil {
			if v, verr := s.Verify(context.Background()); verr != nil || len(v.Damages) > 0 {
				err = breaks(4, "Verify() = %+v, %w", v, verr)
			}
		}
		left := image.CutHard()
		if life == 0 || err != nil {
			image.Stop()
			_ = s.Close() // of a process that is dead
			image = left
		} else {
			err = wrapBreach(1, s.Close())
		}
		if err != nil {
			return fmt.Errorf("life %d: %w", life, err)
		}
	}
	return nil
}

// hold holds a store against what it was asked for: it has all that was acknowledged, or
// was durable, in that order, and behind it nothing but what was appended after the crash.
func (m *merging) hold(s *batpak.Store, all bool, after int) error {
	events, err := eventsOf(s)
	if err != nil {
		return &breach{3, err}
	}
	there, must := 0, 0
	for i := range events {
		e := &events[i]
		if there == i && i < len(m.asked) && m.stores(&m.asked[i], e) {
			there++
		} else if !m.stores(&keyed{draft: note("a:9", "after")}, e) {
			return breaks(3, "event is %s, which nobody asked for; of %d events the first %d are as asked for", describe(e), len(m.asked), there)
		}
	}
	for i, k := range m.asked {
		if m.owed(&k, all) {
			must = i + 1
		}
	}
	if there < must || len(events)-there > after {
		return breaks(2, "there are %d events of before the crash, and %d of after it, want %d at least and %d at most", there, len(events)-there, must, after)
	}
	for _, k := range m.asked {
		if k.key == "" || !m.owed(&k, all) {
			continue
		}
		got, err := s.Append(context.Background(), k.draft, batpak.Key(k.key))
		if err != nil || got.Sequence() != k.receipt.Sequence() || got.ID() != k.receipt.ID() || got.Hash() != k.receipt.Hash() || got.Incarnation() != k.receipt.Incarnation() {
			return breaks(5, "retry of %s = %+v, %w, want %+v", k.key, got, err, k.receipt)
		}
	}
	return nil
}

// owed reports whether an event must be there: it was acknowledged, and if not all is left,
// as durable.
func (m *merging) owed(k *keyed, all bool) bool {
	return !k.receipt.ID().IsZero() && (all || k.receipt.Durable())
}

// stores reports whether a stored event is what was asked for, and acknowledged if it
// was, but for what the retention took away.
func (m *merging) stores(k *keyed, e *batpak.Event) bool {
	want := batpak.Event{Meta: e.Meta, Payload: k.draft.Payload} // as to what is not asked for
	want.Entity, want.Kind = k.draft.Entity, k.draft.Kind
	if e.Fate != batpak.DropEvent {
		want.Scope, want.PayloadVersion, want.Key = k.draft.Scope, k.draft.PayloadVersion, k.key
	}
	if e.Fate != batpak.KeepEvent {
		want.Payload, want.Fate = nil, m.fate(e.Meta)
	}
	if want.Fate == batpak.DropEvent && k.key != "" {
		want.Fate = batpak.TombstoneEvent
	}
	if !sameStored(e, &want) {
		return false
	}
	want.Coordinate = k.draft.Coordinate
	return k.receipt.ID().IsZero() || isReceiptOf(&k.receipt, &want)
}
