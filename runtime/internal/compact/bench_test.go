package compact_test

import (
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// BenchmarkMerge merges four segments of 2,000 events each, on a disk in memory and under the check of the
// protocol: to read them, to write the merged one with its index, and to read that back.
func BenchmarkMerge(b *testing.B) {
	m := newBuilder(1)
	var size int64
	for range 5 {
		m.body = format.AppendSegmentHeader(nil, m.header)
		for range 20 {
			m.group(100)
		}
		size += int64(len(m.body))
		m.end(b)
	}
	b.SetBytes(size / 5 * 4)
	for b.Loop() {
		b.StopTimer()
		disk := simfs.New()
		for name, content := range contents(m.disk) {
			disk.SetBytes(name, []byte(content))
		}
		b.StartTimer()
		if done, err := merge(disk.FS(), spans(disk), 0, 4, keepAll); err != nil || !done {
			b.Fatal(done, err)
		}
	}
}
