package commit

import (
	"errors"

	"github.com/batpak-go/batpak/runtime/internal/index"
	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// errLook sends a request to [Pipeline.look].
var errLook = errors.New("what is in memory does not tell")

// find finds a group for the request, as enter does, looking up what memory cannot
// say.
func (p *Pipeline) find(r *Request) (g *group, leads bool, err error) {
	for {
		g, leads, err = p.enter(r)
		if !errors.Is(err, errLook) {
			return g, leads, err
		}
		if err := p.look(r); err != nil {
			return nil, false, err
		}
	}
}

// look asks the index, outside of the lock, what memory alone cannot say: for
// events that match the request's conditions, and for the heads of its streams.
func (p *Pipeline) look(r *Request) error {
	memory := p.index.Memory()
	r.looked, r.generation, r.cold = p.index.Next(), memory.Generation, map[string]index.Head{}
	for _, q := range r.Conditions {
		found, err := p.index.Find(make([]index.Ref, 0, 1), q)
		if err != nil {
			return err
		}
		if len(found) > 0 && !planted.Bug("conditions look at memory alone") {
			return &Conflict{Item: -1, Found: found[0].Sequence}
		}
	}
	for i := range r.Items {
		entity := r.Items[i].Tail.Entity
		if _, known := memory.Head(entity); known {
			continue
		}
		if _, loaded := r.cold[string(entity)]; loaded {
			continue
		}
		h, err := p.index.Load(string(entity))
		if err != nil {
			return err
		}
		r.cold[string(entity)] = h
	}
	return nil
}

// headLocked is the head of the stream of item i after all groups under way, if it is
// known.
func (p *Pipeline) headLocked(r *Request, i int) (h index.Head, known bool) {
	entity, hash := r.Items[i].Tail.Entity, r.places[i].entity
	if h, ok := p.open.head(entity, hash); ok {
		return h, true
	}
	if p.flying != nil && !planted.Bug("versions of the flying group do not count") {
		if h, ok := p.flying.head(entity, hash); ok {
			return h, true
		}
	}
	return p.publishedLocked(r, entity)
}

// publishedLocked is the head of a stream without the groups under way, if memory
// knows it, or the request does.
func (p *Pipeline) publishedLocked(r *Request, entity []byte) (h index.Head, known bool) {
	h, known = p.memory.Head(entity)
	if !known && planted.Bug("stream that memory does not know is taken for a new one") {
		return h, true
	}
	if !known && r.generation == p.memory.Generation {
		h, known = r.cold[string(entity)]
	}
	return h, known
}
