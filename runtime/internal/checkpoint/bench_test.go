package checkpoint_test

import (
	"fmt"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/checkpoint"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// BenchmarkCheckpoint writes a checkpoint of 10,000 events, from their beginning and with all
// of them indexed before, and opens it.
func BenchmarkCheckpoint(b *testing.B) {
	h := format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1}
	raw, seed := format.AppendSegmentHeader(nil, h), format.RecordSeed(h.Store)
	made := clock.New(nil, func(b []byte) { clear(b) }, 0)
	for next := uint64(1); next < 10_000; next += 100 {
		var body []byte
		for i := range uint64(100) {
			e := format.EncodeTail(&format.Tail{
				Kind: 0x1001, PayloadVersion: 1, Entity: fmt.Append(nil, "entity:", i), Scope: []byte("bench"), Key: fmt.Append(nil, next+i), Payload: make([]byte, 128),
			})
			body = format.AppendRecord(body, seed, &format.Head{Sequence: next + i, Version: next/100 + 1, ID: made.Next()}, &e)
		}
		at := format.Place{Store: h.Store, Segment: 1, Offset: int64(len(raw))}
		raw = format.AppendGroup(raw, format.GroupHeader{Type: format.GroupEvents, FirstSequence: next, Count: 100, Incarnation: 1}, at, body)
	}
	d, name := simfs.New(), checkpoint.Names()[0]
	d.SetBytes(segment.Name(1), raw)
	dir := d.FS()
	r, cache := segment.NewReader(dir), sidx.NewCache(1<<20)
	defer r.Close()
	begun, err := checkpoint.Write(dir, r, name, 1, int64(len(raw)), nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"write", func() error { _, err := checkpoint.Write(dir, r, name, 1, int64(len(raw)), nil); return err }},
		{"write what is indexed", func() error { _, err := checkpoint.Write(dir, r, name, 1, int64(len(raw)), begun); return err }},
		{"open", func() error {
			sound, refused := checkpoint.Load(dir, []string{name})
			if len(sound) != 1 {
				return fmt.Errorf("refused: %v", refused)
			}
			defer sound[0].Close()
			_, _, why, err := sound[0].Use(r, h, cache)
			if err == nil && why != "" {
				return fmt.Errorf("refused: %s", why)
			}
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
