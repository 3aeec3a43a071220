package batpak_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// incarnated is the disk of a store that was written to in an opening with this
// number, and not closed.
func incarnated(t *testing.T, incarnation uint32) *simfs.Disk {
	t.Helper()
	d := simfs.New()
	s := openSim(t, d, nil)
	mustAppend(t, s, note("a:1", "x"))
	image := d.CutHard()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := segment.Name(1)
	b := image.Bytes(name)
	head, err := format.ParseSegmentHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	at := format.Place{Store: head.Store, Segment: 1, Offset: format.SegmentHeaderSize}
	h, err := format.ParseGroupHeader(b[at.Offset:], at)
	if err != nil {
		t.Fatal(err)
	}
	end := at.Offset + format.GroupHeaderSize + int64(h.BodyLength)
	body := bytes.Clone(b[at.Offset+format.GroupHeaderSize : end])
	h.Incarnation = incarnation
	image.SetBytes(name, format.AppendGroup(b[:at.Offset:at.Offset], h, at, body))
	return image
}

// TestLimitsOfOpenings: the last number of an opening serves, and after it a store
// is not opened for writing: zero, which comes next, could not be read back.
func TestLimitsOfOpenings(t *testing.T) {
	d := incarnated(t, math.MaxUint32-1)
	s := openSim(t, d, nil)
	if r := mustAppend(t, s, note("a:1", "y")); r.Incarnation() != math.MaxUint32 || r.Sequence() != 2 {
		t.Errorf("receipt of the last opening = %+v, want its number", r)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s, err := batpak.Open("simulated", simOptions(d, nil)); !errors.Is(err, batpak.ErrTooLarge) {
			t.Fatalf("Open() after the last opening = %v, %v, want ErrTooLarge", s, err)
		}
	}
}
