package batpak_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
)

// FuzzCheckpoint puts any bytes into the place of a checkpoint of a sound store, as they
// are and with the checksum of the mark made right. The store opens with all its events,
// or is refused since the mark tells of more than there is; an event that the index does
// not lead to is refused, never another one served.
func FuzzCheckpoint(f *testing.F) {
	a := newAuthor(nil, 1, 1<<20, 40)
	rtopts.SetCheckpoint(&a.options.Internal, 400, 0)
	s, err := batpak.Open("simulated", simOptions(a.disk, &a.options))
	if err != nil {
		f.Fatal(err)
	}
	for range 20 {
		if _, err := s.Append(f.Context(), a.draft()); err != nil {
			f.Fatal(err)
		}
	}
	events, err := eventsOf(s)
	if err = errors.Join(err, s.Close()); err != nil {
		f.Fatal(err)
	}
	d := directoryOf(a.disk)
	for _, name := range checkpoint.Names() {
		f.Add(d[name])
		d = d.without(name)
	}
	f.Add([]byte{})
	f.Add(make([]byte, 360))
	f.Fuzz(func(t *testing.T, b []byte) {
		openCheckpointed(t, d, events, b)
		if n := len(b); n >= 4 {
			mended := bytes.Clone(b)
			sum := crc32.Checksum(mended[max(0, n-360):n-4], crc32.MakeTable(crc32.Castagnoli))
			binary.LittleEndian.PutUint32(mended[n-4:], sum)
			openCheckpointed(t, d, events, mended)
		}
	})
}

// openCheckpointed holds a store with these bytes as a checkpoint against the law of
// FuzzCheckpoint.
func openCheckpointed(t *testing.T, d directory, events []batpak.Event, b []byte) {
	t.Helper()
	name := checkpoint.Names()[0]
	var s *batpak.Store
	var err error
	bounded(t, d.bits()/8+len(b), func() { s, err = batpak.Open("simulated", simOptions(d.with(name, b).disk(), nil)) })
	if err != nil {
		segments := d.segments()
		m, why := checkpoint.Parse(b)
		more := m.Segment > uint64(len(segments)) || m.End > int64(len(bytes.TrimRight(d[segments[len(segments)-1]], "\x00")))-100
		if !errors.Is(err, batpak.ErrCorrupt) || why != "" || !more {
			t.Fatalf("Open() = %v with the mark %v, %q", err, &m, why)
		}
		return
	}
	defer s.Close()
	if r := s.Report(); r.Events != uint64(len(events)) || r.Checkpoint == "" && len(r.Refused) == 0 && !slices.Contains(r.Foreign, name) {
		t.Fatalf("report is %+v, there are %d events", r, len(events))
	}
	for i := range events {
		e, err := s.At(uint64(i) + 1)
		if err != nil && !errors.Is(err, batpak.ErrCorrupt) || err == nil && !same(&e, &events[i]) {
			t.Fatalf("At(%d) = %+v, %v, want %+v", i+1, e, err, events[i])
		}
	}
}
