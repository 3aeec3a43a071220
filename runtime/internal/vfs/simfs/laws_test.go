package simfs_test

import (
	"bytes"
	stdcmp "cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

const piece = 512

// seedsPerState is how many cuts of one state a law looks at.
const seedsPerState = 40

// FuzzPieces holds cuts to the law of content: the size is the synced one or
// that after some later change, and so is what lies in each piece. What was not
// changed since a sync is therefore untouched.
func FuzzPieces(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		d, r := simfs.New(), rand.New(rand.NewPCG(seed, 1))
		file := create(t, d.FS(), "a")
		must(t, d.FS().SyncDir())
		seen := [][]byte{{}} // what the file held at the last sync and after each change
		for range 1 + r.IntN(40) {
			if r.IntN(6) == 0 {
				must(t, file.Sync())
				seen = seen[len(seen)-1:]
			} else {
				change(t, file, r)
				seen = append(seen, d.Bytes("a"))
			}
		}
		if got := d.CutHard().Bytes("a"); !bytes.Equal(got, seen[0]) {
			t.Errorf("CutHard holds %d bytes that differ from the %d synced ones", len(got), len(seen[0]))
		}
		for cut := range uint64(seedsPerState) {
			got := d.CutWhole(cut).Bytes("a")
			if !slices.ContainsFunc(seen, func(b []byte) bool { return len(b) == len(got) }) {
				t.Errorf("CutWhole(%d) has %d bytes, a size the file never had", cut, len(got))
			}
			for k := 0; k*piece < len(got); k++ {
				at := got[k*piece : min((k+1)*piece, len(got))]
				if !slices.ContainsFunc(seen, func(b []byte) bool { return bytes.Equal(pieceOf(b, k, len(at)), at) }) {
					t.Errorf("CutWhole(%d): piece %d was never like this since the sync", cut, k)
				}
			}
		}
	})
}

// change writes or truncates at random.
func change(t testing.TB, file vfs.File, r *rand.Rand) {
	t.Helper()
	if r.IntN(5) == 0 {
		must(t, file.Truncate(r.Int64N(5*piece)))
		return
	}
	p := make([]byte, 1+r.IntN(2*piece))
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	write(t, file, r.Int64N(4*piece), p)
}

// pieceOf returns the first n bytes of a piece, zeros where b has none.
func pieceOf(b []byte, k, n int) []byte {
	out := make([]byte, n)
	if k*piece < len(b) {
		copy(out, b[k*piece:])
	}
	return out
}

// FuzzNames holds cuts to the law of names: a name leads to what it led to at
// the last sync of the directory or at some time since, and one that was not
// touched since is still there.
func FuzzNames(f *testing.F) {
	for seed := range uint64(30) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		d, r := simfs.New(), rand.New(rand.NewPCG(seed, 2))
		dir := d.FS()
		seen := []map[string]string{{}} // the names at the last sync and after each change
		for i := range 1 + r.IntN(40) {
			state := maps.Clone(seen[len(seen)-1])
			name, to := string(rune('a'+r.IntN(5))), string(rune('a'+r.IntN(5)))
			switch r.IntN(5) {
			case 0, 1:
				if _, taken := state[name]; !taken {
					state[name] = fmt.Sprint("file ", i)
					file := create(t, dir, name)
					write(t, file, 0, []byte(state[name]))
					must(t, file.Sync())
				}
			case 2:
				if err := dir.Rename(name, to); err == nil && name != to {
					state[to] = state[name]
					delete(state, name)
				}
			case 3:
				if dir.Remove(name) == nil {
					delete(state, name)
				}
			case 4:
				must(t, dir.SyncDir())
				seen = nil
			}
			seen = append(seen, state)
		}
		if diff := cmp.Diff(seen[0], content(d.CutHard())); diff != "" {
			t.Errorf("CutHard differs from what was synced (-want +got):\n%s", diff)
		}
		for cut := range uint64(seedsPerState) {
			got := content(d.Cut(cut))
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				ok := slices.ContainsFunc(seen, func(state map[string]string) bool {
					have, was := got[name]
					want, is := state[name]
					return was == is && have == want
				})
				if !ok {
					t.Errorf("Cut(%d): %q leads to %q, which it never did since the sync", cut, name, got[name])
				}
			}
		}
	})
}

func TestSyncedSurvivesEveryCut(t *testing.T) {
	d := simfs.New()
	dir := d.FS()
	kept := create(t, dir, "kept")
	write(t, kept, 0, bytes.Repeat([]byte("k"), 3*piece+7))
	must(t, kept.Sync())
	must(t, dir.SyncDir())
	write(t, create(t, dir, "other"), 0, bytes.Repeat([]byte("o"), 3*piece))
	write(t, kept, 3*piece+7, bytes.Repeat([]byte("x"), piece)) // after the synced end
	must(t, dir.Rename("other", "another"))
	for seed := range uint64(2000) {
		got := d.Cut(seed).Bytes("kept")
		if !bytes.HasPrefix(got, bytes.Repeat([]byte("k"), 3*piece+7)) {
			t.Fatalf("Cut(%d) lost synced bytes", seed)
		}
	}
}

// An honest simulator shows everything that can happen, not only what is
// comfortable. Each line is a thing that some seed must show.
func TestCutShowsEverything(t *testing.T) {
	d := simfs.New()
	dir := d.FS()
	write(t, create(t, dir, "elsewhere"), 0, bytes.Repeat([]byte("e"), 6*piece))
	old, fresh := bytes.Repeat([]byte("o"), 2*piece), bytes.Repeat([]byte("n"), 4*piece)
	f := create(t, dir, "a")
	write(t, f, 0, old)
	must(t, f.Sync())
	must(t, dir.SyncDir())
	write(t, f, 0, bytes.Repeat([]byte("m"), 4*piece))
	write(t, f, 0, fresh)
	must(t, dir.Rename("a", "b"))
	create(t, dir, "c")

	shown := map[string]bool{}
	for seed := range uint64(4000) {
		image := d.Cut(seed)
		a, b, c := image.Bytes("a"), image.Bytes("b"), image.Bytes("c")
		shown["rename lost"] = shown["rename lost"] || a != nil && b == nil
		shown["rename kept"] = shown["rename kept"] || a == nil && b != nil
		shown["rename half, both names"] = shown["rename half, both names"] || a != nil && b != nil
		shown["rename half, no name"] = shown["rename half, no name"] || a == nil && b == nil
		shown["later name without earlier"] = shown["later name without earlier"] || c != nil && b == nil
		got := b
		if got == nil {
			got = a
		}
		if got == nil {
			continue
		}
		pieces := make([]string, 0, 4)
		for p := range slices.Chunk(got, piece) {
			pieces = append(pieces, kind(p))
		}
		for what, ok := range map[string]bool{
			"nothing written":           bytes.Equal(got, old),
			"all written":               bytes.Equal(got, fresh),
			"size without bytes":        slices.Equal(pieces, []string{"o", "o", "0", "0"}),
			"bytes without size":        slices.Equal(pieces, []string{"n", "n"}),
			"last piece alone":          slices.Equal(pieces, []string{"o", "o", "0", "n"}),
			"first piece missing":       slices.Equal(pieces, []string{"o", "n", "n", "n"}),
			"last piece missing":        slices.Equal(pieces, []string{"n", "n", "n", "0"}),
			"version between":           slices.Contains(pieces, "m"),
			"versions side by side":     slices.Contains(pieces, "m") && slices.Contains(pieces, "n"),
			"tear of old and new":       slices.Contains(pieces, "no") || slices.Contains(pieces, "on"),
			"tear of two new versions":  slices.Contains(pieces[:2], "mn") || slices.Contains(pieces[:2], "nm"),
			"tear of new and zeros":     slices.Contains(pieces, "n0"),
			"noise in the hole":         slices.Contains(pieces, "???"),
			"another file in the hole":  slices.Contains(pieces, "e"),
			"torn over another file":    slices.Contains(pieces, "ne"),
			"noise ahead of good piece": len(pieces) == 4 && pieces[2] == "???" && pieces[3] == "n",
		} {
			shown[what] = shown[what] || ok
		}
	}
	for what, ok := range shown {
		if !ok {
			t.Errorf("no seed shows: %s", what)
		}
	}
}

// A truncation is a change like any other: old bytes may come back, and what it
// cleared may be clear although the old size is back.
func TestCutShowsTruncation(t *testing.T) {
	d := simfs.New()
	f := create(t, d.FS(), "a")
	write(t, f, 0, bytes.Repeat([]byte("o"), 3*piece))
	must(t, f.Sync())
	must(t, d.FS().SyncDir())
	must(t, f.Truncate(piece/2))
	must(t, f.Truncate(2*piece))
	shown := map[string]bool{}
	for seed := range uint64(1000) {
		var pieces []string
		for p := range slices.Chunk(d.CutWhole(seed).Bytes("a"), piece) {
			pieces = append(pieces, kind(p))
		}
		shown[strings.Join(pieces, " ")] = true
	}
	for _, want := range []string{"o", "o o", "o o o", "o0 o o", "o 0 o", "o o 0", "o0 0 0"} {
		if !shown[want] {
			t.Errorf("no seed shows: %s", want)
		}
	}
}

// kind lists the values in a piece by first appearance, as far as the test
// wrote them; "???" is anything else.
func kind(p []byte) (kind string) {
	for _, b := range p {
		switch b {
		case 0:
			b = '0'
		case 'o', 'n', 'm', 'e':
		default:
			return "???"
		}
		if !bytes.ContainsRune([]byte(kind), rune(b)) {
			kind += string(rune(b))
		}
	}
	return kind
}

func TestImageIsDurable(t *testing.T) {
	d := busy(t)
	for seed := range uint64(100) {
		image := d.Cut(seed)
		want := content(image)
		if image.Dirty() {
			t.Errorf("Cut(%d).Dirty() = true, want false", seed)
		}
		for _, name := range image.Names() {
			f, err := image.FS().Open(name, vfs.ReadWrite)
			must(t, err)
			write(t, f, 0, []byte("not synced"))
		}
		if diff := cmp.Diff(want, content(image.CutHard())); diff != "" {
			t.Errorf("Cut(%d) loses in a second cut (-first +second):\n%s", seed, diff)
		}
	}
}

func TestKillLosesNothingAndSyncsNothing(t *testing.T) {
	d := busy(t)
	image := d.Kill()
	if diff := cmp.Diff(content(d), content(image)); diff != "" {
		t.Errorf("Kill differs (-disk +image):\n%s", diff)
	}
	for seed := range uint64(100) {
		if diff := cmp.Diff(content(d.Cut(seed)), content(image.Cut(seed))); diff != "" {
			t.Errorf("Cut(%d) after Kill differs (-without +with):\n%s", seed, diff)
		}
	}
}

// What a process began, the next one can end: syncing its files and names.
func TestKillCanBeSynced(t *testing.T) {
	d := simfs.New()
	dir := d.FS()
	write(t, create(t, dir, "a"), 0, []byte("abc"))
	must(t, dir.Rename("a", "b"))
	image := d.Kill()
	f, err := image.FS().Open("b", vfs.ReadWrite)
	must(t, err)
	write(t, f, 3, []byte("def"))
	must(t, f.Sync())
	must(t, image.FS().SyncDir())
	if diff := cmp.Diff(map[string]string{"b": "abcdef"}, content(image.CutHard())); diff != "" {
		t.Errorf("after syncing what a kill left (-want +got):\n%s", diff)
	}
}

func TestSyncedBytesAreNotTheCallers(t *testing.T) {
	d := simfs.New()
	f := create(t, d.FS(), "a")
	p := []byte("abc")
	write(t, f, 0, p)
	clear(p)
	must(t, f.Sync())
	must(t, d.FS().SyncDir())
	if got := string(d.CutHard().Bytes("a")); got != "abc" {
		t.Errorf("CutHard holds %q, want what was written, abc", got)
	}
}

func TestImagesShareNothing(t *testing.T) {
	d := busy(t)
	want := content(d)
	for how, image := range map[string]*simfs.Disk{"Kill": d.Kill(), "Cut": d.Cut(1), "CutHard": d.CutHard()} {
		dir := image.FS()
		for _, name := range image.Names() {
			f, err := dir.Open(name, vfs.ReadWrite)
			must(t, err)
			write(t, f, 0, []byte("scribble"))
			must(t, f.Sync())
			must(t, dir.Remove(name))
		}
		must(t, dir.SyncDir())
		if diff := cmp.Diff(want, content(d)); diff != "" {
			t.Errorf("writing to the image of %s changed the disk (-want +got):\n%s", how, diff)
		}
	}
}

// A view is what a file showed, whatever is done with it, and with what was cut off.
func TestViewStays(t *testing.T) {
	for seed := range uint64(50) {
		d, r := simfs.New(), rand.New(rand.NewPCG(seed, 6))
		dir := d.FS()
		f := create(t, dir, "a")
		var views [][]byte
		var shown []string
		for range 30 {
			switch change(t, f, r); r.IntN(8) {
			case 0:
				must(t, f.Sync())
			case 1:
				d = d.Kill()
				dir = d.FS()
				file, err := dir.Open("a", vfs.ReadWrite)
				must(t, err)
				f = file
			}
			if r.IntN(2) == 0 {
				views, shown = append(views, d.View("a")), append(shown, string(d.Bytes("a")))
			}
		}
		for i, v := range views {
			if string(v) != shown[i] {
				t.Errorf("seed %d: view %d of a file has changed", seed, i)
			}
		}
		if got := d.CutWhole(seed).View("b"); got != nil {
			t.Errorf("View(b) = %d bytes, want nil: there is no such file", len(got))
		}
	}
}

// What was removed lies in holes as it was then, and on the disk alone that it was removed of.
func TestHolesShowWhatWasRemoved(t *testing.T) {
	d := simfs.New()
	dir := d.FS()
	last := vfs.File(nil)
	for _, name := range []string{"1", "2", "n", "o", "m"} {
		last = create(t, dir, name)
		write(t, last, 0, bytes.Repeat([]byte(name), 2*piece))
	}
	for _, name := range []string{"1", "2", "m"} {
		must(t, dir.Remove(name))
	}
	write(t, last, 0, bytes.Repeat([]byte("e"), 2*piece)) // which has no name any more
	image := d.Kill()
	must(t, image.FS().Remove("o"))
	must(t, dir.Remove("n"))
	for _, c := range []struct {
		disk  *simfs.Disk
		shown string
	}{{d, "nm"}, {image, "om"}} {
		write(t, create(t, c.disk.FS(), "hole"), 2*piece, []byte("end"))
		must(t, c.disk.FS().SyncDir())
		var all strings.Builder
		for seed := range uint64(1000) {
			all.WriteString(string(bytes.Trim(c.disk.Cut(seed).View("hole"), "\x00")))
		}
		for _, b := range c.shown {
			if !strings.Contains(all.String(), strings.Repeat(string(b), 10)) {
				t.Errorf("no hole shows %c, which was removed", b)
			}
		}
		if strings.Contains(all.String(), "eeeeeeeeee") {
			t.Error("a hole shows what was written to a file after its last name was gone")
		}
	}
}

func TestCutIsDeterministic(t *testing.T) {
	a, b := busy(t), busy(t)
	differ := false
	for seed := range uint64(300) {
		got := content(a.Cut(seed))
		if diff := cmp.Diff(content(b.Cut(seed)), got); diff != "" {
			t.Fatalf("Cut(%d) of the same state differs:\n%s", seed, diff)
		}
		differ = differ || !cmp.Equal(got, content(a.Cut(seed+1)))
	}
	if !differ {
		t.Error("all seeds give one image")
	}
}

// busy returns a disk with all kinds of unsynced state.
func busy(t testing.TB) *simfs.Disk {
	t.Helper()
	d, r := simfs.New(), rand.New(rand.NewPCG(7, 7))
	dir := d.FS()
	for i := range 6 {
		f := create(t, dir, string(rune('a'+i)))
		change(t, f, r)
		if i%2 == 0 {
			must(t, f.Sync())
		}
		if i == 3 {
			must(t, dir.SyncDir())
		}
		change(t, f, r)
	}
	must(t, dir.Rename("a", "b"))
	must(t, dir.Remove("c"))
	d.Fail(faultfs.Fault{Op: faultfs.OpSync})
	f, err := dir.Open("d", vfs.ReadWrite)
	must(t, err)
	if err := f.Sync(); err == nil {
		t.Fatal("Sync with a fault armed = nil, want an error")
	}
	return d
}

// content maps the live names to the live bytes.
func content(d *simfs.Disk) map[string]string {
	out := map[string]string{}
	for _, name := range d.Names() {
		out[name] = string(d.Bytes(name))
	}
	return out
}

func create(t testing.TB, dir vfs.FS, name string) vfs.File {
	t.Helper()
	f, err := dir.Create(name)
	must(t, err)
	return f
}

func write(t testing.TB, f vfs.File, off int64, p []byte) {
	t.Helper()
	_, err := f.WriteAt(p, off)
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A power cut leaves of a file with two names the one, the other, both or none, as
// the directories were synced, and the same bytes under both.
func TestCutsOfALink(t *testing.T) {
	d := simfs.New()
	one, other := d.FS(), d.Dir("other")
	f := create(t, one, "a")
	write(t, f, 0, []byte("text"))
	must(t, f.Sync())
	must(t, one.SyncDir())
	must(t, one.Link("a", other))
	must(t, one.Remove("a"))
	write(t, f, 4, []byte("text"))
	seen := map[string]bool{}
	for image := range d.Cuts(maphash.MakeSeed()) {
		a, b := image.Bytes("a"), image.Bytes("other/a")
		if a != nil && b != nil && !bytes.Equal(a, b) {
			t.Errorf("one file is %q and %q", a, b)
		}
		if own := image.Only("other").Bytes("a"); !bytes.Equal(own, b) {
			t.Errorf("alone it is %q, not %q", own, b)
		}
		seen[fmt.Sprintf("%t %t %s", a != nil, b != nil, stdcmp.Or(string(a), string(b)))] = true
	}
	for _, want := range []string{"true true texttext", "true false text", "false true texttext", "false true text"} {
		if !seen[want] {
			t.Errorf("no cut left %q: %v", want, seen)
		}
	}
	must(t, other.SyncDir()) // of the one directory alone
	if hard := d.CutHard(); hard.Bytes("a") == nil || hard.Bytes("other/a") == nil {
		t.Error("a sync of a directory was one of another, or none")
	}
}
