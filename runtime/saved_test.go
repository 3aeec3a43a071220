package batpak_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/batpaktest"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// trail is a state that knows which events it was folded from, in which order.
type trail struct{ Events, Digest uint64 }

func (s *trail) fold(e batpak.Event) error {
	s.Events++
	s.Digest = s.Digest*31 + e.Sequence + uint64(len(e.Payload))
	return nil
}

var errTrail = errors.New("no trail")

// trails is the codec of trail. A trail of 99 events is not saved.
var trails = batpak.StateCodec[trail]{
	Projection: "trail", Shape: 7,
	Append: func(s trail, dst []byte) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, s.Events), s.Digest)
	},
	Decode: func(s *trail, src []byte) error {
		if len(src) != 16 {
			return errTrail
		}
		s.Events, s.Digest = binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[8:])
		return nil
	},
	Check: func(s trail) error {
		if s.Events == 99 {
			return errTrail
		}
		return nil
	},
}

// resumer resumes a state of one sort, and folds it from the start.
type resumer struct {
	name   string
	resume func(context.Context, *batpak.Store, []byte, batpak.StateCodec[trail]) (any, []byte, error)
	whole  func(context.Context, *batpak.Store) (any, error)
}

func resumers() []resumer {
	return []resumer{
		{
			"stream",
			func(ctx context.Context, s *batpak.Store, from []byte, c batpak.StateCodec[trail]) (any, []byte, error) {
				return erased(batpak.Resume(ctx, s, "purse:1", from, c, (*trail).fold))
			},
			func(ctx context.Context, s *batpak.Store) (any, error) {
				return batpak.Project(ctx, s, "purse:1", (*trail).fold)
			},
		},
		{
			"all",
			func(ctx context.Context, s *batpak.Store, from []byte, c batpak.StateCodec[trail]) (any, []byte, error) {
				return erased(batpak.ResumeAll(ctx, s, []batpak.Kind{0x1001}, from, c, (*trail).fold))
			},
			func(ctx context.Context, s *batpak.Store) (any, error) {
				return batpak.ProjectAll(ctx, s, []batpak.Kind{0x1001}, (*trail).fold)
			},
		},
	}
}

func erased[T any](state T, saved []byte, err error) (any, []byte, error) { return state, saved, err }

// TestResumeOverACompaction: what a state was folded from stays in it when a compaction takes
// payloads and events away, be it that nothing could be folded of what is left.
func TestResumeOverACompaction(t *testing.T) {
	for _, r := range resumers() {
		s := openSim(t, simfs.New(), &batpak.Options{SegmentSize: 512})
		for i := range 20 {
			mustAppend(t, s, note("purse:1", fmt.Sprint(i)))
		}
		_, saved, err := r.resume(t.Context(), s, nil, trails)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, s, note("purse:1", "later"))
		want, err := r.whole(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := s.Compact(t.Context(), batpak.Retention(fateOf)); err != nil || c.Tombstoned == 0 || c.Dropped == 0 {
			t.Fatalf("Compact() = %+v, %v", c, err)
		}
		if got, _, err := r.resume(t.Context(), s, saved, trails); err != nil || got != want {
			t.Errorf("%s: resumed to %+v, %v, want %+v", r.name, got, err, want)
		}
		if got, err := r.whole(t.Context(), s); !errors.Is(err, batpak.ErrTombstoned) {
			t.Errorf("%s: folded from the start to %+v, %v, want ErrTombstoned", r.name, got, err)
		}
	}
}

// purseEntry is the i-th event of two streams and two kinds.
func purseEntry(i int) batpak.Draft {
	d := note(fmt.Sprintf("purse:%d", 1+i%2), fmt.Sprint("note ", i))
	if i%5 == 4 {
		d.Kind = 0x1002
	}
	return d
}

// Saved states of every place are resumed as what all events give: at once, when
// the store has been opened again, and step by step. The bytes depend on the place
// alone.
func TestResume(t *testing.T) {
	for _, r := range resumers() {
		t.Run(r.name, func(t *testing.T) {
			disk := batpaktest.NewDisk()
			s, err := disk.Open(nil)
			if err != nil {
				t.Fatal(err)
			}
			saves := [][]byte{nil}
			var step []byte
			for i := range 12 {
				mustAppend(t, s, purseEntry(i))
				_, fresh, err := r.resume(t.Context(), s, nil, trails)
				if err != nil {
					t.Fatal(err)
				}
				if _, step, err = r.resume(t.Context(), s, step, trails); err != nil || !bytes.Equal(step, fresh) {
					t.Fatalf("saved step by step: %x, %v, want %x", step, err, fresh)
				}
				saves = append(saves, fresh)
			}
			for opening := range 2 {
				want, err := r.whole(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				for i, from := range saves {
					got, again, err := r.resume(t.Context(), s, from, trails)
					if err != nil || got != want || !bytes.Equal(again, saves[len(saves)-1]) {
						t.Errorf("opening %d, saved after %d events: got %+v, %x, %v, want %+v", opening, i, got, again, err, want)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if _, _, err := r.resume(t.Context(), s, saves[len(saves)-1], trails); !errors.Is(err, batpak.ErrClosed) {
					t.Errorf("resume in a closed store = %v, want %v", err, batpak.ErrClosed)
				}
				if s, err = disk.Open(nil); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
		})
	}
}

// What folds nothing saves nothing, and what cannot be saved is an error.
func TestResumeOfNothing(t *testing.T) {
	for _, r := range resumers() {
		s := open2(t)
		want, err := r.whole(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if got, saved, err := r.resume(t.Context(), s, nil, trails); got != want || saved != nil || err != nil {
			t.Errorf("%s: resume in an empty store = %+v, %x, %v, want %+v", r.name, got, saved, err, want)
		}
		for range 99 {
			mustAppend(t, s, note("purse:1", "x"))
		}
		if _, saved, err := r.resume(t.Context(), s, nil, trails); saved != nil || !errors.Is(err, errTrail) {
			t.Errorf("%s: resume to a state that is not saved = %x, %v, want %v", r.name, saved, err, errTrail)
		}
	}
}

// Bytes that are not of this state, in this history, are told apart from all other
// errors.
func TestResumeRefuses(t *testing.T) {
	for _, r := range resumers() {
		t.Run(r.name, func(t *testing.T) {
			disk := batpaktest.NewDisk()
			s, err := disk.Open(nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for i := range 3 {
				mustAppend(t, s, purseEntry(i))
			}
			fork, err := disk.Kill().Open(nil) // with the same events
			if err != nil {
				t.Fatal(err)
			}
			defer fork.Close()
			behind := fork
			mustAppend(t, s, note("purse:1", "here"))
			_, saved, err := r.resume(t.Context(), s, nil, trails)
			if err != nil {
				t.Fatal(err)
			}
			refused := func(what string, s *batpak.Store, from []byte, c batpak.StateCodec[trail]) {
				t.Helper()
				_, again, err := r.resume(t.Context(), s, from, c)
				if e, ok := errors.AsType[*batpak.SavedError](err); !ok || again != nil || e.Projection != "trail" || e.Of == "" {
					t.Errorf("%s: resume = %x, %v, want a SavedError", what, again, err)
				}
			}
			refused("without the event", behind, saved, trails)
			mustAppend(t, fork, note("purse:1", "there"))
			refused("with another event", fork, saved, trails)
			mustAppend(t, fork, note("purse:1", "there again"))
			refused("with other events", fork, saved, trails)
			refused("empty store", open2(t), saved, trails)
			refused("damaged", s, saved[:len(saved)-1], trails)
			other := trails
			other.Shape++
			refused("another shape", s, saved, other)
			other = trails
			other.Decode = func(*trail, []byte) error { return errTrail }
			refused("a codec that reads it no more", s, saved, other)
			if _, _, err := r.resume(t.Context(), s, saved, trails); err != nil {
				t.Errorf("resume where it was saved = %v, want nil", err)
			}
		})
	}
}

// A state of another stream, or of all streams, is not taken for one of this.
func TestResumeTellsStreamsApart(t *testing.T) {
	s := open2(t)
	for i := range 4 {
		mustAppend(t, s, purseEntry(i))
	}
	all := resumers()
	for i, r := range all {
		_, saved, err := r.resume(t.Context(), s, nil, trails)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := all[1-i].resume(t.Context(), s, saved, trails); !isSaved(err) {
			t.Errorf("state of %s taken for the other = %v, want a SavedError", r.name, err)
		}
		if _, _, err := batpak.Resume(t.Context(), s, "purse:2", saved, trails, (*trail).fold); !isSaved(err) {
			t.Errorf("state of %s taken for another stream = %v, want a SavedError", r.name, err)
		}
	}
}

func isSaved(err error) bool {
	_, ok := errors.AsType[*batpak.SavedError](err)
	return ok
}

// An error of the fold, and the end of the context, are what they are.
func TestResumePassesErrorsOn(t *testing.T) {
	s := open2(t)
	mustAppend(t, s, note("purse:1", "x"))
	broken := errors.New("broken")
	fail := func(*trail, batpak.Event) error { return broken }
	if _, _, err := batpak.Resume(t.Context(), s, "purse:1", nil, trails, fail); !errors.Is(err, broken) {
		t.Errorf("Resume(fold that fails) = %v, want %v", err, broken)
	}
	if _, _, err := batpak.ResumeAll(t.Context(), s, []batpak.Kind{0x1001}, nil, trails, fail); !errors.Is(err, broken) {
		t.Errorf("ResumeAll(fold that fails) = %v, want %v", err, broken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range resumers() {
		if _, _, err := r.resume(ctx, s, nil, trails); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: resume after the end = %v, want %v", r.name, err, context.Canceled)
		}
	}
}

// In a store that hides what is not durable, whoever folds sees what was written
// before.
func TestFoldsSeeWhatTheirReaderWrote(t *testing.T) {
	for _, r := range resumers() {
		s := open(t, t.TempDir(), &batpak.Options{Durability: batpak.Relaxed})
		mustAppend(t, s, note("purse:1", "one"))
		if got, err := r.whole(t.Context(), s); err != nil || !strings.Contains(fmt.Sprintf("%+v", got), "Events:1 ") {
			t.Errorf("%s: fold of an event that was not durable = %+v, %v, want it", r.name, got, err)
		}
		mustAppend(t, s, note("purse:1", "two"))
		if got, _, err := r.resume(t.Context(), s, nil, trails); err != nil || !strings.Contains(fmt.Sprintf("%+v", got), "Events:2 ") {
			t.Errorf("%s: resume to an event that was not durable = %+v, %v, want it", r.name, got, err)
		}
	}
}
