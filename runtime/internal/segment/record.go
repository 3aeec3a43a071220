package segment

import (
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Record reads one record into rec, whose slices are the caller's. The seed is the
// store's, from [format.RecordSeed]. A [*DamageError] says that there is no such
// record, be it that the file is gone.
func (r *Reader) Record(rec *format.Record, pos format.Pos, seed uint32) error {
	if err := r.fits(pos); err != nil {
		return err
	}
	buf := make([]byte, pos.Length)
	if err := r.readFull(pos, buf); err != nil {
		return err
	}
	return parse(rec, buf, pos, seed)
}

// fits fails if a large record would not lie in its file, so that no memory is taken for
// a length that somebody made up.
func (r *Reader) fits(pos format.Pos) error {
	if pos.Length <= maxWindow {
		return nil
	}
	f, err := r.pin(uint64(pos.Segment))
	if err != nil {
		return err
	}
	defer r.unpin(f)
	size, err := f.Size()
	if err == nil && int64(pos.Offset)+int64(pos.Length) > size {
		sometimes.Reached("large record lay behind the end of its segment")
		err = ended(pos)
	}
	return err
}

// ended is the error of a record that is not all there.
func ended(pos format.Pos) error {
	return &DamageError{Segment: uint64(pos.Segment), Offset: int64(pos.Offset), Reason: "the file ends before the record does"}
}

// readFull fills p with the bytes from pos on.
func (r *Reader) readFull(pos format.Pos, p []byte) error {
	n, err := r.readAt(uint64(pos.Segment), p, int64(pos.Offset))
	if err == nil && n < len(p) {
		sometimes.Reached("record lay behind the end of its segment")
		return ended(pos)
	}
	return err
}

// parse reads into rec the record that takes all of b.
func parse(rec *format.Record, b []byte, pos format.Pos, seed uint32) error {
	rest, err := rec.Parse(b, seed)
	if err == nil && len(rest) > 0 {
		err = &format.Error{Reason: "record of another length"}
	}
	if err != nil {
		return judge(err, uint64(pos.Segment), int64(pos.Offset))
	}
	return nil
}
