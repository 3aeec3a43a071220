package batpak_test

import (
	"errors"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

func readerOn(t *testing.T, d *simfs.Disk, o *batpak.Options) *batpak.Store {
	t.Helper()
	s, err := batpak.OpenReadOnly("simulated", simOptions(d, o))
	return opened(t, s, err)
}

// TestReaderByCheckpoint: a store that is opened for reading takes in by a checkpoint what
// that covers, and is the same as if it had read it; also when the last segment is ended
// under it, with a footer or without. A merge under way keeps it from that.
func TestReaderByCheckpoint(t *testing.T) {
	for _, shared := range []bool{false, true} {
		d, events := covered(t)
		for _, unsynced := range []bool{false, true} {
			s := readerOn(t, d, &batpak.Options{ShowUnsynced: unsynced})
			if r := s.Report(); r.Checkpoint == "" || r.Covered <= format.SegmentHeaderSize || len(r.Refused) > 0 || r.Events != uint64(len(events)) || !r.Clean {
				t.Errorf("unsynced %t: report is %+v, want a checkpoint of the last segment", unsynced, r)
			}
			isWhole(t, s, events)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			merging := directoryOf(d).with(compact.Note, []byte("of no merge that is known")).disk()
			s = readerOn(t, merging, &batpak.Options{ShowUnsynced: unsynced})
			if r := s.Report(); r.Checkpoint != "" || len(r.Refused) == 0 {
				t.Errorf("unsynced %t, beside a merge: report is %+v, want no checkpoint used", unsynced, r)
			}
			isWhole(t, s, events)
		}
		reader := readerOn(t, d, nil)
		writer := openSim(t, d, covering(4096, 1<<20))
		if shared { // a file that is shared gets no footer
			for _, name := range directoryOf(d).segments() {
				if err := d.FS().Link(name, d.Dir("elsewhere")); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 60 {
			r := mustAppend(t, writer, note("a:3", "more"))
			e, err := writer.At(r.Sequence())
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
			if r.Sequence()%5 == 0 {
				if err := reader.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		if err := reader.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range events {
			if e, err := reader.At(uint64(i) + 1); err != nil || !same(&e, &events[i]) {
				t.Errorf("At(%d) = %+v, %v, want %+v", i+1, e, err, events[i])
			}
		}
		if v, err := reader.Verify(t.Context()); err != nil || len(v.Damages) > 0 || v.Events != uint64(len(events)) {
			t.Errorf("Verify() = %+v, %v, want %d events", v, err, len(events))
		}
	}
}

// TestReaderOfWhatWasDamaged: what a checkpoint has spared a reader is damaged under it,
// and its segment ended by a writer that had read it before. The reader is told.
func TestReaderOfWhatWasDamaged(t *testing.T) {
	d, _ := covered(t)
	reader := readerOn(t, d, nil)
	if reader.Report().Checkpoint == "" {
		t.Fatal("no checkpoint was used")
	}
	for _, name := range checkpoint.Names() {
		_ = d.FS().Remove(name) // one of them is not there
	}
	writer := openSim(t, d, covering(4096, 1<<20))
	segments := directoryOf(d).segments()
	last := segments[len(segments)-1]
	f, err := d.FS().Open(last, vfs.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(format.SegmentHeaderSize + format.GroupHeaderSize + 20)
	b := []byte{d.Bytes(last)[at] ^ 1}
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 60 {
		mustAppend(t, writer, note("a:1", "more"))
	}
	err = reader.Refresh(t.Context())
	if c, ok := errors.AsType[*batpak.CorruptError](err); !ok || c.File != last {
		t.Errorf("Refresh() = %v, want a CorruptError for %s", err, last)
	}
}
