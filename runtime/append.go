package batpak

// AppendOption is one wish for one event, given to [Store.Append],
// [Batch.Add] and the generated append methods.
type AppendOption interface{ applyAppend(*draft) }

type appendFunc func(*draft)

func (f appendFunc) applyAppend(d *draft) { f(d) }

// draft is a Draft with its options.
type draft struct {
	Draft
	expect      expectation
	key         string
	keyed       bool
	correlation ID
	causation   ID
	causeItem   int // 1 + index of the causing item of the batch; 0 = none, negative = no such item
	decision    *Decision
	keepDenial  bool
	system      bool // a record of the store, allowed a reserved kind
}

// expectation is what an append wants of the stream's version.
type expectation struct {
	set     bool
	version uint64 // 0 = no stream
}

// Expect makes the append fail with a [*ConflictError] unless the entity's
// stream is at exactly this version, the count of its events. Within a batch
// the events before this one count.
func Expect(version uint64) AppendOption {
	return appendFunc(func(d *draft) { d.expect = expectation{set: true, version: version} })
}

// ExpectNew makes the append fail with a [*ConflictError] if the entity has any
// event.
func ExpectNew() AppendOption { return Expect(0) }

// Key sets the idempotency key, 1 to [MaxName] bytes. An append whose key is in
// the store already writes nothing and returns the receipt of the event that
// has it, whatever its expectation says; if that event has another coordinate,
// kind, payload version or payload, the append fails with a
// [*KeyReusedError]. No two events of a batch may have the same key.
func Key(key string) AppendOption {
	return appendFunc(func(d *draft) { d.key, d.keyed = key, true })
}

// CausedBy says which event this one follows from. The store need not have that
// event. The zero id means none.
func CausedBy(id ID) AppendOption {
	return appendFunc(func(d *draft) { d.causation = id })
}

// CausedByItem is [CausedBy] for an earlier item of the same batch, by the
// index that [Batch.Add] returned.
func CausedByItem(item int) AppendOption {
	return appendFunc(func(d *draft) {
		if d.causeItem = item + 1; item < 0 {
			d.causeItem = item
		}
	})
}

// Correlate sets the correlation, which the events of one story share. Without
// it, or with the zero id, an event's correlation is its own id.
func Correlate(id ID) AppendOption {
	return appendFunc(func(d *draft) { d.correlation = id })
}

// RecordDenial makes a command that is denied leave a record: an event of
// [KindDenial], which [DecodeDenial] reads, in the stream that
// [DenialCoordinate] names. It does nothing without gates, or with a [Permit].
func RecordDenial() AppendOption {
	return appendFunc(func(d *draft) { d.keepDenial = true })
}
