package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// wide makes a closed store in a real directory, of a few segments and more events than
// are verified together: streams that are in each part, and one that begins anew.
func wide(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	s, err := batpak.Open(dir, overseen(&batpak.Options{SegmentSize: 1 << 20}))
	s = opened(t, s, err)
	fill(t, s, 0, 36_000, func(b *batpak.Batch, at int) {
		entity := fmt.Sprint("s:", at%300)
		if at%7 == 0 {
			entity = fmt.Sprint("once:", at)
		}
		b.Add(note(entity, fmt.Sprint("payload ", at)))
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// fill appends the events from one number to another, in batches of 500.
func fill(t *testing.T, s *batpak.Store, from, to int, add func(b *batpak.Batch, at int)) {
	t.Helper()
	for at := from; at < to; {
		b := s.NewBatch()
		for ; b.Len() < 500; at++ {
			add(b, at)
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// slowly is a limit that nothing meets, and with which nobody reads ahead.
var slowly = batpak.AtMost(1 << 50)

// bothWays verifies a store with helpers and without, and wants the same report.
func bothWays(t *testing.T, s *batpak.Store, what string) batpak.VerifyReport {
	t.Helper()
	want, err := s.Verify(t.Context(), slowly)
	if err != nil {
		t.Fatalf("%s: Verify() = %v", what, err)
	}
	var told []batpak.VerifyProgress
	got, err := s.Verify(t.Context(), batpak.OnProgress(func(p batpak.VerifyProgress) { told = append(told, p) }))
	if err != nil {
		t.Fatalf("%s: Verify() = %v", what, err)
	}
	got.Took, want.Took = 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-alone +with helpers):\n%s", what, diff)
	}
	for i, p := range told {
		if i > 0 && (p.Done < told[i-1].Done || p.Events < told[i-1].Events || p.Of != told[i-1].Of) || p.Done > p.Of {
			t.Errorf("%s: %+v is not what follows in %+v", what, p, told)
		}
	}
	if last := told[len(told)-1]; last.Done != last.Of || last.Events != got.Events {
		t.Errorf("%s: ends at %+v", what, last)
	}
	return got
}

// TestVerifyAheadOfDamage damages an open store anywhere: what is reported does not
// depend on who reads ahead.
func TestVerifyAheadOfDamage(t *testing.T) {
	t.Parallel()
	dir := wide(t)
	s, err := batpak.OpenReadOnly(dir, overseen(nil))
	s = opened(t, s, err)
	if v := bothWays(t, s, "sound"); len(v.Damages) > 0 || v.Events != 36_000 || v.Segments < 3 {
		t.Fatalf("%+v", v)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(*damageSeed, 13))
	found := 0
	for range fewer(8) {
		file := files[r.IntN(len(files))]
		sound, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := append([]byte{}, sound...)
		at := r.IntN(len(bad))
		if r.IntN(4) == 0 {
			at = r.IntN(96)
		}
		bad[at] ^= 1 << r.IntN(8)
		for _, b := range [][]byte{bad, sound} {
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if &b[0] == &bad[0] {
				found += len(bothWays(t, s, fmt.Sprintf("byte %d of %s", at, filepath.Base(file))).Damages)
			}
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}

// TestVerifyAheadOfForgery changes events and repairs all checksums and digests, at the
// edges of what is verified together and elsewhere.
func TestVerifyAheadOfForgery(t *testing.T) {
	t.Parallel()
	dir := wide(t)
	disk := simfs.New()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		disk.SetBytes(f.Name(), b)
	}
	r := rand.New(rand.NewPCG(*damageSeed, 14))
	for _, at := range []int{16_383, 16_384, r.IntN(36_000)} {
		f := parseForgery(t, disk)
		record := f.records()[at]
		record.Payload = append([]byte("not "), record.Payload...)
		forged := disk.Kill()
		f.put(forged)
		other := t.TempDir()
		for _, name := range forged.Names() {
			if err := os.WriteFile(filepath.Join(other, name), forged.Bytes(name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := batpak.OpenReadOnly(other, overseen(nil))
		s = opened(t, s, err)
		v := bothWays(t, s, fmt.Sprint("event ", at+1))
		if len(v.Damages) != 1 || v.Damages[0].Sequence != uint64(at+1) {
			t.Errorf("event %d: %+v", at+1, v)
		}
	}
}

// TestVerifyAheadHoldsNoPayloads: what is ahead takes memory for streams, however large
// their events are. It runs alone, as it counts the memory that the process takes.
func TestVerifyAheadHoldsNoPayloads(t *testing.T) {
	const streams, size = 400, 40 << 10
	dir := t.TempDir()
	s, err := batpak.Open(dir, overseen(&batpak.Options{Durability: batpak.Relaxed}))
	s = opened(t, s, err)
	for at := 0; at < streams; {
		b := s.NewBatch()
		for ; b.Len() < 10; at++ {
			b.Add(note(fmt.Sprint("s:", at), strings.Repeat("x", size)))
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err = batpak.OpenReadOnly(dir, overseen(nil))
	s = opened(t, s, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v, err := s.Verify(t.Context())
	runtime.ReadMemStats(&after)
	if err != nil || v.Streams != streams || len(v.Damages) > 0 {
		t.Fatalf("Verify() = %+v, %v", v, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > streams*size/2 {
		t.Errorf("took %d bytes of memory for events of %d", took, streams*size)
	}
}

// TestVerifyAheadEnds with its context, and leaves nobody behind.
func TestVerifyAheadEnds(t *testing.T) {
	t.Parallel()
	s, err := batpak.OpenReadOnly(wide(t), overseen(nil))
	s = opened(t, s, err)
	for n := range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		_, err := s.Verify(ctx, batpak.OnProgress(func(batpak.VerifyProgress) {
			if calls++; calls == 1+n*30 {
				cancel()
			}
		}))
		if err != nil && !errors.Is(err, context.Canceled) || err == nil && calls > 1+n*30 {
			t.Errorf("Verify() that was cancelled at call %d of %d = %v", 1+n*30, calls, err)
		}
		cancel()
	}
}
