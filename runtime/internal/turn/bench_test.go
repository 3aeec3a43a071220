package turn_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/turn"
)

// BenchmarkTake takes the turn of a key and gives it back: one that nobody else wants, and
// one that is fought for.
func BenchmarkTake(b *testing.B) {
	var turns turn.Turns
	take := func() {
		giveBack, err := turns.Take(b.Context(), "stream")
		if err != nil {
			b.Fatal(err)
		}
		giveBack()
	}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			take()
		}
	})
	b.Run("wanted", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				take()
			}
		})
	})
}
