package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// Checkpoint is one whose mark is sound. What it covers is not looked at yet.
type Checkpoint struct {
	Mark
	Name string
	file vfs.File // nil once a reader has it
	size int64
}

// Load opens the checkpoints of these names, the one that covers most first, and says
// of the others why they are of no use. They are to be closed.
func Load(dir vfs.FS, names []string) (sound []*Checkpoint, refused []string) {
	for _, name := range names {
		c, why := load(dir, name)
		if why != "" {
			sometimes.Reached("checkpoint was not sound")
			refused = append(refused, name+": "+why)
			continue
		}
		sound = append(sound, c)
	}
	slices.SortFunc(sound, newer)
	return sound, refused
}

// load opens one. Whatever keeps it from that makes the checkpoint useless, no more.
func load(dir vfs.FS, name string) (c *Checkpoint, why string) {
	f, err := dir.Open(name, vfs.ReadOnly)
	if err != nil {
		return nil, err.Error()
	}
	c = &Checkpoint{Name: name, file: f}
	var end [endSize]byte
	if c.size, err = f.Size(); err == nil && c.size >= endSize {
		_, err = f.ReadAt(end[:], c.size-endSize)
	}
	if err != nil {
		why = err.Error()
	} else {
		c.Mark, why = Parse(end[:min(c.size, endSize)])
	}
	if why != "" {
		_ = f.Close() // it was only read from
		return nil, why
	}
	return c, ""
}

// Close closes the file, unless a reader has it.
func (c *Checkpoint) Close() {
	if c.file != nil {
		_ = c.file.Close() // it was only read from
		c.file = nil
	}
}

// Use holds the checkpoint against the segment whose header was read. If it fits, it
// returns the run and a scanner that goes on behind the last group; otherwise it says
// why it does not. The reader closes the file. The error is the disk's, of the segment,
// or a [*segment.NewerError].
func (c *Checkpoint) Use(r *segment.Reader, h format.SegmentHeader, cache *sidx.Cache) (run *sidx.Run, s *segment.Scanner, why string, err error) {
	switch {
	case c.Store != h.Store:
		sometimes.Reached("checkpoint was of another store")
		return nil, nil, "it is of another store", nil
	case c.Segment != h.Segment:
		sometimes.Reached("checkpoint was older than the segment")
		return nil, nil, fmt.Sprintf("it is of segment %d", c.Segment), nil
	}
	place := sidx.Place{Store: h.Store, Segment: c.Segment, Prefix: uint64(c.End)}
	file := behind{r.Attach(c.file), c.End}
	c.file = nil
	run, err = sidx.Open(file, c.End+c.size-markSize, place, cache)
	if err != nil {
		return nil, nil, err.Error(), nil
	}
	seam, s, err := c.join(r, h)
	if _, damaged := errors.AsType[*segment.DamageError](err); damaged {
		sometimes.Reached("group at the end of a checkpoint was damaged")
		return nil, nil, err.Error(), nil
	}
	if err != nil {
		return nil, nil, "", err
	}
	g := s.Group()
	switch {
	case seam != c.Seam && !planted.Bug("checkpoint of another history is believed"):
		sometimes.Reached("checkpoint was of another history")
		return nil, nil, "it is of another history", nil
	case int64(run.Length) != c.End || run.First != h.FirstSequence || run.Last != c.Last || run.Newest != g.Incarnation,
		g.FirstSequence+uint64(g.Count)-1 != c.Last:
		return nil, nil, "it contradicts the segment", nil
	}
	return run, s, "", nil
}

// behind is a file whose first byte is taken for one behind the segment.
type behind struct {
	file io.ReaderAt
	end  int64
}

func (b behind) ReadAt(p []byte, off int64) (int, error) { return b.file.ReadAt(p, off-b.end) }

// join reads the group where the checkpoint ends, and returns what holds the two
// together, and a scanner that stands there.
func (m *Mark) join(r *segment.Reader, h format.SegmentHeader) (seam [32]byte, s *segment.Scanner, err error) {
	s, err = r.ScanFrom(m.Segment, h.Store, m.Group, 0)
	if err != nil {
		return seam, nil, err
	}
	ok, err := s.Next()
	if err != nil {
		return seam, nil, err
	}
	if !ok || s.End() != m.End {
		return seam, nil, &segment.DamageError{Segment: m.Segment, Offset: m.Group, Reason: fmt.Sprintf("no group from here to %d", m.End)}
	}
	digest := chain.NewSegment()
	digest.Write(format.AppendSegmentHeader(nil, h))
	digest.Write(s.Bytes())
	return digest.Sum(), s, nil
}

// Scan makes the index that a run should be, by reading the segment. It fails with a
// [*segment.DamageError] if the segment is not what the run says, or with the disk's
// error.
func Scan(r *segment.Reader, run *sidx.Run) (*index.Index, error) {
	x := index.New(run.First)
	var entry [1]index.Entry
	_, err := read(r, run, func(s *segment.Scanner, _ [16]byte, rec *format.Record, offset uint32) {
		x.Began(rec.Sequence, s.Group().Incarnation)
		entry[0] = index.EntryOf(rec, format.Pos{Segment: uint32(run.Segment), Offset: offset, Length: uint32(rec.Length)})
		x.Add(entry[:])
	})
	return x, err
}

// read reads what a run covers.
func read(r *segment.Reader, run *sidx.Run, visit footer.Visitor) (*footer.Reading, error) {
	x, err := footer.Begin(r, run.Segment)
	if err == nil {
		err = x.To(int64(run.Length), visit)
	}
	if err != nil {
		return nil, err
	}
	return x, holds(x, run)
}

// holds fails if what was read, up to where the run ends, is not what the run is of.
func holds(x *footer.Reading, run *sidx.Run) error {
	if x.Digest.Sum() != run.Digest && !planted.Bug("damage under a checkpoint passes into the chain") {
		sometimes.Reached("damage under a checkpoint was found when its segment was ended")
		return &segment.DamageError{
			Segment: run.Segment, End: int64(run.Length), FirstSequence: run.First, LastSequence: run.Last,
			Reason: "its digest is not what a checkpoint says",
		}
	}
	return nil
}
