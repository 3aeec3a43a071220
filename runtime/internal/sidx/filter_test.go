package sidx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// TestFilterForgetsNothing: whatever a segment holds, its filter says that it may, or a
// key that was used could be used again. Of what it does not hold, little passes.
func TestFilterForgetsNothing(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 7))
		m := grow(r, 1+r.IntN(1<<r.IntN(14)), false)
		for i := range m {
			m[i].Key = fmt.Appendf(nil, "%d of %d", i, seed)
		}
		run, err := open(m.file(t), sidx.NewCache(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		may := func(fingerprint uint64) bool {
			may, err := run.MayKnow(fingerprint)
			if err != nil {
				t.Fatalf("seed %d: MayKnow() = %v", seed, err)
			}
			return may
		}
		for i := range m {
			if !may(sidx.Fingerprint(place.Store, m[i].Key)) {
				t.Fatalf("seed %d: the filter of %d events forgets key %q", seed, len(m), m[i].Key)
			}
			if !may(sidx.NameFingerprint(place.Store, m[i].Entity)) {
				t.Fatalf("seed %d: the filter of %d events forgets stream %q", seed, len(m), m[i].Entity)
			}
		}
		passed, asked := 0, 4000
		for i := range asked {
			if may(sidx.Fingerprint(place.Store, fmt.Appendf(nil, "not %d", i))) {
				passed++
			}
		}
		if len(m) > 1000 && passed > asked/50 {
			t.Errorf("seed %d: of %d keys that %d events do not have, %d pass the filter, want at most 2 in 100", seed, asked, len(m), passed)
		}
	}
}

// TestFooterWithoutAFilter: a footer of version 1 is read as before, and may have
// anything.
func TestFooterWithoutAFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 10 {
		m := grow(r, 1+r.IntN(3000), false)
		run, err := open(withoutFilter(m.file(t), int(m.length())), sidx.NewCache(1<<20))
		if err != nil {
			t.Fatalf("Open() of version 1 = %v", err)
		}
		if err := m.questions(run, r); err != nil {
			t.Errorf("version 1: %v", err)
		}
		if may, err := run.MayKnow(r.Uint64()); !may || err != nil {
			t.Errorf("MayKnow() without a filter = %v, %v, want true", may, err)
		}
	}
}

// TestFilterIsNotLeftOut: a footer is not taken for one without a filter because it is
// said to be.
func TestFilterIsNotLeftOut(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(9, 8)), 500, false)
	for version := range uint16(5) {
		file := m.file(t)
		trailer := file[len(file)-256:]
		binary.LittleEndian.PutUint16(trailer[8:], version)
		seal(trailer, 1<<32-1)
		if _, err := open(file, sidx.NewCache(1<<20)); (err == nil) != (version == sidx.Version) {
			t.Errorf("Open() with version %d written over it = %v", version, err)
		}
	}
}

// withoutFilter makes of a file whose footer begins at an offset what version 1 wrote.
func withoutFilter(file []byte, from int) []byte {
	footer, trailer := file[from:len(file)-256], file[len(file)-256:]
	var bytes []byte
	for ; len(footer) > 0; footer = footer[min(4096, len(footer)):] {
		bytes = append(bytes, footer[:min(4096, len(footer))-4]...)
	}
	last := trailer[144+8*12:] // the openings: where they begin, and how many
	bytes = bytes[:binary.LittleEndian.Uint32(last)+12*binary.LittleEndian.Uint32(last[4:])]

	out := append([]byte{}, file[:from]...)
	size := len(bytes)
	for n := uint32(0); len(bytes) > 0; n++ {
		page := append([]byte{}, bytes[:min(4092, len(bytes))]...)
		bytes = bytes[len(page):]
		page = append(page, 0, 0, 0, 0)
		seal(page, n)
		out = append(out, page...)
	}
	out = append(out, trailer...)
	trailer = out[len(out)-256:]
	binary.LittleEndian.PutUint16(trailer[8:], 1)
	binary.LittleEndian.PutUint64(trailer[128:], uint64(size))
	seal(trailer, 1<<32-1)
	return out
}

// readings counts the reads of a file.
type readings struct {
	io.ReaderAt
	n int
}

func (r *readings) ReadAt(p []byte, off int64) (int, error) {
	r.n++
	return r.ReaderAt.ReadAt(p, off)
}

// TestFingerprintsLeaveTheCacheAlone: to ask for all keys and streams of a run reads their
// pages, but for those that the cache has, and pushes nothing out of it.
func TestFingerprintsLeaveTheCacheAlone(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(5, 5)), 5_000, false)
	for i := range m {
		m[i].Key = fmt.Appendf(nil, "key %d", i)
	}
	b := m.file(t)
	for _, cache := range []int64{0, 1 << 24} { // of which the first has room for a tenth of the pages
		file := &readings{ReaderAt: bytes.NewReader(b)}
		run, err := sidx.Open(file, int64(len(b)), place, sidx.NewCache(cache))
		if err != nil {
			t.Fatal(err)
		}
		reads := func(do func() error) int {
			before := file.n
			if err := do(); err != nil {
				t.Fatal(err)
			}
			return file.n - before
		}
		fingerprints := func() error {
			last := false
			err := run.Fingerprints(func(f uint64) { last = last || f == sidx.Fingerprint(place.Store, m[len(m)-1].Key) })
			if err == nil && !last {
				err = errors.New("a key is missing")
			}
			return err
		}
		keys := func(of model) func() error {
			return func() error {
				for i := range of {
					if _, err := run.ByKey(nil, sidx.Fingerprint(place.Store, of[i].Key)); err != nil {
						return err
					}
				}
				return nil
			}
		}
		first := reads(keys(m[:1]))
		if reads(fingerprints) == 0 {
			t.Errorf("cache of %d bytes: nothing was read", cache)
		}
		if n := reads(keys(m[:1])); n > 0 {
			t.Errorf("cache of %d bytes: %d pages are no longer there", cache, n)
		}
		rest := reads(keys(m))
		if cache > 0 {
			run, err = sidx.Open(file, int64(len(b)), place, sidx.NewCache(cache))
			if err != nil {
				t.Fatal(err)
			}
			if all := reads(keys(m)); all != first+rest {
				t.Errorf("cache of %d bytes: it has %d pages that nobody asked for", cache, all-first-rest)
			}
		}
		if n := reads(fingerprints); cache > 0 && n > 10 {
			t.Errorf("cache of %d bytes: %d pages were read again, want those of streams and names", cache, n)
		}
	}
}
