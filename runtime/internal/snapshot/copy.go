package snapshot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// bufferSize is how many bytes are written at once, or more if a group is longer.
const bufferSize = 256 << 10

// header is the header of a segment's file that was read, and the scanner behind it.
type header struct {
	format.SegmentHeader
	raw  []byte
	rest *segment.Scanner
}

// claim is what next, which follows, or a merged segment itself says of it.
func (h *header) claim(next *header) format.SegmentHeader {
	if m, ok := h.rest.Merged(); ok {
		return segment.Claim(&m)
	}
	return next.SegmentHeader
}

// head reads the header of a segment, which is one of this store.
func (m *maker) head(from *segment.Reader, number uint64) (header, error) {
	s, err := from.Scan(number)
	if err != nil {
		return header{}, err
	}
	h, err := s.Head()
	if err != nil {
		return header{}, err
	}
	if h.Store != m.Store || h.Segment != number {
		return header{}, &segment.DamageError{Segment: number, Reason: "the header is that of another segment or store"}
	}
	return header{h, slices.Clone(s.Bytes()), s}, nil
}

// clone makes a clone of a segment of which this is said, and reads what that holds on the
// disk. It fails with [errors.ErrUnsupported] if there is to be, or can be, none.
func (m *maker) clone(ctx context.Context, h header, next format.SegmentHeader) error {
	if m.Clone == nil {
		return errors.ErrUnsupported
	}
	span := h.rest.Span()
	err := m.Clone(span.Name(), m.dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	m.own(span.Name(), err)
	if err != nil {
		return fmt.Errorf("clone segment %d: %w", h.Segment, err)
	}
	sometimes.Reached("snapshot made a clone of a file")
	f, err := m.dir.Open(span.Name(), vfs.ReadWrite)
	if err == nil {
		err = errors.Join(planted.Skip("cloned segment is not synced", f.Sync), f.Close())
	}
	if err != nil {
		return fmt.Errorf("clone segment %d: %w", h.Segment, err)
	}
	r := segment.NewReader(m.dir)
	if span.Round > 0 {
		r.Serve(span)
	}
	size, err := r.Size(span)
	if err == nil {
		h, err = m.head(r, h.Segment)
	}
	digest := [32]byte{}
	if err == nil {
		digest, err = groups(ctx, h, int64(next.PrevLength), func([]byte) error { return nil })
	}
	m.report.Cloned += size
	return errors.Join(held(h, next, digest, err), r.Close())
}

// copySealed copies a segment of which this is said.
func (m *maker) copySealed(ctx context.Context, h header, next format.SegmentHeader) error {
	digest, err := m.copy(ctx, h, int64(next.PrevLength), nil)
	return held(h, next, digest, err)
}

// held holds a segment that was read, unless there was an error, against what is said of it.
func held(h header, next format.SegmentHeader, digest [32]byte, err error) error {
	if err == nil && digest != next.PrevDigest && !planted.Bug("copy of a segment is not held against its digest") {
		sometimes.Reached("snapshot met a segment with another digest")
		err = &segment.DamageError{
			Segment: h.Segment, End: int64(next.PrevLength), FirstSequence: h.FirstSequence, LastSequence: next.FirstSequence - 1,
			Reason: "the digest is not what is said of it, by the next segment or by itself",
		}
	}
	return err
}

// copyLast copies the last segment and puts a close group at its end.
func (m *maker) copyLast(ctx context.Context, h header) error {
	_, err := m.copy(ctx, h, m.End, func() []byte {
		last := h.rest.Group()
		g := format.GroupHeader{
			Type: format.GroupClose, FirstSequence: max(h.FirstSequence, last.FirstSequence+uint64(last.Count)),
			Durable: uint32(m.End), Incarnation: m.opening(max(last.Incarnation, m.merged)),
		}
		return format.AppendGroup(nil, g, format.Place{Store: m.Store, Segment: h.Segment, Offset: m.End}, nil)
	})
	return err
}

// opening is the number of the opening that the close group says it is of: one of the
// next thousandth, or so, of those that are left. Whoever writes to the snapshot has
// a higher one, and so has, with next to no chance of its being the same, whoever
// goes on with the store, or with another snapshot.
func (m *maker) opening(last uint32) uint32 {
	left := math.MaxUint32 - last
	if left == 0 || planted.Bug("snapshot counts openings as its store does") {
		return max(1, last)
	}
	var b [4]byte
	m.Random(b[:])
	return last + 1 + binary.LittleEndian.Uint32(b[:])%max(1, left>>10)
}

// copy copies the groups of a segment up to an offset, and what more says to write
// behind them, to a file that is durable then. It returns the digest of the groups.
func (m *maker) copy(ctx context.Context, h header, end int64, more func() []byte) ([32]byte, error) {
	name := h.rest.Span().Name()
	f, err := m.dir.Create(name)
	m.own(name, err)
	if err != nil {
		return [32]byte{}, fmt.Errorf("copy segment %d: %w", h.Segment, err)
	}
	w := writer{file: f}
	digest, err := groups(ctx, h, end, w.write)
	if err == nil && more != nil {
		err = w.write(more())
	}
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		err = planted.Skip("copied segment is not synced", f.Sync)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return [32]byte{}, fmt.Errorf("copy segment %d: %w", h.Segment, err)
	}
	m.report.Copied += w.end
	return digest, nil
}

// writer writes a file from its beginning.
type writer struct {
	file   vfs.File
	end    int64
	buffer []byte
}

// groups has take called for the header of a segment and for each of its groups, checked, up
// to an offset. It returns their digest.
func groups(ctx context.Context, h header, end int64, take func(raw []byte) error) (sum [32]byte, err error) {
	s, digest := h.rest, chain.NewSegment()
	_, merged := s.Merged()
	for raw := h.raw; ; raw = s.Bytes() {
		if !merged { // whose digest does not cover its header
			digest.Write(raw)
		}
		merged = false
		if err := take(raw); err != nil {
			return sum, err
		}
		if s.End() == end {
			return digest.Sum(), nil
		}
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		ok, err := s.Next()
		if err != nil {
			return sum, err
		}
		if !ok || s.End() > end {
			sometimes.Reached("snapshot met a segment that ends elsewhere")
			return sum, &segment.DamageError{
				Segment: h.Segment, Offset: min(s.End(), end),
				Reason: fmt.Sprintf("the groups end at %d, not at %d", s.End(), end),
			}
		}
	}
}

func (w *writer) write(b []byte) error {
	w.buffer = append(w.buffer, b...)
	if len(w.buffer) < bufferSize {
		return nil
	}
	return w.flush()
}

func (w *writer) flush() error {
	_, err := w.file.WriteAt(w.buffer, w.end)
	w.end += int64(len(w.buffer))
	w.buffer = w.buffer[:0]
	return err
}
