package batpak_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var (
	readerRuns = flag.Int("reader.n", 12, "histories beside which the reader tests read")
	readerSeed = flag.Uint64("reader.seed", 1, "seed of the first of them")
)

// openReader opens the store on a simulated disk for reading alone.
func openReader(d *simfs.Disk, o *batpak.Options) (*batpak.Store, error) {
	return batpak.OpenReadOnly("simulated", simOptions(d, o))
}

// whole are options with which everything that can be read is shown.
var whole = batpak.Options{ShowUnsynced: true}

// mustRead opens a store for reading alone.
func mustRead(t *testing.T, d *simfs.Disk, o *batpak.Options) *batpak.Store {
	t.Helper()
	s, err := openReader(d, o)
	if err != nil {
		t.Fatalf("OpenReadOnly() = %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// play is a store that is written to, dies and comes back, on a disk that fails
// and fills, while others read.
type play struct {
	random *rand.Rand
	disk   *simfs.Disk
	store  *batpak.Store
	texts  []string // of the events, in order; those of the last append perhaps not stored
	proven int      // events before the last append that was acknowledged

	beside func() error // is called before each operation of the writer that changes something
	err    error
}

func newPlay(seed uint64) *play {
	p := &play{random: rand.New(rand.NewPCG(seed, 9)), disk: simfs.New()}
	inside := false
	p.disk.OnOp(func(op faultfs.Op, _ string) {
		if inside || p.err != nil || p.beside == nil || !changes(op) {
			return
		}
		inside = true
		p.err = p.beside()
		inside = false
	})
	return p
}

// run takes so many steps.
func (p *play) run(steps int) error {
	for n := 0; n < steps && p.err == nil; n++ {
		if p.store == nil {
			s, err := batpak.Open("simulated", simOptions(p.disk, &batpak.Options{SegmentSize: 700}))
			if err != nil {
				return fmt.Errorf("open: %w", err)
			}
			p.store = s
			p.texts = p.texts[:s.Frontier().Visible]
		}
		switch p.random.IntN(12) {
		case 0:
			if err := p.store.Close(); err != nil {
				return fmt.Errorf("close: %w", err)
			}
			p.store = nil
			continue
		case 1: // the writer is poisoned, or lives on
			p.disk.Fail(faultfs.Fault{Op: []faultfs.Op{faultfs.OpSync, faultfs.OpSyncDir, faultfs.OpWrite}[p.random.IntN(3)]})
		case 2:
			p.disk.SetFree(int64(p.random.IntN(400)))
		}
		p.append()
		p.disk.Heal()
		p.disk.SetFree(1 << 20)
	}
	if p.store != nil {
		p.store.Close()
	}
	return p.err
}

// append commits a batch. A failure that leaves the outcome open ends this life of
// the store.
func (p *play) append() {
	b := p.store.NewBatch()
	from := len(p.texts)
	for range 1 + p.random.IntN(3) {
		text := fmt.Sprint(len(p.texts), strings.Repeat("x", p.random.IntN(150)))
		p.texts = append(p.texts, text)
		b.Add(note(fmt.Sprint("e:", len(p.texts)%3), text))
	}
	switch _, err := b.Commit(context.Background()); {
	case err == nil:
		p.proven = from
	case errors.Is(err, batpak.ErrPoisoned):
		p.store.Close()
		p.store = nil
	default:
		p.texts = p.texts[:from]
	}
}

// shows returns the payloads that a store shows.
func shows(s *batpak.Store) (all []string, err error) {
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return all, err
		}
		all = append(all, string(e.Payload))
	}
	return all, nil
}

// prefixOf reports how two lists differ of which one begins the other.
func prefixOf(short, long []string) error {
	if len(short) > len(long) || !slices.Equal(short, long[:len(short)]) {
		return fmt.Errorf("%d events %.200q are not the first of %d: %.200q", len(short), short, len(long), long)
	}
	return nil
}

// TestReaderBesideAWriter reads before each operation of a writer that rotates,
// closes, dies, is poisoned and meets a full disk: in a store that was just opened
// and in one that was opened in the beginning. What is shown is a prefix of what
// was written, is never taken back, and survives a power cut at that moment; and
// only the newest append may be missing.
func TestReaderBesideAWriter(t *testing.T) {
	t.Parallel()
	for seed := *readerSeed; seed < *readerSeed+uint64(*readerRuns); seed++ {
		p := newPlay(seed)
		if err := p.run(1); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		old := mustRead(t, p.disk, nil)
		last := 0
		p.beside = func() error {
			if err := old.Refresh(context.Background()); err != nil {
				return fmt.Errorf("refresh: %w", err)
			}
			got, err := p.checkReader(old)
			if err != nil {
				return fmt.Errorf("refreshed: %w", err)
			}
			if got < last {
				return fmt.Errorf("%d events are shown after %d", got, last)
			}
			last = got
			s, err := openReader(p.disk, nil)
			if err != nil {
				return fmt.Errorf("open for reading: %w", err)
			}
			// What proved the newest group may have been taken back, with the group that
			// it stood in.
			if n, err := p.checkReader(s); err != nil || n > got {
				return fmt.Errorf("opened: %d events, %w, want at most the %d of a refresh", n, err, got)
			}
			return s.Close()
		}
		if err := p.run(30); err != nil {
			t.Fatalf("seed %d, after %d operations: %v\n\tgo test ./runtime -run %s -reader.n=1 -reader.seed=%d", seed, p.disk.Ops(), err, t.Name(), seed)
		}
		if err := old.Close(); err != nil {
			t.Error(err)
		}
	}
}

// checkReader holds what a reader shows at this moment against the laws.
func (p *play) checkReader(s *batpak.Store) (n int, err error) {
	got, err := shows(s)
	if err != nil {
		return 0, err
	}
	if err := prefixOf(got, p.texts); err != nil {
		return 0, err
	}
	if len(got) < p.proven {
		return 0, fmt.Errorf("%d events are shown, %d were acknowledged before the last append", len(got), p.proven)
	}
	lost, err := batpak.Open("simulated", simOptions(p.disk.CutHard(), nil))
	if err != nil {
		return 0, err
	}
	after, err := shows(lost)
	if err == nil {
		err = prefixOf(got, after)
	}
	if err != nil {
		err = fmt.Errorf("after a power cut: %w", err)
	}
	return len(got), errors.Join(err, lost.Close())
}

// TestReadOnlyChangesNothing opens what crashes leave for reading alone, in both
// ways: no operation that changes anything reaches the disk. What is shown as
// durable survives a power cut, and a writer that comes later shows all that was
// shown, and all that can be read.
func TestReadOnlyChangesNothing(t *testing.T) {
	t.Parallel()
	for seed := *readerSeed; seed < *readerSeed+uint64(*readerRuns); seed++ {
		p := newPlay(seed)
		p.beside = func() error {
			for i, image := range []*simfs.Disk{p.disk.Kill(), p.disk.CutHard(), p.disk.Cut(uint64(p.disk.Ops()))} {
				if err := checkReadOnly(image); err != nil {
					return fmt.Errorf("image %d: %w", i, err)
				}
			}
			return nil
		}
		if err := p.run(12); err != nil {
			t.Fatalf("seed %d, after %d operations: %v\n\tgo test ./runtime -run %s -reader.n=1 -reader.seed=%d", seed, p.disk.Ops(), err, t.Name(), seed)
		}
	}
}

// checkReadOnly holds the image of a crash against the laws of reading alone.
func checkReadOnly(image *simfs.Disk) error {
	var changed error
	image.OnOp(func(op faultfs.Op, name string) {
		if changes(op) {
			changed = errors.Join(changed, fmt.Errorf("%s %s", op, name))
		}
	})
	before := directoryOf(image)
	var shown [2][]string
	for i, o := range []*batpak.Options{nil, &whole} {
		s, err := openReader(image, o)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the store was not made yet
		}
		if err != nil {
			return fmt.Errorf("open for reading: %w", err)
		}
		if shown[i], err = shows(s); err != nil {
			return err
		}
		r := s.Report()
		if int(r.Events) != len(shown[i]) || i == 0 && int(s.Frontier().Durable) != len(shown[i]) {
			return fmt.Errorf("%d events are shown, marks %+v, report %+v", len(shown[i]), s.Frontier(), r)
		}
		if i == 1 && len(shown[0]) != int(s.Frontier().Durable) {
			return fmt.Errorf("%d events are shown as durable, with the others the mark is at %d", len(shown[0]), s.Frontier().Durable)
		}
		if i == 1 && int(r.Unproven) != len(shown[1])-len(shown[0]) {
			return fmt.Errorf("%d and %d events are shown, report %+v", len(shown[0]), len(shown[1]), r)
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	image.OnOp(nil)
	if changed != nil || !directoriesEqual(before, directoryOf(image)) {
		return fmt.Errorf("reading changed the disk: %w", changed)
	}
	for i, later := range []*simfs.Disk{image.CutHard(), image} {
		s, err := batpak.Open("simulated", simOptions(later, nil))
		if err != nil {
			return err
		}
		after, err := shows(s)
		if err == nil {
			err = prefixOf(shown[i], after)
		}
		if err == nil && i == 1 && len(after) != len(shown[1]) {
			err = fmt.Errorf("%d events can be read, the writer shows %d", len(shown[1]), len(after))
		}
		if err := errors.Join(err, s.Close()); err != nil {
			return err
		}
	}
	return nil
}

// directoriesEqual reports whether two directories have the same files.
func directoriesEqual(a, b directory) bool {
	if len(a) != len(b) {
		return false
	}
	for name, content := range a {
		if other, ok := b[name]; !ok || !bytes.Equal(content, other) {
			return false
		}
	}
	return true
}

// TestReadOnlyOnTheRealDisk: the tree is as it was, times and all, and reading
// works where the process has no right to write.
func TestReadOnlyOnTheRealDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if _, err := batpak.OpenReadOnly(dir, overseen(nil)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenReadOnly() of no directory = %v, want fs.ErrNotExist", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenReadOnly() made the directory: %v", err)
	}
	w := open(t, dir, &batpak.Options{SegmentSize: 700})
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprint(i))
		mustAppend(t, w, note("a:1", want[i]))
	}
	tree := func() (lines []string) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			content, _ := os.ReadFile(path) // a directory has none
			lines = append(lines, fmt.Sprint(path, info.Mode(), info.Size(), info.ModTime(), content))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	before := tree()
	read := func(o *batpak.Options, want []string) {
		t.Helper()
		s, err := batpak.OpenReadOnly(dir, overseen(o))
		if err != nil {
			t.Fatalf("OpenReadOnly() = %v", err)
		}
		if err := s.Refresh(t.Context()); err != nil {
			t.Errorf("Refresh() = %v", err)
		}
		if got, err := shows(s); err != nil || !slices.Equal(got, want) {
			t.Errorf("the store shows %q, %v, want %q", got, err, want)
		}
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 || int(v.Events) != len(want) {
			t.Errorf("Verify() = %+v, %v, want %d sound events", v, err, len(want))
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
	read(nil, want[:39])
	if after := tree(); !slices.Equal(before, after) {
		t.Errorf("reading changed the directory:\n%q\n%q", before, after)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Chmod(name, 0o400); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	before = tree()
	read(nil, want)
	read(&whole, want)
	if after := tree(); !slices.Equal(before, after) {
		t.Errorf("reading changed the directory:\n%q\n%q", before, after)
	}
}

// TestReadOnlyRefusesToWrite: whatever would append says why it does not.
func TestReadOnlyRefusesToWrite(t *testing.T) {
	d := simfs.New()
	w := openSim(t, d, nil)
	mustAppend(t, w, note("purse:1", "x"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, o := range []*batpak.Options{nil, &whole, {Durability: batpak.Relaxed}} {
		s := mustRead(t, d, o)
		b := s.NewBatch()
		b.Add(note("a:1", "x"))
		_, aerr := s.Append(t.Context(), note("a:1", "x"), batpak.Key("k"))
		_, berr := b.Commit(t.Context())
		_, derr := batpak.Decide(t.Context(), s, note("purse:1", "spent"), propose(s, spendGates))
		_, cerr := s.Compact(t.Context())
		for call, err := range map[string]error{"Append": aerr, "Commit": berr, "Decide": derr, "Compact": cerr, "Sync": s.Sync(t.Context())} {
			if !errors.Is(err, batpak.ErrReadOnly) {
				t.Errorf("%s() = %v, want ErrReadOnly", call, err)
			}
		}
		if err := s.Wait(t.Context(), batpak.MarkDurable, 1); err != nil {
			t.Errorf("Wait() for what is durable = %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		_, aerr = s.Append(t.Context(), note("a:1", "x"))
		_, gerr := s.At(1)
		for call, err := range map[string]error{
			"Append": aerr, "At": gerr, "Sync": s.Sync(t.Context()), "Refresh": s.Refresh(t.Context()),
			"Wait": s.Wait(t.Context(), batpak.MarkDurable, 2), "Close again": nil,
		} {
			if !errors.Is(err, batpak.ErrClosed) && call != "Close again" {
				t.Errorf("%s() of a closed store = %v, want ErrClosed", call, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("second Close() = %v", err)
		}
	}
}

// TestReadersAndLocks: a reader keeps nobody out, unless it shows what is not
// durable.
func TestReadersAndLocks(t *testing.T) {
	onDisks(t, func(t *testing.T, open func(*batpak.Options) *batpak.Store) {
		var read func(*batpak.Options) (*batpak.Store, error)
		var write func() (*batpak.Store, error)
		if strings.HasSuffix(t.Name(), "real") {
			dir := t.TempDir()
			read = func(o *batpak.Options) (*batpak.Store, error) { return batpak.OpenReadOnly(dir, overseen(o)) }
			write = func() (*batpak.Store, error) { return batpak.Open(dir, overseen(nil)) }
		} else {
			d := simfs.New()
			read = func(o *batpak.Options) (*batpak.Store, error) { return openReader(d, o) }
			write = func() (*batpak.Store, error) { return batpak.Open("simulated", simOptions(d, nil)) }
		}
		if _, err := read(nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("OpenReadOnly() of an empty directory = %v, want fs.ErrNotExist", err)
		}
		if _, err := read(&whole); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("OpenReadOnly() of an empty directory, all shown = %v, want fs.ErrNotExist", err)
		}
		must := func(s *batpak.Store, err error) *batpak.Store {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
		w := must(write())
		mustAppend(t, w, note("a:1", "x"))
		a, b := must(read(nil)), must(read(nil))
		if _, err := read(&whole); !errors.Is(err, batpak.ErrLocked) {
			t.Errorf("OpenReadOnly() of all, beside a writer = %v, want ErrLocked", err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w = must(write()) // beside readers
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		c, d := must(read(&whole)), must(read(&whole))
		if _, err := write(); !errors.Is(err, batpak.ErrLocked) {
			t.Errorf("Open() beside a reader that shows all = %v, want ErrLocked", err)
		}
		for _, s := range []*batpak.Store{a, b, c, d} {
			if err := s.Refresh(t.Context()); err != nil {
				t.Errorf("Refresh() = %v", err)
			}
			if got, err := shows(s); err != nil || len(got) != 1 {
				t.Errorf("a reader shows %q, %v, want one event", got, err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close() = %v", err)
			}
		}
		must(write())
	})
}

// TestReadOnlyOfDamage: damage is told by name and place, as by Open, and a
// refresh that meets it leaves what is shown as it was.
func TestReadOnlyOfDamage(t *testing.T) {
	d := simfs.New()
	w := openSim(t, d, &batpak.Options{SegmentSize: 700})
	for i := range 20 {
		mustAppend(t, w, note("a:1", fmt.Sprint(i, strings.Repeat("x", 60))))
	}
	for i := range 20 {
		mustAppend(t, w, note("a:1", fmt.Sprint(20+i, strings.Repeat("x", 60))))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d = (&specimen{directory: directoryOf(d)}).bare().disk() // without footers, all is read
	segments := directoryOf(d).segments()
	for i, name := range segments {
		image := d.Kill()
		b := image.Bytes(name)
		b[200] ^= 1
		image.SetBytes(name, b)
		for _, o := range []*batpak.Options{nil, &whole} {
			_, err := openReader(image, o)
			if c, ok := errors.AsType[*batpak.CorruptError](err); !ok || c.File != name || c.FirstSequence == 0 {
				t.Errorf("OpenReadOnly() with damage in %s = %v, want a CorruptError there", name, err)
			}
		}
		if i < len(segments)-1 {
			image.Delete(name)
			if _, err := openReader(image, nil); !errors.Is(err, batpak.ErrCorrupt) {
				t.Errorf("OpenReadOnly() without %s = %v, want ErrCorrupt", name, err)
			}
		}
	}
	// The disk on which the store was open goes bad where it was not read yet.
	live := simfs.New()
	for name, content := range directoryOf(d) {
		live.SetBytes(name, content)
	}
	last := segments[len(segments)-1]
	content := live.Bytes(last)
	live.Delete(last)
	follower := mustRead(t, live, nil)
	shown, err := shows(follower)
	if err != nil {
		t.Fatal(err)
	}
	content[200] ^= 1
	live.SetBytes(last, content)
	for range 2 {
		if err := follower.Refresh(t.Context()); !errors.Is(err, batpak.ErrCorrupt) {
			t.Errorf("Refresh() that meets damage = %v, want ErrCorrupt", err)
		}
		if got, err := shows(follower); err != nil || !slices.Equal(got, shown) {
			t.Errorf("after it the store shows %d events, %v, want %d", len(got), err, len(shown))
		}
	}
	content[200] ^= 1
	live.SetBytes(last, content)
	if err := follower.Refresh(t.Context()); err != nil || follower.Frontier().Visible != 40 {
		t.Errorf("Refresh() after the damage was mended = %v, with %d events", err, follower.Frontier().Visible)
	}
	live.Fail(faultfs.Fault{Op: faultfs.OpRead, Sticky: true, Err: syscall.EIO})
	live.Fail(faultfs.Fault{Op: faultfs.OpOpen, Sticky: true, Err: syscall.EIO})
	if err := follower.Refresh(t.Context()); !errors.Is(err, syscall.EIO) {
		t.Errorf("Refresh() of a disk that fails = %v, want EIO", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := follower.Refresh(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Refresh() with an ended context = %v, want context.Canceled", err)
	}
}

// TestReadersBesideEverything lets readers refresh and read in parallel while a
// writer appends batches: none sees half of one, and what is shown only grows.
func TestReadersBesideEverything(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir, &batpak.Options{SegmentSize: 2048})
	mustAppend(t, w, note("e:0", "first"))
	mustAppend(t, w, note("e:0", "second"))
	reader, err := batpak.OpenReadOnly(dir, overseen(nil))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			last := uint64(0)
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := reader.Refresh(context.Background()); err != nil {
					t.Errorf("Refresh() = %v", err)
					return
				}
				n := uint64(0)
				for e, err := range reader.Events(batpak.Query{}) {
					if n++; err != nil || e.Sequence != n {
						t.Errorf("event %d = %+v, %v", n, e.Meta, err)
						return
					}
				}
				if n > 2 && (n-2)%3 != 0 || n < last {
					t.Errorf("%d events are shown after %d: a part of a batch, or less", n, last)
					return
				}
				last = n
				if head, err := reader.Head("e:0"); head > reader.Frontier().Visible || err != nil {
					t.Errorf("stream is at version %d, %v, %d events are shown", head, err, reader.Frontier().Visible)
				}
			}
		})
	}
	for range 150 {
		b := w.NewBatch()
		for i := range 3 {
			b.Add(note(fmt.Sprint("e:", i), "x"))
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reader.Refresh(t.Context()); err != nil || reader.Frontier().Visible != 452 {
		t.Errorf("Refresh() after the writer has closed = %v, with %d events, want 452", err, reader.Frontier().Visible)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
}

// TestReaderSeesASegmentTakenBack: a segment that got its name and is taken back
// because the directory could not be synced was never begun for a reader.
func TestReaderSeesASegmentTakenBack(t *testing.T) {
	d := simfs.New()
	w := openSim(t, d, &batpak.Options{SegmentSize: 512})
	big := strings.Repeat("x", 300)
	mustAppend(t, w, note("a:1", big))
	reader := mustRead(t, d, nil)
	name := segment.Name(2)
	d.OnOp(func(op faultfs.Op, _ string) {
		if op == faultfs.OpSyncDir && len(d.Bytes(name)) > 0 {
			if err := reader.Refresh(context.Background()); err != nil || reader.Frontier().Visible != 1 {
				t.Errorf("Refresh() = %v, with %d events, want one", err, reader.Frontier().Visible)
			}
		}
	})
	d.Fail(faultfs.Fault{Op: faultfs.OpSyncDir})
	if _, err := w.Append(t.Context(), note("a:1", big)); !errors.Is(err, batpak.ErrPoisoned) {
		t.Fatalf("Append() = %v, want ErrPoisoned", err)
	}
	d.OnOp(nil)
	if d.Bytes(name) != nil {
		t.Fatalf("%s is still there", name)
	}
	w.Close()
	again := openSim(t, d, &batpak.Options{SegmentSize: 2048})
	mustAppend(t, again, note("a:1", "goes to the first segment"))
	mustAppend(t, again, note("a:1", "and proves that"))
	if err := reader.Refresh(t.Context()); err != nil || reader.Frontier().Visible != 2 {
		t.Errorf("Refresh() = %v, with %d events, want 2", err, reader.Frontier().Visible)
	}
}
