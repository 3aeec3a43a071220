package batpaktest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func open(t *testing.T, d *batpaktest.Disk, o *batpak.Options) *batpak.Store {
	t.Helper()
	s, err := d.Open(o)
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { s.Close() }) // again, for a test that stopped early
	return s
}

func closed(t *testing.T, s *batpak.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
}

func add(ctx context.Context, s *batpak.Store, payload string) (batpak.Receipt, error) {
	return s.Append(ctx, batpak.Draft{
		Coordinate:     batpak.Coordinate{Entity: "note:1", Scope: "notes"},
		Kind:           batpak.KindOf(1, 1),
		PayloadVersion: 1,
		Payload:        []byte(payload),
	})
}

func mustAdd(t *testing.T, s *batpak.Store, payload string) batpak.Receipt {
	t.Helper()
	r, err := add(t.Context(), s, payload)
	if err != nil {
		t.Fatalf("Append(%q) = %v", payload, err)
	}
	return r
}

func payloads(t *testing.T, s *batpak.Store) []string {
	t.Helper()
	var all []string
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			t.Fatalf("Events() = %v", err)
		}
		all = append(all, string(e.Payload))
	}
	return all
}

// What was acknowledged is in every image, and the disk goes on as if none had
// been taken.
func TestImagesHoldWhatWasAcknowledged(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, nil)
	mustAdd(t, s, "a")
	mustAdd(t, s, "b")
	images := map[string]*batpaktest.Disk{
		"Kill": disk.Kill(), "CutHard": disk.CutHard(), "Cut(1)": disk.Cut(1), "Cut(2)": disk.Cut(2),
	}
	mustAdd(t, s, "c")
	for name, image := range images {
		if diff := cmp.Diff([]string{"a", "b"}, payloads(t, open(t, image, nil))); diff != "" {
			t.Errorf("%s() has other events (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, payloads(t, s)); diff != "" {
		t.Errorf("the disk itself has other events (-want +got):\n%s", diff)
	}
}

// A relaxed append that was not synced survives a kill and no hard power cut; the
// first one is synced.
func TestKillKeepsWhatCutHardLoses(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, &batpak.Options{Durability: batpak.Relaxed})
	mustAdd(t, s, "a")
	mustAdd(t, s, "b")
	if diff := cmp.Diff([]string{"a", "b"}, payloads(t, open(t, disk.Kill(), nil))); diff != "" {
		t.Errorf("Kill() has other events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a"}, payloads(t, open(t, disk.CutHard(), nil))); diff != "" {
		t.Errorf("CutHard() has other events (-want +got):\n%s", diff)
	}
}

// A reader beside the writer shows what the next append has proved.
func TestReaderBesideTheWriter(t *testing.T) {
	disk := batpaktest.NewDisk()
	w := open(t, disk, nil)
	mustAdd(t, w, "a")
	reader, err := disk.OpenReadOnly(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got := payloads(t, reader); got != nil {
		t.Errorf("the reader shows %q, want nothing yet", got)
	}
	mustAdd(t, w, "b")
	if err := reader.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, payloads(t, reader)); diff != "" {
		t.Errorf("the reader shows other events (-want +got):\n%s", diff)
	}
}

// A disk that fills refuses an append, and takes it when there is room again.
func TestSetFreeFillsTheDisk(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, nil)
	disk.SetFree(1000)
	n := 0
	for ; n < 100; n++ {
		if _, err := add(t.Context(), s, "a"); errors.Is(err, batpak.ErrDiskFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n == 0 || n == 100 {
		t.Errorf("1000 bytes took %d events", n)
	}
	disk.SetFree(1 << 20)
	mustAdd(t, s, "a")
}

func TestFaultFailsTheAppend(t *testing.T) {
	for _, tt := range []struct {
		fault batpaktest.Fault
		want  error
	}{
		{batpaktest.Fault{Op: batpaktest.OpSync}, syscall.EIO},
		{batpaktest.Fault{Op: batpaktest.OpSync, Kept: true}, syscall.EIO},
		{batpaktest.Fault{Op: batpaktest.OpWrite, N: 1}, syscall.EIO},
		{batpaktest.Fault{Op: batpaktest.OpWrite, Err: syscall.ENOSPC, Sticky: true}, batpak.ErrDiskFull},
	} {
		disk := batpaktest.NewDisk()
		s := open(t, disk, nil)
		disk.Fail(tt.fault)
		if _, err := add(t.Context(), s, "a"); !errors.Is(err, tt.want) {
			t.Errorf("Append() with %+v = %v, want %v", tt.fault, err, tt.want)
		}
		after := open(t, disk.Kill(), nil)
		mustAdd(t, after, "b")
	}
}

// A sync that had its effect leaves an event that was not acknowledged, on the
// most forgetful disk; one that had none leaves nothing.
func TestKeptFaultHasItsEffect(t *testing.T) {
	for kept, want := range map[bool][]string{false: {"a"}, true: {"a", "b"}} {
		disk := batpaktest.NewDisk()
		s := open(t, disk, nil)
		disk.Fail(batpaktest.Fault{Op: batpaktest.OpSync, N: 2, Kept: kept})
		mustAdd(t, s, "a")
		if _, err := add(t.Context(), s, "b"); err == nil {
			t.Errorf("Append() with the second sync failing, Kept %t = nil, want an error", kept)
		}
		if diff := cmp.Diff(want, payloads(t, open(t, disk.CutHard(), nil))); diff != "" {
			t.Errorf("with Kept %t CutHard() has other events (-want +got):\n%s", kept, diff)
		}
	}
}

// A disk that fails goes on failing only if the fault is sticky.
func TestStickyFaultGoesOn(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		disk := batpaktest.NewDisk()
		s := open(t, disk, nil)
		disk.Fail(batpaktest.Fault{Op: batpaktest.OpWrite, Sticky: sticky})
		if _, err := add(t.Context(), s, "a"); !errors.Is(err, syscall.EIO) {
			t.Errorf("first Append() with Sticky %t = %v, want EIO", sticky, err)
		}
		if _, err := add(t.Context(), s, "a"); errors.Is(err, syscall.EIO) != sticky {
			t.Errorf("second Append() with Sticky %t = %v", sticky, err)
		}
	}
}

func TestHealDisarms(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, nil)
	disk.Fail(batpaktest.Fault{Op: batpaktest.OpAny, Sticky: true})
	disk.Heal()
	mustAdd(t, s, "a")
}

func TestStopLetsCloseFailAndEnd(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, nil)
	mustAdd(t, s, "a")
	disk.Stop()
	if err := s.Close(); err == nil {
		t.Error("Close() on a stopped disk = nil, want an error")
	}
	if diff := cmp.Diff([]string{"a"}, payloads(t, open(t, disk.Kill(), nil))); diff != "" {
		t.Errorf("Kill() has other events (-want +got):\n%s", diff)
	}
}

func TestOnOpSeesEachOperation(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, nil)
	before, seen := disk.Ops(), map[batpaktest.Op]int{}
	disk.OnOp(func(op batpaktest.Op, _ string) { seen[op]++ })
	mustAdd(t, s, "a")
	disk.OnOp(nil)
	sum := 0
	for op, n := range seen {
		if op != batpaktest.OpRest {
			sum += n
		}
	}
	if seen[batpaktest.OpWrite] == 0 || seen[batpaktest.OpSync] == 0 || sum != disk.Ops()-before {
		t.Errorf("hook saw %v in %d operations, want a write, a sync and all of them", seen, disk.Ops()-before)
	}
	mustAdd(t, s, "b")
}

// Any damage to the header of the only segment is refused.
func TestDamageIsThere(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, nil)
	mustAdd(t, s, "a")
	closed(t, s)
	name := disk.Names()[0]
	data := disk.Bytes(name)
	data[8] ^= 1
	if image := disk.Kill(); len(image.Bytes(name)) != len(data) {
		t.Fatalf("Bytes(%q) = %d bytes, want %d", name, len(image.Bytes(name)), len(data))
	}
	disk.SetBytes(name, data)
	if _, err := disk.Open(nil); !errors.Is(err, batpak.ErrCorrupt) && !errors.Is(err, batpak.ErrNewerFormat) {
		t.Errorf("Open() of a damaged disk = %v, want ErrCorrupt or ErrNewerFormat", err)
	}
	disk.Delete(name)
	if got := disk.Names(); len(got) != 0 {
		t.Errorf("Names() = %q, want none", got)
	}
}

// The image of a disk shares neither its lock nor its options.
func TestOptionsAreCopied(t *testing.T) {
	o := &batpak.Options{SegmentSize: 1024}
	disk := batpaktest.NewDisk()
	if got := disk.Options(o); got == o || got.SegmentSize != 1024 {
		t.Errorf("Options(o) = %+v, want a copy of %+v", got, o)
	}
	open(t, disk, nil)
	if _, err := disk.Open(nil); !errors.Is(err, batpak.ErrLocked) {
		t.Errorf("Open() a second time = %v, want ErrLocked", err)
	}
}

func TestClockDeterminesIDs(t *testing.T) {
	run := func(seed uint64) (ids []batpak.ID) {
		clock := batpaktest.NewClock(monday, seed)
		s := open(t, batpaktest.NewDisk(), clock.Options(nil))
		for i := range 3 {
			ids = append(ids, mustAdd(t, s, fmt.Sprint(i)).ID())
			clock.Set(clock.Now().Add(time.Hour))
		}
		return ids
	}
	first := run(1)
	if diff := cmp.Diff(first, run(1)); diff != "" {
		t.Errorf("the same seed gives other ids (-first +second):\n%s", diff)
	}
	if second := run(2); first[0] == second[0] {
		t.Errorf("seeds 1 and 2 both give %v", first[0])
	}
	if got, want := first[2].Time().Truncate(time.Millisecond), monday.Add(2*time.Hour); !got.Equal(want) {
		t.Errorf("third id is of %v, want %v", got, want)
	}
}

// A clock that is set back does not take the store with it.
func TestClockSetBack(t *testing.T) {
	clock := batpaktest.NewClock(monday, 1)
	s := open(t, batpaktest.NewDisk(), clock.Options(nil))
	first := mustAdd(t, s, "a").ID()
	clock.Set(monday.AddDate(-1, 0, 0))
	second := mustAdd(t, s, "b").ID()
	if second.Time().Before(first.Time()) {
		t.Errorf("second id is of %v, before the first of %v", second.Time(), first.Time())
	}
}

// A snapshot is made beside the store, and is whole or not there in every image.
func TestSnapshot(t *testing.T) {
	disk := batpaktest.NewDisk()
	s := open(t, disk, nil)
	mustAdd(t, s, "one")
	images := 0
	disk.OnOp(func(batpaktest.Op, string) {
		images++
		r, err := disk.Cut(uint64(images)).Snapshot("backup").OpenReadOnly(nil)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, batpak.ErrUnfinished):
		case err != nil:
			t.Errorf("image %d: %v", images, err)
		default:
			if got := payloads(t, r); !slices.Equal(got, []string{"one"}) {
				t.Errorf("image %d has %q", images, got)
			}
			closed(t, r)
		}
	})
	if _, err := s.Snapshot(t.Context(), "backup"); err != nil {
		t.Fatal(err)
	}
	disk.OnOp(nil)
	mustAdd(t, s, "two")
	if got := payloads(t, open(t, disk.CutHard().Snapshot("backup"), nil)); !slices.Equal(got, []string{"one"}) {
		t.Errorf("the snapshot has %q", got)
	}
	closed(t, s)
	if _, err := batpak.Restore(t.Context(), "", "restored", disk.Options(nil)); err != nil {
		t.Fatal(err)
	}
	if got := payloads(t, open(t, disk.CutHard().Snapshot("restored"), nil)); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("the copy has %q", got)
	}
}
