package batpak_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
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
	images := 0
	for i := range uint64(*compactRuns) {
		images += crashMerges(t, *compactSeed+i)
	}
	t.Logf("%d images", images)
}

// crashMerges crashes the history of a seed. If that fails the test, which may end it
// anywhere, it says last how to do it again.
func crashMerges(t *testing.T, seed uint64) (images int) {
	defer func() {
		if t.Failed() {
			t.Logf("in history %d\n\tgo test ./runtime -run '^TestCrashInMerges$' -compact.n=1 -compact.seed=%d", seed, seed)
		}
	}()
	m := merging{T: t, random: rand.New(rand.NewPCG(seed, 77)), disk: simfs.New(), options: covering(700, 150), acked: map[uint64]batpak.Receipt{}}
	if seed%2 == 1 {
		m.options.Durability = batpak.Relaxed
		m.options.Compaction = &batpak.Compaction{Retention: m.fate}
		rtopts.SetFanIn(&m.options.Internal, 2)
	}
	for life := range 4 {
		m.live(life%2 == 0)
	}
	return m.images
}

// merging is a history of a store that merges its segments.
type merging struct {
	*testing.T
	random  *rand.Rand
	disk    *simfs.Disk
	options *batpak.Options
	acked   map[uint64]batpak.Receipt
	keys    []keyed
	images  int
}

// fate keeps, takes payloads away, and drops.
func (m *merging) fate(e batpak.Meta) batpak.Fate { return batpak.Fate(e.Sequence % 3) }

// live opens the store, uses it, and closes it, or kills its process. One in four of the
// operations that change the disk is preceded by crashes.
func (m *merging) live(closes bool) {
	m.Helper()
	m.disk.OnOp(func(op simfs.Op, name string) {
		if changes(op) && m.random.IntN(4) == 0 {
			m.crash(fmt.Sprintf("operation %d, %s %s", m.disk.Ops(), op, name))
		}
	})
	s, err := batpak.Open("simulated", simOptions(m.disk, m.options))
	if err != nil {
		m.Fatal(err)
	}
	for range 30 {
		d := note(fmt.Sprint("a:", m.random.IntN(3)), fmt.Sprint("text ", m.random.Uint64()))
		switch n := m.random.IntN(12); {
		case n < 4:
			k := keyed{key: fmt.Sprint("key ", m.random.Uint64()), draft: d}
			k.receipt = mustAppend(m.T, s, d, batpak.Key(k.key))
			m.keys, m.acked[k.receipt.Sequence()] = append(m.keys, k), k.receipt
		case n == 5:
			m.compact(s, m.random.IntN(2) == 0)
		default:
			r := mustAppend(m.T, s, d)
			m.acked[r.Sequence()] = r
		}
	}
	if closes {
		if err := s.Close(); err != nil {
			m.Fatal(err)
		}
		m.disk.OnOp(nil)
		return
	}
	m.disk.OnOp(nil)
	left := m.disk.Kill()
	m.disk.Stop()
	_ = s.Close() // of a process that is dead
	m.disk = left
}

func (m *merging) compact(s *batpak.Store, retains bool) {
	m.Helper()
	var o []batpak.CompactOption
	if retains {
		o = append(o, batpak.Retention(m.fate))
	}
	if _, err := s.Compact(m.Context(), o...); err != nil {
		m.Fatal(err)
	}
}

// crash kills the process, and cuts the power in two ways, and holds what is left against
// what was acknowledged; then it is used, crashed while it is, and held again.
func (m *merging) crash(where string) {
	for i, image := range []*simfs.Disk{m.disk.Kill(), m.disk.CutHard(), m.disk.Cut(uint64(m.disk.Ops()))} {
		m.images++
		for life := range 3 {
			s, err := batpak.Open("simulated", simOptions(image, m.options))
			if err == nil {
				err = m.hold(s, i == 0)
			}
			if err != nil {
				m.Fatalf("before %s, image %d, life %d: %v; there is %v", where, i, life, err, image.Names())
			}
			for range 3 {
				mustAppend(m.T, s, note("a:9", "after"))
			}
			if life == 1 {
				m.compact(s, true)
			}
			verified(m.T, s)
			if life == 0 {
				left := image.CutHard()
				image.Stop()
				_ = s.Close() // of a process that is dead
				image = left
			} else if err := s.Close(); err != nil {
				m.Fatal(err)
			}
		}
	}
}

// hold holds a store against what was acknowledged, all of it or what was durable.
func (m *merging) hold(s *batpak.Store, all bool) error {
	for sequence, r := range m.acked {
		if !all && !r.Durable() {
			continue
		}
		e, err := s.At(sequence)
		if err != nil && !errors.Is(err, batpak.ErrTombstoned) || e.ID != r.ID() || e.Hash != r.Hash() {
			return fmt.Errorf("At(%d) = %+v, %w, want %+v", sequence, e, err, r)
		}
	}
	for _, k := range m.keys {
		if !all && !k.receipt.Durable() {
			continue
		}
		got, err := s.Append(m.Context(), k.draft, batpak.Key(k.key))
		if err != nil || got.Sequence() != k.receipt.Sequence() || got.ID() != k.receipt.ID() || got.Hash() != k.receipt.Hash() || got.Incarnation() != k.receipt.Incarnation() {
			return fmt.Errorf("retry of %s = %+v, %w, want %+v", k.key, got, err, k.receipt)
		}
	}
	return nil
}
