package replay_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestAhead: a log that is looked at ahead of its turn is found to be what it is found to
// be otherwise, sound or not, with the same words; be it damaged, or written with a lie
// in it that no checksum tells.
func TestAhead(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(600) {
		a := writeAny(t, seed)
		want := a.read(0)
		for _, workers := range []int{1, 3} {
			if got := a.read(workers); got != want {
				t.Fatalf("seed %d, %s: with %d workers:\n%s\nwithout:\n%s", seed, a.lie, workers, got, want)
			}
		}
		word, _, _ := strings.Cut(want, " ")
		outcomes[a.lie+": "+word]++
	}
	for _, must := range []string{
		"none: sound", "version: refused", "id: refused", "opening: refused", "byte: refused", "byte: sound", "tail: sound",
	} {
		if outcomes[must] == 0 {
			t.Errorf("there was no outcome %q among %v", must, outcomes)
		}
	}
}

// TestAheadOfNothing: the digest of a log that is begun covers its header.
func TestAheadOfNothing(t *testing.T) {
	for _, workers := range []int{0, 2} {
		l := replay.New(segment.NewReader(simfs.New().FS()), sidx.NewCache(0))
		l.Workers = workers
		if _, err := l.Read(nil, func() [16]byte { return [16]byte{7} }); err != nil {
			t.Fatal(err)
		}
		want := chain.NewSegment()
		want.Write(format.AppendSegmentHeader(nil, l.Header))
		if got := l.Digest.Sum(); got != want.Sum() {
			t.Errorf("with %d workers the digest is %x, want %x", workers, got, want.Sum())
		}
	}
}

// TestAheadOfALongSegment: the digest of a segment that is digested beside what else is done
// with it is that of its bytes.
func TestAheadOfALongSegment(t *testing.T) {
	disk, s := simfs.New(), newScript()
	for s.end() < 1<<20 {
		s.group(s.end())
	}
	s.put(disk)
	want := chain.NewSegment()
	want.Write(s.bytes)
	for _, workers := range []int{0, 2} {
		r := segment.NewReader(disk.FS())
		l := replay.New(r, sidx.NewCache(0))
		l.Workers = workers
		if _, err := l.Read([]segment.Span{segment.Plain(1)}, nil); err != nil || l.Digest.Sum() != want.Sum() || l.Length != s.end() {
			t.Errorf("with %d workers: Read = %v, digest %x of %d bytes, want %x of %d", workers, err, l.Digest.Sum(), l.Length, want.Sum(), s.end())
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAheadFails: whichever read fails, and whoever meets it, a sound log is the same or
// the failure is told.
func TestAheadFails(t *testing.T) {
	failed := 0
	for seed := range uint64(15) {
		a := writeAny(t, seed)
		want := a.read(0)
		if !strings.HasPrefix(want, "sound") {
			continue
		}
		for _, op := range []faultfs.Op{faultfs.OpOpen, faultfs.OpRead} {
			for _, workers := range []int{0, 3} {
				for n, fired := int64(1), true; fired; n++ {
					var ops atomic.Int64
					a.disk.OnOp(func(o faultfs.Op, _ string) {
						if o == op {
							ops.Add(1)
						}
					})
					a.disk.Fail(faultfs.Fault{Op: op, N: int(n)})
					got := a.read(workers)
					a.disk.Heal()
					if fired = ops.Load() >= n; got == want {
						continue
					}
					if failed++; !fired || !strings.Contains(got, syscall.EIO.Error()) {
						t.Errorf("seed %d, %d workers, %s %d fails: %v;\n%s\nwant:\n%s", seed, workers, op, n, fired, got, want)
					}
				}
				a.disk.OnOp(nil)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing failed")
	}
}

// anyLog is a log of several segments.
type anyLog struct {
	*testing.T
	disk  *simfs.Disk
	files []segment.Span
	names []string // of entities
	lie   string
}

// writeAny writes one.
func writeAny(t *testing.T, seed uint64) *anyLog {
	rng := rand.New(rand.NewPCG(seed, 0))
	a := &anyLog{T: t, disk: simfs.New(), names: []string{"a", "b", "c", "d"}}
	a.lie = []string{"none", "version", "id", "opening", "byte", "tail"}[rng.IntN(6)]
	segments := 1 + rng.IntN(5)
	lieIn := uint64(1 + rng.IntN(segments))
	h := format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1}
	made := clock.New(nil, func(b []byte) { clear(b) }, 0)
	versions, next, opening, before := map[string]uint64{}, uint64(1), uint32(3), [16]byte{}
	for h.Segment <= uint64(segments) {
		raw := format.AppendSegmentHeader(nil, h)
		for group := range 1 + rng.IntN(3) {
			lies := h.Segment == lieIn && group == 0
			if opening += uint32(rng.IntN(4) / 3); lies && a.lie == "opening" {
				opening--
			}
			var body []byte
			count := 1 + rng.IntN(3)
			for i := range count {
				name := a.names[rng.IntN(len(a.names))]
				versions[name]++
				id := made.Next()
				if lies && i == 0 {
					switch a.lie {
					case "version":
						versions[name]++
					case "id":
						id = before
					}
				}
				if before = id; id == [16]byte{} {
					id[15] = 1
				}
				e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte(name), Scope: []byte("s"), Payload: make([]byte, 20)})
				body = format.AppendRecord(body, format.RecordSeed(h.Store), &format.Head{Sequence: next, Version: versions[name], ID: id}, &e)
				next++
			}
			at := format.Place{Store: h.Store, Segment: h.Segment, Offset: int64(len(raw))}
			raw = format.AppendGroup(raw, format.GroupHeader{
				Type: format.GroupEvents, FirstSequence: next - uint64(count), Count: uint32(count), Durable: uint32(len(raw)), Incarnation: opening,
			}, at, body)
		}
		digest := chain.NewSegment()
		digest.Write(raw)
		last := h.Segment
		h = format.SegmentHeader{Store: h.Store, Segment: last + 1, FirstSequence: next, PrevLength: uint64(len(raw)), PrevDigest: digest.Sum()}
		switch at := rng.IntN(len(raw)); {
		case a.lie == "byte" && last == lieIn:
			raw[at] ^= 1 << rng.IntN(8)
		case a.lie == "tail" && last == uint64(segments):
			raw = append(raw, "a group that was not written to its end"...)
		}
		a.disk.SetBytes(segment.Name(last), raw)
		a.files = append(a.files, segment.Plain(last))
	}
	r := segment.NewReader(a.disk.FS())
	for n := range uint64(segments - 1) {
		if rng.IntN(3) == 0 {
			_, _ = footer.Write(a.disk.FS(), r, n+1, sidx.NewCache(1<<20), nil) // which refuses what is damaged
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return a
}

// read tells all that there is to know of the log.
func (a *anyLog) read(workers int) string {
	a.Helper()
	r := segment.NewReader(a.disk.FS())
	defer r.Close()
	l := replay.New(r, sidx.NewCache(1<<20))
	l.Workers = workers
	tail, err := l.Read(a.files, nil)
	if err != nil {
		return fmt.Sprintf("refused %#v %v", err, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "sound %+v, header %+v, length %d, next %d, id %x, opening %d, bytes %d, files %d, footers %d, proven %d, digest %x\n",
		*tail, l.Header, l.Length, l.Next, l.LastID, l.Incarnation, l.Bytes, l.Files, l.Footers, l.Proven(), l.Digest.Sum())
	for n := range l.Next {
		ref, ok, err := l.Index.At(n)
		in, ierr := l.Index.Incarnation(n)
		fmt.Fprintln(&b, n, ref, ok, err, in, ierr)
	}
	for _, name := range a.names {
		head, err := l.Index.Load(name)
		fmt.Fprintln(&b, name, head, err)
	}
	return b.String()
}
