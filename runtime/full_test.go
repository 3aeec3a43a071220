package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var fullStep = flag.Int64("full.step", 7, "bytes of space from one full disk to the next")

// TestFullDiskExhaustive fills a disk that has some bytes of space, for every
// number of bytes up to a few segments. The append that does not fit fails with
// ErrDiskFull, and nothing else: what was acknowledged can be read, the store
// closes with a close record, it is opened and closed again on the full disk, be
// it that its process died, and appends go on when there is space.
//
//	go test ./runtime -run TestFullDiskExhaustive -full.step=1
func TestFullDiskExhaustive(t *testing.T) {
	t.Parallel()
	for _, durability := range []batpak.Durability{batpak.Synced, batpak.Relaxed} {
		for free := int64(0); free < 6000; free += *fullStep {
			f := fullDisk{disk: simfs.New(), options: batpak.Options{SegmentSize: 700, Durability: durability}}
			if err := f.run(free); err != nil {
				t.Fatalf("durability %d, %d bytes of space: %v", durability, free, err)
			}
		}
	}
}

// fullDisk is a store on a disk that fills.
type fullDisk struct {
	disk    *simfs.Disk
	options batpak.Options
	acked   []string
}

func (f *fullDisk) run(free int64) error {
	f.disk.SetFree(1 << 20)
	s, err := f.open(f.disk)
	if err != nil {
		return err
	}
	f.disk.SetFree(free)
	if err := f.fill(s, rand.New(rand.NewPCG(uint64(free), 1))); err != nil {
		return err
	}
	if err := f.check(s); err != nil {
		return fmt.Errorf("on the full disk: %w", err)
	}
	if err := s.Sync(context.Background()); err != nil {
		return fmt.Errorf("sync on the full disk: %w", err)
	}
	for what, image := range map[string]*simfs.Disk{"kill": f.disk.Kill(), "power cut": f.disk.CutHard(), "cut": f.disk.Cut(uint64(free))} {
		image.SetFree(0)
		if err := f.reopen(image, false); err != nil {
			return fmt.Errorf("after a %s: %w", what, err)
		}
	}
	if err := s.Close(); err != nil {
		return fmt.Errorf("close on the full disk: %w", err)
	}
	f.disk.SetFree(0)
	if err := f.reopen(f.disk, len(f.acked) > 0); err != nil {
		return fmt.Errorf("after closing: %w", err)
	}
	f.disk.SetFree(1 << 20)
	return f.goOn()
}

// open opens the store, on the disk or an image of it.
func (f *fullDisk) open(d *simfs.Disk) (*batpak.Store, error) {
	return batpak.Open("simulated", simOptions(d, &f.options))
}

// fill appends until the disk is full.
func (f *fullDisk) fill(s *batpak.Store, r *rand.Rand) error {
	for {
		text := strings.Repeat("x", r.IntN(200))
		_, err := s.Append(context.Background(), note("a:1", text), batpak.Expect(uint64(len(f.acked))))
		if errors.Is(err, batpak.ErrDiskFull) && !errors.Is(err, batpak.ErrOutcomeUnknown) && errors.Is(err, syscall.ENOSPC) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("append to a disk that fills: %w", err)
		}
		f.acked = append(f.acked, text)
	}
}

// check compares what a store shows with what it acknowledged.
func (f *fullDisk) check(s *batpak.Store) error {
	if err := s.Sync(context.Background()); err != nil {
		return err
	}
	var got []string
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return err
		}
		got = append(got, string(e.Payload))
	}
	if diff := cmp.Diff(f.acked, got); diff != "" {
		return fmt.Errorf("events differ (-want +got):\n%s", diff)
	}
	if v, err := s.Verify(context.Background()); err != nil || len(v.Damages) > 0 {
		return fmt.Errorf("verify: %+v, %w", v, err)
	}
	return nil
}

// reopen opens and closes the store on a disk without space, twice.
func (f *fullDisk) reopen(d *simfs.Disk, clean bool) error {
	for range 2 {
		s, err := f.open(d)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		if r := s.Report(); clean && !r.Clean {
			return fmt.Errorf("open: %+v, want a clean opening", r)
		}
		if err := errors.Join(f.check(s), s.Close()); err != nil {
			return fmt.Errorf("opened again: %w", err)
		}
	}
	return nil
}

// goOn appends when there is space again.
func (f *fullDisk) goOn() error {
	s, err := f.open(f.disk)
	if err != nil {
		return err
	}
	for range 5 {
		if _, err := s.Append(context.Background(), note("a:1", "more"), batpak.Expect(uint64(len(f.acked)))); err != nil {
			return fmt.Errorf("append with space again: %w", err)
		}
		f.acked = append(f.acked, "more")
	}
	if err := errors.Join(f.check(s), s.Close()); err != nil {
		return err
	}
	return f.reopen(f.disk.CutHard(), true)
}

// TestFullDiskWithoutAStore: a store that has no room to begin is not created,
// says why, and begins when there is room.
func TestFullDiskWithoutAStore(t *testing.T) {
	for free := range int64(96) {
		d := simfs.New()
		d.SetFree(free)
		if _, err := batpak.Open("simulated", simOptions(d, nil)); !errors.Is(err, batpak.ErrDiskFull) {
			t.Errorf("Open() with %d bytes of space = %v, want ErrDiskFull", free, err)
		}
		d.SetFree(1 << 20)
		mustAppend(t, openSim(t, d, nil), note("a:1", "x"))
	}
}
