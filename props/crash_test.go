package props_test

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"go.uber.org/goleak"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/props"
)

// Histories of crashes allocate much and hold on to little, so that the heap, at its
// smallest, would be collected hundreds of times a second; and to sample so many
// stacks takes time of its own.
func TestMain(m *testing.M) {
	runtime.MemProfileRate = 0
	debug.SetGCPercent(800)
	goleak.VerifyTestMain(m)
}

// crashes takes images of a disk at every operation that a store does on it.
type crashes struct {
	world *world
	disk  *batpaktest.Disk

	mu     sync.Mutex // guards what follows
	kept   batpak.Frontier
	images []image
}

// image is what a crash leaves.
type image struct {
	disk    *batpaktest.Disk
	how     string
	must    uint64          // events, at least
	durable uint64          // of them, those that a power cut must spare
	marks   batpak.Frontier // when it was taken
}

// crash runs a history on a disk in memory that is crashed at every operation,
// and returns the world after it, closed, and the images.
func crash(ctx context.Context, durability batpak.Durability, ops []op) (*world, []image, error) {
	disk := batpaktest.NewDisk()
	c := crashes{disk: disk, world: &world{open: disk.Open, options: batpak.Options{Durability: durability}}}
	c.world.after = c.settle
	disk.OnOp(c.take)
	if err := c.world.run(ctx, ops); err != nil {
		return nil, nil, err
	}
	if err := c.world.store.Close(); err != nil {
		return nil, nil, err
	}
	disk.OnOp(nil)
	return c.world, c.images, nil
}

// settle notes what the steps so far were promised.
func (c *crashes) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = c.world.store.Frontier()
}

// take takes the images before one operation.
func (c *crashes) take(op batpaktest.Op, name string) {
	if !alters(op) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := uint64(c.disk.Ops())
	at := fmt.Sprintf("before operation %d, %s %s", n, op, name)
	c.images = append(c.images,
		image{c.disk.Kill(), "killed " + at, c.kept.Written, c.kept.Durable, c.kept},
		image{c.disk.CutHard(), "cut " + at, c.kept.Durable, c.kept.Durable, c.kept},
		image{c.disk.Cut(n), "cut in part " + at, c.kept.Durable, c.kept.Durable, c.kept})
}

func alters(op batpaktest.Op) bool {
	return op != batpaktest.OpRead && op != batpaktest.OpList && op != batpaktest.OpOpen
}

// place opens what a crash left: where the store was, or as a copy on another disk.
type place func(i image, use func(opener) error) error

// inMemory opens an image as it is.
func inMemory(i image, use func(opener) error) error { return use(i.disk.Open) }

// onRealDisk copies an image to directories below parent.
func onRealDisk(parent string) place {
	return func(i image, use func(opener) error) error {
		dir, err := os.MkdirTemp(parent, "image")
		if err != nil {
			return err
		}
		for _, name := range i.disk.Names() {
			if err := os.WriteFile(filepath.Join(dir, name), i.disk.Bytes(name), 0o600); err != nil {
				return err
			}
		}
		err = use(func(o *batpak.Options) (*batpak.Store, error) { return batpaktest.OpenDir(dir, o) })
		return errors.Join(err, os.RemoveAll(dir))
	}
}

// onPlaces runs a test with images opened in memory and, fewer of them, on the
// real disk: what a crash leaves there is what the simulated one says it may
// leave, but it is found, read and repaired by another implementation.
func onPlaces(t *testing.T, inMem, real int, test func(t *testing.T, cases int, sample func([]image) []image, in place)) {
	t.Run("simulated", func(t *testing.T) {
		test(t, inMem, func(all []image) []image { return all }, inMemory)
	})
	t.Run("real", func(t *testing.T) {
		test(t, real, func(all []image) []image {
			const most = 25 // of a history; syncs of a real disk take time
			step := 1 + len(all)/most
			var some []image
			for i := len(all) % step; i < len(all); i += step {
				some = append(some, all[i])
			}
			return some
		}, onRealDisk(t.TempDir()))
	})
}

// distinct leaves out images that show what another one does and promise no more, for
// a law that looks at nothing else of them: what is pending is not seen, and most
// operations of a disk change nothing that is.
func distinct(all []image) (some []image) {
	promised := map[uint64]uint64{} // of images that show the same, by the sum of that
	for _, i := range all {
		sum := i.sum()
		if must, again := promised[sum]; !again || must < i.must {
			promised[sum] = i.must
			some = append(some, i)
		}
	}
	return some
}

// imageSeed is that of the sums of images.
var imageSeed = maphash.MakeSeed()

// sum is a fingerprint of what the image shows.
func (i image) sum() uint64 {
	var h maphash.Hash
	h.SetSeed(imageSeed)
	for _, name := range i.disk.Names() {
		b := i.disk.Bytes(name)
		maphash.WriteComparable(&h, name)
		maphash.WriteComparable(&h, len(b))
		h.Write(b)
	}
	return h.Sum64()
}

// prefix opens an image, which must have all that was promised and beyond that
// whole requests only, in their order. It returns the store and its model.
func (w *world) prefix(ctx context.Context, i image, open opener) (*batpak.Store, *props.Model, error) {
	s, err := open(&batpak.Options{SegmentSize: batpak.MinSegmentSize})
	if err != nil {
		return nil, nil, err
	}
	n := s.Report().Events
	m, err := w.modelAt(n)
	if err == nil && n < i.must {
		err = fmt.Errorf("%d events, of the %d that were promised", n, i.must)
	}
	if err == nil {
		err = m.Compare(ctx, s)
	}
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, m, nil
}

// modelAt is the model after its first n events, which must be whole requests.
func (w *world) modelAt(n uint64) (*props.Model, error) {
	end := uint64(0)
	for _, r := range w.stored {
		if end >= n {
			break
		}
		end += uint64(len(r.receipts))
	}
	if end != n {
		return nil, fmt.Errorf("%d events, which ends within a request or after the last", n)
	}
	return w.model.Prefix(int(n)), nil
}
