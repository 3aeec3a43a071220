package batpak_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
)

// TestMappedFiles: a store whose files are mapped shows what it shows without, and says
// the same of a file that is cut off beneath it.
func TestMappedFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, &batpak.Options{SegmentSize: 64 << 10})
	for range 20 {
		b := s.NewBatch()
		for i := range 100 {
			b.Add(note(fmt.Sprint("a:", i%7), fmt.Sprintf("%0*d", i, i)))
		}
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	plain, err := batpak.OpenReadOnly(dir, nil)
	plain = opened(t, plain, err)
	beside, err := batpak.OpenReadOnly(dir, &batpak.Options{MapFiles: true})
	beside = opened(t, beside, err)
	mapped := open(t, dir, &batpak.Options{MapFiles: true})
	last := plain.Frontier().Visible
	for range 3 { // mapped from the second time on
		for _, s := range []*batpak.Store{mapped, beside} {
			for n := uint64(1); n <= last; n++ {
				want, werr := plain.At(n)
				got, gerr := s.At(n)
				if diff := cmp.Diff(want, got); werr != nil || gerr != nil || diff != "" {
					t.Fatalf("At(%d) = %v, without a mapping %v (-want +got):\n%s", n, gerr, werr, diff)
				}
			}
			for position, more := uint64(0), true; more; {
				q := batpak.Query{Entity: "a:3", Backward: true}
				want, werr := plain.Page(q, position, 50)
				got, gerr := s.Page(q, position, 50)
				if diff := cmp.Diff(want, got); werr != nil || gerr != nil || diff != "" {
					t.Fatalf("Page(%d) = %v, without a mapping %v (-want +got):\n%s", position, gerr, werr, diff)
				}
				position, more = got.Next, got.More
			}
		}
	}
	if v, err := mapped.Verify(t.Context()); err != nil || v.Events != last || len(v.Damages) > 0 {
		t.Fatalf("Verify() = %+v, %v", v, err)
	}
	if err := os.Truncate(filepath.Join(dir, "0000000000000001.seg"), 4096); err != nil {
		t.Fatal(err)
	}
	lost := 0
	for n := uint64(1); n <= last; n++ {
		_, err := mapped.At(n)
		if c, ok := errors.AsType[*batpak.CorruptError](err); ok && c.FirstSequence == n {
			lost++
		} else if err != nil {
			t.Fatalf("At(%d) of a file that was cut off = %v, want a CorruptError of that event", n, err)
		}
	}
	if lost == 0 {
		t.Fatal("no event was missed in a file that was cut off")
	}
}
