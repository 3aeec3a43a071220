package batpak_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// waysToOpen are the ways to open a store on a simulated disk.
var waysToOpen = map[string]func(d *simfs.Disk, o *batpak.Options) (*batpak.Store, error){
	"for writing": func(d *simfs.Disk, o *batpak.Options) (*batpak.Store, error) {
		return batpak.Open("simulated", simOptions(d, o))
	},
	"for reading": openReader,
	"for reading all": func(d *simfs.Disk, o *batpak.Options) (*batpak.Store, error) {
		o.ShowUnsynced = true
		return openReader(d, o)
	},
	"for salvage": func(d *simfs.Disk, o *batpak.Options) (*batpak.Store, error) {
		o.Salvage = true
		return openReader(d, o)
	},
}

// announcement is what OnOpen was told.
type announcement struct {
	report batpak.OpenReport
	err    error
}

// watching are options that keep what OnOpen is told.
func watching(all *[]announcement) *batpak.Options {
	return &batpak.Options{OnOpen: func(r batpak.OpenReport, err error) { *all = append(*all, announcement{r, err}) }}
}

// TestOnOpen: whoever watches is told once of each opening, of one that came to its end what
// its store says of it.
func TestOnOpen(t *testing.T) {
	for way, open := range waysToOpen {
		d, events := footed(t)
		d.SetBytes("foreign", nil)
		var all []announcement
		s, err := open(d, watching(&all))
		opened(t, s, err)
		if len(all) != 1 || all[0].err != nil {
			t.Fatalf("opening %s told %+v", way, all)
		}
		if diff := cmp.Diff(s.Report(), all[0].report); diff != "" {
			t.Errorf("opening %s: store's report (-), and what was told (+):\n%s", way, diff)
		}
		if r := all[0].report; r.Events != uint64(len(events)) || !slices.Equal(r.Foreign, []string{"foreign"}) || r.Took == 0 {
			t.Errorf("opening %s told %+v, want %d events and a foreign name", way, r, len(events))
		}
	}
}

// TestOnOpenOfDamage: of an opening that met damage whoever watches is told which segments were
// taken in, and why footers and checkpoints were not, and by then the directory is free.
func TestOnOpenOfDamage(t *testing.T) {
	d, _ := footed(t)
	is := directoryOf(d)
	segments := is.segments()
	flip := func(name string, at int64) {
		b := slices.Clone(is[name])
		b[at] ^= 4
		is = is.with(name, b)
	}
	second, fourth := segments[1], segments[3]
	flip(second, int64(len(is[second]))-1) // of its footer
	flip(fourth, int64(len(is[fourth]))-1)
	flip(fourth, sealedAt(is, fourth)-1) // of an event
	is = is.with(checkpoint.Names()[0], []byte("junk"))
	for way, open := range waysToOpen {
		if way == "for salvage" {
			continue // which opens it
		}
		disk := is.disk()
		var all []announcement
		o := watching(&all)
		tell := o.OnOpen
		o.OnOpen = func(r batpak.OpenReport, err error) {
			tell(r, err)
			free, err := openReader(disk, &batpak.Options{Salvage: true})
			opened(t, free, err)
		}
		_, err := open(disk, o)
		damage, ok := errors.AsType[*batpak.CorruptError](err)
		if len(all) != 1 || all[0].err != err || !ok || damage.File != fourth {
			t.Fatalf("opening %s = %v, and told %+v, want a CorruptError for %s", way, err, all, fourth)
		}
		r := all[0].report
		if r.Segments != 4 || r.Indexed != 2 || r.Restored == 0 || r.Restored >= r.Events || r.Events >= damage.LastSequence || r.Bytes == 0 {
			t.Errorf("opening %s told %+v, want the segments before %s and some of that", way, r, fourth)
		}
		for what, why := range map[string][]string{"index of segment 2: |index of segment 4: ": r.Unindexed, checkpoint.Names()[0] + ": ": r.Refused} {
			begins := strings.Split(what, "|")
			if len(why) != len(begins) || !slices.EqualFunc(why, begins, strings.HasPrefix) {
				t.Errorf("opening %s told why not: %q, want %q", way, why, begins)
			}
		}
	}
}

// TestReportIsTheCallers: who changes the report that he was given changes nothing in the store,
// nor in the reports of others.
func TestReportIsTheCallers(t *testing.T) {
	d, _ := footed(t)
	is := directoryOf(d).with("foreign", nil).with(checkpoint.Names()[0], []byte("junk"))
	second := is.segments()[1]
	flipped := func(at int64) directory {
		b := slices.Clone(is[second])
		b[at] ^= 4
		return is.with(second, b)
	}
	spoil := func(r batpak.OpenReport) (spoilt int) {
		all := [][]string{r.Unindexed, r.Refused, r.Foreign}
		for i := range r.Gaps {
			all = append(all, r.Gaps[i].Streams)
			r.Gaps[i] = batpak.Gap{}
		}
		for _, names := range all {
			clear(names)
			spoilt += min(len(names), 1)
		}
		return spoilt
	}
	for way, c := range map[string]struct {
		is     directory
		shares int // slices with something in them
	}{
		"for writing": {flipped(int64(len(is[second])) - 1), 3}, // its index: Unindexed, Refused, Foreign
		"for salvage": {flipped(sealedAt(is, second) - 1), 2},   // an event: Streams, Foreign
	} {
		var want string
		s, err := waysToOpen[way](c.is.disk(), &batpak.Options{OnOpen: func(r batpak.OpenReport, _ error) {
			want = fmt.Sprintf("%#v", r)
			if n := spoil(r); n != c.shares {
				t.Errorf("opening %s told %s, want %d slices that might be shared, got %d", way, want, c.shares, n)
			}
		}})
		opened(t, s, err)
		spoil(s.Report())
		if got := fmt.Sprintf("%#v", s.Report()); got != want {
			t.Errorf("opened %s: the report was\n%s, and is\n%s after others changed theirs", way, want, got)
		}
	}
}

// TestOnOpenOfFaults: the later an operation of the disk fails, the more of the opening whoever
// watches is told of, with the error that is returned.
func TestOnOpenOfFaults(t *testing.T) {
	for way, open := range waysToOpen {
		sound, _ := footed(t)
		var before batpak.OpenReport
		failed := 0
		for n, met := 1, true; met; n++ {
			d := sound.Kill()
			d.Fail(faultfs.Fault{Op: faultfs.OpAny, N: n})
			var all []announcement
			s, err := open(d, watching(&all))
			met = d.Heal()
			if len(all) != 1 || all[0].err != err || err == nil && s == nil {
				t.Fatalf("opening %s, operation %d failing = %v, and told %+v", way, n, err, all)
			}
			r := all[0].report
			if err != nil {
				failed++
				if r.Segments < before.Segments || r.Indexed < before.Indexed || r.Events < before.Events || r.Bytes < before.Bytes {
					t.Errorf("opening %s told %+v when operation %d failed, and %+v when the one before did", way, r, n, before)
				}
				before = r
				continue
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if failed < 10 || before.Segments < 3 || before.Events == 0 {
			t.Errorf("opening %s failed %d times, at last with %+v", way, failed, before)
		}
	}
}

// TestOnOpenOfNothing: of an opening that read nothing whoever watches is told the error alone.
func TestOnOpenOfNothing(t *testing.T) {
	busy := simfs.New()
	openSim(t, busy, nil)
	path := filepath.Join(t.TempDir(), "none")
	for what, c := range map[string]struct {
		open func(o *batpak.Options) (*batpak.Store, error)
		want error
	}{
		"that is locked": {func(o *batpak.Options) (*batpak.Store, error) { return waysToOpen["for writing"](busy, o) }, batpak.ErrLocked},
		"with options that cannot be": {func(o *batpak.Options) (*batpak.Store, error) {
			o.MaxBatch = -1
			return batpak.Open(path, overseen(o))
		}, batpak.ErrInvalid},
		"that is not there": {func(o *batpak.Options) (*batpak.Store, error) { return batpak.OpenReadOnly(path, overseen(o)) }, fs.ErrNotExist},
		"without a segment": {func(o *batpak.Options) (*batpak.Store, error) { return openReader(simfs.New(), o) }, fs.ErrNotExist},
	} {
		var all []announcement
		_, err := c.open(watching(&all))
		if !errors.Is(err, c.want) || len(all) != 1 || all[0].err != err || all[0].report.Segments+all[0].report.Events > 0 {
			t.Errorf("opening a store %s = %v, and told %+v, want %v", what, err, all, c.want)
		}
	}
}

// TestOnOpenPanics: a store that nobody has got, as whoever watches its opening panicked or
// ended the goroutine, is not left open.
func TestOnOpenPanics(t *testing.T) {
	for what, hostile := range map[string]func(){
		"panics": func() { panic("hostile") }, "panics with nothing": func() { panic(nil) }, "ends its goroutine": runtime.Goexit,
	} {
		for way, open := range waysToOpen {
			d, _ := footed(t)
			var s *batpak.Store
			var panicked any
			over := make(chan struct{})
			go func() {
				defer close(over)
				defer func() { panicked = recover() }()
				s, _ = open(d, &batpak.Options{OnOpen: func(batpak.OpenReport, error) { hostile() }})
			}()
			<-over
			if s != nil || (panicked != nil) != strings.HasPrefix(what, "panics") {
				t.Errorf("opening %s, whose OnOpen %s = %v, and panicked with %v", way, what, s, panicked)
			}
			for name, open := range waysToOpen {
				again, err := open(d, new(batpak.Options))
				if err == nil {
					err = again.Close()
				}
				if err != nil {
					t.Errorf("opening %s after OnOpen %s = %v", fmt.Sprint(way, ", and ", name), what, err)
				}
			}
		}
	}
}
