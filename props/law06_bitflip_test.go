package props_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/leanovate/gopter/gen"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"

	"github.com/batpak-go/batpak/props"
)

// flips is how many bits are tried unless all are.
const flips = 3000

// LAW06: of a closed store, any flipped bit in any file is detected when it is
// opened, or it opens with exactly the events it had; or else the bit is in a sealed
// segment, which is not read then: Verify finds it, and an event is read as it was or
// said to be damaged.
func TestLaw06FlippedBitAtRestIsNeverServed(t *testing.T) {
	t.Parallel()
	disk, s := fullStore(t)
	want, err := allEvents(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused := 0
	checkFlips(t, disk, flips, func(f flip) error {
		damaged := disk.CutHard()
		damaged.SetBytes(f.apply(disk))
		s, err := damaged.Open(nil)
		if errors.Is(err, batpak.ErrCorrupt) || errors.Is(err, batpak.ErrNewerFormat) {
			refused++
			return nil
		}
		if err != nil {
			return fmt.Errorf("Open() = %w, want ErrCorrupt or ErrNewerFormat", err)
		}
		got, err := allEvents(s)
		if err == nil && !reflect.DeepEqual(got, want) || err != nil && !errors.Is(err, batpak.ErrCorrupt) {
			return fmt.Errorf("the store opens, and has %d events, %w, want all %d unchanged", len(got), err, len(want))
		}
		for i := range want {
			if e, err := s.At(want[i].Sequence); !errors.Is(err, batpak.ErrCorrupt) && (err != nil || !reflect.DeepEqual(e, want[i])) {
				return fmt.Errorf("At(%d) = %+v, %w, want ErrCorrupt or %+v", want[i].Sequence, e, err, want[i])
			}
		}
		if v, verr := s.Verify(t.Context()); verr != nil || len(v.Damages) == 0 && (err != nil || f.sealed(disk)) {
			return fmt.Errorf("Verify() = %+v, %w, want the damage", v, verr)
		}
		return s.Close()
	})
	if refused == 0 {
		t.Error("no damage was refused")
	}
}

// LAW06 on the real disk, for some of the bits: it opens, or refuses to, as the
// simulated one does.
func TestLaw06RealDiskAgreesWithTheSimulatedOne(t *testing.T) {
	t.Parallel()
	disk, s := fullStore(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open := func(s *batpak.Store, err error) ([]batpak.Event, error) {
		if err != nil {
			return nil, err
		}
		got, err := allEvents(s)
		return got, errors.Join(err, s.Close())
	}
	realDisk := onRealDisk(t.TempDir())
	checkFlips(t, disk, 100, func(f flip) error {
		damaged := disk.CutHard()
		damaged.SetBytes(f.apply(disk))
		copied := image{disk: damaged.CutHard()} // before the simulated one is repaired
		want, wantErr := open(damaged.Open(nil))
		return realDisk(copied, func(again opener) error {
			got, err := open(again(nil))
			if errors.Is(err, batpak.ErrCorrupt) != errors.Is(wantErr, batpak.ErrCorrupt) ||
				errors.Is(err, batpak.ErrNewerFormat) != errors.Is(wantErr, batpak.ErrNewerFormat) ||
				(err == nil) != (wantErr == nil) || !reflect.DeepEqual(got, want) {
				return fmt.Errorf("the real disk gives %d events, %w, want %d events, %w", len(got), err, len(want), wantErr)
			}
			return nil
		})
	})
}

// LAW06: under an open store, an event whose bits flip is reported as damaged or
// read as it was, and Verify finds every flip up to the last event, but in footers,
// which are made again.
func TestLaw06FlippedBitUnderOpenStoreIsNeverServed(t *testing.T) {
	t.Parallel()
	disk, s := fullStore(t)
	want, err := allEvents(s)
	if err != nil {
		t.Fatal(err)
	}
	hit := 0
	checkFlips(t, disk, flips, func(f flip) error {
		sound := disk.Bytes(f.file)
		defer disk.SetBytes(f.file, sound)
		disk.SetBytes(f.apply(disk))
		damaged := false
		for i := range want {
			got, err := s.At(want[i].Sequence)
			switch {
			case errors.Is(err, batpak.ErrCorrupt):
				damaged = true
			case err != nil || !reflect.DeepEqual(got, want[i]):
				return fmt.Errorf("At(%d) = %+v, %w, want ErrCorrupt or %+v", want[i].Sequence, got, err, want[i])
			}
		}
		if got, err := allEvents(s); err == nil && !reflect.DeepEqual(got, want) || err != nil && !errors.Is(err, batpak.ErrCorrupt) {
			return fmt.Errorf("%d events, %w, want all %d unchanged or ErrCorrupt", len(got), err, len(want))
		}
		if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) == 0 && !f.footer(disk) {
			return fmt.Errorf("Verify() = %+v, %w, want the damage", v, err)
		}
		if damaged {
			hit++
		}
		return nil
	})
	if hit == 0 {
		t.Error("no event was damaged")
	}
	if v, err := s.Verify(t.Context()); err != nil || len(v.Damages) > 0 {
		t.Errorf("Verify() of the repaired store = %+v, %v, want no damage", v, err)
	}
}

// fullStore returns an open store of several segments whose events have, between
// them, all the fields there are.
func fullStore(t *testing.T) (*batpaktest.Disk, *batpak.Store) {
	t.Helper()
	disk := batpaktest.NewDisk()
	w := world{open: disk.Open}
	ops := []op{
		{appendOne, 0, 20, howKey},
		{appendOne, 0, 30, howCorrelate | howCause},
		{appendBatch, 1, 32, howKey | howCause | howItem},
		{appendOne, 4, 90, howScope | howKey | howExpect},
		{reopen, 0, 0, 0},
		{appendBatch, 2, 33, howCorrelate},
		{appendOne, 3, 1, 0},
	}
	if err := w.run(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	for range 2 {
		w.step++
		d := w.wish(op{who: 5, size: 16}, 0).Draft
		gates := []batpak.Gate[int]{{Name: "any", Eval: func(int) *batpak.Denial { return nil }}}
		reading, err := batpak.Load(t.Context(), w.store, d.Entity)
		if err != nil {
			t.Fatal(err)
		}
		permit, err := batpak.Propose[int](w.store, "decide", gates, reading, 0, d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := batpak.Commit(t.Context(), w.store, permit); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(disk.Names()); n < 3 {
		t.Fatalf("the store has %d files, want several segments", n)
	}
	return disk, w.store
}

// flip is one bit of one file.
type flip struct {
	file   string
	offset int
	bit    int
}

func (f flip) String() string { return fmt.Sprintf("%s, byte %d, bit %d", f.file, f.offset, f.bit) }

// sealed reports whether the bit is in a part of the log that another segment
// follows, footer whether it is behind that.
func (f flip) sealed(d *batpaktest.Disk) bool { return f.offset < f.end(d) }
func (f flip) footer(d *batpaktest.Disk) bool { return f.end(d) > 0 && !f.sealed(d) }

// end is where the groups of the file end according to the header of the next
// segment, in which FORMAT.md says where that stands; 0 if there is none.
func (f flip) end(d *batpaktest.Disk) int {
	names := d.Names()
	i := slices.Index(names, f.file)
	if i < 0 || i+1 == len(names) {
		return 0
	}
	return int(binary.LittleEndian.Uint64(d.Bytes(names[i+1])[48:]))
}

// apply returns the name of the file and its bytes with the bit flipped.
func (f flip) apply(d *batpaktest.Disk) (string, []byte) {
	b := d.Bytes(f.file)
	b[f.offset] ^= 1 << f.bit
	return f.file, b
}

// checkFlips holds a law against bits of all files: about the given number of
// them, or all with enough effort.
func checkFlips(t *testing.T, d *batpaktest.Disk, cases int, law func(flip) error) {
	t.Helper()
	var all []flip
	for _, name := range d.Names() {
		for i := range contentEnd(d.Bytes(name)) {
			for bit := range 8 {
				all = append(all, flip{name, i, bit})
			}
		}
	}
	nth := func(n int) error {
		if err := law(all[n]); err != nil {
			return fmt.Errorf("%v: %w", all[n], err)
		}
		return nil
	}
	if props.Effort(t) < props.Thorough {
		props.Check(t, cases, gen.IntRange(0, len(all)-1), nth)
		return
	}
	for n := range all {
		if err := nth(n); err != nil {
			t.Fatal(err)
		}
	}
}

// contentEnd is where the zeros begin that a file ends in, if it does.
func contentEnd(b []byte) int {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return len(b)
}

func allEvents(s *batpak.Store) (all []batpak.Event, err error) {
	for e, err := range s.Events(batpak.Query{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
