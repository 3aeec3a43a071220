package catalog

import (
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// part is the index of one segment: rows in memory, or a run on disk.
type part struct {
	segment uint64
	first   uint64 // sequence
	rows    *index.Index
	run     *sidx.Run
}

// next is the sequence after the last event.
func (p *part) next() uint64 {
	if p.rows != nil {
		return p.rows.Next()
	}
	return p.run.Last + 1
}

func (p *part) at(sequence uint64) (index.Ref, bool, error) {
	if p.rows != nil {
		ref, ok := p.rows.At(sequence)
		return ref, ok, nil
	}
	return p.run.At(sequence)
}

func (p *part) byID(id [16]byte) (index.Ref, bool, error) {
	if p.rows != nil {
		ref, ok := p.rows.ByID(id)
		return ref, ok, nil
	}
	return p.run.ByID(id)
}

func (p *part) byKey(dst []index.Ref, key []byte, fingerprint uint64) ([]index.Ref, error) {
	if p.rows != nil {
		return append(dst, p.rows.ByKey(key)...), nil
	}
	return p.run.ByKey(dst, fingerprint)
}

func (p *part) effects(dst []index.Ref, cause [16]byte) ([]index.Ref, error) {
	if p.rows != nil {
		return append(dst, p.rows.Effects(cause)...), nil
	}
	return p.run.Effects(dst, cause)
}

func (p *part) nth(entity string, version uint64) (index.Ref, bool, error) {
	if p.rows != nil {
		ref, ok := p.rows.Nth([]byte(entity), version)
		return ref, ok, nil
	}
	return p.run.Nth(entity, version)
}

func (p *part) head(entity string) (index.Head, error) {
	if p.rows != nil {
		return p.rows.Head([]byte(entity)), nil
	}
	_, h, err := p.run.Stream(entity)
	return h, err
}

func (p *part) before(entity string, sequence uint64) (uint64, error) {
	if p.rows != nil {
		return p.rows.Before([]byte(entity), sequence), nil
	}
	return p.run.Before(entity, sequence)
}

func (p *part) entity(sequence uint64) (string, error) {
	if p.rows != nil {
		return p.rows.Entity(sequence), nil
	}
	return p.run.Entity(sequence)
}

func (p *part) incarnation(sequence uint64) (uint32, error) {
	if p.rows != nil {
		return p.rows.Incarnation(sequence), nil
	}
	return p.run.Incarnation(sequence)
}

func (p *part) find(dst []index.Ref, q *index.Query) ([]index.Ref, error) {
	if p.rows != nil {
		return p.rows.Find(dst, *q), nil
	}
	return p.run.Find(dst, q, false)
}

// parts are in the order of the log. A list is never changed once it is in use.
type parts []*part

// holding is the part that has the event at sequence, if there is such an event,
// or nil.
func (ps parts) holding(sequence uint64) *part {
	i, found := slices.BinarySearchFunc(ps, sequence, func(p *part, s uint64) int {
		switch {
		case p.first < s:
			return -1
		case p.first > s:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	return ps[i]
}

// memory is the end of the list that is in memory.
func (ps parts) memory() parts {
	i := len(ps)
	for i > 0 && ps[i-1].rows != nil {
		i--
	}
	return ps[i:]
}
