package catalog

import (
	"slices"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
)

// part is the index of one segment, or of a part of the last one: rows in memory, or a
// run on disk.
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

// whole reports whether the part is a run of all events of its segment.
func (p *part) whole() bool { return p.run != nil && p.run.Prefix == 0 }

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

// lookup is a stream or key that is looked for. Its fingerprint is made once a run is
// asked.
type lookup struct {
	print       func() uint64
	fingerprint uint64
	made        bool
}

func (l *lookup) get() uint64 {
	if !l.made {
		l.fingerprint, l.made = l.print(), true
	}
	return l.fingerprint
}

// mayHave reports whether a part may have what is looked for; nil is anything.
func (p *part) mayHave(l *lookup) (bool, error) {
	if l == nil || p.rows != nil {
		return true, nil // it knows as fast itself
	}
	return p.run.MayKnow(l.get())
}

func (p *part) byKey(dst []index.Ref, key []byte, l *lookup) ([]index.Ref, error) {
	if p.rows != nil {
		return append(dst, p.rows.ByKey(key)...), nil
	}
	return p.run.ByKey(dst, l.get())
}

func (p *part) effects(dst []index.Ref, cause [16]byte) ([]index.Ref, error) {
	if p.rows != nil {
		return append(dst, p.rows.Effects(cause)...), nil
	}
	return p.run.Effects(dst, cause)
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

func entities[S any](p *part, dst []*S, of []index.Ref, k *sidx.Known[S], named func(entity string) *S) ([]*S, error) {
	if p.rows == nil {
		return k.Entities(p.run, dst, of, named)
	}
	for _, ref := range of {
		dst = append(dst, named(p.rows.Entity(ref.Sequence)))
	}
	return dst, nil
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
	return p.run.Find(dst, q)
}

// parts are in the order of the log. A list is never changed once it is in use.
type parts []*part

// next is the sequence after the last event.
func (ps parts) next() uint64 {
	if len(ps) == 0 {
		return 1
	}
	return ps[len(ps)-1].next()
}

// upTo counts the parts that begin at a sequence or before it.
func (ps parts) upTo(sequence uint64) int {
	n, _ := slices.BinarySearchFunc(ps, sequence, func(p *part, s uint64) int {
		if p.first <= s {
			return -1
		}
		return 1
	})
	return n
}

// holding is the part that has the event at sequence, if there is such an event,
// or nil.
func (ps parts) holding(sequence uint64) *part {
	if n := ps.upTo(sequence); n > 0 {
		return ps[n-1]
	}
	return nil
}

// between are the parts that may have events after a sequence and up to another,
// inclusive, 0 being no end.
func (ps parts) between(after, until uint64) parts {
	from, to := max(0, ps.upTo(after)-1), len(ps)
	if until != 0 {
		to = max(from, ps.upTo(until))
	}
	return ps[from:to]
}

// memory is the end of the list that is in memory.
func (ps parts) memory() parts {
	i := len(ps)
	for i > 0 && ps[i-1].rows != nil {
		i--
	}
	return ps[i:]
}
