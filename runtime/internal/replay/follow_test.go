package replay_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// script writes the bytes of a log, whatever they are.
type script struct {
	header format.SegmentHeader
	bytes  []byte
	next   uint64
	clock  *clock.Clock
}

func newScript() *script {
	s := &script{next: 1, clock: clock.New(nil, func(b []byte) { clear(b) }, 0)}
	s.begin(format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1})
	return s
}

func (s *script) begin(h format.SegmentHeader) {
	s.header, s.bytes = h, format.AppendSegmentHeader(nil, h)
}

// rotate begins the next segment.
func (s *script) rotate() {
	digest := chain.NewSegment()
	digest.Write(s.bytes)
	s.begin(format.SegmentHeader{
		Store: s.header.Store, Segment: s.header.Segment + 1, FirstSequence: s.next,
		PrevLength: uint64(len(s.bytes)), PrevDigest: digest.Sum(),
	})
}

// end is where the next group begins.
func (s *script) end() int64 { return int64(len(s.bytes)) }

// group appends a group of one event with this durable mark.
func (s *script) group(mark int64) {
	e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s"), Payload: make([]byte, 50)})
	body := format.AppendRecord(nil, format.RecordSeed(s.header.Store), &format.Head{Sequence: s.next, Version: s.next, ID: s.clock.Next()}, &e)
	s.append(format.GroupHeader{Type: format.GroupEvents, FirstSequence: s.next, Count: 1, Durable: uint32(mark)}, body)
	s.next++
}

func (s *script) append(h format.GroupHeader, body []byte) {
	h.Incarnation = 1
	s.bytes = format.AppendGroup(s.bytes, h, format.Place{Store: s.header.Store, Segment: s.header.Segment, Offset: s.end()}, body)
}

// put makes the bytes, and some more, the content of the segment.
func (s *script) put(d *simfs.Disk, more ...byte) {
	d.SetBytes(segment.Name(s.header.Segment), append(s.bytes[:len(s.bytes):len(s.bytes)], more...))
}

// follower is one on a disk.
func follower(t *testing.T, d *simfs.Disk) *replay.Follower {
	t.Helper()
	r := segment.NewReader(d.FS())
	t.Cleanup(func() { r.Close() })
	return replay.Follow(r, sidx.NewCache(0))
}

// indexed is how many events a follower has entered.
func indexed(f *replay.Follower) int {
	if f.Index == nil {
		return 0
	}
	return int(f.Index.Next() - 1)
}

// TestFollow: a group is taken in when a mark says that all of it was durable.
func TestFollow(t *testing.T) {
	d, s := simfs.New(), newScript()
	f := follower(t, d)
	step := func(what string, taken int, unproven uint64) {
		t.Helper()
		if err := f.Read(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if indexed(f) != taken || f.Next != uint64(taken)+1 || f.Unproven() != unproven {
			t.Errorf("%s: %d events, %d unproven, want %d and %d", what, indexed(f), f.Unproven(), taken, unproven)
		}
	}
	if err := f.Read(t.Context()); !errors.Is(err, replay.ErrNone) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of nothing = %v, want ErrNone", err)
	}
	for _, torn := range [][]byte{nil, s.bytes[:40], make([]byte, format.SegmentHeaderSize)} {
		d.SetBytes(segment.Name(1), torn)
		if err := f.Read(t.Context()); !errors.Is(err, replay.ErrNone) {
			t.Errorf("Read of half a header = %v, want ErrNone", err)
		}
	}
	s.put(d)
	step("header", 0, 0)
	first := s.end()
	s.group(first)
	s.put(d)
	step("first group", 0, 1)
	second := s.end()
	s.group(second - 1)
	s.put(d, make([]byte, 300)...)
	step("mark within the first group", 0, 2)
	third := s.end()
	s.group(second)
	s.put(d, []byte("half a group")...)
	step("mark behind the first group", 1, 2)
	if tail := f.Tail(); tail.Clean() || tail.Rest-tail.End != 12 {
		t.Errorf("Tail() = %+v, want 12 torn bytes", tail)
	}
	sound := s.end()
	s.group(third)
	s.bytes[sound+format.GroupHeaderSize+70] ^= 1 // it is being written
	fourth := s.end()
	s.group(sound)
	s.put(d)
	step("mark behind a group that is not whole", 3, 0)
	s.bytes[sound+format.GroupHeaderSize+70] ^= 1
	s.append(format.GroupHeader{Type: format.GroupClose, FirstSequence: s.next, Durable: uint32(fourth)}, nil)
	s.put(d)
	step("close group", 5, 0)
	if !f.Tail().Clean() {
		t.Errorf("Tail() = %+v, want it clean", f.Tail())
	}

	s.rotate()
	s.put(d)
	step("next segment", 5, 0)
	if f.Header.Segment != 1 {
		t.Error("a segment without a proven group was begun")
	}
	s.group(s.end())
	s.put(d)
	step("its first group", 5, 1)
	s.group(s.end())
	s.put(d)
	step("its second group", 6, 1)
	s.rotate()
	s.put(d)
	step("another segment", 7, 0)
}

// TestFollowDamage: what was durable and is not sound is told, whatever else is
// there, for as long as it is so.
func TestFollowDamage(t *testing.T) {
	disk := simfs.New()
	s := newScript()
	s.group(s.end())
	at := s.end()
	s.group(at)
	s.group(s.end())
	s.put(disk)
	name := segment.Name(1)
	sound := disk.Bytes(name)
	flip := func(off int64) func(b []byte) []byte {
		return func(b []byte) []byte { b[off] ^= 1; return b }
	}
	for what, damage := range map[string]func(b []byte) []byte{
		"header of the segment": flip(20),
		"header of a group":     flip(at + 9),
		"body of a group":       flip(at + 60),
		"zeros":                 func(b []byte) []byte { clear(b[at:]); return b },
		"first group in zeros":  func(b []byte) []byte { clear(b[96:at]); return b },
	} {
		disk.SetBytes(name, damage(append([]byte{}, sound...)))
		f := follower(t, disk)
		err := f.Read(t.Context())
		_, damaged := errors.AsType[*segment.DamageError](err)
		if lost := what == "zeros"; damaged == lost {
			t.Errorf("%s: Read = %v, want damage: %v", what, err, !lost)
		}
		before := indexed(f)
		disk.SetBytes(name, sound)
		if err := f.Read(t.Context()); err != nil || indexed(f) != 2 {
			t.Errorf("%s, mended: Read = %v with %d events after %d, want 2", what, err, indexed(f), before)
		}
	}
}

// TestFollowSealedDamage: a segment that another one follows has groups up to where
// that one says, and its digest. What is behind them is no part of the log.
func TestFollowSealedDamage(t *testing.T) {
	disk := simfs.New()
	s := newScript()
	s.group(s.end())
	s.put(disk)
	first := s.bytes
	other := newScript()
	other.group(95) // another mark, which says nothing
	s.rotate()
	s.group(s.end())
	s.group(s.end())
	s.put(disk)
	for what, b := range map[string][]byte{
		"shorter": first[:len(first)-1], "other": other.bytes, "no groups": first[:96],
	} {
		image := disk.Kill()
		image.SetBytes(segment.Name(1), b)
		f := follower(t, image)
		if d, ok := errors.AsType[*segment.DamageError](f.Read(t.Context())); !ok || d.Segment != 1 || d.FirstSequence == 0 {
			t.Errorf("%s: Read = %v, want damage of segment 1", what, d)
		}
	}
}

// TestFollowFails: a disk that fails, or a context that ends, is told as such, and
// nothing is lost by it.
func TestFollowFails(t *testing.T) {
	disk, s := simfs.New(), newScript()
	for range 3 {
		s.group(s.end())
		s.group(s.end())
		s.put(disk)
		s.rotate()
	}
	for _, op := range []faultfs.Op{faultfs.OpOpen, faultfs.OpRead} {
		for n := 1; ; n++ {
			image := disk.Kill()
			f := follower(t, image)
			image.Fail(faultfs.Fault{Op: op, N: n})
			err := f.Read(t.Context())
			image.Heal()
			if err != nil && !errors.Is(err, syscall.EIO) {
				t.Errorf("%s %d fails: Read = %v, want EIO", op, n, err)
			}
			if again := f.Read(t.Context()); again != nil || indexed(f) != 5 {
				t.Errorf("%s %d fails: second Read = %v, with %d events, want 5", op, n, again, indexed(f))
			}
			if err == nil {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := follower(t, disk)
	if err := f.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Read with an ended context = %v, want context.Canceled", err)
	}
}

// TestFollowShortRead: a file that seems to end early, as when a writer cuts it and lets it
// grow again between two looks, is looked at again, and what is in it taken in.
func TestFollowShortRead(t *testing.T) {
	disk := rows(7, 3)
	for n, fired := 1, true; fired; n++ {
		image, reads := disk.Kill(), 0
		f := follower(t, image)
		image.OnOp(func(op faultfs.Op, _ string) {
			if op == faultfs.OpRead {
				reads++
			}
		})
		image.Fail(faultfs.Fault{Op: faultfs.OpRead, N: n, Err: io.EOF})
		err := f.Read(t.Context())
		if fired = reads >= n; err != nil || indexed(f) != 5 {
			t.Errorf("read %d finds the end: Read = %v with %d events, want 5", n, err, indexed(f))
		}
	}
}
