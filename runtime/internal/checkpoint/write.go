package checkpoint

import (
	"errors"
	"fmt"
	"io"

	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Write writes a checkpoint of a segment up to the end of a group of events, all of
// which is durable, in place of the one of this name.
//
// Errors are a [*segment.DamageError] if the segment does not hold that, or the
// disk's. After an error the checkpoint of this name is the one that was there before,
// or none.
//
//	openat     <name>.tmp               O_CREAT|O_EXCL
//	pwrite     <name>.tmp               pages, the trailer, the mark
//	fdatasync  <name>.tmp
//	close      <name>.tmp
//	renameat   <name>.tmp → <name>
func Write(dir vfs.FS, r *segment.Reader, name string, number uint64, end int64) error {
	b, m, err := gather(r, number, end)
	if err != nil {
		return err
	}
	temp := name + vfs.TempSuffix
	if err = writeFile(dir, temp, b, m); err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		sometimes.Reached("checkpoint could not be written")
		_ = dir.Remove(temp) // only to give the space back; the next opening does it again
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// indexed is an index that was gathered, and the digest of what it is of.
type indexed struct {
	*sidx.Builder
	digest [32]byte
}

// gather reads what a checkpoint is to cover.
func gather(r *segment.Reader, number uint64, end int64) (x indexed, m Mark, err error) {
	m = Mark{Segment: number, End: end}
	from, err := footer.Begin(r, number)
	if err != nil {
		return x, m, err
	}
	m.Store = from.Store
	x.Builder = sidx.NewBuilder(sidx.Place{Store: m.Store, Segment: number, Prefix: uint64(end)})
	err = from.To(end, func(s *segment.Scanner, _ [16]byte, rec *format.Record, offset uint32) {
		x.Began(s.Group().Incarnation, rec.Sequence)
		x.Add(rec, offset)
		m.Group, m.Last = s.Offset(), rec.Sequence
	})
	if err != nil {
		return x, m, err
	}
	x.digest = from.Digest.Sum()
	m.Seam, _, err = m.join(r, from.SegmentHeader)
	return x, m, err
}

// writeFile makes a file that is durable but for its name.
func writeFile(dir vfs.FS, name string, x indexed, m Mark) error {
	f, err := dir.Create(name)
	if err != nil {
		return err
	}
	w := &tail{w: io.NewOffsetWriter(f, 0)}
	if err = x.Write(w, uint64(m.End), x.digest); err == nil {
		_, err = f.WriteAt(m.append(w.last[:])[trailerSize:], w.size)
	}
	if err == nil {
		err = planted.Skip("checkpoint gets its name before it is synced", f.Sync)
	}
	return errors.Join(err, f.Close())
}

// tail passes on what is written and remembers the last of it.
type tail struct {
	w    io.Writer
	size int64
	last [trailerSize]byte
}

func (t *tail) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.size += int64(n)
	if n < trailerSize {
		copy(t.last[:], t.last[n:])
	}
	copy(t.last[max(0, trailerSize-n):], p[max(0, n-trailerSize):n])
	return n, err
}
