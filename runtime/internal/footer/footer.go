package footer

import (
	"errors"
	"fmt"
	"io"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// ErrShared says that a segment's file has other names, so that others would see what
// is written to it.
var ErrShared = errors.New("the file is shared with another directory")

// Write writes the footer of a sealed segment that holds events, makes it durable,
// and returns its run. What is behind the segment's groups is lost. If some of the segment
// was indexed before, that is not read again.
//
// Errors are a [*segment.DamageError] if the segment is not what the next one says
// of it, in which case nothing was written, or the disk's. After an error of the
// disk there may be half a footer, and Write may be called again. It fails with
// [ErrShared] if the file is, and has not got its footer before.
//
//	ftruncate  <number>.seg   to the end of its groups
//	pwrite     <number>.seg   pages, the trailer last
//	fdatasync  <number>.seg
func Write(dir vfs.FS, r *segment.Reader, number uint64, cache *sidx.Cache, begun *Indexing) (*sidx.Run, error) {
	span := r.Span(number)
	x, sealed, err := begun.sealed(r, number)
	if err != nil {
		return nil, err
	}
	shared, err := dir.Shared(span.Name())
	if err == nil && shared && !planted.Bug("footer is written to a file that is shared") {
		sometimes.Reached("segment that is shared got no footer")
		return nil, fmt.Errorf("write the footer of segment %d: %w", number, ErrShared)
	}
	if err != nil {
		return nil, fmt.Errorf("write the footer of segment %d: %w", number, err)
	}
	f, err := dir.Open(span.Name(), vfs.ReadWrite)
	if err != nil {
		return nil, fmt.Errorf("write the footer of segment %d: %w", number, err)
	}
	err = write(f, x.Builder, sealed)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("write the footer of segment %d: %w", number, err)
	}
	return Open(r, span, sealed.Store, cache)
}

func write(f vfs.File, b *sidx.Builder, sealed format.SegmentHeader) error {
	end := int64(sealed.PrevLength)
	if err := f.Truncate(end); err != nil {
		return err
	}
	if err := b.Write(io.NewOffsetWriter(f, end), sealed.PrevLength, sealed.PrevDigest); err != nil {
		_ = f.Truncate(end) // if the disk is full, the log needs the space more
		return err
	}
	return f.Sync()
}

// Open opens the footer of a file of a store. A [*sidx.DamageError] says that there is
// none that can be trusted.
func Open(r *segment.Reader, span segment.Span, store [16]byte, cache *sidx.Cache) (*sidx.Run, error) {
	size, err := r.Size(span)
	if err != nil {
		return nil, err
	}
	return sidx.Open(r.File(span), size, place(span, store), cache)
}

// OpenMerged opens the footer of a merged segment with this header, be it served or not. If
// that is not to be trusted it makes rows of what the file says itself. With either it
// returns the last id, and nothing at all if there is no event.
func OpenMerged(r *segment.Reader, span segment.Span, m *format.MergedHeader, cache *sidx.Cache) (run *sidx.Run, rows *index.Index, last [16]byte, err error) {
	if m.NextSequence == m.FirstSequence {
		return nil, nil, last, nil
	}
	run, err = Open(r, span, m.Store, cache)
	_, damaged := errors.AsType[*sidx.DamageError](err)
	switch {
	case err == nil && run.Length == m.Length && run.Digest == m.Digest:
		return run, nil, run.MaxID, nil
	case err != nil && !damaged:
		return nil, nil, last, err
	}
	sometimes.Reached("index of a segment that was merged under a reader was damaged")
	s, err := r.ScanMerged(span)
	if err == nil {
		rows, last, err = scan(r, s)
	}
	return nil, rows, last, err
}

func place(s segment.Span, store [16]byte) sidx.Place {
	return sidx.Place{Store: store, Segment: s.First, Round: s.Round}
}

// Scan makes the index of a sealed segment by reading it. Errors are those of
// [Write] that are about reading.
func Scan(r *segment.Reader, number uint64) (*index.Index, error) {
	s, err := r.Scan(number)
	if err != nil {
		return nil, err
	}
	x, _, err := scan(r, s)
	return x, err
}

func scan(r *segment.Reader, s *segment.Scanner) (x *index.Index, last [16]byte, err error) {
	var entry [1]index.Entry
	err = read(r, s, func(s *segment.Scanner, _ [16]byte, rec *format.Record, offset uint32) {
		if x == nil {
			x = index.New(rec.Sequence)
		}
		x.Began(rec.Sequence, s.Group().Incarnation)
		entry[0] = index.EntryOf(rec, format.Pos{Segment: uint32(s.Segment()), Offset: offset, Length: uint32(rec.Length)})
		x.Add(entry[:])
		last = rec.ID
	})
	return x, last, err
}

// read reads the events of a sealed segment.
func read(r *segment.Reader, s *segment.Scanner, visit Visitor) error {
	x, err := begin(s)
	if err != nil {
		return err
	}
	next, err := x.claim(r)
	if err != nil {
		return err
	}
	if err := x.To(int64(next.PrevLength), visit); err != nil {
		return err
	}
	return x.holds(&next)
}

// claim is the header of the next segment, which says what this one must be if it is
// sealed.
func (x *Reading) claim(r *segment.Reader) (format.SegmentHeader, error) {
	if m, ok := x.scanner.Merged(); ok {
		return segment.Claim(&m), nil
	}
	return head(r, x.Segment+1)
}

// holds reports, as an error, that what was read is not what the next segment says.
func (x *Reading) holds(next *format.SegmentHeader) error {
	if x.Digest.Sum() != next.PrevDigest || x.Store != next.Store || x.next != next.FirstSequence {
		return x.differs("length or digest differ from what is said of it, by the next segment or by itself")
	}
	return nil
}

// head reads the header of a segment.
func head(r *segment.Reader, number uint64) (format.SegmentHeader, error) {
	s, err := r.Scan(number)
	if err != nil {
		return format.SegmentHeader{}, err
	}
	return s.Head()
}
