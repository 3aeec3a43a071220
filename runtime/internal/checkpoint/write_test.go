package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/footer"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestIndexGoesOn: however often an index is written while its segment grows over the
// zeros behind its end, each checkpoint and the footer are byte for byte those of a segment
// that is read from its beginning; and a segment that is not what the next one says gets no
// footer, whatever was read of it before.
func TestIndexGoesOn(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		h := format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1}
		raw := format.AppendSegmentHeader(nil, h)
		made := clock.New(nil, func(b []byte) { clear(b) }, 0)
		next, opening, versions := uint64(1), uint32(1), map[string]uint64{}
		group := func() {
			var body []byte
			count := 1 + rng.IntN(40)
			for range count {
				name := fmt.Sprint("e", rng.IntN(1+rng.IntN(60)))
				versions[name]++
				tail := format.Tail{
					Kind: uint16(1 + rng.IntN(1<<16-1)), PayloadVersion: 1, Entity: []byte(name), Scope: fmt.Appendf(nil, "s%d", rng.IntN(3)),
					Payload: make([]byte, rng.IntN(50)),
				}
				if rng.IntN(2) == 0 {
					tail.Key = fmt.Appendf(nil, "key %d", next)
				}
				if rng.IntN(2) == 0 {
					tail.Causation, tail.Correlation = [16]byte{byte(rng.Int())}, [16]byte{1: byte(rng.Int())}
				}
				e := format.EncodeTail(&tail)
				body = format.AppendRecord(body, format.RecordSeed(h.Store), &format.Head{Sequence: next, Version: versions[name], ID: made.Next()}, &e)
				next++
			}
			opening += uint32(rng.IntN(2))
			at := format.Place{Store: h.Store, Segment: 1, Offset: int64(len(raw))}
			raw = format.AppendGroup(raw, format.GroupHeader{Type: format.GroupEvents, FirstSequence: next - uint64(count), Count: uint32(count), Incarnation: opening}, at, body)
		}
		d := simfs.New()
		r := segment.NewReader(d.FS())
		var begun *footer.Indexing
		for range 1 + rng.IntN(12) {
			for range 1 + rng.IntN(3) {
				group()
			}
			d.SetBytes(segment.Name(1), append(raw[:len(raw):len(raw)], make([]byte, rng.IntN(5000))...))
			if rng.IntN(3) > 0 {
				continue
			}
			var err error
			if begun, err = checkpoint.Write(d.FS(), r, "checkpoint-a", 1, int64(len(raw)), begun); err != nil {
				t.Fatal(err)
			}
			if _, err := checkpoint.Write(d.FS(), r, "checkpoint-b", 1, int64(len(raw)), nil); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content(t, d.FS(), "checkpoint-a"), content(t, d.FS(), "checkpoint-b")) {
				t.Fatalf("seed %d: a checkpoint that goes on at %d differs from one from the beginning", seed, len(raw))
			}
		}
		digest := chain.NewSegment()
		digest.Write(raw)
		lie := rng.IntN(4) == 0
		follow := format.SegmentHeader{Store: h.Store, Segment: 2, FirstSequence: next, PrevLength: uint64(len(raw)), PrevDigest: digest.Sum()}
		if lie {
			follow.PrevDigest[rng.IntN(32)] ^= 1
		}
		var footers [2][]byte
		for i, begun := range []*footer.Indexing{nil, begun} {
			d.SetBytes(segment.Name(1), raw)
			d.SetBytes(segment.Name(2), format.AppendSegmentHeader(nil, follow))
			_, err := footer.Write(d.FS(), r, 1, sidx.NewCache(1<<20), begun)
			if _, damaged := errors.AsType[*segment.DamageError](err); damaged != lie || err != nil && !lie {
				t.Fatalf("seed %d: footer.Write() = %v, the next segment lies is %t", seed, err, lie)
			}
			footers[i] = content(t, d.FS(), segment.Name(1))
		}
		if !bytes.Equal(footers[0], footers[1]) {
			t.Fatalf("seed %d: the footer of what was read while the segment grew differs from one of the segment", seed)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func content(t *testing.T, dir vfs.FS, name string) []byte {
	t.Helper()
	f, err := dir.Open(name, vfs.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	b := make([]byte, size)
	if err == nil {
		_, err = f.ReadAt(b, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}
