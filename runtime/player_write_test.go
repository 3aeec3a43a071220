package batpak_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	batpak "github.com/batpak-go/batpak/runtime"
)

// request makes the request that an operation asks for.
func (p *player) request(o op) *pending {
	q := &request{}
	w := &pending{request: q, act: actAppend, how: o.how, before: len(p.chronicle.events)}
	for i := range max(o.n, 1) {
		p.serial++
		who := (o.who + i*7) % p.knobs.entities
		it := wish{draft: note(fmt.Sprint("e:", who), fmt.Sprint(p.serial, " ", strings.Repeat("x", o.size)))}
		it.draft.Scope = [...]string{"s", "scope"}[o.who/8%2]
		it.draft.Kind = batpak.Kind(0x1001 + (o.who/16+i)%3)
		it.draft.PayloadVersion = uint16(1 + o.who%2)
		if o.how&howKey != 0 && i%3 == 0 {
			it.key = fmt.Sprint("key ", p.serial)
		}
		if o.how&howItem != 0 && i > 0 {
			it.causeItem = i
		} else if o.how&howCause != 0 && w.before > 0 {
			it.causation = p.chronicle.events[(o.who+i)%w.before].ID
		}
		if o.how&howStory != 0 {
			it.correlation = batpak.ID{1, byte(o.who)}
		}
		if o.how&howDecided != 0 {
			it.decision = &batpak.Decision{Command: "decide", Version: uint64(i), Verdicts: []batpak.Verdict{{Gate: "gate", Code: "code"}}}
		}
		q.items = append(q.items, it)
	}
	w.expect(p.chronicle)
	if o.how&howNone != 0 {
		w.none = batpak.Query{Entity: q.items[0].draft.Entity, Kinds: []batpak.Kind{0x1001}, After: uint64(max(0, w.before-o.who%4))}
	}
	return w
}

// expect makes the events expect the versions that their streams will be at, or
// others.
func (w *pending) expect(m *chronicle) {
	if w.how&(howExpect|howStale) == 0 {
		return
	}
	versions := map[string]uint64{}
	for _, it := range w.request.items {
		entity := it.draft.Entity
		if _, ok := versions[entity]; !ok {
			versions[entity] = m.version(entity, w.before)
		}
		expected := versions[entity]
		if w.how&howStale != 0 {
			expected++
		}
		w.expects = append(w.expects, expected)
		versions[entity]++
	}
}

// batch makes the batch of a request, with what it expects.
func (w *pending) batch(s *batpak.Store) *batpak.Batch {
	b := s.NewBatch()
	for i := range w.request.items {
		it := &w.request.items[i]
		options := it.options()
		if w.expects != nil {
			options = append(options, batpak.Expect(w.expects[i]))
		}
		b.Add(it.draft, options...)
	}
	if w.how&howNone != 0 {
		b.ExpectNone(w.none)
	}
	return b
}

// begin lets a request come, and drives it unless it is queued.
func (p *player) begin(w *pending) (err error) {
	if w.request == nil {
		w.Pending = p.store.BeginSync()
	} else if w.Pending, err = w.batch(p.store).Begin(); err != nil {
		return breaks(5, "request is refused: %w", err)
	}
	p.waiting = append(p.waiting, w)
	if err := p.poll(); err != nil {
		return err
	}
	for w.how&howQueued == 0 && slices.Contains(p.waiting, w) {
		if err := p.step(); err != nil {
			return err
		}
	}
	return nil
}

// retry repeats a request that was stored: with its keys, or with one of its keys
// and something else.
func (p *player) retry(o op) error {
	var keyed []*request
	for i, q := range p.chronicle.requests {
		if q.keyed() && (o.act == actRetry || p.chronicle.ends[i] <= p.settled) {
			keyed = append(keyed, q)
		}
	}
	if len(keyed) == 0 {
		return nil
	}
	w := &pending{request: &request{items: slices.Clone(keyed[o.n%len(keyed)].items)}, act: o.act, how: o.how, before: len(p.chronicle.events)}
	if o.act == actOther {
		i := slices.IndexFunc(w.request.items, func(it wish) bool { return it.key != "" })
		w.request.items[i].draft.Kind ^= 4
	}
	return p.begin(w)
}

func (p *player) sync(o op) error {
	if !p.knobs.relaxed {
		return nil // there is nothing to ask for
	}
	return p.begin(&pending{act: actSync, how: o.how})
}

// step takes the writer one stage further.
func (p *player) step() error {
	p.store.Step()
	return p.poll()
}

// land drives the writer until nothing is under way.
func (p *player) land() error {
	for {
		moved := p.store.Step()
		if err := p.poll(); err != nil || !moved {
			return err
		}
	}
}

// poll lets the requests under way learn what became of them.
func (p *player) poll() error {
	all := slices.Clone(p.waiting)
	if p.knobs.lifo {
		slices.Reverse(all)
	}
	for _, w := range all {
		over, receipts, err := w.Poll()
		if !over {
			continue
		}
		p.waiting = slices.DeleteFunc(p.waiting, func(o *pending) bool { return o == w })
		if err := p.settle(w, receipts, err); err != nil {
			return err
		}
	}
	return p.place()
}

// place makes the chronicle end in the requests that have a place, in the order of
// their places.
func (p *player) place() error {
	p.chronicle.cut(p.settled)
	placed := slices.DeleteFunc(slices.Clone(p.waiting), func(w *pending) bool { return len(w.Place()) == 0 })
	slices.SortFunc(placed, func(a, b *pending) int { return int(a.Place()[0].Sequence) - int(b.Place()[0].Sequence) })
	for _, w := range placed {
		if got, want := w.Place()[0].Sequence, uint64(len(p.chronicle.events))+1; got != want {
			return breaks(2, "request under way has the place of event %d, want %d", got, want)
		}
		p.chronicle.add(w.request, w.Place())
	}
	return nil
}

// settle judges the outcome of a request.
func (p *player) settle(w *pending, receipts []batpak.Receipt, err error) error {
	placed := w.request != nil && slices.Contains(p.chronicle.requests, w.request)
	switch {
	case err == nil && w.request == nil:
		return nil
	case err == nil && w.act == actOther:
		return breaks(5, "request with a key and another payload got %+v", receipts)
	case err == nil:
		return p.acknowledge(w, receipts)
	case errors.Is(err, batpak.ErrConflict):
		return p.refused(w, err)
	case errors.Is(err, batpak.ErrKeyReused) && w.act == actOther:
		return nil
	case p.faulty && errors.Is(err, batpak.ErrOutcomeUnknown) && placed:
		p.trouble = err
		p.doubt(w)
		return nil
	case p.faulty && errors.Is(err, batpak.ErrPoisoned) && !errors.Is(err, batpak.ErrOutcomeUnknown):
		p.trouble = err
		return nil
	case p.faulty && isDisk(err) && p.trouble == nil:
		p.failed++
		return nil
	case p.loses && p.trouble != nil:
		return nil // the disk took back what it had shown
	}
	return breaks(5, "request got %w", err)
}

// acknowledge holds receipts against the chronicle.
func (p *player) acknowledge(w *pending, receipts []batpak.Receipt) error {
	if len(receipts) != len(w.request.items) {
		return breaks(5, "%d receipts for %d events", len(receipts), len(w.request.items))
	}
	first := int(receipts[0].Sequence()) - 1
	end := first + len(receipts)
	if first < 0 || end > len(p.chronicle.events) {
		return breaks(5, "receipt %+v, there are %d events", receipts[0], len(p.chronicle.events))
	}
	durable := p.store.Frontier().Durable
	for i, r := range receipts {
		if e := &p.chronicle.events[first+i]; !isReceiptOf(&r, e) || r.StoreID() != p.store.ID() {
			return breaks(5, "receipt %+v of event %s", r, describe(e))
		}
		if r.Durable() && r.Sequence() > durable || !r.Durable() && !p.knobs.relaxed {
			return breaks(5, "receipt %+v, the durable mark is at %d", r, durable)
		}
	}
	i := slices.Index(p.chronicle.ends, end)
	if i < 0 || p.chronicle.start(i) != first {
		return breaks(5, "receipts of events %d to %d, batches end with %v", first+1, end, p.chronicle.ends)
	}
	q := p.chronicle.requests[i]
	if q == w.request {
		if err := p.granted(w, first); err != nil {
			return err
		}
	} else if !q.keyed() || !reflect.DeepEqual(q.items, w.request.items) {
		return breaks(5, "request for %+v got the receipts of %+v", w.request.items, q.items)
	}
	if q.receipts == nil {
		q.receipts = receipts
	}
	p.acked = max(p.acked, end)
	// All before it are stored as well, and those that were not told yet will be.
	if p.chronicle.requests[i] == w.request {
		p.settled = max(p.settled, end)
	}
	return nil
}

// granted holds what a request expected against the events before it. It is not
// asked of a request that finds its events there: a retry, or the first try of one
// whose retry was quicker.
func (p *player) granted(w *pending, first int) error {
	if w.act != actAppend {
		return nil
	}
	for i, expected := range w.expects {
		if e := &p.chronicle.events[first+i]; e.Version != expected+1 {
			return breaks(5, "append that expected version %d got %s", expected, describe(e))
		}
	}
	for i := range first {
		if e := &p.chronicle.events[i]; w.how&howNone != 0 && matches(&w.none, e) {
			return breaks(5, "append on condition that there is no %+v came after %s", w.none, describe(e))
		}
	}
	return nil
}

// refused holds a conflict against the events that are published.
func (p *player) refused(w *pending, err error) error {
	c, ok := errors.AsType[*batpak.ConflictError](err)
	published := int(p.store.Frontier().Written)
	switch {
	case !ok || w.request == nil || w.act != actAppend:
	case c.Found > 0:
		if w.how&howNone != 0 && c.Found <= uint64(published) && matches(&w.none, &p.chronicle.events[c.Found-1]) {
			return nil
		}
	case slices.Contains(w.expects, c.Expected) && c.Actual != c.Expected:
		before := uint64(0) // of the stream, among the request's own
		for i, it := range w.request.items {
			if it.draft.Entity != c.Entity {
				continue
			}
			if w.expects[i] == c.Expected && p.chronicle.version(c.Entity, published)+before == c.Actual {
				return nil
			}
			before++
		}
	}
	return breaks(5, "request got %w, with %d events published", err, published)
}

// doubt keeps a request in the chronicle that may or may not be stored: the next
// opening says.
func (p *player) doubt(w *pending) {
	i := slices.Index(p.chronicle.requests, w.request)
	p.settled = max(p.settled, p.chronicle.ends[i])
}
