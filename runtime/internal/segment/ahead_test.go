package segment_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestZerosAhead: whoever writes zeros ahead, and whatever fails of the writer's calls or
// of theirs, the segment holds the groups that were accepted, zeros behind them, and
// nothing behind its end once it is sealed; what is durable is so after a power cut.
func TestZerosAhead(t *testing.T) {
	for seed := range uint64(150) {
		for _, beside := range []bool{false, true} {
			if err := zerosAhead(t, seed, beside); err != nil {
				t.Fatalf("seed %d, zeros by another goroutine %v: %v", seed, beside, err)
			}
		}
	}
}

func zerosAhead(t *testing.T, seed uint64, beside bool) error {
	r := rand.New(rand.NewPCG(seed, 21))
	disk := simfs.New()
	var helpers sync.WaitGroup
	defer helpers.Wait()
	var w *segment.Writer
	if limit := int64(1) << (8 + r.IntN(12)); beside { // whose calls are in no order that checkfs could hold to the protocol
		var err error
		if w, err = tryCreate(disk.FS(), header(1)); err != nil {
			return err
		}
		w.Help(limit, func(do func()) { helpers.Go(func() { runtime.Gosched(); do() }) })
	} else {
		w = create(t, disk.FS(), 1)
		w.Help(limit, nil)
	}
	now := func() []byte { return disk.Bytes(segment.Name(1)) }
	want := bytes.Clone(now()[:w.End()])
	holds := func(all []byte) error {
		if len(all) < len(want) || !bytes.Equal(all[:len(want)], want) {
			return fmt.Errorf("%d bytes of groups are not as they were accepted", len(want))
		}
		if rest := bytes.TrimLeft(all[len(want):], "\x00"); len(rest) > 0 {
			return fmt.Errorf("behind %d bytes of groups there are others than zeros: %x", len(want), rest[:min(len(rest), 50)])
		}
		return nil
	}
	for i := range uint64(12) {
		if r.IntN(3) == 0 {
			op := []simfs.Op{simfs.OpWrite, simfs.OpWrite, simfs.OpWrite, simfs.OpTruncate, simfs.OpSync}[r.IntN(5)]
			disk.Fail(simfs.Fault{Op: op, N: 1 + r.IntN(4), Kept: r.IntN(2) == 0, Err: []error{syscall.EIO, syscall.ENOSPC}[r.IntN(2)]})
		}
		g, _ := group(w, 1, i+1, r.IntN(1<<(4+r.IntN(12))))
		err := w.Write(g)
		if err == nil {
			want = append(want, g...)
		} else if failed, ok := errors.AsType[*segment.WriteError](err); !ok || !failed.Undone {
			w.Stop()
			return nil // it is of no use any more
		}
		if err := holds(now()); err != nil {
			return fmt.Errorf("after a write of %d bytes: %w", len(g), err)
		}
		if r.IntN(2) > 0 && w.Sync() != nil {
			w.Stop()
			return nil
		}
		if cut := disk.CutHard().Bytes(segment.Name(1)); int64(len(cut)) < w.Durable() || !bytes.Equal(cut[:w.Durable()], want[:w.Durable()]) {
			return fmt.Errorf("a power cut takes of the first %d bytes", w.Durable())
		}
	}
	disk.Heal()
	if r.IntN(2) == 0 {
		err := w.Sync()
		g := closeGroup(w, 1, 99)
		if err = errors.Join(err, w.WriteLast(g)); err != nil {
			return fmt.Errorf("WriteLast() = %w", err)
		}
		want = append(want, g...)
	}
	length, err := w.Seal()
	helpers.Wait()
	for _, all := range [][]byte{now(), disk.CutHard().Bytes(segment.Name(1))} {
		if err != nil || length != int64(len(want)) || !bytes.Equal(all, want) {
			return fmt.Errorf("Seal() = %d, %v, and there are %d bytes, want %d", length, err, len(all), len(want))
		}
	}
	return nil
}

// TestZerosAheadMakeRoom: groups and the room behind them come into zeros that somebody else has
// written.
func TestZerosAheadMakeRoom(t *testing.T) {
	disk := simfs.New()
	w := create(t, disk.FS(), 1)
	var due []func()
	w.Help(1<<20, func(do func()) { due = append(due, do) })
	grew := 0
	for i := range uint64(250) {
		before := len(disk.Bytes(segment.Name(1)))
		fill(t, w, 1, i+1, 300)
		after := len(disk.Bytes(segment.Name(1)))
		if after != before {
			grew++
		}
		if int64(after) < w.End()+format.GroupHeaderSize {
			t.Fatalf("group %d has no room behind it", i+1)
		}
		for _, do := range due {
			do()
		}
		due = nil
	}
	if grew != 1 {
		t.Errorf("%d groups made the file grow, want the first one alone", grew)
	}
	if _, err := w.Seal(); err != nil || int64(len(disk.Bytes(segment.Name(1)))) != w.End() {
		t.Errorf("Seal() = %v, and there are %d bytes, want %d", err, len(disk.Bytes(segment.Name(1))), w.End())
	}
}

// TestZerosAheadFail: zeros that the disk refuses are told to nobody; those that are there
// all the same are cut off with the segment, and when more was appended others are written.
func TestZerosAheadFail(t *testing.T) {
	for _, closes := range []bool{true, false} {
		disk := simfs.New()
		w := create(t, disk.FS(), 1)
		w.Help(1<<20, func(do func()) { do() })
		disk.Fail(simfs.Fault{Op: simfs.OpWrite, N: 3, Kept: true, Err: syscall.ENOSPC}) // after the room and the group
		fill(t, w, 1, 1, 10)
		size := func() int64 { return int64(len(disk.Bytes(segment.Name(1)))) }
		if size() == w.End()+format.GroupHeaderSize {
			t.Fatal("nothing was written ahead")
		}
		if closes {
			if err := w.WriteLast(closeGroup(w, 1, 2)); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Seal(); err != nil || size() != w.End() {
				t.Errorf("Seal() = %v, and there are %d bytes, want %d", err, size(), w.End())
			}
			continue
		}
		for i := range uint64(100) {
			fill(t, w, 1, i+2, 100)
		}
		if size() < w.End()+2<<10 {
			t.Errorf("nothing was written ahead again: there are %d bytes behind the groups", size()-w.End())
		}
		soundTo(t, disk, w)
	}
}
