package recovery_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/recovery"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// event is what the laws compare.
type event struct {
	Sequence uint64
	Version  uint64
	ID       [16]byte
	Hash     [32]byte
	Entity   string
	Payload  string
}

// model is what was done to a log, in the writer's order.
type model struct {
	events []event
	ends   []int // len(events) after each group
	acked  int   // events whose group was synced
}

// begin notes a group that is about to be written.
func (m *model) begin(events []event) {
	m.events = append(m.events, events...)
	m.ends = append(m.ends, len(m.events))
}

// store is an open log.
type store struct {
	*recovery.Result
	log   *commit.Log
	clock *clock.Clock
	next  uint64
	seed  uint32
	dir   vfs.FS

	promise func(sequence uint64)
}

func config() recovery.Config {
	return recovery.Config{Cache: sidx.NewCache(0), NewStore: func() [16]byte { return [16]byte{15: 0xAB} }}
}

// open recovers the log in dir.
func open(dir vfs.FS, segmentSize int64) (*store, error) {
	s := new(store)
	check := checkfs.Must(dir)
	var err error
	if s.Result, err = recovery.Run(check, config()); err != nil {
		return nil, err
	}
	s.dir, s.promise = check, check.Promise
	s.promise(s.NextSequence - 1)
	s.log = commit.NewLog(commit.LogConfig{
		FS: check, Reader: s.Reader, Writer: s.Writer, Header: s.Header, Digest: s.Digest,
		Incarnation: s.Incarnation + 1, SegmentSize: segmentSize, Closed: s.Closed,
	})
	last, _ := clock.TickOf(s.LastID)
	wall := func() time.Time { return time.Unix(1e9, 0) }
	random := func(b []byte) { clear(b) }
	s.clock, s.next, s.seed = clock.New(wall, random, last), s.NextSequence, format.RecordSeed(s.Store)
	return s, nil
}

// draw draws the appender's part of n events.
func draw(r *rand.Rand, n int) []format.Tail {
	tails := make([]format.Tail, n)
	for i := range tails {
		tails[i] = format.Tail{
			Kind: uint16(0x1000 + r.IntN(3)), PayloadVersion: 1,
			Entity: fmt.Appendf(nil, "entity-%d", r.IntN(4)), Scope: []byte("s"),
			Payload: binary.LittleEndian.AppendUint64(make([]byte, r.IntN(90)), r.Uint64()),
		}
	}
	return tails
}

// group encodes the next events, which come into the index only when they are
// written.
func (s *store) group(tails []format.Tail) (buf []byte, entries []index.Entry, events []event) {
	buf = make([]byte, format.GroupHeaderSize)
	heads := map[string]index.Head{}
	var linker chain.Linker
	for i, tail := range tails {
		entity := string(tail.Entity)
		if _, ok := heads[entity]; !ok {
			heads[entity] = s.head(tail.Entity)
		}
		e := format.EncodeTail(&tail)
		head := format.Head{Sequence: s.next + uint64(i), Version: heads[entity].Version + 1, ID: s.clock.Next()}
		head.Hash = linker.Link(heads[entity].Hash, &head, e.Kind, e.Flags, e.Linked(), chain.Digest(tail.Payload))
		heads[entity] = index.Head{Version: head.Version, Hash: head.Hash}
		at := len(buf)
		buf = format.AppendRecord(buf, s.seed, &head, &e)
		entries = append(entries, index.Entry{
			Sequence: head.Sequence, Version: head.Version, ID: head.ID, Hash: head.Hash, Kind: tail.Kind,
			Pos:    format.Pos{Offset: uint32(at), Length: uint32(len(buf) - at)},
			Entity: tail.Entity, Scope: tail.Scope,
		})
		events = append(events, event{head.Sequence, head.Version, head.ID, head.Hash, entity, string(tail.Payload)})
	}
	return buf, entries, events
}

// head is the head of a stream, wherever it is.
func (s *store) head(entity []byte) index.Head {
	memory := s.Index.Memory()
	h, known := memory.Head(entity)
	if !known {
		var err error
		if h, err = s.Index.Load(string(entity)); err != nil {
			panic(err)
		}
	}
	return h
}

// append writes a group of n events and, if asked, syncs it.
func (s *store) append(r *rand.Rand, m *model, n int, sync bool) error {
	return s.write(m, draw(r, n), sync)
}

// appendPayload writes and syncs a group of one event.
func (s *store) appendPayload(m *model, payload string) error {
	tail := format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s"), Payload: []byte(payload)}
	return s.write(m, []format.Tail{tail}, true)
}

func (s *store) write(m *model, tails []format.Tail, sync bool) error {
	buf, entries, events := s.group(tails)
	m.begin(events)
	if err := s.log.Append(buf, entries); err != nil {
		return err
	}
	s.Index.Add(entries, s.Incarnation+1, func() {})
	s.next += uint64(len(tails))
	if !sync {
		return nil
	}
	if err := s.log.Sync(); err != nil {
		return err
	}
	s.promise(s.next - 1)
	m.acked = len(m.events)
	return nil
}

// close closes the log, which makes all of it durable.
func (s *store) close(m *model) error {
	err := s.log.Close(s.next)
	if err == nil {
		s.promise(s.next - 1)
		m.acked = len(m.events)
	}
	return err
}

// events reads the whole log through the index.
func (s *store) events() ([]event, error) {
	var all []event
	cursor := s.Reader.Cursor()
	for sequence := uint64(1); sequence < s.next; sequence++ {
		ref, ok, err := s.Index.At(sequence)
		if !ok || err != nil {
			return nil, fmt.Errorf("event %d is not in the index: %w", sequence, err)
		}
		var r format.Record
		if err := s.Reader.Record(&r, ref.Pos, s.seed); err != nil {
			return nil, err
		}
		again, err := cursor.Record(ref.Pos, s.seed)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(r.Linked, again.Linked) || !bytes.Equal(r.Payload, again.Payload) || r.Head != again.Head {
			return nil, fmt.Errorf("cursor reads %+v, reader %+v", again, r)
		}
		all = append(all, event{r.Sequence, r.Version, r.ID, r.Hash, string(r.Entity), string(r.Payload)})
	}
	return all, nil
}

// script is a sequence of groups, syncs and reopenings drawn from a seed. It
// stops at the first error.
type script struct {
	seed        uint64
	groups      int
	segmentSize int64
	relaxed     bool // not every group is synced
	reopen      bool
	close       bool // at the end
	merge       bool // now and then, segments that are over
}

func (p script) run(disk *simfs.Disk, m *model) error {
	r := rand.New(rand.NewPCG(p.seed, 1))
	s, err := open(disk.FS(), p.segmentSize)
	if err != nil {
		return err
	}
	for range p.groups {
		if p.reopen && r.IntN(4) == 0 {
			if r.IntN(2) == 0 {
				err = s.close(m)
			} else {
				err = s.log.Abandon()
			}
			if err != nil {
				return err
			}
			if s, err = open(disk.FS(), p.segmentSize); err != nil {
				return err
			}
			m.acked = len(m.events) // all that recovery shows is durable
		}
		if err := s.append(r, m, 1+r.IntN(3), !p.relaxed || r.IntN(3) == 0); err != nil {
			return err
		}
		if p.merge && r.IntN(4) > 0 {
			if err := s.mergeSome(r); err != nil {
				return err
			}
		}
	}
	if p.close {
		return s.close(m)
	}
	return s.log.Abandon()
}

// mergeSome merges some of the segments that may be merged, if there are two.
func (s *store) mergeSome(r *rand.Rand) error {
	files, err := s.Reader.Log()
	if err != nil || len(files) < 4 {
		return err
	}
	files = files[:len(files)-2] // but for the last one, and the one before
	from := r.IntN(len(files) - 1)
	files = files[from : from+2+r.IntN(len(files)-1-from)]
	keep := func(*format.Record) (compact.Verdict, error) { return compact.Keep, nil }
	merge, err := compact.Stage(s.dir, s.Reader, files, keep, func(int) error { return nil })
	if err == nil {
		err = merge.Commit()
	}
	if err != nil {
		return err
	}
	s.Reader.Serve(merge.Span())
	s.Reader.Sweep()
	return merge.Finish()
}

// build runs a script on a new disk.
func build(t *testing.T, p script) (*simfs.Disk, *model) {
	t.Helper()
	disk, m := simfs.New(), new(model)
	if err := p.run(disk, m); err != nil {
		t.Fatalf("script %+v: %v", p, err)
	}
	return disk, m
}

// check is the oracle: the image opens, with all that was acked, and of the rest
// a prefix of whole groups. It returns how many events there are.
func (m *model) check(image *simfs.Disk) (int, error) {
	s, err := open(image.FS(), 600)
	if err != nil {
		return 0, fmt.Errorf("open: %w", err)
	}
	got, err := s.events()
	if err != nil {
		return 0, err
	}
	n := len(got)
	whole := n == 0 || n == m.acked
	for _, end := range m.ends {
		whole = whole || end == n
	}
	if n < m.acked || n > len(m.events) || !whole {
		return 0, fmt.Errorf("%d events, want at least %d, at most %d, in whole groups %v", n, m.acked, len(m.events), m.ends)
	}
	if !slices.Equal(m.events[:n], got) {
		return 0, fmt.Errorf("events differ: %s", cmp.Diff(m.events[:n], got))
	}
	return n, s.Reader.Close()
}

// deepCheck checks an image, and that what recovery shows stays: after another
// recovery, which cuts nothing more; after a power cut at once; and after an
// append and a power cut.
func (m *model) deepCheck(image *simfs.Disk) error {
	n, err := m.check(image)
	if err != nil {
		return err
	}
	m = &model{events: m.events[:n:n], ends: []int{n}, acked: n}
	if _, err := m.check(image.CutHard()); err != nil {
		return fmt.Errorf("cut after recovery: %w", err)
	}
	before, durable := contents(image), contents(image.CutHard())
	for name, b := range before {
		if strings.HasPrefix(name, "lost-") && durable[name] != b {
			return fmt.Errorf("%s is not durable", name)
		}
	}
	if _, err := m.check(image); err != nil {
		return fmt.Errorf("second recovery: %w", err)
	}
	if after := contents(image); !maps.Equal(before, after) {
		return fmt.Errorf("second recovery changed the directory: %s", cmp.Diff(before, after))
	}
	s, err := open(image.FS(), 600)
	if err != nil {
		return err
	}
	if s.Report.Cut != 0 {
		return fmt.Errorf("third recovery cut %d bytes", s.Report.Cut)
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range 2 {
		if err := s.append(r, m, 2, true); err != nil {
			return fmt.Errorf("append after recovery: %w", err)
		}
	}
	if _, err := m.check(image.CutHard()); err != nil {
		return fmt.Errorf("cut after append: %w", err)
	}
	if _, err := m.check(image); err != nil {
		return fmt.Errorf("kill after append: %w", err)
	}
	return nil
}

// seen are images that were checked. What comes of one depends on what is on the disk and
// pending there, and on what was done to the log: a fault that leaves what another one
// left is not looked into again. It is safe for concurrent use.
type seen struct {
	mu     sync.Mutex
	images map[sight]bool
}

// sight is an image and what was done to its log, as fingerprints.
type sight struct{ disk, log uint64 }

// deepCheck checks an image as the model does, unless one like it was checked.
func (s *seen) deepCheck(m *model, image *simfs.Disk) error {
	if !s.first(m, image) {
		return nil
	}
	return m.deepCheck(image)
}

// check does the same with what a crash leaves that is not to go on.
func (s *seen) check(m *model, image *simfs.Disk) error {
	if !s.first(m, image) {
		return nil
	}
	_, err := m.check(image)
	return err
}

// first reports whether the image is the first of its kind.
func (s *seen) first(m *model, image *simfs.Disk) bool {
	key := sight{image.Sum(imageSeed), m.sum()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.images[key] {
		return false
	}
	if s.images == nil {
		s.images = map[sight]bool{}
	}
	s.images[key] = true
	return true
}

// imageSeed is that of the fingerprints.
var imageSeed = maphash.MakeSeed()

// sum is a fingerprint of all that an image is held against.
func (m *model) sum() uint64 {
	var h maphash.Hash
	h.SetSeed(imageSeed)
	maphash.WriteComparable(&h, m.acked)
	for _, end := range m.ends {
		maphash.WriteComparable(&h, end)
	}
	for _, e := range m.events {
		maphash.WriteComparable(&h, e)
	}
	return h.Sum64()
}

// contents are the files of a disk by name.
func contents(d *simfs.Disk) map[string]string {
	all := map[string]string{}
	for _, name := range d.Names() {
		all[name] = string(d.Bytes(name))
	}
	return all
}
