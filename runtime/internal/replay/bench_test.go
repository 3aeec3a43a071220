package replay_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// BenchmarkFollow takes in a log of groups of one event.
func BenchmarkFollow(b *testing.B) {
	const events = 2000
	d, s := simfs.New(), newScript()
	for range events {
		s.group(s.end())
	}
	s.put(d)
	b.SetBytes(s.end())
	b.ReportAllocs()
	for b.Loop() {
		r := segment.NewReader(d.FS())
		f := replay.Follow(r, sidx.NewCache(1<<20))
		// The last group is proven by none behind it.
		if err := f.Read(b.Context()); err != nil || f.Next < events {
			b.Fatalf("Read() = %v, next is %d, want %d", err, f.Next, events)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
