package recovery

import (
	"errors"
	"fmt"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/compact"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// repair makes the end of a log that was read durable and ready for more.
type repair struct {
	dir        vfs.FS
	found      *replay.Inventory
	settlement *compact.Settlement
	log        *replay.Log
	tail       *replay.Tail
	report     *Report
}

// run makes the last segment end where the tail says, durably, and returns its
// writer.
func (r *repair) run() (*segment.Writer, error) {
	if err := r.settlement.Apply(); err != nil {
		return nil, err
	}
	if err := removeAll(r.dir, r.found.Temps); err != nil {
		return nil, err
	}
	t, number := r.tail, r.log.Header.Segment
	if err := r.renew(number); err != nil {
		return nil, err
	}
	if t.Rest > t.End {
		sometimes.Reached("torn tail was cut off")
		if err := r.keepTail(number); err != nil {
			return nil, err
		}
	}
	if !t.Header { // only the first one can be without
		header := format.AppendSegmentHeader(nil, r.log.Header)
		if err := vfs.WriteFile(r.dir, segment.Name(number), header); err != nil {
			return nil, err
		}
		t.Proof, t.Size = t.End, t.End
	}
	f, err := r.dir.Open(segment.Name(number), vfs.ReadWrite)
	if err != nil {
		return nil, fmt.Errorf("open segment %d: %w", number, err)
	}
	if t.Closed && planted.Bug("close group that is seen counts as durable") {
		t.Proof = t.End
	}
	w := segment.Resume(f, number, t.Proof, t.End, t.Size)
	if err := r.settle(w); err != nil {
		return nil, errors.Join(fmt.Errorf("make the end of segment %d durable: %w", number, err), f.Close())
	}
	return w, nil
}

// renew makes sure of the name of a last segment without groups, as nothing proves
// it: an earlier sync of the directory may have failed. A tail that was kept of the
// segment proves that this was done, and so does the footer of the segment before,
// which is why the name must not go away for a moment then: nor beside a merge, where
// that footer is not believed in anything else, as the next opening finds no merge.
func (r *repair) renew(number uint64) error {
	kept := slices.ContainsFunc(r.found.Lost, func(name string) bool {
		n, _ := replay.ParseLostName(name)
		return n == number
	})
	if r.tail.Groups || !r.tail.Header || kept || r.log.Named {
		return nil
	}
	sometimes.Reached("name of a segment without groups was renewed")
	return planted.Skip("name of a segment without groups is not renewed", func() error {
		return vfs.Renew(r.dir, segment.Name(number))
	})
}

// settle makes the groups of the last segment durable and cuts off the rest, but
// for the room of a close group, which a full disk might not give again.
func (r *repair) settle(w *segment.Writer) error {
	t := r.tail
	if t.Clean() || planted.Bug("recovered tail is neither cut nor synced") {
		return nil
	}
	if r.report.Rewritten = t.End - t.Proof; r.report.Rewritten > 0 {
		sometimes.Reached("unproven tail was written again")
	}
	if t.Closed {
		sometimes.Reached("something lay behind the close group")
	}
	if planted.Bug("recovered tail is cut but not synced") {
		return w.File().Truncate(t.End)
	}
	if t.Rest == t.End {
		return w.Trim()
	}
	_, err := w.Seal()
	return err
}

// keepTail puts a torn tail aside.
func (r *repair) keepTail(number uint64) (err error) {
	f, err := r.dir.Open(segment.Name(number), vfs.ReadOnly)
	if err != nil {
		return fmt.Errorf("open segment %d: %w", number, err)
	}
	r.report.Cut = r.tail.Rest - r.tail.End
	if planted.Bug("torn tail is not kept") {
		return f.Close()
	}
	r.report.Lost, r.report.Kept, err = keep(r.dir, r.found.Lost, f, number, r.tail.End, r.tail.Rest)
	return errors.Join(err, f.Close())
}
