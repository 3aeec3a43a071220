package sidx_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// TestRunEqualsTheModel: whatever is asked of a run, the answer is that of a loop
// over the events, for any size of cache and with or without gaps.
func TestRunEqualsTheModel(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := grow(r, 1+r.IntN(1<<r.IntN(13)), seed%2 == 0)
		run, err := open(m.file(t), sidx.NewCache(int64(r.IntN(1<<20))))
		if err != nil {
			t.Fatalf("seed %d: Open() = %v", seed, err)
		}
		for range 5 {
			if err := m.questions(run, r); err != nil {
				t.Fatalf("seed %d, %d events: %v", seed, len(m), err)
			}
		}
	}
}

// TestRunFindsAsRowsDo: a segment's events are found by every query, and are the same
// whether their index lies in memory or on disk.
func TestRunFindsAsRowsDo(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 2))
		m := grow(r, 1+r.IntN(1<<r.IntN(12)), seed%2 == 0)
		run, err := open(m.file(t), sidx.NewCache(1<<20))
		if err != nil {
			t.Fatal(err)
		}
		x := m.rows()
		for name, find := range map[string]func([]index.Ref, *index.Query) ([]index.Ref, error){
			"run":  run.Find,
			"rows": func(dst []index.Ref, q *index.Query) ([]index.Ref, error) { return x.Find(dst, *q), nil },
		} {
			for range 200 {
				if err := m.query(find, r); err != nil {
					t.Fatalf("seed %d, %d events in a %s: %v", seed, len(m), name, err)
				}
			}
		}
	}
}

// TestBitFlipIsNeverBelieved: with any bit of a footer flipped it is refused when
// it is opened or when it is asked, or the answers are right.
func TestBitFlipIsNeverBelieved(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	m := grow(r, 300, true)
	file := m.file(t)
	from, silent, found := int(m.length())*8, 0, 0
	for bit := from + r.IntN(7); bit < len(file)*8; bit += 1 + r.IntN(60) {
		file[bit/8] ^= 1 << (bit % 8)
		run, err := open(file, sidx.NewCache(1<<20))
		for range 3 {
			if err == nil {
				err = m.questions(run, r)
			}
		}
		var damage *sidx.DamageError
		switch {
		case errors.As(err, &damage):
			found++
		case err != nil:
			t.Fatalf("bit %d of the footer flipped: %v", bit-from, err)
		default:
			silent++
		}
		file[bit/8] ^= 1 << (bit % 8)
	}
	if found < silent {
		t.Errorf("%d flips were found and %d were not asked for, want more found", found, silent)
	}
}

// TestFooterOfAnotherPlaceIsRefused: neither a footer nor a page of it is taken for
// that of another segment or store.
func TestFooterOfAnotherPlaceIsRefused(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(1, 1)), 500, false)
	file := m.file(t)
	for _, other := range []sidx.Place{
		{Store: place.Store, Segment: 4}, {Store: [16]byte{8}, Segment: 3}, {Store: place.Store, Segment: 3, Prefix: 1},
	} {
		var damage *sidx.DamageError
		if _, err := sidx.Open(reader(file), int64(len(file)), other, sidx.NewCache(0)); !errors.As(err, &damage) {
			t.Errorf("Open() at %v = %v, want damage", other, err)
		}
	}
	n := int(m.length())
	swapped := append([]byte{}, file...)
	copy(swapped[n:], file[n+4096:n+8192])
	copy(swapped[n+4096:], file[n:n+4096])
	run, err := open(swapped, sidx.NewCache(0))
	if err != nil {
		t.Fatal(err)
	}
	var damage *sidx.DamageError
	if _, _, err := run.At(m[0].Sequence); !errors.As(err, &damage) || damage.Page != 0 {
		t.Errorf("At() in exchanged pages = %v, want damage to page 0", err)
	}
}

// TestPrefixHasPagesOfItsOwn: the run of what a segment begins with, and its footer, do not
// get into each other's way in the cache that they share.
func TestPrefixHasPagesOfItsOwn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	m := grow(random, 500, false)
	begin, cache := m[:200], sidx.NewCache(1<<20)
	at := place
	at.Prefix = begin.length()
	b := begin.fileAt(t, at)
	prefix, err := sidx.Open(reader(b), int64(len(b)), at, cache)
	if err != nil {
		t.Fatal(err)
	}
	run, err := open(m.file(t), cache)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := begin.questions(prefix, random); err != nil {
			t.Errorf("of the beginning: %v", err)
		}
		if err := m.questions(run, random); err != nil {
			t.Errorf("of all: %v", err)
		}
	}
}

// TestCacheBesideItsReaders: runs that push each other's pages out of a small cache, asked
// side by side while one of them is forgotten again and again, say each what is theirs.
func TestCacheBesideItsReaders(t *testing.T) {
	cache, runs := sidx.NewCache(0), make([]*sidx.Run, 4)
	logs := make([]model, len(runs))
	for n := range runs {
		logs[n] = grow(rand.New(rand.NewPCG(uint64(n), 4)), 3000, false)
		at := place
		at.Segment += uint64(n)
		file := logs[n].fileAt(t, at)
		run, err := sidx.Open(reader(file), int64(len(file)), at, cache)
		if err != nil {
			t.Fatal(err)
		}
		runs[n] = run
	}
	var readers sync.WaitGroup
	for g := range uint64(4) {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(g, 5))
			for i := range 3000 {
				n := random.IntN(len(runs))
				e := random.IntN(len(logs[n]))
				want := &logs[n][e]
				ref, ok, err := runs[n].At(want.Sequence)
				if !ok || err != nil || !ref.Holds(want) || ref.Pos.Offset != logs[n].offset(e) {
					t.Errorf("At(%d) in run %d = %+v, %v, %v", want.Sequence, n, ref, ok, err)
					return
				}
				if g == 0 && i%16 == 0 {
					runs[0].Forget()
				}
			}
		})
	}
	readers.Wait()
}

// TestTruncatedFooterIsRefused: a footer that was cut anywhere is none.
func TestTruncatedFooterIsRefused(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(2, 2)), 200, false)
	file := m.file(t)
	for n := 0; n < len(file); n += 97 {
		var damage *sidx.DamageError
		if _, err := open(file[:n], sidx.NewCache(0)); !errors.As(err, &damage) {
			t.Fatalf("Open() of %d of %d bytes = %v, want damage", n, len(file), err)
		}
	}
}

// TestFooterSize: about 48 bytes an event, names apart.
func TestFooterSize(t *testing.T) {
	m := grow(rand.New(rand.NewPCG(3, 3)), 50_000, false)
	for i := range m {
		m[i].Key, m[i].Causation, m[i].Correlation = nil, [16]byte{}, [16]byte{}
	}
	per := float64(len(m.file(t))-int(m.length())) / float64(len(m))
	t.Logf("%.1f bytes an event", per)
	if per > 48 {
		t.Errorf("footer has %.1f bytes an event, want at most 48", per)
	}
}
