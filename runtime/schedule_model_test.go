package batpak_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	batpak "github.com/batpak-go/batpak/runtime"
)

// judged is a call as the model of the store sees it.
type judged struct {
	call         *call
	began, ended int64
	lo, hi       uint64 // there were so many events, the call's own included if it has stored any
	fate         fate
	record       fate   // of the record of its denial
	place        uint64 // the first sequence of what it has stored, where that is known; for an open fate too
	absent       bool   // it has stored nothing: it is not there in the end
	free         bool   // what it returned tells nothing of what there was
}

func newJudged(t *trial, k *call, lo, hi uint64) judged {
	j := judged{call: k, began: k.began, ended: k.ended, lo: lo, hi: hi, fate: k.fate(), record: k.denial()}
	if j.fate == unsure || j.record == unsure {
		j.ended = math.MaxInt64 // it may still take effect
	}
	switch {
	case len(k.items) == 0:
		j.free = lo == 0 && hi == math.MaxUint64
	case j.fate == kept:
		j.place = k.receipts[0].Sequence()
		j.lo, j.hi = j.place, math.MaxUint64
		if k.keyless() {
			j.hi = j.place + uint64(len(k.items)) - 1
		}
	case j.fate == unsure && k.keyless():
		i := slices.IndexFunc(t.events, func(e batpak.Event) bool { return origin(e) == text(k.items[0].draft.Payload) })
		j.place, j.absent = uint64(i+1), i < 0
	case j.fate == unsure:
		j.resolve(t)
	case j.record != nothing: // below
	case errors.Is(k.err, batpak.ErrConflict), errors.Is(k.err, batpak.ErrKeyReused), errors.Is(k.err, batpak.ErrDenied):
	default:
		j.free = true
	}
	return j
}

// resolve looks for the events of an append with a key whose fate is unknown, by
// the ids that the error tells.
func (j *judged) resolve(t *trial) {
	unknown, ok := errors.AsType[*batpak.OutcomeUnknownError](j.call.err)
	if !ok || len(unknown.IDs) == 0 {
		return
	}
	i := slices.IndexFunc(t.events, func(e batpak.Event) bool { return e.ID == unknown.IDs[0] })
	j.place, j.absent = uint64(i+1), i < 0
}

// modelEntities are the streams that there may be.
func modelEntities() (all []string) {
	for _, e := range callEntities {
		all = append(all, e, batpak.DenialCoordinate(batpak.Coordinate{Entity: e}).Entity)
	}
	return all
}

// model is all that decides what a store must answer. It is comparable.
type model struct {
	events uint64
	stream [6]struct {
		version uint64
		last    [3]uint64 // sequence of the last event of each kind; the third one is the denial
	}
	keys [6]struct {
		sequence uint64
		variant  int
	}
}

func entityIndex(entity string) int { return slices.Index(modelEntities(), entity) }

func keyIndex(key string) int { return int(key[1] - '0') }

// answer is what a store that is like the model must answer to an append.
type answer struct {
	place    uint64 // the first event
	reused   bool   // the key was
	conflict bool
	found    bool // what should not be
	denied   bool
}

// appended is the answer to a call, and what the store is like afterwards.
func (m model) appended(k *call) (answer, model) {
	first := &k.items[0]
	if first.key != "" {
		if held := m.keys[keyIndex(first.key)]; held.sequence != 0 {
			return answer{place: held.sequence, reused: held.variant != first.variant}, m
		}
	}
	if k.none != nil && m.matches(k.none) {
		return answer{conflict: true, found: true}, m
	}
	before := m
	for i := range k.items {
		it := &k.items[i]
		at := entityIndex(it.draft.Entity)
		version := m.stream[at].version
		if it.expects && version != it.version {
			return answer{conflict: true}, before
		}
		if k.what == "Decide" && version >= k.limit {
			return answer{denied: true}, before
		}
		m.events++
		m.stream[at].version++
		m.stream[at].last[slices.Index(callKinds, it.draft.Kind)] = m.events
		if it.key != "" {
			m.keys[keyIndex(it.key)].sequence, m.keys[keyIndex(it.key)].variant = m.events, it.variant
		}
	}
	return answer{place: before.events + 1}, m
}

// matches reports whether an event matches a query.
func (m *model) matches(q *batpak.Query) bool {
	for i, entity := range modelEntities() {
		for kind, last := range m.stream[i].last {
			if last > q.After && selects(q, entity, append(slices.Clone(callKinds), batpak.KindDenial)[kind]) {
				return true
			}
		}
	}
	return false
}

// denial is the model with a record of a denial more.
func (m model) denial(k *call) model {
	at := entityIndex(batpak.DenialCoordinate(k.items[0].draft.Coordinate).Entity)
	m.events++
	m.stream[at].version++
	m.stream[at].last[2] = m.events
	return m
}

// step lists what the store may be like after a call, if before it was like m and
// the call returned what it did.
func (m model) step(j *judged) []model {
	k := j.call
	if len(k.items) == 0 {
		if m.events < j.lo || m.events > j.hi {
			return nil
		}
		return []model{m}
	}
	a, next := m.appended(k)
	conflict, isConflict := errors.AsType[*batpak.ConflictError](k.err)
	switch {
	case j.fate == unsure:
		all := []model{m}
		if !a.reused && !a.conflict && !a.denied && (j.place == 0 || j.place == a.place) {
			all = append(all, next)
		}
		if a.denied && j.record == unsure {
			all = append(all, m.denial(k))
		}
		return all
	case j.fate == kept:
		if a.reused || a.conflict || a.denied || a.place != j.place {
			return nil
		}
		return []model{next}
	case errors.Is(k.err, batpak.ErrDenied):
		switch {
		case !a.denied:
			return nil
		case j.record == kept:
			return []model{m.denial(k)}
		case j.record == unsure:
			return []model{m, m.denial(k)}
		}
		return []model{m}
	case errors.Is(k.err, batpak.ErrKeyReused) && !a.reused,
		isConflict && !k.conflicts(conflict, a, &m):
		return nil
	}
	return []model{m}
}

// conflicts reports whether a store that answers a may say that there is this
// conflict.
func (k *call) conflicts(c *batpak.ConflictError, a answer, m *model) bool {
	if k.what == "Decide" { // at the last of its attempts
		return m.stream[entityIndex(c.Entity)].version == c.Actual && c.Expected != c.Actual
	}
	if !a.conflict || a.found != (c.Found != 0) {
		return false
	}
	if a.found {
		return c.Found > k.none.After && c.Found <= m.events
	}
	before := map[string]uint64{}
	for _, it := range k.items { // any expectation that does not hold will do
		actual := m.stream[entityIndex(it.draft.Entity)].version + before[it.draft.Entity]
		if it.expects && it.draft.Entity == c.Entity && it.version == c.Expected && actual == c.Actual {
			return actual != it.version
		}
		before[it.draft.Entity]++
	}
	return false
}

// linearizable looks for an order of the calls in which a store that does one after
// the other would have returned the same.
func linearizable(t *trial, all []judged) error {
	var operations []porcupine.Operation
	last := int64(0)
	for i := range all {
		j := &all[i]
		last = max(last, j.began, j.call.ended)
		if j.free || j.absent && j.record == nothing {
			continue
		}
		operations = append(operations, porcupine.Operation{ClientId: j.call.client, Input: j, Call: j.began, Return: j.ended})
	}
	total := uint64(len(t.events))
	end := &judged{call: &call{what: "what is there in the end"}, lo: total, hi: total}
	operations = append(operations, porcupine.Operation{Input: end, Call: last + 1, Return: math.MaxInt64})
	spec := porcupine.NondeterministicModel{
		Init: func() []any { return []any{model{}} },
		Step: func(state, input, _ any) (next []any) {
			for _, m := range state.(model).step(input.(*judged)) {
				next = append(next, m)
			}
			return next
		},
	}
	switch porcupine.CheckOperationsTimeout(spec.ToModel(), operations, time.Minute) {
	case porcupine.Illegal:
		return errors.New("there is no order of the calls in which they could have returned what they did")
	case porcupine.Unknown:
		return fmt.Errorf("no order of %d calls was found in a minute: %s", len(operations), strings.Repeat("-", 10))
	}
	return nil
}
