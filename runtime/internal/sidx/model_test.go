package sidx_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

var place = sidx.Place{Store: [16]byte{7}, Segment: 3}

// model is the events of a segment, and every question is a loop over it.
type model []format.Record

// grow makes a segment of n random events, with few names so that they meet. With
// gaps, some sequences and versions are missing, as after compaction. Ids are those of
// events that came evenly, but for some times in which none did.
func grow(r *rand.Rand, n int, gaps bool) (m model) {
	versions := map[string]uint64{}
	sequence, id := uint64(1+r.IntN(1000)), uint64(3000)
	for i := range n {
		if id += 3; r.IntN(40) == 0 {
			id += r.Uint64N(1 << r.IntN(48))
		}
		if sequence++; gaps {
			sequence += uint64(r.IntN(3))
		}
		var e format.Record
		e.Sequence, e.Length = sequence, 100+r.IntN(50)
		e.Kind = uint16(0x1000*(1+r.IntN(2)) + r.IntN(4))
		e.Entity = fmt.Appendf(nil, "%c:%d", 'a'+r.IntN(3), r.IntN(20))
		if r.IntN(50) == 0 {
			e.Entity = []byte(strings.Repeat("long", 250) + fmt.Sprint(r.IntN(9)))
		}
		e.Scope = fmt.Appendf(nil, "s%d", r.IntN(3))
		binary.BigEndian.PutUint64(e.ID[:], id)
		e.ID[15] = byte(i)
		e.Hash[0] = byte(sequence)
		versions[string(e.Entity)]++
		e.Version = versions[string(e.Entity)] + 10
		if r.IntN(3) == 0 {
			e.Key = fmt.Appendf(nil, "key-%d", sequence)
		}
		if r.IntN(2) == 0 && i > 0 {
			e.Causation = m[r.IntN(i)].ID
		}
		if r.IntN(4) == 0 && i > 0 {
			e.Correlation = m[r.IntN(i)].ID
		}
		m = append(m, e)
	}
	return m
}

// offset is where event i lies.
func (m model) offset(i int) uint32 { return uint32(96 + 150*i) }

func (m model) ref(i int) index.Ref {
	return index.Ref{
		Sequence: m[i].Sequence,
		HighID:   binary.BigEndian.Uint64(m[i].ID[:]),
		Pos:      format.Pos{Segment: uint32(place.Segment), Offset: m.offset(i), Length: uint32(m[i].Length)},
	}
}

// refs are those of the events for which holds is true.
func (m model) refs(holds func(e *format.Record) bool) (refs []index.Ref) {
	for i := range m {
		if holds(&m[i]) {
			refs = append(refs, m.ref(i))
		}
	}
	return refs
}

func (m model) find(q *index.Query) []index.Ref {
	return m.refs(func(e *format.Record) bool {
		id := binary.BigEndian.Uint64(e.ID[:])
		return e.Sequence > q.After && (q.Until == 0 || e.Sequence <= q.Until) &&
			id >= q.MinID && (q.EndID == 0 || id < q.EndID) &&
			(len(q.Categories) == 0 || slices.Contains(q.Categories, e.Kind/0x1000)) &&
			(q.Correlation == [16]byte{} || e.Correlation == q.Correlation || e.Correlation == [16]byte{} && e.ID == q.Correlation) &&
			(q.Entity == "" || q.Entity == string(e.Entity)) &&
			strings.HasPrefix(string(e.Entity), q.Prefix) &&
			(q.Scope == "" || q.Scope == string(e.Scope)) &&
			(len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind))
	})
}

// length is where the footer begins.
func (m model) length() uint64 { return uint64(m.offset(len(m))) }

// file is a segment with its footer; the groups are left blank.
func (m model) file(t testing.TB) []byte { return m.fileAt(t, place) }

func (m model) fileAt(t testing.TB, at sidx.Place) []byte {
	t.Helper()
	b := sidx.NewBuilder(at)
	for i := range m {
		if i%100 == 0 {
			b.Began(uint32(1+i/100), m[i].Sequence)
		}
		b.Add(&m[i], m.offset(i))
	}
	f := bytes.NewBuffer(make([]byte, m.length()))
	if err := b.Write(f, m.length(), [32]byte{1, 2, 3}); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	return f.Bytes()
}

func open(file []byte, cache *sidx.Cache) (*sidx.Run, error) {
	return sidx.Open(bytes.NewReader(file), int64(len(file)), place, cache)
}

// questions asks a run everything, some of it at random, and reports the first
// answer that is not the model's. Errors are passed on.
func (m model) questions(run *sidx.Run, r *rand.Rand) error {
	if run.Count() != uint32(len(m)) || run.First != m[0].Sequence || run.Last != m[len(m)-1].Sequence {
		return fmt.Errorf("run of %d events from %d to %d", run.Count(), run.First, run.Last)
	}
	for range 20 {
		i := r.IntN(len(m))
		if err := m.lookups(run, i, r); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
		if err := m.query(run.Find, r); err != nil {
			return err
		}
	}
	return m.directory(run)
}

// query asks for what a random query selects.
func (m model) query(find func([]index.Ref, *index.Query) ([]index.Ref, error), r *rand.Rand) error {
	q := m.randomQuery(r)
	want, room := m.find(&q), 1+r.IntN(60)
	if q.Backward {
		slices.Reverse(want)
	}
	want = want[:min(room, len(want))]
	got, err := find(make([]index.Ref, 0, room), &q)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("Find(%+v), room for %d: %v, want %v", q, room, got, want)
	}
	return nil
}

// rows is the same segment in memory.
func (m model) rows() *index.Index {
	x := index.New(m[0].Sequence)
	entries := make([]index.Entry, len(m))
	for i := range m {
		e := &m[i]
		entries[i] = index.Entry{
			Sequence: e.Sequence, Version: e.Version, Pos: m.ref(i).Pos, ID: e.ID, Causation: e.Causation,
			Correlation: e.Correlation, Hash: e.Hash, Kind: e.Kind, Entity: e.Entity, Scope: e.Scope, Key: e.Key,
		}
	}
	x.Add(entries)
	return x
}

// lookups asks for event i in every way.
func (m model) lookups(run *sidx.Run, i int, r *rand.Rand) error {
	e, want := &m[i], m.ref(i)
	if got, ok, err := run.At(e.Sequence); err != nil || !ok || got != want {
		return fmt.Errorf("At() = %v, %v, %w, want %v", got, ok, err, want)
	}
	if got, ok, err := run.ByID(e.ID); err != nil || !ok || got != want {
		return fmt.Errorf("ByID() = %v, %v, %w, want %v", got, ok, err, want)
	}
	missing := e.ID
	binary.BigEndian.PutUint64(missing[:], want.HighID+1)
	if got, ok, err := run.ByID(missing); err != nil || ok {
		return fmt.Errorf("ByID() of no event = %v, %v, %w", got, ok, err)
	}
	if len(e.Key) > 0 {
		got, err := run.ByKey(nil, sidx.Fingerprint(place.Store, e.Key))
		if err != nil || !slices.Contains(got, want) {
			return fmt.Errorf("ByKey() = %v, %w, want %v", got, err, want)
		}
		if may, err := run.MayKnow(sidx.Fingerprint(place.Store, e.Key)); err != nil || !may {
			return fmt.Errorf("MayKnow() of the key = %v, %w", may, err)
		}
	}
	if got, err := run.ByKey(nil, r.Uint64()); err != nil || len(got) > 0 {
		return fmt.Errorf("ByKey() of no key = %v, %w", got, err)
	}
	if may, err := run.MayKnow(sidx.NameFingerprint(place.Store, e.Entity)); err != nil || !may {
		return fmt.Errorf("MayKnow() of the stream = %v, %w", may, err)
	}
	got, err := run.Effects(nil, e.ID)
	if err != nil || !slices.Equal(got, m.refs(func(x *format.Record) bool { return x.Causation == e.ID })) {
		return fmt.Errorf("Effects() = %v, %w", got, err)
	}
	if got, err := run.Incarnation(e.Sequence); err != nil || got != uint32(1+i/100) {
		return fmt.Errorf("Incarnation() = %d, %w, want %d", got, err, 1+i/100)
	}
	return nil
}

// directory asks for the streams.
func (m model) directory(run *sidx.Run) error {
	first, last := map[string]uint64{}, map[string]index.Head{}
	for i := range m {
		name := string(m[i].Entity)
		if first[name] == 0 {
			first[name] = m[i].Version
		}
		last[name] = index.Head{Version: m[i].Version, Sequence: m[i].Sequence, Hash: m[i].Hash}
	}
	var names []string
	err := run.Streams(func(name []byte, head index.Head) bool {
		names = append(names, string(name))
		return head == last[string(name)]
	})
	if err != nil {
		return err
	}
	if !slices.IsSorted(names) || len(names) != len(last) {
		return fmt.Errorf("Streams() gave %d of %d streams, or another head than the last", len(names), len(last))
	}
	for name := range last {
		if v, head, err := run.Stream(name); err != nil || v != first[name] || head != last[name] {
			return fmt.Errorf("Stream(%q) = %d, %v, %w, want %d, %v", name, v, head, err, first[name], last[name])
		}
	}
	if _, head, err := run.Stream("nobody"); err != nil || head.Version != 0 {
		return fmt.Errorf("Stream() of no stream = %v, %w", head, err)
	}
	return nil
}

func (m model) randomQuery(r *rand.Rand) (q index.Query) {
	near := func() uint64 { return m[r.IntN(len(m))].Sequence + uint64(r.IntN(3)) - 1 }
	pick := func() bool { return r.IntN(3) == 0 }
	if pick() {
		q.After = near()
	}
	if pick() {
		q.Until = near()
	}
	if pick() {
		q.Entity = fmt.Sprintf("%c:%d", 'a'+r.IntN(4), r.IntN(20))
	}
	if pick() {
		q.Prefix = []string{"a", "a:", "b:", "c:1", "d", ":", "long"}[r.IntN(7)]
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
	id := func() uint64 { return binary.BigEndian.Uint64(m[r.IntN(len(m))].ID[:]) + uint64(r.IntN(3)) - 1 }
	if pick() {
		q.MinID = id()
	}
	if pick() {
		q.EndID = id()
	}
	if pick() {
		e := &m[r.IntN(len(m))]
		q.Correlation = e.ID
		if e.Correlation == [16]byte{} {
			q.Root = e.Sequence
		}
		if r.IntN(2) == 0 && e.Correlation != [16]byte{} {
			q.Correlation, q.Root = e.Correlation, 0
			for i := range m {
				if m[i].ID == q.Correlation && m[i].Correlation == [16]byte{} {
					q.Root = m[i].Sequence
				}
			}
		}
	}
	q.Backward = r.IntN(2) == 0
	return q
}
