package batpak

import "slices"

// Receipt is the store's answer to an append. It names the event by what
// survives copies of the store: no disk position is in it. A receipt is made by
// the store alone; the zero Receipt is none.
type Receipt struct {
	store       StoreID
	incarnation uint64
	sequence    uint64
	coordinate  Coordinate
	version     uint64
	id          ID
	hash        Hash
	durable     bool
	decision    *Decision
}

// StoreID is the store that gave the receipt.
func (r Receipt) StoreID() StoreID { return r.store }

// Incarnation is the number of the writable opening of the store in which the event
// was written. Later openings have higher numbers. Those of a snapshot go on from a
// number that is drawn when it is made, so that two stores which have a past in common
// do not give receipts of one incarnation for what they wrote apart; [Receipt.ID] and
// [Receipt.Hash] differ in any case. Copies that were made in another way count on
// alike.
func (r Receipt) Incarnation() uint64 { return r.incarnation }

// Sequence is the event's place in the store.
func (r Receipt) Sequence() uint64 { return r.sequence }

// Coordinate is the event's entity and scope.
func (r Receipt) Coordinate() Coordinate { return r.coordinate }

// Version is the event's place in its stream.
func (r Receipt) Version() uint64 { return r.version }

// ID is the event's id.
func (r Receipt) ID() ID { return r.id }

// Hash is the event's link in its stream's hash chain. It covers every field a
// reader can see but the sequence.
func (r Receipt) Hash() Hash { return r.hash }

// Durable reports whether the event was on disk when the receipt was given. It
// is false only in a store opened with [Relaxed] durability.
func (r Receipt) Durable() bool { return r.durable }

// Bypassed is why the gates of the event's command were not asked, or empty if they
// were or the event has no command; see [Bypass].
func (r Receipt) Bypassed() string {
	if r.decision == nil {
		return ""
	}
	return r.decision.Bypassed
}

// Verdicts is what the gates said, for an event that a command appended.
func (r Receipt) Verdicts() []Verdict {
	if r.decision == nil {
		return nil
	}
	return slices.Clone(r.decision.Verdicts)
}
