package snapshot_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/snapshot"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// BenchmarkMake copies a log of ten segments, all of which is checked on the way, to a disk in
// memory.
func BenchmarkMake(b *testing.B) {
	_, p := source(b, 10)
	for b.Loop() {
		made, err := snapshot.Make(b.Context(), simfs.New().FS(), p)
		if err != nil || made.Segments != 10 {
			b.Fatalf("Make() = %+v, %v, want ten segments", made, err)
		}
		b.SetBytes(made.Copied)
	}
}
