package checkpoint

import (
	"errors"
	"fmt"
	"io"

	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Write writes a checkpoint of a segment up to the end of a group of events, all of
// which is durable, in place of the one of this name. If some of that was indexed before,
// it is not read again. It returns the index, to go on with, unless that could not be made.
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
func Write(dir vfs.FS, r *segment.Reader, name string, number uint64, end int64, begun *footer.Indexing) (*footer.Indexing, error) {
	x, m, err := gather(r, number, end, begun)
	if err != nil {
		return nil, err
	}
	temp := name + vfs.TempSuffix
	if err = writeFile(dir, temp, x, m); err == nil {
		err = dir.Rename(temp, name)
	}
	if err != nil {
		sometimes.Reached("checkpoint could not be written")
		_ = dir.Remove(temp) // only to give the space back; the next opening does it again
		return x, fmt.Errorf("write %s: %w", name, err)
	}
	return x, nil
}

// gather indexes what a checkpoint is to cover.
func gather(r *segment.Reader, number uint64, end int64, begun *footer.Indexing) (x *footer.Indexing, m Mark, err error) {
	if x = begun; x == nil || x.Segment != number || x.End() > end {
		if x, err = footer.Index(r, number); err != nil {
			return nil, m, err
		}
	} else {
		sometimes.Reached("checkpoint went on where the one before ended")
	}
	if err = x.On(r, end); err != nil {
		return nil, m, err
	}
	m = Mark{Store: x.Store, Segment: number, Group: x.Group, End: end, Last: x.Last}
	m.Seam, _, err = m.join(r, x.SegmentHeader)
	return x, m, err
}

// writeFile makes a file that is durable but for its name.
func writeFile(dir vfs.FS, name string, x *footer.Indexing, m Mark) error {
	f, err := dir.Create(name)
	if err != nil {
		return err
	}
	w := &tail{w: io.NewOffsetWriter(f, 0)}
	if err = x.Builder.WritePrefix(w, uint64(m.End), x.Digest.Sum()); err == nil {
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
