package chain_test

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/format"
)

// event is what a link is computed from.
type event struct {
	prev [32]byte
	head format.Head
	tail format.Tail
}

// example sets every field to a value of its own.
func example() event {
	return event{
		prev: [32]byte{0: 0x11, 31: 0x12},
		head: format.Head{Sequence: 1001, Version: 3, ID: [16]byte{0: 0x21, 15: 0x22}},
		tail: format.Tail{
			Kind: 0x1002, PayloadVersion: 4,
			Correlation: [16]byte{0: 0x31, 15: 0x32}, Causation: [16]byte{0: 0x41, 15: 0x42},
			Entity: []byte("account:42"), Scope: []byte("ledger"),
			Key: []byte("import-7"), Extensions: []byte("ext"), Payload: []byte("payload"),
		},
	}
}

func (e *event) link(l *chain.Linker) [32]byte {
	enc := format.EncodeTail(&e.tail)
	return l.Link(e.prev, &e.head, enc.Kind, enc.Flags, enc.Linked(), chain.Digest(e.tail.Payload))
}

// changes has one case for each field that a link covers, and the ways in which
// neighbouring fields could be taken for one another.
var changes = []struct {
	name   string
	change func(*event)
}{
	{"previous hash, first byte", func(e *event) { e.prev[0]++ }},
	{"previous hash, last byte", func(e *event) { e.prev[31]++ }},
	{"no previous hash", func(e *event) { e.prev = [32]byte{} }},
	{"version", func(e *event) { e.head.Version++ }},
	{"version, high byte", func(e *event) { e.head.Version |= 1 << 63 }},
	{"id, first byte", func(e *event) { e.head.ID[0]++ }},
	{"id, last byte", func(e *event) { e.head.ID[15]++ }},
	{"kind", func(e *event) { e.tail.Kind++ }},
	{"kind, category", func(e *event) { e.tail.Kind ^= 0x8000 }},
	{"payload version", func(e *event) { e.tail.PayloadVersion++ }},
	{"correlation", func(e *event) { e.tail.Correlation[15]++ }},
	{"no correlation", func(e *event) { e.tail.Correlation = [16]byte{} }},
	{"causation", func(e *event) { e.tail.Causation[15]++ }},
	{"no causation", func(e *event) { e.tail.Causation = [16]byte{} }},
	{"correlation and causation swapped", func(e *event) {
		e.tail.Correlation, e.tail.Causation = e.tail.Causation, e.tail.Correlation
	}},
	{"entity", func(e *event) { e.tail.Entity = []byte("account:43") }},
	{"scope", func(e *event) { e.tail.Scope = []byte("Ledger") }},
	{"entity and scope swapped", func(e *event) { e.tail.Entity, e.tail.Scope = e.tail.Scope, e.tail.Entity }},
	{"a byte moved from entity to scope", func(e *event) {
		e.tail.Entity, e.tail.Scope = []byte("account:4"), []byte("2ledger")
	}},
	{"key", func(e *event) { e.tail.Key = []byte("import-8") }},
	{"no key", func(e *event) { e.tail.Key = nil }},
	{"extensions", func(e *event) { e.tail.Extensions = []byte("exu") }},
	{"no extensions", func(e *event) { e.tail.Extensions = nil }},
	{"key taken for extensions", func(e *event) { e.tail.Key, e.tail.Extensions = nil, e.tail.Key }},
	{"payload", func(e *event) { e.tail.Payload = []byte("payloae") }},
	{"no payload", func(e *event) { e.tail.Payload = nil }},
	{"a byte moved from extensions to payload", func(e *event) {
		e.tail.Extensions, e.tail.Payload = []byte("ex"), []byte("tpayload")
	}},
}

func TestLinkCoversEachField(t *testing.T) {
	var l chain.Linker
	base := example()
	seen := map[[32]byte]string{base.link(&l): "the example"}
	for _, c := range changes {
		e := example()
		c.change(&e)
		got := e.link(&l)
		if other, ok := seen[got]; ok {
			t.Errorf("Link(%s) = Link(%s), want another hash", c.name, other)
		}
		seen[got] = c.name
	}
}

// TestVerifyTombstone: an event verifies without its payload, and only with the
// digest of that payload; one that was dropped vouches for nothing.
func TestVerifyTombstone(t *testing.T) {
	var l chain.Linker
	e := example()
	e.head.Hash = e.link(&l)
	digest := chain.Digest(e.tail.Payload)
	e.tail.Tombstone, e.tail.Payload = true, digest[:]
	r := parsed(t, &e)
	if d, ok := chain.PayloadDigest(&r); !l.Verify(e.prev, &r) || !ok || d != digest {
		t.Errorf("Verify(tombstone) = false, or PayloadDigest = %x, %v, want %x", d, ok, digest)
	}
	if l.Verify([32]byte{}, &r) {
		t.Error("Verify(tombstone behind another event) = true, want false")
	}
	r.Payload[0]++
	if l.Verify(e.prev, &r) {
		t.Error("Verify(tombstone with another digest) = true, want false")
	}
	e.tail = format.Tail{Kind: e.tail.Kind, PayloadVersion: 1, Entity: e.tail.Entity, Tombstone: true}
	r = parsed(t, &e)
	if d, ok := chain.PayloadDigest(&r); !l.Verify([32]byte{1}, &r) || ok {
		t.Errorf("PayloadDigest(dropped) = %x, %v, want none", d, ok)
	}
}

// TestLinkCoversFlags changes nothing but the flags, as bytes of a tail may be
// read in two ways under two sets of flags.
func TestLinkCoversFlags(t *testing.T) {
	var l chain.Linker
	e := example()
	enc := format.EncodeTail(&e.tail)
	payload := chain.Digest(e.tail.Payload)
	want := l.Link(e.prev, &e.head, enc.Kind, enc.Flags, enc.Linked(), payload)
	for bit := range 16 {
		if got := l.Link(e.prev, &e.head, enc.Kind, enc.Flags^1<<bit, enc.Linked(), payload); got == want {
			t.Errorf("Link(flag %d inverted) = %x, want another hash", bit, got)
		}
	}
}

// TestLinkLeavesOut checks that an event keeps its hash on another engine, where
// its sequence is another.
func TestLinkLeavesOut(t *testing.T) {
	var l chain.Linker
	base, e := example(), example()
	e.head.Sequence++
	e.head.Hash = [32]byte{1}
	if got, want := e.link(&l), base.link(&l); got != want {
		t.Errorf("Link(another sequence and own hash) = %x, want %x", got, want)
	}
}

// TestLinkIsCumulative checks that a change to one event changes the hash of
// every later event of its stream.
func TestLinkIsCumulative(t *testing.T) {
	var l chain.Linker
	stream := func(changed int) (hashes [][32]byte) {
		var prev [32]byte
		for i := range 10 {
			e := example()
			e.prev, e.head.Version = prev, uint64(i+1)
			if i == changed {
				e.tail.Payload = []byte("other")
			}
			prev = e.link(&l)
			hashes = append(hashes, prev)
		}
		return hashes
	}
	base := stream(-1)
	for changed := range base {
		for i, hash := range stream(changed) {
			if got, want := hash != base[i], i >= changed; got != want {
				t.Errorf("event %d changed: hash of event %d differs = %t, want %t", changed, i, got, want)
			}
		}
	}
}

// TestLinkGolden pins one hash, and builds its input a second time from the
// words of FORMAT.md. A change of either is a change of the disk format.
func TestLinkGolden(t *testing.T) {
	const want = "581865eb66f5b40c8f05568893a74b699f1d1f0b1afc30099c717b6894c5536e"
	e := example()
	var l chain.Linker
	got := e.link(&l)
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("Link(example) = %x, want %s", got, want)
	}
	name := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	digest := chain.Digest([]byte("payload"))
	input := slices.Concat(
		[]byte("batpak event 1\x00"), e.prev[:], digest[:],
		[]byte{0x02, 0x10}, // kind
		[]byte{0x0F, 0x00}, // flags
		binary.LittleEndian.AppendUint64(nil, 3),
		e.head.ID[:],
		[]byte{4}, // payload version
		e.tail.Correlation[:], e.tail.Causation[:],
		name("account:42"), name("ledger"), name("import-7"), name("ext"),
	)
	if sum := chain.Digest(input); got != sum {
		t.Errorf("Link(example) = %x, want the digest of its parts, %x", got, sum)
	}
}

// TestDigest checks against the digest of no bytes that the BLAKE3 paper's
// reference implementation gives.
func TestDigest(t *testing.T) {
	const want = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
	if got := chain.Digest(nil); hex.EncodeToString(got[:]) != want {
		t.Errorf("Digest(no bytes) = %x, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	var l chain.Linker
	for _, c := range changes {
		e := example()
		e.head.Hash = e.link(&l)
		if r := parsed(t, &e); !l.Verify(e.prev, &r) {
			t.Fatal("Verify(example) = false, want true")
		}
		c.change(&e)
		if r := parsed(t, &e); l.Verify(e.prev, &r) {
			t.Errorf("Verify(%s changed) = true, want false", c.name)
		}
	}
}

// parsed writes the event to bytes and reads it back.
func parsed(t *testing.T, e *event) format.Record {
	t.Helper()
	enc := format.EncodeTail(&e.tail)
	r, _, err := format.ParseRecord(format.AppendRecord(nil, 1, &e.head, &enc), 1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSegment writes bytes in random pieces, few or many of them, with sums taken in
// between, and wants the digest of all of them at once, and after a reset the same of
// others.
func TestSegment(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, 40_000)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	s := chain.NewSegment()
	for round := range 60 {
		if round%15 == 0 {
			s = chain.NewSegment() // else it is one that has had few bytes, or many
		}
		data := data[r.IntN(100):][:[]int{1000, 5000, 30_000}[r.IntN(3)]]
		most := []int{300, 5000}[r.IntN(2)]
		for at := 0; at < len(data); {
			if got, want := s.Sum(), chain.Digest(data[:at]); got != want {
				t.Fatalf("seed %d, round %d: Sum after %d bytes = %x, want %x", seed, round, at, got, want)
			}
			n := min(1+r.IntN(most), len(data)-at)
			if got, err := s.Write(data[at : at+n]); got != n || err != nil {
				t.Fatalf("Write(%d bytes) = %d, %v", n, got, err)
			}
			at += n
		}
		if got, want := s.Sum(), chain.Digest(data); got != want {
			t.Errorf("seed %d, round %d: Sum = %x, want %x", seed, round, got, want)
		}
		s.Reset()
	}
}

func BenchmarkLink(b *testing.B) {
	e := example()
	e.tail.Payload = make([]byte, 128)
	enc := format.EncodeTail(&e.tail)
	digest := chain.Digest(e.tail.Payload)
	var l chain.Linker
	b.ReportAllocs()
	for b.Loop() {
		l.Link(e.prev, &e.head, enc.Kind, enc.Flags, enc.Linked(), digest)
	}
}

func BenchmarkDigest(b *testing.B) {
	payload := make([]byte, 128)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		chain.Digest(payload)
	}
}
