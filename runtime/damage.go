package batpak

import "fmt"

// Damage is something on disk that is not as it was written.
type Damage struct {
	// Entity is the stream the damage is in; empty for damage to a segment's own
	// structures.
	Entity   string
	Sequence uint64 // of the first event that it may touch
	// LastSequence is the last event that it may touch, less than Sequence if it
	// touches none. Events of a stream that come after a damaged one are not among
	// them, but nothing proves them any more.
	LastSequence uint64
	File         string
	Offset       int64 // bytes from the start of the file
	End          int64 // of the damage, as far as it is known; 0 = unknown
	Reason       string
}

// String describes the damage in one line.
func (d Damage) String() string {
	switch {
	case d.Entity == "" && d.LastSequence < d.Sequence:
		return fmt.Sprintf("%s, offset %d, no event: %s", d.File, d.Offset, d.Reason)
	case d.Entity == "":
		return fmt.Sprintf("%s, offset %d%s: %s", d.File, d.Offset, span(d.Sequence, d.LastSequence), d.Reason)
	}
	return fmt.Sprintf("%s, offset %d: event %d of stream %q: %s", d.File, d.Offset, d.Sequence, d.Entity, d.Reason)
}
