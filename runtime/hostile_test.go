package batpak_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var hostileNames = flag.Int("hostile.names", 100_000, "foreign names in a directory; a fiftieth of them on the real disk")

// allocated is how many bytes were allocated so far.
func allocated() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.TotalAlloc
}

// TestHostileNumberOfNames: names that are not the store's, however many, are left
// alone and reported, and cost memory for the names only.
func TestHostileNumberOfNames(t *testing.T) {
	dir := t.TempDir()
	disk := simfs.New()
	for what, c := range map[string]struct {
		open  func() (*batpak.Store, error)
		put   func(names []string)
		names int
	}{
		"simulated": {
			func() (*batpak.Store, error) { return batpak.Open("simulated", simOptions(disk, nil)) },
			func(names []string) { disk.Crowd(names...) }, fewer(*hostileNames),
		},
		"real": {
			func() (*batpak.Store, error) { return batpak.Open(dir, overseen(nil)) },
			func(names []string) {
				for _, name := range names {
					if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}, fewer(*hostileNames / 50),
		},
	} {
		s, err := c.open()
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, s, note("a:1", "x"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range c.names {
			want = append(want, fmt.Sprintf("%016x.sex", i))
		}
		c.put(want)
		before := allocated()
		if s, err = c.open(); err != nil {
			t.Fatal(err)
		}
		if grown, limit := allocated()-before, uint64(16<<20+500*c.names); grown > limit {
			t.Errorf("%s: opening beside %d names allocates %d bytes, want at most %d", what, c.names, grown, limit)
		}
		if r := s.Report(); r.Events != 1 || !slices.Equal(r.Foreign, want) {
			t.Errorf("%s: %d events, %d foreign names, want 1 and %d", what, r.Events, len(r.Foreign), len(want))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
