package batpak_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/rtopts"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

var memoryN = flag.Int("memory.n", 1, "bits of each write that the lane of bad memory flips, one at a time")

// memory stands before a directory. Of what one write hands over it flips a bit, as bad
// memory does between the making of the bytes, checksums and all, and the disk.
type memory struct {
	vfs.FS
	random *rand.Rand
	at     int  // the write, from 1
	stays  bool // the bit is flipped where the writer has it, and not only on its way
	writes int
	hit    hit
}

// hit is the bit that was flipped.
type hit struct {
	bit
	what  string             // of which kind the bytes are
	group format.GroupHeader // in which it is
	now   byte               // what there is instead
}

func (h hit) String() string { return fmt.Sprintf("%s: %v", h.what, h.bit) }

// Create and Open hand the files out with their memory.
func (m *memory) Create(name string) (vfs.File, error) {
	f, err := m.FS.Create(name)
	return handed{f, m, name}, err
}

func (m *memory) Open(name string, mode vfs.Mode) (vfs.File, error) {
	f, err := m.FS.Open(name, mode)
	return handed{f, m, name}, err
}

type handed struct {
	vfs.File
	memory *memory
	name   string
}

func (f handed) WriteAt(p []byte, off int64) (int, error) {
	m := f.memory
	if m.writes++; m.writes != m.at {
		return f.File.WriteAt(p, off)
	}
	n := m.random.IntN(8 * len(p))
	if m.random.IntN(3) == 0 {
		n = m.random.IntN(8 * min(len(p), format.GroupHeaderSize))
	}
	m.hit.bit = bit{strings.TrimSuffix(f.name, vfs.TempSuffix), off + int64(n/8), 1 << (n % 8)}
	m.hit.what, m.hit.group = kindOf(f.name, p, off, n/8)
	if !m.stays {
		p = bytes.Clone(p)
	}
	p[n/8] ^= m.hit.mask
	m.hit.now = p[n/8]
	return f.File.WriteAt(p, off)
}

// The kinds of bytes that are written.
const (
	ofHeader     = "header of a segment"
	ofGroup      = "header of a group"
	ofRecord     = "record"
	ofZeros      = "zeros"
	ofFooter     = "footer"
	ofMerged     = "merged segment"
	ofCheckpoint = "checkpoint"
	ofNote       = "note of a merge"
)

// kindOf says what is written to a file, and what is at a byte of it.
func kindOf(name string, p []byte, off int64, at int) (what string, g format.GroupHeader) {
	name = strings.TrimSuffix(name, vfs.TempSuffix)
	switch span, _ := segment.ParseSpan(name); {
	case name == compact.Note:
		return ofNote, g
	case checkpoint.IsName(name):
		return ofCheckpoint, g
	case span.Round > 0 && (off == 0 || bytes.HasPrefix(p, groupMagic)):
		return ofMerged, g
	case len(bytes.Trim(p, "\x00")) == 0:
		return ofZeros, g
	case off == 0 && at < format.SegmentHeaderSize:
		return ofHeader, g
	case off == 0: // recovery writes a segment again from its beginning
		p, at = p[format.SegmentHeaderSize:], at-format.SegmentHeaderSize
	}
	for bytes.HasPrefix(p, groupMagic) {
		g := format.GroupHeader{
			Type: format.GroupType(p[4]), FirstSequence: binary.LittleEndian.Uint64(p[8:]),
			Count: binary.LittleEndian.Uint32(p[16:]), BodyLength: binary.LittleEndian.Uint32(p[20:]),
		}
		end := format.GroupHeaderSize + int(g.BodyLength)
		switch {
		case at < format.GroupHeaderSize:
			return ofGroup, g
		case at < end:
			return ofRecord, g
		}
		p, at = p[end:], at-end
	}
	return ofFooter, g
}

var groupMagic = []byte{0xC3, 0xA7, 0xB7, 0x9D}

// remembering is a script of work on a disk to which one write comes with a wrong bit.
type remembering struct {
	*memory
	disk     *simfs.Disk
	options  *batpak.Options
	now      time.Time
	acked    []remembered
	outcomes map[string]int
}

// remembered is an event as its appender knows it.
type remembered struct {
	draft   batpak.Draft
	receipt batpak.Receipt
}

func newRemembering(seed uint64, d batpak.Durability, at int, stays bool) *remembering {
	w := &remembering{
		memory: &memory{random: rand.New(rand.NewPCG(seed, uint64(at))), at: at, stays: stays},
		disk:   simfs.New(), options: covering(700, 150), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), outcomes: map[string]int{},
	}
	w.options.Durability = d
	chacha := rand.NewChaCha8([32]byte{2})
	rtopts.SetRandom(&w.options.Internal, func(p []byte) { chacha.Read(p) })
	rtopts.SetNow(&w.options.Internal, func() time.Time { w.now = w.now.Add(time.Millisecond); return w.now })
	return w
}

// run opens a store, uses it and kills it, three times; once it is closed before that.
// What is left each time is held against what was acknowledged.
func (w *remembering) run() error {
	for life := range 3 {
		s, err := w.open()
		if err != nil {
			return w.refused(err)
		}
		if err = w.hold(s, w.disk); err == nil {
			err = errors.Join(w.live(s, life), w.hold(s, w.disk))
		}
		if err == nil && life == 1 {
			err = w.told("Close()", s.Close())
		}
		image := w.disk.Kill()
		w.disk.Stop()
		_ = s.Close() // of a process that is dead
		if err != nil {
			return fmt.Errorf("life %d: %w", life, err)
		}
		w.disk = image
	}
	s, err := w.open()
	if err != nil {
		return w.refused(err)
	}
	return errors.Join(w.hold(s, w.disk), s.Close())
}

// open opens a store that hands its bytes over to the memory. What comes out is held to the
// protocol, until it has a wrong bit.
func (w *remembering) open() (*batpak.Store, error) {
	o := reported(w.disk.FS(), w.options, func(b *checkfs.Breach) {
		if w.hit.what == "" {
			panic(b)
		}
	})
	w.FS = rtopts.FS(&o.Internal)
	rtopts.SetFS(&o.Internal, w.memory)
	return batpak.Open("simulated", o)
}

// told lets damage be told of by whatever meets it.
func (w *remembering) told(by string, err error) error {
	merges := by == "Compact()" && (w.hit.what == ofMerged || w.hit.what == ofFooter)
	if err != nil && w.hit.what != "" && (merges || errors.Is(err, batpak.ErrCorrupt)) {
		w.outcomes["found by "+by]++
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s = %w", by, err)
	}
	return nil
}

// refused takes in that a store is not opened.
func (w *remembering) refused(err error) error {
	if w.hit.what == ofZeros || w.hit.what == ofFooter || w.hit.what == ofCheckpoint || w.hit.what == ofNote {
		return fmt.Errorf("Open() = %w, and all events are sound", err)
	}
	return w.told("Open()", err)
}

// live appends, syncs and merges.
func (w *remembering) live(s *batpak.Store, life int) error {
	for i := range 11 {
		b := s.NewBatch()
		var batch []remembered
		for j := range 1 + (i+life)%3 {
			d := note(fmt.Sprint("e:", (i+j)%4), fmt.Sprint("text ", life, i, j, strings.Repeat(".", 17*i*j%90)))
			b.Add(d, batpak.Key(fmt.Sprint("key ", life, i, j)))
			batch = append(batch, remembered{draft: d})
		}
		receipts, err := b.Commit(context.Background())
		for j, r := range receipts {
			batch[j].receipt = r
			w.acked = append(w.acked, batch[j])
		}
		err = w.told("Commit()", err)
		if err == nil && i%4 == 3 {
			err = w.told("Sync()", s.Sync(context.Background()))
		}
		if err == nil && i == 8 && life > 0 {
			_, err = s.Compact(context.Background())
			err = w.told("Compact()", err)
		}
		if err != nil {
			return err
		}
	}
	return w.told("Sync()", s.Sync(context.Background()))
}

// hold wants each event that was acknowledged to be served as it was appended, or to be
// told to be damaged, and Verify to find the bit if it is where events are. Only a group
// that nothing after it says to have been durable may be taken for a write that a crash
// cut short, with those behind it: it is kept then, and reported. In a synced store that
// is the newest one; in a relaxed one no group comes after it that was synced.
func (w *remembering) hold(s *batpak.Store, d *simfs.Disk) error {
	visible, r := int(s.Frontier().Visible), s.Report()
	if gone := w.acked[min(visible, len(w.acked)):]; len(gone) > 0 {
		torn := (w.hit.what == ofGroup || w.hit.what == ofRecord) && w.hit.group.FirstSequence == uint64(visible)+1
		newest := len(gone) <= int(w.hit.group.Count) || w.options.Durability == batpak.Relaxed
		if !torn || !newest || r.Cut == 0 || int64(len(d.Bytes(r.Lost))) != r.Kept {
			return fmt.Errorf("%d events of %d are gone, report %+v", len(gone), len(w.acked), r)
		}
		w.acked = w.acked[:visible]
	}
	if r.Cut > 0 {
		w.outcomes["cut, kept and reported"]++
	}
	if visible > len(w.acked) {
		return fmt.Errorf("%d events, and %d were appended", visible, len(w.acked))
	}
	for i, a := range w.acked {
		e, err := s.At(uint64(i) + 1)
		if err != nil {
			if err := w.told("At()", err); err != nil {
				return err
			}
			continue
		}
		if e.Entity != a.draft.Entity || e.Scope != a.draft.Scope || e.Kind != a.draft.Kind || !bytes.Equal(e.Payload, a.draft.Payload) ||
			e.ID != a.receipt.ID() || e.Hash != a.receipt.Hash() || e.Version != a.receipt.Version() {
			return fmt.Errorf("event %d is %+v, want %+v", i+1, e, a)
		}
	}
	v, err := s.Verify(context.Background())
	if err != nil {
		return err
	}
	if len(v.Damages) > 0 {
		w.outcomes["found by Verify()"]++
	}
	content := d.Bytes(w.hit.file)
	there := slices.Contains([]string{ofHeader, ofGroup, ofRecord, ofMerged}, w.hit.what) &&
		int64(len(content)) > w.hit.offset && content[w.hit.offset] == w.hit.now
	if there != (len(v.Damages) > 0) {
		return fmt.Errorf("Verify() = %+v, and the bit is there: %v", v, there)
	}
	return nil
}

// TestMemoryFlip flips a bit of each write of a store in turn, on its way to the disk or
// where the store still has it: of headers, records, zeros, footers, checkpoints, what
// merges make and note, and what recovery writes again. Events come through that as they
// were, or it is told that they did not. A merged segment is read back before what it was
// made of is removed, so that it takes nothing with it.
//
// What changes before there are checksums, TestMemoryThatChanges of package commit is about.
//
//	go test ./runtime -run TestMemoryFlip -memory.n=1000
func TestMemoryFlip(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex // guards outcomes
	outcomes := map[string]map[string]int{}
	t.Run("of", func(t *testing.T) {
		for _, durability := range []batpak.Durability{batpak.Synced, batpak.Relaxed} {
			t.Run(fmt.Sprint("durability_", durability), func(t *testing.T) {
				t.Parallel()
				quiet := newRemembering(0, durability, 0, false)
				if err := quiet.run(); err != nil {
					t.Fatal(err)
				}
				step := 1
				if testing.Short() {
					step = 7
				}
				for at := 1; at <= quiet.writes; at += step {
					for n := range *memoryN {
						seed := *damageSeed + uint64(n)
						w := newRemembering(seed, durability, at, (at+n)%2 == 1)
						if err := w.run(); err != nil {
							t.Fatalf("write %d of %d, seed %d: %v: %v\n\tgo test ./runtime -run '^%s$' -memory.n=1 -damage.seed=%d",
								at, quiet.writes, seed, w.hit, err, t.Name(), seed)
						}
						mu.Lock()
						if outcomes[w.hit.what] == nil {
							outcomes[w.hit.what] = map[string]int{}
						}
						outcomes[w.hit.what]["all"]++
						for o := range w.outcomes {
							outcomes[w.hit.what][o]++
						}
						mu.Unlock()
					}
				}
			})
		}
	})
	for what, o := range outcomes {
		t.Logf("%s: %v", what, o)
	}
	for what, outcome := range map[string]string{
		ofHeader: "found by Open()", ofGroup: "cut, kept and reported", ofRecord: "found by At()", ofZeros: "cut, kept and reported",
		ofFooter: "all", ofMerged: "found by Compact()", ofCheckpoint: "all", ofNote: "all",
	} {
		if outcomes[what][outcome] == 0 && !testing.Short() {
			t.Errorf("%s: %v, want some that is %q", what, outcomes[what], outcome)
		}
	}
}
