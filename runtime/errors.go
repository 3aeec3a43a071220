package batpak

import (
	"errors"
	"fmt"
)

// The outcomes a program decides on. Each is matched with [errors.Is]; the
// facts travel in the typed errors of this package, which match them.
var (
	// ErrClosed: the store is closed.
	ErrClosed = errors.New("batpak: store is closed")
	// ErrLocked: another process, or another handle in this one, has the store open;
	// see [LockedError]. [OpenReadOnly] reads beside it.
	ErrLocked = errors.New("batpak: store is open elsewhere")
	// ErrNetworkFS: the directory lies on a file system that this kernel does not
	// answer for; see [NetworkFSError].
	ErrNetworkFS = errors.New("batpak: network file system")
	// ErrCorrupt: bytes on disk are damaged; see [CorruptError].
	ErrCorrupt = errors.New("batpak: store is damaged")
	// ErrNewerFormat: a file was written by a later version; see [FormatError].
	ErrNewerFormat = errors.New("batpak: store has a newer format")
	// ErrNotFound: there is no such event.
	ErrNotFound = errors.New("batpak: event not found")
	// ErrConflict: an expectation or condition did not hold; see [ConflictError].
	ErrConflict = errors.New("batpak: conflict")
	// ErrKeyReused: an idempotency key came with another event; see [KeyReusedError].
	ErrKeyReused = errors.New("batpak: idempotency key reused")
	// ErrDenied: a gate refused; see [DeniedError].
	ErrDenied = errors.New("batpak: denied")
	// ErrOutcomeUnknown: the caller stopped waiting, or the disk failed, after the
	// point of no return; see [OutcomeUnknownError].
	ErrOutcomeUnknown = errors.New("batpak: outcome unknown")
	// ErrPoisoned: a failed sync ended writing until the store is opened again;
	// see [PoisonedError].
	ErrPoisoned = errors.New("batpak: writer is poisoned")
	// ErrTooLarge: a payload, batch or name is over its limit; see [LimitError].
	ErrTooLarge = errors.New("batpak: too large")
	// ErrUnfinished: the directory was to become a snapshot and did not; what is in it
	// may be removed. See [Store.Snapshot].
	ErrUnfinished = errors.New("batpak: directory holds an unfinished snapshot")
	// ErrInvalid: an argument can never be accepted.
	ErrInvalid = errors.New("batpak: invalid argument")
	// ErrReadOnly: the store is open for reading alone.
	ErrReadOnly = errors.New("batpak: store is open for reading only")
	// ErrTombstoned: a compaction took the event's payload away; see [TombstoneError].
	ErrTombstoned = errors.New("batpak: payload was taken away")
	// ErrCompacted: the writer has merged segments since this store, which is open for
	// reading alone, looked last; after [Store.Refresh] it finds the events again.
	ErrCompacted = errors.New("batpak: segments were merged by the writer")
	// ErrDiskFull: there is no space, or a quota is used up; nothing was written and the
	// writer goes on.
	ErrDiskFull = errors.New("batpak: disk is full")
)

// CoordinateError says which rule an entity or scope name breaks.
type CoordinateError struct {
	Field  string // "entity" or "scope"
	Value  string
	Reason string
}

func (e *CoordinateError) Error() string {
	return fmt.Sprintf("batpak: %s %.64q %s", e.Field, e.Value, e.Reason)
}

// Is matches [ErrInvalid].
func (e *CoordinateError) Is(target error) bool { return target == ErrInvalid }

// Code returns "invalid-coordinate".
func (e *CoordinateError) Code() string { return "invalid-coordinate" }

// ArgumentError says what is wrong with an argument other than a coordinate.
type ArgumentError struct {
	What   string
	Reason string
}

func (e *ArgumentError) Error() string { return fmt.Sprintf("batpak: %s: %s", e.What, e.Reason) }

// Is matches [ErrInvalid].
func (e *ArgumentError) Is(target error) bool { return target == ErrInvalid }

// Code returns "invalid-argument".
func (e *ArgumentError) Code() string { return "invalid-argument" }

// LimitError says what was too large.
type LimitError struct {
	What  string // "payload", "batch", "idempotency key", ...
	Size  int    // bytes, or items
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("batpak: %s has a size of %d, the limit is %d", e.What, e.Size, e.Limit)
}

// Is matches [ErrTooLarge].
func (e *LimitError) Is(target error) bool { return target == ErrTooLarge }

// Code returns "too-large".
func (e *LimitError) Code() string { return "too-large" }

// ConflictError says which expectation did not hold. For an expectation on a
// stream, Entity, Expected and Actual are set; for a condition on a query,
// Found is the sequence of the event that matched it.
type ConflictError struct {
	Entity   string
	Expected uint64 // version; 0 = no stream
	Actual   uint64
	Found    uint64
}

func (e *ConflictError) Error() string {
	if e.Found != 0 {
		return fmt.Sprintf("batpak: conflict: event %d matches the condition", e.Found)
	}
	return fmt.Sprintf("batpak: conflict: stream %q is at version %d, expected %d", e.Entity, e.Actual, e.Expected)
}

// Is matches [ErrConflict].
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// Code returns "conflict".
func (e *ConflictError) Code() string { return "conflict" }

// KeyReusedError says that an idempotency key is taken by a different event:
// another coordinate, kind, payload version or payload.
type KeyReusedError struct {
	Key      string
	Sequence uint64 // of the event that differs: the one with the key, or one stored with it
	Differs  string // the first field that differs, or "batch"
}

func (e *KeyReusedError) Error() string {
	return fmt.Sprintf("batpak: idempotency key %.64q was used for something else: the %s of event %d differs", e.Key, e.Differs, e.Sequence)
}

// Is matches [ErrKeyReused].
func (e *KeyReusedError) Is(target error) bool { return target == ErrKeyReused }

// Code returns "key-reused".
func (e *KeyReusedError) Code() string { return "key-reused" }

// DeniedError says which gate of which command refused, and why.
type DeniedError struct {
	Command string
	Gate    string
	Denial
	Verdicts []Verdict // of all gates that ran, the denying one last
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("batpak: %s denied by gate %s: %s (%s)", e.Command, e.Gate, e.Message, e.Denial.Code)
}

// Is matches [ErrDenied].
func (e *DeniedError) Is(target error) bool { return target == ErrDenied }

// OutcomeUnknownError says that an append may or may not have happened. The ids
// are those the events have if it did; an append with an idempotency key is
// resolved by repeating it.
type OutcomeUnknownError struct {
	IDs   []ID
	Key   string
	Cause error
}

func (e *OutcomeUnknownError) Error() string {
	switch {
	case e.Key != "":
		return fmt.Sprintf("batpak: outcome unknown (%v): repeat the append with key %.64q to learn it", e.Cause, e.Key)
	case len(e.IDs) > 0:
		return fmt.Sprintf("batpak: outcome unknown (%v): look up event %v to learn it", e.Cause, e.IDs[0])
	}
	return fmt.Sprintf("batpak: outcome unknown: %v", e.Cause)
}

// Is matches [ErrOutcomeUnknown].
func (e *OutcomeUnknownError) Is(target error) bool { return target == ErrOutcomeUnknown }

// Unwrap returns the cause: the context's error or the disk's.
func (e *OutcomeUnknownError) Unwrap() error { return e.Cause }

// Code returns "outcome-unknown".
func (e *OutcomeUnknownError) Code() string { return "outcome-unknown" }

// PoisonedError says what ended writing. Reads go on; open the store again to
// write.
type PoisonedError struct{ Cause error }

func (e *PoisonedError) Error() string {
	return fmt.Sprintf("batpak: writer is poisoned until the store is opened again: %v", e.Cause)
}

// Is matches [ErrPoisoned].
func (e *PoisonedError) Is(target error) bool { return target == ErrPoisoned }

// Unwrap returns the failure of the disk.
func (e *PoisonedError) Unwrap() error { return e.Cause }

// Code returns "poisoned".
func (e *PoisonedError) Code() string { return "poisoned" }

// TombstoneError says which event a compaction has taken the payload from. It comes
// with the rest of the event.
type TombstoneError struct {
	Sequence uint64
	// Dropped is true if nothing is left of the event but its sequence, entity,
	// version, id, kind and hash.
	Dropped bool
}

func (e *TombstoneError) Error() string {
	if e.Dropped {
		return fmt.Sprintf("batpak: event %d was dropped", e.Sequence)
	}
	return fmt.Sprintf("batpak: the payload of event %d was taken away", e.Sequence)
}

// Is matches [ErrTombstoned].
func (e *TombstoneError) Is(target error) bool { return target == ErrTombstoned }

// Code returns "tombstoned".
func (e *TombstoneError) Code() string { return "tombstoned" }

// LockedError says who has the store open.
type LockedError struct {
	// Holder is the id of the process, which may be this one. It is 0 if the system
	// does not tell, as all but Linux do not, nor Linux of another container.
	Holder int
}

func (e *LockedError) Error() string {
	if e.Holder == 0 {
		return ErrLocked.Error()
	}
	return fmt.Sprintf("%v: by process %d", ErrLocked, e.Holder)
}

// Is matches [ErrLocked].
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// Code returns "locked".
func (e *LockedError) Code() string { return "locked" }

// NetworkFSError says that the directory lies on a file system whose locks and syncs
// are answered by another machine or another process. Use a local disk, or set
// [Options.AllowNetworkFS].
type NetworkFSError struct {
	Kind string // such as NFS, SMB or FUSE
}

func (e *NetworkFSError) Error() string {
	return fmt.Sprintf("%v: the directory is on %s, whose locks and syncs may promise less than those of a local disk: move it, or set Options.AllowNetworkFS",
		ErrNetworkFS, e.Kind)
}

// Is matches [ErrNetworkFS].
func (e *NetworkFSError) Is(target error) bool { return target == ErrNetworkFS }

// Code returns "network-fs".
func (e *NetworkFSError) Code() string { return "network-fs" }

// CorruptError says where bytes on disk are damaged, and which events that may
// touch. Put back a sound copy of the file.
type CorruptError struct {
	File          string
	Offset        int64  // bytes from the start of the file
	End           int64  // of the damage, as far as it is known; 0 = unknown
	FirstSequence uint64 // the first event that the damage may touch; 0 = unknown
	LastSequence  uint64 // the last one; 0 = unknown; less than the first if there is none
	Reason        string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("batpak: store is damaged: %s, offset %d%s: %s: put back a sound copy of the file",
		e.File, e.Offset, span(e.FirstSequence, e.LastSequence), e.Reason)
}

// span says which events a damage may touch.
func span(first, last uint64) string {
	switch {
	case first == 0:
		return ""
	case last == 0:
		return fmt.Sprintf(", perhaps all from event %d on", first)
	case last < first:
		return ", no event"
	case last == first:
		return fmt.Sprintf(", event %d", first)
	default:
		return fmt.Sprintf(", events %d to %d", first, last)
	}
}

// Is matches [ErrCorrupt].
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Code returns "corrupt".
func (e *CorruptError) Code() string { return "corrupt" }

// FormatError says that a file has a version this build does not know. The file
// was not touched.
type FormatError struct {
	File      string
	Found     uint16
	Supported uint16 // the highest known
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("batpak: %s has format version %d, this build knows versions up to %d: use a newer build", e.File, e.Found, e.Supported)
}

// Is matches [ErrNewerFormat].
func (e *FormatError) Is(target error) bool { return target == ErrNewerFormat }

// Code returns "newer-format".
func (e *FormatError) Code() string { return "newer-format" }

// DecodeError says which stored payload did not decode, and why.
type DecodeError struct {
	Kind           Kind
	PayloadVersion uint16
	Sequence       uint64
	Err            error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("batpak: decode event %d of kind %v version %d: %v", e.Sequence, e.Kind, e.PayloadVersion, e.Err)
}

// Unwrap returns the codec's error.
func (e *DecodeError) Unwrap() error { return e.Err }

// Code returns "decode".
func (e *DecodeError) Code() string { return "decode" }

// VersionError says that a payload was written by a later version of the
// schema.
type VersionError struct {
	Kind  Kind
	Found uint16
	Known uint16
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("batpak: payload version %d of kind %v, this schema knows versions 1 to %d", e.Found, e.Kind, e.Known)
}

// Code returns "payload-version".
func (e *VersionError) Code() string { return "payload-version" }

// UpcastError says that a payload could not be lifted to the next version of its
// event.
type UpcastError struct {
	From uint16 // the version that the payload was at
	Err  error  // what the upcast returned, or its panic
}

func (e *UpcastError) Error() string {
	return fmt.Sprintf("batpak: lift payload from version %d to %d: %v", e.From, e.From+1, e.Err)
}

// Unwrap returns the upcast's error.
func (e *UpcastError) Unwrap() error { return e.Err }

// Code returns "upcast".
func (e *UpcastError) Code() string { return "upcast" }

// UnhandledError says that a projection met an event kind that it neither folds
// nor ignores.
type UnhandledError struct {
	Projection string
	Kind       Kind
	Sequence   uint64
}

func (e *UnhandledError) Error() string {
	return fmt.Sprintf("batpak: projection %s neither folds nor ignores kind %v of event %d", e.Projection, e.Kind, e.Sequence)
}

// Code returns "unhandled-kind".
func (e *UnhandledError) Code() string { return "unhandled-kind" }

// SavedError says that bytes are no state that may be resumed. The state that they
// were made for is folded from the start without them; see [Resume].
type SavedError struct {
	Projection string
	Of         string // the entity, or the store for a projection of all streams
	Reason     string
}

func (e *SavedError) Error() string {
	return fmt.Sprintf("batpak: resume projection %s of %s: %s", e.Projection, e.Of, e.Reason)
}

// Code returns "saved-state".
func (e *SavedError) Code() string { return "saved-state" }
