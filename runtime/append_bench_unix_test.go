//go:build unix

package batpak_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	batpak "github.com/batpak-go/batpak/runtime"
)

// BenchmarkAppendProcessor is what appends with a key and an expectation cost the
// processor, whatever else the machine does; the disk's share is left out where files
// lie in memory:
//
//	TMPDIR=/dev/shm go test -run '^$' -bench AppendProcessor -benchmem ./runtime
//
// Metrics: cpu-ns/event, of the process, footers and collector included; events/s.
func BenchmarkAppendProcessor(b *testing.B) {
	for _, c := range []struct{ goroutines, batch int }{{1, 1}, {8, 1}, {64, 1}, {256, 1}, {1, 100}, {1, 1000}} {
		b.Run(fmt.Sprintf("goroutines=%d,batch=%d", c.goroutines, c.batch), func(b *testing.B) {
			s := benchStore(b, b.TempDir())
			writers := make([]benchWriter, c.goroutines)
			for g := range writers {
				writers[g] = benchWriter{store: s, number: g, streams: max(1, 1000/c.goroutines)}
			}
			const rounds = 10 // commits of each goroutine in a row
			began, used := time.Now(), processor(b)
			for b.Loop() {
				var wg sync.WaitGroup
				for g := range writers {
					wg.Go(func() {
						for range rounds {
							writers[g].commit(b, c.batch)
						}
					})
				}
				wg.Wait()
			}
			events := float64(b.N * rounds * c.goroutines * c.batch)
			b.ReportMetric(float64((processor(b)-used).Nanoseconds())/events, "cpu-ns/event")
			b.ReportMetric(events/time.Since(began).Seconds(), "events/s")
		})
	}
}

// benchWriter appends to streams of its own, in turn.
type benchWriter struct {
	store           *batpak.Store
	number, streams int
	events          int // so far
}

func (w *benchWriter) next() (d batpak.Draft, key, expect batpak.AppendOption) {
	d = batpak.Draft{
		Coordinate: batpak.Coordinate{Entity: fmt.Sprintf("order:%03x-%06d", w.number, w.events%w.streams), Scope: "region-01"},
		Kind:       0x1001, PayloadVersion: 1, Payload: make([]byte, 128),
	}
	key, expect = batpak.Key(fmt.Sprintf("%08d/%03d", w.events, w.number)), batpak.Expect(uint64(w.events/w.streams))
	w.events++
	return d, key, expect
}

func (w *benchWriter) commit(b *testing.B, batch int) {
	if batch == 1 {
		d, key, expect := w.next()
		if _, err := w.store.Append(context.Background(), d, key, expect); err != nil {
			b.Error(err)
		}
		return
	}
	t := w.store.NewBatch()
	for range batch {
		d, key, expect := w.next()
		t.Add(d, key, expect)
	}
	if _, err := t.Commit(context.Background()); err != nil {
		b.Error(err)
	}
}

// processor is the time that the process has had of the processors.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
