package batpak_test

import (
	"errors"
	"io"
	"testing"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestShortReadOfAReader: a read that finds a file ending early, where it does not end,
// takes no event from whoever reads a store that was closed, beside a writer or not, nor
// from what is restored of it: they are told, or have all.
func TestShortReadOfAReader(t *testing.T) {
	c := newCopied(t, 6)
	if err := c.store.Close(); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]func(d *simfs.Disk) (*batpak.Store, error){
		"beside a writer": func(d *simfs.Disk) (*batpak.Store, error) { return openReader(d, small) },
		"alone": func(d *simfs.Disk) (*batpak.Store, error) {
			o := *small
			o.ShowUnsynced = true
			return openReader(d, &o)
		},
		"restored": func(d *simfs.Disk) (*batpak.Store, error) {
			_, err := batpak.Restore(t.Context(), "store", "copy", simOptions(d, nil))
			if d.Heal(); err != nil {
				return nil, err
			}
			return openReader(d.Only("copy"), small)
		},
	}
	for name, open := range kinds {
		for _, sticky := range []bool{false, true} {
			told := 0
			for k, seen := 1, 1; seen >= k; k++ {
				d := c.disk.Kill()
				seen = 0
				d.OnOp(func(op faultfs.Op, _ string) {
					if op == faultfs.OpRead {
						seen++
					}
				})
				d.Fail(faultfs.Fault{Op: faultfs.OpRead, N: k, Err: io.EOF, Sticky: sticky})
				s, err := open(d)
				d.OnOp(nil)
				d.Heal()
				if err != nil {
					if told++; !errors.Is(err, io.EOF) && !errors.Is(err, batpak.ErrCorrupt) {
						t.Errorf("%s, read %d, sticky %t: %v, want ErrCorrupt", name, k, sticky, err)
					}
					continue
				}
				all, err := eventsOf(s)
				if err = errors.Join(err, s.Close()); err != nil || len(all) != len(c.events) || differs(all, c.events) != "" {
					t.Errorf("%s, read %d, sticky %t: %d events, %s, %v, want %d", name, k, sticky, len(all), differs(all, c.events), err, len(c.events))
				}
			}
			if sticky && told == 0 { // what happens once may be read again
				t.Errorf("%s: no read mattered", name)
			}
		}
	}
}
