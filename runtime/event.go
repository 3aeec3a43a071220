package batpak

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/clock"
)

// ID names an event: a UUID of version 7 (RFC 9562) made by the store's
// writer. Ids rise strictly with the sequence. The zero ID means "none".
type ID [16]byte

// ParseID parses the 36-character form that [ID.String] writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, fmt.Errorf("batpak: parse id %q: want the form xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", s)
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, fmt.Errorf("batpak: parse id %q: %w", s, err)
	}
	return id, nil
}

// IsZero reports whether the id is "none".
func (id ID) IsZero() bool { return id == ID{} }

// Time is the hybrid logical time at which the id was made, in UTC, in steps
// of about 244 ns.
func (id ID) Time() time.Time { return clock.IDTime(id) }

// String formats the id as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx.
func (id ID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// Hash is a BLAKE3 digest of 32 bytes.
type Hash [32]byte

// IsZero reports whether the hash is the one before a stream's first event.
func (h Hash) IsZero() bool { return h == Hash{} }

// String formats the hash as 64 hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// StoreID names a store for life. It is drawn at random when the store is
// created.
type StoreID [16]byte

// String formats the id as 32 hexadecimal digits.
func (id StoreID) String() string { return hex.EncodeToString(id[:]) }

// Meta is everything the store knows about an event but its payload.
type Meta struct {
	Coordinate

	// Sequence is the event's place in the store; the first is 1.
	Sequence uint64
	// Version is the event's place in its entity's stream; the first is 1.
	Version uint64
	// ID is the event's own id.
	ID ID
	// Kind and PayloadVersion say how to read the payload.
	Kind           Kind
	PayloadVersion uint16
	// Correlation groups the events of one story; it is the event's own id
	// where no other was given.
	Correlation ID
	// Causation is the event this one follows from, or zero.
	Causation ID
	// Time is when the writer made the event. It never decreases with the
	// sequence, whatever the clock does, and nothing is ordered or expired by it.
	Time time.Time
	// Key is the idempotency key of the append, or "".
	Key string
	// Unproven is true for an event of a store that was opened with
	// [Options.Salvage] if events of its stream before it are lost: its own checksums
	// hold, and nothing proves that it follows from what came before the gap.
	Unproven bool
	// Decision is what the gates said, for an event that a command appended;
	// otherwise nil.
	Decision *Decision
	// Hash is the event's link in its stream's hash chain.
	Hash Hash
	// Fate is what a compaction did with the event: [KeepEvent] if it is all there.
	Fate Fate
}

// Event is a stored event with its payload as it lies on disk. The payload may
// share memory with the payloads of other events and must not be modified.
type Event struct {
	Meta
	Payload []byte
}

// Stored is a stored event with its payload decoded.
type Stored[T any] struct {
	Meta
	Payload T
}

// Draft is one event to append.
type Draft struct {
	Coordinate
	Kind           Kind
	PayloadVersion uint16 // 1 or higher
	Payload        []byte // not modified, not kept after the append returned

	// Err, unless nil, is why the event cannot be stored. Whatever is done with
	// the draft fails with it. Generated code sets it for text that could not be
	// read back.
	Err error
}
