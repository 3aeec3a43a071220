package recovery

import (
	"errors"
	"fmt"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// repair makes the end of a log that was read durable and ready for more.
type repair struct {
	dir    vfs.FS
	found  *replay.Inventory
	log    *replay.Log
	tail   *replay.Tail
	report *Report
}

// run makes the last segment end where the tail says, durably, and returns its
// writer.
func (r *repair) run() (*segment.Writer, error) {
	if err := removeAll(r.dir, r.found.Temps); err != nil {
		return nil, err
	}
	t, number := r.tail, r.log.Header.Segment
	if t.Rest > t.End {
		sometimes.Reached("torn tail was cut off")
		if err := r.keepTail(number); err != nil {
			return nil, err
		}
	}
	if !t.Groups && !planted.Bug("segment without groups is taken as it looks") {
		header := format.AppendSegmentHeader(nil, r.log.Header)
		if err := vfs.WriteFile(r.dir, segment.Name(number), header); err != nil {
			return nil, err
		}
		sometimes.Reached("segment without groups was published again")
		r.report.Rewritten = t.End
		t.Proof, t.Size = t.End, t.End
	}
	f, err := r.dir.Open(segment.Name(number), vfs.ReadWrite)
	if err != nil {
		return nil, fmt.Errorf("open segment %d: %w", number, err)
	}
	w := segment.Resume(f, number, t.Proof, t.End, t.Size)
	if err := r.settle(w); err != nil {
		return nil, errors.Join(fmt.Errorf("make the end of segment %d durable: %w", number, err), f.Close())
	}
	return w, nil
}

// settle makes the groups of the last segment durable and cuts off the rest.
func (r *repair) settle(w *segment.Writer) error {
	t := r.tail
	if t.Clean() || !t.Groups || planted.Bug("recovered tail is neither cut nor synced") {
		return nil
	}
	if r.report.Rewritten = t.End - t.Proof; r.report.Rewritten > 0 {
		sometimes.Reached("unproven tail was written again")
	}
	if t.Closed {
		sometimes.Reached("something lay behind the close group")
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
	r.report.Lost, err = keep(r.dir, r.found.Lost, f, number, r.tail.End, r.tail.Rest)
	return errors.Join(err, f.Close())
}
