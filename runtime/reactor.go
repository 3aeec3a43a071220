package batpak

import (
	"fmt"
	"slices"
)

// Reactor answers events of some kinds with events of others. Generated code makes
// one for each reactor of a schema.
//
// Whoever delivers events to it asks it, by [Reactor.Answer], about each event of
// the kinds in On, in the order of the log, and commits the batch that it answers
// with. Events may be delivered more than once: an idempotency key that is made of
// the reactor's name and the event's id makes the second answer a retry of the
// first.
type Reactor struct {
	Name  string
	On    []Kind // it is asked about events of these kinds
	Emits []Kind // and answers with events of these
	// React adds the events that answer one event to a batch. It is given the
	// events of On alone.
	React func(Event, *Batch) error
}

// Answer asks the reactor about an event. The batch holds what it wants appended, perhaps
// nothing, and is yet to be committed: its events are caused by the event and share its
// correlation, where the reactor gave no other. Answer fails with the reactor's error, that of
// an answer which cannot be stored, or an [*ArgumentError] if the event is of a kind that the
// reactor does not react to, or an answer of one that it does not emit.
func (r Reactor) Answer(s *Store, e Event) (*Batch, error) {
	if !slices.Contains(r.On, e.Kind) {
		return nil, &ArgumentError{What: fmt.Sprintf("event %d", e.Sequence), Reason: fmt.Sprintf("is of kind %v, to which reactor %s does not react", e.Kind, r.Name)}
	}
	b := s.NewBatch()
	if err := r.React(e, b); err != nil {
		return nil, err
	}
	for i := range b.drafts {
		d := &b.drafts[i]
		if d.Err != nil {
			return nil, d.Err
		}
		if !slices.Contains(r.Emits, d.Kind) {
			return nil, &ArgumentError{What: fmt.Sprintf("kind %v", d.Kind), Reason: fmt.Sprintf("is not one that reactor %s emits", r.Name)}
		}
		if d.causation.IsZero() && d.causeItem == 0 {
			d.causation = e.ID
		}
		if d.correlation.IsZero() {
			d.correlation = e.Correlation
		}
	}
	return b, nil
}
