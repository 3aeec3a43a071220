package index_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
)

// The model is a plain slice of entries, and every question is a loop over it.
type model []index.Entry

func (m model) find(q index.Query) (want []uint64) {
	for _, e := range m {
		id := binary.BigEndian.Uint64(e.ID[:])
		if e.Sequence > q.After && (q.Until == 0 || e.Sequence <= q.Until) &&
			id >= q.MinID && (q.EndID == 0 || id < q.EndID) &&
			(q.Entity == "" || q.Entity == string(e.Entity)) &&
			strings.HasPrefix(string(e.Entity), q.Prefix) &&
			(q.Scope == "" || q.Scope == string(e.Scope)) &&
			(len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
			(len(q.Categories) == 0 || slices.Contains(q.Categories, e.Kind/0x1000)) &&
			(q.Correlation == [16]byte{} || e.Correlation == q.Correlation || e.Correlation == [16]byte{} && e.ID == q.Correlation) {
			want = append(want, e.Sequence)
		}
	}
	if q.Backward {
		slices.Reverse(want)
	}
	return want
}

// grow adds n random events to a model, with few names so that they meet.
func (m model) grow(r *rand.Rand, n int) model { return m.growWithHoles(r, n, 0) }

// growWithHoles leaves out some events, one in so many; 0 means none.
func (m model) growWithHoles(r *rand.Rand, n, one int) model {
	versions := map[string]uint64{}
	seq := uint64(0)
	for _, e := range m {
		versions[string(e.Entity)] = e.Version
		seq = e.Sequence
	}
	for range n {
		seq++
		for one > 0 && r.IntN(one) == 0 {
			seq += uint64(1 + r.IntN(3))
			versions[fmt.Sprintf("%c:%d", 'a'+r.IntN(3), r.IntN(5))] += uint64(1 + r.IntN(3))
		}
		e := index.Entry{
			Sequence: seq, Kind: uint16(0x1000*(1+r.IntN(2)) + r.IntN(4)),
			Entity: fmt.Appendf(nil, "%c:%d", 'a'+r.IntN(3), r.IntN(5)),
			Scope:  fmt.Appendf(nil, "s%d", r.IntN(3)),
			Pos:    format.Pos{Segment: 1, Offset: uint32(seq * 100), Length: 100},
		}
		binary.BigEndian.PutUint64(e.ID[:], seq*3)
		e.Hash[0] = byte(seq)
		versions[string(e.Entity)]++
		e.Version = versions[string(e.Entity)]
		if r.IntN(3) == 0 {
			e.Key = fmt.Appendf(nil, "key-%d", seq)
		}
		if r.IntN(2) == 0 && len(m) > 0 {
			e.Causation = m[r.IntN(len(m))].ID
		}
		switch r.IntN(4) {
		case 0:
			e.Correlation = story(r)
		case 1:
			e.Correlation = [16]byte{0xFF, byte(seq), byte(seq >> 8)} // nobody else's
		}
		m = append(m, e)
	}
	return m
}

// last is the highest sequence.
func (m model) last() uint64 {
	if len(m) == 0 {
		return 0
	}
	return m[len(m)-1].Sequence
}

// story is a correlation that many events have.
func story(r *rand.Rand) [16]byte { return [16]byte{8: byte(r.IntN(9))} }

func TestFindEqualsFilteringAllEvents(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		x := index.New(1)
		var m model
		for i := range 4 {
			grown := m.growWithHoles(r, r.IntN(200), int(seed)*i%4*10)
			x.Add(grown[len(m):])
			m = grown
			for range 60 {
				q := m.randomQuery(r)
				if got := m.matching(&q); !slices.Equal(got, m.find(q)) {
					t.Fatalf("seed %d: Matches(%+v) holds for %v, want %v", seed, q, got, m.find(q))
				}
				if diff := cmp.Diff(m.find(q), collect(x, q, 1+r.IntN(20))); diff != "" {
					t.Fatalf("seed %d: Find(%+v) differs from filtering (-want +got):\n%s", seed, q, diff)
				}
			}
		}
	}
}

// matching asks each event whether q selects it.
func (m model) matching(q *index.Query) (got []uint64) {
	for i := range m {
		if q.Matches(&m[i]) {
			got = append(got, m[i].Sequence)
		}
	}
	if q.Backward {
		slices.Reverse(got)
	}
	return got
}

// randomQuery draws a query that has to do with the events of the model, or nearly.
func (m model) randomQuery(r *rand.Rand) (q index.Query) {
	n := int(m.last())
	pick := func() bool { return r.IntN(3) == 0 }
	q.After = uint64(r.IntN(n + 2))
	q.Until = uint64(1 + r.IntN(n+2))
	if q.After >= q.Until && pick() {
		q.After, q.Until = q.Until, q.After
	}
	if pick() {
		q.Entity = fmt.Sprintf("%c:%d", 'a'+r.IntN(4), r.IntN(5))
	}
	if pick() {
		q.Prefix = []string{"a", "a:", "b:", "c:1", "d", ":"}[r.IntN(6)]
	}
	if pick() {
		q.Scope = fmt.Sprintf("s%d", r.IntN(4))
	}
	if pick() {
		for range 1 + r.IntN(3) {
			q.Kinds = append(q.Kinds, uint16(0x1000*(1+r.IntN(2))+r.IntN(5)))
		}
	}
	if pick() {
		q.Categories = []uint16{uint16(1 + r.IntN(3)), 2}[:1+r.IntN(2)]
	}
	if pick() {
		q.MinID = uint64(3*r.IntN(n+2) + r.IntN(3))
	}
	if pick() {
		q.EndID = uint64(1 + 3*r.IntN(n+2) + r.IntN(3))
	}
	if pick() {
		q.Correlation = story(r)
		if pick() && len(m) > 0 {
			root := m[r.IntN(len(m))]
			q.Correlation = root.ID
			if root.Correlation == [16]byte{} {
				q.Root = root.Sequence
			}
		}
	}
	q.Backward = pick()
	return q
}

// collect pages through a query.
func collect(x *index.Index, q index.Query, size int) (got []uint64) {
	page := make([]index.Ref, 0, size)
	for {
		page = x.Find(page[:0], q)
		for _, ref := range page {
			got = append(got, ref.Sequence)
		}
		if len(page) < cap(page) {
			return got
		}
		if last := page[len(page)-1].Sequence; !q.Backward {
			q.After = last
		} else if q.Until = last - 1; q.Until == 0 {
			return got
		}
	}
}

// TestQueryThatSkipsALot finds few events among many that its best filter leaves.
func TestQueryThatSkipsALot(t *testing.T) {
	var m model
	for i := range uint64(40_000) {
		e := index.Entry{Sequence: i + 1, Version: i + 1, Kind: 0x1000, Entity: []byte("a:1"), Scope: []byte("s")}
		if binary.BigEndian.PutUint64(e.ID[:], i+1); i%9000 == 0 {
			e.Correlation = [16]byte{1}
		}
		if i%4999 == 0 || i < 3 {
			e.Scope = []byte("rare")
		}
		if i%2 == 0 {
			e.Kind = 0x2000
		}
		m = append(m, e)
	}
	x := index.New(1)
	x.Add(m)
	for _, q := range []index.Query{
		{Entity: "a:1", Kinds: []uint16{0x3000}},
		{Kinds: []uint16{0x2000}, Prefix: "b"},
		{Kinds: []uint16{0x2000}, Scope: "rare"},
		{Categories: []uint16{1}, Entity: "a:1", Correlation: [16]byte{1}},
		{Prefix: "a", Categories: []uint16{1, 2}, MinID: 5, Until: 39_000},
		{Entity: "a:1", Kinds: []uint16{0x1000}, Scope: "s", After: 17},
	} {
		for _, q.Backward = range []bool{false, true} {
			if diff := cmp.Diff(m.find(q), collect(x, q, 50_000)); diff != "" {
				t.Errorf("Find(%+v) differs from filtering (-want +got):\n%s", q, diff)
			}
		}
	}
}

// TestKeysWhileTheyCome: each key is found as soon as its event was added, and no other,
// however many come and however many were expected.
func TestKeysWhileTheyCome(t *testing.T) {
	for _, expected := range []int{0, 10, 3000, 50_000, math.MaxInt} {
		x := index.New(1)
		x.Expect(expected)
		key := func(sequence uint64) []byte { return fmt.Appendf(nil, "key-%d", sequence) }
		for seq := uint64(1); seq <= 5000; seq++ {
			e := index.Entry{Sequence: seq, Version: seq, Kind: 0x1000, Entity: []byte("a"), Scope: []byte("s"), Key: key(seq)}
			binary.BigEndian.PutUint64(e.ID[:], seq)
			x.Add([]index.Entry{e})
			for _, old := range []uint64{seq, seq / 2, seq - min(seq, 63), seq - min(seq, 64), seq - min(seq, 65), 1} {
				found := x.ByKey(key(old))
				if there := slices.ContainsFunc(found, func(r index.Ref) bool { return r.Sequence == old }); there != (old > 0) {
					t.Fatalf("with %d keys, of %d expected, key %d gives %v", seq, expected, old, found)
				}
			}
		}
		if found := x.ByKey([]byte("none of them")); len(found) > 0 {
			t.Errorf("a key that never came gives %v", found)
		}
	}
}

// TestPrefixOfManyStreams: whether many streams are walked side by side or each
// event is compared, a prefix gives the same; and streams come in between queries.
func TestPrefixOfManyStreams(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 3))
		x := index.New(1)
		var m model
		for range 6 {
			before := len(m)
			for range r.IntN(400) {
				e := index.Entry{
					Sequence: m.last() + 1, Version: 1, Kind: uint16(0x1000 + r.IntN(2)),
					Entity: fmt.Appendf(nil, "%c:%05d", 'a'+min(r.IntN(40), 2), r.IntN(100_000)), Scope: []byte("s"),
				}
				if x.Head(e.Entity).Version > 0 || slices.ContainsFunc(m[before:], func(o index.Entry) bool { return string(o.Entity) == string(e.Entity) }) {
					continue
				}
				binary.BigEndian.PutUint64(e.ID[:], e.Sequence)
				m = append(m, e)
			}
			x.Add(m[before:])
			for range 10 {
				q := index.Query{Prefix: []string{"a:", "b:", "c:", "c:1", "c:12"}[r.IntN(5)], Backward: r.IntN(2) == 0}
				if r.IntN(3) == 0 {
					q.Kinds = []uint16{0x1001}
				}
				if diff := cmp.Diff(m.find(q), collect(x, q, 1+r.IntN(40))); diff != "" {
					t.Fatalf("seed %d: Find(%+v) differs from filtering (-want +got):\n%s", seed, q, diff)
				}
			}
		}
	}
}

func TestLookupsEqualTheModel(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	x, m := index.New(1), model(nil).grow(r, 9000) // more than two chunks of rows
	x.Add(m)

	heads := map[string]index.Head{}
	effects := map[uint64][]uint64{}
	byID := map[[16]byte]uint64{}
	for _, e := range m {
		heads[string(e.Entity)] = index.Head{Version: e.Version, Sequence: e.Sequence, Hash: e.Hash}
		byID[e.ID] = e.Sequence
		if e.Causation != [16]byte{} {
			effects[byID[e.Causation]] = append(effects[byID[e.Causation]], e.Sequence)
		}
	}
	for name, want := range heads {
		if got := x.Head([]byte(name)); got != want {
			t.Errorf("Head(%s) = %+v, want %+v", name, got, want)
		}
	}
	for _, e := range m {
		want := index.Ref{Sequence: e.Sequence, HighID: binary.BigEndian.Uint64(e.ID[:]), Pos: e.Pos}
		if got, ok := x.At(e.Sequence); !ok || got != want {
			t.Fatalf("At(%d) = %+v, %v, want %+v", e.Sequence, got, ok, want)
		}
		if got, ok := x.ByID(e.ID); !ok || got != want {
			t.Fatalf("ByID of event %d = %+v, %v, want %+v", e.Sequence, got, ok, want)
		}
		if got := x.Before(e.Entity, e.Sequence); got != e.Version {
			t.Fatalf("Before(%s, %d) = %d, want %d", e.Entity, e.Sequence, got, e.Version)
		}
		if got := x.Before(e.Entity, e.Sequence-1); got != e.Version-1 {
			t.Fatalf("Before(%s, %d) = %d, want %d", e.Entity, e.Sequence-1, got, e.Version-1)
		}
		if got := x.Entity(e.Sequence); got != string(e.Entity) {
			t.Fatalf("Entity(%d) = %q, want %q", e.Sequence, got, e.Entity)
		}
		if len(e.Key) > 0 && !slices.Contains(x.ByKey(e.Key), want) {
			t.Fatalf("ByKey(%s) = %+v, want %+v among them", e.Key, x.ByKey(e.Key), want)
		}
		var got []uint64
		for _, ref := range x.Effects(e.ID) {
			got = append(got, ref.Sequence)
		}
		if diff := cmp.Diff(effects[e.Sequence], got); diff != "" {
			t.Fatalf("Effects of %d (-want +got):\n%s", e.Sequence, diff)
		}
	}
}

func TestUnknownIsNotFound(t *testing.T) {
	x := index.New(1)
	x.Add(model(nil).grow(rand.New(rand.NewPCG(1, 1)), 10))
	if _, ok := x.At(0); ok {
		t.Error("At(0) found something")
	}
	if _, ok := x.At(11); ok {
		t.Error("At(11) found something among 10 events")
	}
	if _, ok := x.ByID([16]byte{0: 0xFF}); ok {
		t.Error("ByID of an unknown id found something")
	}
	if got := x.ByKey([]byte("no such key")); got != nil {
		t.Errorf("ByKey of an unknown key = %v, want none", got)
	}
	if got := x.Head([]byte("nobody")); got != (index.Head{}) {
		t.Errorf("Head of an unknown entity = %+v, want zero", got)
	}
}

// TestEventsThatAreMissing: what was left out, or came before the first event, is
// not found, and everything else is, under its own number.
func TestEventsThatAreMissing(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		m := model(nil).growWithHoles(r, r.IntN(300), 2+r.IntN(30))
		first := uint64(1)
		if n := len(m); seed%2 == 0 && n > 0 {
			m = m[r.IntN(n):]
			first = m[0].Sequence - uint64(r.IntN(2))
		}
		x := index.New(first)
		for len(m[x.Len():]) > 0 {
			x.Add(m[x.Len() : x.Len()+1+r.IntN(len(m)-x.Len())])
		}
		events, version := map[uint64]*index.Entry{}, map[string]uint64{}
		for i := range m {
			events[m[i].Sequence] = &m[i]
		}
		for seq := range m.last() + 3 {
			e := events[seq]
			ref, ok := x.At(seq)
			if ok != (e != nil) || ok && (ref.Sequence != seq || ref.Pos != e.Pos || x.Entity(seq) != string(e.Entity)) {
				t.Fatalf("seed %d: At(%d) = %+v, %v, want %+v", seed, seq, ref, ok, e)
			}
			if !ok && x.Entity(seq) != "" {
				t.Fatalf("seed %d: missing event %d has entity %q", seed, seq, x.Entity(seq))
			}
			if ok {
				version[string(e.Entity)] = e.Version
			}
			for name, want := range version {
				if got := x.Before([]byte(name), seq); got != want {
					t.Fatalf("seed %d: Before(%s, %d) = %d, want %d", seed, name, seq, got, want)
				}
			}
		}
	}
}

func TestIncarnationCoversFromItsFirstEvent(t *testing.T) {
	x := index.New(1)
	x.Began(1, 1)
	x.Began(4, 1)
	x.Began(5, 3)
	for seq, want := range map[uint64]uint32{1: 1, 4: 1, 5: 3, 900: 3} {
		if got := x.Incarnation(seq); got != want {
			t.Errorf("Incarnation(%d) = %d, want %d", seq, got, want)
		}
	}
}

// TestBytesPerEvent keeps the index as small as its package comment says: with
// 1,000 entities and a key on each event, all of it, names included.
func TestBytesPerEvent(t *testing.T) {
	const n, limit = 200_000, 96
	before := heap()
	x := index.New(1)
	for seq := uint64(1); seq <= n; seq++ {
		e := index.Entry{
			Sequence: seq, Version: (seq-1)/1000 + 1, Kind: uint16(0x1000 + seq%8),
			Entity: fmt.Appendf(nil, "account:%04d", seq%1000), Scope: []byte("ledger"), Key: fmt.Appendf(nil, "key-%d", seq),
		}
		binary.BigEndian.PutUint64(e.ID[:], seq)
		x.Add([]index.Entry{e})
	}
	per := float64(heap()-before) / n
	t.Logf("%.1f bytes of heap per event", per)
	if per > limit {
		t.Errorf("index takes %.1f bytes of heap per event, want at most %d", per, limit)
	}
	runtime.KeepAlive(x)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkAdd(b *testing.B) {
	x := index.New(1)
	e := index.Entry{Entity: []byte("account:1"), Scope: []byte("ledger"), Kind: 0x1001}
	entries := make([]index.Entry, 1)
	b.ReportAllocs()
	for b.Loop() {
		e.Sequence++
		e.Version++
		binary.BigEndian.PutUint64(e.ID[:], e.Sequence)
		entries[0] = e
		x.Add(entries)
	}
}

// BenchmarkPage measures finding 100 events among 1,000,000, in the middle.
func BenchmarkPage(b *testing.B) {
	const n = 1_000_000
	x := index.New(1)
	entries := make([]index.Entry, 1)
	for i := range n {
		e := index.Entry{
			Sequence: uint64(i + 1), Version: uint64(i/10_000 + 1), Kind: uint16(0x1000*(1+i%3) + i%7),
			Entity: fmt.Appendf(nil, "account:%05d", i%10_000), Scope: fmt.Appendf(nil, "s%d", i%5),
		}
		binary.BigEndian.PutUint64(e.ID[:], uint64(i))
		if i%10 != 0 {
			e.Correlation = [16]byte{15: byte(i / 100_000)}
		}
		entries[0] = e
		x.Add(entries)
	}
	for _, c := range []struct {
		name string
		q    index.Query
	}{
		{"all", index.Query{}},
		{"stream", index.Query{Entity: "account:00007"}},
		{"scope", index.Query{Scope: "s3"}},
		{"kind", index.Query{Kinds: []uint16{0x1000}}},
		{"category", index.Query{Categories: []uint16{2}}},
		{"story", index.Query{Correlation: [16]byte{15: 5}}},
		{"time", index.Query{MinID: n / 3, EndID: n - n/3}},
		{"prefix-of-all", index.Query{Prefix: "account:"}},
		{"prefix-of-1000", index.Query{Prefix: "account:01"}},
		{"prefix-of-100", index.Query{Prefix: "account:001"}},
		{"prefix-of-10", index.Query{Prefix: "account:0010"}},
		{"kind-of-a-stream", index.Query{Entity: "account:00007", Kinds: []uint16{0x1000}}},
	} {
		for _, backward := range []bool{false, true} {
			c.q.Backward = backward
			b.Run(fmt.Sprintf("%s/backward=%v", c.name, backward), func(b *testing.B) {
				page := make([]index.Ref, 0, 100)
				q := c.q
				if q.After = n / 2; backward {
					q.After, q.Until = 0, n/2
				}
				for b.Loop() {
					x.Find(page[:0], q)
				}
			})
		}
	}
}

func BenchmarkByID(b *testing.B) {
	m := model(nil).grow(rand.New(rand.NewPCG(1, 2)), 100_000)
	x := index.New(1)
	x.Add(m)
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(m)
		if _, ok := x.ByID(m[i].ID); !ok {
			b.Fatal("not found")
		}
	}
}
