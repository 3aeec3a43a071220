package commit_test

import (
	"context"
	"errors"
	"math"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/commit"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/checkfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestExhaustedSegments: the log does not begin a segment that the position of a
// record could not name, and stays as it was.
func TestExhaustedSegments(t *testing.T) {
	for _, last := range []uint64{math.MaxUint32 - 1, math.MaxUint32} {
		dir := checkfs.Must(simfs.New().FS())
		h := format.SegmentHeader{Store: [16]byte{7}, Segment: last, FirstSequence: 1, PrevLength: format.SegmentHeaderSize}
		spare, err := segment.Prepare(dir, last)
		if err == nil {
			err = spare.Fill(h)
		}
		if err != nil {
			t.Fatal(err)
		}
		w, err := spare.Publish()
		if err != nil {
			t.Fatal(err)
		}
		log := commit.NewLog(commit.LogConfig{
			FS: dir, Reader: segment.NewReader(dir), Writer: w, Header: h, Digest: chain.NewSegment(), Incarnation: 1, SegmentSize: 1,
		})
		appendOne := func(sequence uint64) ([]index.Entry, error) {
			tail := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s")})
			buf := format.AppendRecord(make([]byte, format.GroupHeaderSize), format.RecordSeed(h.Store), &format.Head{Sequence: sequence, Version: 1}, &tail)
			entries := []index.Entry{{Sequence: sequence, Pos: format.Pos{Offset: format.GroupHeaderSize, Length: uint32(len(buf) - format.GroupHeaderSize)}}}
			return entries, log.Append(buf, entries)
		}
		if _, err := appendOne(1); err != nil {
			t.Fatal(err)
		}
		entries, err := appendOne(2)
		if last < math.MaxUint32 {
			if err != nil || entries[0].Pos.Segment != math.MaxUint32 {
				t.Errorf("Append() to the last segment = %v at %+v", err, entries[0].Pos)
			}
			continue
		}
		if !errors.Is(err, commit.ErrExhausted) {
			t.Errorf("Append() beyond the last segment = %v, want ErrExhausted", err)
		}
		log.SegmentSize = 1 << 20
		if _, err := appendOne(2); err != nil {
			t.Errorf("Append() of what fits after that = %v", err)
		}
	}
}

// TestFoundBytesCannotBeWrittenAgain: a log that was closed is told apart from its
// close group only by writing that again. If this fails nothing has happened:
// whoever asked is told, and nobody else.
func TestFoundBytesCannotBeWrittenAgain(t *testing.T) {
	for _, op := range []faultfs.Op{faultfs.OpRead, faultfs.OpWrite} {
		for name, ask := range map[string]func(r *rig) error{
			"append":   func(r *rig) error { return r.Submit(context.Background(), one("a", "y")) },
			"rotation": func(r *rig) error { return r.Submit(context.Background(), one("a", "y")) },
			"sync":     func(r *rig) error { return r.Submit(context.Background(), &commit.Request{Sync: true}) },
		} {
			d := simfs.New()
			r := begin(t, d, tuning{})
			if err := r.Submit(t.Context(), one("a", "x")); err != nil {
				t.Fatal(err)
			}
			r.close(t)
			tune := tuning{relaxed: name == "sync"}
			if name == "rotation" {
				tune.segmentSize = 1
			}
			r = begin(t, d, tune)
			d.Fail(faultfs.Fault{Op: op, Err: syscall.ENOSPC})
			err := ask(r)
			if failed, ok := errors.AsType[*segment.WriteError](err); !ok || !failed.Undone || !errors.Is(err, syscall.ENOSPC) || isPoisoned(err) {
				t.Errorf("%s when a %s fails = %v, want an error that leaves the log as it was", name, op, err)
			}
			if err := ask(r); err != nil {
				t.Errorf("%s when the %s works again = %v", name, op, err)
			}
			r.close(t)
		}
	}
}
