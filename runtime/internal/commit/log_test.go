package commit_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// A segment that could not be made may come back with a power cut, although it
// was removed: the one before it must still be what it was when the attempt was
// made, whatever comes after the attempt.
func TestFailedRotation(t *testing.T) {
	for name, f := range map[string]faultfs.Fault{
		"create":         {Op: faultfs.OpCreate, Err: syscall.EMFILE},
		"create kept":    {Op: faultfs.OpCreate, Kept: true},
		"full disk":      {Op: faultfs.OpWrite, Err: syscall.ENOSPC},
		"write kept":     {Op: faultfs.OpWrite, Kept: true},
		"header":         {Op: faultfs.OpWrite, N: 2, Err: syscall.ENOSPC},
		"name":           {Op: faultfs.OpRename},
		"no descriptors": {Op: faultfs.OpOpen, N: 2, Err: syscall.EMFILE},
		"name kept":      {Op: faultfs.OpRename, Kept: true},
		"sync":           {Op: faultfs.OpSync, N: 2}, // the first is that of the old segment
		"sync dir":       {Op: faultfs.OpSyncDir},
		"sync dir kept":  {Op: faultfs.OpSyncDir, Kept: true},
		"truncate":       {Op: faultfs.OpTruncate},
		"truncate kept":  {Op: faultfs.OpTruncate, Kept: true},
		"seal":           {Op: faultfs.OpSync},
		"space and name": {Op: faultfs.OpAny, N: 3, Sticky: true, Err: syscall.ENOSPC},
	} {
		for _, then := range []string{"append", "close", "kill"} {
			t.Run(name+", then "+then, func(t *testing.T) {
				d := simfs.New()
				r := begin(t, d, tuning{segmentSize: 1000})
				var acked []string
				submit := func(text string) error {
					err := r.Submit(t.Context(), one("a", text))
					if err == nil {
						acked = append(acked, text)
					}
					return err
				}
				for i := range 4 {
					if err := submit(fmt.Sprint(i)); err != nil {
						t.Fatal(err)
					}
				}
				d.Fail(f)
				if err := submit(strings.Repeat("x", 500)); err == nil {
					t.Fatalf("Submit() of what needs a new segment = nil with %+v", f)
				}
				d.Heal()
				switch then {
				case "append":
					poisoned := r.Err() != nil
					if err := submit("small"); (err != nil) != poisoned || poisoned && !isPoisoned(err) {
						t.Errorf("next Submit() = %v, with the pipeline poisoned: %v", err, poisoned)
					}
				case "close":
					_ = r.Close()
				}
				for seed := range uint64(40) {
					again, err := start(d.Cut(seed), tuning{})
					if err != nil {
						t.Fatalf("after power cut %d: %v", seed, err)
					}
					if got := again.payloads(t); len(got) < len(acked) || !slices.Equal(got[:len(acked)], acked) {
						t.Fatalf("after power cut %d there are %q, want at least %q", seed, got, acked)
					}
					again.close(t)
				}
				if then != "close" {
					_ = r.Close()
				}
			})
		}
	}
}

// A new segment that can neither be made nor removed ends writing: it would be
// in the way for ever.
func TestSegmentInTheWay(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{segmentSize: 512})
	if err := r.Submit(t.Context(), one("a", strings.Repeat("x", 400))); err != nil {
		t.Fatal(err)
	}
	d.Fail(faultfs.Fault{Op: faultfs.OpRename, Kept: true})
	d.Fail(faultfs.Fault{Op: faultfs.OpRemove, N: 2}) // the first one is of the temporary name
	if err := r.Submit(t.Context(), one("a", "1")); !errors.Is(err, syscall.EIO) {
		t.Errorf("Submit() = %v, want EIO", err)
	}
	if err := r.Submit(t.Context(), one("a", "2")); !isPoisoned(err) {
		t.Errorf("Submit() with a file in the way = %v, want a PoisonedError", err)
	}
	r.close(t)
	if got := reopened(t, d); len(got) != 1 {
		t.Errorf("reopened log has %d events, want the one that was acknowledged", len(got))
	}
}

// So does a file that somebody else has put there.
func TestSegmentOfSomebodyElseInTheWay(t *testing.T) {
	d := simfs.New()
	r := begin(t, d, tuning{segmentSize: 512})
	if err := r.Submit(t.Context(), one("a", strings.Repeat("x", 400))); err != nil {
		t.Fatal(err)
	}
	d.SetBytes(segment.Name(2), nil)
	if err := r.Submit(t.Context(), one("a", "1")); !isPoisoned(err) || !errors.Is(err, fs.ErrExist) {
		t.Errorf("Submit() with a file in the way = %v, want a PoisonedError of ErrExist", err)
	}
	r.close(t)
}

// Whatever went before, the log of a pipeline that was closed is clean, and one
// in which nothing was written stays as it is.
func TestCloseLeavesACleanLog(t *testing.T) {
	d := simfs.New()
	for life := range 6 {
		r := begin(t, d, tuning{})
		if life > 0 && (!r.report.Clean || r.report.Events != uint64(life/2*3)) {
			t.Errorf("opening %d: clean %v with %d events, want it clean with %d", life, r.report.Clean, r.report.Events, life/2*3)
		}
		before := d.Bytes(d.Names()[0])
		for i := range life % 2 * 3 {
			if err := r.Submit(t.Context(), one("a", fmt.Sprint(strings.Repeat("x", 60), i))); err != nil {
				t.Fatal(err)
			}
		}
		r.close(t)
		if after := d.Bytes(d.Names()[0]); life > 0 && life%2 == 0 && !slices.Equal(before, after) {
			t.Errorf("opening %d changed a log to which nothing was added", life)
		}
	}
}
