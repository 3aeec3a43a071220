package commit_test

import (
	"fmt"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// BenchmarkSubmit is what an append costs the processor, its encoding and hashes
// among them: the disk is a simulated one that takes no time to sync.
func BenchmarkSubmit(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint("events=", n), func(b *testing.B) {
			r, err := start(simfs.New(), tuning{})
			if err != nil {
				b.Fatal(err)
			}
			events := make([]event, n)
			for i := range events {
				events[i] = event{entity: fmt.Sprintf("account:%03d", i), text: fmt.Sprintf("%0128d", i)}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Submit(b.Context(), request(events...)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
