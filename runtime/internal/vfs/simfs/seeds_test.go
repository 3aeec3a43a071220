package simfs_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// Histories that once failed are kept as seeds, which are of no use any more when a cut
// draws otherwise, or makes something else of what it drew. Whoever means to change that
// gives the fingerprint that the test prints, and finds the histories new seeds.
func TestSeedsMeanWhatTheyMeant(t *testing.T) {
	const want = "42c76d09d0edb402d03593d0bdac92dce1738a2af20f6604b76c71e46f6ab21f"
	sum := sha256.New()
	for seed := range uint64(24) {
		d, r := simfs.New(), rand.New(rand.NewPCG(seed, 5))
		if seed%4 == 3 {
			d.Lie(3, seed)
		}
		dirs := []vfs.FS{d.FS(), d.Dir("other")}
		for range 40 {
			stir(d, dirs[r.IntN(8)/7], r)
			if r.IntN(4) > 0 {
				continue
			}
			for cut := range uint64(12) {
				image := d.Cut(cut)
				fmt.Fprint(sum, content(image))
				if cut == 0 {
					stir(image, image.FS(), r)
					fmt.Fprint(sum, content(image.Cut(cut)), content(image.CutHard()))
				}
			}
			killed := d.Kill()
			stir(killed, killed.FS(), r)
			fmt.Fprint(sum, content(killed.Cut(seed)), content(killed.CutHard()), content(killed.Only("other").Cut(seed)))
		}
		n := 0
		for image := range d.Cuts(maphash.MakeSeed()) {
			if fmt.Fprint(sum, content(image)); n == 100 {
				break
			}
			n++
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("the images of all seeds have the fingerprint %s, want %s", got, want)
	}
}

// stir does something with a directory, now and then with a fault.
func stir(d *simfs.Disk, dir vfs.FS, r *rand.Rand) {
	name, to := string(rune('a'+r.IntN(5))), string(rune('a'+r.IntN(5)))
	f, err := dir.Create(name)
	if err != nil {
		f, err = dir.Open(name, vfs.ReadWrite)
	}
	if err != nil {
		return
	}
	if r.IntN(6) == 0 {
		d.Fail(faultfs.Fault{Op: faultfs.OpAny, Kept: r.IntN(4) == 0, Loss: []faultfs.Loss{faultfs.Ghosts, faultfs.Reverted, faultfs.Partial, faultfs.Late}[r.IntN(4)]})
	}
	switch r.IntN(12) {
	case 0, 1, 2, 3:
		p := make([]byte, 1+r.IntN(3*piece))
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		_, _ = f.WriteAt(p, r.Int64N(4*piece))
	case 4, 5:
		_ = f.Truncate(r.Int64N(5 * piece))
	case 6, 7:
		_ = f.Sync()
	case 8:
		_ = dir.Rename(name, to)
	case 9:
		_ = dir.Remove(name)
		_, _ = f.WriteAt([]byte("nameless"), 0)
	case 10:
		_ = dir.SyncDir()
	case 11:
		_ = dir.Link(name, d.Dir("third"))
	}
	d.Heal()
}
