package batpak_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	batpak "github.com/batpak-go/batpak/runtime"
)

// lengthy makes a closed store of 14,000 events in a real directory: few streams, so that
// each takes long to read, tombstones, gaps, and events so large that they are not read
// together.
func lengthy(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := batpak.Open(dir, overseen(&batpak.Options{SegmentSize: 256 << 10}))
	s = opened(t, s, err)
	add := func(b *batpak.Batch, at int) {
		d := note(fmt.Sprint("s:", at%4), fmt.Sprint("payload ", at))
		d.Kind = batpak.Kind(0x1000 + at%3)
		if at > 9_000 && at%700 == 0 {
			d.Payload = []byte(strings.Repeat("large ", 1<<16))
		}
		if at%5 == 0 {
			b.Add(d, batpak.Key(fmt.Sprint("key ", at)))
		} else {
			b.Add(d, batpak.Correlate(batpak.ID{15: byte(1 + at%2)}))
		}
	}
	fill(t, s, 0, 7_000, add)
	taken := func(m batpak.Meta) batpak.Fate {
		if m.Sequence%11 > 0 {
			return batpak.KeepEvent
		}
		return batpak.Fate(1 + m.Sequence%2)
	}
	if r, err := s.Compact(t.Context(), batpak.Retention(taken)); err != nil || r.Dropped == 0 || r.Tombstoned == 0 {
		t.Fatalf("Compact() = %+v, %v", r, err)
	}
	fill(t, s, 7_000, 14_000, add)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// given is an event as an iteration gives it.
type given struct {
	batpak.Event
	err string
}

// take iterates on so many processors, as far as the most-th event. It calls between, if
// that is not nil, at each event.
func take(s *batpak.Store, q batpak.Query, processors, most int, between func(n int)) (all []given) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	for e, err := range s.Events(q) {
		all = append(all, given{e, fmt.Sprintf("%T %v", err, err)})
		if between != nil {
			between(len(all))
		}
		if len(all) == most {
			break
		}
	}
	return all
}

// wantGiven wants the same of an iteration that others read ahead of as of one alone.
func wantGiven(t *testing.T, what string, alone, ahead []given) {
	t.Helper()
	for i := range max(len(alone), len(ahead)) {
		if i >= min(len(alone), len(ahead)) || alone[i].err != ahead[i].err || !same(&alone[i].Event, &ahead[i].Event) {
			t.Fatalf("%s: %d events alone and %d with others ahead; number %d differs: %.300q, %.300q", what,
				len(alone), len(ahead), i+1, fmt.Sprint(alone[min(i, len(alone)):min(i+1, len(alone))]), fmt.Sprint(ahead[min(i, len(ahead)):min(i+1, len(ahead))]))
		}
	}
}

// drawLong draws a query that selects many of the events.
func drawLong(r *rand.Rand) (q batpak.Query) {
	q.Backward = r.IntN(2) == 0
	if r.IntN(3) == 0 {
		q.After = r.Uint64N(6_000)
	}
	if r.IntN(3) == 0 {
		q.Until = 8_000 + r.Uint64N(6_000)
	}
	switch r.IntN(8) {
	case 0:
		q.Entity = fmt.Sprint("s:", r.IntN(4))
	case 1:
		q.Prefix = "s:"
	case 2:
		q.Kinds = []batpak.Kind{0x1000, 0x1002}[:1+r.IntN(2)]
	case 3:
		q.Scope = "test"
	case 4:
		q.Correlation = batpak.ID{15: 1}
	}
	return q
}

// TestReadAhead: what an iteration gives does not depend on whether others read ahead of
// it, whatever it selects and wherever it ends, and neither does what it says of damage
// that lies anywhere.
func TestReadAhead(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := lengthy(t)
	s, err := batpak.OpenReadOnly(dir, overseen(nil))
	s = opened(t, s, err)
	defer s.Close()
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(*damageSeed, 21))
	failed := 0
	for n := range 4 + fewer(120) {
		file := files[r.IntN(len(files))]
		sound, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte{}, sound...)
		at := r.IntN(len(bad))
		if n%4 > 0 {
			bad[at] ^= 1 << r.IntN(8)
		}
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		q, most := drawLong(r), 0
		if r.IntN(3) == 0 {
			most = 1 + r.IntN(9_000)
		}
		what := fmt.Sprintf("%+v up to %d, byte %d of %s (-damage.seed %d)", q, most, at, filepath.Base(file), *damageSeed)
		alone := take(s, q, 1, most, nil)
		ahead := take(s, q, 4, most, nil)
		wantGiven(t, what, alone, ahead)
		if n := len(alone); n > 0 && strings.Contains(alone[n-1].err, "Corrupt") {
			failed++
		}
		if err := os.WriteFile(file, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if failed == 0 {
		t.Error("no iteration met a damage")
	}
}

// TestReadAheadOfAClose: of a store that is closed in the midst of an iteration as much is
// given as without others ahead.
func TestReadAheadOfAClose(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := lengthy(t)
	for _, closed := range []int{100, 2_050, 2_570, 3_500, 8_000} {
		var took [][]given
		for _, processors := range []int{1, 4} {
			s, err := batpak.OpenReadOnly(dir, overseen(nil))
			s = opened(t, s, err)
			took = append(took, take(s, batpak.Query{}, processors, 0, func(n int) {
				if n == closed {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}
			}))
		}
		wantGiven(t, fmt.Sprint("closed at event ", closed), took[0], took[1])
		if n := len(took[1]); n < closed || !strings.Contains(took[1][n-1].err, batpak.ErrClosed.Error()) {
			t.Errorf("closed at event %d: ends after %d with %q", closed, n, took[1][n-1].err)
		}
	}
}

// TestReadAheadBesideCompaction: segments are merged while they are read ahead, by the one
// who reads, and nobody sees anything of it.
func TestReadAheadBesideCompaction(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := batpak.Open(lengthy(t), overseen(&batpak.Options{SegmentSize: 256 << 10}))
	s = opened(t, s, err)
	defer s.Close()
	alone := take(s, batpak.Query{}, 1, 0, nil)
	merges := 0
	ahead := take(s, batpak.Query{}, 4, 0, func(n int) {
		if n%3_000 == 0 {
			r, err := s.Compact(t.Context())
			if err != nil {
				t.Error(err)
			}
			merges += r.Merges
			mustAppend(t, s, note("s:1", "is not seen"))
		}
	})
	wantGiven(t, "beside a compaction", alone, ahead)
	if merges == 0 {
		t.Error("nothing was merged")
	}
}

// TestReadAheadOfAPanic leaves nobody behind where the body of a loop panics, and where it
// never ends.
func TestReadAheadOfAPanic(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := batpak.OpenReadOnly(lengthy(t), overseen(nil))
	s = opened(t, s, err)
	defer s.Close()
	gone := errors.New("gone")
	defer func() {
		if r := recover(); r != gone {
			t.Errorf("recover() = %v", r)
		}
	}()
	take(s, batpak.Query{}, 4, 0, func(n int) {
		if n == 5_000 {
			panic(gone)
		}
	})
}
