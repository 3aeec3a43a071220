package checkpoint_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// TestPrefix: whatever was read ahead of a segment, and however the segment grew
// meanwhile over the zeros behind its end, its digest is that of its bytes, or there is
// none if it does not begin with what the checkpoint covers.
func TestPrefix(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		h := format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1}
		raw := format.AppendSegmentHeader(nil, h)
		made := clock.New(nil, func(b []byte) { clear(b) }, 0)
		next := uint64(1)
		group := func() {
			e := format.EncodeTail(&format.Tail{Kind: 1, PayloadVersion: 1, Entity: []byte("e"), Scope: []byte("s"), Payload: make([]byte, rng.IntN(300_000))})
			body := format.AppendRecord(nil, format.RecordSeed(h.Store), &format.Head{Sequence: next, Version: next, ID: made.Next()}, &e)
			at := format.Place{Store: h.Store, Segment: 1, Offset: int64(len(raw))}
			raw = format.AppendGroup(raw, format.GroupHeader{Type: format.GroupEvents, FirstSequence: next, Count: 1, Incarnation: 1}, at, body)
			next++
		}
		for range 1 + rng.IntN(12) {
			group()
		}
		d := simfs.New()
		d.SetBytes(segment.Name(1), raw)
		r := segment.NewReader(d.FS())
		if _, err := checkpoint.Write(d.FS(), r, checkpoint.Names()[0], 1, int64(len(raw)), nil); err != nil {
			t.Fatal(err)
		}
		sound, refused := checkpoint.Load(d.FS(), []string{checkpoint.Names()[0]})
		if len(sound) != 1 {
			t.Fatal(refused)
		}
		run, _, why, err := sound[0].Use(r, h, sidx.NewCache(1<<20))
		if why != "" || err != nil {
			t.Fatal(why, err)
		}
		forged := rng.IntN(3) == 0
		if forged { // with checksums that hold
			first := int(format.SegmentHeaderSize)
			g, err := format.ParseGroupHeader(raw[first:], format.Place{Store: h.Store, Segment: 1, Offset: format.SegmentHeaderSize})
			if err != nil {
				t.Fatal(err)
			}
			g.Incarnation++
			format.FinishGroup(raw[first:first+format.GroupHeaderSize+int(g.BodyLength)], g, format.Place{Store: h.Store, Segment: 1, Offset: format.SegmentHeaderSize})
			raw = raw[:first+format.GroupHeaderSize+int(g.BodyLength)] // the others would be of an earlier opening
			group()
		}
		p := checkpoint.NewPrefix(r, run)
		for range rng.IntN(6) {
			d.SetBytes(segment.Name(1), append(raw[:len(raw):len(raw)], make([]byte, rng.IntN(1<<20))...))
			for p.Ahead(int64(len(raw))) && rng.IntN(4) > 0 {
			}
			group()
		}
		d.SetBytes(segment.Name(1), append(raw[:len(raw):len(raw)], make([]byte, 1000)...))
		got, err := p.Digest(int64(len(raw)))
		if _, damaged := errors.AsType[*segment.DamageError](err); damaged != forged || err != nil && !forged {
			t.Fatalf("seed %d: Digest() = %v, forged is %t", seed, err, forged)
		}
		if want := chain.NewSegment(); !forged {
			want.Write(raw)
			if got.Sum() != want.Sum() {
				t.Fatalf("seed %d: Digest() is not that of the segment's bytes", seed)
			}
			if p.Ahead(int64(len(raw))) {
				t.Errorf("seed %d: there is more to read ahead when all was read", seed)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
