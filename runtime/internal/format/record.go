package format

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Flags say which optional fields a record has. Part of the disk format; do not
// change.
type Flags uint16

// The flags. All other bits are set aside for fields of later versions, those
// before the tombstone for lane, depth and encryption: a record that has one is
// from a newer build.
const (
	FlagCorrelation Flags = 1 << 0
	FlagCausation   Flags = 1 << 1
	FlagKey         Flags = 1 << 2
	FlagExtensions  Flags = 1 << 3

	// FlagTombstone says that a compaction took the payload away. The event's hash
	// does not cover it: it covers the event as it was.
	FlagTombstone Flags = 1 << 7

	knownFlags = FlagCorrelation | FlagCausation | FlagKey | FlagExtensions | FlagTombstone
)

// digestSize is the length of the payload's digest, which a tombstone has in place
// of the payload.
const digestSize = 32

const (
	recordHeadSize = 60
	minRecord      = recordHeadSize + 5 // sequence, version, payload version, two empty names

	// NoCausation is the offset of a tail that has no causation.
	NoCausation = -1
)

// Head is the part of a record that the writer decides.
type Head struct {
	Sequence uint64
	Version  uint64 // of the stream
	ID       [16]byte
	Hash     [32]byte
}

// Tail is the part of a record that the appender decides.
type Tail struct {
	Kind           uint16
	PayloadVersion uint16
	Correlation    [16]byte // zero: the record's own id
	Causation      [16]byte // zero: none
	Entity         []byte
	Scope          []byte
	Key            []byte // empty: none
	Extensions     []byte // empty: none
	Payload        []byte // of a tombstone its digest or, if the event was dropped, nothing
	Tombstone      bool
}

// Dropped reports whether nothing is left of the event but its place in the log and
// in its stream, its id, kind and hash.
func (t *Tail) Dropped() bool { return t.Tombstone && len(t.Payload) == 0 }

// Flags says which optional fields t has, as its event's hash covers them: without
// that of a tombstone.
func (t *Tail) Flags() (f Flags) {
	if t.Correlation != [16]byte{} {
		f |= FlagCorrelation
	}
	if t.Causation != [16]byte{} {
		f |= FlagCausation
	}
	if len(t.Key) > 0 {
		f |= FlagKey
	}
	if len(t.Extensions) > 0 {
		f |= FlagExtensions
	}
	return f
}

// Record is one event on disk. Parsed records are views of the parsed bytes.
type Record struct {
	Head
	Tail
	// Linked is the encoded tail without the payload, the part that the event's
	// hash covers as it stands.
	Linked []byte
	// Length is the size on disk in bytes.
	Length int
}

// Clone is r, which no longer shares memory with the bytes that it was parsed from.
func (r *Record) Clone() Record {
	c := *r
	for _, b := range []*[]byte{&c.Entity, &c.Scope, &c.Key, &c.Extensions, &c.Payload, &c.Linked} {
		*b = bytes.Clone(*b)
	}
	return c
}

// Encoded is a [Tail] as it goes to disk, made before the writer is asked.
type Encoded struct {
	Kind      uint16
	Flags     Flags
	Bytes     []byte
	Payload   int // where in Bytes the payload begins
	Causation int // where in Bytes the causation stands, or [NoCausation]

	Correlation        [16]byte
	Entity, Scope, Key []byte // views of Bytes
}

// Linked is the part of the encoded tail that the event's hash covers as it
// stands.
func (e *Encoded) Linked() []byte { return e.Bytes[:e.Payload] }

// EncodeTail is [AppendTail] into a buffer of its own.
func EncodeTail(t *Tail) Encoded {
	_, e := AppendTail(make([]byte, 0, t.Room()), t)
	return e
}

// Room is how many bytes the encoded tail has at most.
func (t *Tail) Room() int {
	return 2*16 + 5*binary.MaxVarintLen32 + len(t.Entity) + len(t.Scope) + len(t.Key) + len(t.Extensions) + len(t.Payload)
}

// AppendTail appends t, encoded, to dst. What it returns beside that is a view of
// it. Where causation will be known only to the
// writer, any id that is not zero holds its place.
func AppendTail(dst []byte, t *Tail) ([]byte, Encoded) {
	e := Encoded{Kind: t.Kind, Flags: t.Flags(), Causation: NoCausation, Correlation: t.Correlation}
	if t.Tombstone {
		e.Flags |= FlagTombstone
	}
	start := len(dst)
	b := binary.AppendUvarint(dst, uint64(t.PayloadVersion))
	if e.Flags&FlagCorrelation != 0 {
		b = append(b, t.Correlation[:]...)
	}
	if e.Flags&FlagCausation != 0 {
		e.Causation = len(b) - start
		b = append(b, t.Causation[:]...)
	}
	b = appendBytes(b, t.Entity)
	e.Entity = b[len(b)-len(t.Entity) : len(b) : len(b)]
	b = appendBytes(b, t.Scope)
	e.Scope = b[len(b)-len(t.Scope) : len(b) : len(b)]
	if e.Flags&FlagKey != 0 {
		b = appendBytes(b, t.Key)
		e.Key = b[len(b)-len(t.Key) : len(b) : len(b)]
	}
	if e.Flags&FlagExtensions != 0 {
		b = appendBytes(b, t.Extensions)
	}
	e.Payload = len(b) - start
	b = append(b, t.Payload...)
	e.Bytes = b[start:len(b):len(b)]
	return b, e
}

// AppendRecord appends a record to dst. The seed is the store's, from
// [RecordSeed].
//
//	 0   4   8   10  12   28     60
//	+---+---+---+---+----+------+----------+---------+------+---------+
//	|crc|len|fla|kin| id | hash | sequence | version | tail | payload |
//	|   |   | gs| d |    |      |  uvarint | uvarint |      |         |
//	+---+---+---+---+----+------+----------+---------+------+---------+
//
// and the tail, where a name is its length as a uvarint and its bytes, and what
// stands in brackets is there if its flag is set:
//
//	payload version uvarint, [correlation 16], [causation 16], entity, scope,
//	[key], [extensions]
//
// The payload is what is left of the length. Uvarints have their shortest form. A
// tombstone has the digest of its payload in the payload's place, or no payload, and
// then no scope and no field in brackets either.
func AppendRecord(dst []byte, seed uint32, h *Head, e *Encoded) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(e.Flags))
	dst = binary.LittleEndian.AppendUint16(dst, e.Kind)
	dst = append(dst, h.ID[:]...)
	dst = append(dst, h.Hash[:]...)
	dst = binary.AppendUvarint(dst, h.Sequence)
	dst = binary.AppendUvarint(dst, h.Version)
	dst = append(dst, e.Bytes...)
	rec := dst[start:]
	binary.LittleEndian.PutUint32(rec[4:], uint32(len(rec)))
	binary.LittleEndian.PutUint32(rec, checksum(seed, rec[4:]))
	return dst
}

// RecordSeed seeds the checksum of a store's records, so that a record of
// another store is not taken for one of this.
func RecordSeed(store [16]byte) uint32 { return checksum(0, store[:]) }

// ParseRecord reads the record that src begins with and returns what follows
// it. The record's slices are views of src. A sound record with a feature of
// later versions is a [*NewerError].
func ParseRecord(src []byte, seed uint32) (r Record, rest []byte, err error) {
	if rest, err = r.Parse(src, seed); err != nil {
		return Record{}, nil, err
	}
	return r, rest, nil
}

// Parse is [ParseRecord] into r, which holds nothing of use after an error.
func (r *Record) Parse(src []byte, seed uint32) (rest []byte, err error) {
	if len(src) < minRecord {
		return nil, damaged(len(src), "the record is cut off")
	}
	size := binary.LittleEndian.Uint32(src[4:])
	if size < minRecord || uint64(size) > uint64(len(src)) {
		return nil, damaged(4, "record with an impossible length")
	}
	rest, src = src[size:], src[:size:size]
	if binary.LittleEndian.Uint32(src) != checksum(seed, src[4:]) && !planted.Bug("checksum of a record is not checked") {
		return nil, damaged(0, "record with a wrong checksum")
	}
	flags := Flags(binary.LittleEndian.Uint16(src[8:]))
	if flags&^knownFlags != 0 {
		return nil, &NewerError{Found: Version + 1}
	}
	*r = Record{Length: int(size)}
	r.Kind = binary.LittleEndian.Uint16(src[10:])
	r.ID = [16]byte(src[12:28])
	r.Hash = [32]byte(src[28:60])
	f := fields{src: src, at: recordHeadSize}
	r.Sequence = f.uvarint()
	r.Version = f.uvarint()
	f.tail(r, flags)
	if f.err != nil {
		return nil, f.err
	}
	if r.Sequence == 0 || r.Version == 0 || r.PayloadVersion == 0 || r.ID == [16]byte{} {
		return nil, damaged(recordHeadSize, "record with a zero id, sequence or version")
	}
	return rest, nil
}

// fields reads the variable part of a record and keeps the first fault.
type fields struct {
	src []byte
	at  int
	err error
}

func (f *fields) tail(r *Record, flags Flags) {
	start := f.at
	if v := f.uvarint(); v <= math.MaxUint16 {
		r.PayloadVersion = uint16(v)
	} else {
		f.fail("record with an impossible payload version")
	}
	if flags&FlagCorrelation != 0 {
		r.Correlation = f.id()
	}
	if flags&FlagCausation != 0 {
		r.Causation = f.id()
	}
	r.Entity = f.bytes()
	r.Scope = f.bytes()
	if flags&FlagKey != 0 {
		r.Key = f.bytes()
	}
	if flags&FlagExtensions != 0 {
		r.Extensions = f.bytes()
	}
	r.Tombstone = flags&FlagTombstone != 0
	if r.Flags() != flags&^FlagTombstone {
		f.fail("record with an empty optional field")
	}
	r.Linked = f.src[start:f.at:f.at]
	r.Payload = f.src[f.at:]
	switch {
	case r.Dropped():
		if r.Flags() != 0 || len(r.Scope) > 0 {
			f.fail("record of a dropped event with more than that needs")
		}
	case r.Tombstone && len(r.Payload) != digestSize:
		f.fail("tombstone with something else than the digest of a payload")
	}
}

func (f *fields) uvarint() uint64 {
	switch src := f.src[f.at:]; { // most numbers have one byte, or two
	case len(src) > 0 && src[0] < 0x80:
		f.at++
		return uint64(src[0])
	case len(src) > 1 && src[1] < 0x80 && src[1] > 0:
		f.at += 2
		return uint64(src[0]&0x7f) | uint64(src[1])<<7
	}
	v, n := binary.Uvarint(f.src[f.at:])
	if n <= 0 || n != uvarintSize(v) {
		f.fail("record with a malformed number")
		return 0
	}
	f.at += n
	return v
}

func (f *fields) bytes() []byte {
	n := f.uvarint()
	if n > uint64(len(f.src)-f.at) && !planted.Bug("length of a field is trusted") {
		f.fail("record with a field longer than itself")
		return nil
	}
	f.at += int(n)
	return f.src[f.at-int(n) : f.at : f.at]
}

func (f *fields) id() (id [16]byte) {
	if len(f.src)-f.at < len(id) {
		f.fail("record with a field longer than itself")
		return id
	}
	f.at += copy(id[:], f.src[f.at:])
	return id
}

func (f *fields) fail(reason string) {
	if f.err == nil {
		f.err = damaged(f.at, reason)
	}
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func uvarintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
