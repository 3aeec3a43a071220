package frontier_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/frontier"
)

// BenchmarkAdvance raises a mark that nobody waits for, and one that a goroutine waits for
// each time.
func BenchmarkAdvance(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		f := frontier.New(0)
		for n := uint64(1); b.Loop(); n++ {
			f.Advance(frontier.Durable, n)
		}
	})
	b.Run("waited for", func(b *testing.B) {
		b.ReportAllocs()
		f := frontier.New(0)
		told := make(chan error)
		n := uint64(0)
		for b.Loop() {
			n++
			go func() { told <- f.Wait(b.Context(), frontier.Durable, n) }()
			f.Advance(frontier.Durable, n)
			if err := <-told; err != nil {
				b.Fatal(err)
			}
		}
	})
}
