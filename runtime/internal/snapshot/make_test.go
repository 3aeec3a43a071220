package snapshot_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/snapshot"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// source is the segments of a store, each longer than what a copy writes at once.
func source(t testing.TB, segments int) (disk *simfs.Disk, p snapshot.Plan) {
	t.Helper()
	disk = simfs.New()
	p = snapshot.Plan{Store: [16]byte{7}, Last: uint64(segments), Random: func(b []byte) { clear(b) }}
	h := format.SegmentHeader{Store: p.Store, Segment: 1, FirstSequence: 1}
	for range segments {
		b := format.AppendSegmentHeader(nil, h)
		next := h.FirstSequence
		for range 4 {
			e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s"), Payload: make([]byte, 100<<10)})
			body := format.AppendRecord(nil, format.RecordSeed(p.Store), &format.Head{Sequence: next, Version: next, ID: [16]byte{1}}, &e)
			at := format.Place{Store: p.Store, Segment: h.Segment, Offset: int64(len(b))}
			b = format.AppendGroup(b, format.GroupHeader{Type: format.GroupEvents, FirstSequence: next, Count: 1, Incarnation: 1}, at, body)
			next++
		}
		disk.SetBytes(segment.Name(h.Segment), b)
		p.End = int64(len(b))
		digest := chain.NewSegment()
		digest.Write(b)
		h = format.SegmentHeader{Store: p.Store, Segment: h.Segment + 1, FirstSequence: next, PrevLength: uint64(len(b)), PrevDigest: digest.Sum()}
	}
	p.From = segment.NewReader(disk.FS())
	t.Cleanup(func() { p.From.Close() })
	return disk, p
}

// TestMakeRefusesFilesOfOthers: where the file of another segment, or of another store,
// stands in the place of one, there is no snapshot, and nothing is left of it.
func TestMakeRefusesFilesOfOthers(t *testing.T) {
	for what, spoil := range map[string]func(disk *simfs.Disk, p *snapshot.Plan){
		"another segment": func(disk *simfs.Disk, _ *snapshot.Plan) { disk.SetBytes(segment.Name(2), disk.Bytes(segment.Name(3))) },
		"another store, without groups": func(disk *simfs.Disk, p *snapshot.Plan) {
			p.Last, p.End = 2, format.SegmentHeaderSize
			b := slices.Clone(disk.Bytes(segment.Name(2)))[:p.End]
			h, err := format.ParseSegmentHeader(b)
			if err != nil {
				t.Fatal(err)
			}
			h.Store[0]++
			copy(b, format.AppendSegmentHeader(nil, h))
			disk.SetBytes(segment.Name(2), b)
		},
	} {
		disk, p := source(t, 3)
		spoil(disk, &p)
		into := simfs.New()
		_, err := snapshot.Make(t.Context(), into.FS(), p)
		if d, ok := errors.AsType[*segment.DamageError](err); !ok || d.Segment != 2 || len(into.Names()) > 0 {
			t.Errorf("%s: Make() = %v and leaves %q, want damage of segment 2 and nothing", what, err, into.Names())
		}
	}
}

// TestMakeFails: of a snapshot that the disk does not let be made nothing is left or, if it
// does not let that be taken away either, what no opening takes for a store.
func TestMakeFails(t *testing.T) {
	disk, p := source(t, 2)
	for _, op := range []faultfs.Op{faultfs.OpCreate, faultfs.OpWrite, faultfs.OpSync, faultfs.OpSyncDir, faultfs.OpList} {
		for _, stuck := range []*faultfs.Fault{nil, {Op: faultfs.OpRemove, Err: syscall.EACCES}, {Op: faultfs.OpRemove, Err: syscall.EACCES, Sticky: true}} {
			for n, fired := 1, true; fired; n++ {
				into, ops := simfs.New(), 0
				into.OnOp(func(o faultfs.Op, _ string) {
					if o == op {
						ops++
					}
				})
				into.Fail(faultfs.Fault{Op: op, N: n})
				if stuck != nil {
					into.Fail(*stuck)
				}
				_, err := snapshot.Make(t.Context(), into.FS(), p)
				into.Heal()
				fired = ops >= n
				left := into.Names()
				last := op == faultfs.OpSyncDir && errors.Is(err, syscall.EIO) && !slices.Contains(left, replay.Unfinished) && len(left) > 0
				switch {
				case !fired && stuck == nil:
					if err != nil || len(left) != 2 {
						t.Errorf("no %s %d: Make() = %v and leaves %q", op, n, err, left)
					}
				case last: // the guard was gone by then, and the store is whole
				case fired && !errors.Is(err, syscall.EIO), !fired && !errors.Is(err, syscall.EACCES):
					t.Errorf("%s %d fails, and %+v: Make() = %v", op, n, stuck, err)
				case len(left) > 0 && !slices.Contains(left, replay.Unfinished), len(left) > 0 && op != faultfs.OpSyncDir && stuck == nil:
					t.Errorf("%s %d fails, and %+v: it leaves %q", op, n, stuck, left)
				}
			}
		}
	}
	into := simfs.New()
	if _, err := snapshot.Make(t.Context(), into.FS(), p); err != nil || !bytes.HasPrefix(into.Bytes(segment.Name(2)), disk.Bytes(segment.Name(2))) {
		t.Errorf("Make() = %v, and the last segment does not begin as it was", err)
	}
}

// TestMakeBesideAnother: who begins a snapshot in the same directory at the same moment, by
// whatever way round the lock, keeps it.
func TestMakeBesideAnother(t *testing.T) {
	_, p := source(t, 1)
	into := simfs.New()
	into.OnOp(func(op faultfs.Op, name string) {
		if op == faultfs.OpCreate && name == replay.Unfinished {
			into.SetBytes(name, []byte("another's"))
		}
	})
	_, err := snapshot.Make(t.Context(), into.FS(), p)
	if !errors.Is(err, fs.ErrExist) || string(into.Bytes(replay.Unfinished)) != "another's" || len(into.Names()) != 1 {
		t.Errorf("Make() = %v and leaves %q, want ErrExist and the other's guard", err, into.Names())
	}
}
