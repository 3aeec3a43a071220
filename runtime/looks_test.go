package batpak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var looksStep = flag.Int("looks.step", 127, "of all ways in which a writer does its work between two looks at its files, one of so many is tried")

// gaze is a directory of which somebody is told before each look at it or at its files: at
// names, while these are read, at a size or at bytes.
type gaze struct {
	vfs.FS
	look func()
}

// Peek is no look: whoever checks the store calls it.
func (g *gaze) Peek(name string) []byte {
	return g.FS.(interface{ Peek(name string) []byte }).Peek(name)
}

func (g *gaze) List() ([]vfs.Entry, error) {
	g.look()
	return fleeting{g.FS, g.look}.List()
}

func (g *gaze) Open(name string, m vfs.Mode) (vfs.File, error) {
	g.look()
	f, err := g.FS.Open(name, m)
	if err != nil {
		return nil, err
	}
	return gazed{f, g}, nil
}

type gazed struct {
	vfs.File
	dir *gaze
}

func (f gazed) Size() (int64, error) {
	f.dir.look()
	return f.File.Size()
}

func (f gazed) ReadAt(p []byte, off int64) (int, error) {
	f.dir.look()
	return f.File.ReadAt(p, off)
}

// way is how a writer works beside somebody who looks at its files: it begins before the
// look-th look, and rests before its own rest-th change of the disk until the next look, or
// until all looks are over.
type way struct {
	look, rest int
	soon       bool
}

// overlooked is a store on a simulated disk whose writer works in that way. Of the writer and
// who looks one goes on at a time.
type overlooked struct {
	way
	disk   *simfs.Disk
	store  *batpak.Store
	reader *batpak.Store // of the same log
	events int           // that are there
	work   func(s *batpak.Store) error

	looking        atomic.Bool // it is the turn of who looks
	looks, changes int
	resume         chan struct{} // closed when the writer is to go on
	worked         chan error
}

// fs is the directory as its writer has it, and whoever looks at it.
func (o *overlooked) fs() vfs.FS { return &gaze{o.disk.FS(), o.looked} }

// copying has a store make its snapshots on the same disk.
func (o *overlooked) copying(of *batpak.Options) *batpak.Options {
	setDir(of, func(name string) (vfs.FS, error) { return o.disk.Dir(name), nil })
	return of
}

func (o *overlooked) looked() {
	if !o.looking.Load() {
		return
	}
	o.looks++
	o.looking.Store(false)
	switch {
	case o.looks == o.look:
		go func() { o.worked <- o.work(o.store) }()
	case o.looks == o.look+1 && o.soon:
		close(o.resume)
	}
	synctest.Wait() // until the writer rests, or waits for who looks, or is done
	o.looking.Store(true)
}

func (o *overlooked) changed(op faultfs.Op, _ string) {
	if o.looking.Load() || !changes(op) {
		return
	}
	if o.changes++; o.changes == o.rest {
		<-o.resume
	}
}

// beside has somebody look, and then the writer come to its end.
func (o *overlooked) beside(look func(*overlooked) error) error {
	o.disk.OnOp(o.changed)
	defer o.disk.OnOp(nil)
	o.looking.Store(true)
	err := look(o)
	o.looking.Store(false)
	if !o.soon || o.looks <= o.look {
		close(o.resume)
	}
	if o.looks >= o.look {
		err = errors.Join(err, <-o.worked)
	}
	return err
}

// works are what a writer does that changes files which others look at.
var works = map[string]func(s *batpak.Store) error{
	"seals": func(s *batpak.Store) error {
		for range 4 {
			if _, err := s.Append(context.Background(), note("a:1", strings.Repeat("x", 200))); err != nil {
				return err
			}
		}
		return nil
	},
	"merges": func(s *batpak.Store) error {
		r, err := s.Compact(context.Background())
		if err == nil && r.Merges == 0 {
			err = errors.New("nothing was merged")
		}
		return err
	},
}

// onlookers look at the files of a store: through the one that writes to it, or beside it,
// where the newest event need not be proven, and files may turn out to have been merged.
var onlookers = map[string]func(o *overlooked) error{
	"opens": func(o *overlooked) error {
		s, err := batpak.OpenReadOnly("simulated", o.copying(checked(o.fs(), nil)))
		if err != nil {
			return err
		}
		return errors.Join(there(s, o.events-1), s.Close())
	},
	"refreshes": func(o *overlooked) error {
		return errors.Join(o.reader.Refresh(context.Background()), there(o.reader, o.events-1))
	},
	"reads":            func(o *overlooked) error { return wholly(o.store, o.events) },
	"reads beside":     func(o *overlooked) error { return unlessMerged(wholly(o.reader, o.events-1)) },
	"verifies":         func(o *overlooked) error { return soundly(o.store, o.events) },
	"verifies beside":  func(o *overlooked) error { return unlessMerged(soundly(o.reader, o.events-1)) },
	"snapshots":        func(o *overlooked) error { return o.snapshot(o.store, o.events) },
	"snapshots beside": func(o *overlooked) error { return unlessMerged(o.snapshot(o.reader, o.events-1)) },
}

// unlessMerged is an error, unless it is that the writer has merged files.
func unlessMerged(err error) error {
	if errors.Is(err, batpak.ErrCompacted) {
		return nil
	}
	return err
}

func there(s *batpak.Store, want int) error {
	if n := s.Frontier().Visible; n < uint64(want) {
		return fmt.Errorf("%d events are shown, want %d", n, want)
	}
	return nil
}

func wholly(s *batpak.Store, want int) error {
	all, err := shows(s)
	if err == nil && len(all) < want {
		err = fmt.Errorf("%d events are read, want %d", len(all), want)
	}
	return err
}

func soundly(s *batpak.Store, want int) error {
	v, err := s.Verify(context.Background())
	if err == nil && (len(v.Damages) > 0 || v.Events < uint64(want)) {
		err = fmt.Errorf("Verify() = %+v, want %d sound events", v, want)
	}
	return err
}

func (o *overlooked) snapshot(s *batpak.Store, want int) error {
	if _, err := s.Snapshot(context.Background(), "copy"); err != nil {
		return err
	}
	c, err := batpak.Open("copy", checked(o.disk.Dir("copy"), nil))
	if err != nil {
		return err
	}
	return errors.Join(soundly(c, want), c.Close())
}

// TestTwoLooks: whoever looks at files more than once while a writer seals a segment, or
// merges some, finds what was there, and no damage, whatever part of its work the writer has
// done between two of the looks, be it that it does the rest before the next one or later.
func TestTwoLooks(t *testing.T) {
	t.Parallel()
	step := *looksStep
	if testing.Short() {
		step *= 20
	}
	for does, work := range works {
		for what, look := range onlookers {
			t.Run(does+" while one "+what, func(t *testing.T) {
				looks := twoLooks(t, work, look, way{look: math.MaxInt, rest: math.MaxInt}).looks
				changes := twoLooks(t, work, look, way{look: 1, rest: math.MaxInt}).changes
				if looks < 2 || changes < 2 {
					t.Fatalf("there are %d looks and %d changes", looks, changes)
				}
				for i := 0; i < 2*looks*changes && !t.Failed(); i += step {
					twoLooks(t, work, look, way{1 + i/2/changes, 1 + i/2%changes, i%2 == 0})
				}
			})
		}
	}
}

func twoLooks(t *testing.T, work func(*batpak.Store) error, look func(*overlooked) error, w way) *overlooked {
	t.Helper()
	o := &overlooked{way: w, disk: simfs.New(), work: work, events: 10}
	synctest.Test(t, func(t *testing.T) {
		o.resume, o.worked = make(chan struct{}), make(chan error, 1)
		s, err := batpak.Open("simulated", o.copying(checked(o.fs(), &batpak.Options{SegmentSize: 512})))
		o.store = opened(t, s, err)
		for i := range o.events {
			mustAppend(t, s, note(fmt.Sprint("e:", i%2), fmt.Sprint("text ", i, strings.Repeat(" ", 60))))
		}
		reader, err := batpak.OpenReadOnly("simulated", o.copying(checked(o.fs(), nil)))
		o.reader = opened(t, reader, err)
		if err := o.beside(look); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
	})
	return o
}
