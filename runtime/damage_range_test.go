package batpak_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// spoiled opens a damaged directory, for writing or for reading, and returns the
// error that says so.
func spoiled(t *testing.T, d directory, readOnly bool) *batpak.CorruptError {
	t.Helper()
	disk := d.disk()
	var s *batpak.Store
	var err error
	if readOnly {
		s, err = openReader(disk, nil)
	} else {
		s, err = batpak.Open("simulated", simOptions(disk, nil))
	}
	if err == nil {
		s.Close()
	}
	c, ok := errors.AsType[*batpak.CorruptError](err)
	if !ok {
		t.Errorf("open of a damaged store = %v, want a CorruptError", err)
		return new(batpak.CorruptError)
	}
	return c
}

// TestDamageNamesItsEvents damages each structure of a log: the error names the
// file, where the damage begins and ends, and exactly the events that are in it.
func TestDamageNamesItsEvents(t *testing.T) {
	sp := grow(t, closed, 8<<10, 1<<10, 60).bare() // or else damage is found later
	segments := sp.segments()
	random := rand.New(rand.NewPCG(*damageSeed, 8))
	firstOf, lastOf := map[string]uint64{}, map[string]uint64{}
	for _, g := range sp.groups {
		if _, ok := firstOf[g.file]; !ok {
			firstOf[g.file] = g.FirstSequence
		}
		lastOf[g.file] = g.FirstSequence + uint64(g.Count) - 1
	}
	for _, readOnly := range []bool{false, true} {
		check := func(what string, d directory, want batpak.CorruptError) {
			t.Helper()
			got := spoiled(t, d, readOnly)
			want.Reason = got.Reason
			if *got != want {
				t.Errorf("read only %v: %s: %+v, want %+v", readOnly, what, *got, want)
			}
		}
		for i, g := range sp.groups {
			if i == len(sp.groups)-1 {
				continue // nothing says that it was durable
			}
			content := append([]byte{}, sp.directory[g.file]...)
			at := g.offset + random.Int64N(g.end-g.offset)
			content[at] ^= 1 << random.IntN(8)
			check(fmt.Sprintf("byte %d of %s", at, g.file), sp.with(g.file, content), batpak.CorruptError{
				File: g.file, Offset: g.offset, End: g.end, FirstSequence: g.FirstSequence, LastSequence: g.FirstSequence + uint64(g.Count) - 1,
			})
		}
		for i, name := range segments {
			content := append([]byte{}, sp.directory[name]...)
			content[20] ^= 1
			check("header of "+name, sp.with(name, content), batpak.CorruptError{
				File: name, End: format.SegmentHeaderSize, FirstSequence: firstOf[name], LastSequence: firstOf[name] - 1,
			})
			if i == len(segments)-1 {
				continue
			}
			all := batpak.CorruptError{File: name, FirstSequence: firstOf[name], LastSequence: lastOf[name]}
			check(name+" missing", sp.without(name), all)
			check(name+" empty", sp.with(name, nil), all)
			whole := sp.directory[name]
			for _, g := range sp.groups {
				if g.file != name {
					continue
				}
				at := g.offset + 1 + random.Int64N(g.end-g.offset-1)
				check(fmt.Sprintf("%s cut to %d bytes", name, at), sp.with(name, whole[:at:at]), batpak.CorruptError{
					File: name, Offset: g.offset, End: at, FirstSequence: g.FirstSequence, LastSequence: lastOf[name],
				})
			}
		}
	}
}

// TestDamageUnderAnOpenStoreNamesItsEvent: a read that meets damage names the event
// that was asked for, and nothing else of the store stops.
func TestDamageUnderAnOpenStoreNamesItsEvent(t *testing.T) {
	d := simfs.New()
	s := openSim(t, d, nil)
	for i := range 20 {
		mustAppend(t, s, note("a:1", fmt.Sprint("payload ", i)))
	}
	name := directoryOf(d).segments()[0]
	sound := d.Bytes(name)
	sp := groupsOf(t, directoryOf(d))
	for _, g := range sp {
		bad := append([]byte{}, sound...)
		bad[g.end-1] ^= 1
		d.SetBytes(name, bad)
		for sequence := uint64(1); sequence <= 20; sequence++ {
			_, err := s.At(sequence)
			c, damaged := errors.AsType[*batpak.CorruptError](err)
			if damaged != (sequence == g.FirstSequence) {
				t.Errorf("At(%d) with event %d damaged = %v", sequence, g.FirstSequence, err)
			}
			if damaged && (c.File != name || c.Offset != g.offset+format.GroupHeaderSize || c.FirstSequence != sequence || c.LastSequence != sequence) {
				t.Errorf("At(%d) = %+v, want its record at %d", sequence, c, g.offset+format.GroupHeaderSize)
			}
		}
		d.SetBytes(name, sound)
	}
	mustAppend(t, s, note("a:1", "goes on"))
}

// TestBitFlipReadOnly flips bits of a store at rest: it is refused for reading, in
// both ways, when it is refused for writing; else what is shown is what a writer
// shows, or the part of it that is proven, and damage is met where a writer meets it.
func TestBitFlipReadOnly(t *testing.T) {
	t.Parallel()
	for _, state := range []string{active, closed, rotated} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, 8<<10, 1<<10, 60)
			random := rand.New(rand.NewPCG(*damageSeed, 9))
			refusals := 0
			_, err := sampled(sp.bits(), share(1), random, func(number int) error {
				d := sp.bit(number).flip(sp.directory)
				refused, want, err := shownBy(func() (*batpak.Store, error) { return batpak.Open("simulated", simOptions(d.disk(), nil)) })
				if err != nil {
					return err
				}
				if refused {
					refusals++
				}
				for _, o := range []*batpak.Options{nil, &whole} {
					again, got, err := shownBy(func() (*batpak.Store, error) { return openReader(d.disk(), o) })
					if err == nil && again == refused {
						err = prefixOf(got, want)
					}
					if err != nil || again != refused || o != nil && len(got) != len(want) {
						return fmt.Errorf("%v: refused %v for writing, %v for reading, %d events, %w", sp.bit(number), refused, again, len(got), err)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%v\n\tgo test ./runtime -run '^%s$' -damage.seed=%d -flip.n=0 -flip.first=N", err, t.Name(), *damageSeed)
			}
			if refusals == 0 {
				t.Error("no flip was refused")
			}
		})
	}
}

// shownBy opens a store and returns what it shows, or that it is refused.
func shownBy(open func() (*batpak.Store, error)) (refused bool, all []string, err error) {
	s, err := open()
	if errors.Is(err, batpak.ErrCorrupt) || errors.Is(err, batpak.ErrNewerFormat) {
		return true, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	for n := uint64(1); n <= s.Frontier().Visible && err == nil; n++ {
		var e batpak.Event
		if e, err = s.At(n); errors.Is(err, batpak.ErrCorrupt) {
			e.Payload, err = []byte("damaged"), nil
		}
		all = append(all, string(e.Payload))
	}
	return false, all, errors.Join(err, s.Close())
}
