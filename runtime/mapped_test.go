package batpak_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/vfs/mapfs"
)

// TestMappedFiles: a store whose files are mapped shows what it shows without, and says
// the same of a file that is cut off beneath it.
func TestMappedFiles(t *testing.T) {
	t.Parallel()
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
	plain, err := batpak.OpenReadOnly(dir, overseen(&batpak.Options{Unmapped: true}))
	plain = opened(t, plain, err)
	last := plain.Frontier().Visible
	for range 3 * last { // without which files would be mapped
		if _, err := plain.At(last / 2); err != nil {
			t.Fatal(err)
		}
	}
	if maps, err := os.ReadFile("/proc/self/maps"); err == nil && bytes.Contains(maps, []byte(dir)) {
		t.Error("files are mapped with Unmapped")
	}
	beside, err := batpak.OpenReadOnly(dir, overseen(nil))
	beside = opened(t, beside, err)
	mapped := openMapped(t, dir)
	for range 3 { // mapped from the second time on
		for _, s := range []*batpak.Store{mapped, beside} {
			for n := uint64(1); n <= last; n++ {
				want, werr := plain.At(n)
				got, gerr := s.At(n)
				if werr != nil || gerr != nil || !same(&want, &got) {
					t.Fatalf("At(%d) = %v, without a mapping %v (-want +got):\n%s", n, gerr, werr, cmp.Diff(want, got))
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
	checkMapped(t, dir)
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

// openMapped opens a store whose files are mapped: without the checks, which would hide
// that they are those of a real directory.
func openMapped(t *testing.T, dir string) *batpak.Store {
	t.Helper()
	s, err := batpak.Open(dir, overseen(nil))
	return opened(t, s, err)
}

// checkMapped checks that files of a directory are mapped, where the system tells.
func checkMapped(t *testing.T, dir string) {
	t.Helper()
	if maps, err := os.ReadFile("/proc/self/maps"); mapfs.Suits() && err == nil && !bytes.Contains(maps, []byte(dir)) {
		t.Error("no file is mapped")
	}
}

var mappedN = flag.Int("mapped.n", 300, "bits and pieces of files that the lane of mapped files damages, under an open store and at openings")

// TestMappedFilesDamaged flips bits of real files that are mapped, and puts wrong bytes
// into them, under an open store and before openings: an event is read as it was stored,
// or the read or the opening fails with ErrCorrupt.
//
//	go test ./runtime -run TestMappedFilesDamaged -mapped.n=100000
func TestMappedFilesDamaged(t *testing.T) {
	t.Parallel()
	for _, state := range []string{closed, merged} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			sp := grow(t, state, 24<<10, 4<<10, 350)
			m := mappedTrial{T: t, specimen: sp, dir: t.TempDir(), random: rand.New(rand.NewPCG(*damageSeed, 8))}
			for name, content := range sp.directory {
				m.put(name, content)
			}
			refused, read := 0, 0
			for range max(1, *mappedN/8) {
				m.damage(len(sp.segments())-1, func() { // not the newest, whose end a crash may have torn
					s, err := batpak.OpenReadOnly(m.dir, overseen(nil))
					if errors.Is(err, batpak.ErrCorrupt) {
						refused++
						return
					}
					read += m.readAll(opened(t, s, err))
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
				})
			}
			if refused == 0 || read == 0 {
				t.Errorf("%d openings were refused, %d events could not be read, want some of each", refused, read)
			}
			s := openMapped(t, m.dir)
			if lost := m.readAll(s); lost > 0 {
				t.Fatalf("%d events of a sound store cannot be read", lost)
			}
			checkMapped(t, m.dir)
			read = 0
			for range max(1, *mappedN) {
				m.damage(len(sp.segments()), func() { read += m.readAll(s) })
			}
			if read == 0 {
				t.Error("no damage hit an event")
			}
			t.Logf("%d openings were refused, %d events could not be read", refused, read)
		})
	}
}

// mappedTrial is a specimen in a real directory.
type mappedTrial struct {
	*testing.T
	*specimen
	dir    string
	random *rand.Rand
}

func (m *mappedTrial) put(name string, content []byte) {
	m.Helper()
	f, err := os.OpenFile(filepath.Join(m.dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteAt(content, 0) // in place, beneath a mapping
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		m.Fatal(err)
	}
}

// damage flips a bit of one of the first n files of the log, or puts wrong bytes into it,
// and mends it when use has returned.
func (m *mappedTrial) damage(n int, use func()) {
	m.Helper()
	name := m.segments()[m.random.IntN(n)]
	content := bytes.Clone(m.directory[name])
	offset := m.random.IntN(len(content))
	if m.random.IntN(2) == 0 {
		content[offset] ^= 1 << m.random.IntN(8)
	} else {
		_, data := m.content(m.random, name, offset, min(512, len(content)-offset))
		copy(content[offset:], data)
	}
	m.put(name, content)
	defer m.put(name, m.directory[name])
	use()
}

// readAll reads all events, one by one so often that the files are mapped, and returns
// how many cannot be read.
func (m *mappedTrial) readAll(s *batpak.Store) int {
	m.Helper()
	for range 3 {
		for i := range m.events {
			e, err := husk(s.At(uint64(i) + 1))
			if err == nil && !same(&e, &m.events[i]) || err != nil && !errors.Is(err, batpak.ErrCorrupt) {
				m.Fatalf("At(%d) = %+v, %v, want %+v or ErrCorrupt", i+1, e, err, m.events[i])
			}
		}
	}
	damaged, err := m.specimen.readAll(s)
	if err != nil {
		m.Fatal(err)
	}
	return len(damaged)
}
