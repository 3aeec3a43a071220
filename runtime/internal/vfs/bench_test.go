package vfs_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// BenchmarkWriteFile publishes a small file, as a header of a segment or a note is: two
// syncs, of the file and of the directory.
func BenchmarkWriteFile(b *testing.B) {
	dir, err := vfs.OpenDir(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	content := make([]byte, 128)
	for b.Loop() {
		if err := vfs.WriteFile(dir, "0000000000000001.seg", content); err != nil {
			b.Fatal(err)
		}
	}
}
