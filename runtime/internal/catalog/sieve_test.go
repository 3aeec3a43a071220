package catalog_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// TestSieveForgetsNothing: whenever runs are taken in, and however they are merged, every
// key and stream is found as if there were no sieve, or a key could be used twice.
func TestSieveForgetsNothing(t *testing.T) {
	for seed := range uint64(20) {
		l := &log{random: rand.New(rand.NewPCG(seed, 21)), heads: map[string]uint64{}}
		c := l.build(t, 1+l.random.IntN(9), seed%4 == 0)
		room := int64(l.random.IntN(2)) << 20
		last := l.at[len(l.at)-1].Segment
		check := func() {
			t.Helper()
			for i := range l.records {
				r := &l.records[i]
				if got, err := c.ByKey(r.Key); len(r.Key) > 0 && (err != nil || !slices.Equal(sequences(got), []uint64{r.Sequence})) {
					t.Fatalf("seed %d: ByKey(%s) = %v, %v, want event %d", seed, r.Key, sequences(got), err, r.Sequence)
				}
				if got, err := c.Load(string(r.Entity)); err != nil || got.Version != l.heads[string(r.Entity)] {
					t.Fatalf("seed %d: Load(%s) = version %d, %v, want %d", seed, r.Entity, got.Version, err, l.heads[string(r.Entity)])
				}
			}
		}
		check() // whereupon runs were asked
		for range 10 {
			for range l.random.IntN(4) {
				c.Sift(room)
			}
			check()
			if l.random.IntN(3) == 0 {
				l.merge(t, c, 1+uint32(l.random.IntN(int(last))), last-1)
			} else {
				last++
				l.moveOn(t, c, uint64(last))
			}
			check()
		}
	}
}

// merge puts one run in the place of the parts of some segments, if there are any.
func (l *log) merge(t *testing.T, c *catalog.Catalog, first, last uint32) {
	t.Helper()
	any := false
	for i := range l.at {
		if at := &l.at[i]; at.Segment >= first && at.Segment <= last {
			at.Segment, at.Offset, any = first, uint32(100+100*i), true
		}
	}
	if !any {
		return
	}
	at := sidx.Place{Store: store, Segment: uint64(first), Round: 1}
	c.Merge(l.runAt(t, at, l.indexOf(t, at, math.MaxUint64), sidx.NewCache(0)), uint64(last), func() {})
}

// counted is a file that counts the reads of it.
type counted struct {
	io.ReaderAt
	reads *int
}

func (f counted) ReadAt(p []byte, off int64) (int, error) {
	*f.reads++
	return f.ReaderAt.ReadAt(p, off)
}

// TestNewKeysAskNoRun: once all runs are taken in, hardly a new key or stream is looked for
// in any of them, and without room they are asked one by one.
func TestNewKeysAskNoRun(t *testing.T) {
	for _, room := range []int64{0, 1 << 20} {
		l := &log{random: rand.New(rand.NewPCG(1, 22)), heads: map[string]uint64{}}
		reads, cache := 0, sidx.NewCache(0)
		c := catalog.New(store, func(*sidx.Run) (*index.Index, error) { return nil, nil })
		for s := range uint64(20) {
			l.grow(s+1, 200)
			b := l.footer(t, s+1)
			at := sidx.Place{Store: store, Segment: s + 1}
			run, err := sidx.Open(counted{bytes.NewReader(b), &reads}, int64(len(b)), at, cache)
			if err != nil {
				t.Fatal(err)
			}
			c.AddRun(run)
		}
		ask := func() int {
			before := reads
			for i := range 100 {
				if got, err := c.ByKey(fmt.Append(nil, "new", i)); err != nil || len(got) > 0 {
					t.Fatalf("ByKey() of a new key = %v, %v", got, err)
				}
				if got, err := c.Load(fmt.Sprint("new:", i)); err != nil || got.Version > 0 {
					t.Fatalf("Load() of a new stream = %v, %v", got, err)
				}
			}
			return reads - before
		}
		if c.Sift(room) {
			t.Error("Sift() took a run in before one was asked for anything")
		}
		alone, taken := ask(), 0
		for c.Sift(room) {
			taken++
		}
		switch together := ask(); {
		case room == 0 && (taken > 0 || together < alone/2):
			t.Errorf("without room %d runs were taken in, and %d pages read, before %d", taken, together, alone)
		case room > 0 && (taken != 20 || together > alone/20):
			t.Errorf("%d runs were taken in, and %d pages read, before %d", taken, together, alone)
		}
	}
}
