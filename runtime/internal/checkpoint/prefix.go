package checkpoint

import (
	"math"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// portion is how many bytes of a segment are read before somebody else may have a turn.
const portion = 2 << 20

// Prefix makes the digest of a segment that begins with what a checkpoint covers, which
// nobody has read since the store was opened. To end the segment it must be read: damage
// that came to it since the checkpoint was written is not to pass into what the next
// segment says of it, so what is read is held against the digest in the checkpoint. It may
// be read ahead, in portions, as far as it is durable. It is safe for concurrent use.
type Prefix struct {
	reader *segment.Reader
	run    *sidx.Run

	turn chan struct{}   // holds one while somebody reads, who owns what is below
	x    *footer.Reading // nil = nothing was read
	over bool            // the digest was asked for
}

// NewPrefix returns one of which nothing was read.
func NewPrefix(r *segment.Reader, run *sidx.Run) *Prefix {
	return &Prefix{reader: r, run: run, turn: make(chan struct{}, 1)}
}

// Segment is the number of the segment.
func (p *Prefix) Segment() uint64 { return p.run.Segment }

// Ahead reads a portion of what lies before the end of a group of durable events, and
// reports whether there is more to read. Of what it finds to be damaged it says nothing:
// that is found again when the digest is asked for.
func (p *Prefix) Ahead(end int64) (more bool) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if p.over || p.x != nil && p.x.End() >= end {
		return false
	}
	sometimes.Reached("what a checkpoint covers was read before its segment was ended")
	there, err := p.toward(end, portion)
	if err != nil {
		p.x = nil
	}
	return !there && err == nil
}

// Digest is the digest up to the end of a group, which is to be the segment's end, or a
// [*segment.DamageError] if it does not begin with what the checkpoint covers, or the
// disk's error. It may be asked for again only after an error.
func (p *Prefix) Digest(end int64) (*chain.Segment, error) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if planted.Bug("digest that was made ahead misses what came since") && p.x != nil {
		end = p.x.End()
	}
	if _, err := p.toward(end, math.MaxInt64); err != nil {
		p.x = nil // the file may have changed, or be read better
		return nil, err
	}
	p.over = true
	return p.x.Digest, nil
}

// toward reads so many bytes of what lies before an end, or all of it.
func (p *Prefix) toward(end, most int64) (there bool, err error) {
	if p.x == nil {
		p.x, err = footer.Begin(p.reader, p.run.Segment)
	} else {
		err = p.x.Again(p.reader)
	}
	if err != nil {
		return false, err
	}
	if covered := int64(p.run.Length); p.x.End() < covered {
		if there, err = p.x.Toward(covered, most, nil); err != nil || !there {
			return false, err
		}
		if err := holds(p.x, p.run); err != nil {
			return false, err
		}
		if most != math.MaxInt64 {
			return p.x.End() == end, nil
		}
	}
	return p.x.Toward(end, most, nil)
}
