package replay_test

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// rows is a log of so many segments of two events each, all of them durable but for the
// last event.
func rows(store byte, segments int) *simfs.Disk {
	disk, s := simfs.New(), newScript()
	s.begin(format.SegmentHeader{Store: [16]byte{store}, Segment: 1, FirstSequence: 1})
	for n := range segments {
		if n > 0 {
			s.rotate()
		}
		s.group(s.end())
		s.group(s.end())
		s.put(disk)
	}
	return disk
}

// merge puts one file in the place of those of some segments.
func merge(t *testing.T, disk *simfs.Disk, first, last uint64) (name string) {
	t.Helper()
	r := segment.NewReader(disk.FS())
	defer r.Close()
	var sources []segment.Span
	for n := first; n <= last; n++ {
		sources = append(sources, segment.Plain(n))
	}
	m, err := compact.Stage(disk.FS(), r, sources,
		func(*format.Record) (compact.Verdict, error) { return compact.Keep, nil }, func(int) error { return nil })
	if err == nil {
		err = m.Commit()
	}
	if err == nil {
		err = m.Finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	return m.Span().Name()
}

// spoil changes a byte of a file, counted from its end if at is negative.
func spoil(disk *simfs.Disk, name string, at int) {
	b := slices.Clone(disk.Bytes(name))
	b[(at+len(b))%len(b)] ^= 4
	disk.SetBytes(name, b)
}

// TestFollowMergedDamage: what is wrong with a merged segment is told with its place, be
// it that the follower has taken in what it was made of or not, for as long as it is so.
func TestFollowMergedDamage(t *testing.T) {
	for what, c := range map[string]struct {
		early  bool // the follower has read what was merged
		events int  // that it has taken in then
		spoil  func(disk *simfs.Disk, name string)
		want   uint64 // segment
	}{
		"its header, under a follower": {true, 7, func(disk *simfs.Disk, name string) { spoil(disk, name, 20) }, 1},
		"it is another store's, under a follower": {true, 7, func(disk *simfs.Disk, name string) {
			other := rows(8, 4)
			disk.SetBytes(name, other.Bytes(merge(t, other, 1, 2)))
		}, 1},
		"its index and a group": {false, 0, func(disk *simfs.Disk, name string) {
			spoil(disk, name, -1)
			spoil(disk, name, format.MergedHeaderSize+60)
		}, 1},
		"nothing follows it": {false, 4, func(disk *simfs.Disk, name string) {
			disk.Delete(segment.Name(3))
			disk.Delete(segment.Name(4))
		}, 3},
	} {
		t.Run(what, func(t *testing.T) {
			disk := rows(7, 4)
			f := follower(t, disk)
			if c.early {
				if err := f.Read(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			name := merge(t, disk, 1, 2)
			sound := disk.Kill()
			c.spoil(disk, name)
			for range 2 {
				err := f.Read(t.Context())
				if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Segment != c.want || d.FirstSequence == 0 || indexed(f) != c.events {
					t.Fatalf("Read = %v (%+v) with %d events, want damage of segment %d, with %d", err, d, indexed(f), c.want, c.events)
				}
			}
			for _, name := range sound.Names() {
				disk.SetBytes(name, sound.Bytes(name))
			}
			if err := f.Read(t.Context()); err != nil || indexed(f) != 7 {
				t.Errorf("Read of what was mended = %v with %d events, want 7", err, indexed(f))
			}
		})
	}
}

// TestFollowMergedIndexDamage: what is merged under a follower is found though the index of
// the merged file is damaged, also what the follower had not taken in before.
func TestFollowMergedIndexDamage(t *testing.T) {
	for _, early := range []int{1, 3, 4} {
		disk, whole := simfs.New(), rows(7, 4)
		b := whole.Bytes(segment.Name(4))
		whole.SetBytes(segment.Name(4), b[:format.SegmentHeaderSize+(len(b)-format.SegmentHeaderSize)/2])
		for n := range early {
			disk.SetBytes(segment.Name(uint64(n+1)), whole.Bytes(segment.Name(uint64(n+1))))
		}
		f := follower(t, disk)
		if err := f.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		name := merge(t, whole, 1, 3)
		want := follower(t, whole.Kill())
		if err := want.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range early {
			disk.Delete(segment.Name(uint64(n + 1)))
		}
		for _, name := range whole.Names() {
			disk.SetBytes(name, whole.Bytes(name))
		}
		spoil(disk, name, -1)
		if err := f.Read(t.Context()); err != nil || f.Next != 7 || f.LastID != want.LastID || f.Header.Segment != 3 {
			t.Errorf("from %d segments: Read = %v up to event %d, %x, %+v, want 7, %x, %+v", early, err, f.Next, f.LastID, f.Header, want.LastID, want.Header)
		}
		for sequence := uint64(1); sequence < 7; sequence++ {
			got, ok, err := f.Index.At(sequence)
			if ref, _, _ := want.Index.At(sequence); !ok || err != nil || got != ref {
				t.Errorf("from %d segments: At(%d) = %+v, %v, %v, want %+v", early, sequence, got, ok, err, ref)
			}
		}
	}
}

// TestFollowMergedOfAnother: of a merged file, neither the index nor the groups of another
// history of the store are believed, though they are in their place, and sound.
func TestFollowMergedOfAnother(t *testing.T) {
	files, lengths := [2][]byte{}, [2]uint64{}
	disk, name := rows(7, 4), ""
	f, g := follower(t, disk), follower(t, disk)
	if err := errors.Join(f.Read(t.Context()), g.Read(t.Context())); err != nil {
		t.Fatal(err)
	}
	for i, d := range []*simfs.Disk{disk, simfs.New()} {
		if i > 0 { // the same, but at another time
			s := newScript()
			s.clock = clock.New(func() time.Time { return time.Unix(1, 0) }, func(b []byte) { clear(b) }, 0)
			for range 3 {
				s.group(s.end())
				s.group(s.end())
				s.put(d)
				s.rotate()
			}
			s.put(d)
		}
		name = merge(t, d, 1, 2)
		files[i] = d.Bytes(name)
		h, err := format.ParseMergedHeader(files[i][:format.MergedHeaderSize])
		if err != nil {
			t.Fatal(err)
		}
		lengths[i] = h.Length
	}
	want := follower(t, disk.Kill())
	if err := want.Read(t.Context()); err != nil || lengths[0] != lengths[1] || slices.Equal(files[0], files[1]) {
		t.Fatal(err, lengths)
	}
	disk.SetBytes(name, slices.Concat(files[0][:lengths[0]], files[1][lengths[1]:]))
	if err := f.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	for sequence := uint64(1); sequence < 8; sequence++ {
		got, ok, err := f.Index.At(sequence)
		if ref, _, _ := want.Index.At(sequence); !ok || err != nil || got != ref {
			t.Errorf("At(%d) = %+v, %v, %v, want %+v", sequence, got, ok, err, ref)
		}
	}
	disk.SetBytes(name, slices.Concat(files[0][:format.MergedHeaderSize], files[1][format.MergedHeaderSize:lengths[1]]))
	if d, ok := errors.AsType[*segment.DamageError](g.Read(t.Context())); !ok || d.Segment != 1 || d.FirstSequence != 1 {
		t.Errorf("Read of other groups = %+v, want damage of segment 1 from event 1 on", d)
	}
}

// TestFollowMergeOfNothing: segments without events that were merged under a follower, or
// before it came, are no obstacle to it.
func TestFollowMergeOfNothing(t *testing.T) {
	disk, s := simfs.New(), newScript()
	for range 2 {
		s.append(format.GroupHeader{Type: format.GroupClose, FirstSequence: 1}, nil)
		s.put(disk)
		s.rotate()
	}
	s.group(s.end())
	s.group(s.end())
	s.put(disk)
	early, late := follower(t, disk), follower(t, disk)
	if err := early.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	merge(t, disk, 1, 2)
	s.group(s.end())
	s.put(disk)
	for what, f := range map[string]*replay.Follower{"early": early, "late": late} {
		if err := f.Read(t.Context()); err != nil || indexed(f) != 2 || f.Header.Segment != 3 {
			t.Errorf("%s: Read = %v with %d events, at segment %d, want 2 at segment 3", what, err, indexed(f), f.Header.Segment)
		}
	}
}

// TestFollowPartOfAGroup: a segment is damaged whose groups do not end where the next one
// says, be that within a group.
func TestFollowPartOfAGroup(t *testing.T) {
	disk := rows(7, 2)
	b := slices.Clone(disk.Bytes(segment.Name(2)))
	h, err := format.ParseSegmentHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	h.PrevLength -= 5
	copy(b, format.AppendSegmentHeader(nil, h))
	disk.SetBytes(segment.Name(2), b)
	f := follower(t, disk)
	if d, ok := errors.AsType[*segment.DamageError](f.Read(t.Context())); !ok || d.Segment != 1 || d.FirstSequence != 2 {
		t.Errorf("Read = %+v, want damage of segment 1 from event 2 on", d)
	}
}

// TestFollowMergedFails: a disk that fails while a follower reads merged segments, also
// those that were merged under it, or by a checkpoint, is told as such, and nothing is lost
// by it.
func TestFollowMergedFails(t *testing.T) {
	disk, name := rows(7, 6), checkpoint.Names()[0]
	next := disk.Bytes(segment.Name(6))
	disk.Delete(segment.Name(6))
	r := segment.NewReader(disk.FS())
	last := int64(len(disk.Bytes(segment.Name(5))))
	if _, err := checkpoint.Write(disk.FS(), r, name, 5, last, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct{ early, bare, covered, ended bool }{
		"merged under it":            {early: true},
		"merged":                     {},
		"merged, without the index":  {bare: true},
		"merged, and a checkpoint":   {covered: true},
		"merged under it, and ended": {early: true, covered: true, ended: true},
	} {
		for _, op := range []faultfs.Op{faultfs.OpList, faultfs.OpOpen, faultfs.OpRead} {
			for n, fired := 1, true; fired; n++ {
				image := disk.Kill()
				f := follower(t, image)
				if c.covered {
					sound, refused := checkpoint.Load(image.FS(), []string{name})
					if len(refused) > 0 {
						t.Fatal(refused)
					}
					f.Offer(sound)
				}
				if c.early {
					if err := f.Read(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if merged := merge(t, image, 2, 3); c.bare {
					spoil(image, merged, -1)
				}
				if c.ended {
					image.SetBytes(segment.Name(6), next)
				}
				ops := 0
				image.OnOp(func(o faultfs.Op, _ string) {
					if o == op {
						ops++
					}
				})
				image.Fail(faultfs.Fault{Op: op, N: n})
				err := f.Read(t.Context())
				image.Heal()
				image.OnOp(nil)
				if fired = ops >= n; err != nil && !(fired && errors.Is(err, syscall.EIO)) {
					t.Errorf("%s, %s %d of %d fails: Read = %v, want EIO", what, op, n, ops, err)
				}
				again, want := f.Read(t.Context()), 9
				if f.Checkpoint != "" {
					want = 10
				}
				if c.ended {
					want = 11
				}
				if again != nil || indexed(f) != want {
					t.Errorf("%s, %s %d fails: second Read = %v, with %d events, want %d", what, op, n, again, indexed(f), want)
				}
			}
		}
	}
}

// TestCheckpointOfALogThatGoesBack: a checkpoint that fits its segment is not believed where
// that does not go on from the segments before, and the log is refused as without it; one
// of another segment is of no use to a follower either, and no more.
func TestCheckpointOfALogThatGoesBack(t *testing.T) {
	disk, s := simfs.New(), newScript()
	s.group(s.end())
	s.put(disk)
	s.rotate()
	s.clock = clock.New(func() time.Time { return time.Unix(1, 0) }, func(b []byte) { clear(b) }, 0)
	s.group(s.end())
	s.put(disk)
	r := segment.NewReader(disk.FS())
	defer r.Close()
	name := checkpoint.Names()[0]
	if _, err := checkpoint.Write(disk.FS(), r, name, 2, s.end(), nil); err != nil {
		t.Fatal(err)
	}
	sound, refused := checkpoint.Load(disk.FS(), []string{name})
	if len(refused) > 0 {
		t.Fatal(refused)
	}
	l := replay.New(r, sidx.NewCache(0))
	l.Offer(sound)
	_, err := l.Read([]segment.Span{segment.Plain(1), segment.Plain(2)}, nil)
	if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Segment != 2 || len(l.Refused) != 1 || !strings.Contains(l.Refused[0], "contradicts") {
		t.Errorf("Read = %v, refused %q, want damage of segment 2 and a checkpoint that contradicts", err, l.Refused)
	}

	other := rows(8, 2)
	other.SetBytes(name, disk.Bytes(name))
	sound, refused = checkpoint.Load(other.FS(), []string{name})
	if len(refused) > 0 {
		t.Fatal(refused)
	}
	f := follower(t, other)
	f.Offer(sound)
	if err := f.Read(t.Context()); err != nil || indexed(f) != 3 || len(f.Refused) != 1 || !strings.Contains(f.Refused[0], "another store") {
		t.Errorf("Read = %v with %d events, refused %q, want 3 and a checkpoint of another store", err, indexed(f), f.Refused)
	}
}

// TestFollowBesideMerges: a follower comes to the end of a long log although each file that it
// comes to was merged since it looked what files there are.
func TestFollowBesideMerges(t *testing.T) {
	const segments = 15
	disk, merging := rows(7, segments), false
	disk.OnOp(func(op faultfs.Op, name string) {
		n, ok := segment.ParseName(name)
		if op != faultfs.OpOpen || !ok || merging || n%2 == 0 || n >= segments || disk.Bytes(name) == nil {
			return
		}
		merging = true
		merge(t, disk, n, n+1)
		merging = false
	})
	f := follower(t, disk)
	if err := f.Read(t.Context()); err != nil || indexed(f) != 2*segments-1 {
		t.Errorf("Read beside merges = %v with %d events, want %d", err, indexed(f), 2*segments-1)
	}
	if names := disk.Names(); len(names) != segments/2+1 {
		t.Errorf("there are %q, want all but the last one to be merged", names)
	}
}
