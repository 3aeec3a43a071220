package saved_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/saved"
)

// BenchmarkState writes and reads a state of 4 KiB, whose digest is most of the work.
func BenchmarkState(b *testing.B) {
	s := sample()
	s.Bytes = make([]byte, 4<<10)
	raw := saved.Append(nil, s)
	b.Run("append", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		dst := make([]byte, 0, len(raw))
		for b.Loop() {
			saved.Append(dst, s)
		}
	})
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := saved.Parse(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
