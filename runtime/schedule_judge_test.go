package batpak_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	batpak "github.com/batpak-go/batpak/runtime"
)

// judge holds what the calls returned against the events that are there in the
// end.
func (t *trial) judge() error {
	if err := t.checkLog(t.events, math.MaxUint64); err != nil {
		return err
	}
	boundaries := t.boundaries()
	var judged []judged
	for _, k := range t.calls {
		if err := t.checkError(k); err != nil {
			return fmt.Errorf("%v: %w", k, err)
		}
		lo, hi, err := t.saw(k, boundaries)
		if err != nil {
			return fmt.Errorf("%v: %w", k, err)
		}
		judged = append(judged, newJudged(t, k, lo, hi))
	}
	if err := inOrder(judged); err != nil {
		return err
	}
	if err := errors.Join(t.checkClose(), t.checkReceipts()); err != nil {
		return err
	}
	return linearizable(t, judged)
}

// checkLog holds the events of a log against the calls so far: it is dense; what
// was acknowledged is there as it was, if its sequence is at most floor; all else
// is of calls whose fate is not known; and what was appended together is there
// together.
func (t *trial) checkLog(events []batpak.Event, floor uint64) error {
	byText, byKey, versions := map[string]uint64{}, map[string]uint64{}, map[string]uint64{}
	last := batpak.ID{}
	for i, e := range events {
		said := origin(e)
		versions[e.Entity]++
		switch {
		case e.Sequence != uint64(i)+1 || e.Version != versions[e.Entity]:
			return fmt.Errorf("event %d has sequence %d and version %d", i+1, e.Sequence, e.Version)
		case string(e.ID[:8]) <= string(last[:8]):
			return fmt.Errorf("event %d has an id that does not rise", i+1)
		case byText[said] != 0:
			return fmt.Errorf("events %d and %d both say %q", byText[said], e.Sequence, said)
		case e.Key != "" && byKey[e.Key] != 0:
			return fmt.Errorf("events %d and %d both have the key %s", byKey[e.Key], e.Sequence, e.Key)
		}
		byText[said], last = e.Sequence, e.ID
		if e.Key != "" {
			byKey[e.Key] = e.Sequence
		}
	}
	explained := map[uint64]bool{}
	for _, k := range t.calls {
		if err := t.checkStored(k, events, byText, floor, explained); err != nil {
			return fmt.Errorf("%v: %w", k, err)
		}
	}
	for _, e := range events {
		if !explained[e.Sequence] {
			return fmt.Errorf("event %d, %q, is of no call that may have stored it", e.Sequence, origin(e))
		}
	}
	return nil
}

// origin is what tells the call that appended an event: the text of its payload,
// or the name of the command that was denied.
func origin(e batpak.Event) string {
	if e.Kind == batpak.KindDenial {
		d, err := batpak.DecodeDenial(e)
		if err != nil {
			return err.Error()
		}
		return "denied " + d.Payload.Command
	}
	return text(e.Payload)
}

// checkStored holds the events of a log against one call.
func (t *trial) checkStored(k *call, events []batpak.Event, byText map[string]uint64, floor uint64, explained map[uint64]bool) error {
	if record := byText["denied "+k.command]; k.gated {
		switch fate := k.denial(); {
		case record != 0 && fate == nothing:
			return fmt.Errorf("event %d is the record of a denial", record)
		case record == 0 && fate == kept && floor == math.MaxUint64:
			return errors.New("there is no record of the denial")
		case record != 0:
			explained[record] = true
		}
	}
	fate, found := k.fate(), 0
	for i := range k.items {
		it := &k.items[i]
		sequence := byText[text(it.draft.Payload)]
		if fate == kept && (sequence == k.receipts[i].Sequence() || sequence == 0 && k.receipts[i].Sequence() > floor) {
			if sequence != 0 {
				found++
				explained[sequence] = true
				if err := t.checkReceipt(k.receipts[i], events[sequence-1], it); err != nil {
					return err
				}
			}
			continue
		}
		switch {
		case fate == kept:
			return fmt.Errorf("item %d is event %d, its receipt says %d", i, sequence, k.receipts[i].Sequence())
		case sequence == 0:
			continue
		case fate == unsure:
			explained[sequence] = true
		case k.keyless():
			return fmt.Errorf("item %d is event %d, but the call was nothing", i, sequence)
		}
		found++
		if found != i+1 || i > 0 && byText[text(k.items[i-1].draft.Payload)] != sequence-1 {
			return fmt.Errorf("item %d is event %d, and not all are there in one piece", i, sequence)
		}
	}
	if found != 0 && found != len(k.items) {
		return fmt.Errorf("%d of %d items are there", found, len(k.items))
	}
	return nil
}

// keyless reports whether no other call appends the same.
func (k *call) keyless() bool {
	return !slices.ContainsFunc(k.items, func(i item) bool { return i.key != "" })
}

// checkReceipt holds a receipt against the event it names.
func (t *trial) checkReceipt(r batpak.Receipt, e batpak.Event, it *item) error {
	switch {
	case r.ID() != e.ID || r.Hash() != e.Hash || r.Version() != e.Version || r.Coordinate() != e.Coordinate:
		return fmt.Errorf("receipt %+v is not that of %+v", r, e.Meta)
	case string(e.Payload) != string(it.draft.Payload) || e.Kind != it.draft.Kind || e.Key != it.key || e.Coordinate != it.draft.Coordinate:
		return fmt.Errorf("event is %+v, want %+v", e, it)
	case !r.Durable() && t.options.Durability == batpak.Synced:
		return fmt.Errorf("receipt of event %d says that it is not durable", r.Sequence())
	}
	if (e.Decision != nil) != (len(r.Verdicts()) > 0) || e.Decision != nil && e.Decision.Version != e.Version-1 {
		return fmt.Errorf("event %d has version %d, decision %+v and verdicts %+v", e.Sequence, e.Version, e.Decision, r.Verdicts())
	}
	return nil
}

// boundaries are the sequences that a reader may see as the last one: those at the
// end of what was appended together.
func (t *trial) boundaries() []bool {
	ends := make([]bool, len(t.events)+1)
	for i := range ends {
		ends[i] = true
	}
	for _, k := range t.calls {
		for i := range k.items {
			at := slices.IndexFunc(t.events, func(e batpak.Event) bool { return origin(e) == text(k.items[i].draft.Payload) })
			if at >= 0 && i < len(k.items)-1 {
				ends[at+1] = false
			}
		}
	}
	return ends
}

// checkError says what is wrong with a call's error, if anything.
func (t *trial) checkError(k *call) error {
	if k.ended == 0 || k.lost || k.err == nil {
		return nil
	}
	closed := errors.Is(k.err, batpak.ErrClosed)
	unknown, isUnknown := errors.AsType[*batpak.OutcomeUnknownError](k.err)
	switch {
	case errors.Is(k.err, batpak.ErrCorrupt) && !t.short, errors.Is(k.err, batpak.ErrInvalid), errors.Is(k.err, batpak.ErrTooLarge):
		return errors.New("want another error")
	case closed && !t.closedBefore(k.ended):
		return errors.New("nobody has closed the store")
	case errors.Is(k.err, context.Canceled) && !k.cancelled:
		return errors.New("nobody has ended the context")
	case isUnknown && len(unknown.IDs) != len(k.items) && !k.gated && len(k.items) > 0:
		return fmt.Errorf("%d ids", len(unknown.IDs))
	case closed, errors.Is(k.err, context.Canceled), !t.honest:
		return nil
	}
	switch {
	case len(k.items) > 0 && errors.Is(k.err, batpak.ErrConflict),
		len(k.items) > 0 && !k.keyless() && errors.Is(k.err, batpak.ErrKeyReused),
		(k.gated || k.what == "Propose") && errors.Is(k.err, batpak.ErrDenied),
		(k.what == "At" || k.what == "ByKey" || (k.what == "Get" || k.what == "Ancestors") && t.hides(k)) && errors.Is(k.err, batpak.ErrNotFound):
		return nil
	}
	return errors.New("want none, or another error")
}

// closedBefore reports whether somebody had begun to close the store.
func (t *trial) closedBefore(now int64) bool {
	return slices.ContainsFunc(t.calls, func(k *call) bool { return k.what == "Close" && k.began < now })
}

// checkClose: once the store is closed, calls fail.
func (t *trial) checkClose() error {
	for _, c := range t.calls {
		if c.what != "Close" || c.ended == 0 || c.lost {
			continue
		}
		for _, k := range t.calls {
			if k.life == c.life && k.began > c.ended && k.ended != 0 && k.what != "Head" && k.what != "Close" && k.what != "Follow" && !errors.Is(k.err, batpak.ErrClosed) {
				return fmt.Errorf("%v began after %v had ended", k, c)
			}
		}
	}
	return nil
}

// checkReceipts: an event has one receipt, however often its append is repeated.
func (t *trial) checkReceipts() error {
	first := map[uint64]batpak.Receipt{}
	for _, k := range t.calls {
		for _, r := range k.receipts {
			f, ok := first[r.Sequence()]
			if !ok {
				first[r.Sequence()] = r
				continue
			}
			if !sameReceipt(r, f) && (t.options.Durability == batpak.Synced || r.Durable() == f.Durable()) {
				return fmt.Errorf("%v: receipt %+v, another call got %+v", k, r, f)
			}
		}
	}
	return nil
}

// saw is how many events there were when the call was made, as far as that can be
// told from what it returned: between lo and hi.
func (t *trial) saw(k *call, boundaries []bool) (lo, hi uint64, err error) {
	hi = math.MaxUint64
	if k.ended == 0 || k.lost || k.what != "Follow" && t.hides(k) {
		return 0, hi, nil
	}
	total := uint64(len(t.events))
	switch {
	case k.what == "Follow":
		if n := len(k.events); n > len(t.events) || !slices.EqualFunc(k.events, t.events[:n], sameEvent) {
			return 0, 0, fmt.Errorf("saw %v, which are not the first events", sequences(k.events))
		}
	case k.what == "Events" && k.err == nil:
		return t.iterated(k, boundaries)
	case len(k.events) == 1: // found it
		e := k.events[0]
		if e.Sequence > total || e.Hash != t.events[e.Sequence-1].Hash || k.sequence != 0 && e.Sequence != k.sequence || e.Key != k.key && k.key != "" {
			return 0, 0, fmt.Errorf("found event %+v", e.Meta)
		}
		return e.Sequence, hi, nil
	case k.what == "Ancestors" && k.err == nil:
		return k.sequence, hi, nil
	case k.what == "Get" && errors.Is(k.err, batpak.ErrNotFound), k.what == "At" && errors.Is(k.err, batpak.ErrNotFound):
		return 0, k.sequence - 1, nil
	case k.what == "ByKey" && errors.Is(k.err, batpak.ErrNotFound):
		if i := slices.IndexFunc(t.events, func(e batpak.Event) bool { return e.Key == k.key }); i >= 0 {
			return 0, uint64(i), nil
		}
	case k.err != nil && !(k.what == "Propose" && errors.Is(k.err, batpak.ErrDenied)):
	case k.what == "Head", k.what == "Project", k.what == "Propose":
		if lo, hi = t.atVersion(k.entity, k.number); k.err != nil { // denied, at this version or later
			lo, _ = t.atVersion(k.entity, k.limit)
			hi = math.MaxUint64
		}
		if lo > total {
			return 0, 0, errors.New("there is no such version")
		}
	case k.what == "Verify", k.what == "Snapshot":
		return k.number, k.number, nil
	case k.what == "Wait":
		return k.sequence, hi, nil
	}
	return lo, hi, nil
}

// hides reports whether the call reads what is durable in a store where appends
// are acknowledged before. What it saw tells nothing of them.
func (t *trial) hides(k *call) bool {
	if t.options.Durability == batpak.Synced || t.options.ShowUnsynced && k.what != "Wait" && k.what != "Snapshot" {
		return false
	}
	return k.what != "Project" && k.what != "Propose" || t.options.ShowUnsynced
}

// iterated is what an iteration saw: all that its query selects of the first so
// many events, for some number.
func (t *trial) iterated(k *call, boundaries []bool) (lo, hi uint64, err error) {
	lo = math.MaxUint64
	for n := range boundaries {
		if boundaries[n] && slices.EqualFunc(k.events, t.selected(k.query, n), sameEvent) {
			lo, hi = min(lo, uint64(n)), uint64(n)
		}
	}
	if lo > hi {
		return 0, 0, fmt.Errorf("saw %v, which is what there was at no time", sequences(k.events))
	}
	return lo, hi, nil
}

func sameEvent(a, b batpak.Event) bool {
	return a.Sequence == b.Sequence && a.Hash == b.Hash && string(a.Payload) == string(b.Payload)
}

func sequences(events []batpak.Event) (all []uint64) {
	for _, e := range events {
		all = append(all, e.Sequence)
	}
	return all
}

// selected are the events among the first n that a query selects.
func (t *trial) selected(q batpak.Query, n int) (all []batpak.Event) {
	for _, e := range t.events[:n] {
		if selects(&q, e.Entity, e.Kind) && e.Sequence > q.After && (q.Until == 0 || e.Sequence <= q.Until) {
			all = append(all, e)
		}
	}
	return all
}

// selects reports whether a query selects events of an entity and kind.
func selects(q *batpak.Query, entity string, kind batpak.Kind) bool {
	return (q.Entity == "" || q.Entity == entity) && (q.Prefix == "" || len(entity) >= len(q.Prefix) && entity[:len(q.Prefix)] == q.Prefix) &&
		(len(q.Kinds) == 0 || slices.Contains(q.Kinds, kind))
}

// atVersion is how many events there are while an entity is at a version.
func (t *trial) atVersion(entity string, version uint64) (lo, hi uint64) {
	lo, hi = math.MaxUint64, math.MaxUint64
	if version == 0 {
		lo = 0
	}
	for _, e := range t.events {
		switch {
		case e.Entity == entity && e.Version == version:
			lo = e.Sequence
		case e.Entity == entity && e.Version == version+1:
			hi = e.Sequence - 1
		}
	}
	return lo, hi
}

// inOrder: if one call ended before another one began, the other one does not see
// fewer events, and what it appends comes later.
func inOrder(all []judged) error {
	ends := slices.Clone(all)
	ends = slices.DeleteFunc(ends, func(j judged) bool { return j.ended == math.MaxInt64 })
	slices.SortFunc(ends, func(a, b judged) int { return int(a.ended - b.ended) })
	begins := slices.Clone(all)
	slices.SortFunc(begins, func(a, b judged) int { return int(a.began - b.began) })
	var most *judged
	for i := range begins {
		k := &begins[i]
		for len(ends) > 0 && ends[0].ended < k.began {
			if most == nil || ends[0].lo > most.lo {
				most = &ends[0]
			}
			ends = ends[1:]
		}
		if most != nil && k.hi < most.lo {
			return fmt.Errorf("%v saw %d events at most, but %v, which ended before it, %d at least", k.call, k.hi, most.call, most.lo)
		}
	}
	return nil
}
