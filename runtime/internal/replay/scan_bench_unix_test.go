//go:build unix

package replay_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/batpak-go/batpak/runtime/internal/chain"
	"github.com/batpak-go/batpak/runtime/internal/clock"
	"github.com/batpak-go/batpak/runtime/internal/format"
	"github.com/batpak-go/batpak/runtime/internal/replay"
	"github.com/batpak-go/batpak/runtime/internal/segment"
	"github.com/batpak-go/batpak/runtime/internal/sidx"
	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

// BenchmarkRead takes in a log without footers, of segments of 32 MiB with events of
// 1,000 streams that have payloads of 128 bytes, from the memory of the system. Beside
// the rate it reports that of one processor, from the time that all of them took.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{1, 100} {
		dir, err := vfs.OpenDir(b.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		files, events, bytes := writeLog(b, dir, 4, 32<<20, size)
		for _, workers := range []int{0, runtime.GOMAXPROCS(0)} {
			b.Run(fmt.Sprintf("group=%d/workers=%d", size, workers), func(b *testing.B) {
				b.SetBytes(bytes)
				b.ReportAllocs()
				before := processors(b)
				for b.Loop() {
					r := segment.NewReader(dir)
					l := replay.New(r, sidx.NewCache(1<<20))
					l.Workers = workers
					if _, err := l.Read(files, nil); err != nil || l.Next != events+1 {
						b.Fatalf("Read() = %v, next is %d, want %d", err, l.Next, events+1)
					}
					if err := r.Close(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(bytes)*float64(b.N)/1e6/(processors(b)-before).Seconds(), "MB/s-each")
			})
		}
	}
}

// writeLog writes a log of n segments of about so many bytes, in groups of so many
// events.
func writeLog(b *testing.B, dir vfs.FS, n, size, group int) (files []segment.Span, events uint64, bytes int64) {
	b.Helper()
	h := format.SegmentHeader{Store: [16]byte{7}, Segment: 1, FirstSequence: 1}
	c, seed := clock.New(nil, func(b []byte) { clear(b) }, 0), format.RecordSeed(h.Store)
	payload, versions := make([]byte, 128), map[uint64]uint64{}
	for range n {
		raw := format.AppendSegmentHeader(nil, h)
		for len(raw) < size {
			var body []byte
			for range group {
				events++
				stream := events * 2654435761 % 1000
				versions[stream]++
				e := format.EncodeTail(&format.Tail{
					Kind: 0x1001, PayloadVersion: 1, Entity: fmt.Appendf(nil, "account:%03d", stream), Scope: []byte("bench"), Payload: payload,
				})
				body = format.AppendRecord(body, seed, &format.Head{Sequence: events, Version: versions[stream], ID: c.Next()}, &e)
			}
			first := events + 1 - uint64(group)
			at := format.Place{Store: h.Store, Segment: h.Segment, Offset: int64(len(raw))}
			raw = format.AppendGroup(raw, format.GroupHeader{
				Type: format.GroupEvents, FirstSequence: first, Count: uint32(group), Durable: uint32(len(raw)), Incarnation: 1,
			}, at, body)
		}
		if err := vfs.WriteFile(dir, segment.Name(h.Segment), raw); err != nil {
			b.Fatal(err)
		}
		digest := chain.NewSegment()
		digest.Write(raw)
		files, bytes = append(files, segment.Plain(h.Segment)), bytes+int64(len(raw))
		h = format.SegmentHeader{
			Store: h.Store, Segment: h.Segment + 1, FirstSequence: events + 1, PrevLength: uint64(len(raw)), PrevDigest: digest.Sum(),
		}
	}
	return files, events, bytes
}

// processors is how long processors have worked for this process.
func processors(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
