package catalog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/catalog"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

var store = [16]byte{7}

// log is all events, segment after segment, and every question is a loop over it.
type log struct {
	random  *rand.Rand
	records []format.Record
	at      []format.Pos // of each
	heads   map[string]uint64
	catalog *catalog.Catalog // that must not be locked when a file is read; nil = none yet
}

// file is one that is read under no lock of the catalog.
type file struct {
	*bytes.Reader
	*log
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	if c := f.catalog; c != nil {
		if !c.TryLock() {
			return 0, errors.New("the file is read under the lock of the catalog")
		}
		c.Unlock()
	}
	return f.Reader.ReadAt(b, off)
}

// grow adds a segment of up to n events.
func (l *log) grow(segment uint64, n int) (first int) {
	first = len(l.records)
	for range 1 + l.random.IntN(n) {
		var r format.Record
		i := len(l.records)
		r.Sequence, r.Length, r.Kind = uint64(i+1), 100, uint16(0x1000*(1+l.random.IntN(2))+l.random.IntN(3))
		r.Entity, r.Scope = fmt.Appendf(nil, "%c:%d", 'a'+l.random.IntN(3), l.random.IntN(20)), fmt.Appendf(nil, "s%d", l.random.IntN(3))
		l.heads[string(r.Entity)]++
		r.Version = l.heads[string(r.Entity)]
		binary.BigEndian.PutUint64(r.ID[:], uint64(10*i+10))
		if l.random.IntN(3) == 0 {
			r.Key = fmt.Appendf(nil, "key-%d", i)
		}
		if i > 0 && l.random.IntN(2) == 0 {
			r.Causation, r.Correlation = l.records[l.random.IntN(i)].ID, [16]byte{9: byte(l.random.IntN(9))}
		}
		l.records = append(l.records, r)
		l.at = append(l.at, format.Pos{Segment: uint32(segment), Offset: uint32(100 + 100*(i-first)), Length: 100})
	}
	return first
}

// rows is the index in memory of a segment.
func (l *log) rows(segment uint64) *index.Index { return l.rowsOf(segment, 1, math.MaxUint64) }

// rowsOf is the index in memory of a part of a segment.
func (l *log) rowsOf(segment, first, last uint64) *index.Index {
	var x *index.Index
	for i := range l.records {
		if n := l.records[i].Sequence; uint64(l.at[i].Segment) != segment || n < first || n > last {
			continue
		}
		if x == nil {
			x = index.New(l.records[i].Sequence)
		}
		x.Add([]index.Entry{index.EntryOf(&l.records[i], l.at[i])})
	}
	return x
}

// footer is what lies behind a segment.
func (l *log) footer(t testing.TB, segment uint64) []byte {
	return l.indexOf(t, sidx.Place{Store: store, Segment: segment}, math.MaxUint64)
}

// indexOf is the index of a segment up to an event.
func (l *log) indexOf(t testing.TB, at sidx.Place, last uint64) []byte {
	t.Helper()
	b := sidx.NewBuilder(at)
	b.Began(1, 1)
	for i := range l.records {
		if uint64(l.at[i].Segment) == at.Segment && l.records[i].Sequence <= last {
			b.Add(&l.records[i], l.at[i].Offset)
		}
	}
	var f bytes.Buffer
	if err := b.Write(&f, 0, [32]byte{}); err != nil {
		t.Fatal(err)
	}
	return f.Bytes()
}

func (l *log) run(t testing.TB, segment uint64, footer []byte, cache *sidx.Cache) *sidx.Run {
	return l.runAt(t, sidx.Place{Store: store, Segment: segment}, footer, cache)
}

func (l *log) runAt(t testing.TB, at sidx.Place, b []byte, cache *sidx.Cache) *sidx.Run {
	t.Helper()
	r, err := sidx.Open(&file{bytes.NewReader(b), l}, int64(len(b)), at, cache)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// build makes a catalog of segments, some with a footer, some of them damaged.
func (l *log) build(t *testing.T, segments int, damaged bool) *catalog.Catalog {
	t.Helper()
	c := catalog.New(store, func(r *sidx.Run) (*index.Index, error) { return l.rowsOf(r.Segment, r.First, r.Last), nil })
	l.catalog = c
	cache := sidx.NewCache(int64(l.random.IntN(1 << 20)))
	for s := range uint64(segments) {
		l.grow(s+1, 60)
		if s+1 == uint64(segments) && l.random.IntN(2) == 0 {
			l.addCovered(t, c, s+1, cache, damaged)
			continue
		}
		if s+1 == uint64(segments) || l.random.IntN(4) == 0 {
			c.AddRows(s+1, l.rows(s+1))
			continue
		}
		f := l.footer(t, s+1)
		if damaged && l.random.IntN(2) == 0 {
			f[l.random.IntN(len(f)-256)] ^= 1 << l.random.IntN(8) // in front of the trailer
		}
		c.AddRun(l.run(t, s+1, f, cache))
	}
	return c
}

// addCovered adds the last segment with a run of what it begins with.
func (l *log) addCovered(t *testing.T, c *catalog.Catalog, segment uint64, cache *sidx.Cache, damaged bool) {
	t.Helper()
	i := slices.IndexFunc(l.at, func(p format.Pos) bool { return uint64(p.Segment) == segment })
	last := l.records[i+l.random.IntN(len(l.records)-i)].Sequence
	at := sidx.Place{Store: store, Segment: segment, Prefix: 1 + l.random.Uint64N(1000)}
	b := l.indexOf(t, at, last)
	if damaged && l.random.IntN(2) == 0 {
		b[l.random.IntN(len(b)-256)] ^= 1 << l.random.IntN(8)
	}
	c.AddRun(l.runAt(t, at, b, cache))
	if rest := l.rowsOf(segment, last+1, math.MaxUint64); rest != nil {
		c.AddRows(segment, rest)
	}
}

// where is the sequences of the events for which holds is true.
func (l *log) where(holds func(e *format.Record) bool) (all []uint64) {
	for i := range l.records {
		if holds(&l.records[i]) {
			all = append(all, l.records[i].Sequence)
		}
	}
	return all
}

func sequences(refs []index.Ref) (all []uint64) {
	for _, r := range refs {
		all = append(all, r.Sequence)
	}
	return all
}

func (l *log) query() (q index.Query) {
	n := len(l.records)
	pick := func() bool { return l.random.IntN(3) == 0 }
	if pick() {
		q.After = uint64(l.random.IntN(n + 2))
	}
	if pick() {
		q.Until = uint64(l.random.IntN(n + 2))
	}
	if pick() {
		q.Entity = fmt.Sprintf("a:%d", l.random.IntN(21))
	} else if pick() {
		q.Prefix = []string{"a:", "b:1", "c"}[l.random.IntN(3)]
	}
	if pick() {
		q.Scope = fmt.Sprintf("s%d", l.random.IntN(4))
	}
	if pick() {
		q.Categories = []uint16{1}
	}
	if pick() {
		q.MinID = uint64(l.random.IntN(10 * n))
	}
	if pick() {
		q.EndID = uint64(1 + l.random.IntN(10*n+20))
	}
	if pick() {
		q.Correlation = [16]byte{9: byte(l.random.IntN(10))}
	}
	q.Backward = l.random.IntN(2) == 0
	return q
}

func matches(q *index.Query, e *format.Record) bool {
	id := binary.BigEndian.Uint64(e.ID[:])
	return e.Sequence > q.After && (q.Until == 0 || e.Sequence <= q.Until) && id >= q.MinID && (q.EndID == 0 || id < q.EndID) &&
		(q.Entity == "" || q.Entity == string(e.Entity)) && strings.HasPrefix(string(e.Entity), q.Prefix) &&
		(q.Scope == "" || q.Scope == string(e.Scope)) && (len(q.Categories) == 0 || slices.Contains(q.Categories, e.Kind/0x1000)) &&
		(q.Correlation == [16]byte{} || q.Correlation == e.Correlation)
}

// TestCatalogEqualsTheModel: wherever the index of a segment lies, and whichever of
// its pages are damaged, every question is answered as by a loop over the log.
func TestCatalogEqualsTheModel(t *testing.T) {
	for seed := range uint64(40) {
		l := &log{random: rand.New(rand.NewPCG(seed, 1)), heads: map[string]uint64{}}
		segments := 1 + l.random.IntN(8)
		c := l.build(t, segments, seed%2 == 1)
		for i := range 40 {
			if i == 30 {
				l.moveOn(t, c, uint64(segments+1))
			}
			q, room := l.query(), 1+l.random.IntN(80)
			want := l.where(func(e *format.Record) bool { return matches(&q, e) })
			if q.Backward {
				slices.Reverse(want)
			}
			got, err := c.Find(make([]index.Ref, 0, room), q)
			if diff := cmp.Diff(want[:min(len(want), room)], sequences(got)); err != nil || diff != "" {
				t.Fatalf("seed %d: Find(%+v), room for %d, %v (-want +got):\n%s", seed, q, room, err, diff)
			}
			l.lookups(t, c, &l.records[l.random.IntN(len(l.records))])
		}
	}
}

// moveOn adds events in the next segment, and gives all others that need one a footer.
func (l *log) moveOn(t *testing.T, c *catalog.Catalog, segment uint64) {
	t.Helper()
	first := l.grow(segment, 9)
	var entries []index.Entry
	for i := first; i < len(l.records); i++ {
		entries = append(entries, index.EntryOf(&l.records[i], l.at[i]))
	}
	c.Add(entries, 1, func() {})
	pending := c.Pending()
	if !slices.Contains(pending, segment-1) || slices.Contains(pending, segment) {
		t.Fatalf("Pending() = %v, segment %d has been ended", pending, segment-1)
	}
	for _, n := range pending {
		c.Replace(l.run(t, n, l.footer(t, n), sidx.NewCache(1<<20)))
	}
	memory := c.Memory()
	if pending := c.Pending(); len(pending) > 0 || memory.First() != l.records[first].Sequence {
		t.Fatalf("Pending() = %v, the first in memory is %d, want that of the last segment", pending, memory.First())
	}
}

// firstKey looks for the key of an event among others that there are not.
func (l *log) firstKey(t *testing.T, c *catalog.Catalog, e *format.Record) {
	t.Helper()
	n := l.random.IntN(200)
	want, keys := n, make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint("no key ", i)
	}
	if n > 0 && len(e.Key) > 0 {
		want = l.random.IntN(n)
		keys[want] = string(e.Key)
	}
	if got, err := c.FirstKey(n, func(i int) string { return keys[i] }); err != nil || got != want {
		t.Fatalf("FirstKey() of %d with that of event %d as %d = %d, %v", n, e.Sequence, want, got, err)
	}
}

// lookups asks for an event in every way.
func (l *log) lookups(t *testing.T, c *catalog.Catalog, e *format.Record) {
	t.Helper()
	if got, ok, err := c.At(e.Sequence); err != nil || !ok || got.Sequence != e.Sequence {
		t.Fatalf("At(%d) = %v, %v, %v", e.Sequence, got, ok, err)
	}
	if got, ok, err := c.ByID(e.ID); err != nil || !ok || got.Sequence != e.Sequence {
		t.Fatalf("ByID() of event %d = %v, %v, %v", e.Sequence, got, ok, err)
	}
	if len(e.Key) > 0 {
		if got, err := c.ByKey(e.Key); err != nil || !slices.Equal(sequences(got), []uint64{e.Sequence}) {
			t.Fatalf("ByKey() of event %d = %v, %v", e.Sequence, got, err)
		}
	}
	if got, err := c.ByKey(fmt.Appendf(nil, "no key %d", e.Sequence)); err != nil || len(got) > 0 {
		t.Fatalf("ByKey() of no key = %v, %v", got, err)
	}
	l.firstKey(t, c, e)
	if got, err := c.Load(fmt.Sprint("nobody:", e.Sequence)); err != nil || got.Version != 0 {
		t.Fatalf("Load() of no stream = %v, %v", got, err)
	}
	got, err := c.Effects(e.Sequence, e.ID)
	want := l.where(func(x *format.Record) bool { return x.Causation == e.ID })
	if err != nil || !slices.Equal(sequences(got), want) {
		t.Fatalf("Effects(%d) = %v, %v, want %v", e.Sequence, sequences(got), err, want)
	}
	at := uint64(l.random.IntN(len(l.records) + 1))
	before := l.where(func(x *format.Record) bool { return string(x.Entity) == string(e.Entity) && x.Sequence <= at })
	if got, err := c.Before(string(e.Entity), at); err != nil || got != uint64(len(before)) {
		t.Fatalf("Before(%s, %d) = %d, %v, want %d", e.Entity, at, got, err, len(before))
	}
	refs, err := c.Find(make([]index.Ref, 0, 1+l.random.IntN(200)), index.Query{After: e.Sequence - 1})
	if err != nil {
		t.Fatal(err)
	}
	var known sidx.Known[string]
	for range 2 { // at first, and when the streams are known
		names, err := catalog.Entities(c, nil, refs, &known, func(entity string) *string { return &entity })
		if err != nil || len(names) != len(refs) {
			t.Fatalf("Entities() of %d events = %d names, %v", len(refs), len(names), err)
		}
		for i, ref := range refs {
			if want := string(l.records[ref.Sequence-1].Entity); *names[i] != want {
				t.Fatalf("Entities() says %q of event %d, want %q", *names[i], ref.Sequence, want)
			}
		}
	}
	if got, err := c.Load(string(e.Entity)); err != nil || got.Version != l.heads[string(e.Entity)] {
		t.Fatalf("Load(%s) = version %d, %v, want %d", e.Entity, got.Version, err, l.heads[string(e.Entity)])
	}
}

// TestQuestionBesideAMerge: a question whose part turns out to be merged away is put to
// the part that has taken its place.
func TestQuestionBesideAMerge(t *testing.T) {
	l := &log{random: rand.New(rand.NewPCG(1, 2)), heads: map[string]uint64{}}
	var footers [2][]byte
	for s := range footers {
		l.grow(uint64(s+1), 40)
		footers[s] = l.footer(t, uint64(s+1))
		for i := range footers[s][:len(footers[s])-256] {
			footers[s][i] ^= 1 // in front of the trailer: the segment is read
		}
	}
	behind := l.grow(3, 40)
	for i := range l.at[:behind] {
		l.at[i].Segment, l.at[i].Offset = 1, uint32(100+100*i) // in the file that takes the place of both
	}
	merged := l.footer(t, 1)
	for i := range behind {
		scans, cache := 0, sidx.NewCache(1<<20)
		var c *catalog.Catalog
		c = catalog.New(store, func(*sidx.Run) (*index.Index, error) {
			scans++
			c.Merge(l.run(t, 1, merged, cache), 2, func() {})
			return l.rows(1), nil // of the file that is there by now
		})
		for s, f := range footers {
			c.AddRun(l.run(t, uint64(s+1), f, cache))
		}
		c.AddRows(3, l.rows(3))
		ref, ok, err := c.At(uint64(i) + 1)
		if err != nil || !ok || ref.Pos != l.at[i] || scans != 1 {
			t.Fatalf("At(%d) = %+v, %v, %v after %d scans, want %+v after one", i+1, ref, ok, err, scans, l.at[i])
		}
	}
}

// TestDamageOfAFileThatWasMerged: the index of what a segment begins with, which turns
// out to be damaged when the segment was merged, is no damage of the store: the file that
// has taken its place ends its groups elsewhere.
func TestDamageOfAFileThatWasMerged(t *testing.T) {
	l := &log{random: rand.New(rand.NewPCG(1, 5)), heads: map[string]uint64{}}
	l.grow(1, 40)
	prefix := l.footer(t, 1)
	for i := range prefix[:len(prefix)-256] {
		prefix[i] ^= 1 // in front of the trailer: the segment is read
	}
	l.grow(2, 40)
	second := l.footer(t, 2)
	behind := l.grow(3, 40)
	for i := range l.at[:behind] {
		l.at[i].Segment, l.at[i].Offset = 1, uint32(100+100*i) // in the file that takes the place of both
	}
	merged := l.footer(t, 1)
	for _, gone := range []bool{true, false} {
		cache := sidx.NewCache(1 << 20)
		damage := &segment.DamageError{Segment: 1, Reason: "its groups end elsewhere"}
		var c *catalog.Catalog
		c = catalog.New(store, func(*sidx.Run) (*index.Index, error) {
			if gone {
				c.Merge(l.run(t, 1, merged, cache), 2, func() {})
			}
			return nil, damage
		})
		c.AddRun(l.run(t, 1, prefix, cache))
		c.AddRun(l.run(t, 2, second, cache))
		c.AddRows(3, l.rows(3))
		ref, ok, err := c.At(1)
		if gone && (err != nil || !ok || ref.Pos != l.at[0]) || !gone && !errors.Is(err, damage) {
			t.Errorf("At(1), merged: %v, = %+v, %v, %v", gone, ref, ok, err)
		}
	}
}

// TestRowsOfAFileThatWasMerged: rows that were made of a file by reading it do not take
// the place of what was merged from that file alone meanwhile, which lies elsewhere.
func TestRowsOfAFileThatWasMerged(t *testing.T) {
	l := &log{random: rand.New(rand.NewPCG(1, 3)), heads: map[string]uint64{}}
	l.grow(1, 40)
	n := len(l.records)
	damaged := l.footer(t, 1)
	for i := range damaged[:len(damaged)-256] {
		damaged[i] ^= 1 // in front of the trailer: the segment is read
	}
	before := l.rows(1)
	l.grow(2, 40)
	for i := range l.at[:n] {
		l.at[i].Offset = uint32(5000 + 100*i) // in the file that takes the place of the first
	}
	at := sidx.Place{Store: store, Segment: 1, Round: 1}
	merged, cache := l.indexOf(t, at, math.MaxUint64), sidx.NewCache(1<<20)
	var c *catalog.Catalog
	c = catalog.New(store, func(*sidx.Run) (*index.Index, error) {
		c.Merge(l.runAt(t, at, merged, cache), 1, func() {})
		return before, nil // of the file that was open by then
	})
	c.AddRun(l.run(t, 1, damaged, cache))
	c.AddRows(2, l.rows(2))
	if _, _, err := c.At(1); err != nil {
		t.Fatal(err)
	}
	for i := range l.at {
		if ref, ok, err := c.At(uint64(i) + 1); err != nil || !ok || ref.Pos != l.at[i] {
			t.Fatalf("At(%d) = %+v, %v, %v, want %+v", i+1, ref, ok, err, l.at[i])
		}
	}
}

// TestMergeOfWhatWasNotTakenIn: a run of merged segments is found in though the catalog
// had no event of any of them.
func TestMergeOfWhatWasNotTakenIn(t *testing.T) {
	for _, had := range []bool{false, true} {
		l := &log{random: rand.New(rand.NewPCG(1, 4)), heads: map[string]uint64{}}
		l.grow(1, 40)
		l.grow(2, 40)
		l.grow(3, 40)
		cache := sidx.NewCache(1 << 20)
		c := catalog.New(store, func(*sidx.Run) (*index.Index, error) { return nil, nil })
		c.AddRows(1, l.rows(1))
		if had {
			c.AddRows(3, l.rows(3))
		}
		done := false
		c.Merge(l.run(t, 2, l.footer(t, 2), cache), 2, func() { done = true })
		if !had {
			c.AddRows(3, l.rows(3))
		}
		for i := range l.at {
			if ref, ok, err := c.At(uint64(i) + 1); err != nil || !ok || !done || ref.Pos != l.at[i] {
				t.Fatalf("At(%d) = %+v, %v, %v, want %+v", i+1, ref, ok, err, l.at[i])
			}
		}
	}
}
