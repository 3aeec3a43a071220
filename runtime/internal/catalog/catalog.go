package catalog

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/sometimes"
)

// Catalog is described in the package comment. It is made by [New].
type Catalog struct {
	store [16]byte
	scan  func(r *sidx.Run) (*index.Index, error)

	sieve  atomic.Pointer[sieve] // nil = there is none yet
	sought atomic.Bool           // a run was asked where there was no sieve

	mu         sync.RWMutex // guards all below
	parts      parts
	generation uint64
}

// New returns an empty catalog of a store. The function scan makes what a run is the
// index of into one in memory, by reading the segment.
func New(store [16]byte, scan func(r *sidx.Run) (*index.Index, error)) *Catalog {
	return &Catalog{store: store, scan: scan}
}

// AddRun adds the index of the next segment, which is sealed, or of what the last one
// begins with.
func (c *Catalog) AddRun(r *sidx.Run) {
	c.append(&part{segment: r.Segment, first: r.First, run: r})
}

// AddRows adds the index of the next segment, or of the rest of the last one, which may
// grow by [Catalog.Add] as long as it is the last.
func (c *Catalog) AddRows(segment uint64, x *index.Index) {
	c.append(&part{segment: segment, first: x.First(), rows: x})
}

func (c *Catalog) append(p *part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts = append(slices.Clone(c.parts), p)
}

// Add adds the events of a group, which follow those in the catalog without a gap
// and were written in this incarnation, and calls do before any reader can find
// them: what it changes elsewhere changes at the same moment. It must not use the
// catalog. Readers see all of the events or none.
func (c *Catalog) Add(entries []index.Entry, incarnation uint32, do func()) {
	segment, first := uint64(entries[0].Pos.Segment), entries[0].Sequence
	ps := c.list()
	if n := len(ps); n > 0 && ps[n-1].segment == segment && ps[n-1].rows != nil {
		ps[n-1].rows.Began(first, incarnation)
		ps[n-1].rows.AddAnd(entries, do)
		return
	}
	x := index.New(first)
	x.Began(first, incarnation)
	x.Add(entries)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts = append(slices.Clone(c.parts), &part{segment: segment, first: first, rows: x})
	do()
}

// Replace puts the run of a sealed segment in the place of what there was of its index,
// if that holds the same events.
func (c *Catalog) Replace(r *sidx.Run) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &part{segment: r.Segment, first: r.First, run: r}
	of := func(old *part) bool { return old.segment == p.segment && old.first == p.first }
	if i := slices.IndexFunc(c.parts, of); i >= 0 {
		end := i + 1
		for end < len(c.parts) && c.parts[end].segment == p.segment && c.parts[end-1].next() != p.next() {
			end++
		}
		if c.parts[end-1].next() == p.next() {
			c.parts = slices.Concat(c.parts[:i], parts{p}, c.parts[end:])
		}
	}
	c.generation++
}

// exchange puts a part in the place of another, unless that was replaced meanwhile: what
// was read of a file says nothing of the one that has taken its place.
func (c *Catalog) exchange(old, p *part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.parts, old); i >= 0 {
		c.parts = slices.Concat(c.parts[:i], parts{p}, c.parts[i+1:])
	}
	c.generation++
}

// Merge puts the run of a merged segment in the place of the parts of those up to last
// that it stands for, if there are any, and calls do before any reader can find events
// by it. Questions that are put to one of the other parts by then, and find its file
// merged, are put again.
func (c *Catalog) Merge(r *sidx.Run, last uint64, do func()) {
	c.merge(&part{segment: r.Segment, first: r.First, run: r}, last, do)
}

// MergeRows is Merge where the run is damaged, with the rows in its place.
func (c *Catalog) MergeRows(segment uint64, x *index.Index, last uint64, do func()) {
	c.merge(&part{segment: segment, first: x.First(), rows: x}, last, do)
}

func (c *Catalog) merge(p *part, last uint64, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := make(parts, 0, len(c.parts)+1)
	at := 0
	for _, old := range c.parts {
		if old.segment < p.segment || old.segment > last {
			kept = append(kept, old)
		} else if old.run != nil {
			old.run.Forget()
		}
		if old.segment < p.segment {
			at = len(kept)
		}
	}
	c.parts = slices.Insert(kept, at, p)
	c.generation++
	do()
}

// Pending lists the sealed segments that have no run of all their events.
func (c *Catalog) Pending() (segments []uint64) {
	ps := c.list()
	for i := range max(1, len(ps)) - 1 {
		n := ps[i].segment
		if n < ps[len(ps)-1].segment && !ps[i].whole() && !slices.Contains(segments, n) {
			segments = append(segments, n)
		}
	}
	return segments
}

func (c *Catalog) list() parts {
	ps, _ := c.state()
	return ps
}

// state is the list and its generation.
func (c *Catalog) state() (parts, uint64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.parts, c.generation
}

// askOf is ask, for a question that only a part which may have the entity's stream can
// answer.
func (c *Catalog) askOf(l *lookup, p *part, question func(p *part) error) error {
	return c.ask(p, func(p *part) error {
		may, err := p.mayHave(l)
		if !may || err != nil {
			return err
		}
		return question(p)
	})
}

// stream looks for an entity's stream.
func (c *Catalog) stream(entity string) *lookup {
	return &lookup{print: func() uint64 { return sidx.NameFingerprint(c.store, entity) }}
}

// settle puts a question to the list until the answer is of one list: a part whose
// segment was merged away meanwhile is no answer, and the question is put to the list
// that has taken its place.
func (c *Catalog) settle(question func(ps parts) error) error {
	for {
		ps, generation := c.state()
		if planted.Bug("files are read under the lock of the catalog") {
			c.mu.RLock()
			defer c.mu.RUnlock()
		}
		err := question(ps)
		if err == nil || !errors.Is(err, segment.ErrMerged) {
			return err
		}
		if _, now := c.state(); generation == now {
			return err
		}
		sometimes.Reached("question was put again after a merge")
	}
}

// ask puts a question to a part. If its run turns out to be damaged, the question
// is put to what the segment itself says.
func (c *Catalog) ask(p *part, question func(p *part) error) error {
	err := question(p)
	if _, ok := errors.AsType[*sidx.DamageError](err); ok {
		sometimes.Reached("damaged footer was given up")
		x, serr := c.scan(p.run)
		if serr != nil {
			if !slices.Contains(c.list(), p) && !planted.Bug("file that has taken a segment's place is held against it") {
				sometimes.Reached("segment was merged away when its damaged index was given up")
				return segment.ErrMerged // what is wrong is said of the file that has taken its place
			}
			return serr
		}
		if x.First() != p.first || x.Next() != p.next() {
			return segment.ErrMerged // what was read is the file that has taken its place
		}
		p.run.Forget()
		again := &part{segment: p.segment, first: p.first, rows: x}
		c.exchange(p, again)
		return question(again)
	}
	return err
}

// Next is the sequence after the last event.
func (c *Catalog) Next() uint64 { return c.list().next() }

// At finds an event by its sequence.
func (c *Catalog) At(sequence uint64) (ref index.Ref, ok bool, err error) {
	err = c.holding(sequence, func(p *part) (err error) {
		ref, ok, err = p.at(sequence)
		return err
	})
	return ref, ok, err
}

// holding asks the part that has the event at sequence, if there is such an event.
func (c *Catalog) holding(sequence uint64, question func(p *part) error) error {
	return c.settle(func(ps parts) error {
		if p := ps.holding(sequence); p != nil {
			return c.ask(p, question)
		}
		return nil
	})
}

// ByID finds the event that may have this id: its upper half is compared, the
// caller compares the rest.
func (c *Catalog) ByID(id [16]byte) (ref index.Ref, ok bool, err error) {
	err = c.settle(func(ps parts) error {
		for _, p := range slices.Backward(ps) {
			if p.run != nil && !p.run.MayHold(id) {
				continue
			}
			err := c.ask(p, func(p *part) (err error) {
				ref, ok, err = p.byID(id)
				return err
			})
			if ok || err != nil {
				return err
			}
		}
		return nil
	})
	return ref, ok, err
}

// ByKey finds the events that may have this idempotency key, nearly always one or
// none; the caller compares the key.
func (c *Catalog) ByKey(key []byte) (refs []index.Ref, err error) {
	err = c.settle(func(ps parts) (err error) {
		refs, err = c.byKey(ps, key)
		return err
	})
	return refs, err
}

func (c *Catalog) byKey(ps parts, key []byte) (refs []index.Ref, err error) {
	l := lookup{print: func() uint64 { return sidx.Fingerprint(c.store, key) }}
	for _, ps := range c.having(ps, &l) {
		for _, p := range slices.Backward(ps) {
			kept := len(refs)
			err := c.askOf(&l, p, func(p *part) (err error) {
				refs, err = p.byKey(refs[:kept], key, &l)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return refs, nil
}

// FirstKey is the first of n idempotency keys that an event may have, or n. With an error it is
// the one that could not be looked for.
func (c *Catalog) FirstKey(n int, key func(i int) string) (first int, err error) {
	var text []byte
	err = c.settle(func(ps parts) error {
		first = n
		memory := ps.memory()
		for _, p := range memory {
			first = p.rows.FirstKey(first, key)
		}
		sealed := ps[:len(ps)-len(memory)]
		for i := 0; i < first && len(sealed) > 0; i++ {
			text = append(text[:0], key(i)...)
			if refs, err := c.byKey(sealed, text); len(refs) > 0 || err != nil {
				first = i
				return err
			}
		}
		return nil
	})
	return first, err
}

// Effects finds the events after sequence that may name this id, the event's at
// sequence, as their causation, in order; the caller compares it.
func (c *Catalog) Effects(sequence uint64, cause [16]byte) (refs []index.Ref, err error) {
	err = c.settle(func(ps parts) error {
		refs = nil
		for _, p := range ps.between(sequence, 0) {
			kept := len(refs)
			err := c.ask(p, func(p *part) (err error) {
				refs, err = p.effects(refs[:kept], cause)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return refs, err
}

// Before is the version that an entity's stream had after the event at sequence.
func (c *Catalog) Before(entity string, sequence uint64) (version uint64, err error) {
	l := c.stream(entity)
	err = c.settle(func(ps parts) error {
		for _, p := range slices.Backward(ps) {
			if p.first > sequence {
				continue
			}
			err := c.askOf(l, p, func(p *part) (err error) {
				version, err = p.before(entity, sequence)
				return err
			})
			if version > 0 || err != nil {
				return err
			}
		}
		return nil
	})
	return version, err
}

// Entities appends what a reader keeps of the stream of each event that was found, as it
// says by the name of the stream. It costs least for many in order.
func Entities[S any](c *Catalog, dst []*S, of []index.Ref, k *sidx.Known[S], named func(entity string) *S) (streams []*S, err error) {
	had := len(dst)
	err = c.settle(func(ps parts) error {
		dst = dst[:had]
		for of := of; len(of) > 0; {
			p, n := ps.holding(of[0].Sequence), 1
			for next := p.next(); n < len(of) && p.first <= of[n].Sequence && of[n].Sequence < next; {
				n++
			}
			kept := len(dst)
			err := c.ask(p, func(p *part) (err error) {
				dst, err = entities(p, dst[:kept], of[:n], k, named)
				return err
			})
			if err != nil {
				return err
			}
			of = of[n:]
		}
		return nil
	})
	return dst, err
}

// Incarnation is the opening of the store in which the event was written.
func (c *Catalog) Incarnation(sequence uint64) (n uint32, err error) {
	err = c.holding(sequence, func(p *part) (err error) {
		n, err = p.incarnation(sequence)
		return err
	})
	return n, err
}

// Find appends to dst the next events that match q, in its direction, as many as dst
// has room for. It returns fewer only at the end, or before the segment that it failed
// in.
func (c *Catalog) Find(dst []index.Ref, q index.Query) ([]index.Ref, error) {
	var l *lookup
	if q.Entity != "" {
		l = c.stream(q.Entity)
	}
	had := len(dst)
	err := c.settle(func(ps parts) error {
		dst = dst[:had]
		ps = ps.between(q.After, q.Until)
		for i := 0; i < len(ps) && len(dst) < cap(dst); i++ {
			p, kept := ps[i], len(dst)
			if q.Backward {
				p = ps[len(ps)-1-i]
			}
			err := c.askOf(l, p, func(p *part) (err error) {
				dst, err = p.find(dst[:kept], &q)
				return err
			})
			if err != nil {
				dst = dst[:kept]
				return err
			}
		}
		return nil
	})
	return dst, err
}
