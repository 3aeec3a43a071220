package batpak_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var restoreN = flag.Int("restore.n", 4000, "mixtures of old and new files that the restore lane tries; 0 means every one")

// generations are what one directory held at different times, oldest first. One of
// them may be a branch: events of it were lost to a power cut before they were
// acknowledged, and others took their places.
func generations(t *testing.T, seed uint64) (all []*specimen) {
	a := newAuthor(t, seed, 1<<10, 60)
	rtopts.SetCheckpoint(&a.options.Internal, 300, 0)
	for life := range 6 {
		a.open()
		a.write(2)
		all = append(all, a.specimen())
		a.write(2)
		switch life % 3 {
		case 0:
			a.close()
		case 1:
			a.die()
			a.tear()
		case 2:
			// Both go on with the same appends, whose ids and hashes differ.
			branch, same := *a, a.random.Uint64()
			branch.random, a.random = rand.New(rand.NewPCG(same, 0)), rand.New(rand.NewPCG(same, 0))
			branch.events, branch.disk = slices.Clone(a.events), a.disk.Kill()
			branch.open()
			branch.write(2)
			branch.die()
			all = append(all, branch.specimen())
			a.die()
		}
		all = append(all, a.specimen())
	}
	return all
}

// mixture is a generation of which some files are those of an older one, by their places
// among the files of both.
type mixture struct {
	older, newer int
	some         uint64
}

func (m mixture) String() string {
	return fmt.Sprintf("generation %d with those files of generation %d that are in %b", m.newer, m.older, m.some)
}

// both are the names of the files of two generations.
func both(older, newer *specimen) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(older.names(), newer.names()))))
}

// of is the directory that is mixed.
func (m mixture) of(all []*specimen) directory {
	d := directory{}
	for k, name := range both(all[m.older], all[m.newer]) {
		from := all[m.newer]
		if m.some>>k&1 == 1 {
			from = all[m.older]
		}
		if content, ok := from.directory[name]; ok {
			d[name] = content
		}
	}
	return d
}

// keep keeps a mixture that fails, with as few older files as it takes to fail, and ends
// the test.
func (m mixture) keep(t *testing.T, judge func(mixture) error) {
	t.Helper()
	for bit := uint64(1); bit > 0 && bit <= m.some; bit *= 2 {
		less := m
		less.some &^= bit
		if less.some != m.some && judge(less) != nil {
			m = less
		}
	}
	keepCase(t, *damageSeed, uint64(m.older), uint64(m.newer), m.some)
	t.Fatalf("%v: %v\n\tgo test ./runtime -run '^%s$' -damage.seed=%d -restore.n=%d -short=%t", m, judge(m), t.Name(), *damageSeed, *restoreN, testing.Short())
}

// TestRestoreOfSomeFiles puts back older copies of some files of a directory, in
// every combination of files, of every pair of generations. The store is refused, or
// it is, as a whole, what it was in one generation or earlier in it: no event of one
// history follows one of another, and there is no gap.
//
//	go test ./runtime -run TestRestoreOfSomeFiles -restore.n=0   # every mixture
func TestRestoreOfSomeFiles(t *testing.T) {
	t.Parallel()
	all := generations(t, *damageSeed)
	var mixtures []mixture
	for i, older := range all {
		for j := i + 1; j < len(all); j++ {
			for some := range uint64(1) << len(both(older, all[j])) {
				mixtures = append(mixtures, mixture{i, j, some})
			}
		}
	}
	random := rand.New(rand.NewPCG(*damageSeed, 6))
	refusals, rolledBack := 0, 0
	n := fewer(*restoreN * 3 / 4)
	if n == 0 {
		n = len(mixtures)
	}
	for i := range n {
		from := len(mixtures) * i / n
		m := mixtures[from+random.IntN(max(1, len(mixtures)/n))]
		opened, rolled, err := judgeMixture(all, m.of(all))
		if err != nil {
			m.keep(t, func(m mixture) error {
				_, _, err := judgeMixture(all, m.of(all))
				return err
			})
		}
		if !opened {
			refusals++
		}
		if rolled {
			rolledBack++
		}
	}
	t.Logf("%d of %d mixtures: %d were refused, %d are an older generation", n, len(mixtures), refusals, rolledBack)
	if refusals == 0 || refusals == n {
		t.Errorf("%d of %d mixtures were refused, want some", refusals, n)
	}
}

// judgeMixture opens a directory and wants it to be what one of the generations
// was, or was before. It reports whether the store was opened, and whether it has
// fewer events than the newest generation.
func judgeMixture(all []*specimen, d directory) (opened, rolledBack bool, err error) {
	err = caught(func() error {
		opened, rolledBack, err = openMixture(all, d)
		return err
	})
	return opened, rolledBack, err
}

func openMixture(all []*specimen, d directory) (opened, rolledBack bool, err error) {
	disk := d.disk()
	s, err := batpak.Open("simulated", simOptions(disk, nil))
	if errors.Is(err, batpak.ErrCorrupt) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	got, err := eventsOf(s)
	report := s.Report()
	if err = errors.Join(err, s.Close()); err != nil {
		return true, false, err
	}
	var errs error
	for i, sp := range all {
		j := &judge{specimen: sp, disk: disk}
		if _, err := j.hold(d, got, &report); err != nil {
			errs = errors.Join(errs, fmt.Errorf("as generation %d: %w", i, err))
			continue
		}
		return true, len(got) < len(all[len(all)-1].events), nil
	}
	return true, false, fmt.Errorf("%d events, report %+v: %w", len(got), report, errs)
}

// TestRestoreUnderOpenStore puts the files of another generation, or of the other
// branch, beneath a store that is open: what it then reads is what was stored in its
// own history, or ErrCorrupt.
func TestRestoreUnderOpenStore(t *testing.T) {
	t.Parallel()
	all := generations(t, *damageSeed)
	damaged := 0
	for i, sp := range all {
		for j, other := range all {
			disk := sp.disk()
			exchanged := false
			s, err := batpak.Open("simulated", reported(disk.FS(), nil, func(b *checkfs.Breach) {
				if !exchanged { // after that the checks do not know what there is
					t.Error(b)
				}
			}))
			opened(t, s, err)
			exchanged = true
			for _, name := range sp.segments() {
				if content, ok := other.directory[name]; ok {
					disk.SetBytes(name, content)
				} else {
					disk.Delete(name)
				}
			}
			lost, err := sp.readAll(s)
			if err != nil {
				t.Fatalf("files of generation %d under generation %d: %v", j, i, err)
			}
			damaged += len(lost)
			if err := s.Close(); err != nil {
				t.Logf("files of generation %d under generation %d: Close() = %v", j, i, err)
			}
		}
	}
	if damaged == 0 {
		t.Error("no read failed")
	}
}

// TestRestoreOfAFrozenMachine resumes one machine twice: two processes go on with one
// store, each with its own disk. Nothing tells one that there is another. Each is
// sound by itself, and the receipts tell the two histories apart.
func TestRestoreOfAFrozenMachine(t *testing.T) {
	a := newAuthor(t, *damageSeed, 1<<10, 60)
	a.open()
	a.write(4)
	var receipts [2][]batpak.Receipt
	var stores [2]*batpak.Store
	for i, disk := range []*simfs.Disk{a.disk.Kill(), a.disk.Kill()} {
		stores[i] = openSim(t, disk, &batpak.Options{SegmentSize: 1 << 10})
		for n := range 20 {
			receipts[i] = append(receipts[i], mustAppend(t, stores[i], note("e:1", fmt.Sprint(n)), batpak.Key(fmt.Sprint("twin ", n))))
		}
	}
	for i, s := range stores {
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
			t.Errorf("Verify() = %+v, %v", v, err)
		}
		for n, r := range receipts[1-i] {
			if _, err := s.Get(r.ID()); !errors.Is(err, batpak.ErrNotFound) {
				t.Errorf("Get() of an event of the other history = %v, want ErrNotFound", err)
			}
			if mine := receipts[i][n]; r.Sequence() != mine.Sequence() || r.Hash() == mine.Hash() || r.ID() == mine.ID() {
				t.Errorf("receipts %+v and %+v do not tell the histories apart", r, mine)
			}
		}
	}
	a.die()
}

// TestRestoreOfALiveCopy copies the files of a store, one after the other and some
// of them in pieces, while the store goes on. The copy is refused, or it has a
// beginning of the log, without a gap; or a segment whose end was copied long after
// its beginning is found to be damaged when it is read, and by Verify.
func TestRestoreOfALiveCopy(t *testing.T) {
	t.Parallel()
	a := newAuthor(t, *damageSeed, 1<<10, 60)
	var moments []directory // before each operation that changes something
	for range 3 {
		a.open()
		a.disk.OnOp(func(op faultfs.Op, _ string) {
			if changes(op) && op != faultfs.OpSync && op != faultfs.OpSyncDir {
				moments = append(moments, directoryOf(a.disk))
			}
		})
		a.write(8)
		a.close()
	}
	whole, ends := a.specimen(), []int{0}
	for _, g := range whole.groups {
		ends = append(ends, ends[len(ends)-1]+int(g.Count))
	}
	refusals, n := 0, fewer(*restoreN/2)
	if n == 0 {
		n = 100_000
	}
	for i := range n {
		r := rand.New(rand.NewPCG(*damageSeed, uint64(i)))
		d := liveCopy(moments, r)
		s, err := batpak.Open("simulated", simOptions(d.disk(), nil))
		if errors.Is(err, batpak.ErrCorrupt) {
			refusals++
			continue
		}
		if err != nil {
			t.Fatalf("copy %d: %v", i, err)
		}
		got, err := eventsOf(s)
		if errors.Is(err, batpak.ErrCorrupt) && differs(got, whole.events) == "" {
			if v, verr := s.Verify(t.Context()); verr != nil || len(v.Damages) == 0 {
				t.Fatalf("copy %d: Events() = %v, and Verify() = %+v, %v", i, err, v, verr)
			}
			refusals++
			s.Close()
			continue
		}
		if what := differs(got, whole.events); what != "" || err != nil || !slices.Contains(ends, len(got)) {
			t.Fatalf("copy %d: %d events, %s, %v, want a beginning up to one of %d", i, len(got), what, err, ends)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d copies were refused", refusals, n)
	if refusals == 0 || refusals == n {
		t.Errorf("%d of %d copies were refused, want some", refusals, n)
	}
}

// liveCopy lists the directory at one moment and reads each file at another, in one
// direction of time or at random, some of them in two halves.
func liveCopy(moments []directory, r *rand.Rand) directory {
	order := slices.Sorted(slices.Values([]int{r.IntN(len(moments)), r.IntN(len(moments)), r.IntN(len(moments))}))
	first, last := order[0], order[2]
	names := moments[order[r.IntN(3)]].names()
	d := directory{}
	for i, name := range names {
		at := first + (last-first)*i/max(1, len(names))
		if r.IntN(4) == 0 {
			at = first + r.IntN(last-first+1)
		}
		content, ok := moments[at][name]
		if !ok {
			continue
		}
		if later := moments[min(at+r.IntN(20), len(moments)-1)][name]; r.IntN(2) == 0 && len(later) > 0 {
			half := r.IntN(min(len(content), len(later)) + 1)
			content = slices.Concat(content[:half], later[half:])
		}
		d[name] = content
	}
	return d
}
